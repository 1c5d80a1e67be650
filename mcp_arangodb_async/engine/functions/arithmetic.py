"""AQL's arithmetic operators.

Operands are cast with TO_NUMBER()'s rules. Integers stay exact within 64 bits and become doubles beyond; a
result that is no number is null with warning 1504, a division or modulus by zero null with warning 1562.
From ArangoDB 4.0 on, `+` joins strings when an operand is one: `plus` reads the context's `compat`.
"""

from __future__ import annotations

import math

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ERROR_QUERY_DIVISION_BY_ZERO, ERROR_QUERY_NUMBER_OUT_OF_RANGE
from mcp_arangodb_async.engine.values import (
    INT64_MAX,
    INT64_MIN,
    Number,
    Value,
    bounded,
    to_number,
    to_string,
)


def plus(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """Add two operands."""
    if ctx.compat != "3.12" and (isinstance(left, str) or isinstance(right, str)):
        return to_string(left) + to_string(right)
    a, b = to_number(left), to_number(right)
    return _result(ctx, a + b)


def minus(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """Subtract the right operand from the left one."""
    return _result(ctx, to_number(left) - to_number(right))


def times(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """Multiply two operands."""
    a, b = to_number(left), to_number(right)
    return _result(ctx, a * b)


def divide(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """Divide; the result is whole only if both operands are whole and it comes out even."""
    a, b = to_number(left), to_number(right)
    if b == 0:
        ctx.warn(ERROR_QUERY_DIVISION_BY_ZERO)
        return None
    if isinstance(a, int) and isinstance(b, int):
        whole, rest = divmod(a, b)
        if rest == 0:
            return bounded(whole)
    try:
        return _result(ctx, a / b)
    except OverflowError:
        ctx.warn(ERROR_QUERY_NUMBER_OUT_OF_RANGE)
        return None


def modulo(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """Return the remainder; it has the sign of the left operand, as in C."""
    a, b = to_number(left), to_number(right)
    if b == 0:
        ctx.warn(ERROR_QUERY_DIVISION_BY_ZERO)
        return None
    if isinstance(a, int) and isinstance(b, int):
        rest = abs(a) % abs(b)
        return -rest if a < 0 else rest
    return _result(ctx, math.fmod(a, b))


def negate(value: Value) -> Value:
    """Apply the unary minus."""
    number = to_number(value)
    return bounded(-number) if isinstance(number, int) else -number


def positive(value: Value) -> Value:
    """Apply the unary plus: a cast to number."""
    return to_number(value)


def _result(ctx: FunctionContext, number: Number) -> Value:
    if isinstance(number, int):
        return number if INT64_MIN <= number <= INT64_MAX else float(number)
    if math.isfinite(number):
        return number
    ctx.warn(ERROR_QUERY_NUMBER_OUT_OF_RANGE)
    return None
