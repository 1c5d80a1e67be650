"""Which clients to close: decided without I/O from what is known about each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEntry(Generic[K]):
    """An open client: when it was last used, how many calls use it now, how long it may idle.

    A `pinned` one is never closed before the end: closing it would lose what it holds.
    """

    key: K
    last_used: float
    in_flight: int
    idle_timeout: float
    pinned: bool = False


def to_close(entries: Sequence[PoolEntry[K]], *, now: float, maximum: int) -> tuple[K, ...]:
    """The clients to close now, longest unused first.

    First those that idled out; then, if still more than `maximum` are open, the longest unused. One that
    is in use or pinned is never closed, so more than `maximum` can be open while they are all busy.
    """
    idle = sorted((entry for entry in entries if not entry.in_flight and not entry.pinned), key=_age)
    expired = [entry for entry in idle if now - entry.last_used >= entry.idle_timeout]
    surplus = len(entries) - len(expired) - maximum
    kept = [entry for entry in idle if now - entry.last_used < entry.idle_timeout]
    return tuple(entry.key for entry in (*expired, *kept[: max(0, surplus)]))


def next_check(entries: Sequence[PoolEntry[K]], *, now: float, longest: float) -> float:
    """Seconds until the next one can have idled out; at most `longest`."""
    waits = [entry.last_used + entry.idle_timeout - now for entry in entries if not entry.pinned]
    return max(0.05, min([longest, *waits]))


def _age(entry: PoolEntry[K]) -> float:
    return entry.last_used
