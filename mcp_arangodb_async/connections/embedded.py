"""The transport to the engine inside this process: the same driver, the same paths, no socket.

Requests run in a few threads, so that a long one never stops the event loop; those that take a moment, such
as point queries seen before, are answered on the spot. A query whose caller goes away is stopped at once. One
thread is kept for questions about queries: it is free even when all others are busy.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from arangoasync.http import HTTPClient
from arangoasync.request import Request
from arangoasync.response import Response

from mcp_arangodb_async import engine
from mcp_arangodb_async.connections.endpoints import Endpoints
from mcp_arangodb_async.connections.guard import check_path
from mcp_arangodb_async.connections.workers import Workers
from mcp_arangodb_async.errors import ConfigError, UnavailableError

# More threads than processors do not make Python code faster; a few let short requests pass a long one.
THREADS = 4
_CONTROL = ("/_api/query/", "/_api/version", "/_api/transaction/")
_STOP_SECONDS = 10.0
_DUPLICATE_NAME = 1207


class OpenEngine:
    """One engine with its API and threads, shared by every client of its data directory."""

    def __init__(self, directory: Path | None) -> None:
        try:
            self._engine = engine.Engine.open(directory)
        except (engine.ArangoError, OSError) as error:
            raise ConfigError(f"the embedded engine cannot use {directory}: {error}") from error
        self._api = engine.Api(self._engine, authentication=False)
        self._workers = Workers(THREADS, "engine")
        self._control = Workers(1, "engine-control")
        self._closed = False
        self.clients = 0

    async def handle(self, request: engine.Request) -> engine.Response:
        """Answer one request; a query in it is stopped when the caller is cancelled."""
        if self._closed:
            raise UnavailableError("the embedded engine is closed")
        answer = self._api.at_once(request)
        if answer is not None:
            return answer
        workers = self._control if any(part in request.path for part in _CONTROL) else self._workers
        cancellation = engine.Cancellation()
        try:
            return await workers.run(partial(self._api.handle, request, cancellation=cancellation))
        except asyncio.CancelledError:
            # The thread would go on without anybody waiting for it.
            cancellation.cancel()
            raise

    def ensure_database(self, name: str) -> None:
        """Make the database if it is missing."""
        if self._engine.has_database(name):
            return
        try:
            self._engine.create_database(name)
        except engine.ArangoError as error:
            if error.num != _DUPLICATE_NAME:
                raise

    def close(self) -> None:
        """Stop what runs, wait for requests that are being answered, close the files."""
        self._closed = True
        self._api.close()
        ended = [workers.close(seconds=_STOP_SECONDS) for workers in (self._workers, self._control)]
        if all(ended):
            self._engine.close()
        # Otherwise the files stay open under a request that does not end: they close with the process, and a
        # write that was not committed is as if it had never been.


class EmbeddedEngines:
    """The open engines of a process: one for each data directory, however many managers use it."""

    def __init__(self) -> None:
        self._open: dict[Path, OpenEngine] = {}
        self._lock = asyncio.Lock()

    async def client(self, directory: Path | None, *, endpoints: Endpoints) -> EmbeddedHttpClient:
        """A client of a directory's engine; closing it gives the engine back."""
        return EmbeddedHttpClient(self, await self.acquire(directory), endpoints=endpoints)

    async def acquire(self, directory: Path | None) -> OpenEngine:
        """The engine of a directory, opened if need be; every call for memory (None) opens another one."""
        async with self._lock:
            place = None if directory is None else await asyncio.to_thread(directory.resolve)
            found = None if place is None else self._open.get(place)
            if found is None:
                found = await asyncio.to_thread(OpenEngine, place)
                if place is not None:
                    self._open[place] = found
            found.clients += 1
            return found

    async def release(self, opened: OpenEngine) -> None:
        """Give an engine back; the last to do so closes it."""
        async with self._lock:
            opened.clients -= 1
            if opened.clients:
                return
            self._open = {place: other for place, other in self._open.items() if other is not opened}
            await asyncio.to_thread(opened.close)


class EmbeddedHttpClient(HTTPClient):
    """Requests to an engine in this process."""

    def __init__(self, engines: EmbeddedEngines, opened: OpenEngine, *, endpoints: Endpoints) -> None:
        self._engines = engines
        self._opened = opened
        self._endpoints = endpoints
        self._closed = False

    def create_session(self, host: str) -> OpenEngine:  # noqa: ARG002  the seam's signature
        """The engine: nothing else stands between the driver and it."""
        return self._opened

    async def close_session(self, session: OpenEngine) -> None:
        """Nothing: the engine is given back by `close`."""

    async def send_request(self, session: OpenEngine, request: Request) -> Response:
        """The driver's way in: one request, outside any database."""
        return await self._handled(session, request, database=None)

    async def send(self, request: Request, *, database: str | None, repeatable: bool) -> Response:  # noqa: ARG002
        """Answer one request in one of the engine's threads; see `client.Transport`."""
        return await self._handled(self._opened, request, database=database)

    async def ensure_database(self, name: str) -> None:
        """Make the database if it is missing: a new user has nothing yet."""
        await asyncio.to_thread(self._opened.ensure_database, name)

    async def close(self) -> None:
        """Give the engine back; it closes with its last client."""
        if not self._closed:
            self._closed = True
            await self._engines.release(self._opened)

    async def _handled(self, opened: OpenEngine, request: Request, *, database: str | None) -> Response:
        method = request.method.name
        check_path(self._endpoints, method, request.endpoint, database=database)
        data = request.data
        asked = engine.Request(
            method=method,
            path=request.endpoint,
            query=urlencode(request.normalized_params()),
            headers=request.normalized_headers(),
            body=data.encode() if isinstance(data, str) else data or b"",
        )
        answer = await opened.handle(asked)
        return Response(
            method=request.method,
            url="embedded:",
            headers=dict(answer.headers),
            status_code=answer.status,
            status_text="",
            raw_body=answer.body,
        )
