"""The engine inside the process, through the same driver and the same handle as a server elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.address import EmbeddedServer
from mcp_arangodb_async.config.model import DatabaseSettings
from mcp_arangodb_async.connections import (
    MultiDatabaseConnectionManager,
    QueryOptions,
    call_limits,
    close_cursor,
    next_page,
    run_query,
    running_queries,
)
from mcp_arangodb_async.connections.database import ArangoDatabase
from mcp_arangodb_async.errors import (
    ConflictError,
    DeadlineError,
    DeniedError,
    InputError,
    MaaError,
    NotFoundError,
)

LONG = "FOR a IN 1..100000 FOR b IN 1..100000 FILTER a + b < 0 RETURN a"


def settings(key: str = "main", directory: Path | None = None, **changes: Any) -> DatabaseSettings:
    defaults: dict[str, Any] = {"key": key, "server": EmbeddedServer(directory=directory), "database": key}
    return DatabaseSettings(**{**defaults, **changes})


def manager_of(*databases: DatabaseSettings) -> MultiDatabaseConnectionManager:
    return MultiDatabaseConnectionManager({item.key: item for item in databases})


def test_documents_go_in_and_come_out() -> None:
    async def run() -> list[Any]:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            users = await database.create_collection("users")
            await users.insert({"_key": "ada", "age": 36})
            await users.insert({"_key": "grace", "age": 45})
            page = await run_query(
                database, "FOR u IN @@c FILTER u.age > @age RETURN u._key", {"@c": "users", "age": 40}
            )
            counted = await database.call("GET", "_api", "collection", "users", "count")
            document: Any = await users.get("ada")
            return [page.rows, counted["count"], document["age"], await users.count()]

    assert asyncio.run(run()) == [["grace"], 2, 36, 2]


def test_a_result_is_read_in_pages() -> None:
    async def run() -> tuple[list[int], bool]:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            page = await run_query(database, "FOR i IN 1..25 RETURN i", options=QueryOptions(batch_size=10))
            rows = list(page.rows)
            while page.cursor_id is not None:
                page = await next_page(database, page.cursor_id)
                rows += page.rows
            page = await run_query(database, "FOR i IN 1..25 RETURN i", options=QueryOptions(batch_size=10))
            assert page.cursor_id is not None
            return rows, await close_cursor(database, page.cursor_id)

    assert asyncio.run(run()) == (list(range(1, 26)), True)


@pytest.mark.parametrize(
    ("query", "number", "kind"),
    [
        ("FOR u IN users FILTER u.age = 30 RETURN u", 1501, InputError),
        ("RETURN @missing", 1551, InputError),
        ("FOR u IN userss RETURN u", 1203, NotFoundError),
        ("RETURN NO_SUCH_FUNCTION()", 1540, InputError),
    ],
)
def test_a_wrong_query_is_told_by_number(query: str, number: int, kind: type[Exception]) -> None:
    async def run() -> Any:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            await database.create_collection("users")
            with pytest.raises(kind) as caught:
                await run_query(database, query)
            return caught.value

    error = asyncio.run(run())
    assert (error.arango_error_num, error.database) == (number, "main")
    if number == 1501:
        assert "1:29" in error.message
    if number == 1203:
        assert error.did_you_mean == ("users",)


def test_a_write_that_cannot_be_done_is_told_by_number() -> None:
    async def run() -> None:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            users = await database.create_collection("users")
            await users.insert({"_key": "ada"})
            with pytest.raises(ConflictError) as twice:
                await users.insert({"_key": "ada"})
            assert twice.value.arango_error_num == 1210
            with pytest.raises(ConflictError) as exists:
                await database.create_collection("users")
            assert exists.value.arango_error_num == 1207
            with pytest.raises(InputError) as key:
                await users.insert({"_key": "a/b"})
            assert key.value.arango_error_num == 1221
            with pytest.raises(NotFoundError):
                await users.delete("nobody")
            with pytest.raises(DeniedError):
                await database.call("POST", "_admin", "execute")

    asyncio.run(run())


def test_two_keys_of_one_directory_share_its_engine_and_find_their_data_again(tmp_path: Path) -> None:
    databases = (settings("a", tmp_path / "data"), settings("b", tmp_path / "data", database="a"))

    async def write() -> tuple[int, int]:
        async with manager_of(*databases) as manager:
            one, two = await asyncio.gather(manager.get_database("a"), manager.get_database("b"))
            await one.create_collection("users")
            await two.collection("users").insert({"_key": "ada"})
            return len(manager.statistics()), await one.collection("users").count()  # pyright: ignore[reportReturnType]

    async def read() -> Any:
        async with manager_of(databases[0]) as manager:
            return await (await manager.get_database("a")).collection("users").count()

    assert asyncio.run(write()) == (1, 1)
    assert asyncio.run(read()) == 1


def test_memory_belongs_to_its_manager() -> None:
    async def run() -> bool:
        async with manager_of(settings()) as one, manager_of(settings()) as two:
            await (await one.get_database("main")).create_collection("users")
            return bool(await (await two.get_database("main")).has_collection("users"))

    assert asyncio.run(run()) is False


def test_a_transaction_sees_its_writes_and_takes_them_back() -> None:
    async def run() -> list[Any]:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            users = await database.create_collection("users")
            inside: list[Any] = []

            async def fails() -> None:
                async with database.transaction(write=["users"]) as transaction:
                    await transaction.collection("users").insert({"_key": "ada"})
                    inside.extend((await run_query(transaction, "RETURN LENGTH(users)")).rows)
                    raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await fails()
            async with database.transaction(write=["users"]) as transaction:
                await transaction.collection("users").insert({"_key": "grace"})
            async with database.transaction(read=["users"]) as transaction:
                with pytest.raises(Exception, match=r"(?i)transaction|read|regist"):
                    await run_query(transaction, "INSERT {} INTO users")
            return [inside, await users.count()]

    assert asyncio.run(run()) == [[1], 1]


async def until_running(database: ArangoDatabase, count: Callable[[int], bool]) -> None:
    """Wait until as many queries run as wanted, at most five seconds."""
    async with asyncio.timeout(5):
        while not count(len(await running_queries(database))):  # noqa: ASYNC110  another thread runs them
            await asyncio.sleep(0.005)


async def long_query(database: ArangoDatabase) -> asyncio.Task[Any]:
    task = asyncio.create_task(run_query(database, LONG))
    await until_running(database, lambda count: count == 1)
    return task


def test_a_cancelled_query_ends_in_the_engine() -> None:
    async def run() -> tuple[list[Any], float]:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            task = await long_query(database)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until_running(database, lambda count: count == 0)
            return await running_queries(database), time.monotonic() - started

    running, seconds = asyncio.run(run())
    assert running == []
    assert seconds < 1.0


def test_long_queries_in_every_thread_do_not_keep_one_from_being_stopped() -> None:
    async def run() -> None:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            tasks = [asyncio.create_task(run_query(database, LONG)) for _ in range(6)]
            await until_running(database, lambda count: count >= 4)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            async with asyncio.timeout(5):
                await run_query(database, "RETURN 1")

    asyncio.run(run())


def test_a_query_out_of_time_is_stopped() -> None:
    async def run() -> None:
        async with manager_of(settings(timeout=20.0)) as manager:
            database = await manager.get_database("main")
            with pytest.raises(DeadlineError, match="max_runtime"):
                await run_query(database, LONG, options=QueryOptions(max_runtime=0.2))
            with call_limits(deadline_seconds=0.3), pytest.raises(DeadlineError):
                await run_query(database, LONG)
            await until_running(database, lambda count: count == 0)

    asyncio.run(run())


def test_the_event_loop_goes_on_while_a_query_runs() -> None:
    async def run() -> float:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            task = await long_query(database)
            worst = 0.0
            for _ in range(50):
                before = time.perf_counter()
                await asyncio.sleep(0.001)
                worst = max(worst, time.perf_counter() - before)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return worst

    assert asyncio.run(run()) < 0.25


def test_a_probe_names_the_embedded_engine() -> None:
    async def run() -> Any:
        async with manager_of(settings()) as manager:
            return await manager.probe("main")

    health = asyncio.run(run())
    assert (health.status, health.engine, health.address) == ("up", "embedded", "embedded::memory:")
    assert health.version is not None


def test_ids_and_names_with_special_characters_reach_the_engine_unchanged() -> None:
    async def run() -> list[Any]:
        async with manager_of(settings()) as manager:
            database = await manager.get_database("main")
            collection = await database.create_collection("España ? #1")
            await collection.insert({"_key": "%2e%2e"})
            return [await collection.count(), await collection.has("%2e%2e"), await collection.has("other")]

    assert asyncio.run(run()) == [1, True, False]


def test_closing_the_manager_stops_what_runs() -> None:
    async def run() -> tuple[str, float]:
        manager = manager_of(settings())
        database = await manager.get_database("main")
        task = await long_query(database)
        started = time.monotonic()
        await manager.close()
        with pytest.raises(MaaError) as caught:
            await task
        return caught.value.code, time.monotonic() - started

    code, seconds = asyncio.run(run())
    assert code == "cancelled"
    assert seconds < 5
