"""Bodies and streams of HTTP requests, within limits of size, of time, and of the server's own end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from mcp_arangodb_async.errors import LimitError, UnavailableError
from mcp_arangodb_async.server.refusal import HttpError, Message, Receive, Scope, too_large

# A body has a second more for each KiB that has arrived: slow networks pass, drips do not.
BODY_FLOOR = 1024
# What has begun to arrive when the server is told to stop has this long to become a request.
LAST_BODY_SECONDS = 2.0


class Bodies:
    """Reads bodies whole, each within `seconds` and what its size adds; `stop` gives them little time."""

    def __init__(self, maximum: int, seconds: float) -> None:
        self._maximum = maximum
        self._seconds = seconds
        self._arriving: set[asyncio.Timeout] = set()
        self._stopping = False

    async def whole(
        self, headers: Mapping[str, str], scope: Scope, receive: Receive
    ) -> tuple[bytes, Receive]:
        """The request's body, and a `receive` that hands it out once more; HttpError 408, 413 or 503."""
        if scope["method"] != "POST":
            return b"", receive
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._maximum:
            raise too_large(self._maximum)
        started = asyncio.get_running_loop().time()
        timeout = asyncio.timeout_at(started + self._seconds)
        try:
            async with timeout:
                self._arriving.add(timeout)
                try:
                    body = await self._parts(receive, timeout, started)
                finally:
                    self._arriving.discard(timeout)
        except TimeoutError:
            if self._stopping:
                error = UnavailableError("the server is stopping")
                raise HttpError(503, error, [(b"retry-after", b"1")]) from None
            raise HttpError(408, LimitError("the request's body arrives too slowly")) from None
        return body, replayed(body, receive)

    async def _parts(self, receive: Receive, limit: asyncio.Timeout, started: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > self._maximum:
                raise too_large(self._maximum)
            parts.append(part)
            if not message.get("more_body", False):
                break
            if not self._stopping:
                limit.reschedule(started + self._seconds + size / BODY_FLOOR)
        return b"".join(parts)

    def stop(self) -> None:
        """The server stops: what is still arriving has a moment to be complete."""
        self._stopping = True
        last = asyncio.get_running_loop().time() + LAST_BODY_SECONDS
        for timeout in self._arriving:
            timeout.reschedule(min(last, timeout.when() or last))


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out a body that was read already, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def until(event: asyncio.Event, receive: Receive, *, limit: float | None = None) -> Receive:
    """A `receive` that reports a disconnect when the event is set, or at a time of the loop's clock.

    It ends streams that would never end.
    """

    async def receiving() -> Message:
        waiting = asyncio.ensure_future(event.wait())
        message = asyncio.ensure_future(receive())
        left = None if limit is None else max(0.0, limit - asyncio.get_running_loop().time())
        try:
            await asyncio.wait({waiting, message}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else {"type": "http.disconnect"}
        finally:
            waiting.cancel()
            message.cancel()

    return receiving
