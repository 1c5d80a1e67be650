"""Plans of queries, told briefly: nodes, rules, indexes, cost, and which index would help (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

Plan = Mapping[str, Any]
Json = Mapping[str, Any]
# Comparisons that a sorted index answers.
INDEXABLE = frozenset({"compare ==", "compare <", "compare <=", "compare >", "compare >=", "compare in"})
LOGICAL_AND = frozenset({"logical and", "n-ary and"})
FEW_DOCUMENTS = 100


def told(plan: Plan) -> dict[str, Any]:
    """A plan as tools show it."""
    nodes: Sequence[Json] = plan.get("nodes", ())
    return {
        "estimated_cost": plan.get("estimatedCost"),
        "estimated_rows": plan.get("estimatedNrItems"),
        "rules": list(plan.get("rules", ())),
        "collections": [one["name"] for one in plan.get("collections", ())],
        "writes": bool(plan.get("isModificationQuery")),
        "nodes": [line(node) for node in nodes],
    }


def line(node: Json) -> str:
    """One node on one line: its type, what it works on, and its estimates."""
    parts = [str(node.get("type", "?"))]
    if node.get("collection"):
        parts.append(str(node["collection"]))
    variable: Json = node.get("outVariable") or {}
    if variable.get("name"):
        parts.append(f"-> {variable['name']}")
    for index in node.get("indexes", ()):
        unique = "unique " if index.get("unique") else ""
        fields = ", ".join(str(field) for field in index.get("fields", ()))
        parts.append(f"[{unique}{index.get('type')} {index.get('name', '')} on {fields}]")
    if node.get("type") == "TraversalNode":
        parts.append(str(node.get("defaultDirection", "")))
    if node.get("estimatedNrItems") is not None:
        parts.append(f"~{node['estimatedNrItems']} rows, cost {node.get('estimatedCost')}")
    if node.get("calls") is not None:
        milliseconds = 1000 * float(node.get("runtime", 0))
        parts.append(f"{node['calls']} calls, {node.get('items')} rows, {milliseconds:.2f} ms")
    return " ".join(part for part in parts if part)


def suggestions(plan: Plan) -> list[dict[str, Any]]:
    """Indexes that would replace a full scan: for each scanned collection, what it is filtered by."""
    nodes: Sequence[Json] = plan.get("nodes", ())
    expressions = {
        node["outVariable"]["id"]: node["expression"]
        for node in nodes
        if node.get("type") == "CalculationNode" and "expression" in node
    }
    filtered = [
        expressions[node["inVariable"]["id"]]
        for node in nodes
        if node.get("type") == "FilterNode" and node.get("inVariable", {}).get("id") in expressions
    ]
    filtered += [
        node["filter"] for node in nodes if isinstance(node.get("filter"), Mapping) and node["filter"]
    ]
    found: list[dict[str, Any]] = []
    for node in nodes:
        if node.get("type") != "EnumerateCollectionNode":
            continue
        variable = node.get("outVariable", {}).get("id")
        paths = list(dict.fromkeys(path for one in filtered for path in compared(one, variable)))
        if paths:
            found.append(
                {
                    "collection": node["collection"],
                    "fields": paths,
                    "type": "persistent",
                    "hint": f"{node['collection']} is scanned in full and filtered by {', '.join(paths)};"
                    " a persistent index on them would be used",
                    "nodeId": node.get("id"),
                }
            )
    return found


def compared(expression: Json, variable: object) -> Iterator[str]:
    """The attributes of a variable that are compared in a way an index answers; equalities first."""
    tests = sorted(conjuncts(expression), key=lambda test: test.get("type") != "compare ==")
    for test in tests:
        if test.get("type") not in INDEXABLE:
            continue
        for side in cast("Sequence[Json]", test.get("subNodes", ())):
            path = attribute_path(side, variable)
            if path is not None:
                yield path


def conjuncts(expression: Json) -> Iterator[Json]:
    """The tests that must all hold."""
    if expression.get("type") in LOGICAL_AND:
        for part in expression.get("subNodes", ()):
            yield from conjuncts(part)
    else:
        yield expression


def attribute_path(expression: Json, variable: object) -> str | None:
    """`a.b` for an access of a variable's attribute."""
    parts: list[str] = []
    while expression.get("type") == "attribute access":
        parts.append(str(expression.get("name")))
        below: Sequence[Json] = expression.get("subNodes", ())
        if not below:
            return None
        expression = below[0]
    if parts and expression.get("type") == "reference" and expression.get("id") == variable:
        return ".".join(reversed(parts))
    return None
