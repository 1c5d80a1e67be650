"""Date functions: moments are numbers of milliseconds or ISO 8601 strings.

https://docs.arangodb.com/3.12/aql/functions/date/
With a time zone, a function sees the date as clocks there show it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ERROR_QUERY_INVALID_DATE_VALUE
from mcp_arangodb_async.engine.functions import moments
from mcp_arangodb_async.engine.functions.date_format import format_moment
from mcp_arangodb_async.engine.functions.moments import DAY, LENGTHS, UNITS, take_apart
from mcp_arangodb_async.engine.functions.registry import Function, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import Value, finite, is_number, to_integer, to_number

# One year is 365.2425 days, one month a twelfth of it.
_AVERAGE_YEAR: Final = 146_097 * DAY // 400
_ORDER: Final = ("year", "month", "day", "hour", "minute", "second", "millisecond")


def read_moment(ctx: FunctionContext, name: str, value: Value) -> int | None:
    """Return the moment an argument names, or None after a warning: 1542 for a wrong type, else 1572."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return mismatch(ctx, name)
    moment = moments.parse_moment(value) if isinstance(value, str) else to_integer(value)
    if moment is None or not moments.EARLIEST <= moment <= moments.LATEST:
        return complain(ctx, name, ERROR_QUERY_INVALID_DATE_VALUE)
    return moment


def _read_local(ctx: FunctionContext, name: str, value: Value, zone: Sequence[Value]) -> int | None:
    moment = read_moment(ctx, name, value)
    if moment is None or not zone:
        return moment
    if not isinstance(zone[0], str):
        return mismatch(ctx, name)
    return moments.to_local(moment, moments.zone_named(zone[0]))


def _printed(ctx: FunctionContext, name: str, moment: int, zone: Sequence[Value] = ()) -> Value:
    if zone and isinstance(zone[0], str):
        moment = moments.to_utc(moment, moments.zone_named(zone[0]))
    text = moments.print_moment(moment)
    return complain(ctx, name, ERROR_QUERY_INVALID_DATE_VALUE) if text is None else text


def date_now(ctx: FunctionContext) -> Value:
    """DATE_NOW()."""
    return math.floor(ctx.now() * 1000)


def _from_parts(ctx: FunctionContext, name: str, parts: Sequence[Value]) -> int | None:
    """Return the moment of one date, or of a year, month, day and the rest as separate arguments."""
    if len(parts) == 1:
        return read_moment(ctx, name, parts[0])
    if len(parts) < 3 or not all(is_number(part) or isinstance(part, str) for part in parts):
        return mismatch(ctx, name)
    year, month, day, *clock = map(to_integer, parts)
    hour, minute, second, millisecond = clock + [0] * (4 - len(clock))
    if not 0 <= year <= 9999 or min(month, day, *clock, 0) < 0 or max(month, day, *clock, 0) > 2**32:
        return complain(ctx, name, ERROR_QUERY_INVALID_DATE_VALUE)
    moment = moments.days_of(year, month, day) * DAY
    moment += hour * moments.HOUR + minute * moments.MINUTE + second * moments.SECOND
    return moment + min(millisecond, 999)


def date_timestamp(ctx: FunctionContext, *parts: Value) -> Value:
    """DATE_TIMESTAMP()."""
    return _from_parts(ctx, "DATE_TIMESTAMP", parts)


def date_iso8601(ctx: FunctionContext, *parts: Value) -> Value:
    """DATE_ISO8601()."""
    moment = _from_parts(ctx, "DATE_ISO8601", parts)
    return None if moment is None else _printed(ctx, "DATE_ISO8601", moment)


def is_datestring(value: Value) -> Value:
    """IS_DATESTRING()."""
    return isinstance(value, str) and moments.parse_moment(value) is not None


def _part(name: str, extract: Callable[[int], Value]) -> Callable[..., Value]:
    """Make a function of one date and, perhaps, a time zone."""

    def call(ctx: FunctionContext, date: Value, *zone: Value) -> Value:
        moment = _read_local(ctx, name, date, zone)
        return None if moment is None else extract(moment)

    return call


def _iso_week_year(moment: int) -> Value:
    week, year = moments.iso_week(moment)
    return {"week": week, "year": year}


def _shift(name: str, direction: int) -> Callable[..., Value]:
    """Make DATE_ADD() or DATE_SUBTRACT(): an amount and a unit, or an ISO 8601 duration."""

    def call(ctx: FunctionContext, date: Value, amount: Value, *options: Value) -> Value:
        if isinstance(amount, str) and len(options) < 2:
            zone: Sequence[Value] = options
            moment = _read_local(ctx, name, date, zone)
            if moment is None:
                return None
            duration = moments.parse_duration(amount)
            if duration is None or max(duration) > 10**15:
                return complain(ctx, name, ERROR_QUERY_INVALID_DATE_VALUE)
            moved = (
                moments.add_months(moment, direction * duration.months) + direction * duration.milliseconds
            )
            return _printed(ctx, name, moved, zone)
        zone = options[1:]
        moment = _read_local(ctx, name, date, zone)
        if moment is None:
            return None
        if not is_number(amount) or not options or not isinstance(options[0], str):
            return mismatch(ctx, name)
        unit = UNITS.get(options[0].lower())
        number = to_number(amount)
        if unit is None or abs(number) > 10**15:
            return complain(ctx, name, ERROR_QUERY_INVALID_DATE_VALUE)
        return _printed(ctx, name, _moved(moment, direction * number, unit), zone)

    return call


def _moved(moment: int, amount: float, unit: str) -> int:
    """Add an amount; a fraction of a year counts in months, that of a month in days, 30 to the month."""
    sign = -1 if amount < 0 else 1
    rest, months = abs(amount), 0
    if unit == "year":
        rest, whole = math.modf(rest)
        months, rest, unit = int(whole) * 12, rest * 12, "month"
    if unit == "month":
        rest, whole = math.modf(rest)
        months, rest, unit = months + int(whole), rest * 30, "day"
    if months:
        moment = moments.add_months(moment, sign * months)
    return moment + sign * int(rest * LENGTHS[unit])


def date_diff(ctx: FunctionContext, first: Value, second: Value, unit: Value, *options: Value) -> Value:
    """DATE_DIFF(): rounded to a whole number unless `asFloat` is set."""
    as_float, zones = False, options
    if options and not isinstance(options[0], str):
        if not isinstance(options[0], bool):
            return mismatch(ctx, "DATE_DIFF")
        as_float, zones = options[0], options[1:]
    start = _read_local(ctx, "DATE_DIFF", first, zones[:1])
    end = None if start is None else _read_local(ctx, "DATE_DIFF", second, zones[1:2] or zones[:1])
    if start is None or end is None:
        return None
    if not isinstance(unit, str):
        return mismatch(ctx, "DATE_DIFF")
    name = UNITS.get(unit.lower())
    if name is None:
        return complain(ctx, "DATE_DIFF", ERROR_QUERY_INVALID_DATE_VALUE)
    length = _AVERAGE_YEAR / 12 if name == "month" else LENGTHS.get(name, _AVERAGE_YEAR)
    difference = (end - start) / length
    if as_float:
        return finite(difference)
    return math.floor(abs(difference) + 0.5) * (-1 if difference < 0 else 1)


def date_compare(ctx: FunctionContext, first: Value, second: Value, start: Value, *options: Value) -> Value:
    """DATE_COMPARE(): whether two dates agree in a range of units, such as month to day for birthdays."""
    end, zones = options[0] if options else start, options[1:]
    left = _read_local(ctx, "DATE_COMPARE", first, zones[:1])
    right = None if left is None else _read_local(ctx, "DATE_COMPARE", second, zones[1:2] or zones[:1])
    if left is None or right is None:
        return None
    first_unit, last_unit = _unit(start), _unit(end)
    if first_unit is None or last_unit is None:
        return mismatch(ctx, "DATE_COMPARE")
    low, high = _ORDER.index(first_unit), _ORDER.index(last_unit) + 1
    return take_apart(left)[low:high] == take_apart(right)[low:high]


def _unit(value: Value) -> str | None:
    unit = UNITS.get(value.lower()) if isinstance(value, str) else None
    return None if unit == "week" else unit


def date_trunc(ctx: FunctionContext, date: Value, unit: Value, *zone: Value) -> Value:
    """DATE_TRUNC(): everything below a unit set to its start."""
    moment = _read_local(ctx, "DATE_TRUNC", date, zone)
    if moment is None:
        return None
    if not isinstance(unit, str):
        return mismatch(ctx, "DATE_TRUNC")
    name = _unit(unit)
    if name is None:
        return complain(ctx, "DATE_TRUNC", ERROR_QUERY_INVALID_DATE_VALUE)
    if name in ("year", "month"):
        calendar = take_apart(moment)
        moment = moments.days_of(calendar.year, calendar.month if name == "month" else 1, 1) * DAY
    else:
        moment -= moment % LENGTHS[name]
    return _printed(ctx, "DATE_TRUNC", moment, zone)


def date_round(ctx: FunctionContext, date: Value, amount: Value, unit: Value, *zone: Value) -> Value:
    """DATE_ROUND(): the start of the bucket the date falls in."""
    moment = _read_local(ctx, "DATE_ROUND", date, zone)
    if moment is None:
        return None
    name = _unit(unit)
    if not is_number(amount) or (count := to_integer(amount)) <= 0 or name not in LENGTHS:
        return mismatch(ctx, "DATE_ROUND")
    size = count * LENGTHS[name]
    # Buckets before 1970 are rounded towards 1970, as an integer division in C++ does.
    bucket = abs(moment) // size * size
    return _printed(ctx, "DATE_ROUND", bucket if moment >= 0 else -bucket, zone)


def date_format(ctx: FunctionContext, date: Value, template: Value, *zone: Value) -> Value:
    """DATE_FORMAT()."""
    moment = _read_local(ctx, "DATE_FORMAT", date, zone)
    if moment is None:
        return None
    if not isinstance(template, str):
        return mismatch(ctx, "DATE_FORMAT")
    ctx.charge(len(template) * 4)
    return format_moment(moment, template)


def _in_year(moment: int) -> Value:
    return take_apart(moment).year


def _dated(name: str, count: str, extract: Callable[[int], Any]) -> Function:
    return asking(name, count, _part(name, extract))


FUNCTIONS: Final[tuple[Function, ...]] = (
    asking("DATE_NOW", "0", date_now, cacheable=False, deterministic=False),
    asking("DATE_TIMESTAMP", "1-7", date_timestamp),
    asking("DATE_ISO8601", "1-7", date_iso8601),
    plain("IS_DATESTRING", "1", is_datestring),
    _dated("DATE_DAYOFWEEK", "1-2", moments.day_of_week),
    _dated("DATE_YEAR", "1-2", _in_year),
    _dated("DATE_MONTH", "1-2", lambda moment: take_apart(moment).month),
    _dated("DATE_DAY", "1-2", lambda moment: take_apart(moment).day),
    _dated("DATE_HOUR", "1-2", lambda moment: take_apart(moment).hour),
    _dated("DATE_MINUTE", "1-2", lambda moment: take_apart(moment).minute),
    _dated("DATE_SECOND", "1", lambda moment: take_apart(moment).second),
    _dated("DATE_MILLISECOND", "1", lambda moment: take_apart(moment).millisecond),
    _dated("DATE_DAYOFYEAR", "1-2", moments.day_of_year),
    _dated("DATE_ISOWEEK", "1-2", lambda moment: moments.iso_week(moment)[0]),
    _dated("DATE_ISOWEEKYEAR", "1-2", _iso_week_year),
    _dated("DATE_LEAPYEAR", "1-2", lambda moment: moments.is_leap(take_apart(moment).year)),
    _dated("DATE_QUARTER", "1-2", lambda moment: (take_apart(moment).month + 2) // 3),
    _dated("DATE_DAYS_IN_MONTH", "1-2", lambda moment: moments.days_in_month(*take_apart(moment)[:2])),
    asking("DATE_ADD", "2-4", _shift("DATE_ADD", 1)),
    asking("DATE_SUBTRACT", "2-4", _shift("DATE_SUBTRACT", -1)),
    asking("DATE_DIFF", "3-6", date_diff),
    asking("DATE_COMPARE", "3-6", date_compare),
    asking("DATE_TRUNC", "2-3", date_trunc),
    asking("DATE_ROUND", "3-4", date_round),
    asking("DATE_FORMAT", "2-3", date_format),
)
