"""Arrays as sets.

https://docs.arangodb.com/3.12/aql/functions/array/
ArangoDB leaves the order of most results open; here members stay in the order in which they first occur.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_QUERY_ARRAY_EXPECTED,
    ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH,
    ERRORS,
)
from mcp_arangodb_async.engine.functions.registry import Function, alias, asking, complain
from mcp_arangodb_async.engine.values import Value, hash_key


def _arrays(ctx: FunctionContext, name: str, arguments: Sequence[Value], num: int) -> list[list[Any]] | None:
    """Return the arguments as arrays, None after a warning that one is none."""
    arrays: list[list[Any]] = []
    for argument in arguments:
        if not isinstance(argument, list):
            if num == ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH:
                ctx.warn(num, ERRORS[num].message % name)
                return None
            return complain(ctx, name, num)
        arrays.append(argument)
    ctx.charge(sum(map(len, arrays)) * 60)
    return arrays


def unique(ctx: FunctionContext, values: Value) -> Value:
    """UNIQUE()."""
    arrays = _arrays(ctx, "UNIQUE", [values], ERROR_QUERY_ARRAY_EXPECTED)
    return None if arrays is None else distinct(arrays[0])


def distinct(values: Sequence[Any]) -> list[Any]:
    """Return the values without repetitions, each where it first occurs."""
    kept: dict[Hashable, Any] = {}
    for value in values:
        kept.setdefault(hash_key(value), value)
    return list(kept.values())


def count_distinct(ctx: FunctionContext, values: Value) -> Value:
    """COUNT_DISTINCT()."""
    arrays = _arrays(ctx, "COUNT_DISTINCT", [values], ERROR_QUERY_ARRAY_EXPECTED)
    return None if arrays is None else len(set(map(hash_key, arrays[0])))


def union(ctx: FunctionContext, *arguments: Value) -> Value:
    """UNION(): all members of all arrays."""
    arrays = _arrays(ctx, "UNION", arguments, ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH)
    return None if arrays is None else [value for array in arrays for value in array]


def union_distinct(ctx: FunctionContext, *arguments: Value) -> Value:
    """UNION_DISTINCT(): all members of all arrays, each once."""
    arrays = _arrays(ctx, "UNION_DISTINCT", arguments, ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH)
    return None if arrays is None else distinct([value for array in arrays for value in array])


def intersection(ctx: FunctionContext, *arguments: Value) -> Value:
    """INTERSECTION(): the members that all arrays have."""
    arrays = _arrays(ctx, "INTERSECTION", arguments, ERROR_QUERY_ARRAY_EXPECTED)
    if arrays is None:
        return None
    others = [set(map(hash_key, array)) for array in arrays[1:]]
    return [value for value in distinct(arrays[0]) if all(hash_key(value) in other for other in others)]


def minus(ctx: FunctionContext, *arguments: Value) -> Value:
    """MINUS(): the members of the first array that no other array has."""
    arrays = _arrays(ctx, "MINUS", arguments, ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH)
    if arrays is None:
        return None
    removed = {hash_key(value) for array in arrays[1:] for value in array}
    return [value for value in distinct(arrays[0]) if hash_key(value) not in removed]


def outersection(ctx: FunctionContext, *arguments: Value) -> Value:
    """OUTERSECTION(): the members that occur only once in all arrays together."""
    arrays = _arrays(ctx, "OUTERSECTION", arguments, ERROR_QUERY_ARRAY_EXPECTED)
    if arrays is None:
        return None
    counts: dict[Hashable, int] = {}
    for array in arrays:
        for value in array:
            key = hash_key(value)
            counts[key] = counts.get(key, 0) + 1
    return [value for array in arrays for value in array if counts[hash_key(value)] == 1]


def jaccard(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """JACCARD(): the size of the intersection divided by that of the union; 1 for two empty arrays."""
    arrays = _arrays(ctx, "JACCARD", [left, right], ERROR_QUERY_ARRAY_EXPECTED)
    if arrays is None:
        return None
    a, b = set(map(hash_key, arrays[0])), set(map(hash_key, arrays[1]))
    return len(a & b) / len(a | b) if a or b else 1


COUNT_DISTINCT: Final = asking("COUNT_DISTINCT", "1", count_distinct)

FUNCTIONS: Final[tuple[Function, ...]] = (
    asking("UNIQUE", "1", unique),
    COUNT_DISTINCT,
    alias("COUNT_UNIQUE", COUNT_DISTINCT),
    asking("UNION", "2+", union),
    asking("UNION_DISTINCT", "2+", union_distinct),
    asking("INTERSECTION", "2+", intersection),
    asking("MINUS", "2+", minus),
    asking("OUTERSECTION", "2+", outersection),
    asking("JACCARD", "2", jaccard),
)
