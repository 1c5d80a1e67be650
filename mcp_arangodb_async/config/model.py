"""The records that the other rooms receive, and the shape of the configuration file.

`Settings` is what a process runs with, `ConfigFile` and `DatabaseConfig` are what an operator writes. A new
option is one field, here or in `sections.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from mcp_arangodb_async.config.address import EmbeddedServer, RemoteServer, Server, parse_server
from mcp_arangodb_async.config.environment_entry import EnvironmentConfig, check_environment_name
from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.config.exports import ExportSettings
from mcp_arangodb_async.config.http import AuditSettings, OAuthSettings
from mcp_arangodb_async.config.monitoring import MonitoringSettings
from mcp_arangodb_async.config.option import Option
from mcp_arangodb_async.config.secret import Secret
from mcp_arangodb_async.config.sections import (
    STRICT,
    Access,
    BackupSettings,
    CommandLineSettings,
    HttpSettings,
    LimitSettings,
    LogSettings,
    PoolSettings,
    Seconds,
    ServerSettings,
    SessionLimits,
    TlsSettings,
    TokenHash,
    words,
)
from mcp_arangodb_async.config.tenancy import TenancySettings
from mcp_arangodb_async.config.variable import VariableName

__all__ = [
    "SECTIONS",
    "Access",
    "AuditSettings",
    "Auth",
    "BackupSettings",
    "CommandLineSettings",
    "ConfigFile",
    "DatabaseConfig",
    "DatabaseSettings",
    "EmbeddedServer",
    "ExportSettings",
    "HttpSettings",
    "LimitSettings",
    "LogSettings",
    "MonitoringSettings",
    "OAuthSettings",
    "Origin",
    "PoolSettings",
    "RemoteServer",
    "Secret",
    "Server",
    "ServerSettings",
    "SessionLimits",
    "Settings",
    "Source",
    "TenancySettings",
    "TlsSettings",
    "TokenHash",
    "check_database_key",
]

# The sections of the file that are records of options, in the order they are shown.
SECTIONS: Mapping[str, type[Any]] = {
    "server": ServerSettings,
    "http": HttpSettings,
    "oauth": OAuthSettings,
    "audit": AuditSettings,
    "limits": LimitSettings,
    "sessions": SessionLimits,
    "backup": BackupSettings,
    "log": LogSettings,
    "monitoring": MonitoringSettings,
    "exports": ExportSettings,
    "tenants": TenancySettings,
}

Auth = Literal["basic", "jwt", "token"]

KEY_RULE = "1 to 64 letters, digits, spaces and . _ - : only, not starting or ending with a space or a dot"
_KEY = re.compile(r"(?![. ])[\w .:\-]{1,64}(?<![. ])\Z")


def check_database_key(key: str) -> str:
    """The key itself; raises ValueError with the rule if it cannot be one."""
    if not _KEY.match(key):
        raise ValueError(f"is not a database key; a key is {KEY_RULE}")
    return key


def _database_name(name: str) -> str:
    if (
        not 1 <= len(name.encode()) <= 128
        or any(c in "/\\" or ord(c) < 32 for c in name)
        or name != name.strip()
    ):
        raise ValueError(
            "is not a database name: 1 to 128 bytes without slashes, control characters or outer spaces"
        )
    return name


def _endpoints(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _server(urls: tuple[str, ...]) -> tuple[str, ...]:
    parse_server(urls, embedded_directory=Path())
    return urls


class DatabaseConfig(BaseModel):
    """One entry under `databases:` as the operator writes it."""

    model_config = STRICT

    url: Annotated[
        tuple[str, ...],
        BeforeValidator(_endpoints),
        AfterValidator(_server),
        Option(
            help="http(s)://host:port, a list of these for one cluster, or embedded:, embedded:///path, "
            "embedded::memory:",
            variables=("MCP_ARANGO_URL", "ARANGO_URL"),
            parse=words,
            flags=("--url", "-u"),
            metavar="URL",
        ),
    ]
    database: Annotated[
        str,
        AfterValidator(_database_name),
        Option(
            help="the database's name on its server",
            variables=("MCP_ARANGO_DATABASE", "ARANGO_DB"),
            flags=("--database", "-d"),
            metavar="NAME",
        ),
    ] = "_system"
    username: Annotated[
        str,
        Option(
            help="user to log in as",
            variables=("MCP_ARANGO_USERNAME", "ARANGO_USERNAME", "ARANGO_USER"),
            flags=("--username", "-U"),
            metavar="NAME",
        ),
    ] = "root"
    password_env: Annotated[
        VariableName | None,
        Option(
            help="NAME of the environment variable that holds the password",
            flags=("--password-env", "--arango-password-env", "--pw-env", "-P"),
            metavar="VARIABLE",
        ),
    ] = None
    auth: Annotated[
        Auth,
        Option(
            help="how to log in: basic (user and password with each request), jwt (they buy a token that is "
            "renewed), token (one you already have)",
            flags=("--auth",),
        ),
    ] = "basic"
    token_env: Annotated[
        VariableName | None,
        Option(
            help="NAME of the environment variable that holds the token, for auth: token",
            flags=("--token-env",),
            metavar="VARIABLE",
        ),
    ] = None
    timeout: Annotated[
        Seconds,
        Option(
            help="seconds one request to the server may take",
            variables=("ARANGO_TIMEOUT_SEC",),
            flags=("--timeout",),
            metavar="SECONDS",
        ),
    ] = 30.0
    description: Annotated[
        str | None,
        Field(max_length=1000),
        Option(help="what is in it, for people and models", flags=("--description",), metavar="TEXT"),
    ] = None
    access: Annotated[
        Access,
        Option(help="what callers may do: read, write, or admin to drop things too", flags=("--access",)),
    ] = "write"
    production: Annotated[
        bool,
        Option(
            help="people depend on it: with server.confirm: production, dropping things asks the user",
            flags=("--production",),
        ),
    ] = False
    pool: PoolSettings = PoolSettings()
    tls: TlsSettings = TlsSettings()

    @model_validator(mode="after")
    def _token_is_named(self) -> Self:
        if (self.auth == "token") != (self.token_env is not None):
            raise ValueError("auth: token and token_env belong together")
        return self


class ConfigFile(BaseModel):
    """The whole configuration file; everything in it is optional."""

    model_config = STRICT

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, value: Any) -> Any:
        """A section whose lines are all commented out reads as nothing, and is an empty one."""
        if not isinstance(value, dict):
            return value
        given = cast("dict[str, Any]", value)
        sections = {"databases", "environments", *SECTIONS}
        empty: dict[str, Any] = {}
        return {name: empty if inner is None and name in sections else inner for name, inner in given.items()}

    default_database: str | None = None
    databases: dict[Annotated[str, AfterValidator(check_database_key)], DatabaseConfig] = {}
    default_environment: str | None = None
    environments: dict[Annotated[str, AfterValidator(check_environment_name)], EnvironmentConfig] = {}
    server: ServerSettings = ServerSettings()
    http: HttpSettings = HttpSettings()
    oauth: OAuthSettings = OAuthSettings()
    audit: AuditSettings = AuditSettings()
    limits: LimitSettings = LimitSettings()
    sessions: SessionLimits = SessionLimits()
    backup: BackupSettings = BackupSettings()
    log: LogSettings = LogSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    exports: ExportSettings = ExportSettings()
    tenants: TenancySettings = TenancySettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """One configured database, ready for `connections`."""

    key: str
    server: Server
    database: str = "_system"
    username: str = "root"
    password: Secret = field(default_factory=Secret.none)
    auth: Auth = "basic"
    token: Secret = field(default_factory=Secret.none)
    timeout: float = 30.0
    description: str | None = None
    access: Access = "write"
    production: bool = False
    pool: PoolSettings = field(default_factory=PoolSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)

    @property
    def url(self) -> str:
        """The server's address as it may be shown: it never holds credentials."""
        return self.server.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the databases were configured; `path` is set for a file."""

    kind: Literal["file", "variables", "built-in"]
    path: Path | None = None

    def __str__(self) -> str:
        return (
            str(self.path) if self.path else {"variables": "environment variables"}.get(self.kind, self.kind)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who decided a value: the kind, and the line, variable or flag."""

    kind: Literal["default", "file", "environment", "command line"]
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process was told, with the origin of each value.

    `databases` keeps the order of the file: the first is level 5 of the resolution. `default_database`
    is level 3, `env_default` level 4; neither is checked against the keys here, because tools that need no
    database must work with both wrong. `source` is where the databases come from, `file` the file that was
    read, which need not name any. `warnings` are sentences for stderr.
    """

    databases: Mapping[str, DatabaseSettings]
    default_database: str | None = None
    env_default: str | None = None
    environments: Mapping[str, EnvironmentSettings] = field(default_factory=dict[str, EnvironmentSettings])
    default_environment: str | None = None
    source: Source = Source(kind="built-in")
    file: Path | None = None
    server: ServerSettings = field(default_factory=ServerSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    oauth: OAuthSettings = field(default_factory=OAuthSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    sessions: SessionLimits = field(default_factory=SessionLimits)
    backup: BackupSettings = field(default_factory=BackupSettings)
    log: LogSettings = field(default_factory=LogSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)
    exports: ExportSettings = field(default_factory=ExportSettings)
    tenants: TenancySettings = field(default_factory=TenancySettings)
    working_directory: Path = field(default_factory=Path)
    data_directory: Path = field(default_factory=Path)
    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False, compare=False)
    origins: Mapping[str, Origin] = field(default_factory=dict[str, Origin])
    warnings: tuple[str, ...] = ()

    def secret(self, variable: str | None) -> Secret:
        """What a variable named by an option holds, read when it is needed; None is the empty secret."""
        return Secret((variable,), self.variables) if variable else Secret.none()

    @property
    def secrets(self) -> tuple[Callable[[], str], ...]:
        """What must never be written anywhere: functions, because variables change while the process runs.

        A room whose options name further variables adds them with `Redactor.register`.
        """
        databases = self.databases.values()
        held = [secret for database in databases for secret in (database.password, database.token)]
        held += [environment.password for environment in self.environments.values()]
        held += [self.secret(name) for name in self.tenants.secret_variables]
        held += [self.secret(self.sessions.redis_password_env), self.secret(self.audit.key_env)]
        return tuple(secret.reveal for secret in held if secret.variables)

    @property
    def schema_directory(self) -> Path:
        """Where the schemas of SQL environments are stored."""
        return self.data_directory / "schemas"

    @property
    def export_directory(self) -> Path:
        """Where exported results of SQL environments are written."""
        return self.data_directory / self.exports.directory

    @property
    def backup_directory(self) -> Path:
        """The absolute directory of backups."""
        return (self.working_directory / self.backup.directory).absolute()
