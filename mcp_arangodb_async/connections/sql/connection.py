"""What every engine's connection does, and what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a result; `type` is the engine's own word, such as `numeric` or `VARCHAR`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The rows of a statement as the driver made them.

    `truncated`: there are more rows than were asked for. `affected` counts the rows that were changed, None
    where the statement has no such number.
    """

    columns: tuple[Column, ...]
    rows: list[Row]
    truncated: bool = False
    affected: int | None = None


class Chunks(Protocol):
    """Rows that are still coming, in chunks, from a cursor of the server."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    def __aiter__(self) -> AsyncIterator[list[Row]]: ...


class SqlConnection(Protocol):
    """One connection to a database; one statement at a time.

    `text` and `parameters` are in the engine's own style (`sql/parameters.py` makes them so). `ends_at` is a
    time of `time.monotonic`: a statement that is not done by then is cancelled on the server.
    """

    async def fetch(
        self, text: str, parameters: Sequence[Any], *, max_rows: int, max_bytes: int, ends_at: float
    ) -> Fetched:
        """Run one statement; at most so many of its rows."""
        ...

    def stream(
        self, text: str, parameters: Sequence[Any], *, chunk_rows: int, ends_at: float
    ) -> AbstractAsyncContextManager[Chunks]:
        """Run one statement that reads, and its rows as they are asked for."""
        ...

    async def cancel(self) -> None:
        """Stop what runs on this connection, on the server."""
        ...
