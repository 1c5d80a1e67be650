"""What every engine's connection does, and what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from mcp_arangodb_async.connections.sql.records import record

Row = tuple[Any, ...]
Engine = Literal["postgresql", "mysql", "mariadb", "sqlite", "arangodb"]
# No driver is allowed to hold one row, or what it has not been asked for yet, beyond this.
MAXIMUM_ROW_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a result; `type` is the engine's own word, such as `numeric` or `varchar`."""

    name: str
    type: str


@record()
class Fetched:
    """Rows of a statement as the driver made them.

    `truncated`: there are more rows than were asked for. `affected` counts the rows that were changed, None
    where the statement has no such number. `size` is about how many bytes the rows took on the wire.
    """

    columns: tuple[Column, ...]
    rows: list[Row]
    truncated: bool = False
    affected: int | None = None
    size: int = 0


@record()
class Command:
    """One statement in the engine's own style, with its values in their order.

    `read_only`: it runs where the engine itself refuses to write, whatever it says. `small`: it was run
    before and answered little, so that one round trip may fetch it all. `pieces` are the text cut where
    values belong, for engines whose values become part of it.
    """

    text: str
    pieces: tuple[str, ...] = ()
    parameters: Sequence[Any] = ()
    read_only: bool = True
    small: bool = False


def weight(row: Row) -> int:
    """About how many bytes a row takes."""
    return sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)


class Chunks(Protocol):
    """Rows that are still coming, in chunks, from a cursor of the server.

    `masked` are the positions of columns whose values a policy hides.
    """

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def masked(self) -> frozenset[int]: ...

    def __aiter__(self) -> AsyncIterator[list[Row]]: ...


class OpenRows(Protocol):
    """Rows of a statement that still wait on the server; they hold their connection until closed."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def done(self) -> bool:
        """Whether the last row was fetched."""
        ...

    async def take(self, *, rows: int, size: int, ends_at: float) -> tuple[list[Row], int]:
        """The next rows, at most so many, stopping soon after `size` bytes; and the bytes they took."""
        ...

    async def close(self, *, ends_at: float) -> None:
        """Give up what is left; the connection can be used again afterwards.

        Never raises for what the server does: a connection that it could not do this on is not clean.
        """
        ...


class SqlConnection(Protocol):
    """One connection to a database; one statement at a time.

    `ends_at` is a time of `time.monotonic`. A statement that is not done by then, or whose caller is
    cancelled, is stopped on the server; the caller does not wait for that.
    """

    @property
    def engine(self) -> Engine: ...

    @property
    def version(self) -> str:
        """The server's version, as short as it can be said."""
        ...

    @property
    def encrypted(self) -> bool: ...

    @property
    def is_usable(self) -> bool:
        """Whether another statement can be sent; a connection that was cut off cannot."""
        ...

    @property
    def is_clean(self) -> bool:
        """Whether it is as it was when it was opened, so that `settle` has nothing to do."""
        ...

    async def fetch(self, command: Command, *, max_rows: int, max_bytes: int, ends_at: float) -> Fetched:
        """Run one statement; at most so many of its rows, the others are given up."""
        ...

    async def open(self, command: Command, *, ends_at: float) -> OpenRows:
        """Run one statement that reads; its rows wait until they are taken."""
        ...

    async def ping(self, *, ends_at: float) -> None:
        """Ask the server for a sign of life."""
        ...

    async def settle(self) -> bool:
        """Make it as it was when it was opened, after a statement; False if it must be closed."""
        ...

    async def close(self) -> None:
        """Say goodbye and close; bounded in time."""
        ...
