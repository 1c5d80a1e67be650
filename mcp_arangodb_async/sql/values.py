"""Values of databases as JSON that loses nothing.

| value | JSON |
|---|---|
| whole numbers beyond 2^53, decimals | text with every digit |
| NaN and the infinities | "NaN", "Infinity", "-Infinity" |
| dates, times, intervals | text, ISO 8601 where the driver has a type for it |
| binary | base64 |
| JSON | itself, its numbers by the rules above |
| arrays, rows, ranges | lists; objects; PostgreSQL's text |
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson

from mcp_arangodb_async.connections.sql.connection import Column, Row

# The largest whole number that every JSON reader keeps.
LARGEST = 2**53
DOCUMENTS = frozenset({"json", "jsonb"})


def shown_rows(columns: Sequence[Column], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as objects; a name that comes twice gets a number: `id`, `id_2`."""
    names = unique_names(columns)
    makers = [document if column.type in DOCUMENTS else shown for column in columns]
    return [
        {name: maker(value) for name, maker, value in zip(names, makers, row, strict=True)} for row in rows
    ]


def shown_lists(columns: Sequence[Column], rows: Sequence[Row]) -> list[list[Any]]:
    """The rows as lists, in the order of the columns."""
    makers = [document if column.type in DOCUMENTS else shown for column in columns]
    return [[maker(value) for maker, value in zip(makers, row, strict=True)] for row in rows]


def encoded(value: Any) -> bytes:
    """The compact JSON of shown values; what the fast library refuses, the standard one writes."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def unique_names(columns: Sequence[Column]) -> list[str]:
    """The columns' names, each different from the others."""
    taken = {column.name for column in columns}
    if len(taken) == len(columns):
        return [column.name for column in columns]
    names: list[str] = []
    for column in columns:
        name, number = column.name, 2
        while name in names or (name != column.name and name in taken):
            name, number = f"{column.name}_{number}", number + 1
        names.append(name)
    return names


def shown(value: Any) -> Any:
    """One value as JSON can hold it."""
    maker = MAKERS.get(value.__class__)
    if maker is not None:
        return maker(value)
    return other(value)


def same(value: Any) -> Any:
    return value


def whole(value: int) -> int | str:
    return value if -LARGEST <= value <= LARGEST else str(value)


def real(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def decimal(value: Decimal) -> str:
    """Every digit, without an exponent."""
    return format(value, "f") if value.is_finite() else str(value)


def binary(value: bytes | bytearray | memoryview) -> str:
    return base64.b64encode(value).decode()


def duration(value: timedelta) -> str:
    """ISO 8601: `P1DT2H3M4.5S`, `-PT1S`."""
    sign, rest = ("-", -value) if value < timedelta() else ("", value)
    hours, seconds = divmod(rest.seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    fraction = f".{rest.microseconds:06d}".rstrip("0") if rest.microseconds else ""
    days = f"{rest.days}D" if rest.days else ""
    return f"{sign}P{days}T{hours}H{minutes}M{seconds}{fraction}S"


def items(value: Sequence[Any]) -> list[Any]:
    return [shown(item) for item in value]


def members(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): shown(member) for name, member in value.items()}


MAKERS: Mapping[type[Any], Callable[[Any], Any]] = {
    str: same,
    bool: same,
    type(None): same,
    int: whole,
    float: real,
    Decimal: decimal,
    bytes: binary,
    bytearray: binary,
    memoryview: binary,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: duration,
    list: items,
    tuple: items,
    dict: members,
}


def other(value: Any) -> Any:
    """Types of drivers: rows of PostgreSQL, its ranges, network addresses, UUIDs."""
    if hasattr(value, "lower_inc") and hasattr(value, "isempty"):
        return range_text(value)
    if hasattr(value, "items") and hasattr(value, "values"):
        return {str(name): shown(member) for name, member in value.items()}
    return str(value)


def range_text(value: Any) -> str:
    """A range as PostgreSQL writes it: `[1,5)`."""
    if value.isempty:
        return "empty"
    lower = "" if value.lower is None else shown(value.lower)
    upper = "" if value.upper is None else shown(value.upper)
    return f"{'[' if value.lower_inc else '('}{lower},{upper}{']' if value.upper_inc else ')'}"


def document(value: Any) -> Any:
    """The value of a JSON column: its document, numbers that JSON readers would round as text."""
    if not isinstance(value, str):
        return shown(value)
    try:
        return json.loads(value, parse_float=exact_float, parse_int=exact_int)
    except (ValueError, RecursionError):
        return value


def exact_int(text: str) -> int | str:
    """The number, or its text where it has too many digits."""
    if len(text) > 17:
        return text
    return whole(int(text))


def exact_float(text: str) -> float | str:
    """The number, or its text where a double would change it."""
    number = float(text)
    if not math.isfinite(number):
        return text
    return number if Decimal(text) == Decimal(repr(number)) else text
