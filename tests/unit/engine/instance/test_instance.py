"""The engine as a whole: databases, users, upkeep."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.engine import ArangoError, Engine
from mcp_arangodb_async.engine.catalog.streams import StreamOptions


@pytest.fixture(params=["directory", "memory"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with Engine.open(tmp_path if request.param == "directory" else None) as made:
        yield made


def rows(engine: Engine, name: str, query: str) -> list[Any]:
    return list(engine.database(name).query(query).rows)


def test_a_new_engine_has_a_system_database_and_root(engine: Engine) -> None:
    assert engine.databases() == ["_system"]
    assert engine.users.check_password("root", "")
    assert engine.version.startswith("3.12")
    assert engine.server_id.isdigit()
    assert int(engine.tick()) < int(engine.tick())


def test_databases_come_and_go(engine: Engine) -> None:
    engine.create_database("one")
    engine.database("one").catalog.create_collection({"name": "c"})
    assert rows(engine, "one", "INSERT {a: 1} INTO c RETURN NEW.a") == [1]
    assert rows(engine, "one", "FOR d IN c RETURN d.a") == [1]
    assert engine.has_database("one")
    engine.drop_database("one")
    assert not engine.has_database("one")
    with pytest.raises(ArangoError) as raised:
        engine.database("one")
    assert raised.value.num == 1228
    engine.create_database("one")
    with pytest.raises(ArangoError) as raised:
        rows(engine, "one", "FOR d IN c RETURN d")
    assert raised.value.num == 1203


def test_computed_values_are_aql(engine: Engine) -> None:
    catalog = engine.database("_system").catalog
    value = {"name": "sum", "expression": "RETURN @doc.a + @doc.b", "overwrite": True}
    catalog.create_collection({"name": "c", "computedValues": [value]})
    assert rows(engine, "_system", "INSERT {a: 1, b: 2} INTO c RETURN NEW.sum") == [3]
    with pytest.raises(ArangoError):
        catalog.create_collection({"name": "d", "computedValues": [{**value, "expression": "RETURN @doc."}]})


def test_what_expires_and_what_is_idle_is_ended(engine: Engine) -> None:
    database = engine.database("_system")
    database.catalog.create_collection({"name": "c"})
    database.catalog.create_index("c", {"type": "ttl", "fields": ["at"], "expireAfter": 0})
    rows(engine, "_system", f"FOR at IN [1, {time.time() + 3600}] INSERT {{at}} INTO c")
    database.streams.begin(write=["c"], options=StreamOptions(idle_timeout=-1.0))
    assert engine.keep_up() == 2
    assert engine.keep_up() == 0
    assert rows(engine, "_system", "RETURN LENGTH(c)") == [1]


def test_closing_ends_what_is_open_and_the_thread(engine: Engine) -> None:
    database = engine.database("_system")
    database.catalog.create_collection({"name": "c"})
    number = database.streams.begin(write=["c"])
    engine.close()
    assert database.streams.status(number) == "aborted"
    assert "engine-upkeep" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ArangoError) as raised:
        engine.database("_system")
    assert raised.value.num == 30
    engine.close()


def test_a_directory_keeps_data_and_users(tmp_path: Path) -> None:
    with Engine.open(tmp_path, root_password="first") as engine:
        engine.create_database("one").catalog.create_collection({"name": "c"})
        rows(engine, "one", "INSERT {_key: 'k'} INTO c")
        server = engine.server_id
    with Engine.open(tmp_path) as engine:
        assert rows(engine, "one", "FOR d IN c RETURN d._key") == ["k"]
        assert engine.users.check_password("root", "first")
        assert not engine.users.check_password("root", "")
        assert engine.server_id == server


def test_two_engines_share_a_directory(tmp_path: Path) -> None:
    with Engine.open(tmp_path) as one, Engine.open(tmp_path) as other:
        one.create_database("shared").catalog.create_collection({"name": "c"})
        for number in range(20):
            rows(one if number % 2 else other, "shared", f"INSERT {{n: {number}}} INTO c")
        query = "FOR d IN c SORT d.n RETURN d.n"
        assert rows(one, "shared", query) == rows(other, "shared", query) == list(range(20))
        other.users.create("ada", "secret")
        assert one.users.check_password("ada", "secret")
        other.drop_database("shared")
        assert not one.has_database("shared")


def test_writers_in_many_threads_lose_nothing(engine: Engine) -> None:
    engine.database("_system").catalog.create_collection({"name": "c"})
    failures: list[BaseException] = []

    def write(thread: int) -> None:
        try:
            for number in range(25):
                rows(engine, "_system", f"INSERT {{_key: '{thread}-{number}'}} INTO c")
        except ArangoError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert rows(engine, "_system", "RETURN LENGTH(c)") == [100]
