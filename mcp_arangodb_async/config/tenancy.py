"""The section `tenants:`: where tenants are stored, with which key, what they may reach, how much.

    tenants:
      enabled: true
      key_source: file
      key_file: tenants.key
      upstreams:
        postgres: {url: https://postgres.internal/mcp, headers_env: {Authorization: POSTGRES_MCP_TOKEN}}

Everything a tenant may not decide is here: commands, reachable networks, the servers that everybody shares.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo

from mcp_arangodb_async.config.option import Option
from mcp_arangodb_async.config.sections import NOT_BOOL, STRICT, Seconds, words
from mcp_arangodb_async.config.variable import VariableName

ServerType = Literal["postgres", "minio", "ai_mcp_server", "generic"]
Wire = Literal["http", "sse", "stdio"]
KeyOrigin = Literal["variable", "file", "keyring"]
Role = Literal["uber_admin", "tenant_admin", "project_admin", "end_user"]
StoreTls = Literal["auto", "verify", "off"]

SERVER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
SERVER_NAME_RULE = "1 to 32 lower-case letters, digits and _, starting with a letter, without a double _"
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~\-]{1,64}\Z")
TOOL = re.compile(r"[A-Za-z0-9_.\-/]{1,128}\Z")
PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
# Headers that the protocol's own client writes; nobody sets them.
RESERVED_HEADERS = frozenset(
    {
        "connection", "content-length", "content-type", "cookie", "host", "keep-alive", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip


def check_server_name(name: str) -> str:
    """The name itself; raises ValueError with the rule if no server can be called so."""
    if not SERVER_NAME.match(name) or "__" in name or name.endswith("_"):
        raise ValueError(f"is not a server's name: {SERVER_NAME_RULE}")
    return name


def check_header(name: str) -> str:
    """A header's name that may be set; raises ValueError."""
    if not HEADER.match(name):
        raise ValueError("is not the name of a header")
    if name.lower() in RESERVED_HEADERS or name.lower().startswith("mcp-"):
        raise ValueError(f"{name} is written by the protocol itself and cannot be set")
    return name


def check_tool(name: str) -> str:
    """A tool's name as upstream servers write it; raises ValueError."""
    if not TOOL.match(name):
        raise ValueError("is not the name of a tool: 1 to 128 letters, digits and _ . - /")
    return name


def check_url(url: str | None) -> str | None:
    """An absolute http or https address without credentials; whether it may be reached is asked elsewhere."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not an address: https://host:port/path") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or len(url) > 2048:
        raise ValueError("must be an address such as https://host:port/path")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; send them as headers")
    if parts.fragment or any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("must not hold blanks, control characters or a #")
    return url


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8 or fd00::/8") from None


def _store(text: str | None, info: ValidationInfo) -> str | None:
    if text is None or "://" not in text:
        return _absolute(text, info)
    parts = urlsplit(text)
    if parts.scheme != "postgresql":
        raise ValueError("must be the path of a SQLite file, or postgresql://host:port/database")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; write store_username and store_password_env")
    if not parts.path.strip("/"):
        raise ValueError("names no database: postgresql://host:port/database")
    return text


def _absolute(name: str | None, info: ValidationInfo) -> str | None:
    if name is None:
        return None
    context: dict[str, Path] = info.context or {}
    return os.path.normpath((context.get("directory", Path()) / Path(name).expanduser()).absolute())


def _key_file(name: str | None, info: ValidationInfo) -> str | None:
    if name is None and info.data.get("key_source") == "file":
        raise ValueError("is missing: key_source is file")
    return _absolute(name, info)


def _some(schemes: tuple[str, ...]) -> tuple[str, ...]:
    if not schemes:
        raise ValueError("is empty; possible are https and http")
    return schemes


def _role_names(value: object) -> object:
    """The roles a claim's words stand for, from `word=role,...` in a variable."""
    if not isinstance(value, str):
        return value
    pairs = [word.partition("=") for word in words(value)]
    return {word.strip(): role.strip() for word, _, role in pairs}


ServerName = Annotated[str, AfterValidator(check_server_name)]
HeaderName = Annotated[str, AfterValidator(check_header)]
ToolName = Annotated[str, AfterValidator(check_tool)]
Url = Annotated[str | None, AfterValidator(check_url)]
Timeout = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False), NOT_BOOL]


def _stdio_only(value: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
    wire = info.data.get("transport", "http")
    if wire == "stdio" and not value:
        raise ValueError("is missing: a server reached by stdio is started by this command")
    if wire != "stdio" and value:
        raise ValueError(f"belongs to transport: stdio, not {wire}")
    return value


def _url_by_wire(url: str | None, info: ValidationInfo) -> str | None:
    wire = info.data.get("transport", "http")
    if wire == "stdio" and url is not None:
        raise ValueError("belongs to transport: http or sse, not stdio")
    if wire != "stdio" and url is None:
        raise ValueError(f"is missing: the address of a server reached by {wire}")
    return check_url(url)


def _no_secret_placeholder(command: tuple[str, ...]) -> tuple[str, ...]:
    for word in command:
        for name in PLACEHOLDER.findall(word):
            if name in SECRET_FIELDS:
                raise ValueError(
                    f"must not hold {{{name}}}: others can read the arguments of a process; pass it by env"
                )
    return command


# The secret fields of the server types, by the names that `env` of a launcher may use in braces.
SECRET_FIELDS = frozenset(
    {
        "password", "access_key", "secret_key", "api_key", "openrouter_api_key", "elevenlabs_api_key",
        "openai_api_key",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalUpstream:
    """A server that tenants share when they inherit; the operator's word, so it may be a command.

    `headers_env` and `env_from` name the variables that hold values; the values are never in the file. `pins`
    approve definitions of tools, by their hashes, that differ from those first seen.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    transport: Wire = "http"
    url: Annotated[str | None, AfterValidator(_url_by_wire), Field(validate_default=True)] = None
    command: Annotated[tuple[str, ...], AfterValidator(_stdio_only), Field(validate_default=True)] = ()
    env: Mapping[VariableName, str] = field(default_factory=dict[str, str])
    env_from: Mapping[VariableName, VariableName] = field(default_factory=dict[str, str])
    headers_env: Mapping[HeaderName, VariableName] = field(default_factory=dict[str, str])
    tools: Mapping[str, ToolName] = field(default_factory=dict[str, str])
    allow_tools: tuple[ToolName, ...] | None = None
    tenant_argument: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    pins: Mapping[ToolName, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = field(
        default_factory=dict[str, str]
    )
    connect_timeout: Timeout = 5.0
    timeout: Timeout = 30.0
    concurrency: Annotated[int, Field(ge=1, le=1000), NOT_BOOL] = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """A command that tenants may choose by its name, and nothing else of it.

    `{host}` and other braces in `command` and `env` stand for fields of the tenant's section; a secret one
    may only stand in `env`. `addresses` are free parameters that say where to connect, beyond those whose
    name or value shows it: they are judged like URLs.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    type: ServerType
    command: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_no_secret_placeholder)]
    env: Mapping[VariableName, str] = field(default_factory=dict[str, str])
    env_from: Mapping[VariableName, VariableName] = field(default_factory=dict[str, str])
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TenancySettings:
    """Tenants, their storage and keys, and the limits around what they bring."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    enabled: Annotated[
        bool,
        Option(
            help="let tenants bring their own upstream servers; off: everybody uses the global ones",
            variables=("MCP_TENANTS_ENABLED",),
            flags=("--tenants",),
        ),
    ] = False
    store: Annotated[
        str | None,
        AfterValidator(_store),
        Option(
            help="where tenants are kept: the path of a SQLite file (default: tenants.db in the user's data "
            "directory) or postgresql://host:port/database",
            variables=("MCP_TENANTS_STORE",),
        ),
    ] = None
    store_username: Annotated[
        str,
        Field(min_length=1, max_length=63),
        Option(
            help="PostgreSQL role of the server: neither owner nor superuser",
            variables=("MCP_TENANTS_STORE_USERNAME",),
        ),
    ] = "maa_tenants"
    store_password_env: Annotated[
        VariableName | None, Option(help="NAME of the variable that holds that role's password")
    ] = None
    owner_username: Annotated[
        str,
        Field(min_length=1, max_length=63),
        Option(
            help="PostgreSQL role that owns the tables; used by `tenant migrate` only",
            variables=("MCP_TENANTS_OWNER_USERNAME",),
        ),
    ] = "maa_tenants_owner"
    owner_password_env: Annotated[
        VariableName | None, Option(help="NAME of the variable that holds the owner's password")
    ] = None
    store_tls: Annotated[
        StoreTls,
        Option(help="TLS to PostgreSQL; auto verifies it for every host but this machine"),
    ] = "auto"
    store_ca_file: Annotated[
        str | None,
        AfterValidator(_absolute),
        Option(help="PEM file of the authorities that PostgreSQL's certificate is checked against"),
    ] = None
    store_connections: Annotated[
        int, Field(ge=1, le=200), NOT_BOOL, Option(help="connections to the store at most")
    ] = 8
    history: Annotated[
        int, Field(ge=1, le=1000), NOT_BOOL, Option(help="earlier versions kept of each tenant")
    ] = 50
    stale_seconds: Annotated[
        float,
        Field(ge=0, le=60, allow_inf_nan=False),
        NOT_BOOL,
        Option(help="seconds after which a change made by another process is seen at the latest"),
    ] = 1.0
    key_source: Annotated[
        KeyOrigin,
        Option(help="where the master key comes from", variables=("MCP_TENANTS_KEY_SOURCE",)),
    ] = "variable"
    key_variable: Annotated[
        VariableName,
        Option(help="NAME of the variable that holds the master key: 32 random bytes as base64 or hex"),
    ] = "MCP_TENANTS_MASTER_KEY"
    key_file: Annotated[
        str | None,
        AfterValidator(_key_file),
        Field(validate_default=True),
        Option(
            help="file with the master key, readable by its owner only, relative to the configuration file",
            variables=("MCP_TENANTS_KEY_FILE",),
        ),
    ] = None
    key_name: Annotated[
        str,
        Field(min_length=1, max_length=128),
        Option(help="name of the master key in the system's keyring"),
    ] = "tenants-master-key"
    allowed_schemes: Annotated[
        tuple[Literal["https", "http"], ...],
        AfterValidator(_some),
        Option(help="schemes a tenant's address may have", parse=words),
    ] = ("https",)
    private_networks: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...],
        Option(
            help="networks besides the public ones that tenants' servers may be in, such as 10.1.0.0/16",
            variables=("MCP_TENANTS_PRIVATE_NETWORKS",),
            parse=words,
        ),
    ] = ()
    clients: Annotated[
        int, Field(ge=1, le=100_000), NOT_BOOL, Option(help="connections to upstream servers kept at most")
    ] = 1000
    client_idle: Annotated[
        Seconds, Option(help="seconds after which an unused connection to an upstream is closed")
    ] = 300.0
    rate: Annotated[
        int,
        Field(ge=1, le=100_000),
        NOT_BOOL,
        Option(help="calls of one tenant within rate_seconds", variables=("MCP_TENANTS_RATE",)),
    ] = 1000
    rate_seconds: Annotated[Seconds, Option(help="the window that rate is counted in")] = 60.0
    rate_redis_env: Annotated[
        VariableName | None,
        Option(help="NAME of the variable with the Redis URL that several processes count rates in"),
    ] = None
    concurrency: Annotated[
        int, Field(ge=1, le=10_000), NOT_BOOL, Option(help="calls of one tenant that run at the same time")
    ] = 64
    claim_user: Annotated[str, Field(min_length=1), Option(help="token claim that names the user")] = "sub"
    claim_tenant: Annotated[
        str,
        Field(min_length=1),
        Option(help="token claim that names the tenant; dots step into it"),
    ] = "tenant_id"
    claim_role: Annotated[
        str,
        Field(min_length=1),
        Option(help="token claim that names the role or roles; dots step into it"),
    ] = "role"
    claim_roles: Annotated[
        Mapping[str, Role],
        BeforeValidator(_role_names),
        Option(help="what other words in that claim stand for, such as realm-admin: tenant_admin"),
    ] = field(default_factory=dict[str, Role])
    local_key_env: Annotated[
        VariableName | None,
        Option(help="NAME of the variable with the API key of whoever uses the server over stdio"),
    ] = None
    upstreams: Annotated[
        Mapping[ServerName, GlobalUpstream],
        Option(help="the global servers by name: postgres, minio, ai_mcp_server, or others"),
    ] = field(default_factory=dict[str, GlobalUpstream])
    launchers: Annotated[
        Mapping[ServerName, Launcher],
        Option(help="commands that tenants may choose by name for a server reached by stdio"),
    ] = field(default_factory=dict[str, Launcher])

    @property
    def secret_variables(self) -> tuple[str, ...]:
        """The variables that hold secrets, by their names."""
        named = [
            self.key_variable, self.store_password_env, self.owner_password_env, self.rate_redis_env,
            self.local_key_env,
        ]  # fmt: skip
        for upstream in self.upstreams.values():
            named += [*upstream.headers_env.values(), *upstream.env_from.values()]
        for launcher in self.launchers.values():
            named += launcher.env_from.values()
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def url_policy(self) -> UrlPolicy:
        """What a tenant's address may be."""
        return UrlPolicy(schemes=self.allowed_schemes, private_networks=self.private_networks)


# The options of the section that a running server takes on when the file changes; others wait for a restart.
TAKEN_ON = frozenset(
    {
        "upstreams", "launchers", "allowed_schemes", "private_networks", "clients", "client_idle",
        "concurrency", "rate", "rate_seconds",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlPolicy:
    """Schemes and non-public networks that may be reached; every other private address is refused."""

    schemes: tuple[str, ...] = ("https",)
    private_networks: tuple[str, ...] = ()
