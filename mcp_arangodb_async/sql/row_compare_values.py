"""Values of different engines, read so that equal ones are equal.

A column is compared by one *reading*, which the types of all its sides decide:

| types of the sides | reading | what counts as equal |
|---|---|---|
| numbers, booleans, bits | number | the same number: 1.50 and 1.5, TRUE and 1; of floats, the shortest text |
| booleans alone | boolean | 0 and 1 are false and true |
| numbers beside texts or documents | number | a text written as a plain number is it: "1.50", not "007" |
| texts | text | the same characters, spaces at the end included |
| texts, one of them CHAR(n) | char | spaces at the end do not count |
| dates with times, beside dates | timestamp | the same moment; no offset is UTC, a date is its midnight |
| JSON, arrays, texts beside them | json | the same document: order of members and 1.0 or 1 do not count |
| UUIDs, beside texts or bytes | uuid | the same 128 bits |
| anything else | any | the same kind of value, and the same value |

What a reading cannot read stays as it is. A value read is a *cell*: what JSON has, or a list of two that
names what JSON has not: `["n", "0.1000000000000000000001"]`, `["b", base64]`, `["j", document]`.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, cast

import orjson

from mcp_arangodb_async.sql.schema import ColumnType, Family
from mcp_arangodb_async.sql.values import shown, whole

Kind = Literal[
    "number", "boolean", "bits", "text", "char", "date", "time", "timestamp", "binary", "json", "uuid", "any"
]  # fmt: skip
Reading = Literal[
    "number", "boolean", "text", "char", "date", "time", "timestamp", "binary", "json", "uuid", "any"
]  # fmt: skip
Reader = Callable[[Any], Any]

KINDS: Mapping[Family, Kind] = {
    "boolean": "boolean", "tinyint": "number", "smallint": "number", "integer": "number", "bigint": "number",
    "decimal": "number", "real": "number", "double": "number", "char": "char", "varchar": "text",
    "text": "text", "enum": "text", "set": "text", "xml": "text", "interval": "text", "binary": "binary",
    "varbinary": "binary", "blob": "binary", "date": "date", "time": "time", "timetz": "time",
    "timestamp": "timestamp", "timestamptz": "timestamp", "json": "json", "array": "json", "uuid": "uuid",
    "bit": "bits", "varbit": "bits", "other": "any",
}  # fmt: skip
INTEGERS = frozenset({"tinyint", "smallint", "integer", "bigint"})
TEXTS: frozenset[Kind] = frozenset({"text", "char"})
NUMBERS: frozenset[Kind] = frozenset({"number", "boolean", "bits"})
# Engines whose values always have their column's type.
STRICT = frozenset({"postgresql", "mysql", "mariadb"})
NUMERAL = re.compile(r"-?(?:0|[1-9][0-9]{0,399})(?:\.[0-9]{1,399})?")
MOMENT = re.compile(
    r"(\d{4,6}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(:\d\d)?(?:\.(\d+))?)?\s?(Z|[+-]\d\d(?::?\d\d){0,2})?"
)
CLOCK = re.compile(r"(-?\d\d+:\d\d)(:\d\d)?(?:\.(\d+))?(?:\+00(?::00)?)?")
EXACT_FLOATS = 2**53
LEAST, MOST = -(2**63), 2**64
# Numbers with more digits before or behind the point are not written out: a document may say 1e999999999.
LONGEST = 400
# The member of a document's number that JSON readers would round: no other member has such a name by chance.
ROUNDED = "\0number"


def kind_of(column: ColumnType) -> Kind:
    """What a column's type holds."""
    return KINDS[column.family]


def reading_of(kinds: Iterable[Kind]) -> Reading:
    """How values of columns with these kinds are compared with each other."""
    told = set(kinds)
    known = told - {"any"}
    rest = known - TEXTS
    if known == {"boolean"}:
        return "boolean"
    if rest and rest <= NUMBERS:
        return "number"
    if not rest:
        return "char" if "char" in known else "text" if known else "any"
    if rest <= {"date", "timestamp"}:
        return "date" if rest == {"date"} else "timestamp"
    if rest == {"json"}:
        return "json"
    if rest <= {"uuid", "binary"}:
        return "uuid" if "uuid" in rest else "binary"
    return "time" if rest == {"time"} else "any"


def reader(reading: Reading, column: ColumnType, engine: str) -> Reader | None:
    """What makes cells of a column's values; None where they are cells already."""
    strict = engine in STRICT
    if strict and reading == "number" and column.family in INTEGERS:
        return None
    if strict and reading == "text" and kind_of(column) == "text":
        return None
    if kind_of(column) == "bits" and strict:
        return bits
    if reading == "json":
        # What comes from ArangoDB is a document's part already, not the text of one.
        return attribute if engine == "arangodb" else document
    return READERS[reading]


def anything(value: Any) -> Any:
    """A value as what it is."""
    match value:
        case None | bool() | str():
            return value
        case int() | float() | Decimal():
            return number(value)
        case bytes() | bytearray():
            return ["b", base64.b64encode(value).decode()]
        case list() | tuple() | dict():
            return ["j", part(cast("Any", value))]
        case _:
            told = shown(value)
            return told if isinstance(told, str) else ["j", part(told)]


def number(value: Any) -> Any:
    """A number; of a text, only one that is written as plain as can be."""
    kind = value.__class__
    if kind is int:
        return value if LEAST <= value < MOST else ["n", str(value)]
    if kind is float:
        return real(value)
    if kind is Decimal:
        return decimal(value)
    if value is None:
        return None
    if kind is bool:
        return int(value)
    if kind is str and NUMERAL.fullmatch(value):
        return decimal(Decimal(value))
    return anything(value)


def real(value: float) -> Any:
    if not math.isfinite(value):
        return ["n", "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"]
    if -EXACT_FLOATS < value < EXACT_FLOATS:
        return int(value) if value.is_integer() else value
    return decimal(Decimal(repr(value)))


def decimal(value: Decimal) -> Any:
    if not value.is_finite():
        return ["n", "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"]
    if value and not -LONGEST <= value.adjusted() <= LONGEST:
        sign, digits, exponent = value.as_tuple()
        kept = "".join(map(str, digits)).rstrip("0")
        return ["n", f"{'-' * sign}{kept}e{int(exponent) + len(digits) - len(kept)}"]
    rounded = int(value)
    if rounded == value:
        return rounded if LEAST <= rounded < MOST else ["n", str(rounded)]
    near = float(value)
    if math.isfinite(near) and Decimal(repr(near)) == value:
        return near
    return ["n", format(value, "f").rstrip("0")]


def boolean(value: Any) -> Any:
    if value.__class__ is bool or value is None:
        return value
    return bool(value) if value.__class__ is int and value in {0, 1} else anything(value)


def bits(value: Any) -> Any:
    """Bits as the number they are: text in PostgreSQL, bytes in MariaDB."""
    if isinstance(value, str):
        return number(int(value, 2)) if value else 0
    return number(int.from_bytes(value, "big")) if isinstance(value, bytes) else number(value)


def char(value: Any) -> Any:
    return value.rstrip(" ") if value.__class__ is str else anything(value)


def moment(value: Any) -> Any:
    """A moment as `2024-02-29 12:00:00.5`, in UTC where an offset says which moment it is."""
    if value.__class__ is not str:
        return anything(value)
    if value[10:11] == " " and value[4] == "-":  # as the servers write most of them
        if len(value) == 19:
            return value
        if len(value) == 22 and value[19:] == "+00":
            return value[:19]
    found = MOMENT.fullmatch(value)
    if found is None:
        return value
    day, clock, seconds, fraction, offset = found.groups()
    fraction = (fraction or "").rstrip("0")
    whole_seconds = f"{day} {clock or '00:00'}{seconds or ':00'}"
    if offset not in {None, "Z", "+00", "+00:00", "-00", "-00:00", "+0000"}:
        try:
            at = datetime.strptime(whole_seconds, "%Y-%m-%d %H:%M:%S") - distance(cast("str", offset))  # noqa: DTZ007 - the offset is taken off here
        except (ValueError, OverflowError):
            return value
        whole_seconds = f"{at:%Y-%m-%d %H:%M:%S}".rjust(19, "0")
    return f"{whole_seconds}.{fraction}" if fraction else whole_seconds


def distance(offset: str) -> timedelta:
    """An offset from UTC: `+05:30`, `-08`, `+0545`, `+00:19:32`."""
    digits = offset[1:].replace(":", "").ljust(6, "0")
    away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:6]))
    return -away if offset[0] == "-" else away


def day(value: Any) -> Any:
    """A date; a moment that is a midnight is its date."""
    told = moment(value)
    return told.removesuffix(" 00:00:00") if told.__class__ is str else told


def clock(value: Any) -> Any:
    """A time of day, or a length of time as MariaDB has it."""
    if value.__class__ is not str:
        return anything(value)
    found = CLOCK.fullmatch(value)
    if found is None:
        return value
    fraction = (found[3] or "").rstrip("0")
    told = f"{found[1]}{found[2] or ':00'}"
    return f"{told}.{fraction}" if fraction else told


def attribute(value: Any) -> Any:
    """A part of a document that was read as JSON already."""
    return None if value is None else ["j", part(value)]


def document(value: Any) -> Any:
    """A document from its text, or an array of the driver's."""
    if value.__class__ is not str:
        return None if value is None else ["j", part(value)]
    try:
        return ["j", json.loads(value, parse_float=measured, parse_int=measured, parse_constant=str)]
    except (ValueError, RecursionError):
        return value


def measured(text: str) -> Any:
    """A number of a document, however it is written."""
    return held(number(int(text)) if text.lstrip("-").isdigit() else decimal(Decimal(text)))


def part(value: Any) -> Any:
    """A part of a document with its numbers as they are compared."""
    match value:
        case dict():
            return {str(name): part(one) for name, one in cast("dict[Any, Any]", value).items()}
        case list() | tuple():
            return [part(one) for one in cast("list[Any]", value)]
        case _:
            return held(anything(value))


def held(cell: Any) -> Any:
    """A cell inside a document."""
    match cell:
        case ["n", text]:
            return {ROUNDED: text}
        case ["b" | "j", inner]:
            return inner
        case _:
            return cell


def uuid(value: Any) -> Any:
    """A UUID however it is written or kept."""
    digits = value.hex() if isinstance(value, bytes) else value
    if digits.__class__ is not str:
        return anything(value)
    digits = digits.strip("{} ").replace("-", "").lower()
    if len(digits) != 32 or not set(digits) <= set("0123456789abcdef"):
        return anything(value)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


READERS: Mapping[Reading, Reader] = {
    "number": number, "boolean": boolean, "text": anything, "char": char, "date": day, "time": clock,
    "timestamp": moment, "binary": anything, "json": document, "uuid": uuid, "any": anything,
}  # fmt: skip


def encoded(cells: Any) -> bytes:
    """Cells as bytes: the same for the same cells, and for no others."""
    try:
        return orjson.dumps(cells, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half characters, and what is nested beyond measure
        return json.dumps(cells, sort_keys=True, separators=(",", ":")).encode()


def decoded(payload: bytes) -> Any:
    """The cells again."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)


def near(one: Any, other: Any, tolerance: Fraction) -> bool:
    """Whether two cells are the same but for so much of a number."""
    if one == other and one.__class__ is other.__class__:
        return True
    left, right = measure(one), measure(other)
    return left is not None and right is not None and abs(left - right) <= tolerance


def measure(cell: Any) -> Fraction | None:
    """The number that a cell is; None for anything else, infinities too."""
    match cell:
        case bool():
            return None
        case int() | float():
            return Fraction(str(cell))
        case ["n", str(text)] if text[-1].isdigit() and "e" not in text:
            return Fraction(text)
        case _:
            return None


def kind_of_cell(cell: Any) -> str:
    """What a cell is, in one word."""
    match cell:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float() | ["n", _]:
            return "number"
        case ["b", _]:
            return "binary"
        case ["j", _]:
            return "json"
        case _:
            return "text"


def told(cell: Any) -> Any:
    """A cell as JSON for a reader: numbers that would be rounded are text."""
    match cell:
        case bool():
            return cell
        case int():
            return whole(cell)
        case ["n" | "b", text]:
            return text
        case ["j", document]:
            return unwrapped(document)
        case _:
            return cell


def unwrapped(value: Any) -> Any:
    """A part of a document as it was."""
    match value:
        case {"\0number": text} if len(cast("dict[str, Any]", value)) == 1:
            return text
        case dict():
            return {name: unwrapped(one) for name, one in cast("dict[str, Any]", value).items()}
        case list():
            return [unwrapped(one) for one in cast("list[Any]", value)]
        case _:
            return told(value)
