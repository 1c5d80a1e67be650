"""Named graphs and their rules."""

from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog import graphs
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.records import EdgeDefinition, Graph
from mcp_arangodb_async.engine.errors import ArangoError


def definition(collection: str, sources: str, targets: str) -> EdgeDefinition:
    return EdgeDefinition(
        collection=collection, sources=tuple(sources.split()), targets=tuple(targets.split())
    )


@pytest.fixture
def social(catalog: Catalog) -> Catalog:
    """people -knows-> people, people -likes-> things, and places alone."""
    graphs.create_graph(
        catalog,
        "social",
        [definition("likes", "people", "things"), definition("knows", "people", "people")],
        ["places"],
    )
    return catalog


def read(catalog: Catalog, name: str = "social") -> Graph:
    with catalog.begin() as tx:
        return graphs.graph(tx, name)


def insert(catalog: Catalog, collection: str, document: dict[str, Any]) -> dict[str, Any]:
    with catalog.begin(write=True) as tx:
        return graphs.insert_edge(tx, graphs.graph(tx, "social"), collection, document).document


def put(catalog: Catalog, collection: str, *keys: str) -> None:
    with catalog.begin(write=True) as tx:
        for key in keys:
            tx.collection(collection).insert(tx, {"_key": key})


def test_a_graph_makes_its_collections(social: Catalog) -> None:
    kinds = {name: each.is_edge for name, each in social.state().by_name.items() if not name.startswith("_")}
    assert kinds == {"people": False, "things": False, "places": False, "knows": True, "likes": True}
    assert graphs.describe_graph(read(social)) == {
        "_key": "social",
        "_id": "_graphs/social",
        "_rev": read(social).rev,
        "name": "social",
        "edgeDefinitions": [
            {"collection": "knows", "from": ["people"], "to": ["people"]},
            {"collection": "likes", "from": ["people"], "to": ["things"]},
        ],
        "orphanCollections": ["places"],
    }
    with social.begin() as tx:
        assert [each.name for each in graphs.list_graphs(tx)] == ["social"]


@pytest.mark.parametrize(
    ("name", "definitions", "num"),
    [
        ("", [], 1922),
        ("a/b", [], 1221),
        ("social", [], 1925),
        ("g", [definition("e", "", "v")], 1923),
        ("g", [definition("", "v", "v")], 1923),
        ("g", [definition("e", "v", "v"), definition("e", "v", "w")], 1920),
        ("g", [definition("knows", "people", "things")], 1921),
        ("g", [definition("people", "v", "v")], 1944),
        ("g", [definition("e/e", "v", "v")], 1208),
    ],
)
def test_a_bad_graph_is_refused_and_makes_nothing(
    social: Catalog, name: str, definitions: list[EdgeDefinition], num: int
) -> None:
    before = set(social.state().by_name)
    with pytest.raises(ArangoError) as raised:
        graphs.create_graph(social, name, definitions)
    assert raised.value.num == num
    assert set(social.state().by_name) == before


def test_an_unknown_graph_is_1924(social: Catalog) -> None:
    with pytest.raises(ArangoError) as raised:
        read(social, "nothing")
    assert raised.value.num == 1924


def test_a_shared_edge_collection_means_the_same_everywhere(social: Catalog) -> None:
    graphs.create_graph(social, "other", [definition("knows", "people", "people")])
    graphs.drop_graph(social, "social", drop_collections=True)
    assert {name for name in social.state().by_name if not name.startswith("_")} == {"people", "knows"}
    graphs.drop_graph(social, "other")
    assert "knows" in social.state().by_name


def test_orphans_come_and_go(social: Catalog) -> None:
    for collection, num in {"places": 1938, "people": 1929, "knows": 1927, "nowhere": 1926}.items():
        with pytest.raises(ArangoError) as raised:
            graphs.add_vertex_collection(social, "social", collection, create=False)
        assert raised.value.num == num
    added = graphs.add_vertex_collection(social, "social", "nowhere")
    assert added.orphans == ("nowhere", "places")
    for collection in ("people", "unknown"):
        with pytest.raises(ArangoError) as raised:
            graphs.remove_vertex_collection(social, "social", collection)
        assert raised.value.num == 1928
    removed = graphs.remove_vertex_collection(social, "social", "nowhere", drop_collection=True)
    assert removed.orphans == ("places",)
    assert "nowhere" not in social.state().by_name


def test_edge_definitions_come_and_go(social: Catalog) -> None:
    with pytest.raises(ArangoError) as raised:
        graphs.add_edge_definition(social, "social", definition("knows", "people", "people"))
    assert raised.value.num == 1920
    added = graphs.add_edge_definition(social, "social", definition("visits", "people", "places"))
    assert added.orphans == ()
    assert added.edge_collections == ("knows", "likes", "visits")
    with pytest.raises(ArangoError) as raised:
        graphs.remove_edge_definition(social, "social", "unknown")
    assert raised.value.num == 1930
    removed = graphs.remove_edge_definition(social, "social", "visits", drop_collections=True)
    assert removed.orphans == ("places",)
    assert "visits" not in social.state().by_name


def test_a_definition_is_replaced_in_every_graph(social: Catalog) -> None:
    graphs.create_graph(social, "other", [definition("likes", "people", "things")])
    changed = graphs.replace_edge_definition(social, "social", "likes", definition("likes", "people", "food"))
    assert changed.orphans == ("places", "things")
    assert read(social, "other").vertex_collections == ("food", "people", "things")
    changed = graphs.replace_edge_definition(
        social, "social", "likes", definition("likes", "people", "drinks"), drop_collections=True
    )
    assert "food" not in changed.vertex_collections
    assert "food" not in social.state().by_name
    with pytest.raises(ArangoError) as raised:
        graphs.replace_edge_definition(social, "social", "unknown", definition("unknown", "a", "b"))
    assert raised.value.num == 1930


def test_an_edge_needs_vertices_of_the_graph(social: Catalog) -> None:
    put(social, "people", "a", "b")
    for collection, document, num in (
        ("people", {"_from": "people/a", "_to": "people/b"}, 1930),
        ("knows", {"_from": "people/a"}, 1233),
        ("knows", {"_from": "people/a", "_to": "people"}, 1233),
        ("knows", {"_from": "people/a", "_to": "strangers/b"}, 1947),
        ("knows", {"_from": "people/a", "_to": "people/c"}, 1202),
    ):
        with pytest.raises(ArangoError) as raised:
            insert(social, collection, document)
        assert raised.value.num == num
    edge = insert(social, "knows", {"_from": "people/a", "_to": "people/b"})
    with social.begin(write=True) as tx:
        graph = graphs.graph(tx, "social")
        graphs.update_edge(tx, graph, "knows", edge["_key"], {"since": 1})
        with pytest.raises(ArangoError) as raised:
            graphs.update_edge(tx, graph, "knows", edge["_key"], {"_from": "people/a", "_to": "people/c"})
        assert raised.value.num == 1202
        with pytest.raises(ArangoError) as raised:  # each end is checked, also alone
            graphs.update_edge(tx, graph, "knows", edge["_key"], {"_to": "people/c"})
        assert raised.value.num == 1202
        with pytest.raises(ArangoError) as raised:
            graphs.update_edge(tx, graph, "knows", edge["_key"], {"_from": "nowhere/c"})
        assert raised.value.num == 1947
        with pytest.raises(ArangoError) as raised:
            graphs.replace_edge(tx, graph, "knows", edge["_key"], {"since": 1})
        assert raised.value.num == 1233


def test_a_removed_vertex_takes_its_edges_along_in_every_graph(social: Catalog) -> None:
    graphs.create_graph(social, "other", [definition("eats", "people", "things")])
    put(social, "people", "a", "b")
    put(social, "things", "x")
    for collection, source, target in (("knows", "people/a", "people/b"), ("knows", "people/b", "people/a")):
        insert(social, collection, {"_from": source, "_to": target})
    insert(social, "likes", {"_from": "people/b", "_to": "things/x"})
    with social.begin(write=True) as tx:
        tx.collection("eats").insert(tx, {"_from": "people/a", "_to": "things/x"})
        graphs.remove_vertex(tx, graphs.graph(tx, "social"), "people", "a")
    with social.begin() as tx:
        counts = {name: tx.collection(name).count(tx) for name in ("people", "knows", "likes", "eats")}
    assert counts == {"people": 1, "knows": 0, "likes": 1, "eats": 0}


def test_options_of_clusters_are_kept(catalog: Catalog) -> None:
    options = {"isSmart": True, "options": {"replicationFactor": 2, "numberOfShards": 9}}
    made = graphs.create_graph(catalog, "smart", [definition("e", "v", "w")], (), options)
    shown = graphs.describe_graph(made)
    assert (shown["isSmart"], shown["numberOfShards"], shown["replicationFactor"]) == (True, 9, 2)
    assert shown["initial"] == "v"
