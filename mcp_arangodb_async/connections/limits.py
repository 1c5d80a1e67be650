"""The limits that hold for the requests of one call: a deadline, and whether they may be repeated."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """What the current call allows its requests.

    `ends_at` is a time of `time.monotonic`; None leaves the database's own timeout. `repeatable` says
    that a request whose answer was lost may be sent again; None leaves it to the method (GET and HEAD
    may). `mark` stands in front of the call's queries, so that their caller can find them among all that
    run.
    """

    ends_at: float | None = None
    repeatable: bool | None = None
    urgent: bool = False
    mark: str = ""

    def seconds(self, default: float, now: float) -> float:
        """How long a request may take that starts now."""
        return default if self.ends_at is None else min(default, self.ends_at - now)


_NONE = CallLimits()
_CURRENT: ContextVar[CallLimits] = ContextVar("call_limits", default=_NONE)


def current_limits() -> CallLimits:
    """The limits of the call that is running."""
    return _CURRENT.get()


class marked:  # noqa: N801 - used as a statement, like the function beside it
    """Mark every query inside the block; nothing else changes.

    A class with few steps and no generator: every call of a tool passes it.
    """

    __slots__ = ("_mark", "_token")

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def __enter__(self) -> None:
        outer = _CURRENT.get()
        limits = _only_marked(self._mark) if outer is _NONE else replace(outer, mark=self._mark)
        self._token = _CURRENT.set(limits)

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)


@lru_cache(maxsize=256)
def _only_marked(mark: str) -> CallLimits:
    return CallLimits(mark=mark)


@contextmanager
def call_limits(
    *,
    deadline_seconds: float | None = None,
    repeatable: bool | None = None,
    urgent: bool = False,
) -> Generator[None]:
    """Hold every request inside the block to a deadline, counted from here; an outer earlier one stays.

    `repeatable=True` is for calls that only read, such as a query without modifications.
    """
    outer = _CURRENT.get()
    ends_at = outer.ends_at
    if deadline_seconds is not None:
        here = time.monotonic() + deadline_seconds
        ends_at = here if ends_at is None else min(ends_at, here)
    token = _CURRENT.set(
        CallLimits(
            ends_at=ends_at,
            repeatable=outer.repeatable if repeatable is None else repeatable,
            urgent=urgent or outer.urgent,
            mark=outer.mark,
        )
    )
    try:
        yield
    finally:
        _CURRENT.reset(token)
