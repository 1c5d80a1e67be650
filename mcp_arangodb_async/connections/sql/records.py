"""Records that every statement makes: frozen for the type checker, not at run time.

Making a frozen dataclass takes three times as long as making a plain one, and a statement of one row makes
four of them. See decision 0007.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record() -> Callable[[type[T]], type[T]]:
    """A dataclass with slots and keywords that nobody may write to."""
    return dataclass(slots=True, kw_only=True)
