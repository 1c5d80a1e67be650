"""WINDOW: aggregates over the neighbours of each row."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.expressions.tree import Variable
from mcp_arangodb_async.engine.plan.nodes import WindowNode
from mcp_arangodb_async.engine.values import Number, Value

from .aggregates import AGGREGATORS, Aggregator
from .context import QueryContext

Row = tuple[Any, ...]
Bound = int | float | str | None
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DURATION = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpecification:
    """A WINDOW over rows that are tuples: functions with the places of their arguments, and the bounds."""

    aggregates: tuple[tuple[str, int | None], ...]
    preceding: Bound
    following: Bound
    place: int | None

    @classmethod
    def of(cls, node: WindowNode, positions: Mapping[Variable, int]) -> WindowSpecification:
        """The specification of a node, for rows with the variables at these positions."""
        return cls(
            aggregates=tuple(
                (each.function, None if each.source is None else positions[each.source])
                for each in node.aggregates
            ),
            preceding=node.preceding,
            following=node.following,
            place=None if node.range_variable is None else positions[node.range_variable],
        )


def window_rows(ctx: QueryContext, rows: list[Row], window: WindowSpecification) -> Iterator[Row]:
    """Each row, followed by its aggregates."""
    if window.place is not None:
        yield from _by_value(ctx, rows, window, window.place)
    elif window.preceding is None:
        yield from _running(ctx, rows, window)
    else:
        before, after = _rows(window.preceding, len(rows)), _rows(window.following, len(rows))
        for i, row in enumerate(rows):
            yield row + _over(ctx, rows, window, max(0, i - before), min(len(rows), i + after + 1))


def _rows(bound: Bound, count: int) -> int:
    return bound if isinstance(bound, int) else count


def _running(ctx: QueryContext, rows: list[Row], window: WindowSpecification) -> Iterator[Row]:
    """Everything up to the row, and some after it: one pass."""
    after = _rows(window.following, len(rows))
    running = [AGGREGATORS[name](ctx.hold) for name, _ in window.aggregates]
    taken = 0
    for i, row in enumerate(rows):
        ctx.tick(1)
        end = min(len(rows), i + after + 1)
        while taken < end:
            _take(running, window, rows[taken])
            taken += 1
        yield row + tuple(each.result() for each in running)


def _take(running: list[Aggregator], window: WindowSpecification, row: Row) -> None:
    for aggregator, (_, place) in zip(running, window.aggregates, strict=True):
        aggregator.add(None if place is None else row[place])


def _over(ctx: QueryContext, rows: list[Row], window: WindowSpecification, start: int, end: int) -> Row:
    ctx.tick(1 + max(0, end - start))
    made = [AGGREGATORS[name](_unheld) for name, _ in window.aggregates]
    for row in rows[start:end]:
        _take(made, window, row)
    return tuple(each.result() for each in made)


def _unheld(_: int) -> None:
    """What one window keeps is gone with the next."""


def _by_value(ctx: QueryContext, rows: list[Row], window: WindowSpecification, place: int) -> Iterator[Row]:
    """Rows whose value is near; the rows are sorted by it. A row whose value is no number gets null."""
    numeric = [row for row in rows if _is_number(row[place])]
    values: list[Number] = [row[place] for row in numeric]
    nothing = (None,) * len(window.aggregates)
    for row in rows:
        value = row[place]
        if not _is_number(value):
            ctx.warn(errors.ERROR_QUERY_INVALID_ARITHMETIC_VALUE)
            yield row + nothing
            continue
        low, high = _away(value, window.preceding, -1), _away(value, window.following, 1)
        start = 0 if low is None else bisect_left(values, low)
        end = len(values) if high is None else bisect_right(values, high)
        yield row + _over(ctx, numeric, window, start, end)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _away(value: Number, bound: Bound, sign: int) -> Number | None:
    """The end of the window around a value; None when it is unbounded."""
    if bound is None:
        return None
    if isinstance(bound, str):
        return shifted(value, bound, sign)
    return value + sign * bound


def shifted(timestamp: Number, duration: str, sign: int) -> Number:
    """A timestamp in milliseconds, moved by an ISO duration: years and months by the calendar."""
    match = DURATION.fullmatch(duration)
    assert match is not None
    years, months, weeks, days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    exact = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    milliseconds = sign * exact / timedelta(milliseconds=1)
    steps = sign * int(12 * years + months)
    if steps:
        try:
            moment = EPOCH + timedelta(milliseconds=timestamp)
            year, month = divmod(moment.year * 12 + moment.month - 1 + steps, 12)
            start = moment.replace(year=year, month=month + 1, day=1)
        except (OverflowError, ValueError):
            return timestamp + milliseconds
        milliseconds += (start - moment.replace(day=1)) / timedelta(milliseconds=1)
    return timestamp + milliseconds
