"""What a database that is down, slow or hostile input costs, and whom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
import pytest

from tests.interaction.conversation import Places, Way

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def silent_server() -> AsyncGenerator[int]:
    """A server that accepts connections and never answers; its port."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


def with_dead(port: int) -> str:
    return f"""
default_database: dead
databases:
  dead: {{url: "http://127.0.0.1:{port}", timeout: 2}}
  alive: {{url: "embedded::memory:", database: alive_data}}
  other: {{url: "http://127.0.0.1:1", timeout: 2}}
"""


async def test_a_dead_database_costs_its_callers_little(way: Way, places: Places, free_port: int) -> None:
    async with places.open(way, with_dead(free_port)) as talk, talk() as client:
        await client.call("query", query="RETURN 1", database="alive")
        # The first call to a server elsewhere also loads the HTTP client.
        await client.fail("query", query="RETURN 1", database="other")
        started = time.monotonic()
        error = await client.fail("query", query="RETURN 1")
        assert time.monotonic() - started < 3
        assert (error["code"], error["database"]) == ("unavailable", "dead")
        assert (await client.call("query", query="RETURN 2", database="alive"))["rows"] == [2]
        status = await client.call("get_multi_database_status")
        assert status["summary"]["connected"] == 1
        assert [one["status"] for one in status["databases"]] == ["error", "connected", "error"]
        tested = await client.call("test_database_connection", database="dead")
        assert tested["connected"] is False


async def test_a_silent_database_keeps_nobody_else_waiting(places: Places) -> None:
    """Other clients and ping are answered while one waits for a server that never answers."""
    way = Way(carrier="http", era="handshake")
    async with (
        silent_server() as port,
        places.open(way, with_dead(port)) as talk,
        talk() as waiting,
        talk() as other,
    ):
        await other.call("query", query="RETURN 1", database="alive")
        call = asyncio.create_task(waiting.ask("query", query="RETURN 1", database="dead"))
        await asyncio.sleep(0)
        slowest = 0.0
        while not call.done():
            started = time.monotonic()
            assert (await other.call("query", query="RETURN 1", database="alive"))["rows"] == [1]
            await waiting.client.session.send_request(types.PingRequest(), types.EmptyResult)
            slowest = max(slowest, time.monotonic() - started)
        answer = await call
        assert answer["error"]["code"] in {"timeout", "unavailable"}
        assert slowest < 1.5


async def test_cancelling_a_call_leaves_the_session_usable(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await client.call("query", query="RETURN 1", database="red")
        long = "FOR i IN 1..@n FILTER SLEEP(0.01) RETURN i"
        call = asyncio.create_task(client.ask("query", query=long, bind_vars={"n": 10_000}, database="red"))
        await asyncio.sleep(0.3)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(20):
            assert (await client.call("query", query="RETURN 2", database="red"))["rows"] == [2]


async def test_a_query_is_stopped_at_its_max_runtime(places: Places) -> None:
    way = Way(carrier="memory", era="stateless")
    async with places.open(way) as talk, talk() as client:
        started = time.monotonic()
        error = await client.fail(
            "query", query="FOR i IN 1..1000 FILTER SLEEP(0.05) RETURN i", max_runtime=0.5
        )
        assert time.monotonic() - started < 10
        assert error["code"] == "timeout"


HOSTILE = [
    "../x", "a/../b", "..", ".", "x/y/z", "x\u0000y", "x\ny", "", " ", "🦆" * 200, "/_api/version",
]  # fmt: skip
# Legal since ArangoDB 3.12, and dangerous for whoever writes them into a URL unencoded.
LEGAL = ["x?y=1", "x#y", "%2e%2e%2f", "a b", "🦆", "a_api&x"]


async def test_hostile_names_never_leave_their_segment(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await client.call("create_collection", name="things", database="red")
        for name in HOSTILE:
            calls: list[tuple[str, dict[str, Any]]] = [
                ("insert", {"collection": name, "document": {}}),
                ("insert", {"collection": "things", "document": {"_key": name}}),
                ("update", {"collection": "things", "key": name, "update": {}}),
                ("remove", {"collection": name, "key": "1"}),
                ("create_collection", {"name": name}),
                ("traverse", {"start_vertex": name, "graph": "g"}),
                ("traverse", {"start_vertex": "things/1", "graph": name}),
                ("traverse", {"start_vertex": "things/1", "edge_collections": [name]}),
                ("list_indexes", {"collection": name}),
                ("bulk_insert", {"collection": name, "documents": [{}]}),
            ]
            for tool, arguments in calls:
                error = await client.fail(tool, database="red", **arguments)
                assert error["code"] == "invalid_argument", (tool, arguments, error)
        listed = await client.call("list_collections", database="red")
        assert [row["name"] for row in listed["rows"]] == ["things"]


async def test_legal_names_with_special_characters_name_what_they_say(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        for number, name in enumerate(LEGAL):
            await client.call("create_collection", name=name, database="red")
            document = {"_key": "k:@()+,=;$!*'%", "number": number}
            await client.call("insert", collection=name, document=document, database="red")
            done = await client.call(
                "update", collection=name, key=document["_key"], update={"a": 1}, database="red"
            )
            assert done["_id"] == f"{name}/{document['_key']}"
            found = await client.call(
                "query", query="FOR d IN @@c RETURN d.number", bind_vars={"@c": name}, database="red"
            )
            assert found["rows"] == [number]
        listed = await client.call("list_collections", database="red")
        assert sorted(row["name"] for row in listed["rows"]) == sorted(LEGAL)


BROKEN: list[dict[str, Any]] = [
    {"query": 7},
    {"query": ["RETURN 1"]},
    {"query": "RETURN 1", "bind_vars": []},
    {"query": "RETURN 1", "bind_vars": "not json"},
    {"query": "RETURN 1", "max_rows": 0},
    {"query": "RETURN 1", "max_rows": "many"},
    {"query": "RETURN 1", "format": "xml"},
    {"query": "RETURN 1", "max_runtime": -1},
    {"query": "RETURN 1", "memory_limit": -1},
    {"query": "RETURN 1", "nope": True},
    {"query": "RETURN 1", "database": 7},
    {"query": "RETURN 1", "database": "../red"},
    {"query": ""},
    {},
    {"next": "nxt_" + "A" * 32},
    {"next": "12345"},
    {"query": "RETURN " + "(" * 3000 + "1" + ")" * 3000},
    {"query": "RETURN 1", "bind_vars": {"": 1}},
    {"query": "RETURN @a", "bind_vars": {"b": 1}},
]


async def test_broken_arguments_are_told_not_crashed_on(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        for arguments in BROKEN:
            error = await client.fail("query", **arguments)
            known = {"invalid_argument", "not_found", "unknown_database", "limit_exceeded"}
            assert error["code"] in known, (arguments, error)
            assert "Traceback" not in str(error)
            assert "/site-packages/" not in str(error)
