"""SQL environments: what an operator writes under `environments:`, and the records made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mcp_arangodb_async.config.secret import Secret

EnvironmentKind = Literal["postgresql", "mysql", "mariadb", "sqlite", "arangodb"]
StatementKind = Literal["read", "dml", "ddl", "admin", "unknown"]
Ruling = Literal["allow", "deny", "confirm"]
Access = Literal["read", "write", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """What statements of an environment may do, beyond its `access`.

    `rules` has a ruling where a class of statements differs from what the access says. `denied_functions`
    are names besides the dialect's own list. `max_cost` is in the planner's unit. `masked_columns` are
    `table.column` or `column`. `schemas` and `tables`, where given, are the only ones that may be named.
    """

    rules: Mapping[StatementKind, Ruling] = field(default_factory=dict[StatementKind, Ruling])
    denied_functions: tuple[str, ...] = ()
    max_cost: float | None = None
    masked_columns: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPool:
    """Connections to one environment."""

    min_connections: int = 0
    max_connections: int = 5
    acquire_timeout: float = 5.0
    idle_timeout: float = 300.0
    validate_after: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentTls:
    """How the server is trusted; `mode` None leaves it to whether the server is on this machine."""

    mode: Literal["off", "prefer", "require", "verify"] = "prefer"
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """One configured environment, ready for `connections` and `sql`.

    `path` is SQLite's file. `database_key` names the entry under `databases:` of an `arangodb` environment.
    """

    name: str
    kind: EnvironmentKind
    host: str = "localhost"
    port: int = 0
    user: str = ""
    password: Secret = field(default_factory=Secret.none)
    database: str = ""
    path: Path | None = None
    database_key: str | None = None
    tls: EnvironmentTls = field(default_factory=EnvironmentTls)
    pool: EnvironmentPool = field(default_factory=EnvironmentPool)
    connect_timeout: float = 3.0
    query_timeout: float = 30.0
    access: Access = "write"
    policy: PolicySettings = field(default_factory=PolicySettings)
    labels: tuple[str, ...] = ()
    description: str | None = None
    max_rows: int = 1000
    max_bytes: int = 256 * 1024
    eager: bool = False

    @property
    def address(self) -> str:
        """The address as it may be shown: never with credentials."""
        match self.kind:
            case "sqlite":
                return f"sqlite:///{self.path.name}" if self.path else "sqlite::memory:"
            case "arangodb":
                return f"databases.{self.database_key}"
            case _:
                return f"{self.kind}://{self.host}:{self.port}/{self.database}"
