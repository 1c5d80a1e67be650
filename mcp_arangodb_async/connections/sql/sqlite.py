"""Connections to SQLite files: the standard library's, each on a thread of its own.

Reads are kept from writing by three things of the engine: the file is opened for reading, `query_only` is on,
and an authorizer that the caller hands in allows reading alone. One statement in a text: the library refuses
more.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.connections.sql.connection import (
    MAXIMUM_ROW_BYTES,
    Column,
    Command,
    Engine,
    Fetched,
    Row,
    weight,
)
from mcp_arangodb_async.connections.sql.guarded import Guard
from mcp_arangodb_async.connections.sql.translate import from_sqlite, made, not_in_time
from mcp_arangodb_async.connections.workers import Workers
from mcp_arangodb_async.errors import InputError, MaaError, UnavailableError

T = TypeVar("T")
# SQLITE_OK, as authorizers say "allowed".
Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]
CHUNK_ROWS = 256
# How long a statement waits for another process's lock; interrupting it does not shorten this.
BUSY_SECONDS = 1.0
SETTLE_SECONDS = 2.0
# Steps of the engine's machine between two looks at the clock, about a millisecond.
STEPS = 20_000
TYPE_NAMES: dict[type[object], str] = {int: "integer", float: "real", str: "text", bytes: "blob"}
DRIVER_ERRORS = (sqlite3.Error, OverflowError, ValueError, sqlite3.Warning)


async def connect(
    settings: EnvironmentSettings,
    ends_at: float,  # noqa: ARG001 - opening a file does not wait for anybody
    session: Sequence[str] = (),
    *,
    authorizer: Authorizer | None = None,
) -> SqliteConnection:
    """A new connection; `session` are statements that prepare it, before the authorizer watches."""
    path = settings.path
    assert path is not None, "the configuration names the file"
    read_only = settings.access == "read"
    # `mode=rw`: a file that is not there is an error, never a new database.
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"

    def opened() -> sqlite3.Connection:
        driver = sqlite3.connect(
            uri,
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=200,
        )
        try:
            driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAXIMUM_ROW_BYTES)
            driver.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            driver.text_factory = text_or_bytes
            for statement in session:
                driver.execute(statement)
            driver.execute("SELECT count(*) FROM sqlite_schema")  # is it a database at all?
            driver.set_authorizer(authorizer)
        except BaseException:
            driver.close()
            raise
        return driver

    thread = Workers(1, f"sqlite-{settings.name}")
    try:
        driver = await thread.run(opened)
    except BaseException as error:
        thread.close(seconds=0)
        if not isinstance(error, DRIVER_ERRORS):
            raise
        if not path.exists():
            raise UnavailableError(f"{settings.address}: there is no such file") from None
        raise translated(error, settings.address) from None
    return SqliteConnection(driver, settings, thread)


class SqliteConnection:
    """One connection; see `SqlConnection`."""

    engine: Engine = "sqlite"
    encrypted = False
    version = sqlite3.sqlite_version

    def __init__(self, driver: sqlite3.Connection, settings: EnvironmentSettings, thread: Workers) -> None:
        self.driver = driver
        self._address = settings.address
        self._thread = thread
        self._interrupted = False
        self._began = self._ends_at = 0.0
        self._closed = False
        self._opened: sqlite3.Cursor | None = None  # the last one whose rows are made as they are taken
        self.guard = Guard(self, settings.address)
        driver.set_progress_handler(self._is_late, STEPS)

    def _is_late(self) -> int:
        """Ends a statement whose time is over, even if nobody waits for it any more."""
        return int(time.monotonic() > self._ends_at)

    @property
    def is_usable(self) -> bool:
        """Whether another statement can be run."""
        return not self._closed

    @property
    def is_clean(self) -> bool:
        """Whether nothing runs and nothing is open."""
        return not (self._interrupted or self.driver.in_transaction)

    async def fetch(self, command: Command, *, max_rows: int, max_bytes: int, ends_at: float) -> Fetched:
        """Run one statement; at most so many of its rows, the others are given up."""

        def work() -> Fetched:
            cursor = self.driver.execute(command.text, command.parameters)
            try:
                rows, size, done = taken(cursor, max_rows, max_bytes)
                done = done or cursor.fetchone() is None
            finally:
                cursor.close()
            return Fetched(
                columns=columns_of(cursor, rows),
                rows=rows,
                truncated=not done,
                affected=None if cursor.rowcount < 0 else cursor.rowcount,
                size=size,
            )

        with self.until(ends_at):
            return await self._thread.run(work)

    async def open(self, command: Command, *, ends_at: float) -> SqliteRows:
        """Run one statement that reads; its rows are made as they are taken."""

        def work() -> tuple[sqlite3.Cursor, Row | None]:
            cursor = self._opened = self.driver.execute(command.text, command.parameters)
            return cursor, cursor.fetchone()

        with self.until(ends_at):
            cursor, first = await self._thread.run(work)
        return SqliteRows(self, cursor, first)

    async def ping(self, *, ends_at: float) -> None:
        """Ask the engine for a sign of life."""
        with self.until(ends_at):
            await self._thread.run(lambda: self.driver.execute("SELECT 1").fetchone())

    async def settle(self) -> bool:
        """Wait for the end of an interrupted statement; roll back what it left open."""
        if self._interrupted:
            await self._thread.run(self._give_up)
            self._interrupted = False
        if self.driver.in_transaction:
            with self.until(time.monotonic() + SETTLE_SECONDS):
                await self._thread.run(self.driver.rollback)
        return self.is_clean

    def _give_up(self) -> None:
        # SQLite goes on interrupting every statement of a connection while one of them is open.
        cursor, self._opened = self._opened, None
        if cursor is not None:
            cursor.close()

    async def close(self) -> None:
        """Close it on a thread: the last one to close a file may have to tidy it."""
        self._closed = True
        self.guard.close()
        self.driver.interrupt()
        try:
            await self._thread.run(self.driver.close)
        finally:
            self._thread.close(seconds=0)

    def until(self, ends_at: float) -> Guard:
        """A block that uses the engine and ends by then."""
        self._began, self._ends_at = time.monotonic(), ends_at
        return self.guard.until(ends_at)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Do it on the connection's thread, after what was begun there."""
        return self._thread.run(work)

    def stopped(self) -> None:
        """A statement was left in the middle: it is interrupted, `settle` waits for its end."""
        self._interrupted = True
        self._ends_at = 0.0  # for one that begins at this moment, which nothing interrupts
        self.driver.interrupt()

    def ours(self, error: BaseException) -> MaaError | None:
        """The library's error as one of ours."""
        if not isinstance(error, DRIVER_ERRORS):
            return None
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return not_in_time(self._address, max(0.0, self._ends_at - self._began))
        return translated(error, self._address)


class SqliteRows:
    """Rows that the engine makes as they are taken; see `OpenRows`."""

    def __init__(self, owner: SqliteConnection, cursor: sqlite3.Cursor, first: Row | None) -> None:
        self._owner = owner
        self._cursor = cursor
        self._ahead: Row | None = first
        self.columns = columns_of(cursor, [] if first is None else [first])

    @property
    def done(self) -> bool:
        """Whether the last row was taken."""
        return self._ahead is None

    async def take(self, *, rows: int, size: int, ends_at: float) -> tuple[list[Row], int]:
        """The next rows; one more is read ahead, to know whether there are more."""
        if self._ahead is None:
            return [], 0
        first = self._ahead

        def work() -> tuple[list[Row], int, Row | None]:
            found, taken_bytes, _ = taken(self._cursor, rows - 1, size - weight(first))
            return [first, *found], taken_bytes + weight(first), self._cursor.fetchone()

        with self._owner.until(ends_at):
            found, taken_bytes, self._ahead = await self._owner.run(work)
        return found, taken_bytes

    async def close(self, *, ends_at: float) -> None:
        """Give up what is left."""
        self._ahead = None
        with suppress(MaaError), self._owner.until(ends_at):
            await self._owner.run(self._cursor.close)


def taken(cursor: sqlite3.Cursor, rows: int, size: int) -> tuple[list[Row], int, bool]:
    """So many rows at most, stopping soon after `size` bytes; their bytes, and whether those were all."""
    found: list[Row] = []
    total = 0
    chunk = 16
    while len(found) < rows and total <= size:
        wanted = min(chunk, rows - len(found))
        more: list[Row] = cursor.fetchmany(wanted)
        found += more
        total += sum(map(weight, more))
        if len(more) < wanted:
            return found, total, True
        chunk = CHUNK_ROWS
    return found, total, False


def columns_of(cursor: sqlite3.Cursor, rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns; the type is that of the first value that is not null, as SQLite types values."""
    described: Sequence[tuple[Any, ...]] = cursor.description or ()
    found: list[Column] = []
    for index, one in enumerate(described):
        value: object = next((row[index] for row in rows if row[index] is not None), None)
        kind: type[object] = type(value)
        found.append(Column(name=str(one[0]), type=TYPE_NAMES.get(kind, "null")))
    return tuple(found)


def text_or_bytes(content: bytes) -> str | bytes:
    """A text as it is; what is no UTF-8 stays bytes, so that nothing of it is lost."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def translated(error: BaseException, address: str) -> MaaError:
    """The library's error as one of ours."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None:
            return from_sqlite(int(code), f"{address}: {error}")
    return made(InputError, f"{address}: {error}")
