"""Filters that look at the order of terms: phrases, and sequences of n-grams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .filters import Scorer, Scores
from .links import Steps
from .parts import Part
from .postings import Term, TermIndex
from .terms import Choice


@dataclass(frozen=True, slots=True)
class Piece:
    """One token of a phrase: any of the terms that `choose` picks, `step` places after the token before.

    With `is_open` at least so many places: what ArangoDB makes of a negative number of tokens to skip.
    """

    step: int
    choose: Choice
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Documents with the terms of all pieces in their places."""

    field: tuple[Steps, str]
    pieces: tuple[Piece, ...]
    boost: float = 1.0

    def matches(self, part: Part) -> set[int]:
        """By the positions of the terms."""
        return set(self._counts(part))

    def scores(self, part: Part, scorer: Scorer) -> Scores:
        """By how often the phrase occurs; it is as rare as its terms together."""
        scores: Scores = {}
        index = part.terms(*self.field)
        terms = [term for piece in self.pieces for term, _ in piece.choose(index) if term in index.postings]
        scorer.add(part, self.field, terms, self._counts(part), self.boost, scores)
        return scores

    def _counts(self, part: Part) -> dict[int, int]:
        """How often the phrase occurs in each document that has it."""
        index = part.terms(*self.field)
        if not self.pieces:
            return {}
        if len(self.pieces) > 1 and not has_positions(part, self.field):
            return {}
        places = [_places(index, piece) for piece in self.pieces]
        counts: dict[int, int] = {}
        for number in min(places, key=len):
            ends = places[0].get(number, set[int]())
            for piece, each in zip(self.pieces[1:], places[1:], strict=True):
                found = each.get(number)
                if not found or not ends:
                    ends = set[int]()
                    break
                ends = _next(ends, piece, found)
            if ends:
                counts[number] = len(ends)
        return counts


def _next(ends: set[int], piece: Piece, found: set[int]) -> set[int]:
    """Where a phrase ends with one more piece."""
    if piece.is_open:
        least = min(ends) + piece.step
        return {place for place in found if place >= least}
    return {end + piece.step for end in ends if end + piece.step in found}


def _places(index: TermIndex, piece: Piece) -> Mapping[int, set[int]]:
    places: dict[int, set[int]] = {}
    for term, _ in piece.choose(index):
        for number, positions in index.postings.get(term, {}).items():
            places.setdefault(number, set()).update(positions)
    return places


def has_positions(part: Part, field: tuple[Steps, str]) -> bool:
    """Whether an analyzer keeps frequencies and positions; phrases are not found without."""
    return {"frequency", "position"} <= features(part, field)


def features(part: Part, field: tuple[Steps, str]) -> frozenset[str]:
    """The features a field is indexed with."""
    steps, kind = field
    link = part.link.at(steps)
    if link is None or kind.startswith("#"):
        return frozenset()
    own = frozenset[str](part.scope.analyzer(kind).features)
    return own if link.features is None else own | link.features


@dataclass(frozen=True, slots=True, kw_only=True)
class Grams:
    """Documents with enough of some n-grams, in order."""

    field: tuple[Steps, str]
    grams: tuple[Term, ...]
    share: float
    boost: float = 1.0

    def matches(self, part: Part) -> set[int]:
        """By the longest sequence of n-grams that are in order."""
        return set(self._found(part))

    def scores(self, part: Part, scorer: Scorer) -> Scores:
        """By the share of the n-grams that were found."""
        scores: Scores = {}
        index = part.terms(*self.field)
        terms = [gram for gram in dict.fromkeys(self.grams) if gram in index.postings]
        for number, length in self._found(part).items():
            scorer.add(part, self.field, terms, {number: 1}, self.boost * length / len(self.grams), scores)
        return scores

    def _found(self, part: Part) -> dict[int, int]:
        index = part.terms(*self.field)
        if not self.grams or not has_positions(part, self.field):
            return {}
        occurrences: dict[int, list[tuple[int, Term]]] = {}
        for gram in set(self.grams):
            for number, positions in index.postings.get(gram, {}).items():
                occurrences.setdefault(number, []).extend((place, gram) for place in positions)
        least = len(self.grams) * self.share - 1e-9
        found: dict[int, int] = {}
        for number, places in occurrences.items():
            if len(places) >= least:
                part.scope.check()
                places.sort()
                length = common_length([gram for _, gram in places], self.grams)
                if length >= max(least, 1):
                    found[number] = length
        return found


def common_length(left: Sequence[Term], right: Sequence[Term]) -> int:
    """The length of the longest sequence that both have, in order but not without gaps."""
    row = [0] * (len(left) + 1)
    for wanted in right:
        before = 0
        for column, other in enumerate(left, 1):
            kept = row[column]
            row[column] = max(row[column - 1], kept, before + (other == wanted))
            before = kept
    return row[-1]
