"""Hundreds of attempts to write where only reading is allowed, each wall taken away; a thousand reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.connections.statement import describe_statement
from mcp_arangodb_async.errors import MaaError, ReadOnlyError
from mcp_arangodb_async.operations.reading import Walls, read_only_query, refuse_writes
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.dispatch import Dispatcher, Incoming
from mcp_arangodb_async.tools.catalog import ALL_TOOLS
from tests.unit.operations.aql_corpus import bind_vars, reads, writes

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase, ArangoTransaction

pytestmark = pytest.mark.anyio
WRITES = list(dict.fromkeys(writes()))
READS = list(dict.fromkeys(reads()))
WALLS = {
    "both": Walls(),
    "analysis": Walls(transaction=False),
    "transaction": Walls(analysis=False),
}
CONTENTS = """
RETURN [
  COLLECTIONS()[*].name,
  (FOR t IN things SORT t._key RETURN t),
  (FOR o IN other SORT o._key RETURN o),
  (FOR e IN edges SORT e._key RETURN e)
]
"""
CLEAR = (
    "FOR t IN things REMOVE t IN things",
    "FOR e IN edges REMOVE e IN edges",
    "FOR o IN other REMOVE o IN other",
    "INSERT {_key: '1'} INTO things",
    "INSERT {_key: '1', _from: 'things/1', _to: 'things/1'} INTO edges",
)


@asynccontextmanager
async def opened() -> AsyncGenerator[App]:
    """One database under two keys: `reading` may only be read, `writing` may be written."""
    place = EmbeddedServer(directory=None)
    databases = {
        "reading": DatabaseSettings(key="reading", server=place, database="walls", access="read"),
        "writing": DatabaseSettings(key="writing", server=place, database="walls", access="admin"),
    }
    async with open_app(Settings(databases=databases, default_database="reading")) as app:
        database = await app.manager.get_database("writing")
        for name, kind in (("things", 2), ("other", 2), ("edges", 3)):
            await database.call("POST", "_api", "collection", body={"name": name, "type": kind})
        for statement in CLEAR:
            await run_query(database, statement)
        yield app


async def contents(app: App) -> str:
    """A digest of everything in the database."""
    return await digest(await app.manager.get_database("writing"))


async def digest(database: ArangoDatabase | ArangoTransaction) -> str:
    """The same as it is seen in a transaction."""
    page = await run_query(database, CONTENTS)
    return hashlib.sha256(json.dumps(page.rows, sort_keys=True).encode()).hexdigest()


async def attempt(database: ArangoDatabase, statement: str, walls: Walls) -> tuple[str, int]:
    """What became of a statement, and how many writes the server counted."""
    try:
        page = await read_only_query(
            database, statement, bind_vars(statement), options=QueryOptions(), walls=walls
        )
    except MaaError as error:
        return error.code, 0
    return "done", page.stats["writesExecuted"]


def test_the_corpora_are_large_enough() -> None:
    assert len(WRITES) >= 400
    assert len(READS) >= 1000


@pytest.mark.parametrize("walls", WALLS.values(), ids=WALLS)
async def test_no_write_gets_through_with_any_wall_taken_away(walls: Walls) -> None:
    async with opened() as app:
        database = await app.manager.get_database("reading")
        before = await contents(app)
        for statement in WRITES:
            outcome, written = await attempt(database, statement, walls)
            # OPTIONS {ignoreErrors: true} also ignores that the server refused.
            ignored = not walls.analysis and "ignoreErrors" in statement
            assert (outcome, written) == ("done" if ignored else "read_only", 0), statement
            if not walls.analysis:
                assert await contents(app) == before, statement
        assert await contents(app) == before


async def test_every_one_of_them_writes_where_that_is_allowed() -> None:
    async with opened() as app:
        database = await app.manager.get_database("writing")
        before = await contents(app)
        for statement in WRITES:
            transaction = await database.begin_transaction(write=["things", "other", "edges"])
            page = await run_query(transaction, statement, bind_vars(statement))
            assert page.stats["writesExecuted"] >= 1, statement
            assert await digest(transaction) != before, statement
            await transaction.abort_transaction()


async def test_every_read_is_answered() -> None:
    async with opened() as app:
        database = await app.manager.get_database("reading")
        # One transaction for all of them: beginning another for each would only take longer.
        async with database.transaction(allow_implicit=True) as transaction:
            for statement in READS:
                refuse_writes(describe_statement(statement), database="reading")
                await run_query(transaction, statement, bind_vars(statement))
        for statement in READS[::20]:
            await read_only_query(database, statement, bind_vars(statement), options=QueryOptions())


async def answer(dispatcher: Dispatcher, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    incoming = Incoming(name=name, arguments=arguments, transport="stdio", era="handshake")
    result = await dispatcher.answer(incoming)
    found: dict[str, Any] = json.loads(result["content"][0]["text"])
    return found


async def test_no_tool_that_takes_aql_lets_a_write_through() -> None:
    async with opened() as app:
        before = await contents(app)
        for number, statement in enumerate(WRITES):
            asked = {"query": statement, "bind_vars": bind_vars(statement)}
            calls = [("arango_query", {**asked, "database": "reading"})]
            if number % 10 == 0:
                calls += [
                    ("arango_query_profile", {**asked, "database": "reading"}),
                    ("arango_query_many", {**asked, "databases": ["reading"]}),
                    # The first database decides nothing for the others.
                    ("arango_query_many", {**asked, "databases": ["writing", "reading"]}),
                ]
            for name, arguments in calls:
                found = await answer(app.dispatcher, name, arguments)
                assert found["error"]["code"] == "read_only", (name, statement)
            if number % 5 == 0:
                explained = await answer(
                    app.dispatcher, "arango_explain_query", {**asked, "database": "reading"}
                )
                assert "error" not in explained, statement
        assert await contents(app) == before


# One working call of every tool that changes a database.
CHANGES: dict[str, dict[str, Any]] = {
    "arango_insert": {"collection": "things", "document": {}},
    "arango_update": {"collection": "things", "key": "1", "update": {"x": 1}},
    "arango_replace": {"collection": "things", "key": "1", "document": {"x": 1}},
    "arango_create_collection": {"name": "more"},
    "arango_create_index": {"collection": "things", "fields": ["x"]},
    "arango_delete_index": {"collection": "things", "id_or_name": "by_y"},
    "arango_insert_with_validation": {"collection": "things", "document": {}},
    "arango_bulk_insert": {"collection": "things", "documents": [{}]},
    "arango_bulk_update": {"collection": "things", "updates": [{"key": "1", "update": {"x": 1}}]},
    "arango_create_graph": {"name": "g", "edge_definitions": []},
    "arango_add_edge": {"collection": "edges", "from_id": "things/1", "to_id": "things/1"},
    "arango_add_vertex_collection": {"graph": "known", "collection": "things"},
    "arango_add_edge_definition": {
        "graph": "known", "edge_collection": "more_edges", "from_collections": ["things"],
        "to_collections": ["things"],
    },
    "arango_remove_graph": {"graph": "known"},
    "arango_create_schema": {"collection": "things", "name": "s", "schema": {"type": "object"}},
    "arango_validate_references": {"collection": "edges", "reference_fields": ["y"], "fix_invalid": True},
    "arango_copy_collection": {"source": "writing", "collection": "things", "new_name": "copied"},
    "arango_remove": {"collection": "things", "key": "1"},
    "arango_drop_collection": {"collection": "other"},
}  # fmt: skip
# They need a backup to restore; tests of backups show that they are refused.
WITH_FILES = {"arango_restore", "arango_restore_graph"}


def test_every_tool_that_changes_a_database_is_tried() -> None:
    changing = {one.name for one in ALL_TOOLS if one.effect.access in {"write", "admin"}}
    assert changing <= set(CHANGES) | WITH_FILES


async def test_a_change_is_refused_by_the_tool_and_also_by_the_connection_alone() -> None:
    async with opened() as app:
        database = await app.manager.get_database("writing")
        await database.call(
            "POST", "_api", "index", params={"collection": "things"},
            body={"type": "persistent", "fields": ["y"], "name": "by_y"},
        )  # fmt: skip
        await database.call("POST", "_api", "gharial", body={"name": "known", "edgeDefinitions": []})
        before = await contents(app)
        # The first wall taken away: the tools believe that everything is allowed.
        known = app.around.configuration.databases
        blind = replace(
            app.around.configuration,
            databases={key: replace(one, access="admin") for key, one in known.items()},
        )
        unguarded = Dispatcher(app.settings, replace(app.around, configuration=blind), app.sessions)
        for name, arguments in CHANGES.items():
            for dispatcher in (app.dispatcher, unguarded):
                found = await answer(dispatcher, name, {**arguments, "database": "reading"})
                assert found.get("error", found)["code"] == "read_only", name
                assert await contents(app) == before, name
        unguarded.close()
        for name, arguments in CHANGES.items():
            found = await answer(app.dispatcher, name, {**arguments, "database": "writing"})
            assert "error" not in found, (name, found)


async def test_the_connection_refuses_whatever_asks() -> None:
    async with opened() as app:
        database = await app.manager.get_database("reading")
        before = await contents(app)
        with pytest.raises(ReadOnlyError):
            await database.collection("things").insert({"x": 1})
        with pytest.raises(ReadOnlyError):
            await database.create_collection("more")
        with pytest.raises(ReadOnlyError):
            async with database.transaction(write=["things"]) as transaction:
                await transaction.collection("things").insert({"x": 1})
        assert await contents(app) == before
