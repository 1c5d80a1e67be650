"""What a SEARCH expression becomes: filters that tell which documents of a part match, and how well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from .links import Steps
from .parts import Part
from .postings import TYPES, Term, TermIndex

Scores: TypeAlias = dict[int, float]


class Scorer(Protocol):
    """Gives documents points for terms."""

    def add(
        self,
        part: Part,
        field: tuple[Steps, str],
        terms: Sequence[Term],
        frequencies: Mapping[int, int],
        boost: float,
        scores: Scores,
    ) -> None:
        """Add what documents earn that have the terms so often."""
        ...


class Filter(Protocol):
    """A condition on documents."""

    def matches(self, part: Part) -> set[int]:
        """The documents that fulfil it, by number; those that are gone may be among them."""
        ...

    def scores(self, part: Part, scorer: Scorer) -> Scores:
        """What the matching documents earn; those that earn nothing may be left out."""
        ...


class Unscored:
    """A filter whose matches earn nothing."""

    __slots__ = ()

    def scores(self, part: Part, scorer: Scorer) -> Scores:  # noqa: ARG002  # the filters' common form
        """Nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Always(Unscored):
    """Every document, or none."""

    value: bool

    def matches(self, part: Part) -> set[int]:
        """All or nothing."""
        return set(range(part.size)) if self.value else set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Documents with any of the terms that `choose` picks; it also gives each term's share of the boost."""

    field: tuple[Steps, str]
    choose: Callable[[TermIndex], Iterable[tuple[Term, float]]]
    boost: float = 1.0

    def matches(self, part: Part) -> set[int]:
        """By the postings of the terms."""
        index = part.terms(*self.field)
        return index.documents(term for term, _ in self.choose(index))

    def scores(self, part: Part, scorer: Scorer) -> Scores:
        """The sum over the terms."""
        scores: Scores = {}
        index = part.terms(*self.field)
        for term, share in self.choose(index):
            found = index.postings.get(term)
            if found:
                frequencies = {number: len(places) for number, places in found.items()}
                scorer.add(part, self.field, (term,), frequencies, self.boost * share, scores)
        return scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """Documents whose MinHash signature has a share of its members in common with another signature."""

    field: tuple[Steps, str]
    terms: frozenset[Term]
    share: float
    boost: float = 1.0

    def matches(self, part: Part) -> set[int]:
        """By the members that both have, divided by those that one of them has."""
        lengths = part.terms(*self.field).lengths
        return {
            number
            for number, common in self._common(part).items()
            if common >= self.share * (len(self.terms) + lengths[number] - common) - 1e-9
        }

    def scores(self, part: Part, scorer: Scorer) -> Scores:
        """The sum over the common members."""
        scores: Scores = {}
        index = part.terms(*self.field)
        matching = self.matches(part)
        for term in self.terms & index.postings.keys():
            frequencies = dict.fromkeys(index.postings[term].keys() & matching, 1)
            scorer.add(part, self.field, (term,), frequencies, self.boost, scores)
        return scores

    def _common(self, part: Part) -> Counter[int]:
        index = part.terms(*self.field)
        return Counter(number for term in self.terms for number in index.postings.get(term, ()))


@dataclass(frozen=True, slots=True)
class Both:
    """Documents that fulfil all of some filters."""

    filters: tuple[Filter, ...]

    def matches(self, part: Part) -> set[int]:
        """The intersection."""
        found: set[int] | None = None
        for each in self.filters:
            found = each.matches(part) if found is None else found & each.matches(part)
            if not found:
                return set()
        return set(range(part.size)) if found is None else found

    def scores(self, part: Part, scorer: Scorer) -> Scores:
        """The sum."""
        matching = self.matches(part)
        return {n: score for n, score in _sum(self.filters, part, scorer).items() if n in matching}


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """Documents that fulfil so many of some filters."""

    filters: tuple[Filter, ...]
    count: int = 1

    def matches(self, part: Part) -> set[int]:
        """The union, for one; else by counting."""
        if self.count <= 0:
            return set(range(part.size))
        if self.count == 1:
            return set[int]().union(*(each.matches(part) for each in self.filters))
        counts = Counter(number for each in self.filters for number in each.matches(part))
        return {number for number, count in counts.items() if count >= self.count}

    def scores(self, part: Part, scorer: Scorer) -> Scores:
        """The sum over the filters that match."""
        found = _sum(self.filters, part, scorer)
        if self.count <= 1:
            return found
        matching = self.matches(part)
        return {number: score for number, score in found.items() if number in matching}


def _sum(filters: Iterable[Filter], part: Part, scorer: Scorer) -> Scores:
    total: Scores = {}
    for each in filters:
        for number, score in each.scores(part, scorer).items():
            total[number] = total.get(number, 0.0) + score
    return total


@dataclass(frozen=True, slots=True)
class Without(Unscored):
    """Documents that do not fulfil a filter."""

    filter: Filter

    def matches(self, part: Part) -> set[int]:
        """The complement."""
        return set(range(part.size)) - self.filter.matches(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists(Unscored):
    """Documents with a value at a path; `types` as EXISTS() names them, None for any."""

    steps: Steps
    types: frozenset[str] | None
    analyzer: str | None = None

    def matches(self, part: Part) -> set[int]:
        """By the types found at the path, where the link keeps track of them."""
        link = part.link.at(self.steps)
        if link is None or not link.stores or (self.analyzer and self.analyzer not in link.analyzers):
            return set()
        index = part.terms(self.steps, TYPES)
        return index.documents(index.postings if self.types is None else self.types)


@dataclass(frozen=True, slots=True)
class Fulfils(Unscored):
    """Documents for which an expression is true: what no index can answer is asked document by document."""

    test: Callable[[Any], bool]

    def matches(self, part: Part) -> set[int]:
        """By evaluating the expression."""
        found: set[int] = set()
        for count, (number, value) in enumerate(part.items()):
            if count % 500 == 0:
                part.scope.check()
            if value is not None and self.test(value):
                found.add(number)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes(Unscored):
    """Documents with a shape for which a test holds."""

    field: tuple[Steps, str]
    test: Callable[[Any], bool]

    def matches(self, part: Part) -> set[int]:
        """By looking at every shape."""
        return {number for number, shape in part.shapes(*self.field) if self.test(shape)}


Quantity: TypeAlias = tuple[int, int | None] | Literal["ALL", "NONE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested(Unscored):
    """Documents with an array of which so many elements fulfil a filter."""

    steps: Steps
    quantity: Quantity
    filter: Filter

    def matches(self, part: Part) -> set[int]:
        """By counting the elements that match."""
        inner = part.nested(self.steps)
        if inner is None or inner.nesting is None:
            return set()
        parents = inner.nesting.parents
        counts = Counter(parents[number] for number in self.filter.matches(inner))
        match self.quantity:
            case "ALL":
                sizes = Counter(parents)
                return {number for number, size in sizes.items() if counts[number] == size}
            case "NONE":
                return {number for number in range(part.size) if not counts[number]}
            case (low, None):
                return {number for number in range(part.size) if counts[number] >= low}
            case (low, high):
                return {number for number in range(part.size) if low <= counts[number] <= high}
