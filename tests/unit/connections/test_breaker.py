"""The circuit breaker as a table of cases, and what holds for any sequence of events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.connections import breaker
from mcp_arangodb_async.connections.breaker import CLOSED, BreakerState

OPEN = BreakerState(failures=3, open_until=10.0)
TRYING = BreakerState(failures=3, open_until=10.0, trial_since=11.0)


@pytest.mark.parametrize(
    ("state", "now", "allowed", "trial", "retry_after"),
    [
        (CLOSED, 0.0, True, False, 0.0),
        (BreakerState(failures=2), 0.0, True, False, 0.0),
        (OPEN, 9.5, False, False, 0.5),
        (OPEN, 10.0, True, True, 0.0),
        (OPEN, 99.0, True, True, 0.0),
        (TRYING, 11.5, False, False, breaker.FIRST_WAIT),
        (TRYING, 11.0 + breaker.TRIAL_SECONDS, True, True, 0.0),
    ],
)
def test_who_may_send(
    state: BreakerState, now: float, allowed: bool, trial: bool, retry_after: float
) -> None:
    admission = breaker.admit(state, now)
    assert (admission.allowed, admission.trial, admission.retry_after) == (allowed, trial, retry_after)


@pytest.mark.parametrize(
    ("state", "now", "after"),
    [
        (CLOSED, 0.0, BreakerState(failures=1)),
        (BreakerState(failures=1), 0.0, BreakerState(failures=2)),
        (BreakerState(failures=2), 5.0, BreakerState(failures=3, open_until=5.5)),
        # A request that was under way when it opened.
        (OPEN, 9.0, BreakerState(failures=4, open_until=10.0)),
        (TRYING, 11.5, BreakerState(failures=4, waits=1, open_until=12.5)),
        (
            BreakerState(failures=9, waits=20, open_until=1.0, trial_since=2.0),
            2.0,
            BreakerState(failures=10, waits=21, open_until=32.0),
        ),
    ],
)
def test_a_failure(state: BreakerState, now: float, after: BreakerState) -> None:
    assert breaker.failed(state, now, 1.0) == after


def test_a_success_closes_it_and_a_cancelled_trial_lets_the_next_one_try() -> None:
    assert breaker.succeeded(TRYING) == CLOSED
    assert breaker.abandoned(TRYING) == OPEN
    assert breaker.admit(breaker.abandoned(TRYING), 11.5).trial


@pytest.mark.parametrize(("state", "name"), [(CLOSED, "closed"), (OPEN, "open"), (TRYING, "half_open")])
def test_the_state_in_a_word(state: BreakerState, name: str) -> None:
    assert state.name == name


@given(waits=st.integers(0, 10_000), chance=st.floats(0, 1))
def test_a_wait_is_bounded_and_spread(waits: int, chance: float) -> None:
    full = breaker.wait(waits, 1.0)
    assert full / 2 <= breaker.wait(waits, chance) <= full <= breaker.LONGEST_WAIT


@given(
    st.lists(
        st.tuples(st.sampled_from(["try", "success", "failure", "cancel"]), st.floats(0, 60)), max_size=60
    )
)
def test_it_always_lets_somebody_try_again(events: list[tuple[str, float]]) -> None:
    state, now = CLOSED, 0.0
    for event, passed in events:
        now += passed
        match event:
            case "try":
                state = breaker.admit(state, now).state
            case "success":
                state = breaker.succeeded(state)
            case "failure":
                state = breaker.failed(state, now, 0.5)
            case _:
                state = breaker.abandoned(state)
    assert breaker.admit(state, now + breaker.LONGEST_WAIT + breaker.TRIAL_SECONDS).allowed
