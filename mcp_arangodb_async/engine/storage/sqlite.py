"""The store in a file: one SQLite database in write-ahead mode, a table for each space.

Readers take a snapshot and never wait. One writer at a time, in all processes together. `synchronous` is
NORMAL: a commit survives the end of the process, and the log is flushed before it is moved into the file, so
a power failure may take back the last commits but breaks nothing. A commit that asks for `sync` flushes the
log at once.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_IO_ERROR,
    ERROR_LOCK_TIMEOUT,
    ERROR_SHUTTING_DOWN,
    ArangoError,
)

from .sqlite_errors import READER_PATIENCE, is_busy, lock_timeout, patiently, translated, undone
from .store import K, Space

_PAGE_SIZE: Final = 8192  # index keys up to about 2 KB stay within a page
_CACHE_KIB: Final = 8192
_CHECKPOINT_PAGES: Final = 2000
_LOG_LIMIT: Final = 64 * 1024 * 1024
_IDLE_CONNECTIONS: Final = 8
_BATCH: Final = 500
_BEGIN_READING: Final = "BEGIN"
_BEGIN_WRITING: Final = "BEGIN IMMEDIATE"  # takes the snapshot, too


class _Statements(NamedTuple):
    """The SQL of one space."""

    get: str
    put: str
    insert: str
    delete: str
    first: str
    last: str
    table: str


class SqliteStore:
    """A store in one file and its `-wal` and `-shm` beside it."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it when it does not exist; its directory has to exist."""
        self._path = path
        self._lock = threading.Lock()
        self._writer = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._statements: dict[str, _Statements] = {}
        try:
            first = self._connect()
            first.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
            (mode,) = patiently(lambda: first.execute("PRAGMA journal_mode = WAL").fetchone())
            patiently(lambda: first.execute("SELECT 1 FROM sqlite_master").fetchone())
        except sqlite3.Error as error:
            raise translated(error, path) from error
        if mode != "wal":
            first.close()
            raise ArangoError(
                ERROR_ARANGO_IO_ERROR,
                f"{path.parent} is on a file system without shared memory: use a local one",
            )
        # Opening the file writes to the disk, unless it is open already: held, so that a disk that is full or
        # fails can still be read from, whatever becomes of the other connections.
        self._anchor = first

    def begin(self, *, write: bool = False, timeout: float = 60.0) -> "SqliteTransaction":
        """See `Store.begin`."""
        if not write:
            return SqliteTransaction(self, self._start(_BEGIN_READING, READER_PATIENCE), writable=False)
        deadline = time.monotonic() + timeout
        if not self._writer.acquire(timeout=max(timeout, 0.0)):
            raise lock_timeout(timeout)
        try:
            connection = self._start(_BEGIN_WRITING, max(deadline - time.monotonic(), 0.0))
        except BaseException as error:
            self._writer.release()
            if isinstance(error, ArangoError) and error.num == ERROR_LOCK_TIMEOUT:
                raise lock_timeout(timeout) from error
            raise
        return SqliteTransaction(self, connection, writable=True)

    def size(self) -> int:
        """See `Store.size`."""
        total = 0
        for path in self._files():
            with contextlib.suppress(OSError):
                total += path.stat().st_size
        return total

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in (*idle, self._anchor):
            connection.close()

    def destroy(self) -> None:
        """See `Store.destroy`. Where open files cannot be removed, the remains are left to the caller."""
        self.close()
        for path in self._files():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    # What transactions use

    def statements(self, name: str) -> _Statements:
        """The SQL of a space."""
        found = self._statements.get(name)
        if found is None:
            table = f"s_{name}"
            found = _Statements(
                get=f"SELECT v FROM {table} WHERE k = ?",
                put=f"INSERT OR REPLACE INTO {table} VALUES (?, ?)",
                insert=f"INSERT INTO {table} VALUES (?, ?)",
                delete=f"DELETE FROM {table} WHERE k = ?",
                first=f"SELECT k, v FROM {table} WHERE k >= ? AND k < ? ORDER BY k LIMIT ?",
                last=f"SELECT k, v FROM {table} WHERE k >= ? AND k < ? ORDER BY k DESC LIMIT ?",
                table=table,
            )
            self._statements[name] = found
        return found

    def start_companion(self) -> sqlite3.Connection:
        """A second connection that reads the state before a writer's changes."""
        return self._start(_BEGIN_READING, READER_PATIENCE)

    def give_back(self, connection: sqlite3.Connection, *, was_writer: bool) -> None:
        """Take back a connection whose transaction has ended."""
        if was_writer:
            self._writer.release()
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def discard(self, connection: sqlite3.Connection, *, was_writer: bool) -> None:
        """Close a connection that cannot be trusted any more."""
        try:
            connection.close()
        finally:
            if was_writer:
                self._writer.release()

    def flush_log(self) -> None:
        """Wait until the disk has the log. Its locks are on other files, so opening it again is harmless."""
        try:
            descriptor = os.open(f"{self._path}-wal", os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def _files(self) -> list[Path]:
        return [Path(f"{self._path}{suffix}") for suffix in ("", "-wal", "-shm")]

    def _start(self, begin: str, patience: float) -> sqlite3.Connection:
        connection = self._take()
        try:
            if begin is _BEGIN_READING:  # it takes no lock, so nobody is in the way
                connection.execute(begin)
            else:
                patiently(lambda: connection.execute(begin), patience)
        except sqlite3.Error as error:
            connection.close()
            raise translated(error, self._path) from error
        return connection

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise ArangoError(ERROR_SHUTTING_DOWN, "the database has been closed")
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self._connect()
        except sqlite3.Error as error:
            raise translated(error, self._path) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=0.0, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
        return connection


class SqliteTransaction:
    """One transaction on a connection of its own."""

    def __init__(self, store: SqliteStore, connection: sqlite3.Connection, *, writable: bool) -> None:
        """Made by `SqliteStore.begin`, with the transaction already begun."""
        self._store = store
        self._open: sqlite3.Connection | None = connection
        self._run = connection.execute
        self._run_many = connection.executemany
        self._writable = writable
        self._companion: sqlite3.Connection | None = None
        self._written: set[str] = set()
        self._cursors: set[sqlite3.Cursor] = set()
        self._savepoints = 0

    @property
    def writable(self) -> bool:
        """See `StoreTransaction.writable`."""
        return self._writable

    def get(self, space: Space[K], key: K) -> bytes | None:
        """See `StoreTransaction.get`."""
        statement = self._store.statements(space.name).get
        try:
            row = self._run(statement, (key,)).fetchone()
        except sqlite3.Error as error:
            row = self._again(error, lambda: self._run(statement, (key,)).fetchone())
        return None if row is None else row[0]

    def get_many(self, space: Space[K], keys: Sequence[K]) -> dict[K, bytes]:
        """See `StoreTransaction.get_many`."""
        table = self._store.statements(space.name).table
        found: dict[K, bytes] = {}
        try:
            for start in range(0, len(keys), _BATCH):
                batch = keys[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                found.update(self._run(f"SELECT k, v FROM {table} WHERE k IN ({marks})", batch))
        except sqlite3.Error as error:
            self._fail(error)
        return found

    def scan(
        self, space: Space[K], lower: K | None = None, upper: K | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[K, bytes]]:
        """See `StoreTransaction.scan`."""
        conditions: list[str] = []
        bounds: list[Any] = []
        if lower is not None:
            conditions.append("k >= ?")
            bounds.append(lower)
        if upper is not None:
            conditions.append("k < ?")
            bounds.append(upper)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        table = self._store.statements(space.name).table
        order = " DESC" if reverse else ""
        statement = f"SELECT k, v FROM {table}{where} ORDER BY k{order}"
        run = self._reading(space.name)
        try:
            cursor = run(statement, bounds)
        except sqlite3.Error as error:
            cursor = self._again(error, lambda: run(statement, bounds))
        self._cursors.add(cursor)
        return self._pairs(cursor)

    def some(
        self, space: Space[K], lower: K, upper: K, count: int, *, reverse: bool = False
    ) -> list[tuple[K, bytes]]:
        """See `StoreTransaction.some`."""
        statements = self._store.statements(space.name)
        statement = statements.last if reverse else statements.first
        try:
            return self._run(statement, (lower, upper, count)).fetchall()
        except sqlite3.Error as error:
            self._fail(error)

    def _pairs(self, cursor: sqlite3.Cursor) -> Iterator[Any]:
        try:
            yield from cursor
        except sqlite3.Error as error:
            self._fail(error)
        finally:
            self._cursors.discard(cursor)
            cursor.close()

    def _reading(self, space: str) -> Any:
        """How to run a scan: beside the writer as long as it has not touched the space, so it is a
        snapshot.
        """
        if not self._writable or space in self._written:
            return self._run
        if self._companion is None:
            self._require_open()
            self._companion = self._store.start_companion()
        return self._companion.execute

    def put(self, space: Space[K], key: K, value: bytes) -> None:
        """See `StoreTransaction.put`."""
        self._written.add(space.name)
        try:
            self._run(self._store.statements(space.name).put, (key, value))
        except sqlite3.Error as error:
            self._fail(error)

    def put_many(self, space: Space[K], pairs: Iterable[tuple[K, bytes]]) -> None:
        """See `StoreTransaction.put_many`."""
        self._written.add(space.name)
        try:
            self._run_many(self._store.statements(space.name).put, pairs)
        except sqlite3.Error as error:
            self._fail(error)

    def insert_many(self, space: Space[K], pairs: Sequence[tuple[K, bytes]]) -> bool:
        """See `StoreTransaction.insert_many`."""
        self._written.add(space.name)
        savepoint = self.savepoint()
        try:
            self._run_many(self._store.statements(space.name).insert, pairs)
        except sqlite3.IntegrityError:
            self.rollback_to(savepoint)
            return False
        except sqlite3.Error as error:
            self._fail(error)
        self.release(savepoint)
        return True

    def delete(self, space: Space[K], key: K) -> None:
        """See `StoreTransaction.delete`."""
        self._written.add(space.name)
        try:
            self._run(self._store.statements(space.name).delete, (key,))
        except sqlite3.Error as error:
            self._fail(error)

    def delete_many(self, space: Space[K], keys: Iterable[K]) -> None:
        """See `StoreTransaction.delete_many`."""
        self._written.add(space.name)
        try:
            self._run_many(self._store.statements(space.name).delete, ((key,) for key in keys))
        except sqlite3.Error as error:
            self._fail(error)

    def spaces(self) -> list[str]:
        """See `StoreTransaction.spaces`."""
        statement = "SELECT name FROM sqlite_master WHERE type = 'table'"
        try:
            rows = self._run(statement).fetchall()
        except sqlite3.Error as error:
            rows = self._again(error, lambda: self._run(statement).fetchall())
        return sorted(name[2:] for (name,) in rows if name.startswith("s_"))

    def create_space(self, space: Space[K]) -> None:
        """See `StoreTransaction.create_space`."""
        if space.name in self.spaces():
            raise ValueError(f"space {space.name} exists")
        columns = (
            "(k INTEGER PRIMARY KEY, v BLOB NOT NULL)"
            if space.is_numbered
            else "(k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"
        )
        self._change(space.name, f"CREATE TABLE s_{space.name} {columns}")

    def drop_space(self, space: Space[K]) -> None:
        """See `StoreTransaction.drop_space`."""
        self._change(space.name, f"DROP TABLE s_{space.name}")

    def clear_space(self, space: Space[K]) -> None:
        """See `StoreTransaction.clear_space`."""
        self._change(space.name, f"DELETE FROM s_{space.name}")

    def _change(self, space: str, statement: str) -> None:
        """Change a table as a whole; scans that are open on this connection would be in the way."""
        self._written.add(space)
        self._close_cursors()
        try:
            self._run(statement)
        except sqlite3.Error as error:
            self._fail(error)

    def savepoint(self) -> int:
        """See `StoreTransaction.savepoint`."""
        self._savepoints += 1
        try:
            self._run(f"SAVEPOINT p{self._savepoints}")
        except sqlite3.Error as error:
            self._fail(error)
        return self._savepoints

    def rollback_to(self, savepoint: int) -> None:
        """See `StoreTransaction.rollback_to`."""
        try:
            self._run(f"ROLLBACK TO p{savepoint}")
            self._run(f"RELEASE p{savepoint}")
        except sqlite3.Error as error:
            self._fail(error)
        self._savepoints = savepoint - 1

    def release(self, savepoint: int) -> None:
        """See `StoreTransaction.release`."""
        try:
            self._run(f"RELEASE p{savepoint}")
        except sqlite3.Error as error:
            self._fail(error)
        self._savepoints = savepoint - 1

    def commit(self, *, sync: bool = False) -> None:
        """See `StoreTransaction.commit`."""
        connection = self._require_open()
        self._close_cursors()
        try:
            connection.execute("COMMIT")
            if sync and self._writable:
                self._store.flush_log()
        except (sqlite3.Error, OSError) as error:
            self._end(connection, trusted=undone(connection))
            raise translated(error, self._store.path) from error
        self._end(connection, trusted=True)

    def rollback(self) -> None:
        """See `StoreTransaction.rollback`."""
        connection = self._open
        if connection is None:
            return
        trusted = False
        try:
            self._close_cursors()
            trusted = undone(connection)
        except sqlite3.Error:
            pass  # closing the connection undoes everything
        self._end(connection, trusted=trusted)

    def __del__(self) -> None:
        """Let a transaction that was forgotten not keep the others waiting."""
        if getattr(self, "_open", None) is not None:
            self.rollback()

    def _end(self, connection: sqlite3.Connection, *, trusted: bool) -> None:
        self._open = None
        self._run = _ended
        self._run_many = _ended
        companion, self._companion = self._companion, None
        try:
            if companion is not None:
                companion.execute("COMMIT")
                self._store.give_back(companion, was_writer=False)
        finally:
            put_away = self._store.give_back if trusted else self._store.discard
            put_away(connection, was_writer=self._writable)

    def _close_cursors(self) -> None:
        """Close open scans: they would hold the snapshot beyond the end of the transaction."""
        while self._cursors:
            self._cursors.pop().close()

    def _require_open(self) -> sqlite3.Connection:
        if self._open is None:
            raise RuntimeError("the transaction has ended")
        return self._open

    def _again(self, error: sqlite3.Error, read: Callable[[], Any]) -> Any:
        """Read again when another process was in the way: the first read takes the snapshot."""
        if not is_busy(error):
            self._fail(error)
        try:
            return patiently(read)
        except sqlite3.Error as last:
            self._fail(last)

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        connection = self._open
        if isinstance(error, sqlite3.ProgrammingError):  # a scan that outlived its transaction
            raise RuntimeError("the transaction has ended") from error
        if isinstance(error, sqlite3.OperationalError) and str(error).startswith("no such table: s_"):
            raise KeyError(str(error).removeprefix("no such table: s_")) from error
        if connection is not None and not connection.in_transaction:
            self.rollback()  # SQLite has undone everything: what follows would be written at once
        raise translated(error, self._store.path) from error


def _ended(*_: Any) -> Any:
    raise RuntimeError("the transaction has ended")
