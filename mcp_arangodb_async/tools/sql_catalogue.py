"""Tools that tell what environments there are, and what is in them."""

import asyncio
from typing import Any, ClassVar, TypedDict

from pydantic import Field

from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.sql import catalogue
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.router import status_of
from mcp_arangodb_async.tools.call import Call, described
from mcp_arangodb_async.tools.result import Rows
from mcp_arangodb_async.tools.rows import cut
from mcp_arangodb_async.tools.spec import Args, Effect, Names, tool
from mcp_arangodb_async.tools.sql import EnvironmentArgs, chosen, environments_of
from mcp_arangodb_async.tools.sql_monitoring import self_test_of


class ListArgs(Args):
    """Arguments of list_environments."""

    include_disabled: bool = Field(False, description="Also those switched off")
    """Also those with `enabled: false`."""
    labels: Names | None = Field(None, description="Only with one of these")
    """Only environments that have one of these labels."""


class EnvironmentList(TypedDict):
    """The environments in the order of the configuration."""

    environments: list[dict[str, Any]]
    total_count: int
    default_environment: str | None
    focused_environment: str | None


@tool(title="Environments", category="sql_environments", effect=Effect.READ, uses_session=True)
async def list_environments(call: Call, args: ListArgs) -> EnvironmentList:
    """Configured environments with the state of their connections; connects to none."""
    environments = environments_of(call)
    found = [
        shown(call, name)
        for name, settings in environments.configured.items()
        if (settings.enabled or args.include_disabled)
        and (args.labels is None or set(args.labels) & set(settings.labels))
    ]
    return EnvironmentList(
        environments=found,
        total_count=len(found),
        default_environment=environments.default,
        focused_environment=call.environment_focus,
    )


def shown(call: Call, name: str) -> dict[str, Any]:
    """A configured environment as clients see it."""
    environments = environments_of(call)
    settings = environments.configured[name]
    environment = environments.get(name) if settings.enabled else None
    has_server = settings.kind not in {"sqlite", "arangodb"}
    pool = environment.pool if environment is not None else None
    return described(
        {
            "name": name,
            "kind": settings.kind,
            "status": connection_status(environment),
            "address": settings.address,
            "database": settings.database or settings.database_key,
            "user": settings.user or None,
            "access": environment.settings.access if environment is not None else settings.access,
            "template": settings.template,
            "description": settings.description,
            "labels": list(settings.labels) or None,
            "health": environment.vitals.state if environment is not None else None,
            "self_test": self_test_of(environments, name),
            "is_default": name == environments.default or None,
            "is_focused": name == call.environment_focus or None,
            "password_configured": bool(settings.password.variables) if has_server else None,
            "error": pool.last_error.message if pool is not None and pool.last_error is not None else None,
            "max_connections": settings.pool.max_connections if settings.kind != "arangodb" else None,
        }
    )


def connection_status(environment: Environment | None) -> str:
    """The state of an environment's connections in a word, as far as it is known without asking."""
    if environment is None:
        return "disabled"
    pool = environment.pool
    if pool is None:
        return "not_opened"
    counters = pool.counters()
    if pool.is_resting:
        return "down"
    if counters.idle + counters.in_use:
        return "connected"
    return "failing" if pool.last_error is not None else "not_connected"


class NoArgs(Args):
    """No arguments."""


class SchemaArgs(Args):
    """Arguments of list_tables."""

    database: str | None = Field(None, description="Schema; default: its own")

    also: ClassVar = {"schema": "database"}


class SchemaEnvArgs(SchemaArgs):
    """The same on an environment that is named."""

    environment: str | None = Field(None, description="Default: focus, else the configured default")

    also: ClassVar = {**SchemaArgs.also, "env": "environment"}


class TableArgs(SchemaArgs):
    """Arguments of describe_table."""

    table: str = Field(description="Name")


class TableEnvArgs(TableArgs):
    """The same on an environment that is named."""

    environment: str | None = Field(None, description="Default: focus, else the configured default")

    also: ClassVar = {**TableArgs.also, "env": "environment"}


@tool(title="SQL databases", category="sql_environments", effect=Effect.READ, uses_session=True)
async def list_databases(call: Call, args: NoArgs) -> Rows:  # noqa: ARG001
    """Databases of the focused or default environment's server."""
    name, source = chosen(call, None)
    return told(call, name, source, await catalogue.databases(environments_of(call).get(name)))


@tool(
    title="SQL databases of an environment",
    category="sql_environments",
    effect=Effect.READ,
    uses_session=True,
)
async def list_databases_env(call: Call, args: EnvironmentArgs) -> Rows:
    """Databases of an environment's server."""
    name, source = chosen(call, args.environment)
    return told(call, name, source, await catalogue.databases(environments_of(call).get(name)))


class AllArgs(Args):
    """Arguments of list_databases_all_env."""

    environments: Names | None = Field(None, description="Default: all")

    also: ClassVar = {"envs": "environments"}


class PerEnvironment(TypedDict):
    """One record for each environment, all in the same shape."""

    results: dict[str, Any]


@tool(title="SQL databases everywhere", category="sql_environments", effect=Effect.READ, uses_session=False)
async def list_databases_all_env(call: Call, args: AllArgs) -> PerEnvironment:
    """Databases of several environments' servers."""
    environments = environments_of(call)

    async def one(name: str) -> dict[str, Any]:
        try:
            found = await catalogue.databases(environments.get(name))
        except MaaError as error:
            return {
                "environment": name,
                "status": status_of(error),
                "error": {"code": error.code, "message": error.message},
            }
        return {"environment": name, "status": "ok", "databases": found}

    names = list(dict.fromkeys(args.environments or environments.names))
    return PerEnvironment(results=dict(zip(names, await asyncio.gather(*map(one, names)), strict=True)))


@tool(title="SQL tables", category="sql_environments", effect=Effect.READ, uses_session=True)
async def list_tables(call: Call, args: SchemaArgs) -> Rows:
    """Tables and views of the focused or default environment."""
    name, source = chosen(call, None)
    return told(call, name, source, await catalogue.tables(environments_of(call).get(name), args.database))


@tool(
    title="SQL tables of an environment", category="sql_environments", effect=Effect.READ, uses_session=True
)
async def list_tables_env(call: Call, args: SchemaEnvArgs) -> Rows:
    """Tables and views of an environment."""
    name, source = chosen(call, args.environment)
    return told(call, name, source, await catalogue.tables(environments_of(call).get(name), args.database))


@tool(title="SQL table", category="sql_environments", effect=Effect.READ, uses_session=True)
async def describe_table(call: Call, args: TableArgs) -> Rows:
    """Columns of a table with types, defaults and keys, in the focused or default environment."""
    return await described_table(call, args, None)


@tool(title="SQL table of an environment", category="sql_environments", effect=Effect.READ, uses_session=True)
async def describe_table_env(call: Call, args: TableEnvArgs) -> Rows:
    """Columns of a table of an environment."""
    return await described_table(call, args, args.environment)


@tool(title="SQL columns", category="sql_environments", effect=Effect.READ, uses_session=True)
async def list_columns(call: Call, args: TableEnvArgs) -> Rows:
    """Names and types of a table's columns."""
    name, source = chosen(call, args.environment)
    found = await catalogue.columns(environments_of(call).get(name), args.table, args.database)
    return told(call, name, source, [{"name": row["name"], "type": row["type"]} for row in found])


async def described_table(call: Call, args: TableArgs, environment: str | None) -> Rows:
    """The columns of a table."""
    name, source = chosen(call, environment)
    found = await catalogue.columns(environments_of(call).get(name), args.table, args.database)
    return told(call, name, source, found)


def told(call: Call, name: str, source: str, rows: list[dict[str, Any]]) -> Rows:
    """Rows of a catalogue with their environment."""
    settings = environments_of(call).get(name).settings
    fitting = cut(rows, call.limits)
    return Rows(
        rows=fitting.rows,
        encoded=fitting.encoded,
        truncated=fitting.taken < len(rows),
        facts={"environment": name, "kind": settings.kind, "access": settings.access, "resolved_by": source},
    )
