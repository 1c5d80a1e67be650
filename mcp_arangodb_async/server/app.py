"""The application: every live thing opened in one place, and closed in the reverse order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.observability import Redactor, configure_logging, get_logger
from mcp_arangodb_async.observability.audit import AuditLog
from mcp_arangodb_async.server.dispatch import Dispatcher
from mcp_arangodb_async.server.middleware import Watch
from mcp_arangodb_async.sessions import MemorySessionStore, SessionStore, explain_resolution
from mcp_arangodb_async.sessions.resolve import unknown_database
from mcp_arangodb_async.tools.call import Configuration, ConfiguredDatabase, Surroundings
from mcp_arangodb_async.tools.catalog import TOOLS_BY_NAME
from mcp_arangodb_async.tools.continuations import Continuations
from mcp_arangodb_async.tools.result import Limits
from mcp_arangodb_async.tools.spec import Tool
from mcp_arangodb_async.workflows.view import check_toolset

log = get_logger(__name__)
SWEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One running application; several in one process are independent."""

    settings: Settings
    manager: MultiDatabaseConnectionManager
    sessions: SessionStore
    around: Surroundings
    dispatcher: Dispatcher
    tools: Mapping[str, Tool]
    watch: Watch


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
                settings.databases, connect_timeout=settings.limits.connect_deadline
            )
        )
        sessions = MemorySessionStore(
            maximum=settings.sessions.maximum, idle_timeout=settings.sessions.idle_timeout
        )
        around = Surroundings(
            manager=manager,
            configuration=configuration_of(settings),
            continuations=Continuations(),
            limits=Limits(
                rows=settings.limits.max_rows,
                bytes=settings.limits.max_bytes,
                seconds=settings.limits.call_deadline,
            ),
            tools=TOOLS_BY_NAME,
            toolset=settings.server.toolset,
            backup_directory=settings.backup_directory,
            explain=lambda argument, focus: explain_resolution(argument, focus, settings),
            check_key=lambda key: check_key(key, settings),
        )
        sweeping = asyncio.create_task(sweep(sessions))
        stack.push_async_callback(cancelled, sweeping)
        watch = Watch(settings=settings, audit=audit, redact=redactor.redact)
        dispatcher = Dispatcher(settings, around, sessions, watch)
        stack.callback(dispatcher.close)
        yield App(
            settings=settings,
            manager=manager,
            sessions=sessions,
            around=around,
            dispatcher=dispatcher,
            tools=TOOLS_BY_NAME,
            watch=watch,
        )


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
        for session in await sessions.expire():
            log.debug("session.expired", session=session[:16])


async def cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a background task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def check_key(key: str, settings: Settings) -> None:
    """UnknownDatabaseError unless the key is configured."""
    if key not in settings.databases:
        raise unknown_database(key, settings)


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


def serve(settings: Settings) -> int:
    """Serve until the client leaves (stdio) or a signal ends it (HTTP); the exit code."""
    redactor = redactor_of(settings)
    logs = configure_logging(level=settings.log.level, format=settings.log.format, redactor=redactor)
    try:
        if settings.server.transport == "http":
            from mcp_arangodb_async.server.http import serve_http

            return serve_http(settings, redactor)
        asyncio.run(serve_one_client(settings, redactor))
    except KeyboardInterrupt:
        return 130
    finally:
        logs.close()
    return 0


async def serve_one_client(settings: Settings, redactor: Redactor) -> None:
    """Serve the client at the other end of standard input and output."""
    from mcp_arangodb_async.server.build import build_server
    from mcp_arangodb_async.server.stdio import serve_stdio

    async with open_app(settings, redactor=redactor) as app:
        announce(settings)
        await serve_stdio(build_server(app, transport="stdio"))


def announce(settings: Settings) -> None:
    """Say on standard error what is served, and warn of what is odd about it."""
    keys = ", ".join(settings.databases) or "none"
    lines = [f"mcp-arangodb-async: databases from {settings.source}: {keys}", *settings.warnings]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
