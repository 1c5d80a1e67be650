"""The application: every live thing opened in one place, and closed in the reverse order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import ConfigError, UnavailableError
from mcp_arangodb_async.observability import Redactor, configure_logging, get_logger
from mcp_arangodb_async.observability.audit import AuditLog
from mcp_arangodb_async.server.dispatch import Dispatcher
from mcp_arangodb_async.server.environments import (
    OpenEnvironments,
    enabled,
    open_environments,
    with_sql_tools,
)
from mcp_arangodb_async.server.middleware import Watch
from mcp_arangodb_async.server.reload import Load, Reloading
from mcp_arangodb_async.server.tenancy import open_tenancy, renew, tools_of
from mcp_arangodb_async.sessions import Level, MemorySessionStore, SessionStore, explain_resolution
from mcp_arangodb_async.sessions.resolve import unknown_database
from mcp_arangodb_async.tools.call import Configuration, ConfiguredDatabase, Surroundings
from mcp_arangodb_async.tools.catalog import TOOLS_BY_NAME
from mcp_arangodb_async.tools.continuations import (
    Continuations,
    MemoryContinuations,
    SharedContinuations,
)
from mcp_arangodb_async.tools.result import Limits
from mcp_arangodb_async.tools.spec import Tool
from mcp_arangodb_async.workflows.view import check_toolset

log = get_logger(__name__)
SWEEP_SECONDS = 60.0


@dataclass(slots=True, kw_only=True)
class App:
    """One running application; several in one process are independent.

    A reload replaces `settings`, `around` and `tools` together; nothing else changes while it runs.
    `relisted` are called when the list of tools is another one.
    """

    settings: Settings
    manager: MultiDatabaseConnectionManager
    sessions: SessionStore
    around: Surroundings
    dispatcher: Dispatcher
    tools: Mapping[str, Tool]
    watch: Watch
    redactor: Redactor
    environments: OpenEnvironments
    relisted: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def apply(self, settings: Settings) -> None:
        """Take on another configuration: calls that run go on with the one they began with.

        ConfigError where that cannot be; then everything stays as it was.
        """
        for reveal in settings.secrets:
            self.redactor.register(reveal)
        renewed = self.environments.prepare(settings)
        changes = self.manager.reconfigure(reachable(settings))
        self.environments.adopt(renewed)
        reshown = renew(self.around.tenancy, settings)
        relisted = enabled(settings) != enabled(self.settings)
        self.settings = settings
        if relisted:
            own = {name: tool for name, tool in self.tools.items() if tool.category != "sql_environments"}
            self.tools = with_sql_tools(settings, own)
        self.around = replace(
            self.around,
            environments=self.environments.current,
            tools=self.tools,
            **configured_by(settings),
        )
        self.dispatcher.renew(self.settings, self.around)
        log.info(
            "configuration.applied",
            added=changes.added,
            removed=changes.removed,
            changed=changes.changed,
            default_database=settings.default_database,
        )
        if renewed is not None:
            log.info(
                "environments.applied",
                added=renewed.added,
                removed=renewed.removed,
                changed=renewed.changed,
                default_environment=renewed.default,
            )
        for tell in self.relisted if relisted or reshown else ():
            tell()


@asynccontextmanager
async def open_app(settings: Settings, *, redactor: Redactor | None = None) -> AsyncGenerator[App]:
    """Open the application; nothing is connected before a call needs it.

    `redactor` knows the configured secrets, as that of the log does; without one, one is made.
    """
    check_toolset(settings.server.toolset)
    redactor = redactor or redactor_of(settings)
    async with AsyncExitStack() as stack:
        audit = await open_audit(settings)
        if audit is not None:
            stack.push_async_callback(audit.close)
        manager = await stack.enter_async_context(
            MultiDatabaseConnectionManager(
                reachable(settings), connect_timeout=settings.limits.connect_deadline
            )
        )
        sessions = await stack.enter_async_context(open_sessions(settings))
        tools = with_sql_tools(settings, tools_of(settings, TOOLS_BY_NAME))
        environments = await stack.enter_async_context(open_environments(settings, manager))
        around = Surroundings(
            manager=manager,
            tenancy=await stack.enter_async_context(open_tenancy(settings, audit, sessions)),
            environments=environments.current,
            continuations=continuations_beside(sessions),
            limits=Limits(
                rows=settings.limits.max_rows,
                bytes=settings.limits.max_bytes,
                seconds=settings.limits.call_deadline,
            ),
            tools=tools,
            toolset=settings.server.toolset,
            backup_directory=settings.backup_directory,
            schema_directory=settings.schema_directory,
            **configured_by(settings),
        )
        sweeping = asyncio.create_task(sweep(sessions))
        stack.push_async_callback(cancelled, sweeping)
        watch = Watch(settings=settings, audit=audit, redact=redactor.told)
        dispatcher = Dispatcher(settings, around, sessions, watch)
        stack.callback(dispatcher.close)
        yield App(
            settings=settings,
            manager=manager,
            sessions=sessions,
            around=around,
            dispatcher=dispatcher,
            tools=tools,
            watch=watch,
            redactor=redactor,
            environments=environments,
        )


class Configured(TypedDict):
    """The parts of `Surroundings` that come from the configured databases."""

    configuration: Configuration
    explain: Callable[[str | None, str | None], Sequence[Level]]
    check_key: Callable[[str], None]


def configured_by(settings: Settings) -> Configured:
    """What calls know of the configured databases."""
    return Configured(
        configuration=configuration_of(settings),
        explain=lambda argument, focus: explain_resolution(argument, focus, settings),
        check_key=lambda key: check_key(key, settings),
    )


@asynccontextmanager
async def open_sessions(settings: Settings) -> AsyncGenerator[SessionStore]:
    """Where sessions are kept: in this process, or in Redis for several; Redis may be down at the start."""
    options = settings.sessions
    if options.redis is None:
        yield MemorySessionStore(maximum=options.maximum, idle_timeout=options.idle_timeout)
        return
    try:
        # Here and not above: only who configured it pays for the library.
        from mcp_arangodb_async.sessions.stores.redis import RedisSessionStore
    except ImportError:
        raise ConfigError(
            "sessions.redis: the library for Redis is not installed",
            hint='pip install "mcp-arangodb-async[redis]"',
        ) from None
    async with RedisSessionStore(
        options.redis,
        username=options.redis_username,
        password=settings.secret(options.redis_password_env).reveal() or None,
        maximum=options.maximum,
        idle_timeout=options.idle_timeout,
    ) as sessions:
        yield sessions


def continuations_beside(sessions: SessionStore) -> Continuations:
    """Where the rests of results wait: with the sessions, so that any process can lead them on."""
    if isinstance(sessions, MemorySessionStore):
        return MemoryContinuations()
    shelf: Any = sessions
    return SharedContinuations(shelf)


def redactor_of(settings: Settings) -> Redactor:
    """A redactor that knows every configured secret, also those whose variables change."""
    redactor = Redactor()
    for reveal in settings.secrets:
        redactor.register(reveal)
    return redactor


async def open_audit(settings: Settings) -> AuditLog | None:
    """The audit log, if one is configured; ConfigError if it cannot be written."""
    audit = settings.audit
    if audit.directory is None:
        return None
    key = settings.secret(audit.key_env).reveal().encode() or None
    if audit.key_env is not None and key is None:
        raise ConfigError(f"audit.key_env: the variable {audit.key_env} is not set")
    return await AuditLog.open(
        settings.working_directory / audit.directory,
        key=key,
        fsync=audit.fsync,
        fail_closed=audit.fail_closed,
        segment_bytes=audit.segment_bytes,
    )


async def sweep(sessions: SessionStore) -> None:
    """Forget idle sessions, for as long as the application lives."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            for session in await sessions.expire():
                log.debug("session.expired", session=session[:16])
        except UnavailableError as error:
            log.warning("sessions.unavailable", reason=error.message)


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a background task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def check_key(key: str, settings: Settings) -> None:
    """UnknownDatabaseError unless the key is configured."""
    if key not in settings.databases:
        raise unknown_database(key, settings)


def reachable(settings: Settings) -> Mapping[str, DatabaseSettings]:
    """The databases as they may be used: with --read-only, none is changed whatever its entry says."""
    if not settings.server.read_only:
        return settings.databases
    return {key: replace(one, access="read") for key, one in settings.databases.items()}


def configuration_of(settings: Settings) -> Configuration:
    """What clients may know of the configuration: no credentials, no local paths."""
    return Configuration(
        source={"file": "yaml_file", "variables": "environment_variables"}.get(
            settings.source.kind, "built_in"
        ),
        default_database=settings.default_database,
        databases={key: configured(database) for key, database in settings.databases.items()},
        read_only=settings.server.read_only,
    )


def configured(database: DatabaseSettings) -> ConfiguredDatabase:
    """One entry of the configuration as clients may see it."""
    in_directory = isinstance(database.server, EmbeddedServer) and database.server.directory is not None
    return ConfiguredDatabase(
        key=database.key,
        url="embedded:" if in_directory else database.url,
        database=database.database,
        username=database.username,
        access=database.access,
        timeout=database.timeout,
        description=database.description,
    )


@asynccontextmanager
async def reloading(app: App, load: Load | None) -> AsyncGenerator[None]:
    """Take on what `load` reads when the configuration changes, for the block."""
    if load is None:
        yield
        return
    watching = asyncio.create_task(Reloading(app.settings, load=load, apply=app.apply).watch())
    try:
        yield
    finally:
        await cancelled(watching)


def serve(settings: Settings, load: Load | None = None) -> int:
    """Serve until the client leaves (stdio) or a signal ends it (HTTP); the exit code.

    `load` reads the configuration anew; it is called on SIGHUP and when the file changes.
    """
    redactor = redactor_of(settings)
    logs = configure_logging(level=settings.log.level, format=settings.log.format, redactor=redactor)
    try:
        if settings.server.transport == "http":
            from mcp_arangodb_async.server.http import serve_http

            return serve_http(settings, redactor, load)
        asyncio.run(serve_one_client(settings, redactor, load))
    except KeyboardInterrupt:
        return 130
    finally:
        logs.close()
    return 0


async def serve_one_client(settings: Settings, redactor: Redactor, load: Load | None = None) -> None:
    """Serve the client at the other end of standard input and output."""
    from mcp_arangodb_async.server.build import build_server
    from mcp_arangodb_async.server.stdio import serve_stdio

    async with open_app(settings, redactor=redactor) as app, reloading(app, load):
        announce(settings)
        await serve_stdio(build_server(app, transport="stdio"))


def announce(settings: Settings) -> None:
    """Say on standard error what is served, and warn of what is odd about it."""
    keys = ", ".join(settings.databases) or "none"
    lines = [f"mcp-arangodb-async: databases from {settings.source}: {keys}", *settings.warnings]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
