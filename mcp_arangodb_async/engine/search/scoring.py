"""Scores: BM25 and TF-IDF over the documents of a view.

Formulas: Robertson and Zaragoza's Okapi BM25 with `idf = ln(1 + (N - n + 0.5) / (n + 0.5))`; TF-IDF with
`sqrt(frequency) * (1 + ln((N + 1) / (n + 1)))`, divided by the square root of the length when normalised. `N`
is the number of documents with the field, `n` of those with the term. As in ArangoDB, scores have single
precision.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.functions.registry import Function, plain
from mcp_arangodb_async.engine.values import Value, to_number

from .filters import Filter, Scores
from .links import Steps
from .parts import Part
from .phrases import features
from .postings import Term
from .terms import Choice

_DEFAULT_K: Final = 1.2
_DEFAULT_B: Final = 0.75


@dataclass(frozen=True, slots=True)
class FieldStatistics:
    """A field in all documents of a view: in how many it is, and its mean length."""

    count: int
    mean: float


@dataclass(slots=True)
class Statistics:
    """How frequent fields and terms are in a view, without the documents that are gone."""

    parts: Sequence[Part]
    _fields: dict[tuple[Steps, str], FieldStatistics] = field(
        default_factory=dict[tuple[Steps, str], FieldStatistics]
    )

    def field(self, wanted: tuple[Steps, str]) -> FieldStatistics:
        """The statistics of a field."""
        found = self._fields.get(wanted)
        if found is None:
            count = total = 0
            for part in self.parts:
                lengths = part.terms(*wanted).lengths
                lost = [lengths[number] for number in part.gone if number in lengths]
                count += len(lengths) - len(lost)
                total += sum(lengths.values()) - sum(lost)
            found = self._fields[wanted] = FieldStatistics(count, total / count if count else 1.0)
        return found

    def documents(self, wanted: tuple[Steps, str], term: Term) -> int:
        """In how many documents a term is."""
        count = 0
        for part in self.parts:
            found = part.terms(*wanted).postings.get(term)
            if found:
                count += len(found) - sum(1 for number in part.gone if number in found)
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Bm25:
    """Okapi BM25."""

    statistics: Statistics
    k: float
    b: float

    def add(
        self,
        part: Part,
        field: tuple[Steps, str],
        terms: Sequence[Term],
        frequencies: Mapping[int, int],
        boost: float,
        scores: Scores,
    ) -> None:
        """Add the points for terms that occur so often."""
        kept = features(part, field)
        if "frequency" not in kept:
            return
        known = self.statistics.field(field)
        rarity = 0.0
        for term in terms:
            count = self.statistics.documents(field, term)
            rarity += math.log1p((known.count - count + 0.5) / (count + 0.5))
        top = boost * (self.k + 1) * rarity
        lengths = part.terms(*field).lengths
        b = self.b if "norm" in kept else 0.0
        for number, frequency in frequencies.items():
            damping = self.k * (1 - b + b * lengths[number] / known.mean)
            scores[number] = scores.get(number, 0.0) + top * frequency / (frequency + damping)


@dataclass(frozen=True, slots=True, kw_only=True)
class TfIdf:
    """Term frequency, inverse document frequency."""

    statistics: Statistics
    normalises: bool

    def add(
        self,
        part: Part,
        field: tuple[Steps, str],
        terms: Sequence[Term],
        frequencies: Mapping[int, int],
        boost: float,
        scores: Scores,
    ) -> None:
        """Add the points for terms that occur so often."""
        kept = features(part, field)
        if "frequency" not in kept:
            return
        total = self.statistics.field(field).count
        rarity = 0.0
        for term in terms:
            rarity += 1 + math.log((total + 1) / (self.statistics.documents(field, term) + 1))
        lengths = part.terms(*field).lengths
        divides = self.normalises and "norm" in kept
        for number, frequency in frequencies.items():
            points = boost * rarity * math.sqrt(frequency)
            if divides:
                points /= math.sqrt(lengths[number])
            scores[number] = scores.get(number, 0.0) + points


@dataclass(slots=True, kw_only=True, eq=False)
class Search:
    """One search of a view, and the scores of what it found, computed when first asked for."""

    parts: Sequence[Part]
    filter: Filter | None
    _scores: dict[tuple[Any, ...], list[Scores]] = field(default_factory=dict[tuple[Any, ...], list[Scores]])
    _matching: dict[tuple[int, int], set[int]] = field(default_factory=dict[tuple[int, int], set[int]])
    _chosen: dict[tuple[int, int], frozenset[Term]] = field(
        default_factory=dict[tuple[int, int], frozenset[Term]]
    )

    def found(self) -> Iterator[tuple[int, Part, list[int]]]:
        """What matches: for each part its place, itself and the numbers of documents, in order."""
        for place, part in enumerate(self.parts):
            numbers = set(range(part.size)) if self.filter is None else self.filter.matches(part)
            yield place, part, sorted(numbers - part.gone if part.gone else numbers)

    def score(self, place: int, number: int, measure: tuple[Any, ...]) -> float:
        """The score of one document by ("BM25", k, b) or ("TFIDF", normalises)."""
        known = self._scores.get(measure)
        if known is None:
            known = self._scores[measure] = (
                [{}] * len(self.parts) if self.filter is None else self._made(measure)
            )
        return _single(known[place].get(number, 0.0))

    def matching(self, condition: Filter, place: int) -> set[int]:
        """The documents of a part that fulfil a part of the condition."""
        key = (id(condition), place)
        found = self._matching.get(key)
        if found is None:
            found = self._matching[key] = condition.matches(self.parts[place])
        return found

    def chosen(self, choose: Choice, place: int, where: tuple[Steps, str]) -> frozenset[Term]:
        """The terms of a field that a part of the condition picks."""
        key = (id(choose), place)
        found = self._chosen.get(key)
        if found is None:
            index = self.parts[place].terms(*where)
            found = self._chosen[key] = frozenset(term for term, _ in choose(index))
        return found

    def _made(self, measure: tuple[Any, ...]) -> list[Scores]:
        assert self.filter is not None
        statistics = Statistics(self.parts)
        if measure[0] == "BM25":
            scorer = Bm25(statistics=statistics, k=measure[1], b=measure[2])
        else:
            scorer = TfIdf(statistics=statistics, normalises=measure[1])
        return [self.filter.scores(part, scorer) for part in self.parts]


@dataclass(frozen=True, slots=True)
class Match:
    """That a document was found by a search: what BM25() and TFIDF() are given in the document's place."""

    search: Search
    place: int
    number: int


def _single(number: float) -> float:
    try:
        return struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        return number


def bm25(match: Any, k: Value = _DEFAULT_K, b: Value = _DEFAULT_B) -> Value:
    """BM25() of a document that a view gave."""
    return _score(match, ("BM25", _number("BM25", "k", k), _number("BM25", "b", b)))


def tfidf(match: Any, normalises: Value = False) -> Value:
    """TFIDF() of a document that a view gave."""
    if not isinstance(normalises, bool):
        raise ArangoError(ERROR_BAD_PARAMETER, "TFIDF(): 'normalize' is true or false")
    return _score(match, ("TFIDF", normalises))


def _score(match: Any, measure: tuple[Any, ...]) -> Value:
    assert isinstance(match, Match)
    return match.search.score(match.place, match.number, measure)


def _number(function: str, name: str, value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArangoError(ERROR_BAD_PARAMETER, f"{function}(): '{name}' is a number")
    return float(to_number(value))


SCORERS: Final[Mapping[str, Function]] = {
    "BM25": plain("BM25", "1-3", bm25),
    "TFIDF": plain("TFIDF", "1-2", tfidf),
}
"""What the planner calls in place of the functions of the same name when their document is one of a view."""
