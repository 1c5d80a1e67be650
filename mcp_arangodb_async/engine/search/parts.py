"""One segment as one search sees it: with the link of its collection, and the indexes made from both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from mcp_arangodb_async.engine.analyzers import GEO_TYPES, Tokenizer
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.records import Analyzer
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

from .links import MISSING, Link, Linked, Steps, elements_at, values_at
from .postings import BOOLEANS, NULLS, NUMBERS, TYPES, Field, TermIndex, build
from .segments import Nesting, SearchIndexes, Segment

EMPTY: Final = TermIndex()
_EVERY_ANALYZER: Final = frozenset({NUMBERS, BOOLEANS, NULLS, TYPES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a search needs of its query: the snapshot, analyzers, limits, and where its indexes are kept."""

    tx: Transaction
    indexes: SearchIndexes
    analyzer: Callable[[str], Analyzer]
    tokenizer: Callable[[str], Tokenizer]
    call: Callable[..., Any]
    check: Callable[[], None]
    linked: tuple[Linked, ...] = ()

    def kind(self, steps: Steps, asked: str, chain: tuple[Steps, ...] = ()) -> str:
        """The full name of the analyzer of a path: the one asked for, or the only one an index has."""
        for each in self.linked:
            if each.infers_analyzers:
                link = nested_link(each.link, chain)
                found = None if link is None else link.at(steps)
                if found is not None and found.analyzers:
                    return found.analyzers[0]
        return self.analyzer(asked).name


def nested_link(link: Link, chain: tuple[Steps, ...]) -> Link | None:
    """The link of the elements of nested arrays."""
    for steps in chain:
        found = link.at(steps)
        if found is None or not found.nested:
            return None
        link = Link(holds=False, stores=True, fields=found.nested)
    return link


@dataclass(slots=True, kw_only=True, eq=False)
class Part:
    """One segment of a view. Documents are known by their number in it; `gone` are no longer there.

    In the parts of a nested search the elements of an array take the place of documents: `nesting` gives for
    each the number of its document.
    """

    scope: Scope
    collection: Collection
    segment: Segment
    gone: frozenset[int]
    linked: Linked
    link: Link
    size: int
    chain: tuple[Steps, ...] = ()
    nesting: Nesting | None = None
    _known: dict[tuple[Steps, str], TermIndex] = field(default_factory=dict[tuple[Steps, str], TermIndex])

    def terms(self, steps: Steps, kind: str) -> TermIndex:
        """The terms of a field as an analyzer (or one of the kinds of postings.py) sees it."""
        found = self._known.get((steps, kind))
        if found is None:
            found = self._known[steps, kind] = self._terms(steps, kind)
        return found

    def _terms(self, steps: Steps, kind: str) -> TermIndex:
        place = self.link.at(steps)
        if place is None or (kind not in _EVERY_ANALYZER and kind not in place.analyzers):
            return EMPTY
        cut = None if kind in _EVERY_ANALYZER else self.scope.tokenizer(kind)
        wanted = Field(steps=steps, kind=kind, cut=cut)

        def make() -> TermIndex:
            return build(self.items(), self.link, wanted, self.scope.check)

        key = (self.linked.fingerprint, self.nesting, steps, kind)
        made = self.scope.indexes.index(self.segment, key, self.gone, make)
        assert isinstance(made, TermIndex)
        return made

    def items(self) -> Iterator[tuple[int, Any]]:
        """All documents (or elements) by number; None for one that is not there any more."""
        return self.segment.documents(self.scope.tx, self.collection)

    def shapes(self, steps: Steps, kind: str) -> Iterator[tuple[int, Any]]:
        """The values of a field that a geo analyzer indexes, as GeoJSON."""
        place = self.link.at(steps)
        if place is None or kind not in place.analyzers:
            return
        analyzer = self.scope.analyzer(kind)
        if analyzer.type not in GEO_TYPES:
            raise ArangoError(ERROR_BAD_PARAMETER, f"the analyzer '{kind}' does not index geometry")
        for count, (number, document) in enumerate(self.items()):
            if count % 500 == 0:
                self.scope.check()
            if document is not None:
                for value in values_at(document, self.link, steps, whole=True):
                    shape = _shape(value, analyzer)
                    if shape is not None:
                        yield number, shape

    def nested(self, steps: Steps) -> Part | None:
        """The elements of an array as a part of their own; None when they are not indexed as nested."""
        link = nested_link(self.link, (steps,))
        if link is None:
            return None
        key = (self.linked.fingerprint, self.nesting, steps, "nested")
        nesting = self.scope.indexes.index(self.segment, key, self.gone, lambda: self._nesting(steps))
        assert isinstance(nesting, Nesting)
        return NestedPart(
            scope=self.scope,
            collection=self.collection,
            segment=self.segment,
            gone=frozenset(n for n, parent in enumerate(nesting.parents) if parent in self.gone)
            if self.gone
            else self.gone,
            linked=self.linked,
            link=link,
            size=len(nesting.parents),
            chain=(*self.chain, steps),
            nesting=nesting,
            outer=self,
        )

    def _nesting(self, steps: Steps) -> Nesting:
        parents: list[int] = []
        missing: set[int] = set()
        for number, value in self.items():
            if value is None:
                missing.add(number)
            else:
                parents.extend(number for _ in elements_at(value, self.link, steps))
        return Nesting(parents, frozenset(missing))


@dataclass(slots=True, kw_only=True, eq=False)
class NestedPart(Part):
    """The elements of an array in all documents of another part."""

    outer: Part

    def items(self) -> Iterator[tuple[int, Any]]:
        """All elements by number, those of a document that is not there any more as None."""
        assert self.nesting is not None
        values = self.outer.items()
        parent = -1
        rest: Iterator[Any] = iter(())
        for number, wanted in enumerate(self.nesting.parents):
            while parent < wanted:
                parent, value = next(values)
                rest = iter(()) if value is None else elements_at(value, self.outer.link, self.chain[-1])
            element = next(rest, MISSING)
            yield number, None if element is MISSING else {} if element is None else element


def parts_of(scope: Scope, wanted: frozenset[str] | None = None) -> list[Part]:
    """The parts of a view, those of some collections only if asked so."""
    parts: list[Part] = []
    for linked in scope.linked:
        if wanted is not None and linked.collection not in wanted:
            continue
        collection = scope.tx.collection(linked.collection)
        contents = scope.indexes.contents(scope.tx, collection, scope.check)
        parts.extend(
            Part(
                scope=scope,
                collection=collection,
                segment=segment,
                gone=gone,
                linked=linked,
                link=linked.link,
                size=len(segment.keys),
            )
            for segment, gone in contents.segments
        )
    return parts


def _shape(value: Any, analyzer: Analyzer) -> Any:
    """A value as GeoJSON (or [longitude, latitude]), as a geo analyzer reads it; None when it cannot."""
    if analyzer.type != "geopoint":
        return value if isinstance(value, dict | list) else None  # pyright: ignore[reportUnknownVariableType]  # JSON
    latitude, longitude = analyzer.properties.get("latitude"), analyzer.properties.get("longitude")
    pair: list[Any]
    if latitude and longitude:
        pair = [_inside(value, longitude), _inside(value, latitude)]
    elif isinstance(value, list):
        pair = list(reversed(cast("list[Any]", value)[:2]))
    else:
        return None
    numbers = [each for each in pair if isinstance(each, int | float) and not isinstance(each, bool)]
    return pair if len(numbers) == 2 else None


def _inside(value: Any, path: list[str]) -> Any:
    for name in path:
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return value
