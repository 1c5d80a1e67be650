"""Who is asking: Basic, bearer tokens of a login, and tokens signed with the server's own secret.

Tokens are JSON Web Tokens with HS256 and nothing else: an `alg` of any other kind is refused before the
signature is looked at. A token without `preferred_username` but with a `server_id` speaks for the server
itself (superuser).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, cast

from mcp_arangodb_async.engine.users import ROOT, Users

_SESSION_SECONDS = 3600
_ISSUER = "arangodb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The caller: a user, or the server itself, which may do everything."""

    user: str
    is_superuser: bool = False


EVERYBODY = Identity(user=ROOT, is_superuser=True)


class Authenticator:
    """Turns an `authorization` header into an identity; `None` for one that proves nothing."""

    def __init__(self, users: Users, *, secret: str | None = None) -> None:
        self._users = users
        self._secret = (secret or secrets.token_hex(32)).encode()

    def identify(self, header: str) -> Identity | None:
        scheme, _, credentials = header.strip().partition(" ")
        if scheme.lower() == "basic":
            return self._basic(credentials.strip())
        if scheme.lower() == "bearer":
            return self._bearer(credentials.strip())
        return None

    def login(self, user: str, password: str) -> str | None:
        """A session token for the right password; an access token alone also tells the user."""
        name = self._check(user, password)
        return None if name is None else self.session_token(name)

    def session_token(self, user: str) -> str:
        now = int(time.time())
        return self._sign(
            {
                "iss": _ISSUER,
                "preferred_username": user,
                "iat": now,
                "exp": now + _SESSION_SECONDS,
                "jti": secrets.token_hex(8),
            }
        )

    def superuser_token(self) -> str:
        """A token that speaks for the server, for programs that know its secret."""
        return self._sign({"iss": _ISSUER, "server_id": "embedded"})

    def secret_digest(self) -> str:
        """What may be told of the secret: its SHA-256."""
        import hashlib

        return hashlib.sha256(self._secret).hexdigest()

    def _check(self, user: str, password: str) -> str | None:
        if not user:
            return self._users.owner_of_token(password)
        return user if self._users.check_password(user, password) else None

    def _basic(self, credentials: str) -> Identity | None:
        try:
            text = base64.b64decode(credentials, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return None
        user, colon, password = text.partition(":")
        name = self._check(user, password) if colon else None
        return None if name is None else Identity(user=name)

    def _bearer(self, token: str) -> Identity | None:
        claims = self._verify(token)
        if claims is None or claims.get("iss") != _ISSUER:
            return None
        expires = claims.get("exp")
        if expires is not None and (not isinstance(expires, int | float) or expires < time.time()):
            return None
        user = claims.get("preferred_username")
        if isinstance(user, str) and user:
            known = self._users.find(user)
            return Identity(user=user) if known is not None and known.active else None
        return Identity(user="", is_superuser=True) if isinstance(claims.get("server_id"), str) else None

    def _sign(self, claims: dict[str, Any]) -> str:
        head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        text = f"{head}.{_encode(json.dumps(claims).encode())}"
        return f"{text}.{_encode(hmac.digest(self._secret, text.encode(), 'sha256'))}"

    def _verify(self, token: str) -> dict[str, Any] | None:
        parts = token.split(".")
        if len(parts) != 3 or len(token) > 8192:
            return None
        try:
            head = json.loads(_decode(parts[0]))
            if not isinstance(head, dict) or head.get("alg") != "HS256":  # pyright: ignore[reportUnknownMemberType]  # outside text
                return None
            signature = hmac.digest(self._secret, f"{parts[0]}.{parts[1]}".encode(), "sha256")
            if not hmac.compare_digest(signature, _decode(parts[2])):
                return None
            claims: Any = json.loads(_decode(parts[1]))
        except (ValueError, RecursionError):
            return None
        return cast("dict[str, Any]", claims) if isinstance(claims, dict) else None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
