"""A tenant and its servers' sections: one typed record per server type.

    Tenant(id="acme", version=3, servers={"postgres": Server(section=PostgresSection(...), secrets={...})})

A section holds no secret; `secrets` maps the field that was given (`password`, `headers.authorization`) to
what is stored of it. `document.py` makes these records of a caller's document, `secrets.py` opens the seals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, ConfigDict, Field

from mcp_arangodb_async.config.sections import NOT_BOOL
from mcp_arangodb_async.config.tenancy import (
    ServerName,
    ServerType,
    Timeout,
    ToolName,
    Url,
    Wire,
)
from mcp_arangodb_async.errors import InputError

Mode = Literal["tenant", "inherit", "disabled"]
Fallback = Literal["none", "global"]

TENANT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}\Z")
TENANT_RULE = "1 to 64 letters, digits and . _ -, starting with a letter or a digit"
MAXIMUM_SERVERS = 32
MAXIMUM_SECRET = 16 * 1024
_STRICT = ConfigDict(extra="forbid", frozen=True, defer_build=True)
_DOWNSTREAM = re.compile(r"[^\x00-\x1f\x7f]{1,128}\Z")


def check_tenant(tenant: str) -> str:
    """The tenant's id itself; raises InputError with the rule if none can be called so."""
    if not TENANT_ID.match(tenant):
        raise InputError(f"{tenant[:80]!r} is not a tenant's id: {TENANT_RULE}", field="tenant")
    return tenant


def _plain(text: str) -> str:
    if not _DOWNSTREAM.match(text):
        raise ValueError("must be 1 to 128 characters without control characters")
    return text


Plain = Annotated[str, AfterValidator(_plain)]
Port = Annotated[int, Field(ge=1, le=65_535), NOT_BOOL]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSection:
    """What is said of every server: whose it is, how it is reached, which of its tools are used.

    `mode` is whose server is used: the tenant's own, the global one, or none. `fallback` is what happens
    while the tenant's own is down. `launcher` names a command of the operator's file; a tenant never gives
    one. `tools` maps a capability (`postgres_query`) to the tool's real name there. `allow_tools` None allows
    all. A tool's argument called `tenant_argument` is filled with `downstream_tenant_id`, and hidden.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    TYPE: ClassVar[ServerType]
    SECRETS: ClassVar[tuple[str, ...]] = ()

    mode: Mode = "tenant"
    fallback: Fallback = "none"
    transport: Wire = "http"
    url: Url = None
    launcher: ServerName | None = None
    tools: Annotated[Mapping[str, ToolName], Field(max_length=200)] = field(default_factory=dict[str, str])
    allow_tools: Annotated[tuple[ToolName, ...], Field(max_length=1000)] | None = None
    tenant_argument: Plain | None = None
    downstream_tenant_id: Plain | None = None
    connect_timeout: Timeout = 5.0
    timeout: Timeout = 30.0
    concurrency: Annotated[int, Field(ge=1, le=1000), NOT_BOOL] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSection(ServerSection):
    """A server for PostgreSQL; host to username are for a launcher's command."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    TYPE: ClassVar[ServerType] = "postgres"
    SECRETS: ClassVar[tuple[str, ...]] = ("password",)

    host: Plain | None = None
    port: Port = 5432
    database: Plain | None = None
    username: Plain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MinioSection(ServerSection):
    """A server for S3 or MinIO; endpoint to region are for a launcher's command."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    TYPE: ClassVar[ServerType] = "minio"
    SECRETS: ClassVar[tuple[str, ...]] = ("access_key", "secret_key")

    endpoint: Url = None
    region: Plain | None = None
    bucket: Plain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AiSection(ServerSection):
    """A server for models: completion, embeddings, speech; `api_base_url` is for a launcher's command."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    TYPE: ClassVar[ServerType] = "ai_mcp_server"
    SECRETS: ClassVar[tuple[str, ...]] = (
        "api_key",
        "openrouter_api_key",
        "elevenlabs_api_key",
        "openai_api_key",
    )

    api_base_url: Url = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericSection(ServerSection):
    """Any other server; `parameters` are for a launcher's command, and its secrets are named freely."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    TYPE: ClassVar[ServerType] = "generic"

    parameters: Annotated[Mapping[str, Plain], Field(max_length=32)] = field(default_factory=dict[str, str])


Section = PostgresSection | MinioSection | AiSection | GenericSection
# The server types and their records. A server whose name is not a type is a generic one.
SECTION_TYPES: Mapping[ServerType, type[Section]] = {
    "postgres": PostgresSection,
    "minio": MinioSection,
    "ai_mcp_server": AiSection,
    "generic": GenericSection,
}


def section_type(server: str) -> type[Section]:
    """The record of a server of this name."""
    return next((record for name, record in SECTION_TYPES.items() if name == server), GenericSection)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """What is stored of a secret. `version` counts its changes, `key_version` names the tenant's data key.

    The fingerprint tells whether two values of this field are the same, to nobody but the holder of the key.
    """

    version: int
    key_version: int
    nonce: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    fingerprint: str
    set_at: str

    @property
    def shown(self) -> str:
        """What may be read of it."""
        return f"set since {self.set_at}, fingerprint {self.fingerprint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A tenant's server by its name; the versions are those of the tenant in which it last changed.

    A live client belongs to `version` and `credential_version`: other servers' changes leave both alone.
    """

    name: str
    section: Section
    secrets: Mapping[str, SealedSecret] = field(default_factory=dict[str, SealedSecret])
    version: int
    credential_version: int

    @property
    def type(self) -> ServerType:
        """The server's type."""
        return self.section.TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant as one version of it is stored.

    `incarnation` differs when a tenant is deleted and registered again, although versions start anew.
    `enabled` off means that the tenant uses the global servers only.
    """

    id: str
    incarnation: str
    version: int
    enabled: bool = True
    servers: Mapping[str, Server] = field(default_factory=dict[str, Server])
    created_at: str = ""
    updated_at: str = ""
    updated_by: str = ""

    def client_key(self, server: str) -> tuple[str, str, str, int, int]:
        """What a live client is kept under: it changes whenever the client must be built anew."""
        found = self.servers[server]
        return (self.id, self.incarnation, server, found.version, found.credential_version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A line of a tenant's history."""

    version: int
    action: str
    at: str
    by: str
    servers: tuple[str, ...]
    enabled: bool


def shown_section(section: Section) -> dict[str, Any]:
    """The section as JSON, defaults left out."""
    plain: dict[str, Any] = {}
    for name, option in type(section).__dataclass_fields__.items():
        value: Any = getattr(section, name)
        factory = option.default_factory
        empty: Any = option.default if factory is MISSING else factory()
        if value != empty:
            plain[name] = _json(value)
    return plain


def shown_tenant(tenant: Tenant) -> dict[str, Any]:
    """The tenant as JSON that everybody who may read it may see: of secrets only since when they are set."""
    return {
        "tenant": tenant.id,
        "version": tenant.version,
        "enabled": tenant.enabled,
        "servers": {name: shown_server(server) for name, server in tenant.servers.items()},
        "created_at": tenant.created_at,
        "updated_at": tenant.updated_at,
        "updated_by": tenant.updated_by,
    }


def shown_server(server: Server) -> dict[str, Any]:
    """One server as JSON, its secrets as above."""
    return {
        "type": server.type,
        "mode": server.section.mode,
        **shown_section(server.section),
        "secrets": {field: secret.shown for field, secret in server.secrets.items()},
        "version": server.version,
    }


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, str]", value))
    return list(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else value
