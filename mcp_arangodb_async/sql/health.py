"""How an environment fares, decided without asking it: signs of life go in, a state comes out.

                     ┌── a failure, late or busy answers ──► degraded ──┐
    unknown ──► healthy ◄─────────── three answers ───────────┘         │ three failures in a row,
                     ▲                                                   ▼ or its breaker opened
                     └─── three answers ─── recovering ◄── an answer ── down
                                                 └──────── a failure ────►

A sign costs nothing where it changes nothing: `is_settled` says so to those who give many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mcp_arangodb_async.connections.sql.pool import NotTriedError
from mcp_arangodb_async.errors import AuthenticationError, DeadlineError, MaaError, UnavailableError

State = Literal["unknown", "healthy", "degraded", "down", "recovering"]
# `answered`: a statement, whatever it took. `prompt` and `late`: a trial. `busy`: no answer in the time its
# caller had, or no free connection. `failed`: it could not be reached, or refused the login. `unreachable`:
# it failed so often that it is not asked for a while.
Sign = Literal["answered", "prompt", "late", "busy", "failed", "unreachable"]
DOWN_AFTER = 3
DEGRADED_AFTER = 2
WELL_AFTER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A state and what led to it: how many failures, answers, late and busy signs in a row.

    Counts go no further than what they decide.
    """

    state: State = "unknown"
    failures: int = 0
    answers: int = 0
    late: int = 0
    busy: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether one more answer changes nothing."""
        return self.answers == WELL_AFTER and not self.busy and self.state in {"healthy", "degraded"}


def after(before: Condition, sign: Sign) -> Condition:
    """The condition once this sign was seen."""
    failures, answers, late, busy = before.failures, before.answers, before.late, before.busy
    match sign:
        case "answered" | "prompt":
            failures, answers = 0, min(answers + 1, WELL_AFTER)
            late = 0 if sign == "prompt" else late
            busy = 0 if answers == WELL_AFTER else busy
        case "late":
            failures, answers, late = 0, min(answers + 1, WELL_AFTER), min(late + 1, DEGRADED_AFTER)
        case "busy":
            answers, busy = 0, min(busy + 1, DEGRADED_AFTER)
        case "failed":
            # One that was coming back and fails is down as before.
            step = DOWN_AFTER if before.state == "recovering" else 1
            failures, answers = min(failures + step, DOWN_AFTER), 0
        case "unreachable":
            failures, answers = DOWN_AFTER, 0
    state = _state(before.state, failures, answers, late=late, busy=busy)
    return Condition(state=state, failures=failures, answers=answers, late=late, busy=busy)


def _state(before: State, failures: int, answers: int, *, late: int, busy: int) -> State:
    if failures == DOWN_AFTER:
        return "down"
    if before in {"down", "recovering"} and answers < WELL_AFTER:
        return "recovering"
    if failures or DEGRADED_AFTER in {late, busy}:
        return "degraded"
    if before == "degraded" and answers < WELL_AFTER:
        return "degraded"
    return "unknown" if before == "unknown" and not answers else "healthy"


def sign_of(error: MaaError) -> Sign | None:
    """What an error of a statement tells of its environment; None where it tells nothing.

    A server that says what is wrong with a statement is well, and one that was not asked gives no sign.
    """
    match error:
        case NotTriedError():
            return None
        case DeadlineError():
            return "busy"
        case UnavailableError() | AuthenticationError():
            return "failed"
        case _:
            return None
