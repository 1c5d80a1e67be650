"""The driver of PostgreSQL, with its bytes counted and its rows with their columns in one round trip.

A few of asyncpg's protected members are used here, and nowhere else; a test watches them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from mcp_arangodb_async.connections.sql.connection import Column

# Statements the driver remembers for each connection.
REMEMBERED = 200


class Meter(asyncio.Protocol):
    """Stands before the driver's protocol and counts; beyond a budget it cuts the connection."""

    def __init__(self, inner: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self.received = 0
        self.budget = 0
        self.exceeded = False
        self._inner = inner
        self._transport = transport

    def allow(self, size: int) -> int:
        """Let so many more bytes in; how many came until now."""
        self.budget = self.received + size
        return self.received

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.budget and self.received > self.budget:
            self.exceeded = True
            self._transport.abort()
            return
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class PostgresqlDriver(asyncpg.Connection):  # pyright: ignore[reportUntypedBaseClass]
    """The driver's connection with its bytes counted, and rows with their columns in one round trip."""

    __slots__ = ("columns_of", "meter")

    def __init__(self, protocol: Any, transport: Any, *rest: Any) -> None:
        super().__init__(protocol, transport, *rest)  # pyright: ignore[reportUnknownMemberType] - asyncpg has no types
        self.meter = Meter(protocol, transport)
        self.columns_of: dict[str, tuple[Any, tuple[Column, ...], tuple[str, ...]]] = {}
        transport.set_protocol(self.meter)

    def text_codec(self, number: int, name: str, decode: Callable[[str], Any]) -> None:
        """Send and receive a type as the server's own text."""
        this: Any = self
        this.get_settings().add_python_codec(number, name, "pg_catalog", [], "scalar", told, decode, "text")

    async def prepared(self, text: str) -> tuple[Any, tuple[Column, ...], tuple[str, ...]]:
        """The driver's statement of this text, its columns, and the types of its parameters."""
        this: Any = self
        state = await this._get_statement(text, None)
        known = self.columns_of.get(text)
        if known is not None and known[0] is state:
            return known
        columns = tuple(Column(name=one.name, type=one.type.name) for one in state._get_attributes())
        types = tuple(one.name for one in state._get_parameters())
        if len(self.columns_of) >= REMEMBERED:
            self.columns_of.clear()
        known = self.columns_of[text] = (state, columns, types)
        return known

    async def at_once(
        self,
        text: str,
        values: Sequence[Any],
        limit: int,
        bindable: Callable[[Sequence[str], Sequence[Any]], Sequence[Any]],
    ) -> tuple[tuple[Column, ...], list[Any], str, bool]:
        """Columns, rows, the server's word about what it did, and whether these are all rows."""
        this: Any = self
        state, columns, types = await self.prepared(text)
        rows, status, complete = await this._protocol.bind_execute(
            state=state,
            args=bindable(types, values) if types or values else (),
            portal_name="",
            limit=limit,
            return_extra=True,
            timeout=None,
        )
        return columns, rows, (status or b"").decode(), complete

    def encrypted(self) -> bool:
        """Whether the connection is inside TLS."""
        this: Any = self
        return this._transport.get_extra_info("ssl_object") is not None

    def forget(self) -> None:
        """Drop what was remembered of statements, after a change of the schema."""
        this: Any = self
        self.columns_of.clear()
        this._drop_local_statement_cache()


def told(value: object) -> str:
    """A value as the server reads it as text."""
    return value if isinstance(value, str) else str(value)
