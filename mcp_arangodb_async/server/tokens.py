"""Access tokens that are JWTs (RFC 9068): what must be true of one before anybody believes a word of it.

PyJWT checks the signature and the claims it knows. In front of it stands what it leaves open: the exact form
of the text, members that appear twice, headers that change what a signature means, numbers that are none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import jwt
from mcp.server.auth.provider import AccessToken

from mcp_arangodb_async.config.model import Access, OAuthSettings
from mcp_arangodb_async.server.keys import KeySet
from mcp_arangodb_async.sessions import Principal

MAXIMUM_TOKEN = 16 * 1024
MAXIMUM_NAME = 256
MAXIMUM_SCOPES = 256
# A checked token is believed this long without checking its signature again.
REMEMBERED_SECONDS = 60.0
REMEMBERED_TOKENS = 4096
# RFC 9068, 2.1; many servers still write JWT or nothing. An ID token or a logout token names another type.
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_PART = re.compile(r"[A-Za-z0-9_-]+\Z")
# `crit` and `b64` change what is signed, `zip` what is inside; keys come from nowhere but the issuer.
REFUSED_HEADERS = frozenset({"crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"})


class TokenRefusedError(Exception):
    """The token is not believed; the reason is for the log, never for the one who presented it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a token turned out to say, when that was, and with which generation of keys."""

    principal: Principal
    checked: float
    generation: int


class JwtVerifier:
    """Checks access tokens; also the SDK's `TokenVerifier`.

    `clock` is the time since the epoch, as in the tokens.
    """

    def __init__(self, oauth: OAuthSettings, keys: KeySet, *, clock: Callable[[], float] = time.time) -> None:
        self._oauth = oauth
        self._keys = keys
        self._clock = clock
        self._audience = list(oauth.audience) or [oauth.resource or ""]
        self._remembered: OrderedDict[bytes, Remembered] = OrderedDict()

    async def verify_token(self, token: str) -> AccessToken | None:
        """The SDK's form of the answer: None for a token that is refused."""
        try:
            return access_token(await self.principal(token))
        except TokenRefusedError:
            return None

    async def principal(self, token: str) -> Principal:
        """Who presents the token; TokenRefusedError, or UnavailableError while there are no keys."""
        if len(token) > MAXIMUM_TOKEN:
            raise TokenRefusedError("too long")
        name = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        now = self._clock()
        known = self._remembered.get(name)
        if known is not None and self._is_fresh(known, now):
            return known.principal
        self._remembered.pop(name, None)
        principal = await self._checked(token)
        self._remembered[name] = Remembered(
            principal=principal, checked=now, generation=self._keys.generation
        )
        if len(self._remembered) > REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)
        return principal

    def _is_fresh(self, known: Remembered, now: float) -> bool:
        expires = known.principal.expires or 0.0
        return (
            known.generation == self._keys.generation
            and 0 <= now - known.checked < REMEMBERED_SECONDS
            and now < expires + self._oauth.leeway
        )

    async def _checked(self, token: str) -> Principal:
        header, payload = parts_of(token)
        algorithm = checked_header(header, self._oauth.algorithms)
        check_times(payload)
        # Before the keys are asked: a token for somebody else must not make us fetch anything.
        if payload.get("iss") != self._oauth.issuer:
            raise TokenRefusedError("another issuer")
        key = await self._keys.find(key_name(header), algorithm)
        if key is None:
            raise TokenRefusedError("unknown key")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key=key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._oauth.issuer,
                leeway=self._oauth.leeway,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenRefusedError(type(error).__name__) from error
        return principal_of(claims, self._oauth)


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload of a token in exactly the compact form; TokenRefusedError for any other text."""
    parts = token.split(".")
    if len(parts) != 3 or not all(_PART.match(part) for part in parts):
        raise TokenRefusedError("not a signed token")
    _ = decoded(parts[2])
    return json_object(decoded(parts[0])), json_object(decoded(parts[1]))


def decoded(part: str) -> bytes:
    """The bytes of one part, which has only one spelling."""
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise TokenRefusedError("not base64url") from error
    if base64.urlsafe_b64encode(content).rstrip(b"=").decode() != part:
        raise TokenRefusedError("not base64url")
    return content


def json_object(content: bytes) -> dict[str, Any]:
    """The JSON object, no member of which appears twice; two readers could take different ones."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ValueError("a member appears twice")
        return members

    def none_such(word: str) -> object:
        raise ValueError(word)

    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=once, parse_constant=none_such)
    except (ValueError, RecursionError) as error:
        raise TokenRefusedError("not JSON") from error
    if not isinstance(value, dict):
        raise TokenRefusedError("not a JSON object")
    return cast("dict[str, Any]", value)


def checked_header(header: dict[str, Any], allowed: tuple[str, ...]) -> str:
    """The algorithm, if the header asks for nothing else than one of the allowed ones."""
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in allowed:
        raise TokenRefusedError("algorithm not allowed")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise TokenRefusedError("not an access token")
    if REFUSED_HEADERS & header.keys() or "cty" in header:
        raise TokenRefusedError("header not supported")
    return algorithm


def key_name(header: dict[str, Any]) -> str | None:
    """The name of the key; it is compared with names and nothing else."""
    kid = header.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= MAXIMUM_NAME and kid.isprintable()):
        raise TokenRefusedError("not a key name")
    return kid


def check_times(payload: dict[str, Any]) -> None:
    """RFC 7519, 2: a NumericDate is a number; the library would take a text or a bool for one."""
    for name in ("exp", "nbf", "iat"):
        value = payload.get(name)
        if value is None and (name == "exp" or name in payload):
            raise TokenRefusedError(f"{name} is missing")
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
        ):
            raise TokenRefusedError(f"{name} is no number")


def principal_of(claims: dict[str, Any], oauth: OAuthSettings) -> Principal:
    """Who verified claims describe; a subject without a name is refused."""
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAXIMUM_NAME or not subject.isprintable():
        raise TokenRefusedError("not a subject")
    client = claims.get("client_id") or claims.get("azp")
    principal = Principal(
        subject=subject,
        issuer=oauth.issuer,
        client=client if isinstance(client, str) and len(client) <= MAXIMUM_NAME else None,
        claims=claims,
        expires=float(claims["exp"]),
    )
    scopes = scopes_of(principal.claim(oauth.scope_claim))
    return replace(principal, scopes=scopes, access=access_of(scopes, oauth))


def scopes_of(value: object) -> tuple[str, ...]:
    """The scopes in a claim's value: words in a text, or a list of texts."""
    if isinstance(value, str):
        return tuple(value.split())[:MAXIMUM_SCOPES]
    if isinstance(value, list):
        return tuple(item for item in cast("list[Any]", value) if isinstance(item, str))[:MAXIMUM_SCOPES]
    return ()


def access_of(scopes: tuple[str, ...], oauth: OAuthSettings) -> Access | None:
    """The most the scopes allow; None for nothing, which is also what no scope at all means."""
    granted = set(scopes)
    if granted & set(oauth.admin_scopes):
        return "admin"
    if granted & set(oauth.write_scopes):
        return "write"
    return "read" if granted & set(oauth.read_scopes) else None


def access_token(principal: Principal) -> AccessToken:
    """The principal as the SDK knows it: its sessions are bound to client, issuer and subject."""
    return AccessToken(
        token="",  # the token itself is handed on to nobody
        client_id=principal.client or principal.subject,
        scopes=list(principal.scopes),
        expires_at=None if principal.expires is None else math.ceil(principal.expires),
        subject=principal.subject,
        claims={**principal.claims, "iss": principal.issuer},
    )
