"""The driver of MariaDB and MySQL, with its reading under control and one statement in a text.

A few of asyncmy's protected members are used here, and nowhere else; a test watches them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from asyncmy import converters, errors
from asyncmy.connection import Connection
from asyncmy.constants import FIELD_TYPE

from mcp_arangodb_async.connections.sql.connection import MAXIMUM_ROW_BYTES

# Commands of the protocol that the driver has no method for.
COM_SET_OPTION, COM_RESET_CONNECTION = 0x1B, 0x1F
MULTI_STATEMENTS_OFF = b"\x01\x00"
# Reading stops when so much waits unread, and goes on when it is needed.
HIGH_WATER = 256 * 1024
CAPABLE_OF_TLS = 1 << 11
FILL: Callable[[Any, int], Awaitable[None]] = cast("Any", Connection)._fill_buffer


def decoders() -> dict[Any, Any]:
    """The driver's conversions, but for dates and times: their text is exact, the driver's values are not."""
    kept = dict(cast("Any", converters).conversions)
    for kind in (
        FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE, FIELD_TYPE.TIME, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP,
    ):  # fmt: skip
        kept[kind] = str
    return kept


class Flow(asyncio.BufferedProtocol):
    """Stands before the driver's protocol: counts, stops reading while much waits unread, bounds a row."""

    def __init__(self, inner: Any, transport: Any) -> None:
        self.received = 0
        self.exceeded = False
        self.inner = inner
        self.transport = transport
        self.paused = False
        self._most = HIGH_WATER
        self._allowed = 0

    def allow(self) -> int:
        """Let another row in; how many bytes came until now."""
        self._allowed = self.received + MAXIMUM_ROW_BYTES
        return self.received

    def need(self, size: int) -> None:
        """Read on until so much waits; 0 for no more than the usual."""
        self._most = max(HIGH_WATER, size)
        if size and self.paused:
            self.paused = False
            self.transport.resume_reading()

    def get_buffer(self, sizehint: int) -> Any:
        return self.inner.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        if self._allowed and self.received > self._allowed:
            self.exceeded = True
            self.transport.abort()
            return
        inner = self.inner
        inner.buffer_updated(nbytes)
        # What arrived and was not looked at yet.
        if inner.length - inner.pos > self._most and not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


class MysqlDriver(Connection):
    """The driver's connection: its reading under control, TLS as it was asked for, one statement a text."""

    flow: Flow | None = None
    tls_required = False

    async def _request_authentication(self) -> Any:
        this: Any = self
        if this._ssl_context is not None and not this.server_capabilities & CAPABLE_OF_TLS:
            if self.tls_required:
                raise errors.OperationalError(2026, "the server offers no TLS, and tls.mode asks for it")
            this._ssl_context = None
        return await cast("Any", super())._request_authentication()

    def _fill_buffer(self, need: int) -> Awaitable[None]:
        flow = self.flow
        if flow is not None and (flow.paused or need > HIGH_WATER):
            return self._fill_with_need(flow, need)
        return FILL(self, need)

    async def _fill_with_need(self, flow: Flow, need: int) -> None:
        flow.need(need)
        try:
            await FILL(self, need)
        finally:
            flow.need(0)

    @property
    def result(self) -> Any:
        """What the last statement answered."""
        this: Any = self
        return this._result

    @property
    def was_too_large(self) -> bool:
        """Whether the connection was cut because a row did not fit into the memory it is given."""
        return self.flow is not None and self.flow.exceeded

    def watch(self) -> Flow:
        """Put the reading under control."""
        this: Any = self
        self.flow = Flow(this._proto, this._transport)
        this._transport.set_protocol(self.flow)
        return self.flow

    def is_encrypted(self) -> bool:
        """Whether the connection is inside TLS."""
        this: Any = self
        return this._transport is not None and this._transport.get_extra_info("ssl_object") is not None

    def cut(self) -> None:
        """Close at once, without a goodbye."""
        this: Any = self
        transport = this._transport
        self.close()
        if transport is not None:
            transport.abort()

    async def one_statement_only(self) -> None:
        """Switch off several statements in one text, which the driver switches on."""
        this: Any = self
        await this._execute_command(COM_SET_OPTION, MULTI_STATEMENTS_OFF)
        await this.read_packet()

    async def reset(self) -> None:
        """Make the session as it was after the login."""
        this: Any = self
        await this._execute_command(COM_RESET_CONNECTION, b"")
        await this.read_packet()

    async def run(self, text: str) -> Any:
        """Run one text; the result's columns or its count, rows unread."""
        this: Any = self
        await this.query(text, unbuffered=True)
        return this._result

    @property
    def status(self) -> int:
        """The server's flags as it last told them."""
        this: Any = self
        result = this._result
        return int(this.server_status) | (int(result.server_status) if result is not None else 0)
