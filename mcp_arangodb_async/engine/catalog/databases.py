"""The databases of one data directory (or of memory): which there are, and their catalogues.

The list is kept in the file of `_system`, so processes that share the directory agree on it. A database is
one file whose name is never used again: where it is gone, the database was dropped by somebody.
"""

import contextlib
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DATABASE_NOT_FOUND,
    ERROR_ARANGO_DUPLICATE_NAME,
    ERROR_CANNOT_CREATE_DIRECTORY,
    ERROR_FORBIDDEN,
    ERROR_SHUTTING_DOWN,
    ArangoError,
)
from mcp_arangodb_async.engine.storage.memory import MemoryStore
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore
from mcp_arangodb_async.engine.storage.store import Store

from .cache import DocumentCache
from .catalog import Catalog
from .computed import ExpressionCompiler
from .names import check_database_name, shown
from .records import Analyzer
from .stored import IDS_KEY, SERVER_KEY
from .transaction import META

SYSTEM: Final = "_system"
_SYSTEM_ID: Final = 1
_PREFIX: Final = b"db:"
_FILE: Final = re.compile(r"db([0-9]+)\.sqlite(-wal|-shm)?\Z")
DEFAULT_CACHE: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRecord:
    """A database as the registry keeps it."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class _Opened:
    id: int
    #: The file that is gone when the database was dropped by somebody; None where nobody can.
    file: Path | None
    store: Store
    catalog: Catalog


class Databases:
    """The registry of databases. `_system` always exists. Thread-safe; several processes may share a
    directory.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        compiler: ExpressionCompiler,
        cache_bytes: int = DEFAULT_CACHE,
        lock_timeout: float = 60.0,
    ) -> None:
        """Open a directory, making it when it does not exist; None keeps everything in memory."""
        self._directory = directory
        self._compiler = compiler
        self._lock_timeout = lock_timeout
        self.cache = DocumentCache(cache_bytes)
        self._lock = threading.RLock()
        self._closed = False
        self._opened: dict[str, _Opened] = {}
        if directory is not None:
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise ArangoError(
                    ERROR_CANNOT_CREATE_DIRECTORY, f"cannot create directory {directory}: {error.strerror}"
                ) from error
        self._system = self._open(_SYSTEM_ID, SYSTEM)
        self._remove_remains()

    @property
    def directory(self) -> Path | None:
        """Where the files are; None for memory."""
        return self._directory

    @property
    def server_id(self) -> str:
        """A number of this directory, as decimal text."""
        tx = self._system.store.begin()
        try:
            return str(int(tx.get(META, SERVER_KEY) or b"0", 16))
        finally:
            tx.rollback()

    def names(self) -> list[str]:
        """The names of all databases, sorted."""
        return sorted(self._registry())

    def record(self, name: str) -> DatabaseRecord:
        """What is known about a database; 1228 when it does not exist."""
        found = self._registry().get(name)
        if found is None:
            raise self._unknown(name)
        return DatabaseRecord(id=found, name=name)

    def catalog(self, name: str) -> Catalog:
        """The catalogue of a database, opened when first asked for; 1228 when it does not exist."""
        found = self._opened.get(name)
        if found is not None and (found.file is None or os.path.exists(found.file)):  # noqa: PTH110  faster
            return found.catalog
        with self._lock:
            if self._closed:
                raise ArangoError(ERROR_SHUTTING_DOWN, "the engine has been closed")
            number = self._registry().get(name)
            found = self._opened.get(name)
            if found is not None and (found.id != number or (found.file and not found.file.exists())):
                self._opened.pop(name).catalog.close()
                found = None
            if number is None:
                raise self._unknown(name)
            return (found or self._open(number, name)).catalog

    def create(self, name: str) -> Catalog:
        """Create a database. 1229 bad name, 1207 exists."""
        check_database_name(name)
        with self._lock:
            tx = self._system.store.begin(write=True, timeout=self._lock_timeout)
            try:
                if name == SYSTEM or tx.get(META, _PREFIX + name.encode()) is not None:
                    raise ArangoError(ERROR_ARANGO_DUPLICATE_NAME, f"duplicate name: database {name} exists")
                number = int(tx.get(META, IDS_KEY) or b"0") + 1
                tx.put(META, IDS_KEY, b"%d" % number)
                tx.put(META, _PREFIX + name.encode(), orjson.dumps({"id": number, "name": name}))
                tx.commit()
            finally:
                tx.rollback()
            try:
                return self._open(number, name).catalog
            except ArangoError:
                with contextlib.suppress(ArangoError):  # then it is there, and empty
                    self._unregister(name)
                raise

    def drop(self, name: str) -> None:
        """Remove a database with all data. 1228 unknown, 11 `_system`."""
        if name == SYSTEM:
            raise ArangoError(ERROR_FORBIDDEN, "the database _system cannot be dropped")
        with self._lock:
            number = self._registry().get(name)
            if number is None:
                raise self._unknown(name)
            self._unregister(name)
            opened = self._opened.pop(name, None) or self._open(number, name)
            self._opened.pop(name, None)
            opened.catalog.destroy()

    def open_catalogs(self) -> list[Catalog]:
        """The catalogues opened so far."""
        with self._lock:
            return [opened.catalog for opened in self._opened.values()]

    def close(self) -> None:
        """Close all databases."""
        with self._lock:
            self._closed = True
            opened, self._opened = self._opened, {}
        for each in opened.values():
            each.catalog.close()

    def _registry(self) -> dict[str, int]:
        """The number of each database, by name."""
        tx = self._system.store.begin()
        try:
            records = [orjson.loads(value) for _, value in tx.scan(META, _PREFIX, b"db;")]
        finally:
            tx.rollback()
        return {SYSTEM: _SYSTEM_ID, **{record["name"]: record["id"] for record in records}}

    def _unregister(self, name: str) -> None:
        tx = self._system.store.begin(write=True, timeout=self._lock_timeout)
        try:
            tx.delete(META, _PREFIX + name.encode())
            tx.commit(sync=True)
        finally:
            tx.rollback()

    def _open(self, number: int, name: str) -> _Opened:
        file = None if self._directory is None else self._directory / _file_name(number)
        store: Store = MemoryStore() if file is None else SqliteStore(file)
        try:
            catalog = Catalog(
                name,
                store,
                self.cache,
                cache_number=number,
                compiler=self._compiler,
                lock_timeout=self._lock_timeout,
                shared_analyzers=self._shared_analyzers,
            )
        except BaseException:
            store.close()
            raise
        opened = _Opened(number, None if name == SYSTEM else file, store, catalog)
        self._opened[name] = opened
        return opened

    def _shared_analyzers(self) -> Mapping[str, Analyzer]:
        return self._system.catalog.state().analyzers

    def _remove_remains(self) -> None:
        """Remove files of databases that were dropped while the process died or another had them open.

        Files are listed before the registry is read, and a database is registered before its file is made: so
        no file of a new database can be taken for remains.
        """
        if self._directory is None:
            return
        files = [(path, match) for path in self._directory.iterdir() if (match := _FILE.match(path.name))]
        numbers = set(self._registry().values())
        for path, match in files:
            if int(match.group(1)) not in numbers:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _unknown(self, name: str) -> ArangoError:
        known = ", ".join(self.names())
        return ArangoError(
            ERROR_ARANGO_DATABASE_NOT_FOUND, f"database not found: {shown(name)} - there are {known}"
        )


def _file_name(number: int) -> str:
    return "_system.sqlite" if number == _SYSTEM_ID else f"db{number}.sqlite"
