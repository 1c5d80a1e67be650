"""Who sends an HTTP request: static bearer tokens, OAuth access tokens, and what is asked of everybody else.

Challenges follow RFC 6750 and RFC 9728: they name the metadata document of this server and the scopes needed,
never why a token was refused.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from mcp.shared.auth import ProtectedResourceMetadata

from mcp_arangodb_async.config.model import Access, OAuthSettings, Settings
from mcp_arangodb_async.errors import AuthenticationError, ConfigError, DeniedError, UnavailableError
from mcp_arangodb_async.observability import get_logger
from mcp_arangodb_async.server.keys import Fetcher, KeySet
from mcp_arangodb_async.server.refusal import HttpError
from mcp_arangodb_async.server.tokens import JwtVerifier, TokenRefusedError
from mcp_arangodb_async.sessions import Principal

log = get_logger(__name__)

WELL_KNOWN = "/.well-known/oauth-protected-resource"
REALM = 'realm="mcp-arangodb-async"'
# How a tenant's API key begins, so that a token of another kind is never looked up as one.
API_KEY = "maak_"
KnownKey = Callable[[str], Awaitable[Principal]]


def check_oauth(oauth: OAuthSettings) -> None:
    """ConfigError where `oauth:` is begun and not finished: half of it would let in the wrong tokens."""
    if oauth.issuer is None:
        begun = [name for name in ("resource", "audience", "jwks_url") if getattr(oauth, name)]
        if begun:
            raise ConfigError(f"oauth.{begun[0]} is set and oauth.issuer is not", hint="set both or neither")
    elif oauth.resource is None:
        raise ConfigError(
            "oauth.issuer is set and oauth.resource is not",
            hint="set oauth.resource to the public address of this server, such as "
            "https://mcp.example.com/mcp",
        )


class Authenticator:
    """Turns an Authorization header into a Principal; nobody is asked where nothing is configured."""

    def __init__(self, settings: Settings, api_keys: KnownKey | None = None) -> None:
        check_oauth(settings.oauth)
        self._api_keys = api_keys
        self._oauth = settings.oauth
        self._static = {
            token.sha256: Principal(subject=token.principal, claims=token.claims, access=token.access)
            for token in settings.http.tokens
        }
        self._fetcher = Fetcher(settings.oauth.ca_file)
        self._verifier: JwtVerifier | None = None
        if settings.oauth.issuer is not None:
            self._verifier = JwtVerifier(settings.oauth, KeySet(settings.oauth, self._fetcher))

    @property
    def required(self) -> bool:
        """Whether callers must say who they are."""
        return bool(self._static) or self._verifier is not None or self._api_keys is not None

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """Who presents a good token; None where nobody is asked; HttpError 401, 403 or 503 for the others."""
        if not self.required:
            return None
        scheme, _, text = headers.get("authorization", "").partition(" ")
        token = text.strip()
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorized(None)
        found = self._known(token)
        if found is None and self._api_keys is not None and token.startswith(API_KEY):
            found = await self._of_key(token, self._api_keys)
        if found is not None:
            return found
        if self._verifier is None:
            raise self._unauthorized("invalid_token")
        try:
            principal = await self._verifier.principal(token)
        except TokenRefusedError as refused:
            log.info("token.refused", reason=str(refused))
            raise self._unauthorized("invalid_token") from None
        except UnavailableError as error:
            raise HttpError(503, error, [(b"retry-after", b"10")]) from None
        if principal.access is None:
            raise self.forbidden("read", "the token has none of the scopes that allow anything here")
        return principal

    async def _of_key(self, token: str, known: KnownKey) -> Principal:
        try:
            return await known(token)
        except DeniedError:
            raise self._unauthorized("invalid_token") from None
        except UnavailableError as error:
            raise HttpError(503, error, [(b"retry-after", b"10")]) from None

    def _known(self, token: str) -> Principal | None:
        presented = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        # Every known hash is compared, in constant time each: nothing is learnt from how long it takes.
        matches = [who for known, who in self._static.items() if hmac.compare_digest(known, presented)]
        return matches[0] if matches else None

    def _unauthorized(self, error: str | None) -> HttpError:
        # RFC 6750, 3.1: a request without any token is told no error code.
        parts = [REALM, *([f'error="{error}"'] if error else []), *self._metadata("read")]
        message = "a bearer token is required" if error is None else "the bearer token is not accepted"
        return HttpError(
            401,
            AuthenticationError(message, hint="send Authorization: Bearer <token>"),
            [(b"www-authenticate", f"Bearer {', '.join(parts)}".encode())],
        )

    def forbidden(self, needed: Access, message: str) -> HttpError:
        """The refusal of a known caller, with the scope that would do."""
        parts = [REALM, 'error="insufficient_scope"', *self._metadata(needed)]
        scope = self.scope_for(needed)
        hint = f"ask the authorization server for a token with scope {scope}" if scope else None
        return HttpError(
            403,
            DeniedError(message, hint=hint),
            [(b"www-authenticate", f"Bearer {', '.join(parts)}".encode())],
        )

    def scope_for(self, needed: Access) -> str | None:
        """The scope to ask for; None without OAuth, or where no scope allows it."""
        if self._verifier is None:
            return None
        scopes = {
            "read": self._oauth.read_scopes,
            "write": self._oauth.write_scopes,
            "admin": self._oauth.admin_scopes,
        }[needed]
        return scopes[0] if scopes else None

    def _metadata(self, needed: Access) -> list[str]:
        if self._oauth.resource is None or self._verifier is None:
            return []
        scope = self.scope_for(needed)
        address = metadata_address(self._oauth.resource)
        return [*([f'scope="{scope}"'] if scope else []), f'resource_metadata="{address}"']

    def metadata(self, path: str) -> dict[str, Any] | None:
        """The protected-resource metadata (RFC 9728) for a well-known path; None without OAuth."""
        oauth = self._oauth
        if self._verifier is None or oauth.issuer is None or oauth.resource is None:
            return None
        own = urlsplit(oauth.resource).path.rstrip("/")
        asked = path.removeprefix(WELL_KNOWN)
        # Clients ask for the path they were given; endpoints of one database belong to the same resource.
        if asked not in {"", own} and not asked.startswith(("/mcp/", f"{own}/")) and asked != "/mcp":
            return None
        document = ProtectedResourceMetadata.model_validate(
            {
                "resource": oauth.resource,
                "authorization_servers": [oauth.issuer],
                "scopes_supported": [*oauth.read_scopes, *oauth.write_scopes, *oauth.admin_scopes],
                "bearer_methods_supported": ["header"],
                "resource_name": "mcp-arangodb-async",
            }
        )
        return document.model_dump(mode="json", exclude_none=True)

    async def close(self) -> None:
        """Close the connections to the authorization server."""
        await self._fetcher.close()


def metadata_address(resource: str) -> str:
    """Where the metadata of a resource is (RFC 9728, 3.1): the well-known path before the resource's own."""
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path.rstrip('/')}"
