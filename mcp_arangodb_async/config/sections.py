"""The sections of options: each record is one section of the file and one part of `Settings`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo

from mcp_arangodb_async.config.option import Option
from mcp_arangodb_async.config.variable import VariableName

Transport = Literal["stdio", "http"]
LogFormat = Literal["text", "json"]
Access = Literal["read", "write", "admin"]
Confirm = Literal["never", "production", "always"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

# Deferred: a process without a file starts without building the file's validators.
STRICT = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def words(text: str) -> list[str]:
    """The words of a comma-separated variable."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _lower(text: str) -> object:
    return text.strip().lower()


def _upper(text: str) -> object:
    return text.strip().upper()


def _tokens(text: str) -> object:
    """`name=token` pairs from a variable become hashes at once; the tokens themselves are not kept."""
    hashed: list[dict[str, str]] = []
    for number, word in enumerate(words(text), start=1):
        name, found, token = word.partition("=")
        if not found:
            name, token = f"token{number}", word
        hashed.append({"principal": name, "sha256": hashlib.sha256(token.encode()).hexdigest()})
    return hashed


def existing_file(name: str | None, info: ValidationInfo) -> str | None:
    """The absolute path; relative to the configuration file, which the caller gives as context."""
    if name is None:
        return None
    context: dict[str, Path] = info.context or {}
    path = (context.get("directory", Path()) / Path(name).expanduser()).absolute()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return str(path)


def _redis(url: str | None) -> str | None:
    """The address of a Redis server, which holds no credentials."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("must be redis://host:port/number or rediss://host:port/number")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; write redis_username and redis_password_env")
    return url


NOT_BOOL = BeforeValidator(_no_bool)
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False), NOT_BOOL]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHash:
    """A bearer token the HTTP server accepts: who presents it, and the SHA-256 of its text.

    `access` is the most it may do with any database; `claims` are facts about its holder, such as a tenant.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    principal: Annotated[str, Field(min_length=1, max_length=128)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    access: Access = "admin"
    claims: dict[str, str] = field(default_factory=dict[str, str], hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How the server talks and what it offers."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    transport: Annotated[
        Transport,
        Option(
            help="how clients reach the server",
            variables=("MCP_TRANSPORT",),
            flags=("--transport",),
            parse=_lower,
            tolerant=True,
        ),
    ] = "stdio"
    toolset: Annotated[
        str,
        Option(
            help="list only this toolset: full, or the name of a workflow such as baseline",
            variables=("MCP_COMPAT_TOOLSET",),
            flags=("--toolset",),
            metavar="NAME",
        ),
    ] = "full"
    read_only: Annotated[
        bool,
        Option(
            help="allow nothing that writes, whatever a database's own access says",
            variables=("MCP_READ_ONLY",),
            flags=("--read-only",),
        ),
    ] = False
    confirm: Annotated[
        Confirm,
        Option(
            help="ask the user before a tool drops something: never, on databases marked production, always",
            variables=("MCP_CONFIRM",),
            flags=("--confirm",),
            parse=_lower,
        ),
    ] = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where the HTTP transport listens and whom it lets in."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    host: Annotated[
        str,
        Option(
            help="address to listen on", variables=("MCP_HTTP_HOST",), flags=("--host",), metavar="ADDRESS"
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Field(ge=0, le=65_535),
        NOT_BOOL,
        Option(
            help="port to listen on; 0 takes a free one and prints it",
            variables=("MCP_HTTP_PORT",),
            flags=("--port",),
            metavar="PORT",
        ),
    ] = 8000
    allow_anonymous: Annotated[
        bool,
        Option(
            help="listen on other addresses than this machine's own without authentication",
            variables=("MCP_HTTP_ALLOW_ANONYMOUS",),
            flags=("--allow-anonymous",),
        ),
    ] = False
    allowed_hosts: Annotated[
        tuple[str, ...],
        Option(
            help="values of the Host header that are answered besides the address listened on",
            variables=("MCP_HTTP_ALLOWED_HOSTS",),
            flags=("--allowed-hosts",),
            metavar="HOST,...",
            parse=words,
        ),
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...],
        Option(
            help="web origins whose pages may call the server; * for any",
            variables=("MCP_HTTP_CORS_ORIGINS",),
            flags=("--allowed-origins",),
            metavar="ORIGIN,...",
            parse=words,
        ),
    ] = ()
    tokens: Annotated[
        tuple[TokenHash, ...],
        Option(
            help="bearer tokens let in: name=token,... in the variable; principal and sha256 in the file",
            variables=("MCP_HTTP_TOKENS",),
            parse=_tokens,
        ),
    ] = ()
    max_body_bytes: Annotated[
        int,
        Field(ge=1024),
        NOT_BOOL,
        Option(help="largest request body that is read", variables=("MCP_HTTP_MAX_BODY_BYTES",)),
    ] = 4 * 1024 * 1024
    header_deadline: Annotated[
        Seconds,
        Option(
            help="seconds in which a request must arrive; its body has one more for each KiB",
            variables=("MCP_HTTP_HEADER_DEADLINE_SEC",),
        ),
    ] = 8.0
    drain_deadline: Annotated[
        Seconds,
        Option(
            help="seconds that running calls get to end after SIGTERM",
            variables=("MCP_HTTP_DRAIN_DEADLINE_SEC",),
        ),
    ] = 10.0
    metrics: Annotated[
        bool,
        Option(help="answer /metrics with figures for Prometheus", variables=("MCP_HTTP_METRICS",)),
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """The bounds on one call and on all of them."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    max_rows: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        NOT_BOOL,
        Option(help="rows one call returns at most", variables=("MCP_MAX_ROWS",)),
    ] = 1000
    max_bytes: Annotated[
        int,
        Field(ge=1024),
        NOT_BOOL,
        Option(help="bytes of result one call returns at most", variables=("MCP_MAX_BYTES",)),
    ] = 256 * 1024
    connect_deadline: Annotated[
        Seconds,
        Option(help="seconds a connection to a database may take", variables=("MCP_CONNECT_DEADLINE_SEC",)),
    ] = 3.0
    call_deadline: Annotated[
        Seconds, Option(help="seconds one tool call may take in all", variables=("MCP_CALL_DEADLINE_SEC",))
    ] = 300.0
    concurrent_calls: Annotated[
        int,
        Field(ge=1, le=10_000),
        NOT_BOOL,
        Option(help="tool calls that run at the same time", variables=("MCP_CONCURRENT_CALLS",)),
    ] = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How many sessions are kept, and how long."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    idle_timeout: Annotated[
        Seconds,
        Option(
            help="seconds after which an unused session is forgotten", variables=("MCP_SESSION_IDLE_SEC",)
        ),
    ] = 3600.0
    maximum: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        NOT_BOOL,
        Option(
            help="sessions kept at the same time; the longest unused goes first",
            variables=("MCP_SESSION_MAXIMUM",),
        ),
    ] = 10_000
    redis: Annotated[
        str | None,
        AfterValidator(_redis),
        Option(
            help="keep sessions in Redis, for several HTTP server processes: redis://host:port/number, or "
            "rediss:// for TLS; without it they live in the process",
            variables=("MCP_SESSION_REDIS",),
            flags=("--session-redis",),
            metavar="URL",
        ),
    ] = None
    redis_username: Annotated[
        str | None, Option(help="user to log in to Redis as", variables=("MCP_SESSION_REDIS_USERNAME",))
    ] = None
    redis_password_env: Annotated[
        VariableName | None,
        Option(
            help="NAME of the environment variable that holds Redis's password",
            variables=("MCP_SESSION_REDIS_PASSWORD_ENV",),
            metavar="VARIABLE",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSettings:
    """Where backups are written; nothing is written or read outside it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    directory: Annotated[
        str,
        Option(
            help="directory of backups, relative to the working directory",
            variables=("MCP_BACKUP_DIRECTORY",),
            flags=("--backup-directory",),
            metavar="DIR",
        ),
    ] = "backups"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What is written to stderr."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    level: Annotated[
        LogLevel,
        Option(
            help="least important message that is written",
            variables=("LOG_LEVEL",),
            flags=("--log-level",),
            parse=_upper,
            tolerant=True,
        ),
    ] = "INFO"
    format: Annotated[
        LogFormat,
        Option(
            help="shape of a line: text for people, json for collectors",
            variables=("MCP_LOG_FORMAT",),
            flags=("--log-format",),
        ),
    ] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """Connections kept open to one server."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    max_connections: Annotated[
        int,
        Field(ge=1, le=1000),
        NOT_BOOL,
        Option(help="connections to the server at most", flags=("--max-connections",), metavar="N"),
    ] = 20
    idle_timeout: Annotated[
        Seconds,
        Option(
            help="seconds after which an unused connection is closed",
            flags=("--idle-timeout",),
            metavar="SECONDS",
        ),
    ] = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """How an https server is trusted."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    verify: Annotated[
        bool,
        Option(
            help="check the server's certificate",
            variables=("ARANGO_VERIFY_CERTIFICATE",),
            flags=("--verify",),
        ),
    ] = True
    ca_file: Annotated[
        str | None,
        AfterValidator(existing_file),
        Option(
            help="PEM file of the certificate authorities to trust, relative to the configuration file",
            flags=("--ca-file",),
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLineSettings:
    """How commands talk to the person who runs them; not part of the file."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    assume_yes: Annotated[
        bool,
        Option(
            help="do not ask before changing something",
            variables=("MCP_ARANGODB_ASYNC_CLI_YES",),
            flags=("--yes", "-y"),
        ),
    ] = False
    no_color: Annotated[bool, Option(help="print without colours", variables=("NO_COLOR",), parse=bool)] = (
        False
    )
