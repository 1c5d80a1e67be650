"""Questions on their way between the eras: what comes back is this call's own, in time, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from mcp_arangodb_async.errors import InputError, LimitError, UpstreamError
from mcp_arangodb_async.gateway import questions
from mcp_arangodb_async.gateway.questions import (
    MAXIMUM_HELD,
    MAXIMUM_STATE,
    SECONDS,
    Binding,
    Held,
    HeldCalls,
    Seals,
    State,
    question,
    questions_of,
    until_question,
)
from mcp_arangodb_async.gateway.upstreams import Result
from mcp_arangodb_async.sessions.stores.redis import RedisSessionStore
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio

BINDING = Binding(tenant="acme", principal="alice", tool="postgres__ask", arguments={"what": "all", "n": 1})
STATE = State(kind="upstream", value="state-of-upstream")


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_state_opens_once_and_for_the_same_call_whatever_the_order_of_its_arguments() -> None:
    seals = Seals()
    sealed = await seals.seal(STATE, BINDING)
    assert "state-of-upstream" not in sealed
    assert await seals.open(sealed, replace(BINDING, arguments={"n": 1, "what": "all"})) == STATE
    with pytest.raises(InputError, match="used before"):
        await seals.open(sealed, BINDING)


@pytest.mark.parametrize(
    "other",
    [
        replace(BINDING, tenant="blue"),
        replace(BINDING, principal="mallory"),
        replace(BINDING, tool="postgres__drop"),
        replace(BINDING, arguments={"what": "all", "n": 2}),
        replace(BINDING, tenant="acm", principal="ealice"),
    ],
)
async def test_a_state_is_useless_for_every_other_call(other: Binding) -> None:
    seals = Seals()
    sealed = await seals.seal(STATE, BINDING)
    with pytest.raises(InputError, match="does not belong to this call"):
        await seals.open(sealed, other)
    assert await seals.open(sealed, BINDING) == STATE


@pytest.mark.parametrize("text", ["", ".", "a.b", "ä.b", "AAAA.AAAA", "x" * (MAXIMUM_STATE * 2 + 1)])
async def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(InputError, match="too old"):
        await Seals().open(text, BINDING)


async def test_a_state_is_good_for_a_while_and_what_is_over_is_forgotten() -> None:
    clock = Clock()
    seals = Seals(clock=clock)
    late = await seals.seal(STATE, BINDING)
    used = await seals.seal(STATE, BINDING)
    await seals.open(used, BINDING)
    clock.now += SECONDS + 1
    with pytest.raises(InputError):
        await seals.open(late, BINDING)
    with pytest.raises(InputError):
        await seals.open(used, BINDING)
    assert await seals.open(await seals.seal(STATE, BINDING), BINDING) == STATE


async def test_a_flood_of_answers_is_stopped() -> None:
    seals = Seals()
    bound = questions.MAXIMUM_USED
    for number in range(bound):
        seals._used[str(number)] = float("inf")  # pyright: ignore[reportPrivateUsage] - fifty thousand answers
    with pytest.raises(LimitError, match="too many questions"):
        await seals.open(await seals.seal(STATE, BINDING), BINDING)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.mark.server
async def test_processes_that_share_a_store_open_each_others_states_once_among_them(
    redis: RedisServer,
) -> None:
    async with RedisSessionStore(redis.url) as one, RedisSessionStore(redis.url) as two:
        here, there, other = Seals(one), Seals(two), Seals(two, use="confirmation")
        sealed = await here.seal(STATE, BINDING)
        with pytest.raises(InputError):
            await other.open(sealed, BINDING)
        opened = await asyncio.gather(
            *(seals.open(sealed, BINDING) for seals in (here, there) * 4), return_exceptions=True
        )
        assert opened.count(STATE) == 1
        assert all(one == STATE or isinstance(one, InputError) for one in opened)


@asynccontextmanager
async def held(*, asks: bool = True) -> AsyncGenerator[Held]:
    """A call that asks one question and answers with what it was told."""
    made: list[Held] = []

    async def run() -> Result:
        if asks:
            made[0].question.put_nowait({"message": "Sure?"})
        return {"content": [dict(await made[0].answer.get())]}

    made.append(Held(task=asyncio.create_task(run())))
    try:
        yield made[0]
    finally:
        made[0].task.cancel()
        await asyncio.wait([made[0].task])


async def test_a_held_call_is_found_by_its_name_once() -> None:
    calls = HeldCalls()
    async with held() as one:
        assert await until_question(one) == {"message": "Sure?"}
        name = calls.keep(one)
        assert len(calls) == 1
        assert calls.take(name) is one
        with pytest.raises(InputError, match="has ended"):
            calls.take(name)
        one.answer.put_nowait({"action": "accept"})
        assert await until_question(one) == {"content": [{"action": "accept"}]}


async def test_whoever_stops_waiting_for_a_question_ends_the_call() -> None:
    async with held(asks=False) as one:
        waiting = asyncio.create_task(until_question(one))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting, one.task])
        assert one.task.cancelled()


async def test_no_more_than_so_many_calls_are_held_and_closing_ends_them() -> None:
    calls = HeldCalls()
    async with held() as one, held() as more:
        for _ in range(MAXIMUM_HELD):
            calls.keep(one)
        with pytest.raises(LimitError, match="too many calls wait"):
            calls.keep(more)
        await asyncio.wait([more.task])
        assert more.task.cancelled()
        await calls.close()
        assert one.task.cancelled()
        assert len(calls) == 0
    await calls.close()


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "sampling/createMessage", "params": {}},
        {"method": "elicitation/create"},
        {"method": "elicitation/create", "params": {"mode": "url", "url": "https://evil.example"}},
    ],
)
async def test_only_forms_are_passed_on(request_: Mapping[str, Any]) -> None:
    with pytest.raises(UpstreamError, match="not passed on"):
        questions_of("up", {"inputRequests": {"q": request_}})
    assert questions_of("up", {}) == {}


async def test_a_question_says_who_asks_and_hides_nothing() -> None:
    asked = question("up", {"message": "a\u202eb\u200bc", "requestedSchema": None})
    assert asked["message"] == "[up] abc"
    assert asked["requestedSchema"] == {"type": "object", "properties": {}}
    assert len(question("up", {"message": "x" * 9000})["message"]) < 4100
