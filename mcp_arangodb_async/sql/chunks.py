"""The rows of one stream: fetched from the server's cursor when they are asked for, masked, never kept."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from mcp_arangodb_async.connections.sql.connection import OpenRows, Row
from mcp_arangodb_async.errors import MaaError

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.environment import Environment
    from mcp_arangodb_async.sql.masking import Masking

CHUNK_BYTES = 1024 * 1024


class ServerChunks:
    """The rows of a stream; see `Chunks`."""

    def __init__(self, owner: Environment, rows: OpenRows, masking: Masking | None, chunk_rows: int) -> None:
        self.columns = rows.columns
        self._owner = owner
        self._rows = rows
        self._masking = masking
        self._chunk_rows = chunk_rows
        self._names = [column.name for column in rows.columns]
        self.masked = masking.columns(self._names) if masking is not None else frozenset[int]()

    async def __aiter__(self) -> AsyncIterator[list[Row]]:
        while not self._rows.done:
            started = time.perf_counter()
            ends_at = time.monotonic() + self._owner.settings.query_timeout
            try:
                rows, _ = await self._rows.take(rows=self._chunk_rows, size=CHUNK_BYTES, ends_at=ends_at)
            except MaaError as error:
                raise self._owner.named(error, started) from error.__cause__
            if rows:
                yield self._masking.apply(self._names, rows) if self._masking is not None else rows
