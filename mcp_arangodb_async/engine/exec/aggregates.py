"""Aggregates of COLLECT and WINDOW: values go in one by one, the result comes out at the end.

As in ArangoDB, null does not count for any but LENGTH, UNIQUE, COUNT_DISTINCT and PUSH, and a value that
is no number makes the result of a numeric aggregate null, without a warning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any, Protocol

from mcp_arangodb_async.engine.values import (
    Number,
    Value,
    bounded,
    compare,
    finite,
    hash_key,
    ordered_places,
    sort_key,
)

BITS = 0xFFFFFFFF
#: Values kept between two additions to the query's memory, and about how many bytes each takes.
HELD_STEP = 64
HELD_BYTES = 100
#: Tells the query of bytes that an aggregate keeps.
Hold = Callable[[int], None]


class Aggregator(Protocol):
    """The state of one aggregate over one group."""

    def add(self, value: Value) -> None:
        """Take a value in."""
        ...

    def result(self) -> Value:
        """The aggregate of what was taken in so far."""
        ...


class Length:
    """How many rows."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def add(self, value: Value) -> None:  # noqa: ARG002  # every row counts, whatever its value
        self.count += 1

    def result(self) -> Value:
        return self.count


class Sum:
    """The sum; 0 of nothing."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total: Number = 0

    def add(self, value: Value) -> None:
        self.total += addend(value)

    def result(self) -> Value:
        return sum_result(self.total)


class Average:
    """The mean; null of nothing."""

    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.total: Number = 0
        self.count = 0

    def add(self, value: Value) -> None:
        self.total += addend(value)
        self.count += value is not None

    def result(self) -> Value:
        return average_result(self.total, self.count)


class Min:
    """The least value that is not null."""

    __slots__ = ("least",)

    def __init__(self) -> None:
        self.least: Value = None

    def add(self, value: Value) -> None:
        if value is not None and (self.least is None or compare(value, self.least) < 0):
            self.least = value

    def result(self) -> Value:
        return self.least


class Max:
    """The greatest value."""

    __slots__ = ("greatest",)

    def __init__(self) -> None:
        self.greatest: Value = None

    def add(self, value: Value) -> None:
        if value is not None and (self.greatest is None or compare(value, self.greatest) > 0):
            self.greatest = value

    def result(self) -> Value:
        return self.greatest


class Variance:
    """The variance, or its root; `ddof` 1 for a sample. Welford's method: one pass, no cancellation."""

    __slots__ = ("count", "ddof", "is_root", "mean", "squares")

    def __init__(self, *, ddof: int, is_root: bool) -> None:
        self.ddof = ddof
        self.is_root = is_root
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, value: Value) -> None:
        if value is None:
            return
        number = addend(value)
        self.count += 1
        delta = number - self.mean
        self.mean += delta / self.count
        self.squares += delta * (number - self.mean)

    def result(self) -> Value:
        if self.count <= self.ddof:
            return None
        variance = self.squares / (self.count - self.ddof)
        if math.isnan(variance):
            return None
        return finite(math.sqrt(variance) if self.is_root else variance)


class Unique:
    """The different values, in the order in which they came, or sorted."""

    __slots__ = ("hold", "is_sorted", "values")

    def __init__(self, hold: Hold, *, is_sorted: bool = False) -> None:
        self.hold = hold
        self.is_sorted = is_sorted
        self.values: dict[Hashable, Value] = {}

    def add(self, value: Value) -> None:
        key = hash_key(value)
        if key not in self.values:
            self.values[key] = value
            if len(self.values) % HELD_STEP == 0:
                self.hold(2 * HELD_STEP * HELD_BYTES)

    def result(self) -> Value:
        found = list(self.values.values())
        if self.is_sorted:
            found = [found[place] for place in ordered_places(list(map(sort_key, found)))]
        return found


class CountDistinct:
    """How many different values."""

    __slots__ = ("hold", "keys")

    def __init__(self, hold: Hold) -> None:
        self.hold = hold
        self.keys: set[Hashable] = set()

    def add(self, value: Value) -> None:
        key = hash_key(value)
        if key not in self.keys:
            self.keys.add(key)
            if len(self.keys) % HELD_STEP == 0:
                self.hold(HELD_STEP * HELD_BYTES)

    def result(self) -> Value:
        return len(self.keys)


class Bits:
    """AND, OR or XOR of unsigned 32-bit numbers; null when a value is none."""

    __slots__ = ("combine", "is_invalid", "value")

    def __init__(self, combine: Callable[[int, int], int]) -> None:
        self.combine = combine
        self.value: int | None = None
        self.is_invalid = False

    def add(self, value: Value) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            self.is_invalid = True
            return
        number = int(value)
        if not 0 <= number <= BITS:
            self.is_invalid = True
        else:
            self.value = number if self.value is None else self.combine(self.value, number)

    def result(self) -> Value:
        return None if self.is_invalid else self.value


class Push:
    """All values as an array."""

    __slots__ = ("hold", "values")

    def __init__(self, hold: Hold) -> None:
        self.hold = hold
        self.values: list[Value] = []

    def add(self, value: Value) -> None:
        self.values.append(value)
        if len(self.values) % HELD_STEP == 0:
            self.hold(HELD_STEP * HELD_BYTES)

    def result(self) -> Value:
        return list(self.values)


AGGREGATORS: dict[str, Callable[[Hold], Aggregator]] = {
    "LENGTH": lambda _: Length(),
    "SUM": lambda _: Sum(),
    "AVERAGE": lambda _: Average(),
    "MIN": lambda _: Min(),
    "MAX": lambda _: Max(),
    "VARIANCE_POPULATION": lambda _: Variance(ddof=0, is_root=False),
    "VARIANCE_SAMPLE": lambda _: Variance(ddof=1, is_root=False),
    "STDDEV_POPULATION": lambda _: Variance(ddof=0, is_root=True),
    "STDDEV_SAMPLE": lambda _: Variance(ddof=1, is_root=True),
    "UNIQUE": Unique,
    "SORTED_UNIQUE": lambda hold: Unique(hold, is_sorted=True),
    "COUNT_DISTINCT": CountDistinct,
    "BIT_AND": lambda _: Bits(int.__and__),
    "BIT_OR": lambda _: Bits(int.__or__),
    "BIT_XOR": lambda _: Bits(int.__xor__),
    "PUSH": Push,
}


def addend(value: Any) -> Number:
    """What a value adds to a sum: nothing for null; NaN, which stays, for what is no number."""
    if type(value) is int or type(value) is float:
        return value
    return 0 if value is None else math.nan


def sum_result(total: Number) -> Value:
    """A sum as a value: null when a value was no number."""
    return bounded(total) if isinstance(total, int) else finite(total)


def average_result(total: Number, count: int) -> Value:
    """A mean as a value."""
    if count == 0:
        return None
    return finite(total / count)
