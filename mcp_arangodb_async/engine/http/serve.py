"""A listening server over an engine: until it is stopped (`serve`), or around a block (`running`)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_arangodb_async.engine.http.api import Api
from mcp_arangodb_async.engine.http.asgi import Application
from mcp_arangodb_async.engine.instance import Engine

if TYPE_CHECKING:
    import uvicorn

_GRACE_SECONDS = 5
_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A server that accepts requests."""

    host: str
    port: int
    api: Api

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Accepted sockets inherit it; an answer's body is written after its head, and would wait for the client.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _uvicorn(application: Application) -> uvicorn.Server:
    # Imported here: who uses the engine in-process should not pay for a web server.
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            application,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=300,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


def serve(
    engine: Engine,
    host: str = "127.0.0.1",
    port: int = 8529,
    *,
    authentication: bool = True,
    jwt_secret: str | None = None,
    on_ready: Callable[[Listening], None] | None = None,
    on_bug: Callable[[str], None] | None = None,
) -> None:
    """Answer requests until SIGINT or SIGTERM. Port 0 takes a free one; `on_ready` is told which.

    The engine stays open: who opened it closes it.
    """
    listener = _listen(host, port)
    with Api(engine, authentication=authentication, jwt_secret=jwt_secret, on_bug=on_bug) as api:
        ready = Listening(host=host, port=listener.getsockname()[1], api=api)
        api.announce(ready.url)
        application = Application(api)
        try:
            if on_ready is not None:
                on_ready(ready)
            _uvicorn(application).run(sockets=[listener])
        finally:
            application.close()
            listener.close()


@contextmanager
def running(
    engine: Engine | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    authentication: bool = False,
    jwt_secret: str | None = None,
) -> Generator[Listening]:
    """A server in a thread, for the time of a block; without an engine one in memory is made for it.

    with running() as server:
        client = ArangoClient(hosts=server.url)
    """
    if engine is None:
        with (
            Engine.open(None) as own,
            running(
                own, host=host, port=port, authentication=authentication, jwt_secret=jwt_secret
            ) as server,
        ):
            yield server
        return
    listener = _listen(host, port)
    try:
        with Api(engine, authentication=authentication, jwt_secret=jwt_secret) as api:
            ready = Listening(host=host, port=listener.getsockname()[1], api=api)
            api.announce(ready.url)
            application = Application(api)
            server = _uvicorn(application)
            thread = threading.Thread(
                target=server.run, kwargs={"sockets": [listener]}, name="engine-server", daemon=True
            )
            thread.start()
            try:
                # The socket listens already: requests wait in its queue until the loop runs.
                yield ready
            finally:
                server.should_exit = True
                api.close()
                thread.join(_GRACE_SECONDS + _START_SECONDS)
                application.close()
    finally:
        listener.close()
