"""Points in time as ArangoDB counts them: milliseconds since 1970, years 0 to 9999, ISO 8601 text.

Days are counted in the proleptic Gregorian calendar. A day that a month does not have runs over into the next
one (31 April is 1 May), which is what adding months relies on.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
EARLIEST: Final = -62_167_219_200_000
LATEST: Final = 253_402_300_799_999

UNITS: Final = {
    name: unit
    for unit, names in (
        ("year", ("y", "year", "years")),
        ("month", ("m", "month", "months")),
        ("week", ("w", "week", "weeks")),
        ("day", ("d", "day", "days")),
        ("hour", ("h", "hour", "hours")),
        ("minute", ("i", "minute", "minutes")),
        ("second", ("s", "second", "seconds")),
        ("millisecond", ("f", "millisecond", "milliseconds")),
    )
    for name in names
}
LENGTHS: Final = {
    "week": WEEK,
    "day": DAY,
    "hour": HOUR,
    "minute": MINUTE,
    "second": SECOND,
    "millisecond": 1,
}


class Calendar(NamedTuple):
    """A point in time, taken apart."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    millisecond: int


def days_of(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01; months count on into other years and days into other months."""
    year += (month - 1) // 12
    month = (month - 1) % 12 + 1
    # Years begin in March, so that the leap day is the last one.
    shifted = year - (month <= 2)
    era, in_era = divmod(shifted, 400)
    in_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + in_era * 365 + in_era // 4 - in_era // 100 + in_year - 719_468


def take_apart(moment: int) -> Calendar:
    """Return the calendar fields of a moment."""
    days, rest = divmod(moment, DAY)
    era, day_of_era = divmod(days + 719_468, 146_097)
    in_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    in_year = day_of_era - (365 * in_era + in_era // 4 - in_era // 100)
    shifted = (5 * in_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    day = in_year - (153 * shifted + 2) // 5 + 1
    hour, rest = divmod(rest, HOUR)
    minute, rest = divmod(rest, MINUTE)
    second, millisecond = divmod(rest, SECOND)
    return Calendar(in_era + era * 400 + (month <= 2), month, day, hour, minute, second, millisecond)


def day_of_year(moment: int) -> int:
    """Return the day's number in its year, from 1."""
    return moment // DAY - days_of(take_apart(moment).year, 1, 1) + 1


def day_of_week(moment: int) -> int:
    """Return 0 for Sunday to 6 for Saturday."""
    return (moment // DAY + 4) % 7


def iso_week(moment: int) -> tuple[int, int]:
    """Return the number of the ISO 8601 week, and the year it belongs to."""
    thursday = moment // DAY - (day_of_week(moment) + 6) % 7 + 3
    year = take_apart(thursday * DAY).year
    return (thursday - days_of(year, 1, 1)) // 7 + 1, year


def is_leap(year: int) -> bool:
    """Say whether a year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """Return the number of days of a month."""
    return days_of(year, month + 1, 1) - days_of(year, month, 1)


_ISO: Final = re.compile(
    r"\+?(?P<year>[0-9]+)(?:-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?)?"
    r"(?:[ T](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2})"
    r"(?::(?P<second>[0-9]{1,2})(?:\.(?P<fraction>[0-9]+))?)?)?"
    r"(?:[zZ]|(?P<sign>[+-])(?P<ahead>[0-9]{1,2}):(?P<ahead_minutes>[0-9]{1,2}))?",
    re.ASCII,
)


def parse_moment(text: str) -> int | None:
    """Return the moment that ISO 8601 text names, None for other text or a date out of range."""
    match = _ISO.fullmatch(text.strip(" \t\r\n"))
    if match is None or len(match["year"].lstrip("0")) > 4:
        return None
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23 or minute > 59 or second > 59:
        return None
    ahead, ahead_minutes = int(match["ahead"] or 0), int(match["ahead_minutes"] or 0)
    if ahead > 23 or ahead_minutes > 59:
        return None
    milliseconds = int((match["fraction"] or "0").ljust(3, "0")[:3])
    moment = days_of(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + milliseconds
    # The sign belongs to the hours alone: that is how ArangoDB reads -01:30.
    moment -= (-ahead if match["sign"] == "-" else ahead) * HOUR + ahead_minutes * MINUTE
    return moment if EARLIEST <= moment <= LATEST else None


def print_moment(moment: int, *, utc: bool = True) -> str | None:
    """Return a moment as ISO 8601 text, None outside of the years 0 to 9999."""
    if not EARLIEST <= moment <= LATEST:
        return None
    c = take_apart(moment)
    text = f"{c.year:04}-{c.month:02}-{c.day:02}T{c.hour:02}:{c.minute:02}:{c.second:02}.{c.millisecond:03}"
    return text + "Z" if utc else text


class Duration(NamedTuple):
    """An ISO 8601 duration: months are of different lengths, milliseconds are not."""

    months: int
    milliseconds: int


_DURATION: Final = re.compile(
    r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]{1,3}))?S)?)?"
)


def parse_duration(text: str) -> Duration | None:
    """Return the duration that ISO 8601 text names, None for other text."""
    match = _DURATION.fullmatch(text)
    if match is None or len(text) < 2 or len(text) > 200:
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:7])
    fraction = int((match[8] or "0").ljust(3, "0"))
    span = weeks * WEEK + days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND + fraction
    return Duration(years * 12 + months, span)


def add_months(moment: int, months: int) -> int:
    """Add months and keep the day's number: 31 January and a month is 3 March, or 2 March in leap years."""
    calendar = take_apart(moment)
    return days_of(calendar.year, calendar.month + months, calendar.day) * DAY + moment % DAY


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR: Final = days_of(1, 1, 3) * DAY
_LAST_YEAR: Final = days_of(9999, 12, 29) * DAY


def zone_named(name: str) -> ZoneInfo:
    """Return the time zone with an IANA name; an unknown one is an error, as it is in ArangoDB."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ArangoError(ERROR_BAD_PARAMETER, f"'{name}' is no time zone of the IANA database") from error


def local_time(moment: int, zone: ZoneInfo) -> datetime:
    """Return the local time of a moment in a zone, for years that Python's calendar has."""
    clamped = min(max(moment, _FIRST_YEAR), _LAST_YEAR)
    return datetime.fromtimestamp(clamped // SECOND, zone)


def offset_at(moment: int, zone: ZoneInfo) -> int:
    """Return by how many milliseconds a zone is ahead of UTC at a moment."""
    offset = local_time(moment, zone).utcoffset()
    return round(offset.total_seconds() * 1000) if offset is not None else 0


def to_local(moment: int, zone: ZoneInfo) -> int:
    """Return the moment at which clocks in UTC show what clocks in the zone show now."""
    return moment + offset_at(moment, zone)


def to_utc(local: int, zone: ZoneInfo) -> int:
    """Return the moment at which clocks in the zone show a local time; of two such moments, the first one."""
    clamped = min(max(local, _FIRST_YEAR), _LAST_YEAR)
    naive = _EPOCH.replace(tzinfo=zone) + (datetime.fromtimestamp(clamped // SECOND, UTC) - _EPOCH)
    offset = naive.utcoffset()
    return local - (round(offset.total_seconds() * 1000) if offset is not None else 0)
