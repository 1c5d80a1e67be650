"""Indexes: their definitions, their entries, and what a lookup finds."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.index import Bound, Bounds
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.storage.memory import MemoryStore
from mcp_arangodb_async.engine.storage.store import Store
from mcp_arangodb_async.engine.values import compare

Opener = Callable[[Store], Catalog]


@pytest.fixture
def items(catalog: Catalog) -> Catalog:
    catalog.create_collection({"name": "items"})
    return catalog


def insert(catalog: Catalog, *documents: dict[str, Any]) -> None:
    with catalog.begin(write=True) as tx:
        for document in documents:
            tx.collection("items").insert(tx, document)


def keys(catalog: Catalog, index: str, bounds: Bounds, *, reverse: bool = False) -> list[str]:
    with catalog.begin() as tx:
        items = tx.collection("items")
        return [each["_key"] for each in items.lookup(tx, items.index(index), bounds, reverse=reverse)]


def make(catalog: Catalog, **definition: Any) -> str:
    index, _ = catalog.create_index("items", {"type": "persistent", **definition})
    return index.name


def test_an_equal_index_is_made_once(items: Catalog) -> None:
    definition = {"type": "persistent", "fields": ["a", "b"], "unique": True}
    first, is_new = items.create_index("items", definition)
    again, is_new_again = items.create_index("items", {**definition, "name": "other", "inBackground": True})
    assert (is_new, is_new_again) == (True, False)
    assert again == first
    assert first.name == f"idx_{first.id}"
    assert first.full_id == f"items/{first.id}"
    other, _ = items.create_index("items", {**definition, "sparse": True})
    assert other.id != first.id


@pytest.mark.parametrize(
    "definition",
    [
        {},
        {"type": "nonsense", "fields": ["a"]},
        {"type": "primary", "fields": ["_key"]},
        {"type": "persistent"},
        {"type": "persistent", "fields": []},
        {"type": "persistent", "fields": "a"},
        {"type": "persistent", "fields": [1]},
        {"type": "persistent", "fields": ["a", "a"]},
        {"type": "persistent", "fields": ["a."]},
        {"type": "persistent", "fields": ["_id"]},
        {"type": "persistent", "fields": ["a[*].b[*]"]},
        {"type": "persistent", "fields": ["a[1]"]},
        {"type": "persistent", "fields": ["a"], "unique": "yes"},
        {"type": "persistent", "fields": ["a"], "storedValues": ["a"]},
        {"type": "ttl", "fields": ["a"]},
        {"type": "ttl", "fields": ["a", "b"], "expireAfter": 1},
        {"type": "ttl", "fields": ["a"], "expireAfter": -1},
        {"type": "geo", "fields": ["a", "b", "c"]},
        {"type": "geo", "fields": ["a", "b"], "geoJson": True},
        {"type": "fulltext", "fields": ["a", "b"]},
        {"type": "mdi", "fields": ["a", "b"]},
        {"type": "inverted"},
        {"type": "vector", "fields": ["a"], "params": {"metric": "l2"}},
    ],
)
def test_a_bad_definition_is_refused(items: Catalog, definition: dict[str, Any]) -> None:
    with pytest.raises(ArangoError) as raised:
        items.create_index("items", definition)
    assert raised.value.num == 10
    with items.begin() as tx:
        assert len(tx.collection("items").indexes) == 1


def test_a_name_belongs_to_one_index(items: Catalog) -> None:
    make(items, fields=["a"], name="mine")
    with pytest.raises(ArangoError) as raised:
        make(items, fields=["b"], name="mine")
    assert raised.value.num == 1005
    with pytest.raises(ArangoError) as raised:
        make(items, fields=["b"], name="1/2")
    assert raised.value.num == 1208


def test_the_primary_index_stays(items: Catalog) -> None:
    for handle in ("primary", "0", "items/0"):
        with pytest.raises(ArangoError) as raised:
            items.drop_index("items", handle)
        assert raised.value.num == 11
    with pytest.raises(ArangoError) as raised:
        items.drop_index("items", "nothing")
    assert raised.value.num == 1212


def test_ranges_are_found_in_order_and_in_reverse(items: Catalog) -> None:
    insert(items, *({"_key": f"k{n}", "a": n % 5, "b": n} for n in range(10)))
    index = make(items, fields=["a", "b"])
    insert(items, {"_key": "none"}, {"_key": "text", "a": "x"})
    assert keys(items, index, Bounds(equal=(3,))) == ["k3", "k8"]
    assert keys(items, index, Bounds(equal=(3,), lower=Bound(value=3, inclusive=False))) == ["k8"]
    assert keys(items, index, Bounds(equal=(3, 8))) == ["k8"]
    assert keys(items, index, Bounds(equal=(99,))) == []
    assert keys(items, index, Bounds(upper=Bound(value=1, inclusive=False))) == ["none", "k0", "k5"]
    assert keys(items, index, Bounds(lower=Bound(value=4)), reverse=True) == ["text", "k9", "k4"]
    assert keys(items, index, Bounds(lower=Bound(value=4), upper=Bound(value=4))) == ["k4", "k9"]
    assert keys(items, index, Bounds())[:2] == ["none", "k0"]
    assert len(keys(items, index, Bounds())) == 12


def test_in_finds_each_value_once_in_index_order(items: Catalog) -> None:
    insert(items, *({"_key": f"k{n}", "a": n} for n in range(6)))
    name = make(items, fields=["a"])
    with items.begin() as tx:
        collection = tx.collection("items")
        index = collection.index(name)
        assert [each["a"] for each in collection.lookup_in(tx, index, [4, 1, 4.0, 1, 9, None])] == [1, 4]
        assert [each["a"] for each in collection.lookup_in(tx, index, [4, 1], reverse=True)] == [4, 1]
        primary = collection.indexes[0]
        found = collection.lookup_in(tx, primary, ["k3", "items/k1", "other/k2", 7, "k3", "zz"])
        assert [each["_key"] for each in found] == ["k3", "k1"]
        assert [each["_key"] for each in collection.lookup(tx, primary, Bounds(equal=("items/k5",)))] == [
            "k5"
        ]


def test_a_unique_index_refuses_the_second(items: Catalog) -> None:
    name = make(items, fields=["a", "b.c"], unique=True)
    insert(items, {"_key": "one", "a": 1, "b": {"c": 2}})
    with pytest.raises(ArangoError) as raised:
        insert(items, {"a": 1.0, "b": {"c": 2, "d": 3}})
    assert raised.value.num == 1210
    assert raised.value.message == (
        f"unique constraint violated - in index {name} of type persistent over 'a, b.c'; conflicting key: one"
    )
    insert(items, {"_key": "two", "a": 1})
    with items.begin(write=True) as tx:
        collection = tx.collection("items")
        collection.update(tx, "one", {"x": 1})
        with pytest.raises(ArangoError) as raised:
            collection.update(tx, "two", {"b": {"c": 2}})
        assert raised.value.num == 1210
        collection.remove(tx, "one")
        collection.update(tx, "two", {"b": {"c": 2}})


def test_nulls_collide_in_a_unique_index_unless_it_is_sparse(items: Catalog) -> None:
    sparse = make(items, fields=["s"], unique=True, sparse=True)
    insert(items, {}, {}, {"s": None}, {"s": 1})
    assert len(keys(items, sparse, Bounds())) == 1
    with pytest.raises(ArangoError) as raised:
        make(items, fields=["missing"], unique=True)
    assert raised.value.num == 1210
    with items.begin() as tx:
        assert len(tx.collection("items").indexes) == 2


def test_an_array_index_has_an_entry_for_each_element(items: Catalog) -> None:
    insert(
        items,
        {"_key": "a", "tags": ["x", "y", "x"]},
        {"_key": "b", "tags": []},
        {"_key": "c", "tags": "x"},
        {"_key": "d", "tags": ["y"]},
    )
    index = make(items, fields=["tags[*]"])
    assert keys(items, index, Bounds(equal=("x",))) == ["a"]
    assert keys(items, index, Bounds(equal=("y",))) == ["a", "d"]
    assert keys(items, index, Bounds(equal=(None,))) == ["b", "c"]
    assert keys(items, index, Bounds(lower=Bound(value="x"))) == ["a", "d"]
    sparse = make(items, fields=["tags[*]"], sparse=True)
    assert keys(items, sparse, Bounds()) == ["a", "d"]


def test_an_array_index_reaches_into_its_elements(items: Catalog) -> None:
    index = make(items, fields=["list[*].name", "n"])
    insert(items, {"_key": "a", "list": [{"name": "x"}, {"name": "y"}, 7], "n": 1})
    assert keys(items, index, Bounds(equal=("y", 1))) == ["a"]
    assert keys(items, index, Bounds(equal=(None,))) == ["a"]
    with items.begin(write=True) as tx:
        tx.collection("items").update(tx, "a", {"list": [{"name": "z"}]})
    assert keys(items, index, Bounds(equal=("y",))) == []
    assert keys(items, index, Bounds(equal=("z",))) == ["a"]


def test_a_unique_array_index_minds_repetitions_when_told(items: Catalog) -> None:
    make(items, fields=["u[*]"], unique=True, sparse=True)
    insert(items, {"u": [1, 1]})
    make(items, fields=["v[*]"], unique=True, deduplicate=False, sparse=True)
    with pytest.raises(ArangoError) as raised:
        insert(items, {"v": [1, 1]})
    assert raised.value.num == 1210
    with pytest.raises(ArangoError) as raised:
        insert(items, {"u": [2, 1]})
    assert raised.value.num == 1210


def test_old_names_of_types_are_kept(items: Catalog) -> None:
    for kind in ("hash", "skiplist"):
        index, _ = items.create_index("items", {"type": kind, "fields": [kind]})
        assert index.type == kind
        insert(items, {"_key": kind, kind: 1})
        assert keys(items, index.name, Bounds(equal=(1,))) == [kind]


def test_a_dropped_index_leaves_nothing_behind(items: Catalog) -> None:
    index = make(items, fields=["a"], unique=True)
    insert(items, {"a": 1})
    dropped = items.drop_index("items", index)
    assert dropped.name == index
    insert(items, {"a": 1})
    with items.begin() as tx:
        assert [each for each in tx.store.spaces() if each.startswith("i")] == []


def test_expired_documents_are_removed(items: Catalog) -> None:
    items.create_index("items", {"type": "ttl", "fields": ["at"], "expireAfter": 60})
    with pytest.raises(ArangoError) as raised:
        items.create_index("items", {"type": "ttl", "fields": ["other"], "expireAfter": 60})
    assert raised.value.num == 10
    insert(
        items,
        {"_key": "past", "at": 1000},
        {"_key": "text", "at": "1970-01-01T00:16:40Z"},
        {"_key": "zone", "at": "1970-01-01T01:16:40+01:00"},
        {"_key": "soon", "at": 1010},
        {"_key": "never", "at": "tomorrow"},
        {"_key": "without"},
        {"_key": "bool", "at": True},
    )
    assert items.expire(now=1059) == 0
    assert items.expire(now=1060.5) == 3
    with items.begin() as tx:
        assert [each["_key"] for each in tx.collection("items").scan(tx)] == [
            "soon",
            "never",
            "without",
            "bool",
        ]
    assert items.expire(now=1060.5) == 0


def test_definitions_without_entries_are_kept(items: Catalog) -> None:
    definitions: list[dict[str, Any]] = [
        {"type": "geo", "fields": ["lat", "lon"]},
        {"type": "fulltext", "fields": ["text"], "minLength": 3},
        {"type": "inverted", "fields": ["a", {"name": "b", "analyzer": "text_en"}]},
        {"type": "mdi", "fields": ["x", "y"], "fieldValueTypes": "double"},
        {"type": "vector", "fields": ["v"], "params": {"metric": "l2", "dimension": 3, "nLists": 1}},
    ]
    for definition in definitions:
        index, is_new = items.create_index("items", definition)
        assert is_new
        assert items.create_index("items", definition) == (index, False)
        with items.begin() as tx:
            shown = items.describe_index(tx, tx.collection("items"), index)
        assert shown["type"] == definition["type"]
    insert(items, {"lat": 1, "lon": 2, "text": "abc", "a": 1, "x": 1, "y": 1, "v": [1, 2, 3]})


def test_an_index_is_shown_as_arangodb_shows_it(items: Catalog) -> None:
    index, _ = items.create_index("items", {"type": "persistent", "fields": ["a"], "name": "mine"})
    insert(items, {"a": 1}, {"a": 1}, {"a": 2}, {"a": 3})
    with items.begin() as tx:
        collection = tx.collection("items")
        assert items.describe_index(tx, collection, collection.indexes[0]) == {
            "id": "items/0",
            "type": "primary",
            "name": "primary",
            "fields": ["_key"],
            "unique": True,
            "sparse": False,
            "selectivityEstimate": 1.0,
        }
        assert items.describe_index(tx, collection, index) == {
            "id": index.full_id,
            "type": "persistent",
            "name": "mine",
            "fields": ["a"],
            "unique": False,
            "sparse": False,
            "deduplicate": True,
            "estimates": True,
            "cacheEnabled": False,
            "selectivityEstimate": 0.75,
        }


scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "a", "B", "ä", 0.5]))
things = st.one_of(scalars, st.lists(scalars, max_size=2))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    documents=st.lists(st.fixed_dictionaries({}, optional={"a": things, "b": scalars}), max_size=12),
    limit=things,
    from_below=st.booleans(),
    inclusive=st.booleans(),
    sparse=st.booleans(),
)
def test_a_lookup_finds_what_a_filter_finds(
    opened: Opener,
    documents: list[dict[str, Any]],
    limit: Any,
    from_below: bool,
    inclusive: bool,
    sparse: bool,
) -> None:
    catalog = opened(MemoryStore())
    catalog.create_collection({"name": "items"})
    insert(catalog, *documents)
    index = make(catalog, fields=["a", "b"], sparse=sparse)
    bound = Bound(value=limit, inclusive=inclusive)
    bounds = Bounds(lower=bound) if from_below else Bounds(upper=bound)

    def fits(document: dict[str, Any]) -> bool:
        if sparse and (document.get("a") is None or document.get("b") is None):
            return False
        order = compare(document.get("a"), limit)
        return (order == 0 and inclusive) or (order > 0 if from_below else order < 0)

    with catalog.begin() as tx:
        items = tx.collection("items")
        stored = list(items.scan(tx))
        found = list(items.lookup(tx, items.index(index), bounds))
    assert sorted(each["_key"] for each in found) == sorted(each["_key"] for each in stored if fits(each))
    for one, other in pairwise(found):
        order = compare(one.get("a"), other.get("a")) or compare(one.get("b"), other.get("b"))
        assert order < 0 or (order == 0 and one["_key"] < other["_key"])
    catalog.close()
