"""Statements built for callers: names validated, values bound, nothing spliced."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations.building import Built, Condition, build
from mcp_arangodb_async.operations.paths import PathSearch, path_query
from mcp_arangodb_async.operations.references import invalid_of
from mcp_arangodb_async.operations.traversal import Traversal, traversal

HOSTILE = [
    "../x", "a/b", "x?y", "x#y", "%2e%2e", "a`b", "a\\b", "x\ny", "x\0y", "", " ", "x REMOVE u IN us", "d.a",
    "@a", "a' OR '1'=='1", "*/ RETURN 1 /*", "x" * 300, "\ud800", "..", ".",
]  # fmt: skip


def test_a_traversal_binds_everything_the_caller_gave() -> None:
    statement = traversal(
        Traversal(start_vertex="users/1", graph="social", max_depth=3, limit=5, order="bfs")
    )
    assert statement.text == (
        'FOR v, e IN @low..@high OUTBOUND @start GRAPH @graph OPTIONS {order: "bfs"} LIMIT @limit'
        " RETURN {vertex: v, edge: e}"
    )
    assert statement.bind_vars == {"graph": "social", "start": "users/1", "low": 1, "high": 3, "limit": 5}


def test_edge_collections_are_bound_one_by_one() -> None:
    statement = traversal(
        Traversal(start_vertex="a/1", edge_collections=["knows", "likes"], return_paths=True)
    )
    assert "@start @@edges0, @@edges1 OPTIONS" in statement.text
    assert statement.text.endswith("RETURN {vertices: p.vertices, edges: p.edges}")
    assert statement.bind_vars["@edges1"] == "likes"


def test_weights_and_uniqueness_become_options() -> None:
    what = Traversal(
        start_vertex="a/1",
        graph="g",
        order="weighted",
        weight_attribute="km",
        unique_vertices="global",
        unique_edges="none",
    )
    statement = traversal(what)
    assert (
        'OPTIONS {order: "weighted", uniqueVertices: "global", uniqueEdges: "none", weightAttribute: @weight}'
        in statement.text
    )
    assert statement.bind_vars["weight"] == "km"


@pytest.mark.parametrize(
    ("what", "field"),
    [
        (Traversal(start_vertex="a/1"), "graph"),
        (Traversal(start_vertex="a/1", graph="g", edge_collections=["e"]), "graph"),
        (Traversal(start_vertex="a", graph="g"), "start_vertex"),
        (Traversal(start_vertex="a/1", graph="g", min_depth=3, max_depth=2), "min_depth"),
        (Traversal(start_vertex="a/1", graph="g", order="weighted"), "weight_attribute"),
        (Traversal(start_vertex="a/1", graph="g", unique_vertices="global"), "unique_vertices"),
    ],
)
def test_what_cannot_be_meant_names_the_argument(what: Traversal, field: str) -> None:
    with pytest.raises(InputError) as caught:
        traversal(what)
    assert caught.value.field == field


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_never_become_part_of_a_statement(name: str) -> None:
    for what in (
        lambda: traversal(Traversal(start_vertex="a/1", graph=name)),
        lambda: traversal(Traversal(start_vertex="a/1", edge_collections=[name])),
        lambda: traversal(Traversal(start_vertex=name, graph="g")),
        lambda: path_query(PathSearch(start_vertex="a/1", end_vertex=name, graph="g")),
        lambda: build(Built(collection=name)),
        lambda: build(Built(collection="c", sort=[(name, "ASC")])),
        lambda: build(Built(collection="c", return_fields=[name])),
        lambda: build(Built(collection="c", groups=[[Condition(field=name, op="==", value=name)]])),
    ):
        try:
            statement = what()
        except InputError:
            continue
        assert len(name) < 3 or name not in statement.text or name in "d.a"


def test_conditions_groups_and_projections() -> None:
    statement = build(
        Built(
            collection="users",
            groups=[
                [Condition(field="age", op=">=", value=30)],
                [Condition(field="a.b-c", op="LIKE", value="x%"), Condition(field="k", op="IN", value=[1])],
            ],
            sort=[("name", "DESC")],
            limit=10,
            offset=5,
            return_fields=["name", "a.b-c"],
        )
    )
    assert statement.text == (
        "FOR d IN @@collection FILTER d.@v1 >= @v2 FILTER LIKE(d.@v3, @v4, true) OR d.@v5 IN @v6"
        " SORT d.@v7 DESC LIMIT @v8, @v9 RETURN {[@v10]: d.@v11, [@v12]: d.@v13}"
    )
    assert statement.bind_vars["v3"] == ["a", "b-c"]
    assert statement.bind_vars["v12"] == "a.b-c"


def test_counting_needs_no_rows() -> None:
    statement = build(Built(collection="users", count=True, limit=3))
    assert statement.text == "FOR d IN @@collection COLLECT WITH COUNT INTO count RETURN count"


@pytest.mark.parametrize(
    "condition",
    [
        Condition(field="a", op="IN", value=1),
        Condition(field="a", op="LIKE", value=1),
        Condition(field="a..b", op="==", value=1),
        Condition(field="", op="==", value=1),
    ],
)
def test_a_condition_that_means_nothing_is_refused(condition: Condition) -> None:
    with pytest.raises(InputError):
        build(Built(collection="c", groups=[[condition]]))


@given(st.lists(st.tuples(st.text(min_size=1), st.from_type(int) | st.text()), max_size=4))
def test_only_our_own_words_reach_the_text(pairs: list[tuple[str, Any]]) -> None:
    try:
        statement = build(
            Built(
                collection="c",
                groups=[[Condition(field=name, op="==", value=value)] for name, value in pairs],
            )
        )
    except InputError:
        return
    assert set(statement.text) <= set("FOR d IN @@collection FILTER d.@v0123456789 == RETURN")


def test_a_path_is_asked_for_with_its_weight() -> None:
    statement = path_query(
        PathSearch(start_vertex="a/1", end_vertex="a/2", graph="g", weight_attribute="km", count=3)
    )
    assert statement.text == (
        "FOR p IN OUTBOUND K_SHORTEST_PATHS @start TO @end GRAPH @graph OPTIONS {weightAttribute: @weight}"
        " LIMIT @count RETURN {vertices: p.vertices, edges: p.edges, weight: p.weight}"
    )


def test_reference_fields_are_bound_as_paths() -> None:
    text, bind_vars = invalid_of("d", ["owner", "meta.parent"])
    assert "[{field: @name0, value: d.@path0}, {field: @name1, value: d.@path1}]" in text
    assert bind_vars["path1"] == ["meta", "parent"]
    with pytest.raises(InputError):
        invalid_of("d", [])
