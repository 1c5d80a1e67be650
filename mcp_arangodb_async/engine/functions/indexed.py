"""Functions that need an index of a certain kind: full text, distances on a map, similar vectors.

https://docs.arangodb.com/3.12/aql/functions/fulltext/, .../geo/ and .../vector/
They read the whole collection: an index is asked for because ArangoDB does, and for its settings.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from mcp_arangodb_async.engine.analyzers import open_analyzer
from mcp_arangodb_async.engine.context import CollectionReference, FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_BAD_PARAMETER,
    ERROR_QUERY_FULLTEXT_INDEX_MISSING,
    ERROR_QUERY_GEO_INDEX_MISSING,
    ERRORS,
    ArangoError,
)
from mcp_arangodb_async.engine.functions.geo import distance
from mcp_arangodb_async.engine.functions.registry import Function, asking, mismatch
from mcp_arangodb_async.engine.values import Value, finite, is_number, to_integer, to_number

Document = dict[str, Any]

_WORDS: Final[dict[str, Any]] = {"locale": "en", "stopwords": [], "stemming": False, "accent": True}
_DEFAULT_LIMIT: Final = 100
_BETWEEN_WORDS: Final = re.compile(r"[ \t\r\n\f\b,]+")
_LONGEST_WORD: Final = 40
_MOST_WORDS: Final = 32


# Full text


def fulltext(
    ctx: FunctionContext, collection: Value, attribute: Value, query: Value, most: Value = None
) -> Value:
    """FULLTEXT(): the documents with all words of the query; `|` joins by or, `-` takes away.

    A limit of 0 gives none, as the server makes a LIMIT of it, whatever the manual says of zero.
    """
    name = _name(collection)
    if name is None or not isinstance(attribute, str) or not isinstance(query, str) or not _is_count(most):
        return mismatch(ctx, "FULLTEXT")
    index = ctx.index_details(name, "fulltext", [attribute])
    if index is None:
        raise _missing(ERROR_QUERY_FULLTEXT_INDEX_MISSING, name)
    steps = _steps(query)
    path = attribute.split(".")
    found: list[Document] = []
    limit = None if most is None else to_integer(most)
    if limit == 0:
        return found
    for document in ctx.collection_documents(name):
        ctx.check()
        if _fits(_words(_inside(document, path), int(index["minLength"])), steps):
            found.append(document)
            if len(found) == limit:
                break
    return found


def _steps(query: str) -> list[tuple[str, str, bool]]:
    """The parts of a query as (operator, word, whether it is a prefix); 10 when it is none.

    The first word starts the result, whatever its operator is; no more than 32 words count.
    """
    steps: list[tuple[str, str, bool]] = []
    for part in filter(None, _BETWEEN_WORDS.split(query)):
        operator, text = (part[0], part[1:]) if part[0] in "+|-" else ("+", part)
        qualifier, colon, rest = text.partition(":")
        word = rest if colon else text
        if not word:
            raise ArangoError(ERROR_BAD_PARAMETER, f"FULLTEXT(): {part!r} in the query lacks a word")
        word = unicodedata.normalize("NFC", word).lower()[:_LONGEST_WORD]
        steps.append((operator if steps else "|", word, bool(colon) and qualifier.lower() == "prefix"))
        if len(steps) == _MOST_WORDS:
            break
    if not steps:
        raise ArangoError(ERROR_BAD_PARAMETER, "FULLTEXT(): the query has no words")
    return steps


def _fits(words: set[str], steps: Sequence[tuple[str, str, bool]]) -> bool:
    result: bool | None = None
    for operator, word, is_prefix in steps:
        has = any(each.startswith(word) for each in words) if is_prefix else word in words
        match operator:
            case "|":
                result = has or bool(result)
            case "-":
                result = result is not False and not has and result is not None
            case _:
                result = has if result is None else result and has
    return bool(result)


def _words(value: Any, least: int) -> set[str]:
    """The words of a string, of strings in an array, or of strings that an object has as values."""
    texts: list[Any]
    match value:
        case str():
            texts = [value]
        case list():
            texts = cast("list[Any]", value)
        case dict():
            texts = list(cast("Document", value).values())
        case _:
            return set()
    cut = open_analyzer("text", _WORDS)
    found = {token.term for text in texts if isinstance(text, str) for token in cut(text)}
    return {word for word in found if len(word) >= least}


# Distances


def near(
    ctx: FunctionContext,
    collection: Value,
    latitude: Value,
    longitude: Value,
    most: Value = _DEFAULT_LIMIT,
    label: Value = None,
) -> Value:
    """NEAR(): the documents closest to a point, the closest first."""
    name = _name(collection)
    if name is None or not is_number(latitude) or not is_number(longitude):
        return mismatch(ctx, "NEAR")
    if not _is_count(most) or not (label is None or isinstance(label, str)):
        return mismatch(ctx, "NEAR")
    limit = _DEFAULT_LIMIT if most is None else to_integer(most)
    return _labelled(_by_distance(ctx, name, latitude, longitude)[:limit], label)


def within(
    ctx: FunctionContext,
    collection: Value,
    latitude: Value,
    longitude: Value,
    radius: Value,
    label: Value = None,
) -> Value:
    """WITHIN(): the documents at most so many metres from a point, the closest first."""
    name = _name(collection)
    if name is None or not is_number(latitude) or not is_number(longitude) or not is_number(radius):
        return mismatch(ctx, "WITHIN")
    if not (label is None or isinstance(label, str)):
        return mismatch(ctx, "WITHIN")
    limit = to_number(radius)
    found = [pair for pair in _by_distance(ctx, name, latitude, longitude) if pair[0] <= limit]
    return _labelled(found, label)


def within_rectangle(
    ctx: FunctionContext,
    collection: Value,
    latitude1: Value,
    longitude1: Value,
    latitude2: Value,
    longitude2: Value,
) -> Value:
    """WITHIN_RECTANGLE(): the documents between two corners."""
    name = _name(collection)
    corners = (latitude1, longitude1, latitude2, longitude2)
    if name is None or not all(map(is_number, corners)):
        return mismatch(ctx, "WITHIN_RECTANGLE")
    low_latitude, high_latitude = sorted((to_number(latitude1), to_number(latitude2)))
    low_longitude, high_longitude = sorted((to_number(longitude1), to_number(longitude2)))
    return [
        document
        for latitude, longitude, document in _placed(ctx, name)
        if low_latitude <= latitude <= high_latitude and low_longitude <= longitude <= high_longitude
    ]


def _by_distance(
    ctx: FunctionContext, name: str, latitude: Value, longitude: Value
) -> list[tuple[float, Document]]:
    pairs: list[tuple[float, Document]] = []
    for there, across, document in _placed(ctx, name):
        metres = distance(ctx, latitude, longitude, there, across)
        if isinstance(metres, int | float):
            pairs.append((float(metres), document))
    pairs.sort(key=lambda pair: pair[0])
    return pairs


def _placed(ctx: FunctionContext, name: str) -> list[tuple[float, float, Document]]:
    """The documents that a geo index has, with latitude and longitude."""
    index = ctx.index_details(name, "geo", [])
    if index is None:
        raise _missing(ERROR_QUERY_GEO_INDEX_MISSING, name)
    paths = [str(each).split(".") for each in index["fields"]]
    placed: list[tuple[float, float, Document]] = []
    for document in ctx.collection_documents(name):
        ctx.check()
        values = [_inside(document, path) for path in paths]
        pair: Any = values
        if len(values) == 1:
            pair = values[0]
            if isinstance(pair, dict):
                pair = cast("Document", pair).get("coordinates")
            if index["geoJson"] and isinstance(pair, list):
                pair = list(reversed(cast("list[Any]", pair)[:2]))
        if isinstance(pair, list):
            numbers = [each for each in cast("list[Any]", pair)[:2] if is_number(each)]
            if len(numbers) == 2 and abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180:
                placed.append((numbers[0], numbers[1], document))
    return placed


def _labelled(pairs: Sequence[tuple[float, Document]], label: Value) -> Value:
    if not isinstance(label, str):
        return [document for _, document in pairs]
    return [{**document, label: metres} for metres, document in pairs]


# Vectors


def _vectors(
    name: str, measure: Callable[[Sequence[float], Sequence[float]], float | None]
) -> Callable[..., Value]:
    """Make a similarity of two vectors; null, without a warning, when the document has none that fits."""

    def call(ctx: FunctionContext, left: Value, right: Value, options: Value = None) -> Value:
        if options is not None and (not isinstance(options, dict) or not options.keys() <= {"nProbe"}):
            raise ArangoError(ERROR_BAD_PARAMETER, f"{name}(): the only option is nProbe")
        if not isinstance(left, list) or not isinstance(right, list) or len(left) != len(right):
            return None
        if not all(map(is_number, left)) or not all(map(is_number, right)):
            return None
        ctx.charge(16 * len(left))
        result = measure(
            [float(to_number(each)) for each in left], [float(to_number(each)) for each in right]
        )
        return None if result is None else finite(result)

    return call


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(map(float.__mul__, left, right))


def _cosine(left: Sequence[float], right: Sequence[float]) -> float | None:
    size = math.hypot(*left) * math.hypot(*right)
    return _dot(left, right) / size if size else None


def _inside(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = cast("Document", value).get(name) if isinstance(value, dict) else None
    return value


def _name(value: Value) -> str | None:
    """The collection a function is given; the planner has made one of a name."""
    return value.name if isinstance(value, CollectionReference) else None


def _is_count(value: Value) -> bool:
    return value is None or (is_number(value) and to_number(value) >= 0)


def _missing(num: int, name: str) -> ArangoError:
    return ArangoError(num, ERRORS[num].message % name)


_FIRST: Final = frozenset({0})


def _reading(name: str, count: str, call: Callable[..., Value]) -> Function:
    return asking(name, count, call, deterministic=False, collections=_FIRST)


FUNCTIONS: Final[tuple[Function, ...]] = (
    _reading("FULLTEXT", "3-4", fulltext),
    _reading("NEAR", "3-5", near),
    _reading("WITHIN", "4-5", within),
    _reading("WITHIN_RECTANGLE", "5", within_rectangle),
    asking("APPROX_NEAR_COSINE", "2-3", _vectors("APPROX_NEAR_COSINE", _cosine)),
    asking("APPROX_NEAR_L2", "2-3", _vectors("APPROX_NEAR_L2", math.dist)),
    asking("APPROX_NEAR_INNER_PRODUCT", "2-3", _vectors("APPROX_NEAR_INNER_PRODUCT", _dot)),
)
