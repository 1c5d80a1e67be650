"""What every session store keeps to, in memory and in Redis alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from mcp_arangodb_async.errors import LimitError, NotFoundError
from mcp_arangodb_async.sessions import MemorySessionStore, SessionStore
from mcp_arangodb_async.sessions.stores.redis import RedisSessionStore
from tests.redis_server import RedisServer, running_redis

OpenStore = Callable[..., AbstractAsyncContextManager[SessionStore]]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.server)])
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    prefix = f"maa-{abs(hash(request.node.nodeid))}"

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncGenerator[SessionStore]:
        if request.param == "memory":
            yield MemorySessionStore(**options)
            return
        server: RedisServer = request.getfixturevalue("redis_server")
        async with RedisSessionStore(server.url, prefix=prefix, **options) as store:
            yield store

    if request.param == "redis":
        request.getfixturevalue("redis_server")
    return opened


def test_what_a_call_sets_the_next_one_sees(open_store: OpenStore) -> None:
    async def run() -> tuple[str | None, str | None, frozenset[str], int]:
        async with open_store() as sessions:
            async with sessions.turn("a") as state:
                state.focused_database = "prod"
                state.unloaded = frozenset({"arango_remove"})
                state.record("arango_query", now=1.5)
            async with sessions.turn("a") as state, sessions.turn("b") as other:
                calls = state.usage["arango_query"].calls
                return state.focused_database, other.focused_database, state.unloaded, calls

    assert asyncio.run(run()) == ("prod", None, frozenset({"arango_remove"}), 1)


def test_calls_of_one_session_take_turns_and_those_of_others_do_not_wait(open_store: OpenStore) -> None:
    async def run() -> list[str]:
        order: list[str] = []
        others_run = asyncio.Event()

        async with open_store() as sessions:

            async def call(session: str, name: str) -> None:
                async with sessions.turn(session):
                    order.append(f"{name} begins")
                    if name == "3":
                        others_run.set()
                    else:
                        await others_run.wait()
                    order.append(f"{name} ends")

            await asyncio.gather(call("a", "1"), call("a", "2"), call("b", "3"))
        return order

    order = asyncio.run(asyncio.wait_for(run(), 10))
    assert order.index("1 ends") < order.index("2 begins")
    assert order.index("3 begins") < order.index("1 ends")


def test_a_shared_session_takes_no_turns(open_store: OpenStore) -> None:
    async def run() -> tuple[int, str | None]:
        async with open_store() as sessions:
            async with sessions.turn("a", shared=True), sessions.turn("a", shared=True) as state:
                state.record("arango_query", now=1.0)
                state.focused_database = "prod"
            kept = await sessions.peek("a")
            assert kept is not None
            return kept.usage["arango_query"].calls, kept.focused_database

    assert asyncio.run(run()) == (1, "prod")


def test_a_cancelled_wait_leaves_the_session_usable(open_store: OpenStore) -> None:
    async def run() -> None:
        async with open_store() as sessions:
            async with sessions.turn("a"):
                waiting = asyncio.create_task(sessions.turn("a").__aenter__())
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            async with asyncio.timeout(5), sessions.turn("a"):
                pass

    asyncio.run(run())


def test_an_error_in_a_turn_ends_it(open_store: OpenStore) -> None:
    async def run() -> None:
        async with open_store() as sessions:
            with pytest.raises(ZeroDivisionError):
                async with sessions.turn("a"):
                    raise ZeroDivisionError
            async with asyncio.timeout(5), sessions.turn("a"):
                pass

    asyncio.run(run())


def test_the_queue_of_a_session_is_bounded(open_store: OpenStore) -> None:
    async def run() -> None:
        async with open_store(maximum_waiting=2) as sessions, AsyncExitStack() as stack:
            await stack.enter_async_context(sessions.turn("a"))
            waiting = [asyncio.create_task(sessions.turn("a").__aenter__()) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(LimitError, match="one call at a time"):
                await sessions.turn("a").__aenter__()
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())


def test_a_handle_that_was_never_given_out_makes_no_session(open_store: OpenStore) -> None:
    async def run() -> int:
        async with open_store() as sessions:
            with pytest.raises(NotFoundError, match="no such session"):
                async with sessions.turn("handle:x", must_exist=True):
                    pass
            return await sessions.count()

    assert asyncio.run(run()) == 0


def test_when_all_sessions_are_in_use_a_new_one_is_refused(open_store: OpenStore) -> None:
    async def run() -> None:
        async with open_store(maximum=1) as sessions:
            async with sessions.turn("a"):
                with pytest.raises(LimitError, match="all 1 sessions are in use"):
                    async with sessions.turn("b"):
                        pass
            async with sessions.turn("b"):
                assert await sessions.peek("a") is None

    asyncio.run(run())


def test_a_session_that_ended_during_a_call_is_gone_after_it(open_store: OpenStore) -> None:
    async def run() -> None:
        async with open_store() as sessions:
            async with sessions.turn("a") as state:
                assert await sessions.end("a")
                state.focused_database = "prod"
            assert await sessions.peek("a") is None
            assert not await sessions.end("a")

    asyncio.run(run())


def test_an_idle_session_is_forgotten(open_store: OpenStore) -> None:
    async def run() -> None:
        async with open_store(idle_timeout=0.05) as sessions:
            async with sessions.turn("a"):
                pass
            async with asyncio.timeout(10):
                while await sessions.peek("a") is not None or await sessions.count():
                    await asyncio.sleep(0.01)
                    await sessions.expire()

    asyncio.run(run())
