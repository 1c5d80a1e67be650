"""The state of an environment as a function of its signs, and latencies in bounded memory."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mcp_arangodb_async.connections.sql.pool import NotTriedError
from mcp_arangodb_async.errors import (
    AuthenticationError,
    DeadlineError,
    DeniedError,
    InputError,
    MaaError,
    UnavailableError,
)
from mcp_arangodb_async.sql.health import (
    DEGRADED_AFTER,
    DOWN_AFTER,
    WELL_AFTER,
    Condition,
    Sign,
    State,
    after,
    sign_of,
)
from mcp_arangodb_async.sql.latencies import BOUNDS, WINDOW_SECONDS, Latencies, Recent
from mcp_arangodb_async.sql.vitals import KEPT_ALERTS, QUIET_SECONDS, Vitals

SIGNS: tuple[Sign, ...] = ("answered", "prompt", "late", "busy", "failed", "unreachable")
ANSWERS: tuple[Sign, ...] = ("answered", "prompt", "late")
# From -> where one sign can lead.
STEPS: dict[State, set[State]] = {
    "unknown": {"unknown", "healthy", "degraded", "down"},
    "healthy": {"healthy", "degraded", "down"},
    "degraded": {"degraded", "healthy", "down"},
    "down": {"down", "recovering"},
    "recovering": {"recovering", "healthy", "degraded", "down"},
}


class States(RuleBasedStateMachine):
    """Any signs in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.condition = Condition()
        self.signs: list[Sign] = []

    @rule(sign=st.sampled_from(SIGNS))
    def see(self, sign: Sign) -> None:
        before, self.condition = self.condition, after(self.condition, sign)
        self.signs.append(sign)
        assert self.condition.state in STEPS[before.state]
        if before.is_settled:
            assert after(before, "answered") == before
        if sign in ANSWERS:
            assert self.condition.state != "down"
        elif self.condition.state == "healthy":
            # One busy moment is forgiven; one failure is seen.
            assert (sign, self.condition.busy) == ("busy", 1)

    @rule()
    def get_well(self) -> None:
        """Whatever happened, so many prompt answers make it healthy."""
        for _ in range(WELL_AFTER):
            self.see("prompt")
        assert self.condition.state == "healthy"
        assert self.condition.is_settled

    @rule()
    def fail(self) -> None:
        """Whatever happened, so many failures make it down."""
        for _ in range(DOWN_AFTER):
            self.see("failed")
        assert self.condition.state == "down"

    @invariant()
    def is_bounded(self) -> None:
        condition = self.condition
        assert 0 <= condition.failures <= DOWN_AFTER
        assert 0 <= condition.answers <= WELL_AFTER
        assert max(condition.late, condition.busy) <= DEGRADED_AFTER
        assert (condition.state == "down") == (condition.failures == DOWN_AFTER)


TestStates = States.TestCase
TestStates.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(
    ("signs", "states"),
    [
        (["answered"], ["healthy"]),
        (["failed", "failed", "failed"], ["degraded", "degraded", "down"]),
        (["answered", "unreachable", "answered", "prompt", "answered"],
         ["healthy", "down", "recovering", "recovering", "healthy"]),
        (["unreachable", "answered", "failed", "busy"], ["down", "recovering", "down", "down"]),
        (["answered", "late", "late", "answered", "answered", "answered", "prompt"],
         ["healthy", "healthy", "degraded", "degraded", "degraded", "degraded", "healthy"]),
        (["answered", "busy", "busy", "answered", "answered", "answered"],
         ["healthy", "healthy", "degraded", "degraded", "degraded", "healthy"]),
        (["busy"], ["unknown"]),
    ],
)  # fmt: skip
def test_a_course_of_signs_has_a_course_of_states(signs: list[Sign], states: list[State]) -> None:
    condition, seen = Condition(), list[State]()
    for sign in signs:
        condition = after(condition, sign)
        seen.append(condition.state)
    assert seen == states


@pytest.mark.parametrize(
    ("error", "sign"),
    [
        (UnavailableError("gone"), "failed"),
        (AuthenticationError("no"), "failed"),
        (DeadlineError("late"), "busy"),
        (NotTriedError("resting"), None),
        (DeniedError("policy"), None),
        (InputError("syntax"), None),
    ],
)
def test_only_what_the_server_failed_at_is_a_sign(error: MaaError, sign: Sign | None) -> None:
    assert sign_of(error) == sign


SECONDS = st.floats(0, 1000, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(seconds=st.lists(SECONDS, min_size=1, max_size=60), share=st.floats(0.01, 1))
def test_a_percentile_is_that_of_the_sorted_times_or_one_bucket_more(
    seconds: list[float], share: float
) -> None:
    latencies = Latencies()
    for one in seconds:
        latencies.add(one)
    true = sorted(seconds)[max(0, -int(-share * len(seconds) // 1) - 1)]
    told = latencies.percentile(share)
    assert told is not None
    assert true <= told * (1 + 1e-9)
    next_bound = next((bound for bound in BOUNDS if bound >= true), max(seconds))
    assert told <= max(next_bound, BOUNDS[0]) * (1 + 1e-9)
    assert latencies.longest == max(seconds)
    assert latencies.number == len(seconds)


def test_latencies_forget_what_is_old_and_count_it_still() -> None:
    recent = Recent(0.0)
    recent.current.add(5.0)
    for step in range(1, 4):
        recent.turn(step * WINDOW_SECONDS)
        recent.current.add(0.001)
    assert recent.recent().longest == 0.001
    assert recent.recent().number == 2
    assert (recent.total().number, recent.total().longest) == (4, 5.0)
    assert Latencies().percentile(0.5) is None
    assert all(low < high for low, high in pairwise(BOUNDS))


def test_alerts_are_bounded_and_the_same_is_not_said_twice_in_a_minute() -> None:
    now = 0.0
    vitals = Vitals("prod", clock=lambda: now)
    for _ in range(5):
        vitals.heard("exhausted", "all 5 connections were busy")
    assert ([alert.kind for alert in vitals.alerts], vitals.alerted) == (
        ["pool_exhausted"],
        {"pool_exhausted": 5},
    )
    now = QUIET_SECONDS
    vitals.heard("exhausted", "again")
    assert [alert.text for alert in vitals.alerts] == ["all 5 connections were busy", "again"]
    for _ in range(100):
        vitals.heard("down", "x" * 10_000)
        vitals.answered(0.001)
    assert len(vitals.alerts) == KEPT_ALERTS
    assert max(len(alert.text) for alert in vitals.alerts) <= 500
