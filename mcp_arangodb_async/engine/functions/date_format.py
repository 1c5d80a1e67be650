"""DATE_FORMAT()'s placeholders.

https://docs.arangodb.com/3.12/aql/functions/date/#date_format
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mcp_arangodb_async.engine.functions.moments import (
    day_of_week,
    day_of_year,
    days_in_month,
    is_leap,
    iso_week,
    print_moment,
    take_apart,
)

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

_PLACEHOLDERS: Final[dict[str, Callable[[int], str]]] = {
    "%&": lambda _: "",
    "%yyyyyy": lambda moment: f"+{take_apart(moment).year:06}",
    "%mmmm": lambda moment: _MONTHS[take_apart(moment).month - 1],
    "%yyyy": lambda moment: f"{take_apart(moment).year:04}",
    "%wwww": lambda moment: _WEEKDAYS[day_of_week(moment)],
    "%mmm": lambda moment: _MONTHS[take_apart(moment).month - 1][:3],
    "%www": lambda moment: _WEEKDAYS[day_of_week(moment)][:3],
    "%fff": lambda moment: f"{take_apart(moment).millisecond:03}",
    "%xxx": lambda moment: f"{day_of_year(moment):03}",
    "%yy": lambda moment: f"{take_apart(moment).year % 100:02}",
    "%mm": lambda moment: f"{take_apart(moment).month:02}",
    "%dd": lambda moment: f"{take_apart(moment).day:02}",
    "%hh": lambda moment: f"{take_apart(moment).hour:02}",
    "%ii": lambda moment: f"{take_apart(moment).minute:02}",
    "%ss": lambda moment: f"{take_apart(moment).second:02}",
    "%kk": lambda moment: f"{iso_week(moment)[0]:02}",
    "%t": str,
    "%z": lambda moment: print_moment(moment) or "",
    "%w": lambda moment: str(day_of_week(moment)),
    "%y": lambda moment: str(take_apart(moment).year),
    "%m": lambda moment: str(take_apart(moment).month),
    "%d": lambda moment: str(take_apart(moment).day),
    "%h": lambda moment: str(take_apart(moment).hour),
    "%i": lambda moment: str(take_apart(moment).minute),
    "%s": lambda moment: str(take_apart(moment).second),
    "%f": lambda moment: str(take_apart(moment).millisecond),
    "%x": lambda moment: str(day_of_year(moment)),
    "%k": lambda moment: str(iso_week(moment)[0]),
    "%l": lambda moment: "1" if is_leap(take_apart(moment).year) else "0",
    "%q": lambda moment: str((take_apart(moment).month + 2) // 3),
    "%a": lambda moment: str(days_in_month(*take_apart(moment)[:2])),
    "%%": lambda _: "%",
    "%": lambda _: "",
}
_PLACEHOLDER: Final = re.compile("|".join(map(re.escape, _PLACEHOLDERS)))


def format_moment(moment: int, template: str) -> str:
    """Return the template with its placeholders filled in; the longest placeholder that fits is meant."""
    return _PLACEHOLDER.sub(lambda match: _PLACEHOLDERS[match[0]](moment), template)
