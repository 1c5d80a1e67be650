"""Plans as a tree of lines for people: what goldens keep and the manual prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from mcp_arangodb_async.engine.expressions.text import text_of, variable_text
from mcp_arangodb_async.engine.expressions.tree import Expression, Variable

from .nodes import (
    Aggregate,
    CalculationNode,
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    FilterNode,
    GraphAccess,
    IndexLookup,
    IndexNode,
    InsertNode,
    LimitNode,
    Node,
    NoResultsNode,
    Plan,
    RemoveNode,
    ReplaceNode,
    ReturnNode,
    ShortestPathNode,
    SingletonNode,
    SortNode,
    SubqueryNode,
    TraversalNode,
    UpdateNode,
    UpsertNode,
    WindowNode,
)

COLUMN = 30


def show_plan(plan: Plan) -> str:
    """The plan, a line per node, each below the node its rows come from."""
    return "\n".join(_lines(plan, 0))


def _lines(plan: Plan, depth: int) -> Iterator[str]:
    for step, node in enumerate(plan.nodes):
        indent = "  " * (depth + step - 1) + "└ " if depth + step else ""
        name = f"{indent}{type(node).__name__}"
        details = _details(node)
        yield f"{name:<{COLUMN}} {details}".rstrip() if details else name
        if isinstance(node, SubqueryNode):
            yield from _lines(node.plan, depth + step + 2)


def _details(node: Node) -> str:
    match node:
        case SingletonNode() | NoResultsNode():
            return ""
        case EnumerateCollectionNode():
            return f"FOR {_name(node.variable)} IN {node.collection}" + (
                " (random)" if node.is_random else ""
            )
        case IndexNode():
            lookups = " || ".join(_lookup(each) for each in node.lookups)
            order = " descending" if node.is_descending else " ascending" if node.is_sorted else ""
            return f"FOR {_name(node.variable)} IN {node.collection}  {lookups}{order}"
        case EnumerateViewNode():
            search = "" if node.condition is None else f" SEARCH {text_of(node.condition)}"
            return f"FOR {_name(node.variable)} IN {node.view}{search}"
        case EnumerateListNode():
            return f"FOR {_name(node.variable)} IN {_name(node.source)}"
        case CalculationNode():
            return f"LET {_name(node.variable)} = {text_of(node.expression)}"
        case SubqueryNode():
            return f"LET {_name(node.variable)} = (...)"
        case FilterNode():
            return f"FILTER {_name(node.condition)}"
        case SortNode():
            order = [
                f"{_name(each.variable)} {'ASC' if each.is_ascending else 'DESC'}" for each in node.elements
            ]
            return f"SORT {', '.join(order)}" + ("" if node.limit is None else f" (first {node.limit})")
        case LimitNode():
            count = "null" if node.count is None else str(node.count)
            return f"LIMIT {node.offset}, {count}" + (" (full count)" if node.full_count else "")
        case CollectNode():
            return _collect(node)
        case WindowNode():
            aggregates = _aggregates(node.aggregates)
            return f"WINDOW {node.preceding} preceding, {node.following} following {aggregates}"
        case TraversalNode() | ShortestPathNode() | EnumeratePathsNode():
            return _graph(node)
        case InsertNode():
            return f"INSERT {_name(node.document)} IN {node.collection}"
        case UpdateNode() | ReplaceNode():
            word = "UPDATE" if isinstance(node, UpdateNode) else "REPLACE"
            key = "" if node.key is None else f"{_name(node.key)} WITH "
            return f"{word} {key}{_name(node.document)} IN {node.collection}"
        case RemoveNode():
            return f"REMOVE {_name(node.key)} IN {node.collection}"
        case UpsertNode():
            word = "REPLACE" if node.is_replace else "UPDATE"
            names = f"{_name(node.found)} INSERT {_name(node.insert)} {word} {_name(node.update)}"
            return f"UPSERT {names} IN {node.collection}"
        case ReturnNode():
            return f"RETURN {_name(node.source)}"
    assert_never(node)


def _name(variable: Variable) -> str:
    return variable_text(variable)


def _lookup(lookup: IndexLookup) -> str:
    index = lookup.index
    fields = [lookup.attribute] if lookup.attribute else list(index.fields)
    conditions = [f"{field} == {text_of(value)}" for field, value in zip(fields, lookup.equal, strict=False)]
    if lookup.values is not None:
        conditions.append(f"{fields[0]} IN {text_of(lookup.values)}")
    for bound, sign in _bounds(lookup):
        conditions.append(f"{fields[len(lookup.equal)]} {sign} {text_of(bound)}")
    return f"{index.type}({', '.join(index.fields)})" + (f" {' && '.join(conditions)}" if conditions else "")


def _bounds(lookup: IndexLookup) -> Iterator[tuple[Expression, str]]:
    if lookup.lower is not None:
        yield lookup.lower, ">=" if lookup.lower_inclusive else ">"
    if lookup.upper is not None:
        yield lookup.upper, "<=" if lookup.upper_inclusive else "<"


def _aggregates(aggregates: Iterable[Aggregate]) -> str:
    texts = [
        f"{_name(each.variable)} = {each.function}({'' if each.source is None else _name(each.source)})"
        for each in aggregates
    ]
    return f"AGGREGATE {', '.join(texts)}" if texts else ""


def _collect(node: CollectNode) -> str:
    groups = ", ".join(f"{_name(each.variable)} = {_name(each.source)}" for each in node.groups)
    into = ""
    if node.into is not None:
        into = f"INTO {_name(node.into)}"
        if node.projection is not None:
            into += f" = {_name(node.projection)}"
        elif node.keep:
            into += f" KEEP {', '.join(map(_name, node.keep))}"
    parts = ["COLLECT", groups, _aggregates(node.aggregates), into, f"({node.method})"]
    return " ".join(part for part in parts if part)


def _graph(node: TraversalNode | ShortestPathNode | EnumeratePathsNode) -> str:
    graph = _graph_name(node.graph)
    if isinstance(node, TraversalNode):
        variables = _names(node.vertex, node.edge, node.path)
        prune = "" if node.prune is None else f" PRUNE {text_of(node.prune.condition)}"
        checks = "".join(f" checking {text_of(each.condition)}" for each in node.filters)
        start = f"{node.minimum}..{node.maximum} {node.direction} {_name(node.start)}"
        return f"FOR {variables} IN {start} {graph} ({node.options.order}){prune}{checks}"
    ends = f"{_name(node.start)} TO {_name(node.target)}"
    if isinstance(node, ShortestPathNode):
        variables = _names(node.vertex, node.edge)
        return f"FOR {variables} IN {node.direction} SHORTEST_PATH {ends} {graph}"
    return f"FOR {_names(node.path)} IN {node.direction} {node.kind} {ends} {graph}"


def _names(*variables: Variable | None) -> str:
    return ", ".join("_" if each is None else _name(each) for each in variables)


def _graph_name(graph: GraphAccess) -> str:
    if graph.name is not None:
        return f"GRAPH '{graph.name}'"
    return ", ".join(f"{each.direction} {each.collection}" for each in graph.edges)
