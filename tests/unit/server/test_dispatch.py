"""The one path of all calls: how many at once, how long, in which order, and what an early end leaves behind.

Queries run on the embedded engine, whose list of running queries shows what really runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.config.sections import LimitSettings
from mcp_arangodb_async.connections import marked, run_query
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.dispatch import Incoming
from mcp_arangodb_async.server.middleware.limiting import WAITING_PER_SLOT

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
SLEEPING = "RETURN SLEEP(30)"
LOOKS = 1500


@asynccontextmanager
async def opened(**limits: Any) -> AsyncGenerator[App]:
    """An application over one database under two keys: `red` may be written, `blue` administered."""
    place = EmbeddedServer(directory=None)
    databases = {
        "red": DatabaseSettings(key="red", server=place, database="both", access="write"),
        "blue": DatabaseSettings(key="blue", server=place, database="both", access="admin"),
    }
    settings = Settings(databases=databases, default_database="red", limits=LimitSettings(**limits))
    async with open_app(settings) as app:
        await app.manager.get_database("red")
        yield app


def calling(app: App, tool: str, *, client: str = "one", **arguments: Any) -> Coroutine[Any, Any, Json]:
    """A call by one HTTP client of the handshake era, which has a session of its own."""

    async def call() -> Json:
        incoming = Incoming(
            name=f"arango_{tool}",
            arguments=arguments,
            transport="http",
            era="handshake",
            transport_session=client,
        )
        result = await app.dispatcher.answer(incoming)
        document: Json = json.loads(result["content"][0]["text"])
        return document

    return call()


async def running(app: App) -> list[Json]:
    """The queries that run in the database now."""
    database = await app.manager.get_database("blue")
    return await database.call("GET", "_api", "query", "current")


async def until(app: App, wanted: Callable[[int], bool]) -> int:
    """Wait until so many queries run; how many."""
    for _ in range(LOOKS):
        count = len(await running(app))
        if wanted(count):
            return count
        await asyncio.sleep(0.01)
    raise AssertionError("the queries on the server are not as many as they should be")


async def stop(*tasks: asyncio.Task[Json]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_calls_beyond_the_limit_wait_and_too_many_are_refused() -> None:
    async with opened(concurrent_calls=2) as app:
        clients = range(2 + 2 * WAITING_PER_SLOT)
        tasks = [
            asyncio.create_task(calling(app, "query", client=str(client), query=SLEEPING))
            for client in clients
        ]
        assert await until(app, lambda count: count >= 2) == 2
        refused = await calling(app, "query", client="late", query="RETURN 1")
        assert refused["error"]["code"] == "limit_exceeded"
        assert len(await running(app)) == 2
        # One that ends makes room for one that waits.
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        assert await until(app, lambda count: count == 2) == 2
        waiting = asyncio.create_task(calling(app, "query", client="late", query="RETURN 1"))
        await stop(*tasks)
        assert (await waiting)["rows"] == [1]


async def test_a_call_that_takes_too_long_is_stopped_and_its_query_with_it() -> None:
    async with opened(call_deadline=1.0) as app:
        answer = await calling(app, "query_profile", query=SLEEPING)
        assert answer["error"]["code"] == "timeout"
        assert await until(app, lambda count: count == 0) == 0
        assert (await calling(app, "query", query="RETURN 1"))["rows"] == [1]


async def test_waiting_in_line_counts_as_time() -> None:
    async with opened(concurrent_calls=1, call_deadline=1.0) as app:
        first = asyncio.create_task(calling(app, "query", client="a", query=SLEEPING))
        await until(app, lambda count: count == 1)
        second = await calling(app, "query", client="b", query="RETURN 1")
        assert (await first)["error"]["code"] == "timeout"
        assert second.get("rows") == [1] or second["error"]["code"] == "timeout"


async def test_a_cancelled_call_leaves_no_query_behind() -> None:
    async with opened() as app:
        task = asyncio.create_task(calling(app, "query", query=SLEEPING))
        await until(app, lambda count: count == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(1):
            await until(app, lambda count: count == 0)
        # The same client goes on.
        assert (await calling(app, "query", query="RETURN 1"))["rows"] == [1]


async def test_progress_is_told_in_order_and_to_its_end() -> None:
    told: list[tuple[float, float | None]] = []

    async def report(done: float, total: float | None, _message: str | None) -> None:
        told.append((done, total))

    async with opened() as app:
        await calling(app, "create_collection", name="c")
        arguments: Json = {"collection": "c", "documents": [{}, {}, {}, {}, {}], "batch_size": 2}
        incoming = Incoming(
            name="arango_bulk_insert",
            arguments=arguments,
            transport="stdio",
            era="handshake",
            report=report,
        )
        await app.dispatcher.answer(incoming)
        assert told == [(2, 5), (4, 5), (5, 5)]


async def test_calls_of_one_session_take_turns_in_the_order_they_came() -> None:
    async with opened() as app:
        ended: list[str] = []

        async def noted(name: str, call: Coroutine[Any, Any, Json]) -> Json:
            answer = await call
            ended.append(name)
            return answer

        slow = asyncio.create_task(noted("slow", calling(app, "query", query="RETURN SLEEP(0.3)")))
        await until(app, lambda count: count == 1)
        focus = asyncio.create_task(noted("focus", calling(app, "set_focused_database", database="blue")))
        after = asyncio.create_task(noted("after", calling(app, "query", query="RETURN 1")))
        other = asyncio.create_task(noted("other", calling(app, "query", client="two", query="RETURN 1")))
        answers = await asyncio.gather(slow, focus, after, other)
        # Another session does not wait for this one.
        assert ended == ["other", "slow", "focus", "after"]
        assert [answer.get("database") for answer in answers] == ["red", None, "blue", "red"]


async def test_usage_counts_calls_and_their_errors() -> None:
    async with opened() as app:
        await calling(app, "query", query="RETURN 1")
        await calling(app, "query", query="RETRUN 1")
        await calling(app, "graph_traversal", graph="none", start_vertex="a/b")
        usage = (await calling(app, "get_tool_usage_stats"))["tool_usage"]
        assert {name: (one["use_count"], one["error_count"]) for name, one in usage.items()} == {
            "arango_query": (2, 1),
            # Under the name the tool has today.
            "arango_traverse": (1, 1),
        }


@pytest.mark.parametrize(
    ("name", "meant"),
    [("switch_context", "arango_switch_workflow"), ("qurey", "arango_query"), ("list_contexts", None)],
)
async def test_a_name_that_is_none_leads_to_one(name: str, meant: str | None) -> None:
    async with opened() as app:
        error = (await calling(app, name))["error"]
        assert (error["code"], error["field"]) == ("not_found", "name")
        assert error["did_you_mean"][0] == (meant or "arango_list_workflows")


async def test_a_running_query_is_seen_and_killed_by_who_may_administer() -> None:
    async with opened() as app:
        task = asyncio.create_task(calling(app, "query", client="one.a", query=SLEEPING))
        await until(app, lambda count: count == 1)
        assert (await calling(app, "kill_query", client="two"))["queries"] == []
        (seen,) = (await calling(app, "kill_query", client="two", database="blue"))["queries"]
        assert (seen["query"], seen["own"]) == (SLEEPING, False)
        server_id = str((await running(app))[0]["id"])
        # The id itself is no member, whatever digits a random handle happens to hold.
        assert set(seen) == {"query_id", "query", "seconds", "state", "own"}
        assert seen["query_id"].startswith("qry_")
        assert seen["query_id"] != server_id
        for handle in (seen["query_id"], server_id):
            refused = await calling(app, "kill_query", client="three", database="blue", query_id=handle)
            assert refused["error"]["code"] == "not_found"
        mine = await calling(app, "kill_query", client="two", database="red", query_id=seen["query_id"])
        assert mine["error"]["code"] == "not_found"
        tried = await calling(
            app, "kill_query", client="two", database="blue", query_id=seen["query_id"], dry_run=True
        )
        assert (tried["dry_run"], len(await running(app))) == (True, 1)
        done = await calling(app, "kill_query", client="two", database="blue", query_id=seen["query_id"])
        assert done["killed"] is True
        assert (await task)["error"]["code"] in {"cancelled", "timeout"}
        again = await calling(app, "kill_query", client="two", database="blue", query_id=seen["query_id"])
        assert (again["killed"], again["queries"]) == (False, [])


async def test_a_session_can_stop_its_own_query_while_it_runs() -> None:
    async with opened() as app:
        await calling(app, "set_focused_database", database="red")
        task = asyncio.create_task(calling(app, "query", query=SLEEPING))
        await until(app, lambda count: count == 1)
        (seen,) = (await calling(app, "kill_query"))["queries"]
        assert (seen["query"], seen["own"]) == (SLEEPING, True)
        assert (await calling(app, "kill_query", query_id=seen["query_id"]))["killed"] is True
        assert (await task)["error"]["code"] in {"cancelled", "timeout"}


async def test_a_callers_own_queries_are_told_from_others() -> None:
    async with opened() as app:
        mark = app.around.running.mark("http-client")
        database = await app.manager.get_database("red")

        async def sleeping() -> None:
            with marked(mark):
                await run_query(database, SLEEPING)

        task = asyncio.create_task(sleeping())
        await until(app, lambda count: count == 1)
        (seen,) = (await calling(app, "kill_query", client="http-client"))["queries"]
        assert (seen["query"], seen["own"]) == (SLEEPING, True)
        done = await calling(app, "kill_query", client="http-client", query_id=seen["query_id"])
        assert done["killed"] is True
        await asyncio.gather(task, return_exceptions=True)
        assert await running(app) == []
