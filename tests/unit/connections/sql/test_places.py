"""Places of a pool: never more than there are, given in turn, and none is lost when a caller leaves."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.connections.sql.places import Places

pytestmark = pytest.mark.anyio


async def test_whoever_waited_longest_is_next() -> None:
    places = Places(1)
    assert places.take_now()
    turns: list[int] = []

    async def one(number: int) -> None:
        await places.take()
        turns.append(number)
        places.give_back()

    waiting = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert places.is_full
    assert not places.take_now()
    places.give_back()
    await asyncio.gather(*waiting)
    assert turns == [0, 1, 2, 3, 4]


async def test_a_place_whose_taker_leaves_at_that_moment_goes_to_the_next() -> None:
    places = Places(1)
    assert places.take_now()
    first = asyncio.create_task(places.take())
    second = asyncio.create_task(places.take())
    await asyncio.sleep(0)
    places.give_back()
    first.cancel()
    await second
    assert first.cancelled() or first.cancelling()
    places.give_back()
    assert places.take_now()


@given(
    count=st.integers(1, 4),
    steps=st.lists(
        st.tuples(st.sampled_from(["come", "go", "cancel", "turn"]), st.integers(0, 9)), max_size=60
    ),
)
@settings(max_examples=150)
def test_no_place_is_lost_or_given_twice(count: int, steps: list[tuple[str, int]]) -> None:
    async def run() -> None:
        places = Places(count)
        holding: list[int] = []
        tasks: dict[int, asyncio.Task[None]] = {}
        number = 0

        async def one(me: int) -> None:
            await places.take()
            holding.append(me)

        for step, which in steps:
            match step:
                case "come":
                    number += 1
                    tasks[number] = asyncio.create_task(one(number))
                case "go" if holding:
                    holding.pop(which % len(holding))
                    places.give_back()
                case "cancel" if tasks:
                    list(tasks.values())[which % len(tasks)].cancel()
                case _:
                    await asyncio.sleep(0)
            assert len(holding) <= count
        while any(not task.done() for task in tasks.values()):
            await asyncio.sleep(0)
            assert len(holding) <= count
            if holding:
                holding.pop()
                places.give_back()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        for _ in holding:
            places.give_back()
        assert all(places.take_now() for _ in range(count))
        assert not places.take_now()

    asyncio.run(run())
