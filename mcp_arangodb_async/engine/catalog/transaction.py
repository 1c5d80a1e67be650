"""A transaction on one database: a snapshot of catalogue and documents, and the writes so far."""

import struct
from collections.abc import Callable, Generator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_CONFLICT,
    ERROR_TRANSACTION_UNREGISTERED_COLLECTION,
    ArangoError,
)
from mcp_arangodb_async.engine.storage.overlay import OverlayTransaction
from mcp_arangodb_async.engine.storage.store import StoreTransaction, keyed

from .cache import ALL, DocumentCache, Segment
from .footprint import cost_of
from .keygen import KeyCounters
from .names import split_handle
from .revisions import Revisions
from .state import CatalogState

if TYPE_CHECKING:
    from .collection import Collection

Document = dict[str, Any]

#: The space of what is not documents or indexes: the catalogue's records, and the state of each collection.
META: Final = keyed("meta")

_STATE: Final = struct.Struct(">qqq")
#: Which part of the cache one transaction's writes may take in each collection.
_PART_FOR_WRITES: Final = 64


def record_key(collection: int) -> bytes:
    """Where the record of a collection is."""
    return b"c%d" % collection


def state_key(collection: int) -> bytes:
    """Where the state of a collection is."""
    return b"s%d" % collection


@dataclass(frozen=True, slots=True)
class CollectionState:
    """What every commit to a collection changes."""

    #: The number of the last commit, higher than those of all documents; 0 when there was none.
    stamp: int = 0
    count: int = 0
    #: The highest number used as, or found in, a `_key`.
    last_key: int = 0

    def packed(self) -> bytes:
        """The state as it is stored."""
        return _STATE.pack(self.stamp, self.count, self.last_key)


EMPTY: Final = CollectionState()


def unpacked(data: bytes | None) -> CollectionState:
    """A state as it was stored."""
    return EMPTY if data is None else CollectionState(*_STATE.unpack(data))


@dataclass(slots=True)
class Touched:
    """What a transaction has done to one collection."""

    segment: Segment
    count: int = 0
    last_key: int = 0
    emptied: bool = False
    #: Documents written and not yet replaced, with the size of their JSON, as long as they are few.
    added: dict[int, tuple[Document, int]] = field(default_factory=dict[int, tuple[Document, int]])
    removed: list[int] = field(default_factory=list[int])
    cost: int = 0
    #: No document was written under a number below this one, but for those in `added`.
    forgotten: int = ALL
    #: False when some of this was undone.
    is_certain: bool = True


class Transaction:
    """One transaction; used by one thread at a time. Made by `Catalog.begin` and `Catalog.begin_stream`.

    Use it as a context manager: it commits when the block ends well and rolls back when it raises.
    """

    def __init__(
        self,
        store: StoreTransaction,
        state: CatalogState,
        *,
        cache: DocumentCache,
        cache_number: int,
        revisions: Revisions,
        counters: KeyCounters,
        become_writer: Callable[[], StoreTransaction],
    ) -> None:
        """Made by the catalogue only. `become_writer` is how a stream transaction commits."""
        self.store = store
        self.catalog = state
        self.cache = cache
        self.revisions = revisions
        self.counters = counters
        self._cache_number = cache_number
        self._become_writer = become_writer
        self._touched: dict[int, Touched] = {}
        self._states: dict[int, CollectionState] = {}
        self._sync = False
        self._may_write: Set[int] | None = None
        self._may_read: Set[int] | None = None
        #: Numbers below are of documents that others have committed, and so may be cached for all.
        self.first_number = revisions.next() if store.writable else ALL

    @property
    def writable(self) -> bool:
        """Whether documents may be written."""
        return self.store.writable

    def collection(self, name: str) -> "Collection":
        """The collection with this name (or number as text); else 1203 with the closest names."""
        found = self.catalog.collection(name)
        if self._may_read is not None and found.id not in self._may_read:
            raise _unregistered(found.name, "read")
        return found

    def restrict(self, *, writes: Set[int] | None, reads: Set[int] | None) -> None:
        """Allow only these collections (None: all); others raise 1652 when they are written or asked for."""
        self._may_write = writes
        self._may_read = reads

    def collections(self) -> list["Collection"]:
        """All collections, system ones too, sorted by name."""
        return [self.catalog.by_name[name] for name in sorted(self.catalog.by_name)]

    def document(self, handle: str) -> Document | None:
        """The document with this `_id`, or None when it or its collection does not exist; 1205 for a
        malformed one.
        """
        name, key = split_handle(handle)
        collection = self.catalog.by_name.get(name)
        return None if collection is None else collection.get(self, key)

    @contextmanager
    def atomic(self) -> Generator[None]:
        """A block whose writes are all undone when it raises; blocks nest."""
        savepoint = self.store.savepoint()
        counts = {number: touched.count for number, touched in self._touched.items()}
        try:
            yield
        except BaseException:
            self.store.rollback_to(savepoint)
            for number, touched in self._touched.items():
                touched.count = counts.get(number, 0)
                touched.added = {}  # it may name documents that were undone
                touched.is_certain = False
            raise
        self.store.release(savepoint)

    def require_sync(self) -> None:
        """Make the commit wait for the disk (`waitForSync`)."""
        self._sync = True

    def commit(self) -> None:
        """Make the writes visible and durable, and end. A stream transaction raises 1200 on conflict, and has
        ended.
        """
        if not self._touched:
            self.store.commit()
            return
        try:
            if isinstance(self.store, OverlayTransaction):
                self._commit_stream(self.store)
            else:
                self._commit_to(self.store)
        finally:
            self.rollback()

    def rollback(self) -> None:
        """Undo everything and end; harmless when ended."""
        self._touched = {}
        self.store.rollback()

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()

    # For collections

    def segment(self, collection: int) -> Segment:
        """The cached documents of a collection."""
        return self.cache.segment(self._cache_number, collection)

    def state(self, collection: int) -> CollectionState:
        """The state of a collection in the snapshot, without the transaction's own writes."""
        found = self._states.get(collection)
        if found is None:
            found = self._states[collection] = unpacked(self.store.get(META, state_key(collection)))
        return found

    def touched(self, collection: int) -> Touched | None:
        """What the transaction has done to a collection, None for nothing."""
        return self._touched.get(collection)

    def touch(self, collection: int) -> Touched:
        """The same, about to be changed."""
        found = self._touched.get(collection)
        if found is None:
            if not self.store.writable:
                raise RuntimeError("the transaction only reads")
            if self._may_write is not None and collection not in self._may_write:
                raise _unregistered(self.catalog.by_id[collection].name, "write")
            before = self.state(collection)
            self.revisions.at_least(before.stamp)  # another process may have a faster clock
            found = Touched(self.segment(collection), last_key=before.last_key)
            self._touched[collection] = found
        return found

    def forget(self, collection: int) -> None:
        """Know nothing more of a collection that was dropped within the transaction."""
        self._touched.pop(collection, None)

    def note_added(self, touched: Touched, number: int, document: Document, size: int) -> None:
        """Keep a written document at hand, as long as there are not too many."""
        touched.added[number] = (document, size)
        touched.cost += cost_of(size)
        self._keep_few(touched)

    def keeps_added(self, touched: Touched, sizes: Sequence[int]) -> bool:
        """Whether `note_many_added` would keep documents of these sizes."""
        return touched.cost + cost_of(sum(sizes), len(sizes)) <= self.cache.limit // _PART_FOR_WRITES

    def note_many_added(
        self, touched: Touched, numbers: Sequence[int], documents: Sequence[Document], sizes: Sequence[int]
    ) -> None:
        """The same for many."""
        is_kept = self.keeps_added(touched, sizes)
        touched.cost += cost_of(sum(sizes), len(sizes))
        if is_kept:
            touched.added.update(zip(numbers, zip(documents, sizes, strict=True), strict=True))
        else:
            touched.forgotten = min(touched.forgotten, *numbers)
            self._keep_few(touched)

    def _keep_few(self, touched: Touched) -> None:
        """Forget what was written when it is much: it is read again if somebody asks for it.

        To keep it would take longer than to write it: Python's garbage collector goes over all that stays.
        """
        if touched.cost > self.cache.limit // _PART_FOR_WRITES and touched.added:
            touched.forgotten = min(touched.forgotten, *touched.added)
            touched.added = {}

    def note_removed(self, touched: Touched, number: int) -> None:
        """Forget a document that is gone or has a new number."""
        if touched.added.pop(number, None) is None:
            touched.removed.append(number)

    def _commit_to(self, target: StoreTransaction) -> None:
        stamp = self.revisions.next()
        befores: dict[int, int] = {}
        for collection, touched in self._touched.items():
            is_own = target is self.store  # then nobody else has written since the transaction began
            now = self.state(collection) if is_own else unpacked(target.get(META, state_key(collection)))
            befores[collection] = now.stamp
            changed = CollectionState(stamp, now.count + touched.count, max(now.last_key, touched.last_key))
            target.put(META, state_key(collection), changed.packed())
        target.commit(sync=self._sync)
        for collection, touched in self._touched.items():
            self.cache.advance(
                touched.segment,
                befores[collection],
                stamp,
                added=touched.added,
                removed=touched.removed,
                emptied=touched.emptied,
                forgotten=touched.forgotten,
                is_certain=touched.is_certain,
            )

    def _commit_stream(self, overlay: OverlayTransaction) -> None:
        target = self._become_writer()
        try:
            for collection in self._touched:
                if target.get(META, record_key(collection)) != overlay.get(META, record_key(collection)):
                    raise ArangoError(
                        ERROR_ARANGO_CONFLICT,
                        "write-write conflict: a collection was changed since the transaction began",
                    )
            overlay.apply(target)
            self._commit_to(target)
        finally:
            target.rollback()


def _unregistered(name: str, what: str) -> ArangoError:
    return ArangoError(
        ERROR_TRANSACTION_UNREGISTERED_COLLECTION,
        f"unregistered collection used in transaction: {name} [{what}] - name it when the transaction begins",
    )
