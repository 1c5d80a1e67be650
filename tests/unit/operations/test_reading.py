"""Nothing is written through a database that may only be read, with any one wall taken away."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager, QueryOptions, run_query
from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.operations.reading import Walls, read_only_query

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

pytestmark = pytest.mark.anyio

BOTH = Walls()
ANALYSIS_ONLY = Walls(transaction=False)
TRANSACTION_ONLY = Walls(analysis=False)

# Each is a whole statement that would change `things`, which holds {_key: "1"}.
WRITES = (
    "INSERT {x: 1} INTO things",
    "INSERT {x: 1} IN things",
    "INSERT {x: 1} INTO @@c",
    "INSERT {x: 1} INTO `things`",
    "insert {x: 1} into things",
    "InSeRt {x: 1} InTo things",
    "UPDATE '1' WITH {x: 1} IN things",
    "UPDATE {_key: '1', x: 1} IN things",
    "UPDATE {_key: '1'} WITH {x: 1} IN @@c",
    "REPLACE '1' WITH {x: 1} IN things",
    "REPLACE {_key: '1', x: 1} IN @@c",
    "REMOVE '1' IN things",
    "REMOVE {_key: '1'} IN @@c",
    "REMOVE @key IN things",
    "UPSERT {_key: '1'} INSERT {} UPDATE {x: 1} IN things",
    "UPSERT {x: 7} INSERT {x: 7} REPLACE {} IN @@c",
    "FOR t IN things REMOVE t IN things",
    "FOR t IN things UPDATE t WITH {x: 1} IN things",
    "FOR t IN things REPLACE t WITH {x: 1} IN things",
    "FOR t IN things INSERT UNSET(t, '_key', '_id', '_rev') INTO things",
    "FOR t IN things FILTER t._key == '1' UPDATE t WITH {x: 1} IN things RETURN NEW",
    "FOR t IN @@c UPDATE t WITH {x: 1} IN @@c RETURN OLD",
    "FOR i IN 1..3 INSERT {i} INTO things",
    "FOR i IN 1..3 INSERT {_key: CONCAT('k', i)} INTO things OPTIONS {overwrite: true}",
    "FOR t IN things LIMIT 1 UPDATE t WITH {x: 1} IN things OPTIONS {ignoreErrors: true}",
    "LET changed = (FOR t IN things UPDATE t WITH {x: 1} IN things RETURN NEW) RETURN changed",
    "LET removed = (REMOVE '1' IN things RETURN OLD) RETURN LENGTH(removed)",
    "RETURN (INSERT {x: 1} INTO things RETURN NEW)",
    "RETURN LENGTH((FOR t IN things REMOVE t IN things RETURN OLD))",
    "RETURN FIRST((INSERT {x: 1} INTO @@c RETURN NEW))",
    "FOR x IN (FOR t IN things REMOVE t IN things RETURN OLD) RETURN x",
    "FOR x IN things LET y = (INSERT {x: 1} INTO other RETURN NEW) RETURN y",
    "RETURN {a: {b: [(INSERT {x: 1} INTO things RETURN NEW)]}}",
    "RETURN true ? (INSERT {x: 1} INTO things RETURN 1) : 0",
    "/* RETURN 1 */ INSERT {x: 1} INTO things",
    "// RETURN 1\nINSERT {x: 1} INTO things",
    "INSERT {x: 1} /* INTO nothing */ INTO things",
    "INSERT {x: 'RETURN 1'} INTO things",
    "\n\t  INSERT\n{x: 1}\nINTO\nthings",
    "WITH things INSERT {x: 1} INTO things",
    "FOR v, e IN 1..1 OUTBOUND 'things/1' edges INSERT {x: 1} INTO things",
    "FOR t IN things COLLECT k = t.x INTO g INSERT {k} INTO other",
    "FOR t IN things SORT t.x INSERT {x: t.x} INTO other RETURN NEW",
    "LET a = 1 LET b = 2 INSERT {a, b} INTO things",
)

READS = (
    "RETURN 1",
    "FOR t IN things RETURN t",
    "FOR t IN @@c RETURN t.`INSERT`",
    "RETURN 'INSERT {} INTO things'",
    "RETURN {'insert': 1, `remove`: 2}.`remove`",
    "FOR t IN things FILTER t['remove'] == null RETURN t._key",
    "LET `upsert` = 1 RETURN `upsert`",
    "// REMOVE t IN things\nRETURN 1",
    "/* UPDATE t IN things */ RETURN 2",
    "RETURN DOCUMENT('things/1')",
    "FOR t IN things COLLECT WITH COUNT INTO n RETURN n",
    "FOR v IN 1..2 ANY 'things/1' edges RETURN v",
    "RETURN CALL('SUBSTRING', 'abc', 1)",
    "RETURN APPLY('CONCAT', ['a', 'b'])",
    "FOR t IN things LET s = (FOR o IN other RETURN o) RETURN {t, s}",
)

USER_CODE = (
    "RETURN MY::FUNCTION(1)",
    "RETURN my::deep::function()",
    "RETURN CALL('my::function', 1)",
    "RETURN APPLY('my::function', [1])",
    "RETURN CALL(@name, 1)",
    "RETURN CALL(CONCAT('my', '::', 'function'), 1)",
)


@asynccontextmanager
async def opened() -> AsyncGenerator[ArangoDatabase]:
    """A database in memory with `things`, `other` and `edges`."""
    settings = DatabaseSettings(key="d", server=EmbeddedServer(directory=None), database="walls")
    async with MultiDatabaseConnectionManager({"d": settings}) as manager:
        database = await manager.get_database("d")
        for name, kind in (("things", 2), ("other", 2), ("edges", 3)):
            await database.call("POST", "_api", "collection", body={"name": name, "type": kind})
        await database.call("POST", "_api", "document", "things", body={"_key": "1"})
        edge = {"_from": "things/1", "_to": "things/1"}
        await database.call("POST", "_api", "document", "edges", body=edge)
        yield database


def bind_vars(statement: str) -> dict[str, Any]:
    values = {"@c": "things", "key": "1", "name": "MY::FUNCTION"}
    return {name: value for name, value in values.items() if f"@{name}" in statement}


async def contents(database: ArangoDatabase) -> Any:
    page = await run_query(
        database, "RETURN [(FOR t IN things SORT t._key RETURN t), (FOR o IN other RETURN o)]"
    )
    return page.rows


async def attempt(database: ArangoDatabase, statement: str, walls: Walls) -> tuple[str, int]:
    """What became of a statement, and how many writes the server counted."""
    try:
        page = await read_only_query(
            database, statement, bind_vars(statement), options=QueryOptions(), walls=walls
        )
    except MaaError as error:
        return error.code, 0
    return "done", page.stats["writesExecuted"]


@pytest.mark.parametrize("walls", [BOTH, ANALYSIS_ONLY, TRANSACTION_ONLY], ids=["both", "analysis", "server"])
async def test_no_write_gets_through(walls: Walls) -> None:
    async with opened() as database:
        before = await contents(database)
        for statement in WRITES:
            outcome, writes = await attempt(database, statement, walls)
            # OPTIONS {ignoreErrors: true} also ignores that the server refused.
            ignored = not walls.analysis and "ignoreErrors" in statement
            assert outcome == ("done" if ignored else "read_only"), statement
            assert writes == 0, statement
            assert await contents(database) == before, statement


async def test_the_same_statements_do_write_where_that_is_allowed() -> None:
    async with opened() as database:
        for statement in WRITES:
            before = await contents(database)
            page = await run_query(database, statement, bind_vars(statement))
            assert page.stats["writesExecuted"] >= 1, statement
            assert await contents(database) != before, statement
            await run_query(database, "FOR t IN things REMOVE t IN things")
            await run_query(database, "INSERT {_key: '1'} INTO things")


@pytest.mark.parametrize("walls", [BOTH, ANALYSIS_ONLY, TRANSACTION_ONLY], ids=["both", "analysis", "server"])
async def test_reads_are_answered(walls: Walls) -> None:
    async with opened() as database:
        for statement in READS:
            page = await read_only_query(
                database, statement, bind_vars(statement), options=QueryOptions(), walls=walls
            )
            plain = await run_query(database, statement, bind_vars(statement))
            assert page.rows == plain.rows, statement


async def test_code_that_may_write_is_not_called() -> None:
    async with opened() as database:
        for statement in USER_CODE:
            with pytest.raises(MaaError) as caught:
                await read_only_query(database, statement, bind_vars(statement), options=QueryOptions())
            assert caught.value.code == "read_only", statement


async def test_a_result_read_behind_the_walls_can_be_continued() -> None:
    from mcp_arangodb_async.connections import next_page

    async with opened() as database:
        options = QueryOptions(batch_size=10)
        page = await read_only_query(database, "FOR i IN 1..25 RETURN i", None, options=options)
        assert page.cursor_id is not None
        rows = page.rows + (await next_page(database, page.cursor_id)).rows
        assert rows == list(range(1, 21))
