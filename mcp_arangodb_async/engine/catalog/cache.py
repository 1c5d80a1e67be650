"""Decoded documents kept in memory, for all databases of an engine together.

A document is cached under its number (see `Revisions`), which belongs to one content for ever: what is cached
under it cannot become stale, whoever writes. Only the claim that *all* documents of a collection are
cached is bound to a moment: the stamp that the last commit to the collection left in the store. A reader
compares it with the stamp in its own snapshot, so writes of other transactions and of other processes are
noticed.

Sizes are estimates: decoded objects take several times the bytes of their JSON.
"""

import threading
from collections.abc import Iterable
from typing import Any, Final

Document = dict[str, Any]

#: A decoded document: about 500 bytes for the dictionary and the system attributes, and three times its JSON.
_FIXED_COST: Final = 500
_COST_PER_BYTE: Final = 3
_EDGE_LIST_COST: Final = 250
_NO_STAMP: Final = -1


def cost_of(size: int, count: int = 1) -> int:
    """About how much memory documents take whose JSON has `size` bytes together."""
    return _FIXED_COST * count + _COST_PER_BYTE * size


class Segment:
    """The cached documents of one collection. Change it through the cache only."""

    __slots__ = ("complete", "cost", "documents", "edges", "edges_cost", "edges_stamp", "used")

    def __init__(self) -> None:
        #: By number; in the order of numbers when `complete`.
        self.documents: dict[int, Document] = {}
        self.cost = 0
        #: The stamp of which `documents` are all documents, or `_NO_STAMP`.
        self.complete = _NO_STAMP
        #: Lists of edges by space and vertex, as of `edges_stamp`.
        self.edges: dict[tuple[str, str], tuple[Document, ...]] = {}
        self.edges_cost = 0
        self.edges_stamp = _NO_STAMP
        self.used = 0


class DocumentCache:
    """A bounded cache of decoded documents. Thread-safe."""

    def __init__(self, limit: int) -> None:
        """Keep at most about `limit` bytes; 0 keeps nothing."""
        self.limit = limit
        self._lock = threading.Lock()
        self._segments: dict[tuple[int, int], Segment] = {}
        self._cost = 0
        self._clock = 0

    @property
    def size(self) -> int:
        """About how many bytes are in use."""
        return self._cost

    def segment(self, catalog: int, collection: int) -> Segment:
        """The segment of a collection. Reading `documents.get(number)` needs no lock."""
        key = (catalog, collection)
        found = self._segments.get(key)
        if found is None:
            with self._lock:
                found = self._segments.setdefault(key, Segment())
        self._clock += 1
        found.used = self._clock
        return found

    def add(self, segment: Segment, number: int, document: Document, size: int) -> None:
        """Remember one document. One that a complete collection does not have is from an older snapshot."""
        cost = cost_of(size)
        with self._lock:
            if segment.complete == _NO_STAMP and cost <= self.limit // 2 and number not in segment.documents:
                self._make_room(segment, cost)
                segment.documents[number] = document
                segment.cost += cost
                self._cost += cost

    def add_many(self, segment: Segment, documents: dict[int, Document], cost: int) -> None:
        """Remember some of a collection's documents, unless the collection is complete."""
        with self._lock:
            if segment.complete == _NO_STAMP and cost <= self.limit // 2:
                fresh = {
                    number: document
                    for number, document in documents.items()
                    if number not in segment.documents
                }
                cost = cost * len(fresh) // max(len(documents), 1)
                self._make_room(segment, cost)
                segment.documents.update(fresh)
                segment.cost += cost
                self._cost += cost

    def everything(self, segment: Segment, stamp: int) -> list[Document] | None:
        """All documents as of a stamp, or None when they are not all here."""
        with self._lock:
            return list(segment.documents.values()) if segment.complete == stamp else None

    def fill(self, segment: Segment, stamp: int, documents: dict[int, Document], cost: int) -> None:
        """Remember all documents of a collection, in order, if they fit beside the others used lately."""
        with self._lock:
            if cost > self.limit or segment.complete > stamp or self._segments_have_lost(segment):
                return
            self._cost -= segment.cost
            segment.documents = {}
            segment.cost = 0
            segment.complete = _NO_STAMP
            self._make_room(segment, cost)
            segment.documents = documents
            segment.cost = cost
            segment.complete = stamp
            self._cost += cost

    def advance(
        self,
        segment: Segment,
        before: int,
        after: int,
        *,
        added: dict[int, tuple[Document, int]] | None,
        removed: Iterable[int],
        emptied: bool = False,
    ) -> None:
        """Carry a commit over: `before` and `after` are the stamps around it.

        `emptied`: everything was removed before `added` was added. `added` None: not all is known.
        """
        with self._lock:
            if emptied:
                self._empty(segment)
            self._forget_edges(segment)
            whole = (emptied or segment.complete == before) and added is not None
            for number in removed:
                if segment.documents.pop(number, None) is not None:
                    share = segment.cost // (len(segment.documents) + 1)
                    segment.cost -= share
                    self._cost -= share
            segment.complete = _NO_STAMP
            if not added:
                if whole:
                    segment.complete = after
                return
            cost = cost_of(sum(size for _, size in added.values()), len(added))
            if cost > self.limit // 2:
                return
            last = next(reversed(segment.documents), -1)
            numbers = sorted(added)
            kept = len(segment.documents)
            self._make_room(segment, cost)
            whole = whole and last < numbers[0] and kept == len(segment.documents)
            for number in numbers:
                segment.documents[number] = added[number][0]
            segment.cost += cost
            self._cost += cost
            if whole:
                segment.complete = after

    def edges(self, segment: Segment, stamp: int, key: tuple[str, str]) -> tuple[Document, ...] | None:
        """The remembered edges of a vertex as of a stamp."""
        return segment.edges.get(key) if segment.edges_stamp == stamp else None

    def add_edges(
        self, segment: Segment, stamp: int, key: tuple[str, str], edges: tuple[Document, ...]
    ) -> None:
        """Remember the edges of a vertex as of a stamp; those of other stamps are forgotten."""
        cost = _EDGE_LIST_COST + 8 * len(edges)
        with self._lock:
            if segment.edges_stamp != stamp:
                self._forget_edges(segment)
                segment.edges_stamp = stamp
            if self._cost + cost > self.limit:
                return
            segment.edges[key] = edges
            segment.edges_cost += cost
            self._cost += cost

    def drop(self, catalog: int, collection: int | None = None) -> None:
        """Forget a collection, or all of a catalogue."""
        with self._lock:
            for key in [key for key in self._segments if key[0] == catalog and collection in (None, key[1])]:
                self._empty(self._segments.pop(key))

    def _segments_have_lost(self, segment: Segment) -> bool:
        """Whether the segment belongs to a collection that was dropped meanwhile."""
        return all(other is not segment for other in self._segments.values())

    def _forget_edges(self, segment: Segment) -> None:
        self._cost -= segment.edges_cost
        segment.edges = {}
        segment.edges_cost = 0
        segment.edges_stamp = _NO_STAMP

    def _empty(self, segment: Segment) -> None:
        self._forget_edges(segment)
        self._cost -= segment.cost
        segment.documents = {}
        segment.cost = 0
        segment.complete = _NO_STAMP

    def _make_room(self, wanted: Segment, cost: int) -> None:
        """Empty the segments used longest ago; when only the wanted one is left, drop its older half."""
        while self._cost + cost > self.limit:
            others = [
                other
                for other in self._segments.values()
                if other is not wanted and (other.cost or other.edges_cost)
            ]
            if others:
                self._empty(min(others, key=lambda other: other.used))
                continue
            if not wanted.documents and not wanted.edges:
                return
            self._forget_edges(wanted)
            half = len(wanted.documents) // 2 + 1
            share = wanted.cost * half // max(len(wanted.documents), 1)
            for number in list(wanted.documents)[:half]:
                del wanted.documents[number]
            wanted.cost -= share
            self._cost -= share
            wanted.complete = _NO_STAMP
