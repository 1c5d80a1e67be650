"""Explain shows plans in ArangoDB's shapes."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.plan.rules import RULES
from mcp_arangodb_async.engine.values import decode_json, encode_json


@pytest.fixture
def social(database: Database) -> Database:
    """A vertex and an edge collection, with an index."""
    database.catalog.create_collection({"name": "people"})
    database.catalog.create_collection({"name": "knows", "type": 3})
    database.catalog.create_index("people", {"type": "persistent", "fields": ["age"]})
    return database


def types(database: Database, text: str, *rules: str) -> list[str]:
    options = {"optimizer": {"rules": list(rules)}}
    return [node["type"] for node in database.explain(text, {}, options)["plan"]["nodes"]]


def test_a_plan_names_nodes_collections_and_variables(social: Database) -> None:
    answer = social.explain("FOR p IN people FILTER p.age > @a SORT p.name RETURN p.name", {"a": 3})
    plan = answer["plan"]
    assert [node["type"] for node in plan["nodes"]] == [
        "SingletonNode",
        "IndexNode",
        "CalculationNode",
        "SortNode",
        "ReturnNode",
    ]
    assert plan["collections"] == [{"name": "people", "type": "read"}]
    assert plan["isModificationQuery"] is False
    assert {"p"} <= {variable["name"] for variable in plan["variables"]}
    assert plan["estimatedCost"] >= 0
    assert plan["estimatedNrItems"] >= 0
    index = plan["nodes"][1]["indexes"][0]
    assert (index["type"], index["fields"]) == ("persistent", ["age"])
    assert answer["cacheable"] is True
    assert answer["stats"]["plansCreated"] == 1
    ids = [node["id"] for node in plan["nodes"]]
    assert [node["dependencies"] for node in plan["nodes"]] == [[], *([number] for number in ids[:-1])]


def test_all_plans_is_a_list_of_one(social: Database) -> None:
    answer = social.explain("RETURN 1", {}, {"allPlans": True})
    assert len(answer["plans"]) == 1
    assert "plan" not in answer


def test_a_query_that_writes_says_so(social: Database) -> None:
    answer = social.explain("FOR p IN people UPDATE p WITH {x: 1} IN people RETURN NEW")
    assert answer["plan"]["isModificationQuery"] is True
    assert answer["cacheable"] is False
    assert answer["plan"]["collections"] == [{"name": "people", "type": "write"}]
    assert list(social.query("RETURN LENGTH(people)").rows) == [0]


def test_warnings_of_constants_are_known_before_the_query_runs(social: Database) -> None:
    answer = social.explain("FOR i IN 1..10 RETURN i + 1 / 0")
    assert [warning["code"] for warning in answer["warnings"]] == [1562]
    assert answer["cacheable"] is False


def test_rules_can_be_switched_one_by_one(social: Database) -> None:
    text = "FOR p IN people FILTER p.age == 1 RETURN p"
    assert "IndexNode" in types(social, text)
    assert "IndexNode" not in types(social, text, "-use-indexes")
    assert "IndexNode" not in types(social, text, "-all")
    assert "IndexNode" in types(social, text, "-all", "+use-indexes")
    assert "FilterNode" in types(social, text, "-remove-filter-covered-by-index")


def test_the_rules_are_listed_with_their_flags(social: Database) -> None:
    listed = social.rules()
    assert [rule["name"] for rule in listed] == [rule.name for rule in RULES]
    assert all(rule["flags"]["canBeDisabled"] for rule in listed)


EVERY_NODE = (
    "FOR p IN people OPTIONS {disableIndex: true} FILTER p.x SORT p.y LIMIT 1, 2 RETURN p",
    "FOR p IN people COLLECT a = p.age INTO g = p.name OPTIONS {method: 'sorted'} RETURN {a, g}",
    "FOR p IN people COLLECT AGGREGATE n = COUNT(), m = MAX(p.age) RETURN n + m",
    "FOR p IN people WINDOW {preceding: 1} AGGREGATE s = SUM(p.age) RETURN s",
    "FOR i IN [1, 2] LET s = (FOR j IN 1..i RETURN j) RETURN DISTINCT s",
    "FOR v, e, p IN 1..2 ANY 'people/a' knows PRUNE v.x OPTIONS {order: 'bfs'} RETURN [v, e, p]",
    "FOR v, e IN OUTBOUND SHORTEST_PATH 'people/a' TO 'people/b' knows RETURN [v, e]",
    "FOR p IN OUTBOUND K_SHORTEST_PATHS 'people/a' TO 'people/b' knows RETURN p",
    "FOR p IN 1..3 OUTBOUND K_PATHS 'people/a' TO 'people/b' knows RETURN p",
    "FOR p IN OUTBOUND ALL_SHORTEST_PATHS 'people/a' TO 'people/b' knows RETURN p",
    "INSERT {a: 1} INTO people OPTIONS {overwriteMode: 'update'} RETURN [OLD, NEW]",
    "FOR p IN people UPDATE p._key WITH {a: [1, []]} IN people RETURN [OLD, NEW]",
    "FOR p IN people REPLACE p IN people RETURN NEW",
    "FOR p IN people REMOVE p IN people RETURN OLD",
    "UPSERT {a: 1} INSERT {a: 1} REPLACE {a: 2} IN people RETURN [OLD, NEW]",
    "FOR p IN people FILTER false RETURN p",
    "FOR p IN people FILTER p.age IN [1, 2] || p._key == 'a' RETURN p.tags[* FILTER CURRENT > 1 LIMIT 1]",
    "RETURN [1 + 2 * -3, !true, 1 < 2 ? 'a' : @b, {['x']: 1}, LENGTH(people), 1 IN 1..3]",
    "FOR x IN [[1]] RETURN [x[? 1..2 FILTER CURRENT], x ANY IN [1], x[*][0], x ? (RETURN x) : {x}]",
)


@pytest.mark.parametrize("text", EVERY_NODE)
@pytest.mark.parametrize("rules", [(), ("-all",)], ids=["optimised", "as written"])
def test_every_node_and_expression_is_explained_and_shown(
    social: Database, text: str, rules: tuple[str, ...]
) -> None:
    binds: dict[str, Any] = {"b": [1]} if "@b" in text else {}
    options = {"optimizer": {"rules": list(rules)}, "profile": 2}
    answer = social.explain(text, binds, options)
    assert decode_json(encode_json(answer)) == answer
    shown = social.show(text, binds, options)
    for node in answer["plan"]["nodes"]:
        assert node["type"] in shown
    list(social.query(text, binds, options).rows)


@pytest.mark.parametrize(
    ("text", "collections", "names"),
    [
        ("FOR p IN people FILTER p.a == @a RETURN p", ["people"], ["a"]),
        ("FOR p IN @@c INSERT p INTO others", ["others"], ["@c"]),
        ("LET x = 1 FOR y IN [x] RETURN (FOR z IN people RETURN @b)", ["people"], ["b"]),
    ],
)
def test_parsing_lists_collections_and_parameters(
    database: Database, text: str, collections: list[str], names: list[str]
) -> None:
    found = database.parse(text)
    assert found["collections"] == collections
    assert found["bindVars"] == names
    assert found["ast"][0]["type"]


def test_parsing_shows_the_tree_of_the_manual(database: Database) -> None:
    # https://docs.arangodb.com/3.12/aql/execution-and-performance/parsing-queries/
    (root,) = database.parse("FOR doc IN @@collection FILTER doc.foo == @bar RETURN doc")["ast"]
    doc = {"type": "reference", "name": "doc", "id": 0, "subqueryReference": False}
    assert root == {
        "type": "root",
        "subNodes": [
            {
                "type": "for",
                "subNodes": [
                    {"type": "variable", "name": "doc", "id": 0},
                    {"type": "datasource parameter", "name": "@collection"},
                    {"type": "no-op"},
                ],
            },
            {
                "type": "filter",
                "subNodes": [
                    {
                        "type": "compare ==",
                        "excludesNull": False,
                        "subNodes": [
                            {"type": "attribute access", "name": "foo", "subNodes": [doc]},
                            {"type": "parameter", "name": "bar"},
                        ],
                    }
                ],
            },
            {"type": "return", "subNodes": [doc]},
        ],
    }


def test_costs_are_those_of_the_manual(database: Database) -> None:
    # https://docs.arangodb.com/3.12/aql/execution-and-performance/query-optimization/
    database.catalog.create_collection({"name": "test"})
    with database.catalog.begin(write=True) as tx:
        tx.collection("test").insert_many(tx, [{"value": each} for each in range(100)])
    answer = database.explain(
        "FOR i IN test FILTER i.value > 97 SORT i.value RETURN i.value",
        {},
        {"optimizer": {"rules": ["-all"]}},
    )
    assert [(node["type"], node["estimatedCost"]) for node in answer["plan"]["nodes"]] == [
        ("SingletonNode", 1),
        ("EnumerateCollectionNode", 102),
        ("CalculationNode", 202),
        ("FilterNode", 302),
        ("CalculationNode", 402),
        ("SortNode", 1066.3856189774724),
        ("CalculationNode", 1166.3856189774724),
        ("ReturnNode", 1266.3856189774724),
    ]


def test_a_mistake_is_found_by_parse_and_explain(database: Database) -> None:
    with pytest.raises(ArangoError) as caught:
        database.parse("RETURN")
    assert caught.value.num == 1501
    with pytest.raises(ArangoError) as caught:
        database.explain("FOR x IN nowhere RETURN x")
    assert caught.value.num == 1203
