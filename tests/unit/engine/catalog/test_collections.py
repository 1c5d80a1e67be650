"""Collections: made, changed, renamed, dropped; keys, schemas and computed values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.graphs import add_vertex_collection, create_graph, graph
from mcp_arangodb_async.engine.catalog.records import EdgeDefinition
from mcp_arangodb_async.engine.catalog.transaction import META
from mcp_arangodb_async.engine.catalog.verify import problems
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore
from mcp_arangodb_async.engine.storage.store import Store

Opener = Callable[[Store], Catalog]


def insert(catalog: Catalog, name: str, *documents: dict[str, Any]) -> list[dict[str, Any]]:
    with catalog.begin(write=True) as tx:
        return [tx.collection(name).insert(tx, document).document for document in documents]


def test_a_new_database_has_its_system_collections(catalog: Catalog) -> None:
    names = set(catalog.state().by_name)
    assert {"_graphs", "_analyzers", "_aqlfunctions", "_jobs", "_queues", "_apps", "_appbundles"} <= names
    assert all(catalog.state().by_name[name].properties.is_system for name in names)


@pytest.mark.parametrize("name", ["a", "A-b_c9", "x" * 256, "España", "😀", "abc? <> 123!", "a.b", "a%2e"])
def test_a_good_name_is_accepted(catalog: Catalog, name: str) -> None:
    assert catalog.create_collection({"name": name}).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        None,
        7,
        "1a",
        ".a",
        "_a",
        "a/b",
        "a:b",
        "x" * 257,
        " a",
        "a ",
        "a\nb",
        "..",
        "Ko\u0308ln",
        "a\ud800",
    ],
)
def test_a_bad_name_is_refused(catalog: Catalog, name: Any) -> None:
    with pytest.raises(ArangoError) as raised:
        catalog.create_collection({"name": name})
    assert raised.value.num == 1208


def test_a_system_collection_has_to_say_so(catalog: Catalog) -> None:
    assert catalog.create_collection({"name": "_mine", "isSystem": True}).properties.is_system
    with pytest.raises(ArangoError) as raised:
        catalog.drop_collection("_mine")
    assert raised.value.num == 11
    catalog.drop_collection("_mine", allow_system=True)


@pytest.mark.parametrize(
    ("definition", "num"),
    [
        ({"type": 4}, 10),
        ({"type": None}, 10),
        ({"waitForSync": 1}, 10),
        ({"keyOptions": {"type": "unknown"}}, 1232),
        ({"keyOptions": []}, 1232),
        ({"keyOptions": {"type": "autoincrement", "increment": 0}}, 1232),
        ({"keyOptions": {"type": "autoincrement", "increment": 65536}}, 1232),
        ({"keyOptions": {"type": "autoincrement", "offset": -1}}, 1232),
        ({"keyOptions": {"type": "traditional", "increment": 2}}, 1232),
        ({"keyOptions": {"type": "padded", "offset": 2}}, 1232),
        ({"keyOptions": {"type": "uuid", "lastValue": 2}}, 1232),
        ({"schema": 7}, 1621),
        ({"schema": {"rule": {"type": "nonsense"}}}, 1621),
        ({"schema": {"rule": {}, "level": "sometimes"}}, 1621),
        ({"schema": {"level": "strict"}}, 1621),
        ({"computedValues": {}}, 10),
        ({"computedValues": [{"name": "a", "expression": "RETURN 1"}]}, 10),
        ({"computedValues": [{"name": "_key", "expression": "RETURN 1", "overwrite": True}]}, 10),
        ({"computedValues": [{"name": "a", "expression": "RETURN", "overwrite": True}]}, 1501),
    ],
)
def test_a_bad_definition_is_refused(catalog: Catalog, definition: dict[str, Any], num: int) -> None:
    with pytest.raises(ArangoError) as raised:
        catalog.create_collection({"name": "c", **definition})
    assert raised.value.num == num
    assert "c" not in catalog.state().by_name


def test_a_name_is_taken_once(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c"})
    catalog.create_view({"name": "v", "type": "arangosearch"})
    for name in ("c", "v"):
        with pytest.raises(ArangoError) as raised:
            catalog.create_collection({"name": name})
        assert raised.value.num == 1207


def test_properties_are_shown_as_arangodb_shows_them(catalog: Catalog) -> None:
    made = catalog.create_collection({"name": "c", "keyOptions": {"type": "autoincrement", "increment": 5}})
    shown = catalog.describe(made.properties)
    assert shown["keyOptions"] == {
        "allowUserKeys": True,
        "type": "autoincrement",
        "offset": 0,
        "increment": 5,
        "lastValue": 0,
    }
    assert (shown["id"], shown["status"], shown["type"]) == (str(made.id), 3, 2)
    assert shown["globallyUniqueId"].endswith(f"/{made.id}")
    assert (shown["schema"], shown["computedValues"]) == (None, None)
    insert(catalog, "c", {})
    assert catalog.describe(made.properties)["keyOptions"]["lastValue"] == 5


def test_autoincrement_counts_from_its_offset(catalog: Catalog) -> None:
    catalog.create_collection(
        {"name": "c", "keyOptions": {"type": "autoincrement", "increment": 10, "offset": 7}}
    )
    made = insert(catalog, "c", {}, {}, {"_key": "30"}, {})
    assert [each["_key"] for each in made] == ["7", "17", "30", "37"]
    with pytest.raises(ArangoError) as raised:
        insert(catalog, "c", {"_key": "x"})
    assert raised.value.num == 1221


def test_padded_keys_sort_as_text(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c", "keyOptions": {"type": "padded"}})
    made = [each["_key"] for each in insert(catalog, "c", {}, {}, {"_key": "0fff000000000000"}, {})]
    assert made == sorted(made)
    assert all(len(key) == 16 for key in made)


def test_uuids_are_uuids(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c", "keyOptions": {"type": "uuid"}})
    one, other = insert(catalog, "c", {}, {})
    assert one["_key"] != other["_key"]
    assert len(one["_key"]) == 36


def test_keys_of_users_can_be_forbidden(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c", "keyOptions": {"allowUserKeys": False}})
    with pytest.raises(ArangoError) as raised:
        insert(catalog, "c", {"_key": "mine"})
    assert raised.value.num == 1222
    insert(catalog, "c", {})


def test_made_keys_go_above_numbers_that_users_gave(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c"})
    *_, made = insert(catalog, "c", {"_key": "5000000"}, {})
    assert made["_key"] == "5000001"
    with catalog.begin(write=True) as tx:
        tx.collection("c").truncate(tx)
    (again,) = insert(catalog, "c", {})
    assert int(again["_key"]) > 5000001


def num_of(write: Callable[[], object]) -> int:
    try:
        write()
    except ArangoError as error:
        return error.num
    return 0


def schema(level: str, message: str = "") -> dict[str, Any]:
    rule = {"properties": {"n": {"type": "number"}}, "required": ["n"], "additionalProperties": False}
    return {"rule": rule, "level": level, "message": message}


def test_a_schema_is_asked_as_its_level_says(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c"})
    insert(catalog, "c", {"_key": "bad"}, {"_key": "good", "n": 1})

    def refuses(key: str, patch: dict[str, Any]) -> bool:
        with catalog.begin(write=True) as tx:
            return num_of(lambda: tx.collection("c").update(tx, key, patch)) == 1620

    expected = {
        "none": (False, False),
        "new": (False, False),
        "moderate": (False, True),
        "strict": (True, True),
    }
    for level, (bad, good) in expected.items():
        catalog.change_collection("c", {"schema": schema(level)})
        assert refuses("bad", {"x": 1}) is bad
        assert refuses("good", {"n": "x"}) is good
        if level != "strict":
            with catalog.begin(write=True) as tx:
                tx.collection("c").replace(tx, "good", {"n": 1})
    with pytest.raises(ArangoError) as raised:
        insert(catalog, "c", {"n": "x"})
    assert raised.value.num == 1620
    catalog.change_collection("c", {"schema": None})
    insert(catalog, "c", {"n": "x"})


def test_a_schema_answers_with_its_message(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c", "schema": schema("new", "a number is needed")})
    with pytest.raises(ArangoError) as raised:
        insert(catalog, "c", {})
    assert raised.value.message == "a number is needed"
    shown = catalog.describe(catalog.state().by_name["c"].properties)["schema"]
    assert shown == {**schema("new", "a number is needed"), "type": "json"}


def computed(**changes: Any) -> dict[str, Any]:
    return {"name": "upper", "expression": "RETURN UPPER(@doc.name)", "overwrite": True, **changes}


def test_computed_values_are_set_when_they_should(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c", "computedValues": [computed(computeOn=["insert", "replace"])]})
    (made,) = insert(catalog, "c", {"_key": "k", "name": "ada", "upper": "mine"})
    assert made["upper"] == "ADA"
    with catalog.begin(write=True) as tx:
        collection = tx.collection("c")
        assert collection.update(tx, "k", {"name": "bob"}).document["upper"] == "ADA"
        assert collection.replace(tx, "k", {"name": "eve"}).document["upper"] == "EVE"


def test_a_computed_value_may_leave_given_ones_and_drop_nulls(catalog: Catalog) -> None:
    values = [computed(overwrite=False, keepNull=False)]
    catalog.create_collection({"name": "c", "computedValues": values})
    given, missing, made = insert(catalog, "c", {"name": "a", "upper": "mine"}, {}, {"name": "x"})
    assert given["upper"] == "mine"
    assert "upper" not in missing
    assert made["upper"] == "X"
    shown = catalog.describe(catalog.state().by_name["c"].properties)["computedValues"]
    assert shown[0]["computeOn"] == ["insert", "update", "replace"]


def test_a_warning_can_fail_the_write(catalog: Catalog) -> None:
    catalog.create_collection({"name": "c", "computedValues": [computed(failOnWarning=True)]})
    with pytest.raises(ArangoError) as raised:
        insert(catalog, "c", {})
    assert raised.value.num == 1542


def test_a_renamed_collection_takes_its_documents_indexes_and_graphs_along(catalog: Catalog) -> None:
    create_graph(catalog, "g", [EdgeDefinition(collection="e", sources=("old",), targets=("old",))])
    catalog.create_index("old", {"type": "persistent", "fields": ["n"], "name": "by_n"})
    insert(catalog, "old", {"_key": "k", "n": 1})
    catalog.create_view({"name": "v", "type": "arangosearch", "links": {"old": {"includeAllFields": True}}})
    before = catalog.state()
    catalog.rename_collection("old", "new")
    assert catalog.state().version > before.version
    with catalog.begin() as tx:
        collection = tx.collection("new")
        assert collection.id == before.by_name["old"].id
        document = collection.get(tx, "k")
        assert document is not None
        assert document["_id"] == "new/k"
        assert collection.index("by_n").full_id.startswith("new/")
        assert graph(tx, "g").vertex_collections == ("new",)
        assert list(tx.catalog.views["v"].properties["links"]) == ["new"]
        with pytest.raises(ArangoError):
            tx.collection("old")
    with pytest.raises(ArangoError) as raised:
        catalog.rename_collection("new", "e")
    assert raised.value.num == 1207
    with pytest.raises(ArangoError) as raised:
        catalog.rename_collection("_graphs", "graphs")
    assert raised.value.num == 11


def test_a_collection_of_a_graph_is_not_dropped(catalog: Catalog) -> None:
    create_graph(catalog, "g", [EdgeDefinition(collection="e", sources=("v",), targets=("v",))])
    add_vertex_collection(catalog, "g", "orphan")
    for name in ("e", "v", "orphan"):
        with pytest.raises(ArangoError) as raised:
            catalog.drop_collection(name)
        assert raised.value.num == 1942


def test_a_dropped_collection_is_gone_with_everything(catalog: Catalog) -> None:
    with catalog.begin() as tx:
        spaces = tx.store.spaces()
    catalog.create_collection({"name": "c", "type": 3})
    catalog.create_index("c", {"type": "persistent", "fields": ["a"]})
    insert(catalog, "c", {"_from": "a/1", "_to": "a/2"})
    catalog.drop_collection("c")
    with catalog.begin() as tx:
        assert tx.store.spaces() == spaces
    catalog.create_collection({"name": "c"})
    with catalog.begin() as tx:
        assert tx.collection("c").count(tx) == 0
        assert list(tx.collection("c").scan(tx)) == []


def test_figures_and_checksums_follow_the_contents(catalog: Catalog) -> None:
    for name in ("one", "two"):
        catalog.create_collection({"name": name})
    insert(catalog, "one", {"_key": "a", "n": 1}, {"_key": "b", "n": 2})
    insert(catalog, "two", {"_key": "b", "n": 2}, {"_key": "a", "n": 3})
    with catalog.begin() as tx:
        one, two = tx.collection("one"), tx.collection("two")
        assert one.checksum(tx) == two.checksum(tx)
        assert one.checksum(tx, with_data=True) != two.checksum(tx, with_data=True)
        assert one.checksum(tx, with_revisions=True) != two.checksum(tx, with_revisions=True)
        assert one.figures(tx)["documentsSize"] > 0
        before = one.revision(tx)
    insert(catalog, "one", {})
    with catalog.begin() as tx:
        assert tx.collection("one").revision(tx) != before


def test_everything_is_there_when_the_file_is_opened_again(tmp_path: Path, opened: Opener) -> None:
    catalog = opened(SqliteStore(tmp_path / "a"))
    catalog.create_collection(
        {
            "name": "c",
            "schema": schema("new"),
            "computedValues": [computed()],
            "keyOptions": {"type": "autoincrement", "increment": 3},
            "waitForSync": True,
        }
    )
    catalog.create_index("c", {"type": "persistent", "fields": ["n", "tags[*]"], "storedValues": ["x"]})
    catalog.create_index("c", {"type": "inverted", "fields": ["a"]})
    catalog.create_view({"name": "v", "type": "arangosearch", "links": {"c": {}}})
    catalog.create_analyzer({"name": "mine", "type": "delimiter", "properties": {"delimiter": ","}})
    catalog.change_collection("c", {"schema": None})
    insert(catalog, "c", {"n": 1})
    before = catalog.state()
    catalog.close()
    catalog = opened(SqliteStore(tmp_path / "a"))
    after = catalog.state()
    assert after.version == before.version
    assert after.by_name["c"].properties == before.by_name["c"].properties
    assert after.by_name["c"].indexes == before.by_name["c"].indexes
    assert after.views == before.views
    assert after.analyzers == before.analyzers
    (next_one,) = insert(catalog, "c", {"name": "x"})
    assert next_one["_key"] == "6"
    assert next_one["upper"] == "X"
    catalog.close()


def test_another_engine_on_the_same_file_sees_every_change(tmp_path: Path, opened: Opener) -> None:
    one, other = opened(SqliteStore(tmp_path / "a")), opened(SqliteStore(tmp_path / "a"))
    one.create_collection({"name": "c"})
    insert(one, "c", {"_key": "a", "n": 1})
    for catalog in (one, other):
        with catalog.begin() as tx:
            assert [each["n"] for each in tx.collection("c").scan(tx)] == [1]
    insert(other, "c", {"_key": "b", "n": 2})
    with other.begin(write=True) as tx:
        tx.collection("c").update(tx, "a", {"n": 3})
    for catalog in (one, other, one):
        with catalog.begin() as tx:
            collection = tx.collection("c")
            assert [each["n"] for each in collection.scan(tx)] == [2, 3]
            assert list(collection.documents(tx) or ()) == list(collection.scan(tx))
            assert collection.count(tx) == 2
    other.create_index("c", {"type": "persistent", "fields": ["n"], "unique": True})
    with pytest.raises(ArangoError) as raised:
        insert(one, "c", {"n": 3})
    assert raised.value.num == 1210
    other.drop_collection("c")
    with one.begin() as tx, pytest.raises(ArangoError) as raised:
        tx.collection("c")
    assert raised.value.num == 1203
    one.close()
    other.close()


def test_another_string_order_makes_the_indexes_anew(tmp_path: Path, opened: Opener) -> None:
    catalog = opened(SqliteStore(tmp_path / "a"))
    catalog.create_collection({"name": "c"})
    catalog.create_index("c", {"type": "persistent", "fields": ["n"], "unique": True})
    catalog.create_index("c", {"type": "persistent", "fields": ["tags[*]"]})
    insert(catalog, "c", {"n": "a", "tags": ["x", "y"]}, {"n": "B"})
    with catalog.begin(write=True) as tx:  # as another version might have left it
        tx.store.put(META, b"collation", b"another")
        for writer in tx.collection("c").writers:
            tx.store.clear_space(writer.space)
            tx.store.put(writer.space, b"old", b"12345678")
        assert list(problems(tx)) != []
    catalog.close()
    for _ in range(2):
        catalog = opened(SqliteStore(tmp_path / "a"))
        with catalog.begin() as tx:
            assert list(problems(tx)) == []
        catalog.close()


def test_a_layout_of_another_version_is_refused(tmp_path: Path, opened: Opener) -> None:
    catalog = opened(SqliteStore(tmp_path / "a"))
    catalog.close()
    store = SqliteStore(tmp_path / "a")
    tx = store.begin(write=True)
    tx.put(META, b"format", b"99")
    tx.commit()
    with pytest.raises(ArangoError) as raised:
        opened(store)
    assert raised.value.num == 35
    store.close()
