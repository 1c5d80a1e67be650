"""SQL environments as the other rooms receive them; `environment_entry.py` has what an operator writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from mcp_arangodb_async.config.environment_entry import (
    EnvironmentConfig,
    EnvironmentKind,
    EnvironmentPool,
    EnvironmentTls,
    Ruling,
    StatementKind,
    Template,
)
from mcp_arangodb_async.config.place import Place
from mcp_arangodb_async.config.secret import IN_FILE, Secret
from mcp_arangodb_async.config.sections import Access
from mcp_arangodb_async.config.sql_address import SqlAddress, parse_sql_url

PORTS: Mapping[str, int] = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSettings:
    """What a template says unless the entry says otherwise."""

    access: Access = "read"
    rules: Mapping[StatementKind, Ruling] = field(default_factory=dict[StatementKind, Ruling])


TEMPLATES: Mapping[Template, TemplateSettings] = {
    "production": TemplateSettings(rules={"dml": "confirm", "ddl": "deny", "admin": "deny"}),
    "staging": TemplateSettings(access="admin", rules={"ddl": "confirm", "admin": "deny"}),
    "development": TemplateSettings(access="admin"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """What statements of an environment may do, beyond its `access`.

    `rules` has a ruling where a class of statements differs from what the access says. `functions` are the
    operator's own that only read, `denied_functions` are names besides the dialect's own list. `max_cost`
    is in the planner's unit. `masked_columns` are `table.column` or `column`. `schemas` and `tables`, where
    given, are the only ones that may be named.
    """

    rules: Mapping[StatementKind, Ruling] = field(default_factory=dict[StatementKind, Ruling])
    functions: tuple[str, ...] = ()
    denied_functions: tuple[str, ...] = ()
    max_cost: float | None = None
    masked_columns: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


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
    template: Template | None = None
    access: Access = "read"
    policy: PolicySettings = field(default_factory=PolicySettings)
    labels: tuple[str, ...] = ()
    description: str | None = None
    max_rows: int = 1000
    max_bytes: int = 256 * 1024
    eager: bool = True
    enabled: bool = True

    @property
    def address(self) -> str:
        """The address as it may be shown: never with credentials, nor the directories of this machine."""
        match self.kind:
            case "sqlite":
                return f"sqlite:{self.path.name if self.path else ''}"
            case "arangodb":
                return f"databases.{self.database_key}"
            case _:
                return f"{self.kind}://{self.host}:{self.port}/{self.database}"


def environment_settings(
    name: str, config: EnvironmentConfig, *, environ: Mapping[str, str], password: str | None = None
) -> EnvironmentSettings:
    """The record of a checked entry; `password` is one that stood in a TOML file."""
    address = parse_sql_url(config.url) if config.url else SqlAddress()
    kind = cast("EnvironmentKind", config.kind or address.kind)
    template = TEMPLATES[config.template] if config.template else TemplateSettings()
    written = config.policy
    given: dict[StatementKind, Ruling | None] = {
        "read": written.read, "dml": written.dml, "ddl": written.ddl, "admin": written.admin,
    }  # fmt: skip
    secret = Secret((config.password_env,), environ) if config.password_env else Secret.none()
    path = config.path or address.path
    tls = config.tls if address.tls_mode is None else replace(config.tls, mode=address.tls_mode)
    return EnvironmentSettings(
        name=name,
        kind=kind,
        host=config.host or address.host or "localhost",
        port=config.port or address.port or PORTS.get(kind, 0),
        user=config.user or address.user or "",
        password=Secret.held(password, where=IN_FILE) if password is not None else secret,
        database=config.database or address.database or "",
        path=Path(path) if path else None,
        database_key=config.database_key,
        tls=tls,
        pool=config.pool,
        connect_timeout=config.connect_timeout,
        query_timeout=config.query_timeout,
        template=config.template,
        access=config.access or template.access,
        policy=PolicySettings(
            rules={**template.rules, **{word: told for word, told in given.items() if told is not None}},
            functions=written.functions,
            denied_functions=written.denied_functions,
            max_cost=written.max_cost,
            masked_columns=written.masked_columns,
            schemas=written.schemas,
            tables=written.tables,
        ),
        labels=config.labels,
        description=config.description,
        max_rows=config.max_rows,
        max_bytes=config.max_bytes,
        eager=config.eager,
        enabled=config.enabled,
    )


def problems_across(file: Mapping[str, Any]) -> list[tuple[Place, str]]:
    """What entries of a whole file say about each other that is not so."""
    environments, databases = _keys(file.get("environments")), _keys(file.get("databases"))
    found: list[tuple[Place, str]] = []
    default = file.get("default_environment")
    if isinstance(default, str) and default not in environments:
        listed = ", ".join(environments) or "none"
        found.append((("default_environment",), f"no environment {default!r}; configured: {listed}"))
    for name, entry in environments.items():
        key = cast("dict[str, Any]", entry).get("database_key") if isinstance(entry, dict) else None
        if isinstance(key, str) and key not in databases:
            listed = ", ".join(databases) or "none"
            found.append(
                (("environments", name, "database_key"), f"no database {key!r}; configured: {listed}")
            )
    return found


def _keys(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def unset_passwords(environments: Sequence[EnvironmentSettings]) -> list[str]:
    """A sentence for each environment whose password variable is not set."""
    return [
        f"environment {one.name!r}: the variable {one.password.variable} is not set; logging in without it"
        for one in environments
        if one.enabled and one.password.variables and not one.password.is_set
    ]
