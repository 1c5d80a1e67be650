"""The circuit breaker of one server, as pure functions of a state and a time.

    closed ── `THRESHOLD` failures in a row ──► open ── its wait is over ──► half open ── success ──► closed
                                                 ▲                              │
                                                 └────────── failure, ──────────┘
                                                          a longer wait

While it is open, callers are told at once instead of waiting for the connect deadline. Half open, one request
tries; the others are still told at once. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

THRESHOLD = 3
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
# A trial that never reports back (its caller vanished) does not keep the server closed for ever.
TRIAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """`failures` in a row, `waits` that were over in vain, and until when callers are turned away.

    `trial_since` is set while one request tries a server that was down.
    """

    failures: int = 0
    waits: int = 0
    open_until: float | None = None
    trial_since: float | None = None

    @property
    def name(self) -> Literal["closed", "open", "half_open"]:
        """The state in a word; an open one whose wait is over still says `open` until somebody tries."""
        if self.open_until is None:
            return "closed"
        return "open" if self.trial_since is None else "half_open"


CLOSED = BreakerState()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """May a request be sent now, and is it the trial; if not, in how many seconds one may."""

    state: BreakerState
    allowed: bool
    trial: bool = False
    retry_after: float = 0.0


def admit(state: BreakerState, now: float) -> Admission:
    """May a request be sent at this time?"""
    if state.open_until is None:
        return Admission(state=state, allowed=True)
    if now < state.open_until:
        return Admission(state=state, allowed=False, retry_after=state.open_until - now)
    if state.trial_since is not None and now - state.trial_since < TRIAL_SECONDS:
        return Admission(state=state, allowed=False, retry_after=FIRST_WAIT)
    return Admission(state=replace(state, trial_since=now), allowed=True, trial=True)


def succeeded(_state: BreakerState) -> BreakerState:
    """The server answered, whatever it said."""
    return CLOSED


def failed(state: BreakerState, now: float, chance: float, *, longest: float = LONGEST_WAIT) -> BreakerState:
    """The server could not be reached or did not answer; `chance`, 0 to 1, spreads many clients' waits.

    `longest` bounds the wait for servers that must be found soon after they come back.
    """
    failures = state.failures + 1
    if state.open_until is None:
        if failures < THRESHOLD:
            return replace(state, failures=failures)
        return BreakerState(failures=failures, open_until=now + wait(0, chance, longest=longest))
    if state.trial_since is None and now < state.open_until:
        # A request from before it opened: its failure is no news.
        return replace(state, failures=failures)
    waits = state.waits + 1
    until = now + wait(waits, chance, longest=longest)
    return BreakerState(failures=failures, waits=waits, open_until=until)


def abandoned(state: BreakerState) -> BreakerState:
    """The trial was cancelled before the server could show anything: the next caller tries."""
    return replace(state, trial_since=None)


def wait(waits: int, chance: float, *, longest: float = LONGEST_WAIT) -> float:
    """Seconds to wait after so many vain waits: doubled each time, and from a half to all of that."""
    full = min(longest, FIRST_WAIT * 2.0 ** min(waits, 16))
    return full * (0.5 + 0.5 * chance)
