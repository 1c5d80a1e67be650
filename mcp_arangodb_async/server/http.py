"""The HTTP transport: Streamable HTTP at /mcp for both protocol eras, and the health of the process.

The SDK's manager keeps the sessions of handshake-era clients, bound to the principal that opened them; it can
push `list_changed` to them, and ends them when they are idle. Requests of 2026-07-28 stand alone.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Any, cast

import orjson
import uvicorn
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser

from mcp_arangodb_async.config.model import Access, Settings
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.observability import Redactor, get_logger
from mcp_arangodb_async.observability.audit_record import AuditRecord
from mcp_arangodb_async.observability.exposition import INSTALL, is_installed
from mcp_arangodb_async.server.app import App, announce, open_app, reloading
from mcp_arangodb_async.server.authentication import Authenticator, check_oauth
from mcp_arangodb_async.server.build import ArangoServer, build_server
from mcp_arangodb_async.server.guard import Answered, Guard, rules_of
from mcp_arangodb_async.server.middleware.auditing import written
from mcp_arangodb_async.server.portable import PortableSessions, SharedStore
from mcp_arangodb_async.server.probes import Probes
from mcp_arangodb_async.server.refusal import AsgiApp, Receive, Scope, Send
from mcp_arangodb_async.server.reload import Load
from mcp_arangodb_async.server.resuming import RETRY_MILLISECONDS, Kept, ResumableSessions
from mcp_arangodb_async.server.tokens import access_token
from mcp_arangodb_async.server.wire import MAXIMUM_HEAD, Places, TimedConfig
from mcp_arangodb_async.sessions import Principal
from mcp_arangodb_async.tools.aliases import ALIASES
from mcp_arangodb_async.tools.catalog import TOOLS_BY_NAME

log = get_logger(__name__)
# After the time for running calls: what closing everything may take before the process is ended by force.
LAST_RESORT_SECONDS = 0.9
# Refusals are written to the audit log this often at most; whoever floods the server does not fill the disk.
REFUSALS_PER_SECOND = 20
# Statuses of requests that were turned away for who sent them, not for what they hold.
REFUSED = frozenset({401, 403, 421})


def accept(scope: Scope, principal: Principal) -> None:
    """Tell the SDK who asks: it binds the sessions it keeps to that."""
    scope["user"] = AuthenticatedUser(access_token(principal))


class Observer:
    """Counts HTTP requests, and writes down those that were turned away."""

    def __init__(self, app: App) -> None:
        self._measures = app.watch.measures
        self._audit = app.watch.audit
        self._second = 0
        self._refusals = 0
        self._writing: set[asyncio.Task[None]] = set()

    def __call__(self, answered: Answered) -> None:
        """One request whose answer begins."""
        self._measures.request(answered.route, answered.method, answered.status)
        if answered.status not in REFUSED or answered.code is None or not self._may_tell():
            return
        log.info(
            "http.refused",
            route=answered.route,
            status=answered.status,
            client=answered.client,
            request_id=answered.request_id,
        )
        if self._audit is not None:
            writing = asyncio.ensure_future(written(self._audit, refusal_record(answered)))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    def _may_tell(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._refusals = second, 0
        self._refusals += 1
        return self._refusals <= REFUSALS_PER_SECOND


def refusal_record(answered: Answered) -> AuditRecord:
    """The audit record of a request that was turned away at the door."""
    who = answered.principal
    return AuditRecord(
        kind="http",
        decision="denied",
        outcome=answered.code or "denied",
        who=None if who is None else who.subject,
        issuer=None if who is None else who.issuer,
        client=None if who is None else who.client,
        transport="http",
        request=answered.request_id,
        details={"route": answered.route, "status": answered.status, "address": answered.client},
    )


def needed_access(body: bytes) -> Access | None:
    """The access that the call in a body always needs; None for what only its tool can tell."""
    try:
        message: Any = orjson.loads(body)
        name = message["params"]["name"] if message["method"] == "tools/call" else None
    except (ValueError, TypeError, KeyError):
        return None
    tool = TOOLS_BY_NAME.get(ALIASES.get(name, name)) if isinstance(name, str) else None
    return None if tool is None else tool.effect.access


@asynccontextmanager
async def open_asgi(app: App) -> AsyncGenerator[tuple[Guard, ArangoServer]]:
    """The ASGI application of an app, ready to be served; and its MCP server."""
    settings = app.settings
    server = build_server(app, transport="http")
    manager = ResumableSessions(
        server,
        retry_interval=RETRY_MILLISECONDS,
        session_idle_timeout=settings.sessions.idle_timeout,
        max_sessions=settings.sessions.maximum,
        max_request_body_size=settings.http.max_body_bytes,
        stateless=settings.sessions.redis is not None,
    )
    manager.kept = Kept()
    mcp: AsgiApp = manager.handle_request
    if settings.sessions.redis is not None:
        mcp = PortableSessions(cast("SharedStore", app.sessions), mcp)
    rules = rules_of(settings)
    tenancy = app.around.tenancy
    has_keys = settings.tenants.enabled
    authenticator = Authenticator(settings, tenancy.principal_of_key if tenancy and has_keys else None)
    probes = Probes(app, authenticator)
    guard = Guard(
        rules,
        authenticator=authenticator,
        mcp=mcp,
        other=probes,
        accept=accept,
        lifespan=no_lifespan,
        needed=needed_access,
        observe=Observer(app),
    )
    probes.draining = guard.draining
    try:
        async with manager.run():
            yield guard, server
    finally:
        await authenticator.close()


async def no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Nothing is opened by the web server: `open_asgi` did."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


class DrainingServer(uvicorn.Server):
    """uvicorn, which on SIGTERM takes no more requests at once, and lets running calls finish."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: App,
        guard: Guard,
        mcp: ArangoServer,
        *,
        stopping: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(config)
        self.app = app
        self._guard = guard
        self._mcp = mcp
        self._stopping = stopping
        self._loop: asyncio.AbstractEventLoop | None = None
        self.interrupted = False

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._guard.drain()
        self._mcp.listen.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # uvicorn raises the signal once more at the end, which would turn a clean stop into a failure.
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.interrupted = self.interrupted or sig == signal.SIGINT
        if not self.should_exit:
            if self._stopping is not None:
                self._stopping()
            if self._loop is not None:
                # At once, and not when uvicorn looks next: whoever asks /ready now is told.
                self._loop.call_soon_threadsafe(self._guard.drain)
        super().handle_exit(sig, frame)


class LastResort:
    """Ends the process when everything orderly has had its time: a thread that hangs cannot keep it alive."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._started = False

    def start(self) -> None:
        """From now on the time runs."""
        if not self._started:
            self._started = True
            self._timer.start()

    def cancel(self) -> None:
        """Everything has ended in time."""
        self._timer.cancel()

    @staticmethod
    def _end() -> None:
        sys.stderr.write("mcp-arangodb-async: ended by force: something did not stop in time\n")
        sys.stderr.flush()
        os._exit(1)


def check_metrics(settings: Settings) -> None:
    """ConfigError where figures were asked for and the library that writes them is not installed."""
    asked = settings.http.metrics and "http.metrics" in settings.origins
    if asked and not is_installed():
        raise ConfigError("http.metrics needs the library prometheus-client", hint=INSTALL)


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket; ConfigError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit it. An answer's head and body are written apart, and without this the body
    # waits for the client's delayed acknowledgement: 40 ms for each call.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigError(f"http: cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


@asynccontextmanager
async def open_http(
    settings: Settings,
    *,
    redactor: Redactor | None = None,
    stopping: Callable[[], None] | None = None,
) -> AsyncGenerator[DrainingServer]:
    """The application behind a web server that is ready for `serve(sockets=[...])`."""
    async with open_app(settings, redactor=redactor) as app, open_asgi(app) as (guard, mcp):
        config = TimedConfig(
            guard,
            places=Places(header_seconds=settings.http.header_deadline),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=30,
            timeout_graceful_shutdown=max(1, math.floor(settings.http.drain_deadline)),
            h11_max_incomplete_event_size=MAXIMUM_HEAD,
            backlog=1024,
        )
        yield DrainingServer(config, app, guard, mcp, stopping=stopping)


async def serve_until_signal(
    settings: Settings,
    listener: socket.socket,
    redactor: Redactor,
    load: Load | None,
    stopping: Callable[[], None],
) -> int:
    """Serve on the listener until a signal; the exit code."""
    async with (
        open_http(settings, redactor=redactor, stopping=stopping) as server,
        reloading(server.app, load),
    ):
        announce(settings)
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"mcp-arangodb-async: listening on http://{shown}:{port}/mcp\n")
        sys.stderr.flush()
        await server.serve(sockets=[listener])
        return 130 if server.interrupted else 0


def serve_http(settings: Settings, redactor: Redactor, load: Load | None = None) -> int:
    """Listen and serve until a signal; the exit code."""
    rules_of(settings)
    check_oauth(settings.oauth)
    check_metrics(settings)
    listener = listen_on(settings.http.host, settings.http.port)
    runner: Any = asyncio.Runner()
    with suppress(ImportError):
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    last = LastResort(settings.http.drain_deadline + LAST_RESORT_SECONDS)
    try:
        with runner:
            return int(runner.run(serve_until_signal(settings, listener, redactor, load, last.start)))
    finally:
        last.cancel()
