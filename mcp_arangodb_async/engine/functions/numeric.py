"""Numeric functions of single values.

https://docs.arangodb.com/3.12/aql/functions/numeric/
Arguments are cast to numbers; what has no finite answer is null.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_QUERY_NUMBER_OUT_OF_RANGE,
    ERROR_RESOURCE_LIMIT,
    ArangoError,
)
from mcp_arangodb_async.engine.functions.registry import Function, alias, asking, complain, mismatch, plain
from mcp_arangodb_async.engine.values import (
    INT64_MAX,
    INT64_MIN,
    Number,
    Value,
    bounded,
    finite,
    is_number,
    to_integer,
    to_number,
)

MAXIMUM_RANGE: Final = 10_000_000
"""How many members a range may have when it is written out as an array; ArangoDB's limit."""


def _real(compute: Callable[[float], float]) -> Callable[[Value], Value]:
    """Make an AQL function of a mathematical one; outside of its domain the answer is null."""

    def call(value: Value) -> Value:
        try:
            return finite(compute(float(to_number(value))))
        except (ValueError, OverflowError):
            return None

    return call


def _rounded(whole: Callable[[float], float]) -> Callable[[Value], Value]:
    """Make an AQL function of a rounding one; integers stay as they are."""

    def call(value: Value) -> Value:
        number = to_number(value)
        return number if isinstance(number, int) else _integral(whole(number))

    return call


def _integral(number: float) -> Number:
    whole = int(number)
    return whole if INT64_MIN <= whole <= INT64_MAX else number


def absolute(value: Value) -> Value:
    """ABS()."""
    number = to_number(value)
    return bounded(abs(number)) if isinstance(number, int) else abs(number)


def power(base: Value, exponent: Value) -> Value:
    """POW(): null where the result is not real or not finite; anything to the power of 0 is 1."""
    try:
        result = math.pow(float(to_number(base)), float(to_number(exponent)))
    except (ValueError, OverflowError):
        return None
    return finite(result)


def arctangent(y: Value, x: Value) -> Value:
    """ATAN2()."""
    return finite(math.atan2(to_number(y), to_number(x)))


def pi() -> Value:
    """PI()."""
    return math.pi


def rand(ctx: FunctionContext) -> Value:
    """RAND()."""
    return ctx.random()


def range_array(ctx: FunctionContext, start: Value, stop: Value, step: Value = None) -> Value:
    """RANGE(): without a step the bounds are cut to integers, and the range may run downwards."""
    if step is None:
        first, last = to_integer(start), to_integer(stop)
        _limit(ctx, abs(last - first))
        return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))
    low, high, increment = to_number(start), to_number(stop), to_number(step)
    if increment == 0 or (low < high and increment < 0) or (low > high and increment > 0):
        return mismatch(ctx, "RANGE")
    _limit(ctx, abs((high - low) / increment))
    result: list[Any] = []
    current: Number = low
    while current <= high if increment > 0 else current >= high:
        result.append(finite(float(current)))
        if current + increment == current:
            # The step is lost in the number's last digits; it would never arrive.
            return mismatch(ctx, "RANGE")
        current += increment
    return result


def _limit(ctx: FunctionContext, size: Number) -> None:
    if not size <= MAXIMUM_RANGE:
        raise ArangoError(
            ERROR_RESOURCE_LIMIT,
            f"range of {size:.0f} values is too big to be an array; at most {MAXIMUM_RANGE}",
        )
    ctx.charge(int(size) * 40)


_Decay = Callable[[float, float, float, float], Callable[[float], float]]


def _decay(name: str, curve: _Decay) -> Callable[..., Value]:
    """Make a DECAY function: argument checks are the same for all, the curve is not."""

    def call(
        ctx: FunctionContext, value: Value, origin: Value, scale: Value, offset: Value, decay: Value
    ) -> Value:
        parameters = (origin, scale, offset, decay)
        if not (isinstance(value, list) or is_number(value)) or not all(map(is_number, parameters)):
            return mismatch(ctx, name)
        o, s, f, d = (float(to_number(parameter)) for parameter in parameters)
        if s <= 0 or f < 0 or not 0 < d < 1:
            return complain(ctx, name, ERROR_QUERY_NUMBER_OUT_OF_RANGE)
        score = curve(o, s, f, d)
        if not isinstance(value, list):
            return finite(score(float(to_number(value))))
        if not all(map(is_number, value)):
            return mismatch(ctx, name)
        return [finite(score(float(to_number(item)))) for item in value]

    return call


def _gauss(origin: float, scale: float, offset: float, decay: float) -> Callable[[float], float]:
    variance = -(scale * scale) / (2 * math.log(decay))
    return lambda value: math.exp(-(max(0.0, abs(value - origin) - offset) ** 2) / (2 * variance))


def _exponential(origin: float, scale: float, offset: float, decay: float) -> Callable[[float], float]:
    rate = math.log(decay) / scale
    return lambda value: math.exp(rate * max(0.0, abs(value - origin) - offset))


def _linear(origin: float, scale: float, offset: float, decay: float) -> Callable[[float], float]:
    reach = scale / (1.0 - decay)
    return lambda value: max((reach - max(0.0, abs(value - origin) - offset)) / reach, 0.0)


def _binary_exponential(value: float) -> float:
    return math.pow(2.0, value)


RAND: Final = asking("RAND", "0", rand, deterministic=False, cacheable=False)

FUNCTIONS: Final[tuple[Function, ...]] = (
    plain("ABS", "1", absolute),
    plain("ACOS", "1", _real(math.acos)),
    plain("ASIN", "1", _real(math.asin)),
    plain("ATAN", "1", _real(math.atan)),
    plain("ATAN2", "2", arctangent),
    plain("CEIL", "1", _rounded(math.ceil)),
    plain("COS", "1", _real(math.cos)),
    plain("DEGREES", "1", _real(lambda radians: radians * (180.0 / math.pi))),
    plain("EXP", "1", _real(math.exp)),
    plain("EXP2", "1", _real(_binary_exponential)),
    plain("FLOOR", "1", _rounded(math.floor)),
    plain("LOG", "1", _real(math.log)),
    plain("LOG2", "1", _real(math.log2)),
    plain("LOG10", "1", _real(math.log10)),
    plain("PI", "0", pi),
    plain("POW", "2", power),
    plain("RADIANS", "1", _real(lambda degrees: degrees * (math.pi / 180.0))),
    plain("ROUND", "1", _rounded(lambda number: math.floor(number + 0.5))),
    plain("SIN", "1", _real(math.sin)),
    plain("SQRT", "1", _real(math.sqrt)),
    plain("TAN", "1", _real(math.tan)),
    RAND,
    alias("RANDOM", RAND),
    asking("RANGE", "2-3", range_array),
    asking("DECAY_GAUSS", "5", _decay("DECAY_GAUSS", _gauss)),
    asking("DECAY_EXP", "5", _decay("DECAY_EXP", _exponential)),
    asking("DECAY_LINEAR", "5", _decay("DECAY_LINEAR", _linear)),
)
