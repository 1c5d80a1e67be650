"""Tools for the configured databases: which there are, which one is in focus, whether they answer."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypedDict

from pydantic import Field

from mcp_arangodb_async.connections import Health
from mcp_arangodb_async.errors import ConflictError
from mcp_arangodb_async.sessions import Level, SessionState
from mcp_arangodb_async.tools.call import Call, ConfiguredDatabase, described
from mcp_arangodb_async.tools.spec import Args, DatabaseArgs, Effect, hidden, tool

# The levels as clients know them, and what each says.
LEVELS: Mapping[int, tuple[str, str]] = {
    1: ("1_per_tool_override", "the call's own database argument"),
    2: ("2_focused_database", "the session's focus"),
    3: ("3_config_default", "default_database of the configuration"),
    4: ("4_env_variable", "MCP_DEFAULT_DATABASE"),
    5: ("5_first_configured", "the first configured database"),
    6: ("6_hardcoded_fallback", "_system"),
}


class NoArgs(Args):
    """No arguments."""


class SetFocusArgs(Args):
    """Arguments of arango_set_focused_database.

    Over HTTP with a client of 2026-07-28 the answer has a `session` handle: pass it with every later call,
    or the focus is not used.
    """

    database: str | None = Field(None, description="Key or none")
    """Key of the configured database; null takes the focus away."""

    also: ClassVar = {"database_key": "database", "key": "database"}


class FocusSet(TypedDict):
    """What later calls of this session work on; `session` must be passed on when it is given."""

    success: bool
    focused_database: str | None
    focused_environment: str | None
    session_id: str | None
    session: str | None
    message: str | None
    fallback_database: str | None


@tool(title="Set focus", category="multi_tenancy", effect=Effect.SESSION, uses_session=True)
async def arango_set_focused_database(call: Call, args: SetFocusArgs) -> FocusSet:
    """Set later calls' database."""
    key = args.database or None
    configured = call.around.configuration.databases
    environments = call.around.environments
    if key is not None and environments is not None and key in environments.names and key not in configured:
        return await focused_environment(call, key)
    if key is not None:
        call.around.check_key(key)
    environment = key if environments is not None and key in environments.names else None
    fixed = call.choice.fixed_focus
    if fixed is not None and key != fixed:
        raise ConflictError(
            f"this endpoint works on database {fixed!r} only; it cannot be focused on {key!r}",
            field="database",
            hint="connect to /mcp for a focus that can change, or pass database on single calls",
        )

    def focus(session: SessionState) -> None:
        session.focused_database = key
        if key is None or environment is not None:
            session.focused_environment = environment

    handle = await call.change_session(focus)
    message = None
    if handle is not None:
        message = "pass session with each later call; without it this focus is not used"
    fallback = None
    if key is None:
        levels = call.around.explain(None, fixed)
        fallback = next((level.key for level in levels if level.status == "decides"), None)
        message = message or f"no focus; calls work on {fallback!r}"
    elif configured[key].description:
        message = message or configured[key].description
    return FocusSet(
        success=True,
        focused_database=key,
        focused_environment=environment,
        session_id=call.session_name,
        session=handle,
        message=message,
        fallback_database=fallback,
    )


async def focused_environment(call: Call, name: str) -> FocusSet:
    """Focus on an SQL environment; the focused database stays."""

    def focus(session: SessionState) -> None:
        session.focused_environment = name

    handle = await call.change_session(focus)
    return FocusSet(
        success=True,
        focused_database=call.focus,
        focused_environment=name,
        session_id=call.session_name,
        session=handle,
        message="pass session with each later call; without it this focus is not used" if handle else None,
        fallback_database=None,
    )


class Focus(TypedDict):
    """The session's focus."""

    focused_database: str | None
    focused_environment: str | None
    is_set: bool
    session_id: str | None


@tool(title="Focus", category="multi_tenancy", effect=Effect.READ, uses_session=True)
async def arango_get_focused_database(call: Call, args: NoArgs) -> Focus:  # noqa: ARG001
    """The focused database."""
    return Focus(
        focused_database=call.focus,
        focused_environment=call.environment_focus,
        is_set=call.focus is not None,
        session_id=call.session_name,
    )


class AvailableDatabases(TypedDict):
    """Every configured database; nothing is connected to find out."""

    databases: list[dict[str, Any]]
    total_count: int


@tool(title="Databases", category="multi_tenancy", effect=Effect.READ, uses_session=False)
async def arango_list_available_databases(call: Call, args: NoArgs) -> AvailableDatabases:  # noqa: ARG001
    """List databases."""
    databases = [shown(one, call) for one in call.around.configuration.databases.values()]
    return AvailableDatabases(databases=databases, total_count=len(databases))


def shown(database: ConfiguredDatabase, call: Call) -> dict[str, Any]:
    """A configured database as clients see it."""
    return described(
        {
            "key": database.key,
            "url": database.url,
            "database": database.database,
            "username": database.username,
            "access": call.access_to(database.key),
            "description": database.description,
            "is_focused": database.key == call.focus or None,
            "is_default": database.key == call.around.configuration.default_database or None,
        }
    )


class ResolutionArgs(Args):
    """Arguments of arango_get_database_resolution."""

    database: str | None = hidden()
    """Explain a call with this `database` argument."""


class ResolutionExplained(TypedDict):
    """Which database a call would use now, and what each level says."""

    resolved_database: str | None
    resolved_level: int | None
    levels: dict[str, Any]
    configuration: dict[str, Any]
    databases: dict[str, Any]
    session_id: str | None
    problem: str | None


@tool(title="Resolution", category="multi_tenancy", effect=Effect.READ, uses_session=True)
async def arango_get_database_resolution(call: Call, args: ResolutionArgs) -> ResolutionExplained:
    """Why this database."""
    levels = call.around.explain(args.database, call.focus)
    deciding = next((level for level in levels if level.status == "decides"), None)
    wrong = next((level for level in levels if level.status == "unknown"), None)
    problem = None
    if wrong is not None:
        _, name = LEVELS[wrong.level]
        keys = ", ".join(call.around.configuration.databases) or "none"
        problem = f"{name} names {wrong.key!r}, which is not configured; configured: {keys}"
        deciding = None
    configuration = call.around.configuration
    return ResolutionExplained(
        session_id=call.session_name,
        resolved_database=deciding.key if deciding else None,
        resolved_level=deciding.level if deciding else None,
        levels={LEVELS[level.level][0]: told(level, call) for level in levels},
        configuration=described(
            {
                "source": configuration.source,
                "default_database": configuration.default_database,
                "total_databases": len(configuration.databases),
                "database_keys": list(configuration.databases),
            }
        ),
        databases={
            one.key: {
                "url": one.url,
                "database": one.database,
                "username": one.username,
                "timeout": one.timeout,
            }
            for one in configuration.databases.values()
        },
        problem=problem,
    )


def told(level: Level, call: Call) -> dict[str, Any]:
    """One level as clients see it."""
    description = LEVELS[level.level][1]
    if level.level == 2 and call.choice.fixed_focus is not None:
        description = "the database of this endpoint"
    return {"value": level.key, "status": level.status, "description": description}


class ConnectionArgs(DatabaseArgs):
    """Arguments of arango_test_database_connection.

    Answers whether or not the database does; `problem` says what is wrong.
    """

    also: ClassVar = {"database_key": "database", "key": "database"}


class Connection(TypedDict):
    """Whether a database answered just now."""

    key: str
    connected: bool
    status: str
    latency_ms: float | None
    version: str | None
    engine: str | None
    problem: str | None


@tool(title="Test", category="multi_tenancy", effect=Effect.READ)
async def arango_test_database_connection(call: Call, args: ConnectionArgs) -> Connection:  # noqa: ARG001
    """Try to connect."""
    return connection(await call.around.manager.probe(call.key))


def connection(health: Health) -> Connection:
    """A probe's outcome as clients see it."""
    return Connection(
        key=health.key,
        connected=health.status == "up",
        status="connected" if health.status == "up" else health.status,
        latency_ms=health.latency_ms,
        version=health.version,
        engine=health.engine,
        problem=health.error,
    )


class AllStatus(TypedDict):
    """Every configured database with its state, checked at the same time."""

    summary: dict[str, Any]
    databases: list[dict[str, Any]]
    session_id: str | None


@tool(title="Check all", category="multi_tenancy", effect=Effect.READ, uses_session=False)
async def arango_get_multi_database_status(call: Call, args: NoArgs) -> AllStatus:  # noqa: ARG001
    """Check all databases."""
    return await status_of(call)


class StatusArgs(Args):
    """Arguments of arango_database_status."""

    database: str | None = hidden()
    """Only this database."""


@tool(title="Status", category="core_data", effect=Effect.READ, uses_session=False)
async def arango_database_status(call: Call, args: StatusArgs) -> AllStatus:
    """Check databases."""
    if args.database is not None:
        call.around.check_key(args.database)
    return await status_of(call, args.database)


async def status_of(call: Call, key: str | None = None) -> AllStatus:
    """The state of every configured database, or of one."""
    probed = await call.around.manager.probe_all(None if key is None else [key])
    configured = call.around.configuration.databases
    rows: list[dict[str, Any]] = []
    for health in probed:
        found = connection(health)
        rows.append(
            described(
                {
                    **shown(configured[health.key], call),
                    "status": "connected" if found["connected"] else "error",
                    "reason": None if found["connected"] else found["status"],
                    "latency_ms": found["latency_ms"],
                    "version": found["version"],
                    "engine": found["engine"],
                    "error": found["problem"],
                }
            )
        )
    connected = sum(row["status"] == "connected" for row in rows)
    return AllStatus(
        summary={
            "total": len(rows),
            "connected": connected,
            "failed": len(rows) - connected,
            "focused_database": call.focus,
        },
        databases=rows,
        session_id=call.session_name,
    )
