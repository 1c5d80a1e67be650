"""From terms to documents: one field as one analyzer sees it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from mcp_arangodb_async.engine.analyzers import Tokenizer, paced

from .links import Link, Steps, types_at, values_at

#: Kinds of a field besides the names of analyzers; these values are the same for every analyzer.
NUMBERS: Final = "#number"
BOOLEANS: Final = "#bool"
NULLS: Final = "#null"
TYPES: Final = "#types"

Term: TypeAlias = Any
#: Makes the tokens of a value of the field.
Cut: TypeAlias = Tokenizer

_SINGLE: Final = tuple((place,) for place in range(256))
_TERM_COST: Final = 220
_POSTING_COST: Final = 110
_POSITION_COST: Final = 8


@dataclass(slots=True)
class TermIndex:
    """The terms of one field in one segment.

    `postings[term][document]` are the positions of the term, in order. `lengths` are the numbers of tokens.
    `missing` are documents that could not be read when this was made: they had been replaced already.
    """

    postings: dict[Term, dict[int, tuple[int, ...]]] = field(
        default_factory=dict[Term, dict[int, tuple[int, ...]]]
    )
    lengths: dict[int, int] = field(default_factory=dict[int, int])
    missing: frozenset[int] = frozenset()
    cost: int = 0
    _ordered: list[Term] | None = None

    @property
    def ordered(self) -> list[Term]:
        """The terms, strings in the order of their code points."""
        if self._ordered is None:
            self._ordered = sorted(self.postings)
        return self._ordered

    def between(self, low: Term, high: Term, *, with_low: bool, with_high: bool) -> list[Term]:
        """The terms of a range; None is no bound."""
        terms = self.ordered
        first = 0 if low is None else (bisect_left if with_low else bisect_right)(terms, low)
        last = len(terms) if high is None else (bisect_right if with_high else bisect_left)(terms, high)
        return terms[first:last]

    def starting(self, prefix: str) -> Iterator[str]:
        """The terms with a prefix."""
        terms = self.ordered
        for place in range(bisect_left(terms, prefix), len(terms)):
            if not terms[place].startswith(prefix):
                return
            yield terms[place]

    def documents(self, terms: Iterable[Term]) -> set[int]:
        """The documents with any of the terms."""
        found: set[int] = set()
        for term in terms:
            found.update(self.postings.get(term, ()))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a `TermIndex` is made of: a path, and an analyzer with its tokenizer or one of the kinds above."""

    steps: Steps
    kind: str
    cut: Cut | None = None


def build(
    items: Iterable[tuple[int, Any]], link: Link, wanted: Field, check: Callable[[], None]
) -> TermIndex:
    """Index one field of some documents, given by number; `check` is called now and then."""
    index = TermIndex()
    missing: set[int] = set()
    for count, (number, value) in enumerate(items):
        if count % 500 == 0:
            check()
        if value is None:
            missing.add(number)
            continue
        places: dict[Term, list[int]] = {}
        length = 0
        start = 0
        for term, position in paced(_tokens(value, link, wanted), check):
            if position < 0:  # the next value of an array
                start = length
                continue
            places.setdefault(term, []).append(start + position)
            length += 1
        _add(index, number, places, length)
    index.missing = frozenset(missing)
    return index


def _add(index: TermIndex, number: int, places: dict[Term, list[int]], length: int) -> None:
    if not places:
        return
    index.lengths[number] = length
    for term, positions in places.items():
        known = index.postings.get(term)
        if known is None:
            known = index.postings[term] = {}
            index.cost += _TERM_COST
        first = positions[0]
        known[number] = _SINGLE[first] if len(positions) == 1 and first < len(_SINGLE) else tuple(positions)
        index.cost += _POSTING_COST + _POSITION_COST * len(positions)


_NEXT_VALUE: Final = (None, -1)


def _tokens(value: Any, link: Link, wanted: Field) -> Iterator[tuple[Term, int]]:
    """Terms with positions; between two values of an array comes a position below 0."""
    if wanted.kind == TYPES:
        for found in types_at(value, link, wanted.steps):
            yield found, 0
        return
    cut = wanted.cut
    for each in values_at(value, link, wanted.steps):
        yield _NEXT_VALUE
        if isinstance(each, str):
            if cut is not None:
                for token in cut(each):
                    if isinstance(token.term, str):
                        yield token.term, token.position
        elif cut is None and _is_of(each, wanted.kind):
            yield each, 0


def _is_of(value: Any, kind: str) -> bool:
    if value is None:
        return kind == NULLS
    if isinstance(value, bool):
        return kind == BOOLEANS
    return kind == NUMBERS
