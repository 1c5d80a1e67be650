"""The drivers' clients on an engine in the same process, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from arango.exceptions import AQLQueryExecuteError, CollectionListError
from arangoasync.auth import Auth
from arangoasync.exceptions import AQLQueryExecuteError as AsyncQueryError

from mcp_arangodb_async.engine import Engine
from mcp_arangodb_async.engine.testing import python_arango, python_arango_async


def test_python_arango_talks_to_an_engine_in_memory() -> None:
    with python_arango.in_process() as client:
        # The driver types every result as a value, a job or nothing; here it is a value.
        db: Any = client.db("_system")
        db.create_collection("users")
        db.collection("users").import_bulk([{"_key": str(number), "age": number} for number in range(20)])
        rows = db.aql.execute(
            "FOR u IN users FILTER u.age >= @age SORT u.age RETURN u.age", bind_vars={"age": 17}
        )
        assert list(rows) == [17, 18, 19]
        assert list(db.aql.execute("FOR i IN 1..5000 RETURN i", batch_size=100)) == list(range(1, 5001))
        with pytest.raises(AQLQueryExecuteError) as error:
            db.aql.execute("RETURN")
        assert error.value.error_code == 1501


def test_an_engine_outlives_its_clients() -> None:
    with Engine.open(None) as engine:
        for count in range(3):
            with python_arango.in_process(engine) as client:
                db: Any = client.db("_system")
                assert db.has_collection("kept") is (count > 0)
                if not count:
                    db.create_collection("kept")


def test_passwords_are_checked_when_wanted() -> None:
    with (
        Engine.open(None, root_password="secret") as engine,
        python_arango.in_process(engine, authentication=True) as client,
    ):
        assert client.db("_system", "root", "secret").collections()
        assert client.db("_system", "root", "secret", auth_method="jwt").collections()
        with pytest.raises(CollectionListError):
            client.db("_system", "root", "wrong").collections()


def test_python_arango_async_talks_to_an_engine_in_memory() -> None:
    async def conversation() -> None:
        async with python_arango_async.in_process() as client:
            db = cast("Any", await client.db("_system", auth=Auth("root", "")))
            await db.create_collection("users")
            await db.collection("users").insert_many([{"_key": str(number)} for number in range(20)])
            cursor = await db.aql.execute("FOR u IN users SORT TO_NUMBER(u._key) RETURN u._key", batch_size=7)
            assert [row async for row in cursor] == [str(number) for number in range(20)]
            with pytest.raises(AsyncQueryError) as error:
                await db.aql.execute("RETURN")
            assert error.value.error_code == 1501

    asyncio.run(conversation())


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
def test_python_arango_async_logs_in() -> None:
    async def conversation() -> None:
        with Engine.open(None, root_password="secret") as engine:
            async with python_arango_async.in_process(engine, authentication=True) as client:
                db = cast("Any", await client.db("_system", auth=Auth("root", "secret"), verify=True))
                assert await db.collections()

    asyncio.run(conversation())
