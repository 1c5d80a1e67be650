"""AQL's values: type order, comparison, equality, truth, casts, and their JSON.

A value is plain Python: None, bool, int, float, str, list or dict. Values are shared between rows and
documents, so nothing here or elsewhere changes one in place. NaN and the infinities are no values:
`finite()` turns them into null where a computation may have made one.

Two relations that look alike are kept apart, as ArangoDB keeps them apart:

* `compare` and `sort_key` order strings by collation, `equal` compares them byte by byte. All three let a
  missing array element or attribute count as null, so `[1] == [1, null]` and `{} == {a: null}`.
* `hash_key` is what DISTINCT, COLLECT and the set functions group by. There `{}` and `{a: null}` differ.

Rules: https://docs.arangodb.com/3.12/aql/fundamentals/type-and-value-order/ and
https://docs.arangodb.com/3.12/aql/functions/type-check-and-cast/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from typing import Any, Final, TypeAlias

import orjson

from mcp_arangodb_async.engine.collation import collation_key
from mcp_arangodb_async.engine.collector import uncollected
from mcp_arangodb_async.engine.errors import ERROR_HTTP_CORRUPTED_JSON, ERROR_RESOURCE_LIMIT, ArangoError

Value: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
Number: TypeAlias = int | float

NULL: Final = 0
BOOL: Final = 1
NUMBER: Final = 2
STRING: Final = 3
ARRAY: Final = 4
OBJECT: Final = 5

_ORDER: Final = {
    type(None): NULL,
    bool: BOOL,
    int: NUMBER,
    float: NUMBER,
    str: STRING,
    list: ARRAY,
    dict: OBJECT,
}
_NAMES: Final = ("null", "bool", "number", "string", "array", "object")

INT64_MAX: Final = 2**63 - 1
INT64_MIN: Final = -(2**63)
EXACT_FLOAT: Final = 2**53
#: How deep documents and other values from outside may be nested; the encoder ends at 254 levels.
MAX_JSON_DEPTH: Final = 250
_LARGE_TEXT: Final = 64 * 1024


def type_order(value: Value) -> int:
    """Return the rank of the value's type: null, bool, number, string, array, object."""
    return _ORDER[type(value)]


def type_name(value: Value) -> str:
    """Return the type's name as TYPENAME() prints it."""
    return _NAMES[_ORDER[type(value)]]


def is_number(value: Value) -> bool:
    """Say whether the value is a number; a bool is none."""
    kind = type(value)
    return kind is int or kind is float


def compare(left: Value, right: Value) -> int:
    """Return -1, 0 or 1 by AQL's order; strings by collation, missing parts as null."""
    rank = _ORDER[type(left)]
    other = _ORDER[type(right)]
    if rank != other:
        return -1 if rank < other else 1
    if rank == NULL:
        return 0
    if isinstance(left, list) and isinstance(right, list):
        return _compare_arrays(left, right)
    if isinstance(left, dict) and isinstance(right, dict):
        return _compare_objects(left, right)
    if isinstance(left, str) and isinstance(right, str):
        if left == right:
            return 0
        return -1 if collation_key(left) < collation_key(right) else 1
    if left == right:
        return 0
    return -1 if left < right else 1  # pyright: ignore[reportOperatorIssue]  # equal ranks: both bool or both number


def _compare_arrays(left: list[Any], right: list[Any]) -> int:
    for a, b in zip(left, right, strict=False):
        result = compare(a, b)
        if result:
            return result
    shared = min(len(left), len(right))
    if any(item is not None for item in left[shared:]):
        return 1
    if any(item is not None for item in right[shared:]):
        return -1
    return 0


def _compare_objects(left: dict[str, Any], right: dict[str, Any]) -> int:
    for name in sorted(left.keys() | right.keys(), key=collation_key):
        result = compare(left.get(name), right.get(name))
        if result:
            return result
    return 0


def equal(left: Value, right: Value) -> bool:
    """Say whether `left == right` in AQL: strings byte by byte, 1 equals 1.0, true does not equal 1."""
    kind = type(left)
    if kind is type(right) and kind is not list and kind is not dict:
        return left == right
    if _ORDER[kind] != _ORDER[type(right)]:
        return False
    if isinstance(left, list) and isinstance(right, list):
        if any(not equal(a, b) for a, b in zip(left, right, strict=False)):
            return False
        longer = left if len(left) > len(right) else right
        return all(item is None for item in longer[min(len(left), len(right)) :])
    if isinstance(left, dict) and isinstance(right, dict):
        return all(equal(left.get(name), right.get(name)) for name in left.keys() | right.keys())
    return left == right


def truthy(value: Value) -> bool:
    """Say whether the value counts as true: empty arrays and objects do."""
    if isinstance(value, list | dict):
        return True
    return bool(value)


def to_bool(value: Value) -> bool:
    """Cast to bool, as TO_BOOL() does."""
    return truthy(value)


# What C's strtod() accepts, which is what ArangoDB uses: hexadecimal, and a bare point on either side.
_NUMERAL: Final = re.compile(
    r"[ \t\n\r\f\v]*([+-]?)(?:(0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?)"
    r"|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))[ \t\r\n\f]*\Z"
)

_LEADING_DIGITS: Final = re.compile(r"\s*[+-]?[0-9]{1,4000}")


def to_number(value: Value) -> Number:
    """Cast to a number, as TO_NUMBER() and arithmetic do; whatever has no numeric reading is 0."""
    while isinstance(value, list):
        if len(value) != 1:
            return 0
        value = value[0]
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return _number_in(value)
    return 0


def _number_in(text: str) -> Number:
    match = _NUMERAL.match(text)
    if match is None:
        return 0
    sign, hexadecimal, decimal = match.groups()
    try:
        number = float.fromhex(hexadecimal) if hexadecimal else float(decimal)
    except OverflowError:
        return 0
    return finite(-number if sign == "-" else number) or 0


def finite(number: float) -> Number | None:
    """Return a computed number as a value: whole numbers as int, NaN and the infinities as null."""
    if not math.isfinite(number):
        return None
    if -EXACT_FLOAT < number < EXACT_FLOAT and number == (whole := int(number)):
        return whole
    return number


def bounded(number: int) -> Number:
    """Return an integer result as a value: outside of 64 bits it becomes a double."""
    if INT64_MIN <= number <= INT64_MAX:
        return number
    return float(number)


def to_integer(value: Value) -> int:
    """Cast to a 64-bit integer, as positions and lengths are read; a string counts by its leading digits."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        match = _LEADING_DIGITS.match(value)
        return max(INT64_MIN, min(INT64_MAX, int(match[0]))) if match else 0
    number = to_number(value)
    if isinstance(number, float):
        number = INT64_MAX if number >= INT64_MAX else INT64_MIN if number <= INT64_MIN else int(number)
    return max(INT64_MIN, min(INT64_MAX, number))


def to_list(value: Value) -> list[Any]:
    """Cast to an array, as TO_ARRAY() does: null is empty, an object gives its values, others are wrapped."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return list(value.values())
    return [value]


def to_string(value: Value) -> str:
    """Cast to a string, as TO_STRING() and CONCAT() do: null is empty, arrays and objects are their JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | float):
        return format_number(value)
    return json_text(value)


def format_number(number: Number) -> str:
    """Print a number the way ArangoDB does: shortest digits that read back, exponents as in 1.5e-10.

    With n digits d and an exponent K, so that the number is d * 10**K: whole numbers of up to n + 7 digits
    and numbers with K above -7, or close to 1, are written out.
    """
    if isinstance(number, int):
        return str(number)
    sign = "-" if math.copysign(1.0, number) < 0 else ""
    mantissa, _, exponent = f"{_shortest(abs(number))}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) - len(fraction)
    stripped = digits.rstrip("0")
    power += len(digits) - len(stripped)
    if not stripped:
        return sign + "0"
    count = len(stripped)
    magnitude = power + count - 1
    if power >= 0 and abs(magnitude) < count + 7:
        return sign + stripped + "0" * power
    if power < 0 and (power > -7 or abs(magnitude) < 4):
        point = count + power
        if point <= 0:
            return f"{sign}0.{'0' * -point}{stripped}"
        return f"{sign}{stripped[:point]}.{stripped[point:]}"
    tail = f".{stripped[1:]}" if count > 1 else ""
    return f"{sign}{stripped[0]}{tail}e{'-' if magnitude < 0 else '+'}{abs(magnitude)}"


def _shortest(number: float) -> str:
    return repr(number)


def json_text(value: Value) -> str:
    """Print a value as compact JSON with numbers in ArangoDB's format, as JSON_STRINGIFY() does."""
    if isinstance(value, str):
        return orjson.dumps(value).decode()
    if isinstance(value, list):
        return f"[{','.join(map(json_text, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(name)}:{json_text(item)}" for name, item in value.items()) + "}"
    return "null" if value is None else to_string(value)


def sort_key(value: Value) -> tuple[Any, ...]:
    """Return a key that Python orders as `compare` orders the values: for `list.sort(key=sort_key)`.

    Trailing nulls and null attributes say nothing, so they are left out. Of two objects, the one that has the
    lower of two differing attribute names is the greater (the other has null there), so names are inverted.
    """
    if isinstance(value, str):
        return (STRING, collation_key(value))
    if isinstance(value, list):
        size = len(value)
        while size and value[size - 1] is None:
            size -= 1
        return (ARRAY, *map(sort_key, value[:size]))
    if isinstance(value, dict):
        present = [(collation_key(name), item) for name, item in value.items() if item is not None]
        present.sort(key=_first)
        parts: list[Any] = [OBJECT]
        for name, item in present:
            parts.append(name.translate(_INVERTED) + b"\xff")
            parts.append(sort_key(item))
        return tuple(parts)
    if value is None:
        return (NULL,)
    return (_ORDER[type(value)], value)


# Keys sorted at once: a tenth of a second.
_RUN: Final = 100_000
_INVERTED: Final = bytes(255 - code for code in range(256))


def _first(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]


def ordered_places(keys: Sequence[Any], *, reverse: bool = False) -> list[int]:
    """Return the places of keys in order, equal ones as they stand.

    A query cannot be stopped while Python sorts a list, only between two sorts. Python merges quickly what is
    in order already, so runs are sorted first and put together two by two.
    """
    size = len(keys)
    runs = [
        sorted(range(start, min(start + _RUN, size)), key=keys.__getitem__, reverse=reverse)
        for start in range(0, size, _RUN)
    ]
    while len(runs) > 1:
        joined: list[list[int]] = []
        for at in range(0, len(runs), 2):
            pair = [*runs[at], *(runs[at + 1] if at + 1 < len(runs) else ())]
            joined.append(sorted(pair, key=keys.__getitem__, reverse=reverse))
        runs = joined
    return runs[0] if runs else []


def hash_key(value: Value) -> Hashable:
    """Return a hashable key: equal keys mean the same group; 1 and 1.0 share one, 1 and true do not.

    Stricter than `equal` in one respect: `{}` and `{a: null}` have different keys, as have `[1]` and
    `[1, null]`.
    """
    kind = type(value)
    if kind is str or kind is int or kind is float or value is None:
        return value  # pyright: ignore[reportReturnType]  # the four scalar types are hashable; the checker cannot see `kind`
    if isinstance(value, list):
        return (ARRAY, *map(hash_key, value))
    if isinstance(value, dict):
        return (OBJECT, frozenset((name, hash_key(item)) for name, item in value.items()))
    return (BOOL, value)


# A float that orjson prints with a fraction of zero; ArangoDB prints such a number without one.
_WHOLE_FLOAT: Final = re.compile(rb"\.0(?:[,}\]]|\Z)")
has_whole_float: Final = _WHOLE_FLOAT.search
"""Whether what orjson has written, of one value or several, may have to be written by `encode_json`."""


def encode_json(value: Value) -> bytes:
    """Encode a value as JSON bytes; whole doubles are written as integers and NaN or infinities as null.

    Raises 32 for values that are nested too deeply to be written.
    """
    try:
        encoded = orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, or too many levels
        if depth_exceeds(value, MAX_JSON_DEPTH):
            raise ArangoError(
                ERROR_RESOURCE_LIMIT, f"a value is nested more than {MAX_JSON_DEPTH} levels deep"
            ) from None
        return orjson.dumps(_plain(value))
    if _WHOLE_FLOAT.search(encoded):
        return orjson.dumps(_plain(value))
    return encoded


def _plain(value: Value) -> Value:
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and not INT64_MIN <= value < 2**64:
        return float(value)
    return value


def decode_json(data: bytes | bytearray | memoryview | str) -> Value:
    """Decode JSON text; malformed or too deeply nested text is error 600."""
    value = decode_documents(data)
    if isinstance(data, bytes) and data.count(b"[") + data.count(b"{") <= MAX_JSON_DEPTH:
        return value
    if depth_exceeds(value, MAX_JSON_DEPTH):
        raise ArangoError(ERROR_HTTP_CORRUPTED_JSON, f"invalid JSON: more than {MAX_JSON_DEPTH} levels deep")
    return value


def decode_documents(data: bytes | bytearray | memoryview | str) -> Value:
    """Decode JSON text as `decode_json` does, for values whose depth is checked when they are stored."""
    try:
        if len(data) < _LARGE_TEXT:
            return orjson.loads(data)
        with uncollected():
            return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ArangoError(ERROR_HTTP_CORRUPTED_JSON, f"invalid JSON: {error}") from error


def depth_exceeds(value: Value, limit: int) -> bool:
    """Say whether arrays and objects are nested deeper than `limit`; takes no stack however deep they are."""
    level: list[list[Any] | dict[str, Any]] = [value] if isinstance(value, list | dict) else []
    for _ in range(limit):
        deeper: list[Any] = []
        for item in level:
            parts: list[Any] = list(item.values()) if isinstance(item, dict) else item
            deeper += [part for part in parts if type(part) is list or type(part) is dict]
        level = deeper
        if not level:
            break
    return bool(level)
