"""Sessions in memory, checked step by step against a model; test_stores.py has what all stores keep to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mcp_arangodb_async.errors import LimitError, NotFoundError
from mcp_arangodb_async.sessions import MemorySessionStore, SessionState, SessionStore

IDLE = 100.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def store(clock: Clock | None = None, **options: Any) -> SessionStore:
    return MemorySessionStore(clock=clock or Clock(), idle_timeout=IDLE, **options)


def test_usage_is_counted_for_a_bounded_number_of_names() -> None:
    state = SessionState(id="a", created=0.0, last_used=0.0)
    for number in range(2000):
        state.record(f"tool{number}", now=float(number))
    state.record("tool0", now=5000.0, failed=True)
    first = state.usage["tool0"]
    assert (first.calls, first.errors, first.first, first.last) == (2, 1, 0.0, 5000.0)
    assert len(state.usage) == 512


class SessionsMachine(RuleBasedStateMachine):
    """Calls begin and end, time passes, sessions end; a plain dictionary says what must be true."""

    MAXIMUM = 3
    ids = st.sampled_from(["a", "b", "c", "d", "e"])

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.store = store(self.clock, maximum=self.MAXIMUM)
        # id → (focus, last use), in order of last use; and the turns that are under way.
        self.model: dict[str, tuple[str | None, float]] = {}
        self.turns: dict[str, tuple[Any, SessionState]] = {}

    def teardown(self) -> None:
        for turn, _ in self.turns.values():
            self.runner.run(turn.__aexit__(None, None, None))
        self.runner.close()

    def expire_model(self) -> None:
        for session in list(self.model):
            if session not in self.turns and self.model[session][1] <= self.clock.now - IDLE:
                del self.model[session]

    @rule(session=ids, must_exist=st.booleans())
    def begin(self, session: str, must_exist: bool) -> None:
        if session in self.turns:
            return
        known = session in self.model and not (self.model[session][1] <= self.clock.now - IDLE)
        turn = self.store.turn(session, must_exist=must_exist)
        if not known and must_exist:
            with pytest.raises(NotFoundError):
                self.runner.run(turn.__aenter__())
            self.model.pop(session, None)
            return
        if not known:
            self.model.pop(session, None)
            if len(self.model) >= self.MAXIMUM:
                idle = [other for other in self.model if other not in self.turns]
                if not idle:
                    with pytest.raises(LimitError):
                        self.runner.run(turn.__aenter__())
                    return
                del self.model[idle[0]]
            self.model[session] = (None, self.clock.now)
        state = self.runner.run(turn.__aenter__())
        assert state.focused_database == self.model[session][0]
        self.turns[session] = (turn, state)

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), focus=st.none() | st.sampled_from(["x", "y"]))
    def finish(self, data: st.DataObject, focus: str | None) -> None:
        session = data.draw(st.sampled_from(sorted(self.turns)))
        turn, state = self.turns.pop(session)
        state.focused_database = focus
        self.runner.run(turn.__aexit__(None, None, None))
        if session in self.model:
            del self.model[session]
            self.model[session] = (focus, self.clock.now)

    @rule(seconds=st.sampled_from([1.0, 40.0, 99.0, 100.0, 250.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def expire(self) -> None:
        before = set(self.model)
        self.expire_model()
        assert set(self.runner.run(self.store.expire())) == before - set(self.model)

    @rule(session=ids)
    def end(self, session: str) -> None:
        if session in self.turns:
            return
        assert self.runner.run(self.store.end(session)) is (session in self.model)
        self.model.pop(session, None)

    @invariant()
    def no_more_than_the_maximum(self) -> None:
        count = self.runner.run(self.store.count())
        assert count == len(self.model) <= self.MAXIMUM


TestSessions = SessionsMachine.TestCase
TestSessions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
