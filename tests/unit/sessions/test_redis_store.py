"""Sessions in Redis: seen by every process, one turn at a time over all, honest when Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.errors import UnavailableError
from mcp_arangodb_async.sessions import SessionState, ToolUsage
from mcp_arangodb_async.sessions.record import decode_state, encode_state
from mcp_arangodb_async.sessions.stores.redis import RedisSessionStore
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


def test_two_processes_share_a_session_and_take_turns_in_it(server: RedisServer) -> None:
    """Both add to one counter in many interleaved turns; a lost update would show."""

    async def run() -> int:
        async with (
            RedisSessionStore(server.url, prefix="shared") as one,
            RedisSessionStore(server.url, prefix="shared") as other,
        ):

            async def call(store: RedisSessionStore) -> None:
                async with store.turn("a") as state:
                    calls = int(state.focused_database or "0")
                    await asyncio.sleep(0)
                    state.focused_database = str(calls + 1)

            await asyncio.gather(*(call(store) for _ in range(25) for store in (one, other)))
            seen = await one.peek("a")
            assert seen is not None
            return int(seen.focused_database or "0")

    assert asyncio.run(asyncio.wait_for(run(), 30)) == 50


def test_a_turn_longer_than_its_lease_keeps_it(server: RedisServer) -> None:
    async def run() -> list[str]:
        order: list[str] = []
        async with (
            RedisSessionStore(server.url, prefix="lease", lease=0.15) as one,
            RedisSessionStore(server.url, prefix="lease", lease=0.15) as other,
        ):

            async def late() -> None:
                async with other.turn("a"):
                    order.append("other")

            async with one.turn("a"):
                waiting = asyncio.create_task(late())
                await asyncio.sleep(0.5)
                order.append("one")
            await waiting
        return order

    assert asyncio.run(run()) == ["one", "other"]


def test_a_process_that_dies_blocks_its_sessions_no_longer_than_its_lease(server: RedisServer) -> None:
    async def run() -> None:
        async with RedisSessionStore(server.url, prefix="dies", lease=0.2) as other:
            dead = RedisSessionStore(server.url, prefix="dies", lease=0.2)
            await dead.turn("a").__aenter__()
            await dead.aclose()
            async with asyncio.timeout(5), other.turn("a"):
                pass

    asyncio.run(run())


def test_a_turn_whose_lease_was_lost_does_not_overwrite_and_says_so(server: RedisServer) -> None:
    async def run() -> str | None:
        async with RedisSessionStore(server.url, prefix="lost", lease=0.1) as other:
            slow = RedisSessionStore(server.url, prefix="lost", lease=0.1)
            turn = slow.turn("a")
            state = await turn.__aenter__()
            state.focused_database = "stale"
            slow._held.clear()  # pyright: ignore[reportPrivateUsage] - a process that was suspended renews nothing
            async with asyncio.timeout(5), other.turn("a") as theirs:
                theirs.focused_database = "fresh"
            with pytest.raises(UnavailableError, match="was not kept"):
                await turn.__aexit__(None, None, None)
            await slow.aclose()
            kept = await other.peek("a")
            assert kept is not None
            return kept.focused_database

    assert asyncio.run(run()) == "fresh"


def test_while_redis_is_down_a_turn_says_so_and_later_it_works_again(tmp_path: Path) -> None:
    async def run() -> None:
        with running_redis(tmp_path) as server:
            async with RedisSessionStore(server.url, deadline=0.5) as store:
                async with store.turn("a"):
                    pass
                server.stop()
                with pytest.raises(UnavailableError, match=r"Redis at redis://.*cannot be reached"):
                    async with store.turn("a"):
                        pass
                server.start()
                async with asyncio.timeout(5), store.turn("a"):
                    pass

    asyncio.run(run())


def test_a_call_that_set_nothing_does_not_fail_when_redis_goes_away_during_it(tmp_path: Path) -> None:
    async def run() -> None:
        with running_redis(tmp_path) as server:
            async with RedisSessionStore(server.url, deadline=0.5) as store:
                async with store.turn("a") as state:
                    state.record("arango_query", now=1.0)
                    server.stop()
                server.start()
                turn = store.turn("a")
                state = await turn.__aenter__()
                state.focused_database = "prod"
                server.stop()
                with pytest.raises(UnavailableError, match="cannot be reached"):
                    await turn.__aexit__(None, None, None)

    asyncio.run(run())


def test_a_wrong_password_is_named_and_not_shown(tmp_path: Path) -> None:
    async def run() -> None:
        with running_redis(tmp_path, password="right-one") as server:
            async with RedisSessionStore(server.url, password="wrong-one") as store:
                with pytest.raises(UnavailableError, match="refused the login") as caught:
                    await store.count()
                assert "wrong-one" not in str(caught.value)
            async with RedisSessionStore(server.url, password="right-one") as store:
                assert await store.count() == 0

    asyncio.run(run())


def test_a_kept_value_is_taken_once_and_all_processes_agree_on_one(server: RedisServer) -> None:
    async def run() -> None:
        async with RedisSessionStore(server.url, prefix="values") as store:
            await store.put("next", "x", b"rows", 60)
            assert await store.get("next", "x") == b"rows"
            taken = await asyncio.gather(*(store.take("next", "x") for _ in range(8)))
            assert sorted(value is None for value in taken) == [False] + [True] * 7
            agreed = await asyncio.gather(*(store.agreed("secret", bytes([n])) for n in range(8)))
            assert len(set(agreed)) == 1

    asyncio.run(run())


texts = st.text(max_size=20)


@settings(max_examples=200)
@given(
    focus=st.none() | texts,
    workflow=st.none() | texts,
    unloaded=st.frozensets(texts, max_size=5),
    usage=st.dictionaries(texts, st.integers(0, 10**9), max_size=5),
)
def test_a_record_survives_being_written(
    focus: str | None, workflow: str | None, unloaded: frozenset[str], usage: dict[str, int]
) -> None:
    state = SessionState(id="a", created=1.5, last_used=2.25, focused_database=focus, workflow=workflow)
    state.unloaded = unloaded
    state.usage = {tool: ToolUsage(calls=calls, first=0.125) for tool, calls in usage.items()}
    assert decode_state(encode_state(state)) == state
