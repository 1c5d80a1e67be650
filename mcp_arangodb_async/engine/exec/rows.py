"""Operators over whole rows: sorting, limits, counting."""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from mcp_arangodb_async.engine.collation import collation_key
from mcp_arangodb_async.engine.values import ordered_places, sort_key

from .context import PACE, QueryContext
from .sizes import ROW, size_of, size_of_rows

#: Strings of these characters only are in the same order by collation and by code point.
PLAIN = re.compile(r"[0-9a-z]*")
#: Which place of a row to sort by, and whether ascending.
Criterion = tuple[int, bool]


def sorted_rows(
    ctx: QueryContext, rows: list[Any], criteria: tuple[Criterion, ...], limit: int | None, has_one: bool
) -> list[Any]:
    """The rows in order, equal ones as they came; may change the list. `has_one`: rows are bare values."""
    ctx.check()
    if limit is not None and 0 < limit < len(rows) // 2 and criteria:
        return _first(ctx, rows, criteria, limit, has_one)
    for place, is_ascending in reversed(criteria):
        keys = _keys(rows, place, has_one)
        if keys is None:
            continue
        order = ordered_places(keys, reverse=not is_ascending)
        rows[:] = [rows[i] for i in order]
        ctx.check()
    return rows if limit is None else rows[:limit]


def _keys(rows: list[Any], place: int, has_one: bool) -> list[Any] | None:
    """Keys of one column; None when they are all equal. Columns of one type get cheaper keys."""
    values = rows if has_one else [row[place] for row in rows]
    kinds = set(map(type, values))
    if kinds <= {int, float}:
        return list(values)
    if kinds == {str}:
        return list(values) if PLAIN.fullmatch("".join(values)) else list(map(collation_key, values))
    if kinds == {type(None)}:
        return None
    return list(map(sort_key, values))


def _first(
    ctx: QueryContext, rows: list[Any], criteria: tuple[Criterion, ...], limit: int, has_one: bool
) -> list[Any]:
    """The first rows: those that the first criterion already rules out are not sorted."""
    place, ascending = criteria[0]
    keys = _keys(rows, place, has_one)
    if keys is not None:
        pick = heapq.nsmallest if ascending else heapq.nlargest
        if len(criteria) == 1:
            return [rows[i] for i in pick(limit, range(len(rows)), key=keys.__getitem__)]
        worst = pick(limit, keys)[-1]
        if ascending:
            rows = [row for row, key in zip(rows, keys, strict=True) if not worst < key]
        else:
            rows = [row for row, key in zip(rows, keys, strict=True) if not key < worst]
    return sorted_rows(ctx, rows, criteria, None, has_one)[:limit]


def limited(rows: Iterable[Any], offset: int, count: int | None) -> Iterator[Any]:
    """Rows from `offset` on; stops the rows before as soon as it has enough."""
    return islice(rows, offset, None if count is None else offset + count)


def counted(ctx: QueryContext, rows: Iterator[Any], offset: int, count: int | None) -> Iterator[Any]:
    """As `limited`, but runs to the end and leaves the number of all rows as `fullCount`."""
    total = 0
    last = None if count is None else offset + count
    for row in rows:
        if total >= offset and (last is None or total < last):
            yield row
        total += 1
    ctx.stats.full_count = total


def drained(rows: Iterator[Any], offset: int, count: int | None) -> Iterator[Any]:
    """As `limited`, but runs to the end: a LIMIT after a write does not limit the writes."""
    last = None if count is None else offset + count
    for position, row in enumerate(rows):
        if position >= offset and (last is None or position < last):
            yield row


def watched(ctx: QueryContext, rows: list[Any]) -> Callable[[Any], None]:
    """Have a list of rows measured while it grows; its `append`."""

    def size() -> int:
        return len(rows) * (ROW + (size_of(rows[-1], 1) if rows else 0))

    ctx.watch(size)
    return rows.append


def gathered(ctx: QueryContext, rows: Iterable[Any]) -> list[Any]:
    """The rows of a subquery as an array."""
    source = iter(rows)
    found = list(islice(source, PACE))
    ctx.tick(len(found))
    if len(found) == PACE:
        held = 0
        try:
            while batch := list(islice(source, PACE)):
                found += batch
                amount = size_of_rows(batch)
                held += amount
                ctx.hold(amount)
        finally:
            ctx.release(held)
        ctx.charge(held)
    return found


def timed(ctx: QueryContext, number: int, rows: Iterator[Any]) -> Iterator[Any]:
    """Rows as they come, counted and timed for a node; its time includes that of the nodes before it."""
    items, seconds = ctx.node_items, ctx.node_seconds
    items.setdefault(number, 0)
    seconds.setdefault(number, 0.0)
    clock = time.perf_counter
    while True:
        start = clock()
        try:
            row = next(rows)
        except StopIteration:
            seconds[number] += clock() - start
            return
        seconds[number] += clock() - start
        items[number] += 1
        yield row
