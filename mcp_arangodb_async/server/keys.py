"""The public keys of an authorization server: fetched when needed, kept for a while, asked for by `kid`.

Nothing here trusts what a token says: where keys come from is decided by the operator's `oauth:` section (or
the issuer's own metadata, RFC 8414), a `kid` is only a name looked up in what was fetched.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mcp_arangodb_async.config.model import OAuthSettings
from mcp_arangodb_async.errors import UnavailableError
from mcp_arangodb_async.observability import get_logger

log = get_logger(__name__)

# Whoever presents unknown key names makes us ask the issuer this often at most.
RETRY_SECONDS = 10.0
# Keys that cannot be renewed are used this long: the issuer being down is no reason to turn everybody away.
STALE_SECONDS = 3600.0
FETCH_SECONDS = 5.0
MAXIMUM_DOCUMENT = 256 * 1024
MAXIMUM_KEYS = 100
SMALLEST_RSA = 2048
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
# Members that only the holder of the private key has; a key set with them is read as if without.
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

Fetch = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jwk:
    """One usable public key: its name, if it has one, and its members."""

    kid: str | None
    members: Mapping[str, Any]

    def fits(self, algorithm: str) -> bool:
        """Whether signatures of this algorithm may be checked with it."""
        if self.members.get("alg", algorithm) != algorithm:
            return False
        kind = self.members["kty"]
        if algorithm in CURVES:
            return kind == "EC" and self.members.get("crv") == CURVES[algorithm]
        if algorithm == "EdDSA":
            return kind == "OKP" and self.members.get("crv") in {"Ed25519", "Ed448"}
        return kind == "RSA"

    def public(self, algorithm: str) -> Any | None:
        """The key as the library's object; None for one that is malformed or too short."""
        try:
            key: Any = jwt.get_algorithm_by_name(algorithm).from_jwk(dict(self.members))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            return None
        if isinstance(key, RSAPublicKey) and key.key_size < SMALLEST_RSA:
            return None
        return key


class KeySet:
    """An issuer's keys. `generation` grows with each fetch, for caches of what was checked with them."""

    def __init__(
        self, oauth: OAuthSettings, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._oauth = oauth
        self._fetch = fetch
        self._clock = clock
        self._keys: tuple[Jwk, ...] = ()
        self._fetched: float | None = None
        self._asked: float | None = None
        self._lock = asyncio.Lock()
        self.generation = 0

    async def find(self, kid: str | None, algorithm: str) -> Any | None:
        """The key of that name for the algorithm, or the only one that fits where the token names none.

        Raises UnavailableError while there are no keys at all.
        """
        if self._fetched is None or self._clock() - self._fetched >= self._oauth.keys_ttl:
            await self._refresh(self.generation)
        found = self._known(kid, algorithm)
        if found is None and kid is not None:
            # The issuer may have begun to use a new key.
            await self._refresh(self.generation)
            found = self._known(kid, algorithm)
        return found

    def _known(self, kid: str | None, algorithm: str) -> Any | None:
        fitting = [key for key in self._keys if key.fits(algorithm) and (kid is None or key.kid == kid)]
        return fitting[0].public(algorithm) if len(fitting) == 1 else None

    async def _refresh(self, seen: int) -> None:
        """Fetch the keys, unless somebody did since generation `seen` or just tried."""
        async with self._lock:
            now = self._clock()
            waiting = self._asked is not None and now - self._asked < RETRY_SECONDS
            if self.generation == seen and not waiting:
                self._asked = now
                await self._renew()
            if self._fetched is None or self._clock() - self._fetched > self._oauth.keys_ttl + STALE_SECONDS:
                raise UnavailableError(
                    "access tokens cannot be checked: the keys of the authorization server cannot be fetched",
                    hint="try again in a moment",
                )

    async def _renew(self) -> None:
        try:
            keys = usable(read_object(await self._fetch(await self._address())))
        except (OSError, ValueError, httpx2.HTTPError, TimeoutError) as error:
            # The text of the error is the issuer's business; its kind says enough.
            log.warning("oauth.keys_unavailable", issuer=self._oauth.issuer, problem=type(error).__name__)
            return
        self._keys = keys
        self._fetched = self._clock()
        self.generation += 1
        log.info("oauth.keys_fetched", issuer=self._oauth.issuer, keys=len(keys))

    async def _address(self) -> str:
        """Where the keys are: as configured, else as the issuer's metadata says."""
        if self._oauth.jwks_url is not None:
            return self._oauth.jwks_url
        issuer = self._oauth.issuer or ""
        failure: Exception | None = None
        for address in metadata_addresses(issuer):
            try:
                document = read_object(await self._fetch(address))
            except (OSError, ValueError, httpx2.HTTPError, TimeoutError) as error:
                failure = error
                continue
            # RFC 8414, 3.3: metadata that names another issuer must not be used.
            url = document.get("jwks_uri")
            if document.get("issuer") == issuer and isinstance(url, str) and is_safe(url, issuer):
                return url
        raise ValueError("the issuer's metadata names no keys") from failure


def metadata_addresses(issuer: str) -> tuple[str, ...]:
    """Where an issuer's metadata may be: RFC 8414 and OpenID Connect discovery."""
    parts = urlsplit(issuer)
    head, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    found = (
        f"{head}/.well-known/oauth-authorization-server{path}",
        f"{head}/.well-known/openid-configuration{path}",
        f"{head}{path}/.well-known/openid-configuration",
    )
    return tuple(dict.fromkeys(found))


def is_safe(url: str, issuer: str) -> bool:
    """Keys come over https; over http only from the same place as an issuer that is on this machine."""
    parts, own = urlsplit(url), urlsplit(issuer)
    return parts.scheme == "https" or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object; ValueError for anything else."""
    document = orjson.loads(content)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return cast("dict[str, Any]", document)


def usable(document: Mapping[str, Any]) -> tuple[Jwk, ...]:
    """The keys of a key set that may check signatures; ValueError if it is none."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise ValueError("not a key set")
    keys: list[Jwk] = []
    for item in cast("list[Any]", listed)[:MAXIMUM_KEYS]:
        if not isinstance(item, dict):
            continue
        members = {name: value for name, value in cast("dict[str, Any]", item).items() if name not in PRIVATE}
        operations = members.get("key_ops", ["verify"])
        kid = members.get("kid")
        if (
            members.get("kty") in {"RSA", "EC", "OKP"}
            and members.get("use", "sig") == "sig"
            and isinstance(operations, list)
            and "verify" in operations
            and (kid is None or isinstance(kid, str))
        ):
            keys.append(Jwk(kid=kid, members=members))
    return tuple(keys)


class Fetcher:
    """Fetches small documents over HTTP: no redirects, a bounded size, a bounded time."""

    def __init__(self, ca_file: str | None) -> None:
        self._ca_file = ca_file
        self._client: httpx2.AsyncClient | None = None

    async def __call__(self, url: str) -> bytes:
        """The document's bytes; OSError, ValueError or the library's errors when it is not to be had."""
        if self._client is None:
            # Reading the certificates of the authorities takes tens of milliseconds.
            context = await asyncio.to_thread(ssl.create_default_context, cafile=self._ca_file)
            self._client = httpx2.AsyncClient(verify=context, timeout=FETCH_SECONDS, follow_redirects=False)
        async with (
            asyncio.timeout(FETCH_SECONDS),
            self._client.stream("GET", url, headers={"accept": "application/json"}) as response,
        ):
            if response.status_code != 200:
                raise ValueError(f"status {response.status_code}")
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > MAXIMUM_DOCUMENT:
                    raise ValueError("too large")
                parts.append(part)
        return b"".join(parts)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
