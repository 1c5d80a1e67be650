"""Plans told briefly, and the index that would help."""

from __future__ import annotations

from typing import Any

from mcp_arangodb_async.operations.plans import suggestions, told


def reference(name: str, identifier: int) -> dict[str, Any]:
    return {"type": "reference", "name": name, "id": identifier}


def attribute(name: str, below: dict[str, Any]) -> dict[str, Any]:
    return {"type": "attribute access", "name": name, "subNodes": [below]}


def compare(operator: str, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return {"type": f"compare {operator}", "subNodes": [left, right]}


VALUE = {"type": "value", "value": 1}
SCAN = {
    "type": "EnumerateCollectionNode",
    "id": 2,
    "collection": "users",
    "outVariable": {"id": 0, "name": "u"},
}


def plan(condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "nodes": [
            {"type": "SingletonNode", "id": 1},
            SCAN,
            {"type": "CalculationNode", "id": 3, "outVariable": {"id": 1}, "expression": condition},
            {"type": "FilterNode", "id": 4, "inVariable": {"id": 1}},
        ]
    }


def fields(found: dict[str, Any]) -> list[str]:
    suggested = suggestions(found)
    return suggested[0]["fields"] if suggested else []


def test_a_filtered_scan_gets_an_index_on_what_it_compares() -> None:
    age = compare(">", attribute("age", reference("u", 0)), VALUE)
    city = compare("==", attribute("city", attribute("address", reference("u", 0))), VALUE)
    both = {"type": "logical and", "subNodes": [age, city]}
    assert fields(plan(age)) == ["age"]
    assert fields(plan(both)) == ["address.city", "age"]


def test_a_filter_inside_the_scan_counts_too() -> None:
    condition = compare("==", VALUE, attribute("k", reference("u", 0)))
    assert fields({"nodes": [{**SCAN, "filter": condition}]}) == ["k"]


def test_no_index_is_suggested_for_what_none_would_answer() -> None:
    own = attribute("a", reference("u", 0))
    either = {"type": "logical or", "subNodes": [compare("==", own, VALUE), compare("==", own, VALUE)]}
    assert fields(plan(either)) == []
    assert fields(plan(compare("!=", own, VALUE))) == []
    assert fields(plan(compare("==", attribute("a", reference("x", 9)), VALUE))) == []
    assert fields({"nodes": []}) == []


def test_a_plan_is_told_in_one_line_per_node() -> None:
    index = {"type": "persistent", "name": "by_age", "fields": ["age"], "unique": True}
    shown = told(
        {
            "nodes": [
                {
                    "type": "IndexNode",
                    "collection": "users",
                    "indexes": [index],
                    "outVariable": {"id": 0, "name": "u"},
                    "estimatedNrItems": 3,
                    "estimatedCost": 4.5,
                    "calls": 1,
                    "items": 3,
                    "runtime": 0.002,
                }
            ],
            "rules": ["use-indexes"],
            "collections": [{"name": "users", "type": "read"}],
            "estimatedCost": 4.5,
            "estimatedNrItems": 3,
        }
    )
    assert shown["nodes"] == [
        "IndexNode users -> u [unique persistent by_age on age] ~3 rows, cost 4.5 1 calls, 3 rows, 2.00 ms"
    ]
    assert shown["rules"] == ["use-indexes"]
