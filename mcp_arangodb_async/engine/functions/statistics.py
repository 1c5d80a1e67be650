"""Functions of an array of numbers, and MIN and MAX.

https://docs.arangodb.com/3.12/aql/functions/numeric/
Null members are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_QUERY_ARRAY_EXPECTED,
    ERROR_QUERY_INVALID_ARITHMETIC_VALUE,
)
from mcp_arangodb_async.engine.functions.registry import Function, alias, asking, complain, mismatch
from mcp_arangodb_async.engine.values import (
    Number,
    Value,
    bounded,
    compare,
    finite,
    is_number,
    ordered_places,
    to_number,
)


def minimum(ctx: FunctionContext, values: Value) -> Value:
    """MIN(): the least member that is not null."""
    if not isinstance(values, list):
        return complain(ctx, "MIN", ERROR_QUERY_ARRAY_EXPECTED)
    least: Value = None
    for value in values:
        if value is not None and (least is None or compare(value, least) < 0):
            least = value
    return least


def maximum(ctx: FunctionContext, values: Value) -> Value:
    """MAX(): the greatest member."""
    if not isinstance(values, list):
        return complain(ctx, "MAX", ERROR_QUERY_ARRAY_EXPECTED)
    greatest: Value = None
    for value in values:
        if value is not None and (greatest is None or compare(value, greatest) > 0):
            greatest = value
    return greatest


def total(ctx: FunctionContext, values: Value) -> Value:
    """SUM(): null as soon as a member is no number."""
    if not isinstance(values, list):
        return complain(ctx, "SUM", ERROR_QUERY_ARRAY_EXPECTED)
    if any(value is not None and not is_number(value) for value in values):
        return None
    return whole_or_finite(sum(value for value in values if value is not None)) or 0


def whole_or_finite(number: Number) -> Number | None:
    """Return a sum or product as a value: exact within 64 bits, a double beyond, null if not finite."""
    return bounded(number) if isinstance(number, int) else finite(number)


def product(ctx: FunctionContext, values: Value) -> Value:
    """PRODUCT(): 1 for an empty array."""
    if not isinstance(values, list):
        return complain(ctx, "PRODUCT", ERROR_QUERY_ARRAY_EXPECTED)
    result: Number = 1
    for value in values:
        if value is None:
            continue
        if not is_number(value):
            return None
        factor = to_number(value)
        if isinstance(result, float) or isinstance(factor, float):
            result = float(result) * float(factor)
        else:
            result = bounded(result * factor)
    return whole_or_finite(result) or 0


def average(ctx: FunctionContext, values: Value) -> Value:
    """AVERAGE(): null for an empty array."""
    if not isinstance(values, list):
        return complain(ctx, "AVERAGE", ERROR_QUERY_ARRAY_EXPECTED)
    numbers = [value for value in values if value is not None]
    if not all(map(is_number, numbers)):
        return complain(ctx, "AVERAGE", ERROR_QUERY_ARRAY_EXPECTED)
    return finite(sum(numbers) / len(numbers)) if numbers else None


def _numbers(ctx: FunctionContext, name: str, values: Value) -> list[float] | None:
    """Return the numbers of an array, or None after a warning."""
    if not isinstance(values, list):
        return complain(ctx, name, ERROR_QUERY_ARRAY_EXPECTED)
    numbers = [value for value in values if value is not None]
    if not all(map(is_number, numbers)):
        return complain(ctx, name, ERROR_QUERY_INVALID_ARITHMETIC_VALUE)
    return [float(number) for number in numbers]


def squared_deviations(numbers: Sequence[float]) -> float:
    """Return the sum of squared deviations from the mean, by Welford's method."""
    mean = result = 0.0
    for count, number in enumerate(numbers, 1):
        delta = number - mean
        mean += delta / count
        result += delta * (number - mean)
    return result


def _spread(name: str, *, sample: bool, root: bool) -> Any:
    def call(ctx: FunctionContext, values: Value) -> Value:
        numbers = _numbers(ctx, name, values)
        if numbers is None or len(numbers) < 1 + sample:
            return None
        variance = squared_deviations(numbers) / (len(numbers) - sample)
        return finite(math.sqrt(variance) if root else variance)

    return call


def median(ctx: FunctionContext, values: Value) -> Value:
    """MEDIAN(): the mean of the middle two for an even number of members."""
    numbers = _numbers(ctx, "MEDIAN", values)
    if not numbers:
        return None
    numbers = [numbers[place] for place in ordered_places(numbers)]
    middle = len(numbers) // 2
    return finite(numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2)


def percentile(ctx: FunctionContext, values: Value, percent: Value, method: Value = "rank") -> Value:
    """PERCENTILE(): by nearest rank, or interpolated between the two nearest ones."""
    if not isinstance(values, list):
        return complain(ctx, "PERCENTILE", ERROR_QUERY_ARRAY_EXPECTED)
    if not is_number(percent) or not 0 <= (p := to_number(percent)) <= 100:
        return mismatch(ctx, "PERCENTILE")
    if method not in ("rank", "interpolation"):
        return mismatch(ctx, "PERCENTILE")
    numbers = _numbers(ctx, "PERCENTILE", values)
    if not numbers:
        return None
    numbers = [numbers[place] for place in ordered_places(numbers)]
    size = len(numbers)
    if method == "rank":
        return finite(numbers[min(max(math.ceil(p * size / 100.0), 1), size) - 1])
    place = p * (size + 1) / 100.0
    rank = math.floor(place)
    if rank >= size:
        return finite(numbers[-1])
    if rank <= 0:
        return finite(numbers[0])
    return finite(numbers[rank - 1] + (place - rank) * (numbers[rank] - numbers[rank - 1]))


AVERAGE: Final = asking("AVERAGE", "1", average)
VARIANCE: Final = asking("VARIANCE_POPULATION", "1", _spread("VARIANCE_POPULATION", sample=False, root=False))
STDDEV: Final = asking("STDDEV_POPULATION", "1", _spread("STDDEV_POPULATION", sample=False, root=True))

FUNCTIONS: Final[tuple[Function, ...]] = (
    asking("MIN", "1", minimum),
    asking("MAX", "1", maximum),
    asking("SUM", "1", total),
    asking("PRODUCT", "1", product),
    AVERAGE,
    alias("AVG", AVERAGE),
    asking("MEDIAN", "1", median),
    asking("PERCENTILE", "2-3", percentile),
    VARIANCE,
    alias("VARIANCE", VARIANCE),
    asking("VARIANCE_SAMPLE", "1", _spread("VARIANCE_SAMPLE", sample=True, root=False)),
    STDDEV,
    alias("STDDEV", STDDEV),
    asking("STDDEV_SAMPLE", "1", _spread("STDDEV_SAMPLE", sample=True, root=True)),
)
