"""Array functions.

https://docs.arangodb.com/3.12/aql/functions/array/
Arrays are never changed in place: they may be shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mcp_arangodb_async.engine.context import CollectionReference, FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_QUERY_ARRAY_EXPECTED,
    ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH,
    ERRORS,
    ArangoError,
)
from mcp_arangodb_async.engine.functions.numeric import MAXIMUM_RANGE
from mcp_arangodb_async.engine.functions.registry import Function, alias, asking, complain, mismatch
from mcp_arangodb_async.engine.functions.sets import distinct
from mcp_arangodb_async.engine.values import (
    Value,
    equal,
    format_number,
    hash_key,
    ordered_places,
    sort_key,
    to_integer,
    to_number,
    truthy,
)


def length(ctx: FunctionContext, value: Value | CollectionReference) -> Value:
    """LENGTH(): of an array, object, string, number as text, or collection; true counts 1."""
    if isinstance(value, list | str | dict):
        return len(value)
    if isinstance(value, CollectionReference):
        return ctx.collection_count(value.name)
    if value is None or isinstance(value, bool):
        return int(value or 0)
    return len(format_number(value))


def first(ctx: FunctionContext, values: Value) -> Value:
    """FIRST()."""
    if not isinstance(values, list):
        return complain(ctx, "FIRST", ERROR_QUERY_ARRAY_EXPECTED)
    return values[0] if values else None


def last(ctx: FunctionContext, values: Value) -> Value:
    """LAST()."""
    if not isinstance(values, list):
        return complain(ctx, "LAST", ERROR_QUERY_ARRAY_EXPECTED)
    return values[-1] if values else None


def nth(ctx: FunctionContext, values: Value, position: Value) -> Value:
    """NTH(): null outside of the array, and for negative positions."""
    if not isinstance(values, list):
        return complain(ctx, "NTH", ERROR_QUERY_ARRAY_EXPECTED)
    place = to_integer(position)
    return values[place] if 0 <= place < len(values) else None


def reverse(ctx: FunctionContext, value: Value) -> Value:
    """REVERSE(): of an array or a string."""
    if isinstance(value, list | str):
        return value[::-1]
    return complain(ctx, "REVERSE", ERROR_QUERY_ARRAY_EXPECTED)


def position(ctx: FunctionContext, values: Value, search: Value, return_index: Value = False) -> Value:
    """POSITION(): whether, or where, a value is in an array."""
    if not isinstance(values, list):
        return complain(ctx, "POSITION", ERROR_QUERY_ARRAY_EXPECTED)
    place = next((at for at, value in enumerate(values) if equal(value, search)), -1)
    return place if truthy(return_index) else place != -1


def push(ctx: FunctionContext, values: Value, value: Value, unique: Value = False) -> Value:
    """PUSH(): with the value at the end."""
    if values is None:
        return [value]
    if not isinstance(values, list):
        return mismatch(ctx, "PUSH")
    if truthy(unique) and any(equal(item, value) for item in values):
        return values
    return [*values, value]


def unshift(ctx: FunctionContext, values: Value, value: Value, unique: Value = False) -> Value:
    """UNSHIFT(): with the value at the start."""
    if values is None:
        return [value]
    if not isinstance(values, list):
        return mismatch(ctx, "UNSHIFT")
    if truthy(unique) and any(equal(item, value) for item in values):
        return values
    return [value, *values]


def pop(ctx: FunctionContext, values: Value) -> Value:
    """POP(): without the last member."""
    if values is None:
        return None
    return values[:-1] if isinstance(values, list) else mismatch(ctx, "POP")


def shift(ctx: FunctionContext, values: Value) -> Value:
    """SHIFT(): without the first member."""
    if values is None:
        return None
    return values[1:] if isinstance(values, list) else mismatch(ctx, "SHIFT")


def append(ctx: FunctionContext, values: Value, more: Value, unique: Value = False) -> Value:
    """APPEND(): with the members of another array, or one value, at the end."""
    if more is None or more == []:
        return values
    if values is None:
        return more
    if not isinstance(values, list):
        return mismatch(ctx, "APPEND")
    added: list[Any] = more if isinstance(more, list) else [more]
    ctx.charge((len(values) + len(added)) * 8)
    joined = values + added
    return distinct(joined) if truthy(unique) else joined


def slice_array(ctx: FunctionContext, values: Value, start: Value, count: Value = None) -> Value:
    """SLICE(): a negative start counts from the end, a negative count ends before that many members."""
    if not isinstance(values, list):
        return mismatch(ctx, "SLICE")
    size = len(values)
    begin = to_integer(start)
    if begin < 0:
        begin = max(0, size + begin)
    if count is None:
        return values[begin:]
    number = to_integer(count)
    return values[begin : begin + number if number >= 0 else max(0, size + number)]


def remove_value(ctx: FunctionContext, values: Value, value: Value, limit: Value = None) -> Value:
    """REMOVE_VALUE(): without a value, or without its first occurrences."""
    if values is None:
        return []
    if not isinstance(values, list):
        return mismatch(ctx, "REMOVE_VALUE")
    left = len(values) if limit is None else to_integer(limit)
    kept: list[Any] = []
    for item in values:
        if left != 0 and equal(item, value):
            left -= 1
        else:
            kept.append(item)
    return kept


def remove_values(ctx: FunctionContext, values: Value, unwanted: Value) -> Value:
    """REMOVE_VALUES(): without the members of another array."""
    if unwanted is None:
        return values
    if values is None:
        return []
    if not isinstance(values, list) or not isinstance(unwanted, list):
        return mismatch(ctx, "REMOVE_VALUES")
    exact = {hash_key(item) for item in unwanted}
    compound: list[Any] = [item for item in unwanted if isinstance(item, list | dict)]

    def unwelcome(item: Value) -> bool:
        if hash_key(item) in exact:
            return True
        return isinstance(item, list | dict) and any(equal(item, other) for other in compound)

    return [item for item in values if not unwelcome(item)]


def remove_nth(ctx: FunctionContext, values: Value, place: Value) -> Value:
    """REMOVE_NTH(): a negative position counts from the end."""
    if values is None:
        return []
    if not isinstance(values, list):
        return mismatch(ctx, "REMOVE_NTH")
    index = int(max(-(2**53), min(2**53, to_number(place))))
    if not -len(values) <= index < len(values):
        return values
    index %= len(values)
    return values[:index] + values[index + 1 :]


def replace_nth(ctx: FunctionContext, values: Value, place: Value, value: Value, *padding: Value) -> Value:
    """REPLACE_NTH(): beyond the end the array grows, if it is known with what."""
    if not isinstance(values, list):
        return mismatch(ctx, "REPLACE_NTH")
    index = to_integer(place)
    if index < 0:
        index = max(0, len(values) + index)
    if place is None or (index > len(values) and not padding) or index > MAXIMUM_RANGE:
        num = ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH
        raise ArangoError(num, ERRORS[num].message % "REPLACE_NTH")
    ctx.charge(max(index, len(values)) * 8)
    filled = values + [padding[0] if padding else None] * (index - len(values))
    return [*filled[:index], value, *filled[index + 1 :]]


def flatten(ctx: FunctionContext, values: Value, depth: Value = 1) -> Value:
    """FLATTEN(): arrays in the array replaced by their members, some levels deep."""
    if not isinstance(values, list):
        return complain(ctx, "FLATTEN", ERROR_QUERY_ARRAY_EXPECTED)
    levels = int(min(2**31, max(1, to_number(depth))))
    result: list[Any] = []
    open_arrays: list[Iterator[Any]] = [iter(values)]
    while open_arrays:
        item: Value
        for item in open_arrays[-1]:
            if isinstance(item, list) and len(open_arrays) <= levels:
                open_arrays.append(iter(item))
                break
            result.append(item)
            if not len(result) & 0xFFFF:
                ctx.check()
        else:
            open_arrays.pop()
            ctx.check()
    ctx.charge(len(result) * 8)
    return result


def interleave(ctx: FunctionContext, *arrays: Value) -> Value:
    """INTERLEAVE(): one member of each array in turn."""
    if not all(isinstance(array, list) for array in arrays):
        return complain(ctx, "INTERLEAVE", ERROR_QUERY_ARRAY_EXPECTED)
    waiting: list[list[Any]] = [array for array in arrays if isinstance(array, list) and array]
    ctx.charge(sum(map(len, waiting)) * 8)
    result: list[Any] = []
    for place in range(max(map(len, waiting), default=0)):
        result += [array[place] for array in waiting if place < len(array)]
    return result


def sort(ctx: FunctionContext, values: Value) -> Value:
    """SORTED()."""
    if not isinstance(values, list):
        return complain(ctx, "SORTED", ERROR_QUERY_ARRAY_EXPECTED)
    ctx.charge(len(values) * 100)
    places = ordered_places(list(map(sort_key, values)))
    return [values[place] for place in places]


def sort_unique(ctx: FunctionContext, values: Value) -> Value:
    """SORTED_UNIQUE(): of members that compare as equal, the first one is kept."""
    if not isinstance(values, list):
        return complain(ctx, "SORTED_UNIQUE", ERROR_QUERY_ARRAY_EXPECTED)
    ctx.charge(len(values) * 100)
    kept: dict[tuple[Any, ...], Any] = {}
    for value in values:
        kept.setdefault(sort_key(value), value)
    unique = list(kept.values())
    return [unique[place] for place in ordered_places(list(kept))]


LENGTH: Final = asking("LENGTH", "1", length, collections=(0,))
POSITION: Final = asking("POSITION", "2-3", position)

FUNCTIONS: Final[tuple[Function, ...]] = (
    LENGTH,
    alias("COUNT", LENGTH),
    asking("FIRST", "1", first),
    asking("LAST", "1", last),
    asking("NTH", "2", nth),
    asking("REVERSE", "1", reverse),
    POSITION,
    alias("CONTAINS_ARRAY", POSITION),
    asking("PUSH", "2-3", push),
    asking("UNSHIFT", "2-3", unshift),
    asking("POP", "1", pop),
    asking("SHIFT", "1", shift),
    asking("APPEND", "2-3", append),
    asking("SLICE", "2-3", slice_array),
    asking("REMOVE_VALUE", "2-3", remove_value),
    asking("REMOVE_VALUES", "2", remove_values),
    asking("REMOVE_NTH", "2", remove_nth),
    asking("REPLACE_NTH", "3-4", replace_nth),
    asking("FLATTEN", "1-2", flatten),
    asking("INTERLEAVE", "2+", interleave),
    asking("SORTED", "1", sort),
    asking("SORTED_UNIQUE", "1", sort_unique),
)
