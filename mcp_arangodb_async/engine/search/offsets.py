"""OFFSET_INFO(): where in the text of a document a search found what it looked for.

Rules: https://docs.arangodb.com/3.12/aql/functions/arangosearch/#offset_info. The text is cut once more, by
the analyzer of the field, and every part of the condition that holds for the document is asked for its
places. Offsets come in the order of these parts, and in the order of the text within a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast

from mcp_arangodb_async.engine.analyzers import Token, paced
from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.functions.registry import Function, asking, mismatch
from mcp_arangodb_async.engine.values import Value

from .filters import AtLeast, Both, Filter, Terms
from .links import Steps
from .parts import Part
from .phrases import Grams, Phrase, features
from .scoring import Match, Search

Kind: TypeAlias = Literal["term", "phrase", "ngram"]
#: First and last place in the text, in characters.
Span: TypeAlias = tuple[int, int]

_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[([0-9]+)\]")
_MOST: Final = 10
_NO_LIMIT: Final = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One value of the document that is asked about, and how many places are wanted of each kind."""

    steps: Steps
    most: int
    limits: Mapping[Kind, int]


def offset_info(ctx: FunctionContext, match: Any, wanted: Value) -> Value:
    """OFFSET_INFO() of a document that a view gave: an object for each path, with the places of matches."""
    assert isinstance(match, Match)
    rules = _rules(wanted)
    if rules is None:
        return mismatch(ctx, "OFFSET_INFO")
    part = match.search.parts[match.place]
    document = part.collection.get(part.scope.tx, part.segment.keys[match.number])
    ctx.check()
    return [
        {"name": list(rule.steps), "offsets": _offsets(match, part, document, rule, ctx)} for rule in rules
    ]


def _rules(wanted: Value) -> list[Rule] | None:
    """What is asked for; None when it is said in no way that the manual knows."""
    given: list[Any] = wanted if isinstance(wanted, list) else [wanted]
    rules = [_rule(each) for each in given]
    known = [rule for rule in rules if rule is not None]
    return known if len(known) == len(rules) else None


def _rule(given: Any) -> Rule | None:
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict):
        return None
    body = cast("dict[str, Any]", given)
    options: Any = body.get("options") or {}
    steps = _path(body.get("name"))
    if steps is None or not isinstance(options, dict):
        return None
    settings = cast("dict[str, Any]", options)
    limits: Any = settings.get("limits") or {}
    if not isinstance(limits, dict):
        return None
    found = cast("dict[str, Any]", limits)
    numbers = [settings.get("maxOffsets", _MOST)]
    numbers += [found.get(kind, _NO_LIMIT) for kind in ("term", "phrase", "ngram")]
    if any(
        isinstance(number, bool) or not isinstance(number, int | float) or number < 0 for number in numbers
    ):
        return None
    most, term, phrase, ngram = map(int, numbers)
    return Rule(steps=steps, most=most, limits={"term": term, "phrase": phrase, "ngram": ngram})


def _path(text: Any) -> Steps | None:
    """`a.b[0].c` as ("a", "b", 0, "c"); None for what is no path."""
    if not isinstance(text, str) or not text:
        return None
    steps: list[str | int] = []
    place = 0
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None:
            return None
        name, number = found.groups()
        steps.append(name if number is None else int(number))
        place = found.end()
    return tuple(steps)


def _offsets(match: Match, part: Part, document: Value, rule: Rule, ctx: FunctionContext) -> list[list[int]]:
    """Start and length in bytes of what was found in one value."""
    text = _inside(document, rule.steps)
    condition = match.search.filter
    if not isinstance(text, str) or condition is None:
        return []
    reader = _Reader(match.search, match.place, part, match.number, rule.steps, text, ctx)
    left = dict(rule.limits)
    kept: list[Span] = []
    for kind, span in reader.places(condition):
        if left[kind] > 0 and len(kept) < rule.most:
            left[kind] -= 1
            kept.append(span)
        if len(kept) == rule.most:
            break
    return [_in_bytes(text, span) for span in kept]


def _inside(value: Any, steps: Steps) -> Any:
    for step in steps:
        if isinstance(step, int):
            elements: list[Any] = value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]  # JSON
            value = elements[step] if step < len(elements) else None
        else:
            value = cast("dict[str, Any]", value).get(step) if isinstance(value, dict) else None
    return value


def _in_bytes(text: str, span: Span) -> list[int]:
    start, end = span
    if text.isascii():
        return [start, end - start]
    return [len(text[:start].encode()), len(text[start:end].encode())]


@dataclass(slots=True)
class _Reader:
    """One text of one document, as the parts of a condition see it."""

    search: Search
    place: int
    part: Part
    number: int
    steps: Steps
    text: str
    ctx: FunctionContext

    def places(self, condition: Filter) -> Iterator[tuple[Kind, Span]]:
        """What a condition found; nothing of those that do not hold, and of those that deny."""
        match condition:
            case Both(filters=filters) | AtLeast(filters=filters):
                for each in filters:
                    if self.number in self.search.matching(each, self.place):
                        yield from self.places(each)
            case Terms(field=field) if self._is_here(field):
                chosen = self.search.chosen(condition.choose, self.place, field)
                for token in self._tokens(field):
                    if token.term in chosen:
                        yield "term", (token.start, token.end)
            case Phrase(field=field) if self._is_here(field):
                for span in self._phrases(condition):
                    yield "phrase", span
            case Grams(field=field) if self._is_here(field):
                for span in self._grams(condition):
                    yield "ngram", span
            case _:
                pass

    def _is_here(self, field: tuple[Steps, str]) -> bool:
        """Whether a field is indexed from this text, with offsets."""
        steps, _ = field
        plain = tuple(step for step in self.steps if isinstance(step, str))
        return steps in {self.steps, plain} and "offset" in features(self.part, field)

    def _tokens(self, field: tuple[Steps, str]) -> Iterator[Token]:
        return paced(self.part.scope.tokenizer(field[1])(self.text), self.ctx.check)

    def _phrases(self, phrase: Phrase) -> Iterator[Span]:
        chosen = [self.search.chosen(piece.choose, self.place, phrase.field) for piece in phrase.pieces]
        at: dict[int, list[Token]] = {}
        for token in self._tokens(phrase.field):
            at.setdefault(token.position, []).append(token)
        for position in sorted(at):
            for first in at[position]:
                if chosen and first.term in chosen[0]:
                    end = _end_of_phrase(phrase, chosen, at, position, first)
                    if end is not None:
                        yield first.start, end

    def _grams(self, grams: Grams) -> Iterator[Span]:
        """The longest sequence of the n-grams that are in order, from its first to its last one."""
        wanted = set(grams.grams)
        tokens = [token for token in self._tokens(grams.field) if token.term in wanted]
        best = _longest(tokens, grams.grams, self.ctx)
        if best is not None and best[0] >= max(len(grams.grams) * grams.share - 1e-9, 1):
            yield best[1], best[2]


def _end_of_phrase(
    phrase: Phrase,
    chosen: Sequence[frozenset[Any]],
    at: Mapping[int, Sequence[Token]],
    position: int,
    first: Token,
) -> int | None:
    """Where a phrase ends that begins at a token; None when it does not."""
    ends = {position: first.end}
    for piece, terms in zip(phrase.pieces[1:], chosen[1:], strict=True):
        if piece.is_open:
            least = min(ends) + piece.step
            places: set[int] = {place for place in at if place >= least}
        else:
            places = {place + piece.step for place in ends}
        ends = {
            place: token.end for place in sorted(places) for token in at.get(place, ()) if token.term in terms
        }
        if not ends:
            return None
    return next(iter(ends.values()))


def _longest(
    tokens: Sequence[Token], grams: Sequence[Any], ctx: FunctionContext
) -> tuple[int, int, int] | None:
    """Length, start and end of the longest common sequence, in order but not without gaps."""
    row: list[tuple[int, int, int]] = [(0, 0, 0)] * (len(tokens) + 1)
    for wanted in grams:
        ctx.check()
        before = row[0]
        for column, token in enumerate(tokens, 1):
            kept = row[column]
            better = max(row[column - 1], kept, key=_length)
            if token.term == wanted and before[0] + 1 > better[0]:
                better = (before[0] + 1, before[1] if before[0] else token.start, token.end)
            row[column] = better
            before = kept
    return row[-1] if row[-1][0] else None


def _length(found: tuple[int, int, int]) -> int:
    return found[0]


OFFSET_INFO: Final[Function] = asking("OFFSET_INFO", "2", offset_info)
"""What the planner calls in place of OFFSET_INFO() when its document is one of a view."""
