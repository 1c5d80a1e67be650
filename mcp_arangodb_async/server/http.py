"""The HTTP transport: Streamable HTTP at /mcp for both protocol eras, and the health of the process.

The SDK's manager keeps the sessions of handshake-era clients, bound to the principal that opened them; it can
push `list_changed` to them, and ends them when they are idle. Requests of 2026-07-28 stand alone.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from mcp_arangodb_async import __version__
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError, NotFoundError
from mcp_arangodb_async.server.app import App, announce, open_app
from mcp_arangodb_async.server.build import ArangoServer, build_server
from mcp_arangodb_async.server.guard import (
    Guard,
    HttpError,
    Receive,
    Scope,
    Send,
    method_not_allowed,
    raw_path,
    respond,
    rules_of,
)

DRAIN_SECONDS = 8


def accept(scope: Scope, principal: str) -> None:
    """Tell the SDK who asks: it binds the sessions it keeps to that."""
    scope["user"] = AuthenticatedUser(
        AccessToken(token="", client_id=principal, scopes=[], subject=principal)
    )


class Health:
    """/live, /ready and /health: whether the process runs, takes requests, and reaches its databases."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.draining = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        path = raw_path(scope)
        if path not in {"/live", "/ready", "/health"}:
            raise HttpError(404, NotFoundError("nothing here; MCP is at /mcp"))
        if scope["method"] not in {"GET", "HEAD"}:
            raise method_not_allowed("GET, HEAD")
        if path == "/live":
            await respond(send, 200, {"status": "alive"})
        elif path == "/ready":
            ready = not self.draining.is_set()
            await respond(send, 200 if ready else 503, {"status": "ready" if ready else "stopping"})
        else:
            await respond(send, 200, await self._state())

    async def _state(self) -> dict[str, Any]:
        """What runs here; the state of database servers as last seen, asking none of them."""
        return {
            "status": "stopping" if self.draining.is_set() else "ok",
            "version": __version__,
            "databases": len(self._app.settings.databases),
            "sessions": await self._app.sessions.count(),
        }


@asynccontextmanager
async def open_asgi(app: App) -> AsyncGenerator[tuple[Guard, ArangoServer]]:
    """The ASGI application of an app, ready to be served; and its MCP server."""
    settings = app.settings
    server = build_server(app, transport="http")
    manager = StreamableHTTPSessionManager(
        server,
        session_idle_timeout=settings.sessions.idle_timeout,
        max_sessions=settings.sessions.maximum,
        max_request_body_size=settings.http.max_body_bytes,
    )
    health = Health(app)
    guard = Guard(
        rules_of(settings), mcp=manager.handle_request, other=health, accept=accept, lifespan=no_lifespan
    )
    health.draining = guard.draining
    async with manager.run():
        yield guard, server


async def no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Nothing is opened by the web server: `open_asgi` did."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


class DrainingServer(uvicorn.Server):
    """uvicorn, which on SIGTERM first ends endless streams and lets running calls finish."""

    def __init__(self, config: uvicorn.Config, app: App, guard: Guard, mcp: ArangoServer) -> None:
        super().__init__(config)
        self.app = app
        self._guard = guard
        self._mcp = mcp
        self.interrupted = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._guard.draining.set()
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
        super().handle_exit(sig, frame)


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket; ConfigError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigError(f"http: cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


@asynccontextmanager
async def open_http(settings: Settings) -> AsyncGenerator[DrainingServer]:
    """The application behind a web server that is ready for `serve(sockets=[...])`."""
    async with open_app(settings) as app, open_asgi(app) as (guard, mcp):
        config = uvicorn.Config(
            guard,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=30,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            h11_max_incomplete_event_size=64 * 1024,
        )
        yield DrainingServer(config, app, guard, mcp)


async def serve_until_signal(settings: Settings, listener: socket.socket) -> int:
    """Serve on the listener until a signal; the exit code."""
    async with open_http(settings) as server:
        announce(settings)
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"mcp-arangodb-async: listening on http://{shown}:{port}/mcp\n")
        sys.stderr.flush()
        await server.serve(sockets=[listener])
        return 130 if server.interrupted else 0


def serve_http(settings: Settings) -> int:
    """Listen and serve until a signal; the exit code."""
    rules_of(settings)
    listener = listen_on(settings.http.host, settings.http.port)
    runner: Any = asyncio.Runner()
    with suppress(ImportError):
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with runner:
        return int(runner.run(serve_until_signal(settings, listener)))
