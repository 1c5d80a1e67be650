"""The catalogue of one database: begin transactions, create and drop what a database holds."""

import itertools
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from mcp_arangodb_async.engine.errors import (
    ERROR_BAD_PARAMETER,
    ERROR_FORBIDDEN,
    ERROR_LOCKED,
    ArangoError,
)
from mcp_arangodb_async.engine.storage.keys import encode_value, successor
from mcp_arangodb_async.engine.storage.overlay import OverlayTransaction
from mcp_arangodb_async.engine.storage.store import Store, StoreTransaction

from .analyzers import BUILT_IN, find_analyzer, parse_analyzer
from .cache import DocumentCache
from .change import Change
from .collection import Collection
from .computed import ExpressionCompiler
from .definitions import describe_collection
from .entries import space_of
from .index import Index
from .index_definitions import describe_index, has_selectivity
from .keygen import KeyCounters
from .properties import CollectionProperties
from .records import Analyzer, View
from .revisions import Revisions
from .state import CatalogState
from .stored import COLLATION, COLLATION_KEY, VERSION_KEY, StateReader, is_empty, prepare
from .transaction import META, Transaction, state_key, unpacked

_EXPIRED_AT_ONCE: Final = 1000

#: Collections every database has, and those only `_system` has besides.
_SYSTEM_COLLECTIONS: Final = (
    "_analyzers",
    "_appbundles",
    "_apps",
    "_aqlfunctions",
    "_frontend",
    "_graphs",
    "_jobs",
    "_queues",
)
_SYSTEM_ONLY: Final = ("_statistics", "_statistics15", "_statisticsRaw", "_users")


class Catalog:
    """One database's collections, indexes, views and analyzers, over a store. Thread-safe."""

    def __init__(
        self,
        name: str,
        store: Store,
        cache: DocumentCache,
        *,
        cache_number: int,
        compiler: ExpressionCompiler,
        lock_timeout: float = 60.0,
        shared_analyzers: Callable[[], Mapping[str, Analyzer]] = dict[str, Analyzer],
    ) -> None:
        """Open the catalogue kept in `store`; an empty store gets the system collections.

        `cache_number` tells the documents of this catalogue from those of others in the cache; `compiler`
        turns computed values into functions when they are defined or first used; `shared_analyzers` are
        those of `_system`.
        """
        self._name = name
        self._store = store
        self._cache = cache
        self._cache_number = cache_number
        self._lock_timeout = lock_timeout
        self._lock = threading.Lock()
        self._revisions = Revisions()
        self._counters = KeyCounters()
        self._reader = StateReader(name, compiler, shared_analyzers)
        self._state = self._open()

    @property
    def name(self) -> str:
        """The database's name."""
        return self._name

    def state(self) -> CatalogState:
        """The current version; see `Transaction.catalog` for the version a transaction sees."""
        with self.begin() as tx:
            return tx.catalog

    def size(self) -> int:
        """Bytes that the database takes on disk, or in memory (approximate)."""
        return self._store.size()

    def tick(self) -> int:
        """A number that grows with time and with every write of this process."""
        return self._revisions.next()

    # Transactions

    def begin(self, *, write: bool = False, timeout: float | None = None) -> Transaction:
        """Start a transaction for one statement or request.

        A writer has the database for itself until it ends and waits for others up to `timeout` seconds
        (default: the engine's lock timeout), then raises 18. Open it late, end it soon; for transactions
        that stay open use `begin_stream`.
        """
        store = self._store.begin(write=write, timeout=self._lock_timeout if timeout is None else timeout)
        try:
            return self._transaction(store)
        except BaseException:
            store.rollback()
            raise

    def begin_stream(
        self, *, max_bytes: int = 128 * 1024 * 1024, lock_timeout: float | None = None
    ) -> Transaction:
        """Start a transaction that may stay open: it keeps its writes to itself and locks nothing until it
        commits.

        Commit raises 1200 when another transaction has meanwhile written one of the same documents or unique
        values, or changed a collection written here. More than `max_bytes` of writes raise 32.
        """
        timeout = self._lock_timeout if lock_timeout is None else lock_timeout
        store = OverlayTransaction(self._store, max_bytes=max_bytes, timeout=timeout)
        try:
            return self._transaction(store, lambda: self._store.begin(write=True, timeout=timeout))
        except BaseException:
            store.rollback()
            raise

    @contextmanager
    def change(self) -> Generator[Change]:
        """Change the catalogue, and documents with it, in one transaction that commits when the block ends
        well.
        """
        with self.begin(write=True) as tx:
            change = Change(tx, self._reader)
            yield change
            state = change.finish()
        with self._lock:
            if state.version > self._state.version:
                self._state = state
        for collection in change.dropped:
            self._cache.drop(self._cache_number, collection)

    # Collections. Each is a transaction of its own.

    def create_collection(self, definition: Mapping[str, Any]) -> Collection:
        """Create from the body of POST /_api/collection (`name`, `type`, `keyOptions`, `schema`, ...).

        Raises 1208 (bad name), 1207 (exists), 10 (bad option or computed value), 1232 (key options), 1621
        (schema).
        """
        with self.change() as change:
            return change.create_collection(definition)

    def drop_collection(self, name: str, *, allow_system: bool = False) -> None:
        """Remove a collection, its documents and indexes. 1203 unknown; 11 system; 1942 used by a graph."""
        with self.change() as change:
            change.drop_collection(name, allow_system=allow_system)

    def rename_collection(self, name: str, new_name: str) -> Collection:
        """Give a collection another name; graphs and views that use it follow. 1203, 1207, 1208, 11."""
        with self.change() as change:
            return change.rename_collection(name, new_name)

    def truncate_collection(self, name: str) -> None:
        """Remove all documents of a collection."""
        with self.begin(write=True) as tx:
            tx.collection(name).truncate(tx)

    def change_collection(self, name: str, changes: Mapping[str, Any]) -> Collection:
        """Change properties from the body of PUT /_api/collection/{name}/properties; unknown ones are passed
        over.
        """
        with self.change() as change:
            return change.change_collection(name, changes)

    def describe(self, properties: CollectionProperties) -> dict[str, Any]:
        """All properties as HTTP shows them (camelCase)."""
        with self.begin() as tx:
            last_key = unpacked(tx.store.get(META, state_key(properties.id))).last_key
        return describe_collection(properties, last_key)

    # Indexes

    def create_index(self, collection: str, definition: Mapping[str, Any]) -> tuple[Index, bool]:
        """Create from the body of POST /_api/index; also whether it is new (an equal one is returned as it
        is).

        Raises 10 (bad definition), 1203, 1208 (bad name), 1210 (existing documents violate uniqueness),
        1005 (name taken by another).
        """
        with self.change() as change:
            return change.create_index(collection, definition)

    def drop_index(self, collection: str, handle: str) -> Index:
        """Remove an index. 1212 unknown, 11 primary and edge."""
        with self.change() as change:
            return change.drop_index(collection, handle)

    def describe_index(self, tx: Transaction, collection: Collection, index: Index) -> dict[str, Any]:
        """An index as HTTP shows it, with its selectivity estimate."""
        return describe_index(index, collection.selectivity(tx, index) if has_selectivity(index) else None)

    # Views and analyzers

    def create_view(self, definition: Mapping[str, Any]) -> View:
        """Create from the body of POST /_api/view. 1207, 1208, 10, 1203 for a collection of its links."""
        with self.change() as change:
            return change.create_view(definition)

    def view(self, name: str) -> View:
        """The view with this name (or number as text); 1203 when there is none."""
        return self.state().view(name)

    def change_view(self, name: str, changes: Mapping[str, Any], *, partial: bool) -> View:
        """Update (`partial`) or replace a view's properties."""
        with self.change() as change:
            return change.change_view(name, changes, partial=partial)

    def rename_view(self, name: str, new_name: str) -> View:
        """Give a view another name."""
        with self.change() as change:
            return change.rename_view(name, new_name)

    def drop_view(self, name: str) -> None:
        """Remove a view."""
        with self.change() as change:
            change.drop_view(name)

    def create_analyzer(self, definition: Mapping[str, Any]) -> tuple[Analyzer, bool]:
        """Create from the body of POST /_api/analyzer; also whether it is new. 10 when one differs under the
        name.
        """
        analyzer = parse_analyzer(definition, self._name)
        with self.change() as change:
            existing = change.tx.catalog.analyzers.get(analyzer.name) or BUILT_IN.get(
                str(definition.get("name"))
            )
            if existing is None:
                change.put_analyzer(analyzer)
                return analyzer, True
        asked = (analyzer.type, analyzer.properties, analyzer.features)
        if asked != (existing.type, existing.properties, existing.features):
            raise ArangoError(ERROR_BAD_PARAMETER, f"there is another analyzer named {existing.name}")
        return existing, False

    def analyzer(self, name: str) -> Analyzer:
        """The analyzer with this name, with or without its database; 1202 when there is none."""
        return find_analyzer(self.state(), name)

    def drop_analyzer(self, name: str, *, force: bool = False) -> Analyzer:
        """Remove an analyzer. 1202 unknown, 28 in use (unless `force`), 11 built-in."""
        with self.change() as change:
            analyzer = find_analyzer(change.tx.catalog, name)
            if not analyzer.name.startswith(f"{self._name}::") and analyzer.name not in BUILT_IN:
                raise ArangoError(ERROR_FORBIDDEN, f"the analyzer {analyzer.name} is of another database")
            if analyzer.name in BUILT_IN:
                raise ArangoError(ERROR_FORBIDDEN, f"the analyzer {analyzer.name} is built in")
            if not force and _uses_analyzer(change.tx.catalog, analyzer.name):
                raise ArangoError(ERROR_LOCKED, f"the analyzer {analyzer.name} is in use")
            change.drop_analyzer(analyzer)
            return analyzer

    # Upkeep

    def expire(self, now: float | None = None) -> int:
        """Remove documents whose time has come by a TTL index; how many. Called now and then by the engine.

        Each batch is a transaction of its own, so that other writers get their turn.
        """
        moment = time.time() if now is None else now
        removed = 0
        while found := self._expired(moment):
            with self.begin(write=True) as tx:
                for name, key in found:
                    collection = tx.catalog.by_name.get(name)
                    if collection is not None and collection.get(tx, key) is not None:
                        collection.remove(tx, key)
                        removed += 1
            if len(found) < _EXPIRED_AT_ONCE:
                break
        return removed

    def _expired(self, now: float) -> list[tuple[str, str]]:
        """Collection and key of some documents whose time has come."""
        with self.begin() as tx:
            found = itertools.chain.from_iterable(
                _due(tx, collection, index, now)
                for collection in tx.catalog.by_id.values()
                for index in collection.indexes
                if index.type == "ttl"
            )
            return list(itertools.islice(found, _EXPIRED_AT_ONCE))

    def close(self) -> None:
        """Close the store; open transactions end by themselves."""
        self._store.close()
        self._cache.drop(self._cache_number)

    def destroy(self) -> None:
        """Close, and remove all data."""
        self._store.destroy()
        self._cache.drop(self._cache_number)

    def _open(self) -> CatalogState:
        """The state of the store; an empty one is filled, one with another string order indexed anew."""
        store = self._store.begin()
        try:
            if not is_empty(store) and store.get(META, COLLATION_KEY) == COLLATION:
                return self._reader.read(store, store.get(META, VERSION_KEY) or b"0")
        finally:
            store.rollback()
        store = self._store.begin(write=True, timeout=self._lock_timeout)
        try:
            is_new = is_empty(store)
            if is_new:
                prepare(store)
            state = self._reader.read(store, store.get(META, VERSION_KEY) or b"0")
            change = Change(self._transaction_of(store, state), self._reader)
            if is_new:
                names = _SYSTEM_COLLECTIONS + (_SYSTEM_ONLY if self._name == "_system" else ())
                for name in sorted(names):
                    change.create_collection({"name": name, "isSystem": True})
            elif store.get(META, COLLATION_KEY) != COLLATION:
                change.rebuild_indexes()
            else:
                return state  # another process was faster
            state = change.finish()
            store.commit()
            return state
        finally:
            store.rollback()

    def _transaction(
        self, store: StoreTransaction, become_writer: Callable[[], StoreTransaction] | None = None
    ) -> Transaction:
        version = store.get(META, VERSION_KEY) or b"0"
        state = self._state
        if state.version != int(version):
            state = self._reader.read(store, version)
            with self._lock:
                if state.version > self._state.version:
                    self._state = state
        return self._transaction_of(store, state, become_writer)

    def _transaction_of(
        self,
        store: StoreTransaction,
        state: CatalogState,
        become_writer: Callable[[], StoreTransaction] | None = None,
    ) -> Transaction:
        return Transaction(
            store,
            state,
            cache=self._cache,
            cache_number=self._cache_number,
            revisions=self._revisions,
            counters=self._counters,
            become_writer=become_writer or (lambda: store),
        )


def _due(tx: Transaction, collection: Collection, index: Index, now: float) -> Generator[tuple[str, str]]:
    limit = successor(encode_value(float(now - (index.expire_after or 0))))
    for key, _ in tx.store.scan(space_of(collection.id, index), None, limit):
        yield collection.name, collection.load(tx, int.from_bytes(key[-8:], "big"))["_key"]


def _uses_analyzer(state: CatalogState, name: str) -> bool:
    """Whether a view or an inverted index names an analyzer."""
    short = name.rpartition("::")[2]
    indexes = [index.details for collection in state.by_id.values() for index in collection.indexes]
    views = [view.properties for view in state.views.values()]
    return any(_mentions(part, {name, short}) for part in (*indexes, *views))


def _mentions(value: Any, names: set[str]) -> bool:
    if isinstance(value, str):
        return value in names
    if isinstance(value, Mapping):
        return any(_mentions(item, names) for item in value.values())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # any JSON
    if isinstance(value, list):
        return any(_mentions(item, names) for item in value)  # pyright: ignore[reportUnknownVariableType]  # any JSON
    return False
