"""Nodes with some of the variables they read replaced by others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from mcp_arangodb_async.engine.expressions.tree import Expression, Reference, Subquery, Variable, rewrite

from .nodes import (
    Aggregate,
    CalculationNode,
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    FilterNode,
    Group,
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
    SortElement,
    SortNode,
    SubqueryNode,
    TraversalNode,
    UpdateNode,
    UpsertNode,
    WindowNode,
)

Renames = Mapping[Variable, Variable]


def renamed_plan(plan: Plan, names: Renames) -> Plan:
    """The plan reading other variables."""
    return Plan(nodes=tuple(renamed(node, names) for node in plan.nodes))


def renamed(node: Node, names: Renames) -> Node:
    """The node reading other variables; what it sets stays. `keep` of COLLECT must not be renamed."""

    def get(variable: Variable) -> Variable:
        return names.get(variable, variable)

    def maybe(variable: Variable | None) -> Variable | None:
        return None if variable is None else get(variable)

    def inside(expression: Expression) -> Expression:
        return renamed_expression(expression, names)

    match node:
        case SingletonNode() | EnumerateCollectionNode() | LimitNode() | NoResultsNode():
            return node
        case IndexNode(lookups=lookups):
            changed = tuple(
                replace(
                    each,
                    equal=tuple(map(inside, each.equal)),
                    lower=None if each.lower is None else inside(each.lower),
                    upper=None if each.upper is None else inside(each.upper),
                    values=None if each.values is None else inside(each.values),
                )
                for each in lookups
            )
            return replace(node, lookups=changed)
        case EnumerateViewNode(condition=condition):
            return node if condition is None else replace(node, condition=inside(condition))
        case EnumerateListNode() | ReturnNode():
            return replace(node, source=get(node.source))
        case CalculationNode():
            return replace(node, expression=inside(node.expression))
        case SubqueryNode():
            return replace(node, plan=renamed_plan(node.plan, names))
        case FilterNode():
            return replace(node, condition=get(node.condition))
        case SortNode(elements=elements):
            order = tuple(
                SortElement(variable=get(each.variable), is_ascending=each.is_ascending) for each in elements
            )
            return replace(node, elements=order)
        case CollectNode(groups=groups, aggregates=aggregates):
            return replace(
                node,
                groups=tuple(Group(variable=each.variable, source=get(each.source)) for each in groups),
                aggregates=_aggregates(aggregates, names),
                projection=maybe(node.projection),
            )
        case WindowNode(aggregates=aggregates):
            return replace(
                node, aggregates=_aggregates(aggregates, names), range_variable=maybe(node.range_variable)
            )
        case TraversalNode():
            prune = node.prune
            return replace(
                node,
                start=get(node.start),
                prune=None if prune is None else replace(prune, condition=inside(prune.condition)),
                filters=tuple(replace(each, condition=inside(each.condition)) for each in node.filters),
            )
        case ShortestPathNode() | EnumeratePathsNode():
            return replace(node, start=get(node.start), target=get(node.target))
        case InsertNode():
            return replace(node, document=get(node.document))
        case UpdateNode() | ReplaceNode():
            return replace(node, document=get(node.document), key=maybe(node.key))
        case RemoveNode():
            return replace(node, key=get(node.key))
        case UpsertNode():
            return replace(node, found=get(node.found), insert=get(node.insert), update=get(node.update))
    assert_never(node)


def _aggregates(aggregates: tuple[Aggregate, ...], names: Renames) -> tuple[Aggregate, ...]:
    return tuple(
        each if each.source is None else replace(each, source=names.get(each.source, each.source))
        for each in aggregates
    )


def renamed_expression(expression: Expression, names: Renames) -> Expression:
    """The expression reading other variables, those of its subqueries too."""

    def change(part: Expression) -> Expression:
        if isinstance(part, Reference):
            other = names.get(part.variable)
            return part if other is None else Reference(variable=other)
        if isinstance(part, Subquery) and any(each in names for each in part.variables):
            assert isinstance(part.plan, Plan)
            variables = {names.get(each, each) for each in part.variables}
            return replace(
                part,
                plan=renamed_plan(part.plan, names),
                variables=tuple(sorted(variables, key=lambda variable: variable.id)),
            )
        return part

    return rewrite(expression, change)
