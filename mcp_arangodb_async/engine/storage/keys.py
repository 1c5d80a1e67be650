"""AQL values as bytes that sort as the values do: what sorted indexes are made of.

`encode_key(a) < encode_key(b)` exactly when `compare(a, b) < 0`, and equal bytes exactly when it is 0, so
what `values.compare` says holds here: trailing nulls of an array and null attributes say nothing, and of two
objects the one with the lower of two differing attribute names is the greater.

Every encoding begins with a tag and is prefix-free, so several may follow each other in one key.

    null          10
    false, true   18, 19
    number        20, the bits of the double made sortable, and the rest of an integer beyond 2**53
    string        30, the collation key with 00 written as 00 FF, 00 00
    array         40, its elements, 00
    object        50, for each attribute by name: 01, the name with its bits inverted, the value; 00
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, cast

from mcp_arangodb_async.engine.collation import collation_key

NULL: Final = b"\x10"
_FALSE: Final = b"\x18"
_TRUE: Final = b"\x19"
_STRING: Final = b"\x30"
_ARRAY: Final = b"\x40"
_OBJECT: Final = b"\x50"
_END: Final = b"\x00"
_ATTRIBUTE: Final = b"\x01"
#: Greater than every tag: `prefix + HIGHEST` is above all keys that begin with the prefix.
HIGHEST: Final = b"\xff"

_INVERTED: Final = bytes(255 - code for code in range(256))
_EXACT: Final = 2**53
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1
#: The rest of a 64-bit integer after rounding to a double is below 2**10; written with this added.
_MIDDLE: Final = 0x8000

_pack_float: Final = struct.Struct(">d").pack
_unpack_bits: Final = struct.Struct(">Q").unpack
_pack_number: Final = struct.Struct(">BQ").pack
_pack_exact: Final = struct.Struct(">BQH").pack


def encode_key(values: Sequence[Any]) -> bytes:
    """Encode the values of an index's fields, one after the other."""
    return b"".join(map(encode_value, values))


def encode_value(value: Any) -> bytes:
    """Encode one value."""
    if isinstance(value, str):
        return _STRING + collation_key(value).replace(b"\0", b"\0\xff") + b"\0\0"
    if value is None:
        return NULL
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if isinstance(value, int | float):
        return _encode_number(value)
    if isinstance(value, list):
        return _encode_array(cast("list[Any]", value))
    return _encode_object(value)


def _encode_number(number: int | float) -> bytes:
    double = float(number)
    (bits,) = _unpack_bits(_pack_float(double + 0.0))  # adding zero makes -0.0 the same as 0
    bits = bits ^ _ALL if bits & _SIGN else bits | _SIGN
    if -_EXACT < double < _EXACT:
        return _pack_number(0x20, bits)
    rest = number - int(double) if isinstance(number, int) and abs(number) < 2**64 else 0
    return _pack_exact(0x20, bits, _MIDDLE + rest)


def _encode_array(items: list[Any]) -> bytes:
    size = len(items)
    while size and items[size - 1] is None:
        size -= 1
    return b"".join((_ARRAY, *map(encode_value, items[:size]), _END))


def _encode_object(attributes: dict[str, Any]) -> bytes:
    present = [(collation_key(name), item) for name, item in attributes.items() if item is not None]
    present.sort(key=lambda pair: pair[0])
    parts: list[bytes] = [_OBJECT]
    for name, item in present:
        parts.append(_ATTRIBUTE)
        parts.append((name.replace(b"\0", b"\0\xff") + b"\0\0").translate(_INVERTED))
        parts.append(encode_value(item))
    parts.append(_END)
    return b"".join(parts)


def successor(prefix: bytes) -> bytes | None:
    """The least key above all that begin with the prefix; None when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else None
