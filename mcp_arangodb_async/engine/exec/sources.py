"""Where rows come from: collections, indexes, arrays and ranges, with a look at the limits now and then."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import length_hint
from typing import Any, TypeVar

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.index import Bound, Bounds, Index
from mcp_arangodb_async.engine.values import Value, sort_key, type_name

from .context import PACE, QueryContext, documents

T = TypeVar("T")
#: One iteration, for operations outside of any FOR.
ONCE = (None,)


def scan(ctx: QueryContext, collection: Collection, *, keep: bool = False) -> Iterable[dict[str, Any]]:
    """All documents of a collection; with `keep` those of this moment, whatever the query writes."""
    found = collection.documents(ctx.tx)
    if found is None:
        ctx.need_time()
        if not keep:
            return chain.from_iterable(_batches(ctx, collection.scan(ctx.tx)))
        found = list(collection.scan(ctx.tx))
    return chain.from_iterable(_slices(ctx, found))


def scan_randomly(ctx: QueryContext, collection: Collection) -> Iterable[dict[str, Any]]:
    """All documents of a collection in random order."""
    found = documents(ctx.tx, collection)
    keys = {id(document): ctx.random() for document in found}
    found.sort(key=lambda document: keys[id(document)])
    return chain.from_iterable(_slices(ctx, found))


def _slices(ctx: QueryContext, found: Sequence[dict[str, Any]]) -> Iterator[Iterator[dict[str, Any]]]:
    part: Iterator[dict[str, Any]] = iter(())
    try:
        for start in range(0, len(found), PACE):
            ctx.pace()
            piece = found[start : start + PACE]
            ctx.stats.scanned_full += len(piece)
            part = iter(piece)
            yield part
    finally:
        ctx.stats.scanned_full -= length_hint(part)


def _batches(ctx: QueryContext, found: Iterator[dict[str, Any]]) -> Iterator[Iterator[dict[str, Any]]]:
    part: Iterator[dict[str, Any]] = iter(())
    size = 8
    try:
        while piece := list(islice(found, size)):
            ctx.pace()
            ctx.stats.scanned_full += len(piece)
            part = iter(piece)
            yield part
            size = PACE
    finally:
        ctx.stats.scanned_full -= length_hint(part)


def each(ctx: QueryContext, value: Value) -> Iterable[Any]:
    """The elements of an array; nothing, with warning 1563, for other values."""
    if not isinstance(value, list):
        ctx.warn(
            errors.ERROR_QUERY_ARRAY_EXPECTED,
            "collection or array expected as operand to FOR loop; you provided a value of type "
            f"'{type_name(value)}'",
        )
        return ()
    if len(value) <= PACE:
        ctx.tick(len(value))
        return value
    return chain.from_iterable(_pieces(ctx, value))


def steps(ctx: QueryContext, values: range) -> Iterable[int]:
    """The numbers of a range of any length."""
    first, last, step = values.start, values.stop, values.step
    if abs(last - first) <= PACE:
        ctx.tick(abs(last - first))
        return values
    return chain.from_iterable(_pieces(ctx, range(first, last, step)))


def _pieces(ctx: QueryContext, values: Sequence[T]) -> Iterator[Iterable[T]]:
    start = 0
    while piece := values[start : start + PACE]:
        ctx.pace()
        yield piece
        start += PACE


def lookup(
    ctx: QueryContext, collection: Collection, index: Index, bounds: Bounds, reverse: bool
) -> Iterable[dict[str, Any]]:
    """Documents within the bounds of an index, in its order."""
    return _counted(ctx, collection.lookup(ctx.tx, index, bounds, reverse=reverse))


def lookup_equal(
    ctx: QueryContext, collection: Collection, index: Index, values: tuple[Value, ...], reverse: bool
) -> Iterable[dict[str, Any]]:
    """Documents whose first index fields have these values, in the index's order."""
    return _counted(ctx, collection.lookup_equal(ctx.tx, index, values, reverse=reverse))


def lookup_in(
    ctx: QueryContext, collection: Collection, index: Index, values: Value
) -> Iterable[dict[str, Any]]:
    """Documents whose first index field is one of the values; nothing unless it is an array."""
    if not isinstance(values, list):
        return ()
    return _counted(ctx, collection.lookup_in(ctx.tx, index, values))


def _counted(ctx: QueryContext, found: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Documents that count as they are read; what is one at most is simply handed on."""
    if isinstance(found, (list, tuple)) and len(found) < 2:
        ctx.tick(len(found))
        ctx.stats.scanned_index += len(found)
        return found
    return chain.from_iterable(_found(ctx, iter(found)))


def _found(ctx: QueryContext, found: Iterator[dict[str, Any]]) -> Iterator[Iterator[dict[str, Any]]]:
    part: Iterator[dict[str, Any]] = iter(())
    size = 8
    try:
        while piece := list(islice(found, size)):
            ctx.tick(len(piece))
            ctx.stats.scanned_index += len(piece)
            part = iter(piece)
            yield part
            size = min(2 * size, PACE)
    finally:
        ctx.stats.scanned_index -= length_hint(part)


def once_each(lookups: Iterable[Iterable[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The documents of several lookups, each document once."""
    seen: set[str] = set()
    for found in lookups:
        for document in found:
            key = document["_key"]
            if key not in seen:
                seen.add(key)
                yield document


def bounds_of(
    equal: tuple[Value, ...],
    *,
    lower: Value = None,
    has_lower: bool = False,
    lower_inclusive: bool = True,
    upper: Value = None,
    has_upper: bool = False,
    upper_inclusive: bool = True,
) -> Bounds:
    """Bounds made of values computed for one row."""
    return Bounds(
        equal=equal,
        lower=Bound(value=lower, inclusive=lower_inclusive) if has_lower else None,
        upper=Bound(value=upper, inclusive=upper_inclusive) if has_upper else None,
    )


def by_key(
    ctx: QueryContext, collection: Collection, attribute: str, value: Value
) -> Sequence[dict[str, Any]]:
    """The document with this `_key` or `_id`, if there is one."""
    key = _key_of(collection, attribute, value)
    document = None if key is None else collection.get(ctx.tx, key)
    ctx.tick(1)
    if document is None:
        return ()
    ctx.stats.scanned_index += 1
    return (document,)


def by_keys(
    ctx: QueryContext, collection: Collection, attribute: str, values: Value
) -> Sequence[dict[str, Any]]:
    """The documents with these `_key`s or `_id`s, each once, sorted by key."""
    if not isinstance(values, list):
        return ()
    keys = sorted({key for each in values if (key := _key_of(collection, attribute, each)) is not None})
    found = [document for document in collection.get_many(ctx.tx, keys) if document is not None]
    ctx.tick(len(keys))
    ctx.stats.scanned_index += len(found)
    return found


def in_key_range(
    ctx: QueryContext, collection: Collection, attribute: str, bounds: Bounds
) -> Iterator[dict[str, Any]]:
    """The documents whose `_key` or `_id` is within bounds, by AQL's order, in which keys are not kept.

    So all keys are looked at, but only the documents within the bounds are read.
    """
    prefix = f"{collection.name}/" if attribute == "_id" else ""
    least = None if bounds.lower is None else sort_key(bounds.lower.value)
    most = None if bounds.upper is None else sort_key(bounds.upper.value)
    above = operator.ge if bounds.lower is None or bounds.lower.inclusive else operator.gt
    below = operator.le if bounds.upper is None or bounds.upper.inclusive else operator.lt
    keys = collection.all_keys(ctx.tx)
    while batch := list(islice(keys, PACE)):
        ctx.tick(len(batch))
        wanted: list[str] = []
        for key in batch:
            place = sort_key(prefix + key)
            if (least is None or above(place, least)) and (most is None or below(place, most)):
                wanted.append(key)
        found = [document for document in collection.get_many(ctx.tx, wanted) if document is not None]
        ctx.stats.scanned_index += len(found)
        yield from found


def _key_of(collection: Collection, attribute: str, value: Value) -> str | None:
    if not isinstance(value, str):
        return None
    if attribute == "_key":
        return value
    name, _, key = value.partition("/")
    return key if name == collection.name and key else None


def edges_of(
    ctx: QueryContext, collection: Collection, vertex: Value, direction: str
) -> Sequence[dict[str, Any]]:
    """Edges at a vertex, by its `_id`."""
    if not isinstance(vertex, str):
        return ()
    found = collection.edges(ctx.tx, vertex, direction)
    ctx.stats.scanned_index += len(found)
    ctx.tick(1 + len(found))
    return found


def edges_of_many(
    ctx: QueryContext, collection: Collection, vertices: Value, direction: str
) -> Iterable[dict[str, Any]]:
    """Edges at any of several vertices, each edge once."""
    if not isinstance(vertices, list):
        return ()
    names = dict.fromkeys(each for each in vertices if isinstance(each, str))
    return once_each(edges_of(ctx, collection, each, direction) for each in names)
