"""Estimates for explain: how many rows come out of each node, and what it costs to make them.

The numbers are ArangoDB's heuristics in outline; they choose nothing, rules do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log2
from typing import cast

from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.expressions.tree import ArrayLiteral, Constant, Expression, Range, Variable
from mcp_arangodb_async.engine.values import Value

from .nodes import (
    CalculationNode,
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    FilterNode,
    IndexNode,
    LimitNode,
    Node,
    NoResultsNode,
    Plan,
    ShortestPathNode,
    SingletonNode,
    SortNode,
    SubqueryNode,
    TraversalNode,
)

LIST_LENGTH = 100


def estimates(plan: Plan, tx: Transaction) -> Iterator[tuple[Node, float, int]]:
    """Each node of a plan with its total cost so far and its number of rows; subqueries are in their node."""
    cost, rows = 0.0, 1
    lengths: dict[Variable, int] = {}
    for node in plan.nodes:
        before = rows
        if isinstance(node, CalculationNode):
            length = _length(node.expression)
            if length is not None:
                lengths[node.variable] = length
        rows = _rows(node, before, lengths, tx)
        match node:
            case SubqueryNode(plan=inner):
                last = [(each, total) for each, total, _ in estimates(inner, tx)][-1]
                cost += before * last[1]
            case SortNode():
                cost += max(1.0, before * log2(max(2, before)))
            case EnumerateCollectionNode():
                cost += rows + 1
            case NoResultsNode():
                cost = 0.5
            case _:
                cost += max(before, rows)
        yield node, cost, rows


def _length(expression: Expression) -> int | None:
    """The number of elements of an array that stands in the query, None for other values."""
    match expression:
        case Constant(value=value):
            return len(cast("list[Value]", value)) if isinstance(value, list) else None
        case ArrayLiteral(items=items):
            return len(items)
        case Range(low=Constant(value=int(low)), high=Constant(value=int(high))):
            return abs(high - low) + 1
        case _:
            return None


def _rows(node: Node, before: int, lengths: Mapping[Variable, int], tx: Transaction) -> int:
    match node:
        case SingletonNode():
            return 1
        case EnumerateCollectionNode(collection=collection):
            return before * tx.collection(collection).count(tx)
        case IndexNode():
            return before * _found(node, tx)
        case EnumerateViewNode() | TraversalNode() | EnumeratePathsNode():
            return before * 10
        case ShortestPathNode():
            return before * 5
        case EnumerateListNode(source=source):
            return before * lengths.get(source, LIST_LENGTH)
        case FilterNode():
            return before
        case LimitNode(offset=offset, count=count):
            left = max(0, before - offset)
            return left if count is None else min(left, count)
        case CollectNode(groups=groups):
            return max(1, before * 8 // 10) if groups else 1
        case NoResultsNode():
            return 0
        case _:
            return before


def _found(node: IndexNode, tx: Transaction) -> int:
    collection = tx.collection(node.collection)
    total = collection.count(tx)
    found = 0.0
    for lookup in node.lookups:
        if lookup.index.unique and len(lookup.equal) == len(lookup.index.fields):
            found += 1
        elif lookup.equal or lookup.values is not None:
            selectivity = collection.selectivity(tx, lookup.index) or 0.1
            found += max(1.0, 1 / selectivity)
        elif lookup.lower is not None and lookup.upper is not None:
            found += total / 2
        else:
            found += total
    return int(min(total, found))
