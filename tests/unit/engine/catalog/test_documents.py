"""Inserting, updating, replacing and removing documents."""

import re
from typing import Any

import orjson
import pytest

from mcp_arangodb_async.engine.catalog.cache import DocumentCache
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.options import DocumentChange, OverwriteMode, WriteOptions
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.storage.memory import MemoryStore


def number_of(error: pytest.ExceptionInfo[ArangoError]) -> int:
    return error.value.num


def insert(catalog: Catalog, name: str, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    with catalog.begin(write=True) as tx:
        collection = tx.collection(name)
        return [collection.insert(tx, document).document for document in documents]


def all_of(catalog: Catalog, name: str) -> list[dict[str, Any]]:
    with catalog.begin() as tx:
        return list(tx.collection(name).scan(tx))


@pytest.fixture
def users(catalog: Catalog) -> Catalog:
    catalog.create_collection({"name": "users"})
    return catalog


@pytest.fixture
def knows(catalog: Catalog) -> Catalog:
    catalog.create_collection({"name": "knows", "type": 3})
    return catalog


def test_a_document_gets_its_system_attributes_first(users: Catalog) -> None:
    (stored,) = insert(
        users, "users", {"name": "Ada", "_key": "ada", "_id": "x/y", "_rev": "mine", "_from": 1}
    )
    assert list(stored) == ["_key", "_id", "_rev", "name"]
    assert stored["_id"] == "users/ada"
    assert stored["_rev"] != "mine"
    assert all_of(users, "users") == [stored]


def test_a_key_is_made_when_none_is_given(users: Catalog) -> None:
    first, second = insert(users, "users", {}, {})
    assert int(second["_key"]) > int(first["_key"])
    (third,) = insert(users, "users", {})
    assert int(third["_key"]) > int(second["_key"])


@pytest.mark.parametrize("key", ["", "a b", "a/b", "../x", "ä", "x" * 255, None, 7, ["a"], "a?b", "a#b"])
def test_a_bad_key_is_refused(users: Catalog, key: Any) -> None:
    with pytest.raises(ArangoError) as raised:
        insert(users, "users", {"_key": key})
    assert number_of(raised) == 1221
    assert all_of(users, "users") == []


@pytest.mark.parametrize("key", ["a", "A:b@c.(d)+,=;$!*'%-_", "1", "x" * 254, "%2e%2e"])
def test_every_character_of_a_good_key_is_kept(users: Catalog, key: str) -> None:
    insert(users, "users", {"_key": key})
    with users.begin() as tx:
        document = tx.document(f"users/{key}")
    assert document is not None
    assert document["_key"] == key


def test_a_taken_key_is_named_as_arangodb_names_it(users: Catalog) -> None:
    insert(users, "users", {"_key": "abc"})
    with pytest.raises(ArangoError) as raised:
        insert(users, "users", {"_key": "abc"})
    assert number_of(raised) == 1210
    assert raised.value.message == (
        "unique constraint violated - in index primary of type primary over '_key'; conflicting key: abc"
    )


@pytest.mark.parametrize("document", [[], "a", 1, None])
def test_only_objects_are_documents(users: Catalog, document: Any) -> None:
    with users.begin(write=True) as tx:
        (result,) = tx.collection("users").insert_many(tx, [document])
    assert isinstance(result, ArangoError)
    assert result.num == 1227


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ignore", {"a": 1, "b": {"x": 1}}),
        ("replace", {"b": {"y": 2}}),
        ("update", {"a": 1, "b": {"x": 1, "y": 2}}),
    ],
)
def test_an_insert_may_overwrite(users: Catalog, mode: OverwriteMode, expected: dict[str, Any]) -> None:
    (before,) = insert(users, "users", {"_key": "k", "a": 1, "b": {"x": 1}})
    with users.begin(write=True) as tx:
        options = WriteOptions(overwrite_mode=mode)
        change = tx.collection("users").insert(tx, {"_key": "k", "b": {"y": 2}}, options)
    assert change.old == before
    assert change.ignored is (mode == "ignore")
    (after,) = all_of(users, "users")
    assert change.document == after
    assert {name: value for name, value in after.items() if not name.startswith("_")} == expected
    assert (after["_rev"] == before["_rev"]) is (mode == "ignore")


def test_an_update_merges_objects_and_replaces_arrays(users: Catalog) -> None:
    insert(users, "users", {"_key": "k", "o": {"a": 1, "b": {"c": 1}}, "l": [1, 2], "n": 1})
    with users.begin(write=True) as tx:
        patch = {"o": {"b": {"d": 2}}, "l": [3], "n": None, "_key": "other", "_id": "x/y"}
        new = tx.collection("users").update(tx, "k", patch).document
    assert new["o"] == {"a": 1, "b": {"c": 1, "d": 2}}
    assert (new["l"], new["n"], new["_key"], new["_id"]) == ([3], None, "k", "users/k")


def test_an_empty_update_keeps_even_the_revision(users: Catalog) -> None:
    (stored,) = insert(users, "users", {"_key": "k", "a": 1})
    with users.begin(write=True) as tx:
        for patch in ({}, {"_key": "k"}):
            change = tx.collection("users").update(tx, "k", patch)
            assert (change.old, change.new, change.ignored) == (stored, stored, False)


def test_an_update_can_drop_nulls_and_replace_objects(users: Catalog) -> None:
    insert(users, "users", {"_key": "k", "o": {"a": 1, "b": 2}, "n": 1})
    with users.begin(write=True) as tx:
        collection = tx.collection("users")
        new = collection.update(
            tx, "k", {"o": {"a": None}, "n": None}, WriteOptions(keep_null=False)
        ).document
        assert "n" not in new
        assert new["o"] == {"b": 2}
        options = WriteOptions(merge_objects=False, keep_null=False)
        new = collection.update(tx, "k", {"o": {"c": 3, "d": None}}, options).document
        assert new["o"] == {"c": 3}


def test_an_unknown_document_is_1202(users: Catalog) -> None:
    with users.begin(write=True) as tx:
        collection = tx.collection("users")
        for write in (
            lambda: collection.update(tx, "nobody", {}),
            lambda: collection.replace(tx, "nobody", {}),
            lambda: collection.remove(tx, "nobody"),
        ):
            with pytest.raises(ArangoError) as raised:
                write()
            assert number_of(raised) == 1202
        assert collection.get(tx, "nobody") is None
        assert collection.get(tx, "no\ud800body") is None


def test_a_wrong_revision_is_a_conflict_and_changes_nothing(users: Catalog) -> None:
    (stored,) = insert(users, "users", {"_key": "k", "a": 1})
    wrong, right = WriteOptions(expected_rev="_wrong-----"), WriteOptions(expected_rev=stored["_rev"])
    with users.begin(write=True) as tx:
        collection = tx.collection("users")
        for write in (
            lambda: collection.update(tx, "k", {"a": 2}, wrong),
            lambda: collection.replace(tx, "k", {"a": 2}, wrong),
            lambda: collection.remove(tx, "k", wrong),
            lambda: collection.update(tx, "k", {"_rev": "x", "a": 2}, WriteOptions(ignore_revs=False)),
        ):
            with pytest.raises(ArangoError) as raised:
                write()
            assert number_of(raised) == 1200
        assert collection.get(tx, "k") == stored
        assert collection.update(tx, "k", {"a": 2}, right).document["a"] == 2


def test_a_replacement_keeps_key_and_id_only(users: Catalog) -> None:
    (before,) = insert(users, "users", {"_key": "k", "a": 1})
    with users.begin(write=True) as tx:
        change = tx.collection("users").replace(tx, "k", {"b": 2})
    assert change.old == before
    assert change.document == {"_key": "k", "_id": "users/k", "_rev": change.document["_rev"], "b": 2}
    assert change.document["_rev"] != before["_rev"]


def test_documents_come_in_the_order_of_their_last_write(users: Catalog) -> None:
    insert(users, "users", {"_key": "c"}, {"_key": "a"}, {"_key": "b"})
    assert [each["_key"] for each in all_of(users, "users")] == ["c", "a", "b"]
    with users.begin(write=True) as tx:
        tx.collection("users").update(tx, "c", {"x": 1})
    assert [each["_key"] for each in all_of(users, "users")] == ["a", "b", "c"]
    with users.begin() as tx:
        assert [each["_key"] for each in tx.collection("users").scan(tx, reverse=True)] == ["c", "b", "a"]


def test_an_edge_needs_both_ends(knows: Catalog) -> None:
    for document in (
        {},
        {"_from": "a/1"},
        {"_from": "a/1", "_to": "b"},
        {"_from": "a/1", "_to": "b/"},
        {"_from": "a/1", "_to": 3},
        {"_from": "/1", "_to": "b/2"},
        {"_from": "a/1/2", "_to": "b/2"},
    ):
        with pytest.raises(ArangoError) as raised:
            insert(knows, "knows", document)
        assert number_of(raised) == 1233
    (edge,) = insert(knows, "knows", {"_from": "a/1", "_to": "Köln/2", "w": 1})
    assert list(edge) == ["_key", "_id", "_from", "_to", "_rev", "w"]
    with knows.begin(write=True) as tx, pytest.raises(ArangoError) as raised:
        tx.collection("knows").replace(tx, edge["_key"], {"w": 2})
    assert number_of(raised) == 1233


def test_the_edges_of_a_vertex_follow_every_write(knows: Catalog) -> None:
    one, two, loop = insert(
        knows,
        "knows",
        {"_from": "v/a", "_to": "v/b"},
        {"_from": "v/b", "_to": "v/a"},
        {"_from": "v/a", "_to": "v/a"},
    )
    for _ in range(2):
        with knows.begin() as tx:
            edges = tx.collection("knows")
            assert list(edges.edges(tx, "v/a", "outbound")) == [one, loop]
            assert list(edges.edges(tx, "v/a", "inbound")) == [two, loop]
            assert list(edges.edges(tx, "v/a", "any")) == [one, loop, two]
            assert list(edges.edges(tx, "v/", "any")) == []
    with knows.begin(write=True) as tx:
        edges = tx.collection("knows")
        moved = edges.update(tx, one["_key"], {"_from": "v/c"}).document
        assert list(edges.edges(tx, "v/a", "outbound")) == [loop]
        assert list(edges.edges(tx, "v/c", "any")) == [moved]
        edges.remove(tx, loop["_key"])
    with knows.begin() as tx:
        edges = tx.collection("knows")
        assert list(edges.edges(tx, "v/a", "any")) == [two]


def test_many_are_inserted_and_each_failure_is_its_own(users: Catalog) -> None:
    insert(users, "users", {"_key": "taken"})
    items: list[Any] = [{"_key": "a"}, {"_key": "taken"}, {"_key": "a"}, 7, {"_key": "b b"}, {"x": 1}]
    with users.begin(write=True) as tx:
        results = tx.collection("users").insert_many(tx, items)
    assert [result.num if isinstance(result, ArangoError) else 0 for result in results] == [
        0,
        1210,
        1210,
        1227,
        1221,
        0,
    ]
    with users.begin() as tx:
        assert tx.collection("users").count(tx) == 3


def test_many_may_overwrite_each_other(users: Catalog) -> None:
    with users.begin(write=True) as tx:
        results = tx.collection("users").insert_many(
            tx, [{"_key": "a", "n": 1}, {"_key": "a", "m": 2}], WriteOptions(overwrite_mode="update")
        )
    assert all(isinstance(result, DocumentChange) for result in results)
    (stored,) = all_of(users, "users")
    assert (stored["n"], stored["m"]) == (1, 2)


def test_thousands_are_inserted_in_one_go(users: Catalog) -> None:
    users.create_index("users", {"type": "persistent", "fields": ["n"], "unique": True})
    with users.begin(write=True) as tx:
        results = tx.collection("users").insert_many(tx, [{"n": number % 2500} for number in range(3000)])
    assert sum(isinstance(result, ArangoError) for result in results) == 500
    assert [each["n"] for each in all_of(users, "users")] == list(range(2500))


def test_truncating_removes_everything_and_keeps_the_indexes(users: Catalog) -> None:
    users.create_index("users", {"type": "persistent", "fields": ["n"], "unique": True})
    insert(users, "users", {"n": 1}, {"n": 2})
    users.truncate_collection("users")
    assert all_of(users, "users") == []
    insert(users, "users", {"n": 1})
    with users.begin(write=True) as tx:
        collection = tx.collection("users")
        assert collection.count(tx) == 1
        assert collection.truncate(tx) == 1
        assert collection.count(tx) == 0
        collection.insert(tx, {"n": 1})
    assert len(all_of(users, "users")) == 1


def test_a_failed_block_leaves_nothing(users: Catalog) -> None:
    with users.begin(write=True) as tx:
        collection = tx.collection("users")
        collection.insert(tx, {"_key": "kept"})

        def write_and_fail() -> None:
            with tx.atomic():
                collection.insert(tx, {"_key": "lost"})
                collection.remove(tx, "kept")
                collection.remove(tx, "nobody")

        with pytest.raises(ArangoError):
            write_and_fail()
        assert collection.count(tx) == 1
        assert collection.get(tx, "lost") is None
    assert [each["_key"] for each in all_of(users, "users")] == ["kept"]
    with users.begin() as tx:
        assert tx.collection("users").count(tx) == 1


def test_a_transaction_that_raises_is_rolled_back(users: Catalog) -> None:
    def write_and_fail() -> None:
        with users.begin(write=True) as tx:
            tx.collection("users").insert(tx, {})
            tx.collection("nowhere")

    with pytest.raises(ArangoError):
        write_and_fail()
    assert all_of(users, "users") == []


def test_a_reader_sees_the_documents_of_its_beginning(users: Catalog) -> None:
    insert(users, "users", {"_key": "a", "v": 1}, {"_key": "b"})
    reader = users.begin()
    with users.begin(write=True) as tx:
        collection = tx.collection("users")
        collection.update(tx, "a", {"v": 2})
        collection.remove(tx, "b")
        collection.insert(tx, {"_key": "c"})
    for _ in range(2):
        collection = reader.collection("users")
        assert [(each["_key"], each.get("v")) for each in collection.scan(reader)] == [("a", 1), ("b", None)]
        found = collection.get(reader, "a")
        assert found is not None
        assert found["v"] == 1
        assert collection.count(reader) == 2
    reader.rollback()
    assert [each["_key"] for each in all_of(users, "users")] == ["a", "c"]


def test_a_restored_document_keeps_its_revision(users: Catalog) -> None:
    with users.begin(write=True) as tx:
        document = {"_key": "a", "_rev": "_abc-------"}
        stored = tx.collection("users").insert(tx, document, WriteOptions(is_restore=True)).document
    assert stored["_rev"] == "_abc-------"


def test_an_older_version_is_passed_over(users: Catalog) -> None:
    insert(users, "users", {"_key": "a", "version": 5})
    options = WriteOptions(version_attribute="version")
    with users.begin(write=True) as tx:
        collection = tx.collection("users")
        assert collection.update(tx, "a", {"version": 5, "x": 1}, options).ignored
        assert collection.replace(tx, "a", {"version": 4}, options).ignored
        assert not collection.update(tx, "a", {"version": 6}, options).ignored
        assert not collection.update(tx, "a", {"x": 1}, options).ignored


def test_an_unknown_collection_names_the_closest(users: Catalog) -> None:
    with users.begin() as tx, pytest.raises(ArangoError) as raised:
        tx.collection("user")
    assert number_of(raised) == 1203
    assert "users" in raised.value.message


def test_a_reader_cannot_write(users: Catalog) -> None:
    with users.begin() as tx, pytest.raises(RuntimeError):
        tx.collection("users").insert(tx, {})


def test_a_random_document_is_one_of_them(users: Catalog) -> None:
    with users.begin() as tx:
        assert tx.collection("users").any(tx) is None
    stored = insert(users, "users", {}, {}, {})
    for _ in range(10):
        with users.begin() as tx:
            assert tx.collection("users").any(tx) in stored
    assert len(all_of(users, "users")) == 3
    with users.begin() as tx:
        assert tx.collection("users").any(tx) in stored


@pytest.mark.parametrize(
    "items",
    [
        [{"_key": "a", "n": 1}, {"_key": "b"}, {"n": 2, "_key": "c", "x": {"y": 1, "_key": "c"}}],
        [{"n": 1}, {}, {"x": 2.0, "text": 'a "quoted" é'}],
        [{"_key": "7", "n": 1.5e300}, {"x": [1.0, {"_key": "8"}], "_key": "8"}],
    ],
    ids=["keys", "no keys", "numbers"],
)
@pytest.mark.parametrize("cached", [64 * 1024 * 1024, 0], ids=["kept", "not kept"])
@pytest.mark.parametrize("index", [[], ["n"], ["_key", "_rev"]], ids=["plain", "index", "index over added"])
def test_documents_imported_together_are_stored_as_single_ones(
    items: list[dict[str, Any]], cached: int, index: list[str]
) -> None:
    catalog = Catalog(
        "test", MemoryStore(), DocumentCache(cached), cache_number=7, compiler=lambda _text, _fail: repr
    )
    for name in ("many", "one"):
        catalog.create_collection({"name": name})
        if index:
            catalog.create_index(
                name, {"type": "persistent", "fields": index, "unique": True, "sparse": True}
            )
    with catalog.begin(write=True) as tx:
        assert tx.collection("many").store_many(tx, items) == {}
        if "_key" in items[0]:
            again = tx.collection("many").store_many(tx, items)
            assert [each.num for each in again.values() if isinstance(each, ArangoError)] == [1210] * len(
                items
            )
    for item in items:
        insert(catalog, "one", item)

    def stored(name: str) -> list[bytes]:
        with catalog.begin() as tx:
            collection = tx.collection(name)
            assert [each["_id"] for each in collection.scan(tx)]
            bodies = [body for _, body in tx.store.scan(collection.bodies)][: len(items)]
            assert all(list(orjson.loads(body))[:3] == ["_key", "_id", "_rev"] for body in bodies)
        return [re.sub(rb'^.*?"_rev":"[^"]+"', b"", body) for body in bodies]

    assert stored("many") == stored("one")
    catalog.close()
