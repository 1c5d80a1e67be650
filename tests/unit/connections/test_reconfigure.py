"""A running manager takes on another configuration: what did not change is not touched."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.config.address import EmbeddedServer
from mcp_arangodb_async.config.model import DatabaseSettings, PoolSettings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager, run_query
from mcp_arangodb_async.connections.manager import Reconfigured, differences
from mcp_arangodb_async.errors import UnknownDatabaseError
from tests.unit.connections.recording_server import Answer, Recorded, eventually, recording_server

VERSION = ("GET", "_api", "version")


def entry(key: str, timeout: float = 30.0) -> DatabaseSettings:
    return DatabaseSettings(key=key, server=EmbeddedServer(directory=None), timeout=timeout)


entries = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([1.0, 2.0])).map(
    lambda given: {key: entry(key, timeout) for key, timeout in given.items()}
)


@given(before=entries, after=entries)
def test_differences_name_each_key_once_and_only_what_differs(
    before: dict[str, DatabaseSettings], after: dict[str, DatabaseSettings]
) -> None:
    found = differences(before, after)
    assert set(found.added) == set(after) - set(before)
    assert set(found.removed) == set(before) - set(after)
    assert set(found.changed) == {key for key in set(before) & set(after) if before[key] != after[key]}


def test_only_what_changed_is_opened_anew() -> None:
    async def run() -> tuple[Reconfigured, int, int]:
        async with recording_server() as one, recording_server() as two:
            settings = {"a": one.settings("a"), "b": two.settings("b")}
            async with MultiDatabaseConnectionManager(settings) as manager:
                kept = await manager.get_database("a")
                await kept.call(*VERSION)
                await (await manager.get_database("b")).call(*VERSION)
                moved = {**settings, "b": replace(one.settings("b"), password=settings["b"].password)}
                changes = manager.reconfigure({**moved, "c": one.settings("c")})
                assert await manager.get_database("a") is kept
                for key in ("a", "b", "c"):
                    await (await manager.get_database(key)).call(*VERSION)
                return changes, one.connections, two.connections

    changes, one, two = asyncio.run(run())
    assert changes == Reconfigured(added=("c",), removed=(), changed=("b",))
    assert (one, two) == (1, 1)


def test_a_removed_database_is_unknown_and_its_connections_close_when_its_calls_are_over() -> None:
    now = 0.0

    async def run() -> None:
        nonlocal now
        release = asyncio.Event()

        async def slow(_request: Recorded) -> Answer:
            await release.wait()
            return Answer(body={"version": "3.12"})

        async with recording_server() as server:
            server.behaviour = slow
            settings = {"a": server.settings("a")}
            async with MultiDatabaseConnectionManager(settings, clock=lambda: now) as manager:
                held = await manager.get_database("a")
                calling = asyncio.create_task(held.call(*VERSION))
                await eventually(lambda: len(server.requests) == 1)
                manager.reconfigure({})
                with pytest.raises(UnknownDatabaseError, match="configured: none"):
                    await manager.get_database("a")
                now = 100.0
                await manager.close_idle()
                assert server.open_connections == 1
                release.set()
                assert await calling == {"version": "3.12"}
                now = 200.0
                await manager.close_idle()
                await eventually(lambda: server.open_connections == 0)

    asyncio.run(run())


def test_a_larger_pool_holds_for_the_next_call() -> None:
    async def run() -> int:
        started = 0
        release = asyncio.Event()

        async def slow(_request: Recorded) -> Answer:
            nonlocal started
            started += 1
            await release.wait()
            return Answer(body={"version": "3.12"})

        async with recording_server() as server:
            server.behaviour = slow
            small = replace(server.settings("a"), pool=PoolSettings(max_connections=1))
            async with MultiDatabaseConnectionManager({"a": small}) as manager:
                await manager.get_database("a")
                manager.reconfigure({"a": replace(small, pool=PoolSettings(max_connections=3))})
                database = await manager.get_database("a")
                calls = [asyncio.create_task(database.call(*VERSION)) for _ in range(3)]
                await eventually(lambda: started == 3)
                release.set()
                await asyncio.gather(*calls)
                return server.connections

    assert asyncio.run(run()) == 3


def test_an_engine_in_memory_that_stays_keeps_its_data() -> None:
    async def run() -> list[int]:
        settings = {"a": replace(entry("a"), database="demo")}
        async with MultiDatabaseConnectionManager(settings) as manager:
            await (await manager.get_database("a")).create_collection("c")
            manager.reconfigure({"a": replace(settings["a"], pool=PoolSettings(max_connections=2))})
            database = await manager.get_database("a")
            await run_query(database, "INSERT {} INTO c")
            return (await run_query(database, "RETURN LENGTH(c)")).rows

    assert asyncio.run(run()) == [1]
