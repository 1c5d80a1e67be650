"""Connections of the web server that do not wait for ever: for headers, for bytes nobody wants, for readers.

uvicorn's protocols know a time for idle connections only. A client that opens a connection and says nothing,
or says it a byte at a time, would keep its place until it likes to leave; a thousand of those leave no place
for others. Here headers have a time and a size, and when places run out the longest silent one makes room.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Protocol, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

MAXIMUM_HEAD = 64 * 1024
# What may still arrive of a body whose request was answered already, so that its sender reads the answer.
MAXIMUM_LEFTOVER = 8 * 1024 * 1024
# A client that takes nothing of its answer for this long has left.
READER_SECONDS = 60.0
# Descriptors that are kept for files and for connections to databases.
RESERVED_DESCRIPTORS = 128
MOST_CONNECTIONS = 20_000


class Connection(Protocol):
    """What `Places` needs of a connection."""

    def leave(self) -> None:
        """Close it now."""
        ...


class Places:
    """How many connections there may be, and which of them wait for a request: the longest first."""

    def __init__(self, *, header_seconds: float, maximum: int | None = None) -> None:
        self.header_seconds = header_seconds
        self.maximum = maximum or room()
        self._quiet: OrderedDict[Connection, None] = OrderedDict()

    def waits(self, connection: Connection) -> None:
        """The connection has no request under way."""
        self._quiet[connection] = None
        self._quiet.move_to_end(connection)

    def works(self, connection: Connection) -> None:
        """The connection has a request under way, or is gone."""
        self._quiet.pop(connection, None)

    def make_room(self, present: int) -> bool:
        """Close the longest silent connection if there are too many; false if all are at work."""
        if present <= self.maximum:
            return True
        if not self._quiet:
            return False
        oldest, _ = self._quiet.popitem(last=False)
        oldest.leave()
        return True


def room() -> int:
    """How many connections fit into this process's descriptors."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST_CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(32, min(MOST_CONNECTIONS, soft - max(RESERVED_DESCRIPTORS, soft // 5)))


class TimedConfig(uvicorn.Config):
    """uvicorn's options, with the places of one server."""

    def __init__(self, app: Any, *, places: Places, **options: Any) -> None:
        super().__init__(app, http=fastest(), ws="none", **options)
        self.places = places


class Timed(asyncio.Protocol):
    """What both of uvicorn's protocols lack; stands before one of them in a class's bases."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    connections: set[Any]
    cycle: Any
    places: Places
    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _pending = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.places.waits(self)
        self._arm()
        if not self.places.make_room(len(self.connections)):
            self.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._reader_is_back()
        self.places.works(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_working():
            self._pending = 0
            self._disarm()
            self.places.works(self)
            return
        self._pending += len(data)
        if self._pending > (MAXIMUM_LEFTOVER if self.in_body() else MAXIMUM_HEAD):
            self.refuse(431, "Request Header Fields Too Large")
        else:
            self._arm()

    def on_response_complete(self) -> None:
        """The answer is written; the next request may be here already."""
        cast("Any", super()).on_response_complete()
        if not self._is_working():
            self._pending = 0
            self.places.waits(self)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or too much of it."""
        if self._pending > MAXIMUM_HEAD // 2:
            self.refuse(431, "Request Header Fields Too Large")
        else:
            self.refuse(400, "Bad Request", msg)

    def refuse(self, status: int, phrase: str, text: str = "") -> None:
        """Answer outside of any request, and close."""
        body = (text or phrase).encode()
        head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(head.encode() + body)
        self.transport.close()

    def in_body(self) -> bool:
        """Whether bytes that arrive now belong to the body of a request that was answered."""
        raise NotImplementedError

    def leave(self) -> None:
        """Close at once; what was not sent is not sent."""
        self.transport.abort()

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        if self._reader_timer is None:
            self._reader_timer = self.loop.call_later(READER_SECONDS, self.leave)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._reader_is_back()
        super().resume_writing()

    def _reader_is_back(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _is_working(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _arm(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.places.header_seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self._is_working():
            return
        if self._pending and not self.in_body():
            self.refuse(408, "Request Timeout")
            self.loop.call_later(1.0, self.leave)
        else:
            self.leave()


class TimedH11(Timed, H11Protocol):
    """The protocol in pure Python."""

    def __init__(
        self, config: TimedConfig, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None
    ) -> None:
        H11Protocol.__init__(self, config, server_state, app_state, _loop)
        self.places = config.places

    def in_body(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY


def fastest() -> type[asyncio.Protocol]:
    """The protocol in C where its library is installed, else the one in Python."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return TimedH11

    class TimedHttpTools(Timed, HttpToolsProtocol):
        """The protocol in C."""

        _body = False

        def __init__(
            self, config: TimedConfig, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None
        ) -> None:
            HttpToolsProtocol.__init__(self, config, server_state, app_state, _loop)
            self.places = config.places

        def on_headers_complete(self) -> None:
            self._body = True
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._body = False
            super().on_message_complete()

        def in_body(self) -> bool:
            return self._body

    return TimedHttpTools
