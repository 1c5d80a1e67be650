"""Time zones: between UTC and local time, and what a zone's clocks do around a moment.

https://docs.arangodb.com/3.12/aql/functions/date/#date_utctolocal
The zones are those of `zoneinfo`: the machine's own, or the tzdata package's where the machine has none.
"""

from __future__ import annotations

import zoneinfo
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ERROR_QUERY_INVALID_DATE_VALUE
from mcp_arangodb_async.engine.functions import moments
from mcp_arangodb_async.engine.functions.date import read_moment
from mcp_arangodb_async.engine.functions.moments import DAY, SECOND
from mcp_arangodb_async.engine.functions.registry import Function, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import Value

# The first zone got a standard time in 1847; rules for the time after 2037 repeat every year.
_FIRST_CHANGE: Final = moments.days_of(1835, 1, 1) * DAY
_LAST_RULE: Final = moments.days_of(2038, 1, 1) * DAY
_STEP: Final = 7 * DAY
_ODD_NAMES: Final = frozenset({"localtime", "posixrules", "Factory"})


def _state(moment: int, zone: ZoneInfo) -> tuple[object, ...]:
    local = moments.local_time(moment, zone)
    return local.utcoffset(), local.dst(), local.tzname()


def _change(low: int, high: int, zone: ZoneInfo) -> int:
    """Return the first moment after `low` at which the state of `high` holds, to the second."""
    wanted = _state(high, zone)
    while high - low > SECOND:
        middle = (low + high) // 2 // SECOND * SECOND
        if middle <= low:
            break
        if _state(middle, zone) == wanted:
            high = middle
        else:
            low = middle
    return high // SECOND * SECOND


def _period(ctx: FunctionContext, moment: int, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Return when the zone's clocks were last changed and when they next are; None if never."""
    state = _state(moment, zone)
    begin: int | None = None
    end: int | None = None
    place = moment
    while place > _FIRST_CHANGE and begin is None:
        earlier = place - _STEP
        if _state(earlier, zone) != state:
            begin = _change(earlier, place, zone)
        place = earlier
    ctx.check()
    place, limit = moment, max(moment, _LAST_RULE) + 400 * DAY
    while place < limit and end is None:
        later = place + _STEP
        changed = _state(later, zone)
        if changed != state:
            end = _change(place, later, zone)
        place = later
    return begin, end


def _zone_info(ctx: FunctionContext, moment: int, zone: ZoneInfo) -> dict[str, Any]:
    begin, end = _period(ctx, moment, zone)
    local = moments.local_time(moment, zone)
    return {
        "name": local.tzname(),
        "begin": None if begin is None else moments.print_moment(begin),
        "end": None if end is None else moments.print_moment(end),
        "dst": bool(local.dst()),
        "offset": moments.offset_at(moment, zone) // SECOND,
    }


def database_version() -> str:
    """Return the version of the time zone data, such as 2025b; "unknown" where it is not recorded."""
    listings: list[Traversable | Path] = [Path(folder, "tzdata.zi") for folder in zoneinfo.TZPATH]
    try:
        listings.append(resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi"))
    except ModuleNotFoundError:
        pass  # the package is only needed where the machine has no zones of its own
    for listing in listings:
        if listing.is_file():
            words = listing.read_text(encoding="utf-8").split("\n", 1)[0].split()
            return words[-1] if words[1:2] == ["version"] else "unknown"
    return "unknown"


def utc_to_local(ctx: FunctionContext, date: Value, zone: Value, details: Value = False) -> Value:
    """DATE_UTCTOLOCAL(): local time, without a Z unless the zone is UTC."""
    moment = read_moment(ctx, "DATE_UTCTOLOCAL", date)
    if moment is None:
        return None
    if not isinstance(zone, str) or not isinstance(details, bool):
        return mismatch(ctx, "DATE_UTCTOLOCAL")
    place = moments.zone_named(zone)
    offset = moments.offset_at(moment, place)
    text = moments.print_moment(
        moment + offset, utc=offset == 0 and not moments.local_time(moment, place).dst()
    )
    if text is None:
        return complain(ctx, "DATE_UTCTOLOCAL", ERROR_QUERY_INVALID_DATE_VALUE)
    if not details:
        return text
    return {"local": text, "tzdb": database_version(), "zoneInfo": _zone_info(ctx, moment, place)}


def local_to_utc(ctx: FunctionContext, date: Value, zone: Value, details: Value = False) -> Value:
    """DATE_LOCALTOUTC()."""
    local = read_moment(ctx, "DATE_LOCALTOUTC", date)
    if local is None:
        return None
    if not isinstance(zone, str) or not isinstance(details, bool):
        return mismatch(ctx, "DATE_LOCALTOUTC")
    place = moments.zone_named(zone)
    moment = moments.to_utc(local, place)
    text = moments.print_moment(moment)
    if text is None:
        return complain(ctx, "DATE_LOCALTOUTC", ERROR_QUERY_INVALID_DATE_VALUE)
    if not details:
        return text
    return {"utc": text, "tzdb": database_version(), "zoneInfo": _zone_info(ctx, moment, place)}


def own_zone() -> Value:
    """DATE_TIMEZONE(): the engine keeps UTC, whatever the machine's zone is."""
    return "UTC"


def zones() -> Value:
    """DATE_TIMEZONES(): the names of all zones."""
    return sorted(zoneinfo.available_timezones() - _ODD_NAMES)


FUNCTIONS: Final[tuple[Function, ...]] = (
    asking("DATE_UTCTOLOCAL", "2-3", utc_to_local),
    asking("DATE_LOCALTOUTC", "2-3", local_to_utc),
    plain("DATE_TIMEZONE", "0", own_zone),
    plain("DATE_TIMEZONES", "0", zones),
)
