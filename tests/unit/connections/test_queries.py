"""Queries: what is sent, how pages are read, and that nothing keeps running without its caller."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcp_arangodb_async.connections import (
    MultiDatabaseConnectionManager,
    QueryOptions,
    call_limits,
    close_cursor,
    explain_query,
    next_page,
    parse_query,
    run_query,
)
from mcp_arangodb_async.connections.database import ArangoDatabase
from mcp_arangodb_async.errors import CancelledCallError, DeadlineError, InputError, NotFoundError
from tests.unit.connections.recording_server import (
    Answer,
    Recorded,
    RecordingServer,
    eventually,
    recording_server,
    succeed,
)

TAG = re.compile(r"/\*[0-9a-f]{16}\*/")


class QueryServer:
    """Runs queries the way a server does: they are listed while they run, and end when they are killed."""

    def __init__(self, *, listed_after: int = 0, kills: bool = True) -> None:
        self.running: dict[str, str] = {}
        self.killed: list[str] = []
        self.hidden = listed_after
        self.kills = kills
        self.ended = asyncio.Event()

    async def answer(self, request: Recorded) -> Answer:
        if request.path.endswith("/_api/cursor"):
            identifier = str(len(self.running) + 1)
            self.running[identifier] = json.loads(request.body)["query"]
            await self.ended.wait()
            return Answer(status=410, body={"error": True, "errorNum": 1500, "errorMessage": "query killed"})
        if request.path.endswith("/_api/query/current"):
            if self.hidden:
                self.hidden -= 1
                return Answer(body=[])
            return Answer(body=[{"id": key, "query": text} for key, text in self.running.items()])
        if request.method == "DELETE" and "/_api/query/" in request.path:
            if not self.kills:
                return Answer(
                    status=404, body={"error": True, "errorNum": 1591, "errorMessage": "query not found"}
                )
            identifier = request.path.rpartition("/")[2]
            self.killed.append(self.running.pop(identifier))
            self.ended.set()
            return Answer(body={"error": False, "code": 200})
        return await succeed(request)


@asynccontextmanager
async def opened(
    behaviour: Callable[[Recorded], Awaitable[Answer]] | None = None, **changes: Any
) -> AsyncGenerator[tuple[RecordingServer, ArangoDatabase]]:
    async with recording_server() as server:
        if behaviour is not None:
            server.behaviour = behaviour
        async with MultiDatabaseConnectionManager({"main": server.settings(**changes)}) as manager:
            yield server, await manager.get_database("main")


def answering(answer: Answer) -> Callable[[Recorded], Awaitable[Answer]]:
    async def answers(_request: Recorded) -> Answer:
        return answer

    return answers


def sent(**options: Any) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with opened() as (server, database):
            await run_query(database, "RETURN @a", {"a": 1}, options=QueryOptions(**options))
            return json.loads(server.requests[0].body)

    return asyncio.run(run())


def test_a_query_always_has_limits() -> None:
    body = sent()
    assert TAG.sub("", body.pop("query")) == "RETURN @a"
    assert body.pop("options")["maxRuntime"] == pytest.approx(4.5, abs=0.1)  # the database's timeout is 5 s
    assert body == {"bindVars": {"a": 1}, "batchSize": 1000}


def test_options_are_sent_in_the_servers_words() -> None:
    body = sent(
        batch_size=10, max_runtime=1.0, memory_limit=1024, count=True, full_count=True, stream=True, ttl=5,
        fail_on_warning=True, max_warnings=3, profile=2, optimizer_rules=("-all",), max_transaction_size=9,
    )  # fmt: skip
    assert TAG.match(body.pop("query"))
    assert body == {
        "bindVars": {"a": 1},
        "batchSize": 10,
        "count": True,
        "ttl": 5,
        "memoryLimit": 1024,
        "options": {
            "maxRuntime": 1.0,
            "fullCount": True,
            "stream": True,
            "failOnWarning": True,
            "maxWarningCount": 3,
            "profile": 2,
            "maxTransactionSize": 9,
            "optimizer": {"rules": ["-all"]},
        },
    }


@pytest.mark.parametrize("option", ["cache", "plan_cache"])
def test_a_query_for_a_cache_is_sent_as_it_is(option: str) -> None:
    assert sent(**{option: True})["query"] == "RETURN @a"


def test_pages_are_read_to_the_end() -> None:
    first = {
        "result": [1, 2],
        "hasMore": True,
        "id": "77",
        "count": 3,
        "cached": False,
        "extra": {"stats": {"fullCount": 3}, "warnings": [{"code": 1562, "message": "division by zero"}]},
    }
    answers = iter(
        [Answer(status=201, body=first), Answer(body={"result": [3], "hasMore": False, "id": "77"})]
    )

    async def answer(_request: Recorded) -> Answer:
        return next(answers)

    async def run() -> tuple[Any, Any, str]:
        async with opened(answer) as (server, database):
            one = await run_query(database, "FOR i IN 1..3 RETURN i")
            assert one.cursor_id is not None
            return one, await next_page(database, one.cursor_id), server.requests[1].line

    one, two, line = asyncio.run(run())
    assert (one.rows, one.count, one.cursor_id, one.stats) == ([1, 2], 3, "77", {"fullCount": 3})
    assert one.warnings == [{"code": 1562, "message": "division by zero"}]
    assert (two.rows, two.cursor_id) == ([3], None)
    assert line == "POST /_db/db/_api/cursor/77 HTTP/1.1"


def test_a_cursor_that_is_gone_is_not_found() -> None:
    gone = Answer(status=404, body={"error": True, "errorNum": 1600, "errorMessage": "cursor not found"})

    async def run() -> bool:
        async with opened(answering(gone)) as (_, database):
            with pytest.raises(NotFoundError, match="cursor not found"):
                await next_page(database, "5")
            return await close_cursor(database, "5")

    assert asyncio.run(run()) is False


@pytest.mark.parametrize("listed_after", [0, 2])
def test_a_cancelled_query_is_killed_on_the_server(listed_after: int) -> None:
    async def run() -> list[str]:
        queries = QueryServer(listed_after=listed_after)
        queries.running["99"] = "/*0123456789abcdef*/FOR other IN things RETURN other"
        async with opened(queries.answer) as (_, database):
            call = asyncio.create_task(run_query(database, "RETURN SLEEP(60)"))
            await eventually(lambda: len(queries.running) == 2)
            started = time.monotonic()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert time.monotonic() - started < 1.0
            assert "99" in queries.running, "nobody else's query is touched"
            return [TAG.sub("", text) for text in queries.killed]

    assert asyncio.run(run()) == ["RETURN SLEEP(60)"]


def test_a_caller_that_cannot_wait_still_has_its_query_killed() -> None:
    """A cancel scope cancels again at every wait."""

    async def run() -> int:
        queries = QueryServer(listed_after=2)
        async with opened(queries.answer) as (_, database):
            call = asyncio.create_task(run_query(database, "RETURN SLEEP(60)"))
            await eventually(lambda: len(queries.running) == 1)
            while not call.done():
                call.cancel()
                await asyncio.sleep(0)
            await eventually(lambda: len(queries.killed) == 1)
            return len(queries.running)

    assert asyncio.run(run()) == 0


def test_a_query_whose_time_is_over_is_killed_as_well() -> None:
    async def run() -> int:
        queries = QueryServer()
        async with opened(queries.answer) as (_, database):
            with (
                call_limits(deadline_seconds=0.2),
                pytest.raises(DeadlineError, match="did not answer within"),
            ):
                await run_query(database, "RETURN SLEEP(60)")
            return len(queries.killed)

    assert asyncio.run(run()) == 1


def test_killing_does_not_wait_for_a_free_connection() -> None:
    from mcp_arangodb_async.config.model import PoolSettings

    async def run() -> int:
        queries = QueryServer()
        async with opened(queries.answer, pool=PoolSettings(max_connections=1)) as (_, database):
            call = asyncio.create_task(run_query(database, "RETURN SLEEP(60)"))
            await eventually(lambda: len(queries.running) == 1)
            waiting = [asyncio.create_task(run_query(database, "RETURN 1")) for _ in range(3)]
            await asyncio.sleep(0)
            call.cancel()
            await eventually(lambda: len(queries.killed) == 1)
            for task in waiting:
                task.cancel()
            await asyncio.gather(call, *waiting, return_exceptions=True)
            return len(queries.killed)

    assert asyncio.run(run()) >= 1


def test_a_query_that_cannot_be_killed_does_not_hold_its_caller() -> None:
    async def run() -> float:
        queries = QueryServer(kills=False)
        async with opened(queries.answer) as (_, database):
            call = asyncio.create_task(run_query(database, "RETURN SLEEP(60)"))
            await eventually(lambda: len(queries.running) == 1)
            started = time.monotonic()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return time.monotonic() - started

    assert asyncio.run(run()) < 1.5


def test_a_query_stopped_by_its_own_limit_says_which() -> None:
    async def stops(request: Recorded) -> Answer:
        await asyncio.sleep(json.loads(request.body)["options"]["maxRuntime"])
        return Answer(status=410, body={"error": True, "errorNum": 1500, "errorMessage": "query killed"})

    async def run() -> None:
        async with opened(stops) as (_, database):
            with pytest.raises(DeadlineError, match=r"stopped after 0\.05 s, its max_runtime"):
                await run_query(database, "RETURN 1", options=QueryOptions(max_runtime=0.05))

    asyncio.run(run())


def test_a_query_killed_by_somebody_else_says_so() -> None:
    killed = Answer(status=410, body={"error": True, "errorNum": 1500, "errorMessage": "query killed"})

    async def run() -> None:
        async with opened(answering(killed)) as (_, database):
            with pytest.raises(CancelledCallError, match="query killed"):
                await run_query(database, "RETURN 1")

    asyncio.run(run())


@pytest.mark.parametrize(("position", "shown"), [("1:49", "1:29"), ("2:49", "2:49"), ("1:5", "1:1")])
def test_positions_in_errors_do_not_count_the_tag(position: str, shown: str) -> None:
    message = f"AQL: syntax error, unexpected assignment near '= 30' at position {position} (while parsing)"
    wrong = Answer(status=400, body={"error": True, "errorNum": 1501, "errorMessage": message})

    async def run() -> InputError:
        async with opened(answering(wrong)) as (_, database):
            with pytest.raises(InputError) as caught:
                await run_query(database, "FOR u IN users FILTER u.age = 30 RETURN u")
            return caught.value

    error = asyncio.run(run())
    assert f"at position {shown} (while" in error.message
    assert str(error) == error.message
    assert (error.arango_error_num, error.database) == (1501, "main")


def test_a_missing_collection_names_the_closest_ones() -> None:
    async def answers(request: Recorded) -> Answer:
        if request.path.endswith("/_api/collection"):
            return Answer(body={"result": [{"name": name} for name in ("users", "orders", "Airports")]})
        message = "AQL: collection or view not found: userss (while parsing)"
        return Answer(status=404, body={"error": True, "errorNum": 1203, "errorMessage": message})

    async def run() -> list[tuple[str, ...]]:
        async with opened(answers) as (_, database):
            found: list[tuple[str, ...]] = []
            for call in (
                run_query(database, "FOR u IN userss RETURN u"),
                database.collection("userss").count(),
            ):
                with pytest.raises(NotFoundError) as caught:
                    await call
                found.append(caught.value.did_you_mean)
            return found

    assert asyncio.run(run()) == [("users",), ("users",)]


def test_explaining_and_parsing_send_the_statement_as_it_is() -> None:
    async def run() -> list[tuple[str, dict[str, Any]]]:
        async with opened() as (server, database):
            await explain_query(database, "RETURN 1", all_plans=True, max_plans=3, optimizer_rules=["-all"])
            await parse_query(database, "RETURN @a")
            return [(request.path, json.loads(request.body)) for request in server.requests]

    assert asyncio.run(run()) == [
        (
            "/_db/db/_api/explain",
            {
                "query": "RETURN 1",
                "bindVars": {},
                "options": {"allPlans": True, "maxNumberOfPlans": 3, "optimizer": {"rules": ["-all"]}},
            },
        ),
        ("/_db/db/_api/query", {"query": "RETURN @a"}),
    ]


def test_a_transaction_is_committed_or_aborted_with_its_block() -> None:
    async def answers(_request: Recorded) -> Answer:
        return Answer(body={"result": {"id": "42", "status": "running"}})

    async def run() -> list[tuple[str, str | None]]:
        async with opened(answers) as (server, database):
            async with database.transaction(read=["a"]) as transaction:
                await run_query(transaction, "RETURN 1")
                await transaction.collection("a").insert({"b": 1})
            with pytest.raises(ZeroDivisionError):
                async with database.transaction(write=["a"]):
                    raise ZeroDivisionError
            return [(request.line, request.headers.get("x-arango-trx-id")) for request in server.requests]

    begin = ("POST /_db/db/_api/transaction/begin HTTP/1.1", None)
    assert asyncio.run(run()) == [
        begin,
        ("POST /_db/db/_api/cursor HTTP/1.1", "42"),
        ("POST /_db/db/_api/document/a HTTP/1.1", "42"),
        ("PUT /_db/db/_api/transaction/42 HTTP/1.1", None),
        begin,
        ("DELETE /_db/db/_api/transaction/42 HTTP/1.1", None),
    ]


def test_a_transaction_of_a_cancelled_caller_is_aborted() -> None:
    async def answers(_request: Recorded) -> Answer:
        return Answer(body={"result": {"id": "42", "status": "running"}})

    async def run() -> str:
        async with opened(answers) as (server, database):
            inside = asyncio.Event()

            async def work() -> None:
                async with database.transaction(write=["a"]):
                    inside.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await inside.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return server.requests[-1].line

    assert asyncio.run(run()) == "DELETE /_db/db/_api/transaction/42 HTTP/1.1"


def test_values_that_are_not_json_are_the_callers_mistake() -> None:
    async def run() -> int:
        async with opened() as (server, database):
            for value in (2**70, "\ud800", {1: 2}, object()):
                with pytest.raises(InputError, match="cannot be written as JSON"):
                    await run_query(database, "RETURN @a", {"a": value})
            return len(server.requests)

    assert asyncio.run(run()) == 0
