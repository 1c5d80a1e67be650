"""The official driver against the API, over a real socket.

The driver types every result as a value, a job or nothing; here it is a value, so its objects are `Any`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from arangoasync import ArangoClient
from arangoasync.auth import Auth
from arangoasync.exceptions import ArangoServerError, DocumentRevisionError

from mcp_arangodb_async.engine import Engine, Listening, running

# The driver still uses what aiohttp is about to remove.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

PASSWORD = "a password"


@pytest.fixture(scope="module")
def server() -> Generator[Listening]:
    with (
        Engine.open(None, root_password=PASSWORD) as engine,
        running(engine, authentication=True) as listening,
    ):
        yield listening


@asynccontextmanager
async def database(
    server: Listening,
    name: str = "_system",
    user: str = "root",
    password: str = PASSWORD,
    method: str = "basic",
) -> AsyncGenerator[Any]:
    async with ArangoClient(hosts=server.url) as client:
        yield await client.db(name, auth_method=method, auth=Auth(user, password), verify=False)


def in_new_database(server: Listening, name: str, conversation: Callable[[Any], Awaitable[None]]) -> None:
    """Run a conversation in a database made for it."""

    async def run() -> None:
        async with database(server) as system:
            await system.create_database(name)
            async with database(server, name) as db:
                await conversation(db)
            assert await system.delete_database(name)

    asyncio.run(run())


async def rows(db: Any, query: str, **options: Any) -> list[Any]:
    cursor = await db.aql.execute(query, **options)
    async with cursor as opened:
        return [row async for row in opened]


async def code_of(call: Awaitable[Any]) -> tuple[int, int | None]:
    """Status and error number of a call that has to fail."""
    with pytest.raises(ArangoServerError) as caught:
        await call
    assert caught.value.http_code is not None
    return caught.value.http_code, caught.value.error_code


def test_documents_travel_both_ways_with_revisions_and_options(server: Listening) -> None:
    async def talk(db: Any) -> None:
        users = await db.create_collection("users")
        made = await users.insert({"_key": "ada", "n": {"a": 1}}, return_new=True)
        assert made["new"]["_id"] == "users/ada"
        changed = await users.update({"_key": "ada", "n": {"b": None}}, keep_null=False)
        assert changed["_oldRev"] == made["_rev"]
        assert (await users.get("ada"))["n"] == {"a": 1}
        with pytest.raises(DocumentRevisionError):
            await users.replace({"_key": "ada", "x": 1}, if_match=made["_rev"])
        many = await users.insert_many([{"_key": "ada"}, {"_key": "bob"}])
        assert (many[0]["errorNum"], many[1]["_key"]) == (1210, "bob")
        imported = await users.import_bulk(
            '{"_key":"cy"}\n\n{"_key":"bob"}\n', doc_type="documents", complete=False, details=False
        )
        assert imported == {"error": False, "created": 1, "errors": 1, "empty": 1, "updated": 0, "ignored": 0}
        assert await users.count() == 3
        assert await code_of(users.delete("nobody")) == (404, 1202)

    in_new_database(server, "documents", talk)


@pytest.mark.parametrize("key", ["a:b@c", "50%25", "..%2F..", "a+b", "=;$!*'()"])
def test_a_hostile_key_stays_a_key(server: Listening, key: str) -> None:
    async def talk(db: Any) -> None:
        collection = await db.create_collection("keys")
        await collection.insert({"_key": key})
        assert await rows(db, "FOR d IN keys RETURN d._key") == [key]
        assert await rows(db, "RETURN DOCUMENT('keys', @key)._key", bind_vars={"key": key}) == [key]

    in_new_database(server, "hostile", talk)


def test_indexes_are_made_listed_and_enforced(server: Listening) -> None:
    async def talk(db: Any) -> None:
        collection = await db.create_collection("c")
        index = await collection.add_index(
            "persistent", ["a"], {"unique": True, "sparse": True, "name": "by_a"}
        )
        assert (index.name, index.unique, index.sparse) == ("by_a", True, True)
        again = await collection.add_index("persistent", ["a"], {"unique": True, "sparse": True})
        assert again.id == index.id
        await collection.insert({"a": 1})
        assert await code_of(collection.insert({"a": 1})) == (409, 1210)
        names = [entry.name for entry in await collection.indexes()]
        assert names == ["primary", "by_a"]
        assert await collection.delete_index(index.id)

    in_new_database(server, "indexes", talk)


def test_results_come_in_batches(server: Listening) -> None:
    async def talk(db: Any) -> None:
        assert await rows(db, "FOR i IN 1..7 RETURN i", batch_size=2, count=True) == [1, 2, 3, 4, 5, 6, 7]
        assert await rows(db, "FOR i IN 1..5 RETURN i", batch_size=2, options={"stream": True}) == [
            1,
            2,
            3,
            4,
            5,
        ]
        assert await rows(db, "RETURN @a", bind_vars={"a": {"b": [1, None]}}) == [{"b": [1, None]}]
        assert await code_of(db.aql.execute("FOR u IN")) == (400, 1501)
        assert await code_of(db.aql.execute("FOR u IN nowhere RETURN u")) == (404, 1203)

    in_new_database(server, "cursors", talk)


def test_graphs_are_built_and_walked(server: Listening) -> None:
    async def talk(db: Any) -> None:
        definition = {"collection": "knows", "from": ["p"], "to": ["p"]}
        graph = await db.create_graph("social", edge_definitions=[definition])
        for key in ("a", "b", "c"):
            await graph.insert_vertex("p", {"_key": key})
        await graph.link("knows", "p/a", "p/b", {})
        await graph.link("knows", "p/b", "p/c", {})
        assert await code_of(graph.link("knows", "p/a", "p/nobody", {})) == (404, 1202)
        query = "FOR v IN 1..2 OUTBOUND 'p/a' GRAPH 'social' RETURN v._key"
        assert await rows(db, query) == ["b", "c"]
        await graph.delete_vertex("p/b")
        assert await rows(db, "RETURN LENGTH(knows)") == [0]

    in_new_database(server, "graphs", talk)


def test_a_stream_transaction_sees_its_own_writes_and_nobody_else_does(server: Listening) -> None:
    async def talk(db: Any) -> None:
        collection = await db.create_collection("c")
        inside = await db.begin_transaction(read="c", write="c")
        await inside.collection("c").insert({"_key": "x"})
        assert await rows(inside, "FOR d IN c RETURN d._key") == ["x"]
        assert await collection.count() == 0
        await inside.abort_transaction()
        assert await inside.transaction_status() == "aborted"
        inside = await db.begin_transaction(read="c", write="c")
        await inside.collection("c").insert({"_key": "y"})
        await inside.commit_transaction()
        assert await collection.get("y") is not None

    in_new_database(server, "streams", talk)


def test_a_job_is_answered_later(server: Listening) -> None:
    async def talk(db: Any) -> None:
        job = await db.begin_async_execution().aql.execute("RETURN 42")
        await job.wait()
        cursor = await job.result()
        assert [row async for row in cursor] == [42]

    in_new_database(server, "jobs", talk)


def test_rights_are_enforced_for_databases_collections_and_queries(server: Listening) -> None:
    async def run() -> None:
        async with database(server) as system:
            await system.create_database("rights")
            await system.create_user({"user": "eve", "password": "pw", "active": True})
            async with database(server, "rights") as db:
                for name in ("open", "closed"):
                    await db.create_collection(name)
            async with database(server, "rights", "eve", "pw") as db:
                assert await code_of(db.collections()) == (401, 11)
                await system.update_permission("eve", "ro", "rights")
                assert await rows(db, "RETURN LENGTH(open)") == [0]
                assert await code_of(db.create_collection("new")) == (403, 11)
                assert await code_of(db.collection("open").insert({})) == (403, 11)
                assert await code_of(db.aql.execute("INSERT {} INTO open")) == (403, 11)
                await system.update_permission("eve", "rw", "rights", "open")
                await db.collection("open").insert({})
                await system.update_permission("eve", "none", "rights", "closed")
                assert await code_of(db.aql.execute("FOR d IN closed RETURN d")) == (403, 11)
                assert [entry.name for entry in await db.collections() if not entry.is_system] == ["open"]
            async with database(server, "nowhere", "eve", "pw") as db:
                assert await code_of(db.collections()) == (401, 11)
            async with database(server, "_system", "eve", "pw") as db:
                assert await code_of(db.users()) == (401, 11)
            await system.delete_database("rights")
            await system.delete_user("eve")

    asyncio.run(run())


def test_a_session_token_is_taken_for_the_password(server: Listening) -> None:
    async def run() -> None:
        async with database(server, method="jwt") as db:
            assert (await db.version())["version"].startswith("3.12")

    asyncio.run(run())
