"""The functions of AGGREGATE, as accumulators: created for a group, fed its values, asked for the result.

https://docs.arangodb.com/3.12/aql/high-level-operations/collect/#aggregation
Unlike the functions of the same name they never warn: a value of a wrong type makes the result null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.functions.bit import bits_of
from mcp_arangodb_async.engine.functions.statistics import whole_or_finite
from mcp_arangodb_async.engine.values import Number, Value, compare, finite, hash_key, sort_key


class Accumulator(Protocol):
    """One group's running result. `add` is called once for each row, `result` once, at the end."""

    def add(self, value: Value, /) -> None:
        """Take one row's value."""
        ...

    def result(self) -> Value:
        """Return the group's result."""
        ...


class Length:
    """LENGTH, COUNT: the number of rows, whatever their values."""

    __slots__ = ("_count",)

    def __init__(self, _: FunctionContext) -> None:
        self._count = 0

    def add(self, _: Value) -> None:
        """Count a row."""
        self._count += 1

    def result(self) -> Value:
        """Return the count."""
        return self._count


class Min:
    """MIN: the least value that is not null."""

    __slots__ = ("_value",)

    def __init__(self, _: FunctionContext) -> None:
        self._value: Value = None

    def add(self, value: Value) -> None:
        """Keep the lesser value."""
        if value is not None and (self._value is None or compare(value, self._value) < 0):
            self._value = value

    def result(self) -> Value:
        """Return the least value."""
        return self._value


class Max:
    """MAX: the greatest value."""

    __slots__ = ("_value",)

    def __init__(self, _: FunctionContext) -> None:
        self._value: Value = None

    def add(self, value: Value) -> None:
        """Keep the greater value."""
        if value is not None and (self._value is None or compare(value, self._value) > 0):
            self._value = value

    def result(self) -> Value:
        """Return the greatest value."""
        return self._value


class Sum:
    """SUM: null once a value is neither number nor null; 0 without values."""

    __slots__ = ("_invalid", "_total")

    def __init__(self, _: FunctionContext) -> None:
        self._total: Number = 0
        self._invalid = False

    def add(self, value: Value) -> None:
        """Add a number."""
        kind = type(value)
        if kind is int or kind is float:
            self._total += value  # pyright: ignore[reportOperatorIssue]  # `kind` says it is a number
        elif value is not None:
            self._invalid = True

    def result(self) -> Value:
        """Return the sum."""
        return None if self._invalid else whole_or_finite(self._total)


class Average:
    """AVERAGE, AVG: null without values, or once a value is neither number nor null."""

    __slots__ = ("_count", "_invalid", "_total")

    def __init__(self, _: FunctionContext) -> None:
        self._total: Number = 0
        self._count = 0
        self._invalid = False

    def add(self, value: Value) -> None:
        """Add a number."""
        kind = type(value)
        if kind is int or kind is float:
            self._total += value  # pyright: ignore[reportOperatorIssue]  # `kind` says it is a number
            self._count += 1
        elif value is not None:
            self._invalid = True

    def result(self) -> Value:
        """Return the mean."""
        if self._invalid or self._count == 0:
            return None
        return finite(self._total / self._count)


class Spread:
    """The VARIANCE and STDDEV functions, by Welford's method."""

    __slots__ = ("_count", "_invalid", "_mean", "_root", "_sample", "_squares")

    def __init__(self, *, sample: bool, root: bool) -> None:
        self._sample = sample
        self._root = root
        self._count = 0
        self._mean = self._squares = 0.0
        self._invalid = False

    def add(self, value: Value) -> None:
        """Take a number into account."""
        if value is None or self._invalid:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._invalid = True
            return
        self._count += 1
        delta = value - self._mean
        self._mean += delta / self._count
        self._squares += delta * (value - self._mean)

    def result(self) -> Value:
        """Return variance or deviation; null for too few values."""
        if self._invalid or self._count < 1 + self._sample:
            return None
        variance = self._squares / (self._count - self._sample)
        return finite(math.sqrt(variance) if self._root else variance)


class Unique:
    """UNIQUE: the distinct values, in the order of their first occurrence."""

    __slots__ = ("_ctx", "_kept")

    def __init__(self, ctx: FunctionContext) -> None:
        self._ctx = ctx
        self._kept: dict[Hashable, Any] = {}

    def add(self, value: Value) -> None:
        """Keep a new value."""
        before = len(self._kept)
        self._kept.setdefault(hash_key(value), value)
        if len(self._kept) != before:
            self._ctx.charge(100)

    def result(self) -> Value:
        """Return the values."""
        return list(self._kept.values())


class SortedUnique:
    """SORTED_UNIQUE: the distinct values in AQL's order."""

    __slots__ = ("_ctx", "_kept")

    def __init__(self, ctx: FunctionContext) -> None:
        self._ctx = ctx
        self._kept: dict[tuple[Any, ...], Any] = {}

    def add(self, value: Value) -> None:
        """Keep a new value."""
        before = len(self._kept)
        self._kept.setdefault(sort_key(value), value)
        if len(self._kept) != before:
            self._ctx.charge(150)

    def result(self) -> Value:
        """Return the values."""
        return [self._kept[key] for key in sorted(self._kept)]


class CountDistinct:
    """COUNT_DISTINCT, COUNT_UNIQUE."""

    __slots__ = ("_ctx", "_seen")

    def __init__(self, ctx: FunctionContext) -> None:
        self._ctx = ctx
        self._seen: set[Hashable] = set()

    def add(self, value: Value) -> None:
        """Remember a value."""
        before = len(self._seen)
        self._seen.add(hash_key(value))
        if len(self._seen) != before:
            self._ctx.charge(100)

    def result(self) -> Value:
        """Return how many there are."""
        return len(self._seen)


class Push:
    """PUSH: all values, in the order of the rows."""

    __slots__ = ("_ctx", "_values")

    def __init__(self, ctx: FunctionContext) -> None:
        self._ctx = ctx
        self._values: list[Any] = []

    def add(self, value: Value) -> None:
        """Keep a value."""
        self._values.append(value)
        self._ctx.charge(8)

    def result(self) -> Value:
        """Return the values."""
        return self._values


class Bits:
    """BIT_AND, BIT_OR, BIT_XOR: null values are left out, others must be unsigned 32-bit integers."""

    __slots__ = ("_invalid", "_operate", "_value")

    def __init__(self, operate: Callable[[int, int], int]) -> None:
        self._operate = operate
        self._value: int | None = None
        self._invalid = False

    def add(self, value: Value) -> None:
        """Combine a value with the ones before."""
        if value is None or self._invalid:
            return
        number = bits_of(value)
        if number is None:
            self._invalid = True
        else:
            self._value = number if self._value is None else self._operate(self._value, number)

    def result(self) -> Value:
        """Return the combined bits."""
        return None if self._invalid else self._value


def _spread(*, sample: bool, root: bool) -> Callable[[FunctionContext], Accumulator]:
    return lambda _: Spread(sample=sample, root=root)


def _bits(operate: Callable[[int, int], int]) -> Callable[[FunctionContext], Accumulator]:
    return lambda _: Bits(operate)


AGGREGATES: Final[Mapping[str, Callable[[FunctionContext], Accumulator]]] = MappingProxyType(
    {
        "LENGTH": Length,
        "COUNT": Length,
        "MIN": Min,
        "MAX": Max,
        "SUM": Sum,
        "AVERAGE": Average,
        "AVG": Average,
        "VARIANCE": _spread(sample=False, root=False),
        "VARIANCE_POPULATION": _spread(sample=False, root=False),
        "VARIANCE_SAMPLE": _spread(sample=True, root=False),
        "STDDEV": _spread(sample=False, root=True),
        "STDDEV_POPULATION": _spread(sample=False, root=True),
        "STDDEV_SAMPLE": _spread(sample=True, root=True),
        "UNIQUE": Unique,
        "SORTED_UNIQUE": SortedUnique,
        "COUNT_DISTINCT": CountDistinct,
        "COUNT_UNIQUE": CountDistinct,
        "BIT_AND": _bits(int.__and__),
        "BIT_OR": _bits(int.__or__),
        "BIT_XOR": _bits(int.__xor__),
        "PUSH": Push,
    }
)
"""By name: what makes the accumulator of a group."""
