"""Serving: ASGI applications on a free port of this machine, for the length of a block or of a session."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

START_SECONDS = 20.0


def server_of(app: Any) -> uvicorn.Server:
    """A web server for the application that says nothing."""
    return uvicorn.Server(
        uvicorn.Config(
            app, log_level="critical", access_log=False, lifespan="on", timeout_graceful_shutdown=1
        )
    )


def listener_on(port: int = 0) -> socket.socket:
    """A listening socket on this port, or on one that was free."""
    listener = socket.socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def serving(app: Any, port: int = 0) -> AsyncGenerator[str]:
    """The address of the application, served in this event loop until the block ends."""
    listener = listener_on(port)
    server = server_of(app)
    port = listener.getsockname()[1]
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        # The socket listens already: whoever connects early waits in its queue.
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        await running


@contextmanager
def serving_thread(app: Any) -> Generator[str]:
    """The same in a thread of its own, for fixtures that outlive one event loop."""
    listener = listener_on()
    server = server_of(app)
    port: int = listener.getsockname()[1]
    ready = threading.Event()

    async def run() -> None:
        ready.set()
        await server.serve(sockets=[listener])

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="upstream", daemon=True)
    thread.start()
    try:
        assert ready.wait(START_SECONDS), "the upstream did not start"
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
