"""Bit functions: unsigned integers of up to 32 bits.

https://docs.arangodb.com/3.12/aql/functions/bit/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.functions.registry import Function, asking, mismatch
from mcp_arangodb_async.engine.values import Value

MAXIMUM_BITS: Final = 32
MAXIMUM_VALUE: Final = 2**MAXIMUM_BITS - 1


def bits_of(value: Value) -> int | None:
    """Return the value as an unsigned 32-bit integer (a fraction is cut off), None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAXIMUM_VALUE:
        return None
    return int(value)


def _small(value: Value, limit: int = MAXIMUM_BITS) -> int | None:
    number = bits_of(value)
    return None if number is None or number > limit else number


def _combine(name: str, operate: Callable[[int, int], int]) -> Callable[..., Value]:
    def call(ctx: FunctionContext, value: Value, *others: Value) -> Value:
        if others:
            values = [value, *others]
        elif isinstance(value, list):
            values = [item for item in value if item is not None]
        else:
            return mismatch(ctx, name)
        result: int | None = None
        for item in values:
            number = bits_of(item)
            if number is None:
                return mismatch(ctx, name)
            result = number if result is None else operate(result, number)
        return result

    return call


def negate(ctx: FunctionContext, value: Value, width: Value) -> Value:
    """BIT_NEGATE(): invert the lower bits."""
    number, bits = bits_of(value), _small(width)
    if number is None or bits is None:
        return mismatch(ctx, "BIT_NEGATE")
    return ~number & ((1 << bits) - 1)


def test(ctx: FunctionContext, value: Value, index: Value) -> Value:
    """BIT_TEST(): whether a bit is set; bits count from 0."""
    number, place = bits_of(value), _small(index, MAXIMUM_BITS - 1)
    if number is None or place is None:
        return mismatch(ctx, "BIT_TEST")
    return bool(number >> place & 1)


def popcount(ctx: FunctionContext, value: Value) -> Value:
    """BIT_POPCOUNT(): how many bits are set."""
    number = bits_of(value)
    return mismatch(ctx, "BIT_POPCOUNT") if number is None else number.bit_count()


def shift_left(ctx: FunctionContext, value: Value, shift: Value, width: Value) -> Value:
    """BIT_SHIFT_LEFT()."""
    number, places, bits = bits_of(value), _small(shift), _small(width)
    if number is None or places is None or bits is None:
        return mismatch(ctx, "BIT_SHIFT_LEFT")
    return number << places & ((1 << bits) - 1)


def shift_right(ctx: FunctionContext, value: Value, shift: Value, width: Value) -> Value:
    """BIT_SHIFT_RIGHT()."""
    number, places, bits = bits_of(value), _small(shift), _small(width)
    if number is None or places is None or bits is None:
        return mismatch(ctx, "BIT_SHIFT_RIGHT")
    return number >> places & ((1 << bits) - 1)


def construct(ctx: FunctionContext, positions: Value) -> Value:
    """BIT_CONSTRUCT(): the number with the bits at these positions set."""
    if not isinstance(positions, list):
        return mismatch(ctx, "BIT_CONSTRUCT")
    result = 0
    for position in positions:
        place = _small(position, MAXIMUM_BITS - 1)
        if place is None:
            return mismatch(ctx, "BIT_CONSTRUCT")
        result |= 1 << place
    return result


def deconstruct(ctx: FunctionContext, value: Value) -> Value:
    """BIT_DECONSTRUCT(): the positions of the bits that are set."""
    number = bits_of(value)
    if number is None:
        return mismatch(ctx, "BIT_DECONSTRUCT")
    return [place for place in range(MAXIMUM_BITS) if number >> place & 1]


def as_string(ctx: FunctionContext, value: Value, width: Value) -> Value:
    """BIT_TO_STRING(): the lower bits as zeros and ones."""
    number, bits = bits_of(value), _small(width)
    if number is None or bits is None:
        return mismatch(ctx, "BIT_TO_STRING")
    return "".join("1" if number >> place & 1 else "0" for place in reversed(range(bits)))


def from_string(ctx: FunctionContext, text: Value) -> Value:
    """BIT_FROM_STRING(): the number that zeros and ones stand for."""
    if not isinstance(text, str) or len(text) > MAXIMUM_BITS or set(text) - {"0", "1"}:
        return mismatch(ctx, "BIT_FROM_STRING")
    return int(text or "0", 2)


FUNCTIONS: Final[tuple[Function, ...]] = (
    asking("BIT_AND", "1-2", _combine("BIT_AND", int.__and__)),
    asking("BIT_OR", "1-2", _combine("BIT_OR", int.__or__)),
    asking("BIT_XOR", "1-2", _combine("BIT_XOR", int.__xor__)),
    asking("BIT_NEGATE", "2", negate),
    asking("BIT_TEST", "2", test),
    asking("BIT_POPCOUNT", "1", popcount),
    asking("BIT_SHIFT_LEFT", "3", shift_left),
    asking("BIT_SHIFT_RIGHT", "3", shift_right),
    asking("BIT_CONSTRUCT", "1", construct),
    asking("BIT_DECONSTRUCT", "1", deconstruct),
    asking("BIT_TO_STRING", "2", as_string),
    asking("BIT_FROM_STRING", "1", from_string),
)
