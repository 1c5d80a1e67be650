"""Decoded documents kept in memory, for all databases of an engine together.

A document is cached under its number (see `Revisions`), which belongs to one content for ever: what is cached
under it cannot become stale, whoever writes. Only two claims are bound to a moment: that the documents of a
collection are *all* of them up to some number, and which documents belong to a key or a vertex. They hold for
the stamp that the last commit to the collection left in the store. A reader compares it with the stamp in its
own snapshot, so writes of other transactions and of other processes are noticed.

A collection that does not fit is cached from its beginning as far as there is room: a scan reads the rest
from the store, and the next scan meets the same beginning again. Collections in use share the room evenly.

Sizes are measured on some of the documents (`footprint.py`).
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from .footprint import Scale

Document = dict[str, Any]

#: A list of edges by vertex, and a document by key, without the documents.
_EDGE_LIST_COST: Final = 250
_KEY_COST: Final = 120
_NO_STAMP: Final = -1
_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})
#: Above every number: the bound of a collection that is cached whole.
ALL: Final = 2**63 - 1
#: Seconds after which a collection that nobody uses makes room before all others.
_IDLE: Final = 30.0
#: Which part of the cache documents found one by one may take from a beginning.
_LOOSE_PART: Final = 8


class Maps:
    """What belongs to a key or a vertex as of a stamp: cached documents only, so it keeps none in memory."""

    __slots__ = ("by_key", "cost", "edges", "stamp")

    def __init__(self, stamp: int) -> None:
        self.stamp = stamp
        self.edges: dict[tuple[str, str], tuple[Document, ...]] = {}
        self.by_key: dict[str, Document] = {}
        self.cost = 0


class Segment:
    """The cached documents of one collection. Change it through the cache only."""

    __slots__ = (
        "bound",
        "counted",
        "is_dropped",
        "loose",
        "loose_cost",
        "maps",
        "row",
        "scale",
        "stamp",
        "used",
        "whole",
        "whole_cost",
    )

    def __init__(self) -> None:
        #: By number, in order: as of `stamp`, all documents with numbers below `bound`.
        self.whole: dict[int, Document] = {}
        self.whole_cost = 0
        self.stamp = _NO_STAMP
        self.bound = 0
        #: The values of `whole`, made when they are asked for.
        self.row: tuple[Document, ...] | None = None
        #: Others by number, in the order in which they were read.
        self.loose: dict[int, Document] = {}
        self.loose_cost = 0
        #: Exchanged as a whole: who reads them needs no lock.
        self.maps = Maps(_NO_STAMP)
        self.scale = Scale()
        self.used = 0.0
        #: What of `cost` the cache's total has.
        self.counted = 0
        #: Whether the collection is gone, while somebody still reads an old snapshot of it.
        self.is_dropped = False

    @property
    def cost(self) -> int:
        """About how many bytes it takes."""
        return self.whole_cost + self.loose_cost + self.maps.cost


class DocumentCache:
    """A bounded cache of decoded documents. Thread-safe."""

    def __init__(self, limit: int) -> None:
        """Keep at most about `limit` bytes; 0 keeps nothing."""
        self.limit = limit
        self._lock = threading.Lock()
        self._segments: dict[tuple[int, int], Segment] = {}
        self._total = 0

    @property
    def size(self) -> int:
        """About how many bytes are in use."""
        with self._lock:
            return sum(segment.cost for segment in self._segments.values())

    def segment(self, catalog: int, collection: int) -> Segment:
        """The segment of a collection. Looking for a number in `whole` and `loose` needs no lock."""
        key = (catalog, collection)
        found = self._segments.get(key)
        if found is None:
            with self._lock:
                found = self._segments.setdefault(key, Segment())
        found.used = time.monotonic()
        return found

    # Documents by number

    def add(self, segment: Segment, number: int, document: Document, size: int) -> None:
        """Remember one document. One that a complete collection does not have is from an older snapshot."""
        if segment.bound == ALL or not self.limit:
            return
        with self._lock:
            if number < segment.bound or number in segment.loose or segment.is_dropped:
                return
            cost = segment.scale.weigh((document,), size)
            if self._make_place(segment, cost):
                segment.loose[number] = document
                segment.loose_cost += cost
                self._settle(segment)

    def _make_place(self, segment: Segment, cost: int) -> bool:
        """Make room for a document found by itself: of others, of a beginning, of those found before it."""
        if self._make_room(segment, cost):
            return True
        part = self.limit // _LOOSE_PART
        if cost > part:
            return False
        if segment.loose_cost < part and segment.whole:
            self._shrink_whole(segment, max(cost, part // 4))
        else:
            self._shrink_loose(segment, max(cost, segment.loose_cost // 4))
        return self._settle(segment) + cost <= self.limit

    # All documents up to a number

    def everything(self, segment: Segment, stamp: int) -> tuple[Document, ...] | None:
        """All documents as of a stamp, in order, or None when they are not all here."""
        row, bound = self.beginning(segment, stamp)
        return row if bound == ALL else None

    def beginning(self, segment: Segment, stamp: int) -> tuple[tuple[Document, ...], int]:
        """The first documents as of a stamp, and the number up to which they are all: at least 0."""
        with self._lock:
            if segment.stamp != stamp:
                return (), 0
            if segment.row is None:
                segment.row = tuple(segment.whole.values())
            return segment.row, segment.bound

    def extend(
        self, segment: Segment, stamp: int, documents: dict[int, Document], size: int, begin: int, end: int
    ) -> bool:
        """Remember, in order, all documents of a stamp from `begin` up to `end`; False without room for all.

        `size` is that of their JSON. They must follow on those known already.
        """
        if not self.limit:
            return False
        with self._lock:
            if begin == 0 and segment.stamp < stamp and not segment.is_dropped:
                self._start(segment, stamp)
            if segment.stamp != stamp or segment.bound != begin:
                return False
            self._take_loose(segment, documents)
            cost = segment.scale.weigh(tuple(documents.values()), size) if documents else 0
            fits = self._make_room(segment, cost)
            if not fits:
                count = max(0, self.limit - self._total) * len(documents) // cost
                cost = cost * count // len(documents)
                first = dict(islice(documents.items(), count))
                documents, end = first, next(islice(documents, count, None))
            segment.whole.update(documents)
            segment.whole_cost += cost
            segment.bound = end
            segment.row = None
            if end == ALL:  # whatever else there is belongs to older snapshots
                segment.loose, segment.loose_cost = {}, 0
            self._settle(segment)
            return fits

    def _start(self, segment: Segment, stamp: int) -> None:
        """Begin anew at the first number; what was known of another stamp stays under its numbers."""
        if len(segment.loose) + len(segment.whole):
            segment.loose = {**segment.loose, **segment.whole}
            segment.loose_cost += segment.whole_cost
        segment.whole, segment.whole_cost, segment.row = {}, 0, None
        segment.stamp, segment.bound = stamp, 0

    def _take_loose(self, segment: Segment, documents: dict[int, Document]) -> None:
        """Forget the loose ones among some documents, which get another place."""
        loose = segment.loose
        if loose:
            before = len(loose)
            for number in documents:
                loose.pop(number, None)
            segment.loose_cost = segment.loose_cost * len(loose) // before

    # Writes

    def advance(
        self,
        segment: Segment,
        before: int,
        after: int,
        *,
        added: dict[int, tuple[Document, int]],
        removed: Iterable[int],
        emptied: bool = False,
        forgotten: int = ALL,
        is_certain: bool = True,
    ) -> None:
        """Carry a commit over: `before` and `after` are the stamps around it.

        `emptied`: everything was removed before `added` was added. `forgotten`: from this number on there are
        written documents that nobody remembers. `is_certain`: whether all this is known for sure.
        """
        with self._lock:
            if segment.is_dropped:
                return
            if emptied or before == 0:  # nothing is left, or there never was anything
                self._empty(segment)
                segment.stamp, segment.bound = before, ALL
            segment.maps = Maps(_NO_STAMP)
            for number in removed:
                self._remove(segment, number)
            segment.stamp = after if segment.stamp == before and is_certain else _NO_STAMP
            if forgotten < next(reversed(segment.whole), -1):
                segment.stamp = _NO_STAMP
            segment.bound = min(segment.bound, forgotten)
            if added:
                self._append(segment, added)
            if segment.stamp == _NO_STAMP:
                segment.bound = 0
            self._settle(segment)

    def _append(self, segment: Segment, added: dict[int, tuple[Document, int]]) -> None:
        """Remember what was written: behind all others when they are known, else by number."""
        numbers = sorted(added)
        documents = {number: added[number][0] for number in numbers}
        cost = segment.scale.weigh(tuple(documents.values()), sum(size for _, size in added.values()))
        fits = self._make_room(segment, cost)
        if numbers[0] < next(reversed(segment.whole), -1):
            segment.stamp = (
                _NO_STAMP  # a stream transaction took its numbers before others that have committed
            )
        elif segment.bound == ALL:
            if fits:
                segment.whole.update(documents)
                segment.whole_cost += cost
                segment.row = None
                return
            segment.bound = numbers[0]
        elif numbers[0] < segment.bound:
            segment.stamp = _NO_STAMP
        if fits:
            segment.loose.update(documents)
            segment.loose_cost += cost

    def _remove(self, segment: Segment, number: int) -> None:
        if number in segment.whole:
            segment.whole_cost -= segment.whole_cost // len(segment.whole)
            del segment.whole[number]
            segment.row = None
        elif number in segment.loose:
            segment.loose_cost -= segment.loose_cost // len(segment.loose)
            del segment.loose[number]

    # Edges of a vertex, documents by key

    def edges(self, segment: Segment, stamp: int) -> Mapping[tuple[str, str], tuple[Document, ...]]:
        """Remembered edges by direction and vertex, as of a stamp."""
        maps = segment.maps
        return maps.edges if maps.stamp == stamp else _NOTHING

    def keys(self, segment: Segment, stamp: int) -> Mapping[str, Document]:
        """Remembered documents by `_key`, as of a stamp."""
        maps = segment.maps
        return maps.by_key if maps.stamp == stamp else _NOTHING

    def add_edges(
        self,
        segment: Segment,
        stamp: int,
        key: tuple[str, str],
        edges: tuple[Document, ...],
        numbers: Iterable[int],
    ) -> None:
        """Remember the edges of a vertex as of a stamp, if they are cached."""
        with self._lock:
            if self._can_map(segment, stamp, numbers, _EDGE_LIST_COST + 8 * len(edges)):
                segment.maps.edges[key] = edges

    def add_keys(
        self, segment: Segment, stamp: int, documents: Sequence[Document], numbers: Sequence[int]
    ) -> None:
        """Remember documents by key as of a stamp, if they are cached."""
        with self._lock:
            if self._can_map(segment, stamp, numbers, _KEY_COST * len(documents)):
                segment.maps.by_key.update((document["_key"], document) for document in documents)

    def _can_map(self, segment: Segment, stamp: int, numbers: Iterable[int], cost: int) -> bool:
        """Whether there is room in the maps of a stamp; then it is taken. Older ones are dropped."""
        if segment.maps.stamp > stamp or segment.is_dropped or not self.limit:
            return False
        if segment.maps.stamp < stamp:
            segment.maps = Maps(stamp)
        whole, loose = segment.whole, segment.loose
        if not all(number in whole or number in loose for number in numbers):
            return False
        if not self._make_room(segment, cost):
            return False
        segment.maps.cost += cost
        self._settle(segment)
        return True

    # Room

    def drop(self, catalog: int, collection: int | None = None) -> None:
        """Forget a collection, or all of a catalogue."""
        with self._lock:
            for key in [key for key in self._segments if key[0] == catalog and collection in (None, key[1])]:
                segment = self._segments.pop(key)
                segment.is_dropped = True
                self._empty(segment)
                self._settle(segment)

    def _settle(self, segment: Segment) -> int:
        """Bring the total up to date with one segment; the total."""
        cost = segment.cost
        self._total += cost - segment.counted
        segment.counted = cost
        return self._total

    def _make_room(self, wanted: Segment, cost: int) -> bool:
        """Whether there is room: idle collections give theirs, others what they have above a fair share."""
        excess = self._settle(wanted) + cost - self.limit
        if excess <= 0:
            return True
        if cost > self.limit:
            return False
        now = time.monotonic()
        others = [each for each in self._segments.values() if each is not wanted and each.cost]
        busy = sum(now - each.used < _IDLE for each in others)
        share = self.limit // (busy + 1)
        for other in sorted(others, key=lambda each: each.used):
            floor = share if now - other.used < _IDLE else 0
            excess -= self._shrink(other, min(excess, other.cost - floor))
            if excess <= 0:
                return True
        return False

    def _shrink(self, segment: Segment, amount: int) -> int:
        """Free about so many bytes or a little more; how many were freed."""
        if amount <= 0:
            return 0
        before = segment.cost
        segment.maps = Maps(_NO_STAMP)
        self._shrink_loose(segment, amount - before + segment.cost)
        self._shrink_whole(segment, amount - before + segment.cost)
        self._settle(segment)
        return before - segment.cost

    def _shrink_loose(self, segment: Segment, amount: int) -> None:
        """Drop those read first; many at a time, as each turn copies the others."""
        if amount <= 0 or not segment.loose:
            return
        segment.maps = Maps(_NO_STAMP)
        count = len(segment.loose)
        dropped = min(count, max(1 + count * amount // max(segment.loose_cost, 1), count // 4))
        segment.loose = dict(islice(segment.loose.items(), dropped, None))
        segment.loose_cost -= segment.loose_cost * dropped // count

    def _shrink_whole(self, segment: Segment, amount: int) -> None:
        """Drop the last ones: what is left is still a beginning."""
        if amount <= 0 or not segment.whole:
            return
        segment.maps = Maps(_NO_STAMP)
        count = len(segment.whole)
        dropped = min(count, 1 + count * amount // max(segment.whole_cost, 1))
        for _ in range(dropped):
            segment.bound = segment.whole.popitem()[0]
        segment.whole_cost -= segment.whole_cost * dropped // count
        segment.row = None

    def _empty(self, segment: Segment) -> None:
        segment.maps = Maps(_NO_STAMP)
        segment.whole, segment.whole_cost, segment.row = {}, 0, None
        segment.stamp, segment.bound = _NO_STAMP, 0
        segment.loose, segment.loose_cost = {}, 0
