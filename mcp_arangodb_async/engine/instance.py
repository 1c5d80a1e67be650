"""The engine: databases in a directory or in memory, their users, and what has to be done now and then."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from mcp_arangodb_async.engine.catalog.databases import DEFAULT_CACHE, SYSTEM, DatabaseRecord, Databases
from mcp_arangodb_async.engine.catalog.streams import StreamTransactions
from mcp_arangodb_async.engine.context import SERVER_VERSIONS
from mcp_arangodb_async.engine.database import Database, compile_computed_value
from mcp_arangodb_async.engine.errors import ERROR_ARANGO_DATABASE_NOT_FOUND, ArangoError
from mcp_arangodb_async.engine.users import Users, open_users

Compat = Literal["3.12", "4.0"]

_UPKEEP_EVERY: Final = 5.0
_EXPIRE_EVERY: Final = 30.0


class Engine:
    """Open databases and what belongs to them. Thread-safe; several engines may share a directory.

    Use it as a context manager, or call `close`. A small thread ends idle stream transactions and removes
    what TTL indexes say has expired.
    """

    def __init__(self, databases: Databases, *, compat: Compat, root_password: str | None) -> None:
        """See `Engine.open`."""
        self._databases = databases
        self.compat: Final = compat
        self._lock = threading.Lock()
        self._opened: dict[str, Database] = {}
        self._stop = threading.Event()
        self.users: Final[Users] = open_users(databases.catalog(SYSTEM), root_password=root_password)
        self._upkeep = threading.Thread(target=self._keep_up, name="engine-upkeep", daemon=True)
        self._upkeep.start()

    @classmethod
    def open(
        cls,
        directory: Path | None,
        *,
        compat: Compat = "3.12",
        root_password: str | None = None,
        cache_bytes: int = DEFAULT_CACHE,
        lock_timeout: float = 60.0,
    ) -> Self:
        """Open a data directory, making it when it does not exist; None keeps everything in memory.

        `root_password` is set when given; a new directory has `root` with an empty password otherwise.
        """
        databases = Databases(
            directory,
            compiler=partial(compile_computed_value, compat=compat),
            cache_bytes=cache_bytes,
            lock_timeout=lock_timeout,
        )
        try:
            return cls(databases, compat=compat, root_password=root_password)
        except BaseException:
            databases.close()
            raise

    @property
    def version(self) -> str:
        """The version of ArangoDB that is imitated."""
        return SERVER_VERSIONS[self.compat]

    @property
    def directory(self) -> Path | None:
        """Where the data are; None for memory."""
        return self._databases.directory

    @property
    def server_id(self) -> str:
        """A number of this data directory, as decimal text."""
        return self._databases.server_id

    def tick(self) -> str:
        """A number that grows with time and writes, as decimal text."""
        return str(self._databases.catalog(SYSTEM).tick())

    def databases(self) -> list[str]:
        """The names of all databases, sorted."""
        return self._databases.names()

    def has_database(self, name: str) -> bool:
        """Whether a database exists."""
        try:
            self._databases.catalog(name)
        except ArangoError as error:
            if error.num != ERROR_ARANGO_DATABASE_NOT_FOUND:
                raise
            return False
        return True

    def database(self, name: str) -> Database:
        """A database; 1228 when it does not exist."""
        catalog = self._databases.catalog(name)
        found = self._opened.get(name)
        if found is None or found.catalog is not catalog:  # a new one, or dropped and made again
            with self._lock:
                found = self._opened.get(name)
                if found is None or found.catalog is not catalog:
                    found = self._opened[name] = Database(
                        catalog, StreamTransactions(catalog), compat=self.compat
                    )
        return found

    def record(self, name: str) -> DatabaseRecord:
        """The number of a database; 1228 when it does not exist."""
        return self._databases.record(name)

    def create_database(self, name: str, options: Mapping[str, Any] | None = None) -> Database:  # noqa: ARG002
        """Create a database. 1229 bad name, 1207 exists. The options are those of clusters: they change
        nothing.
        """
        self._databases.create(name)
        return self.database(name)

    def drop_database(self, name: str) -> None:
        """Remove a database with all data, and abort what is open in it. 1228 unknown, 11 `_system`."""
        if name != SYSTEM:
            self._forget(self.database(name))
        self._databases.drop(name)

    def close(self) -> None:
        """Abort open stream transactions and close all databases. Harmless when closed."""
        self._stop.set()
        if self._upkeep is not threading.current_thread():
            self._upkeep.join()
        for database in list(self._opened.values()):
            self._forget(database)
        self._databases.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def keep_up(self, *, expire: bool = True) -> int:
        """Do what has to be done now and then; how many stream transactions and documents have ended."""
        ended = sum(database.streams.expire() for database in list(self._opened.values()))
        if expire:
            ended += sum(catalog.expire() for catalog in self._databases.open_catalogs())
        return ended

    def _keep_up(self) -> None:
        waited = 0.0
        while not self._stop.wait(_UPKEEP_EVERY):
            waited += _UPKEEP_EVERY
            try:
                self.keep_up(expire=waited >= _EXPIRE_EVERY)
            except ArangoError:
                continue  # a full disk or a busy writer: the next turn tries again
            if waited >= _EXPIRE_EVERY:
                waited = 0.0

    def _forget(self, database: Database) -> None:
        database.streams.close()
        with self._lock:
            self._opened = {name: other for name, other in self._opened.items() if other is not database}
