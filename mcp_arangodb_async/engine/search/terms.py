"""Which terms of a field a condition means: equal ones, ranges, prefixes, wildcards and similar ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.functions.regex import like_matcher
from mcp_arangodb_async.engine.values import Value, type_name

from .postings import BOOLEANS, NULLS, NUMBERS, Term, TermIndex

Choice: TypeAlias = Callable[[TermIndex], Iterable[tuple[Term, float]]]

_MOST_EDITS: Final = 4
_MOST_EDITS_WITH_SWAPS: Final = 3
_KEPT_TERMS: Final = 64
_UP_TO_WILDCARD: Final = re.compile(r"[^%_\\]*")


def kind_of_value(value: Value, analyzer: str) -> str:
    """Which kind of field holds a value: 10 for arrays and objects, which no term is equal to."""
    match value:
        case None:
            return NULLS
        case bool():
            return BOOLEANS
        case int() | float():
            return NUMBERS
        case str():
            return analyzer
        case _:
            raise ArangoError(
                ERROR_BAD_PARAMETER,
                f"unsupported SEARCH condition: cannot search for a value of type '{type_name(value)}'; "
                "null, booleans, numbers and strings are possible",
            )


def equal(values: Sequence[Term]) -> Choice:
    """These terms."""
    pairs = [(value, 1.0) for value in values]
    return lambda _: pairs


def between(low: Term, high: Term, *, with_low: bool, with_high: bool) -> Choice:
    """The terms of a range; None is no bound."""
    return lambda index: (
        (term, 1.0) for term in index.between(low, high, with_low=with_low, with_high=with_high)
    )


def nulls() -> Choice:
    """Null."""
    return lambda index: ((term, 1.0) for term in index.postings)


def prefixed(prefix: str) -> Choice:
    """The terms with a prefix."""
    return lambda index: ((term, 1.0) for term in index.starting(prefix))


def like(pattern: str) -> Choice:
    """The terms that a pattern with `_` and `%` matches."""
    matches = like_matcher(pattern)
    beginning = _UP_TO_WILDCARD.match(pattern)
    prefix = "" if beginning is None else beginning[0]
    return lambda index: ((term, 1.0) for term in index.starting(prefix) if matches(term))


def similar(
    target: str, distance: Value, swaps: Value = True, most: Value = _KEPT_TERMS, prefix: Value = ""
) -> Choice:
    """The terms at most so many edits away, at most so many of them: the closest."""
    if not isinstance(distance, int | float) or isinstance(distance, bool) or distance != int(distance):
        raise _bad("LEVENSHTEIN_MATCH", "'distance' is a whole number")
    if not isinstance(swaps, bool):
        raise _bad("LEVENSHTEIN_MATCH", "'transpositions' is true or false")
    limit = _MOST_EDITS_WITH_SWAPS if swaps else _MOST_EDITS
    if not 0 <= distance <= limit:
        raise _bad("LEVENSHTEIN_MATCH", f"'distance' is from 0 to {limit}; not {distance}")
    if not isinstance(most, int | float) or isinstance(most, bool) or most < 0:
        raise _bad("LEVENSHTEIN_MATCH", "'maxTerms' is a number of at least 0")
    if not isinstance(prefix, str):
        raise _bad("LEVENSHTEIN_MATCH", "'prefix' is a string")
    edits = int(distance)
    kept = int(most)
    start = prefix

    def choose(index: TermIndex) -> Iterable[tuple[Term, float]]:
        found: list[tuple[int, str]] = []
        for term in index.starting(start):
            away = edit_distance(target, term[len(start) :], edits, swaps=swaps)
            if away is not None:
                found.append((away, term))
        found.sort()
        for away, term in found[: kept or None]:
            yield term, 1.0 - away / max(1, min(len(term), len(start) + len(target)))

    return choose


def edit_distance(left: str, right: str, limit: int, *, swaps: bool) -> int | None:
    """The edits between two strings, None for more than `limit`; with `swaps` neighbours swapped are one."""
    if abs(len(left) - len(right)) > limit:
        return None
    if left == right:
        return 0
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        current = [row]
        for column, other in enumerate(right, 1):
            best = min(above[column] + 1, current[-1] + 1, above[column - 1] + (letter != other))
            if swaps and row > 1 and column > 1 and letter == right[column - 2] and left[row - 2] == other:
                best = min(best, before[column - 2] + 1)
            current.append(best)
        if min(current) > limit and (not before or min(above) > limit):
            return None
        before, above = above, current
    return above[-1] if above[-1] <= limit else None


def token_choice(token: dict[str, Any]) -> Choice:
    """The terms an object of PHRASE() stands for: `{STARTS_WITH: ["qui"]}` and the like; 10 for others."""
    if len(token) != 1:
        raise _bad("PHRASE", f"an object token has one attribute, one of {', '.join(_TOKENS)}")
    ((name, given),) = token.items()
    make = _TOKENS.get(name.upper())
    if make is None:
        raise _bad("PHRASE", f"unknown object token '{name}'; possible are {', '.join(_TOKENS)}")
    arguments: list[Any] = given if isinstance(given, list) else [given]  # pyright: ignore[reportUnknownVariableType]  # JSON
    return make(*arguments) if name.upper() == "TERMS" else _called(name, make, arguments)


def _called(name: str, make: Callable[..., Choice], arguments: list[Any]) -> Choice:
    if not arguments or not isinstance(arguments[0], str):
        raise _bad("PHRASE", f"the object token '{name}' begins with a string")
    try:
        return make(*arguments)
    except TypeError:
        raise _bad("PHRASE", f"the object token '{name}' cannot have {len(arguments)} values") from None


def _one(term: str) -> Choice:
    return equal([term])


def _any(*terms: Value) -> Choice:
    if not all(isinstance(term, str) for term in terms):
        raise _bad("PHRASE", "the object token 'TERMS' is an array of strings")
    return equal(terms)


def _range(low: Value, high: Value, with_low: Value, with_high: Value) -> Choice:
    if not isinstance(high, str) or not isinstance(with_low, bool) or not isinstance(with_high, bool):
        raise _bad("PHRASE", "the object token 'IN_RANGE' is [low, high, includeLow, includeHigh]")
    return between(low, high, with_low=with_low, with_high=with_high)


_TOKENS: Final[dict[str, Callable[..., Choice]]] = {
    "TERM": _one,
    "TERMS": _any,
    "STARTS_WITH": prefixed,
    "WILDCARD": like,
    "LEVENSHTEIN_MATCH": similar,
    "IN_RANGE": _range,
}


def _bad(function: str, message: str) -> ArangoError:
    return ArangoError(ERROR_BAD_PARAMETER, f"{function}(): {message}")
