"""What AQL's operators do, in full; generated code calls these where its fast paths do not apply.

Arithmetic is in `functions/arithmetic.py`. Comparisons never cast: other types are ordered by type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.values import Value, compare, equal, hash_key, to_integer, to_string

#: ArangoDB makes an array of a range only up to this length; FOR walks longer ones without making it.
LONGEST_RANGE = 10_000_000
#: Loops over user data look at the query's limits once per so many elements.
CHECK_EVERY = 1000
#: Numbers of a range that are made at once.
AT_ONCE = 500_000


def less(left: Value, right: Value) -> bool:
    """`left < right` in AQL's order."""
    if (type(left) is int or type(left) is float) and (type(right) is int or type(right) is float):
        return left < right
    return compare(left, right) < 0


def less_or_equal(left: Value, right: Value) -> bool:
    """`left <= right` in AQL's order."""
    if (type(left) is int or type(left) is float) and (type(right) is int or type(right) is float):
        return left <= right
    return compare(left, right) <= 0


def contains(value: Value, values: Value) -> bool:
    """`value IN values`; false unless `values` is an array."""
    if not isinstance(values, list):
        return False
    if type(value) is str:
        return value in values
    return any(equal(value, each) for each in values)


def membership(values: Value, ctx: FunctionContext | None = None) -> Callable[[Value], bool]:
    """`IN` for one list asked many times: scalars by hash, arrays and objects one by one."""
    if not isinstance(values, list):
        return _never
    scalars = frozenset(hash_key(each) for each in values if not isinstance(each, list | dict))
    nested: list[Value] = [each for each in values if isinstance(each, list | dict)]

    def contains_value(value: Value) -> bool:
        if isinstance(value, list | dict):
            return any(equal(value, each) for each in (paced(ctx, nested) if ctx else nested))
        return hash_key(value) in scalars

    return contains_value


def _never(_: Value) -> bool:
    return False


def element(base: Value, index: Value) -> Value:
    """`base[index]`: a number (or a string with one) in arrays, a string or number in objects; else null."""
    if isinstance(base, list):
        position = _position(index)
        if position is None:
            return None
        if position < 0:
            position += len(base)
        return base[position] if 0 <= position < len(base) else None
    if isinstance(base, dict):
        if isinstance(index, str):
            return base.get(index)
        if (position := _position(index)) is not None:
            return base.get(str(position))
    return None


def _position(index: Value) -> int | None:
    if isinstance(index, bool):
        return None
    if isinstance(index, int | float):
        return int(index)
    return _leading_integer(index) if isinstance(index, str) else None


def _leading_integer(text: str) -> int | None:
    text = text.strip()
    end = 1 if text[:1] in {"+", "-"} else 0
    while end < min(len(text), 20) and text[end] in "0123456789":
        end += 1
    try:
        return int(text[:end])
    except ValueError:
        return None


def bounds(low: Value, high: Value) -> range:
    """`low..high` without making the array; bounds are cut to integers, and it may run downwards."""
    first, last = to_integer(low), to_integer(high)
    return range(first, last + 1) if first <= last else range(first, last - 1, -1)


def numbers(ctx: FunctionContext, low: Value, high: Value) -> list[int]:
    """`low..high` as an array; error 32 when it would be longer than ArangoDB allows."""
    values = bounds(low, high)
    length = (values.stop - values.start) // values.step  # `len` fails beyond the machine's word
    if length > LONGEST_RANGE:
        raise ArangoError(
            errors.ERROR_RESOURCE_LIMIT,
            f"range {values.start}..{values.stop - values.step} is too long to become an array: "
            f"at most {LONGEST_RANGE} values",
        )
    ctx.charge(40 * length)  # a place in the array, and the number
    if length <= AT_ONCE:
        return list(values)
    made: list[int] = []
    for start in range(0, length + 1, AT_ONCE):
        ctx.check()
        made += values[start : start + AT_ONCE]
    return made


def in_range(value: Value, values: range) -> bool:
    """`value IN low..high`."""
    return (type(value) is int or type(value) is float) and value in values


def is_counted(found: int, total: int, quantifier: str, low: int, high: int) -> bool:
    """The verdict of `[? quantifier FILTER ..]` when `found` of `total` elements fulfil the condition."""
    match quantifier:
        case "NONE":
            return found == 0
        case "ALL":
            return found == total
        case "AT LEAST":
            return found >= low
        case "COUNT":
            return low <= found <= high
        case _:
            return found > 0


def elements(ctx: FunctionContext, value: Value, levels: int) -> Sequence[Any]:
    """What `value[*]` runs over: the elements of an array, nothing for other values; more levels flatten."""
    if not isinstance(value, list):
        return ()
    for _ in range(levels - 1):
        ctx.check()
        if not any(isinstance(each, list) for each in value):
            break
        flat: list[Any] = []
        for each in value:
            if isinstance(each, list):
                flat += each
            else:
                flat.append(each)
        ctx.charge(8 * len(flat))
        value = flat
    return value


def object_of(pairs: Iterable[tuple[Value, Value]], *, last_wins: bool = False) -> dict[str, Any]:
    """An object literal with computed keys (None: `...value`); of equal keys the first wins, or the last."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key is None:
            if isinstance(value, dict):
                made |= value
        elif last_wins:
            made[to_string(key)] = value
        else:
            made.setdefault(to_string(key), value)
    return made


def spread_array(ctx: FunctionContext, value: Value) -> list[Any]:
    """The elements that `...value` puts into an array: none, with a warning, unless it is an array."""
    if isinstance(value, list):
        ctx.charge(8 * len(value))
        return value
    ctx.warn(errors.ERROR_QUERY_ARRAY_EXPECTED, "array expected as operand of array splice")
    return []


def spread_object(ctx: FunctionContext, value: Value) -> dict[str, Any]:
    """The members that `...value` puts into an object: none, with a warning, unless it is an object."""
    if isinstance(value, dict):
        return value
    ctx.warn(errors.ERROR_QUERY_OBJECT_EXPECTED, "object expected as operand of object splice")
    return {}


def paced(ctx: FunctionContext, items: Sequence[Any]) -> Iterable[Any]:
    """The items, with a look at the query's limits every so often when there are many."""
    if len(items) <= CHECK_EVERY:
        return items
    return _checked(ctx, items)


def _checked(ctx: FunctionContext, items: Sequence[Any]) -> Iterator[Any]:
    for start in range(0, len(items), CHECK_EVERY):
        ctx.check()
        yield from items[start : start + CHECK_EVERY]


def whole_number(value: Value) -> int:
    """An operand that counts (LIMIT, AT LEAST): cut to an integer, at least 0."""
    return max(0, to_integer(value))
