"""The API behind a socket: an ASGI application that answers in a bounded pool of threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ERROR_QUEUE_FULL, ArangoError
from mcp_arangodb_async.engine.http.api import Api
from mcp_arangodb_async.engine.http.call import failure
from mcp_arangodb_async.engine.http.messages import Request, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LARGEST_BODY = 512 * 1024 * 1024
_LONGEST_QUEUE = 4096


class Application:
    """ASGI over an `Api`. The event loop only moves bytes; every request is answered in a thread of the pool.

    A body above `largest_body` bytes gets 413, a request that would wait behind too many others 503.
    """

    def __init__(self, api: Api, *, threads: int = 32, largest_body: int = _LARGEST_BODY) -> None:
        self._api = api
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine-http")
        self._largest = largest_body
        self._waiting = 0

    def close(self) -> None:
        """Take no more requests; those being answered are left to finish."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"this application answers HTTP, not {scope['type']}")
        body = await self._body(scope, receive)
        if body is None:
            error = ArangoError(
                ERROR_BAD_PARAMETER, f"the body has more than {self._largest} bytes", status=413
            )
            await _send(send, failure(error), close=True)
            return
        if self._waiting >= _LONGEST_QUEUE:
            await _send(send, failure(ArangoError(ERROR_QUEUE_FULL)))
            return
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        request = Request(
            method=scope["method"].upper(),
            path=raw_path.decode("latin-1").partition("?")[0],
            query=scope["query_string"].decode("latin-1"),
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
            },
            body=body,
        )
        self._waiting += 1
        try:
            response = await asyncio.get_running_loop().run_in_executor(self._pool, self._api.handle, request)
        finally:
            self._waiting -= 1
        await _send(send, response)

    async def _body(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
        """The whole body; `None` when it is too large, told by its announced length where there is one."""
        for name, value in scope["headers"]:
            if name.lower() == b"content-length" and value.isdigit() and int(value) > self._largest:
                return None
        chunks, size = list[bytes](), 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._largest:
                return None
            chunks.append(chunk)
            if not message.get("more_body", False):
                break
        return b"".join(chunks)


async def _send(send: Send, response: Response, *, close: bool = False) -> None:
    headers = {"content-length": str(len(response.body)), **response.headers}
    if close:
        headers["connection"] = "close"
    if response.status in {204, 304}:
        headers.pop("content-length")
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": pairs})
    await send({"type": "http.response.body", "body": response.body})
