"""Records of which a query needs hundreds: frozen for the type checker, not at run time.

A frozen dataclass sets every field through `object.__setattr__`, so making one takes three times as long as
making a plain one, and a fifth of the time in which a query is parsed and planned. See decision 0007.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(*, eq: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """A dataclass with slots that nobody may write to; with `eq` it compares and hashes by value."""
    return dataclass(slots=True, eq=eq, unsafe_hash=eq, kw_only=kw_only)


class once(Generic[T]):  # noqa: N801  a decorator, as `property` is
    """A property computed when it is first asked for, by one thread: `cached_property` takes a lock.

    Its class must not have slots, and may be asked for it by one thread at a time.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: object, kind: type) -> T: ...
    def __get__(self, owner: object | None, kind: type) -> Self | T:
        if owner is None:
            return self
        value = self._compute(owner)
        setattr(owner, self._name, value)
        return value
