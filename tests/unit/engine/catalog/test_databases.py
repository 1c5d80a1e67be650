"""The databases of a directory or of memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog.databases import Databases
from mcp_arangodb_async.engine.errors import ArangoError


def no_compiler(expression: str, fail_on_warning: bool) -> Callable[[dict[str, Any]], Any]:
    raise ArangoError(1501, expression)


def opened(directory: Path | None) -> Databases:
    return Databases(directory, compiler=no_compiler, cache_bytes=1_000_000, lock_timeout=5.0)


@pytest.fixture(params=["directory", "memory"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    made = opened(tmp_path / "data" if request.param == "directory" else None)
    yield made
    made.close()


def put(databases: Databases, name: str, key: str) -> None:
    catalog = databases.catalog(name)
    if "c" not in catalog.state().by_name:
        catalog.create_collection({"name": "c"})
    with catalog.begin(write=True) as tx:
        tx.collection("c").insert(tx, {"_key": key})


def keys(databases: Databases, name: str) -> list[str]:
    catalog = databases.catalog(name)
    with catalog.begin() as tx:
        return [each["_key"] for each in tx.collection("c").scan(tx)]


def test_the_system_database_always_exists(databases: Databases) -> None:
    assert databases.names() == ["_system"]
    assert "_users" in databases.catalog("_system").state().by_name
    with pytest.raises(ArangoError) as raised:
        databases.drop("_system")
    assert raised.value.num == 11
    with pytest.raises(ArangoError) as raised:
        databases.create("_system")
    assert raised.value.num == 1207


def test_databases_are_kept_apart(databases: Databases) -> None:
    for name in ("one", "two"):
        databases.create(name)
        put(databases, name, name)
    assert databases.names() == ["_system", "one", "two"]
    assert (keys(databases, "one"), keys(databases, "two")) == (["one"], ["two"])
    assert "_users" not in databases.catalog("one").state().by_name
    assert databases.record("one").id != databases.record("two").id
    with pytest.raises(ArangoError) as raised:
        databases.create("one")
    assert raised.value.num == 1207


@pytest.mark.parametrize("name", ["", "_x", "1", "1a", "a/b", "a:b", "x" * 129, "..", ".a", " a", "a\0b"])
def test_a_bad_name_is_refused(databases: Databases, name: str) -> None:
    with pytest.raises(ArangoError) as raised:
        databases.create(name)
    assert raised.value.num == 1229


@pytest.mark.parametrize("name", ["a", "España", "%2e%2e", "a?b#c", "x" * 128, "a.b", "con"])
def test_a_strange_name_stays_within_the_directory(databases: Databases, name: str) -> None:
    databases.create(name)
    put(databases, name, "k")
    assert keys(databases, name) == ["k"]
    if databases.directory is not None:
        files = {path.name for path in databases.directory.iterdir()}
        assert {each.split(".")[0].rstrip("0123456789") for each in files} == {"_system", "db"}


def test_a_dropped_database_takes_its_files_along(databases: Databases) -> None:
    databases.create("one")
    put(databases, "one", "old")
    databases.drop("one")
    for call in (databases.drop, databases.catalog, databases.record):
        with pytest.raises(ArangoError) as raised:
            call("one")
        assert raised.value.num == 1228
        assert "_system" in raised.value.message
    if databases.directory is not None:
        assert not list(databases.directory.glob("db*"))
    databases.create("one")
    assert "c" not in databases.catalog("one").state().by_name


def test_a_directory_is_found_as_it_was_left(tmp_path: Path) -> None:
    databases = opened(tmp_path)
    databases.create("one")
    put(databases, "one", "k")
    server = databases.server_id
    databases.close()
    with pytest.raises(ArangoError) as raised:
        databases.catalog("one")
    assert raised.value.num == 30
    databases = opened(tmp_path)
    assert databases.names() == ["_system", "one"]
    assert keys(databases, "one") == ["k"]
    assert databases.server_id == server
    databases.close()


def test_engines_that_share_a_directory_agree(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    one.create("shared")
    put(other, "shared", "a")
    put(one, "shared", "b")
    assert sorted(keys(other, "shared")) == ["a", "b"]
    one.drop("shared")
    with pytest.raises(ArangoError) as raised:
        other.catalog("shared")
    assert raised.value.num == 1228
    one.create("shared")
    put(one, "shared", "new")
    assert keys(other, "shared") == ["new"]
    one.close()
    other.close()


def test_what_an_unfinished_drop_left_is_removed(tmp_path: Path) -> None:
    databases = opened(tmp_path)
    databases.create("kept")
    databases.close()
    (tmp_path / "db99.sqlite").write_bytes(b"remains")
    (tmp_path / "db99.sqlite-wal").write_bytes(b"remains")
    (tmp_path / "notes.txt").write_text("mine")
    databases = opened(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert not any(name.startswith("db99") for name in names)
    assert "notes.txt" in names
    assert databases.names() == ["_system", "kept"]
    databases.close()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArangoError) as raised:
        opened(tmp_path / "file" / "data")
    assert raised.value.num == 19
