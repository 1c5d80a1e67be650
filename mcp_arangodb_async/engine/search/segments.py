"""The documents of a collection in segments, whose fields are indexed when a search first asks for them.

A segment never changes. A write adds a small one and marks documents of older ones as gone; small segments
are put together, so that there are only as many as the logarithm of the number of documents. A transaction
that has written gets segments of its own, made the same way.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.transaction import Transaction

from .postings import TermIndex

#: Segments up to this size are put together with what is new.
SMALL: Final = 64
_BATCH: Final = 500
_DEFAULT_LIMIT: Final = 128 * 1024 * 1024
_KEY_COST: Final = 250

Document = dict[str, Any]


@dataclass(slots=True, eq=False)
class Segment:
    """Some documents by key and revision, and their fields as far as they were asked for."""

    keys: list[str]
    revisions: list[str]
    indexes: dict[Hashable, TermIndex | Nesting] = field(
        default_factory=dict[Hashable, "TermIndex | Nesting"]
    )

    def documents(self, tx: Transaction, collection: Collection) -> Iterator[tuple[int, Document | None]]:
        """All documents by number; None for one that is not in the transaction's snapshot (any more)."""
        for start in range(0, len(self.keys), _BATCH):
            found = collection.get_many(tx, self.keys[start : start + _BATCH])
            for number, document in enumerate(found, start):
                is_same = document is not None and document["_rev"] == self.revisions[number]
                yield number, document if is_same else None


@dataclass(slots=True, eq=False)
class Nesting:
    """The elements of an array in all documents of a segment: for each the number of its document."""

    parents: list[int]
    missing: frozenset[int]

    @property
    def cost(self) -> int:
        """About how much memory it takes."""
        return 40 * len(self.parents)


@dataclass(frozen=True, slots=True)
class Contents:
    """A collection at one moment: segments, and which of their documents are gone."""

    stamp: int
    segments: tuple[tuple[Segment, frozenset[int]], ...] = ()
    #: Where each document is: the place of its segment and its number in there.
    places: dict[str, tuple[Segment, int]] = field(default_factory=dict[str, tuple[Segment, int]])


class SearchIndexes:
    """The segments of all collections of a database, bounded in memory. Thread-safe."""

    def __init__(self, limit: int = _DEFAULT_LIMIT) -> None:
        """Keep at most about `limit` bytes of indexes."""
        self.limit = limit
        self._lock = threading.Lock()
        self._contents: OrderedDict[int, Contents] = OrderedDict()
        self._uses: OrderedDict[tuple[int, Hashable], tuple[Segment, int]] = OrderedDict()
        self._cost = 0

    @property
    def size(self) -> int:
        """About how many bytes the indexes of fields take."""
        return self._cost

    def contents(self, tx: Transaction, collection: Collection, check: Callable[[], None]) -> Contents:
        """The documents of a collection as the transaction sees them."""
        stamp = tx.state(collection.id).stamp
        known = self._contents.get(collection.id, Contents(-1))
        if tx.touched(collection.id) is not None:
            return _advanced(known, tx, collection, -1, check)
        if known.stamp != stamp:
            made = _advanced(known, tx, collection, stamp, check)
            with self._lock:
                present = self._contents.get(collection.id)
                if present is None or present.stamp < stamp:
                    self._contents[collection.id] = made
                    self._contents.move_to_end(collection.id)
                    self._forget(known, made)
                    self._tidy(tx)
            return made
        return known

    def _tidy(self, tx: Transaction) -> None:
        """Forget collections that were dropped, and those used longest ago when there is too much."""
        for number in [each for each in self._contents if each not in tx.catalog.by_id]:
            self._forget(self._contents.pop(number), Contents(-1))
        keys = sum(len(each.places) for each in self._contents.values())
        while len(self._contents) > 1 and keys * _KEY_COST > self.limit:
            _, oldest = self._contents.popitem(last=False)
            keys -= len(oldest.places)
            self._forget(oldest, Contents(-1))

    def index(
        self, segment: Segment, key: Hashable, gone: frozenset[int], make: Callable[[], TermIndex | Nesting]
    ) -> TermIndex | Nesting:
        """The index of a field, made when it is not there or lacks documents that are wanted."""
        found = segment.indexes.get(key)
        if found is not None and found.missing <= gone:
            use = (id(segment), key)
            with self._lock:
                if use in self._uses:
                    self._uses.move_to_end(use)
            return found
        made = make()
        with self._lock:
            before = self._uses.pop((id(segment), key), None)
            self._cost -= before[1] if before else 0
            segment.indexes[key] = made
            self._uses[id(segment), key] = (segment, made.cost)
            self._cost += made.cost
            while self._cost > self.limit and self._uses:
                (_, old), (other, cost) = self._uses.popitem(last=False)
                other.indexes.pop(old, None)
                self._cost -= cost
        return made

    def _forget(self, before: Contents, after: Contents) -> None:
        """Give up the memory of segments that are no longer used."""
        kept = {id(segment) for segment, _ in after.segments}
        gone = {id(segment) for segment, _ in before.segments} - kept
        for use in [use for use in self._uses if use[0] in gone]:
            segment, cost = self._uses.pop(use)
            segment.indexes.pop(use[1], None)
            self._cost -= cost


def _advanced(
    known: Contents, tx: Transaction, collection: Collection, stamp: int, check: Callable[[], None]
) -> Contents:
    """What is known of another moment, brought to the moment of the transaction."""
    added, removed = _fresh(known, tx, collection, check)
    if not added and not removed:
        return Contents(stamp, known.segments, known.places)
    gone: dict[int, set[int]] = {}
    places = dict(known.places)
    for key in removed:
        segment, number = places.pop(key)
        gone.setdefault(id(segment), set()).add(number)
    segments = [(segment, hidden | gone.get(id(segment), set())) for segment, hidden in known.segments]
    segments = [pair for pair in segments if len(pair[1]) < len(pair[0].keys)]
    pairs = [(document["_key"], document["_rev"]) for document in added]
    while segments and _is_small(segments[-1], len(pairs)):
        segment, hidden = segments.pop()
        kept = [number for number in range(len(segment.keys)) if number not in hidden]
        pairs = [(segment.keys[number], segment.revisions[number]) for number in kept] + pairs
    segments = [_compacted(pair, places) for pair in segments]
    if pairs:
        segments.append((_segment(pairs, places), frozenset()))
    return Contents(stamp, tuple(segments), places)


def _segment(pairs: Sequence[tuple[str, str]], places: dict[str, tuple[Segment, int]]) -> Segment:
    segment = Segment([key for key, _ in pairs], [revision for _, revision in pairs])
    places.update((key, (segment, number)) for number, key in enumerate(segment.keys))
    return segment


def _is_small(pair: tuple[Segment, frozenset[int]], added: int) -> bool:
    return len(pair[0].keys) - len(pair[1]) <= max(SMALL, 2 * added)


def _compacted(
    pair: tuple[Segment, frozenset[int]], places: dict[str, tuple[Segment, int]]
) -> tuple[Segment, frozenset[int]]:
    """A segment without what is gone, when that is the larger part."""
    segment, hidden = pair
    if 2 * len(hidden) <= len(segment.keys):
        return pair
    numbers = [number for number in range(len(segment.keys)) if number not in hidden]
    return _segment([(segment.keys[n], segment.revisions[n]) for n in numbers], places), frozenset()


def _fresh(
    known: Contents, tx: Transaction, collection: Collection, check: Callable[[], None]
) -> tuple[list[Document], list[str]]:
    """The documents that are new, in the order of writing, and the keys of those gone or replaced."""
    places = known.places
    added: list[Document] = []
    unchanged: set[str] = set()
    scan = collection.scan(tx)
    while piece := list(islice(scan, _BATCH)):
        check()
        for document in piece:
            key: str = document["_key"]
            place = places.get(key)
            if place is not None and place[0].revisions[place[1]] == document["_rev"]:
                unchanged.add(key)
            else:
                added.append(document)
    removed = [key for key in places if key not in unchanged] if len(unchanged) < len(places) else []
    return added, removed
