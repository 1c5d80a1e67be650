"""Records of which a query needs hundreds: frozen for the type checker, not at run time.

A frozen dataclass sets every field through `object.__setattr__`, so making one takes three times as long as
making a plain one, and a fifth of the time in which a query is parsed and planned. See decision 0007.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(*, eq: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """A dataclass with slots that nobody may write to; with `eq` it compares and hashes by value."""
    return dataclass(slots=True, eq=eq, unsafe_hash=eq, kw_only=kw_only)
