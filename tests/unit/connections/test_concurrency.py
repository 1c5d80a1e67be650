"""The small parts under everything: worker threads, single flight, limits of a call."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from mcp_arangodb_async.connections.limits import call_limits, current_limits
from mcp_arangodb_async.connections.single import SingleFlight
from mcp_arangodb_async.connections.workers import Workers
from mcp_arangodb_async.errors import LimitError


def test_workers_answer_in_their_threads_and_pass_errors_on() -> None:
    async def run() -> set[str]:
        workers = Workers(2, "test")
        try:
            with pytest.raises(ZeroDivisionError):
                await workers.run(lambda: 1 // 0)
            gate = threading.Barrier(2, timeout=5)

            def name() -> str:
                gate.wait()
                return threading.current_thread().name

            return set(await asyncio.gather(workers.run(name), workers.run(name)))
        finally:
            assert workers.close(seconds=5)

    assert asyncio.run(run()) == {"test-0", "test-1"}


def test_work_that_was_cancelled_before_it_began_never_begins() -> None:
    async def run() -> list[str]:
        workers = Workers(1, "test")
        done: list[str] = []
        hold = threading.Event()
        try:
            first = workers.run(lambda: hold.wait(5))
            second = workers.run(lambda: done.append("second"))
            third = workers.run(lambda: done.append("third"))
            second.cancel()
            hold.set()
            await asyncio.gather(first, third)
        finally:
            assert workers.close(seconds=5)
        return done

    assert asyncio.run(run()) == ["third"]


def test_work_that_does_not_end_holds_nobody() -> None:
    hold = threading.Event()

    async def run() -> bool:
        workers = Workers(1, "test")
        begun = threading.Event()

        def work() -> None:
            begun.set()
            hold.wait(10)

        future = workers.run(work)
        assert await asyncio.to_thread(begun.wait, 5)
        future.cancel()
        ended = await asyncio.to_thread(workers.close, seconds=0.05)
        hold.set()
        return ended

    assert asyncio.run(run()) is False


def test_callers_at_the_same_moment_share_one_run_and_later_ones_start_another() -> None:
    runs = 0

    async def work() -> int:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)
        return runs

    async def run() -> list[int]:
        flight = SingleFlight(work)
        first = await asyncio.gather(*(flight.run() for _ in range(10)))
        return [*first, await flight.run()]

    assert asyncio.run(run()) == [1] * 10 + [2]


def test_a_failure_reaches_every_caller_as_its_own_error() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise LimitError("too much", hint="less")

    async def run() -> list[BaseException | None]:
        flight = SingleFlight(work)
        return await asyncio.gather(*(flight.run() for _ in range(3)), return_exceptions=True)

    errors = asyncio.run(run())
    assert [(type(error), getattr(error, "hint", None)) for error in errors] == [(LimitError, "less")] * 3
    assert len({id(error) for error in errors}) == 3


def test_when_every_caller_has_gone_the_work_still_ends_quietly() -> None:
    async def run() -> None:
        ended = asyncio.Event()

        async def work() -> None:
            await asyncio.sleep(0)
            ended.set()
            raise LimitError("nobody hears this")

        flight = SingleFlight(work)
        caller = asyncio.create_task(flight.run())
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        await asyncio.wait_for(ended.wait(), 3)

    asyncio.run(run())


def test_the_work_does_not_inherit_the_first_callers_deadline() -> None:
    async def work() -> float | None:
        return current_limits().ends_at

    async def run() -> float | None:
        with call_limits(deadline_seconds=1):
            return await SingleFlight(work).run()

    assert asyncio.run(run()) is None


def test_an_inner_deadline_can_only_be_earlier() -> None:
    now = time.monotonic()
    with call_limits(deadline_seconds=10, repeatable=True):
        with call_limits(deadline_seconds=100):
            assert current_limits().seconds(60, now) < 11
            assert current_limits().repeatable is True
        with call_limits(deadline_seconds=1, repeatable=False):
            assert current_limits().seconds(60, now) < 2
            assert current_limits().repeatable is False
        assert current_limits().seconds(5, now) == 5
    assert current_limits().ends_at is None
