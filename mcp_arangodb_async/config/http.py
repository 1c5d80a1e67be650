"""The sections `oauth:` and `audit:`: whose tokens the HTTP server takes, and what is written about calls.

oauth:
  issuer: https://login.example.com
  resource: https://mcp.example.com/mcp
  read_scopes: [mcp:read]
audit:
  directory: /var/log/mcp-arangodb-async
  key_env: MCP_AUDIT_KEY
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field

from mcp_arangodb_async.config.option import Option
from mcp_arangodb_async.config.sections import NOT_BOOL, STRICT, Seconds, existing_file, words
from mcp_arangodb_async.config.variable import VariableName

# Only signatures that the holder of the public key cannot make: no HS*, no `none`.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Fsync = Literal["never", "interval", "always"]

# RFC 6749, 3.3: a scope is printable ASCII without blanks, quotes and backslashes.
_SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,128}\Z")


def _address(url: str | None) -> str | None:
    """An https address; http only to this machine, where nobody can stand in between."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not an address such as https://host/path") from None
    if not parts.hostname or port == 0 or len(url) > 2048 or any(c.isspace() or c == '"' for c in url):
        raise ValueError("must be an address such as https://host/path")
    if "@" in parts.netloc or parts.fragment or parts.query:
        raise ValueError("must not hold a user name, a query or a #")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("must begin with https://; http:// is allowed to this machine only")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    for scope in scopes:
        if not _SCOPE.match(scope):
            raise ValueError("must be scopes: words of printable ASCII without blanks and quotes")
    return scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthSettings:
    """Whose access tokens (JWTs) the HTTP server takes, and what their scopes allow.

    Without `issuer` there is no OAuth. Without any of the scopes below a token may do nothing.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    issuer: Annotated[
        str | None,
        AfterValidator(_address),
        Option(
            help="the authorization server whose access tokens are taken, exactly as in their iss claim",
            variables=("MCP_OAUTH_ISSUER",),
            metavar="URL",
        ),
    ] = None
    resource: Annotated[
        str | None,
        AfterValidator(_address),
        Option(
            help="this server's own public address, such as https://mcp.example.com/mcp",
            variables=("MCP_OAUTH_RESOURCE",),
            metavar="URL",
        ),
    ] = None
    audience: Annotated[
        tuple[str, ...],
        Option(
            help="values of the aud claim that mean this server; without any, the resource",
            variables=("MCP_OAUTH_AUDIENCE",),
            metavar="NAME,...",
            parse=words,
        ),
    ] = ()
    jwks_url: Annotated[
        str | None,
        AfterValidator(_address),
        Option(
            help="where the issuer's public keys are; without it, what the issuer's metadata says",
            variables=("MCP_OAUTH_JWKS_URL",),
            metavar="URL",
        ),
    ] = None
    ca_file: Annotated[
        str | None,
        AfterValidator(existing_file),
        Option(
            help="PEM file of the authorities to trust when fetching keys, relative to the configuration",
            variables=("MCP_OAUTH_CA_FILE",),
            metavar="FILE",
        ),
    ] = None
    algorithms: Annotated[
        tuple[Algorithm, ...],
        Field(min_length=1),
        Option(
            help="signature algorithms that are accepted",
            variables=("MCP_OAUTH_ALGORITHMS",),
            metavar="NAME,...",
            parse=words,
        ),
    ] = ("RS256", "ES256")
    leeway: Annotated[
        float,
        Field(ge=0, le=300, allow_inf_nan=False),
        NOT_BOOL,
        Option(
            help="seconds by which the issuer's clock and ours may differ",
            variables=("MCP_OAUTH_LEEWAY_SEC",),
        ),
    ] = 30.0
    keys_ttl: Annotated[
        Seconds,
        Option(
            help="seconds after which the issuer's keys are fetched again", variables=("MCP_OAUTH_KEYS_SEC",)
        ),
    ] = 600.0
    scope_claim: Annotated[
        str,
        Field(min_length=1, max_length=128),
        Option(
            help="claim that lists what the token allows: scope, scp, roles, permissions",
            variables=("MCP_OAUTH_SCOPE_CLAIM",),
        ),
    ] = "scope"
    read_scopes: Annotated[
        tuple[str, ...],
        AfterValidator(_scopes),
        Option(
            help="scopes each of which allows to read",
            variables=("MCP_OAUTH_READ_SCOPES",),
            metavar="SCOPE,...",
            parse=words,
        ),
    ] = ("mcp:read",)
    write_scopes: Annotated[
        tuple[str, ...],
        AfterValidator(_scopes),
        Option(
            help="scopes each of which allows to read and write",
            variables=("MCP_OAUTH_WRITE_SCOPES",),
            metavar="SCOPE,...",
            parse=words,
        ),
    ] = ("mcp:write",)
    admin_scopes: Annotated[
        tuple[str, ...],
        AfterValidator(_scopes),
        Option(
            help="scopes each of which allows everything a database's access allows",
            variables=("MCP_OAUTH_ADMIN_SCOPES",),
            metavar="SCOPE,...",
            parse=words,
        ),
    ] = ("mcp:admin",)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """Whether every call is written down, where, and how surely; off unless a directory is named."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    directory: Annotated[
        str | None,
        Option(
            help="directory of the audit log, relative to the working directory; without it there is none",
            variables=("MCP_AUDIT_DIRECTORY",),
            flags=("--audit-directory",),
            metavar="DIR",
        ),
    ] = None
    key_env: Annotated[
        VariableName | None,
        Option(
            help="NAME of the environment variable with the key that seals records, 16 bytes or more",
            variables=("MCP_AUDIT_KEY_ENV",),
            metavar="VARIABLE",
        ),
    ] = None
    fsync: Annotated[
        Fsync,
        Option(
            help="when records are forced to disk: never, each second (interval), before an answer (always)",
            variables=("MCP_AUDIT_FSYNC",),
        ),
    ] = "interval"
    fail_closed: Annotated[
        bool,
        Option(
            help="refuse calls that cannot be written down; each is recorded before it runs, too",
            variables=("MCP_AUDIT_FAIL_CLOSED",),
        ),
    ] = False
    segment_bytes: Annotated[
        int,
        Field(ge=4096, le=1 << 40),
        NOT_BOOL,
        Option(help="bytes after which a new file is begun", variables=("MCP_AUDIT_SEGMENT_BYTES",)),
    ] = 64 * 1024 * 1024
