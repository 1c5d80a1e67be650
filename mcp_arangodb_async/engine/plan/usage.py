"""Which variables a node reads and sets, and what a plan needs from outside."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import assert_never

from mcp_arangodb_async.engine.expressions.tree import (
    Call,
    Expression,
    Variable,
    postorder,
    variables_of,
)

from .nodes import (
    CalculationNode,
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    FilterNode,
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

NONE: Set[Variable] = frozenset[Variable]()
READING_NOTHING = frozenset({SingletonNode, EnumerateCollectionNode, LimitNode, NoResultsNode})
SETTING_NOTHING = frozenset({SingletonNode, FilterNode, SortNode, LimitNode, ReturnNode, NoResultsNode})
SETTING_ONE = (CalculationNode, EnumerateCollectionNode, IndexNode, EnumerateListNode, SubqueryNode)


def reads(node: Node) -> Set[Variable]:
    """The variables whose values the node needs."""
    if isinstance(node, CalculationNode):
        return node.facts.variables
    if type(node) in READING_NOTHING:
        return NONE
    match node:
        case FilterNode(condition=condition):
            return {condition}
        case EnumerateListNode(source=source) | ReturnNode(source=source):
            return {source}
        case SingletonNode() | EnumerateCollectionNode() | LimitNode() | NoResultsNode():
            return NONE
        case IndexNode(lookups=lookups):
            found: set[Variable] = set()
            for lookup in lookups:
                for part in (*lookup.equal, lookup.lower, lookup.upper, lookup.values):
                    found |= _of(part)
            return found
        case EnumerateViewNode(condition=condition, variable=variable):
            return _of(condition) - {variable}
        case SubqueryNode(plan=plan):
            return needs(plan)
        case SortNode(elements=elements):
            return {element.variable for element in elements}
        case CollectNode():
            sources = {group.source for group in node.groups} | set(node.keep)
            sources |= {each.source for each in node.aggregates if each.source is not None}
            return sources if node.projection is None else sources | {node.projection}
        case WindowNode():
            sources = {each.source for each in node.aggregates if each.source is not None}
            return sources if node.range_variable is None else sources | {node.range_variable}
        case TraversalNode(prune=prune):
            found = {node.start}
            for each in node.filters:
                found |= _of(each.condition) - {each.variable}
            if prune is not None:
                found |= _of(prune.condition) - {prune.vertex, prune.edge, prune.path}
            return found
        case ShortestPathNode() | EnumeratePathsNode():
            return {node.start, node.target}
        case InsertNode():
            return {node.document}
        case UpdateNode() | ReplaceNode():
            return {node.document} if node.key is None else {node.document, node.key}
        case RemoveNode():
            return {node.key}
        case UpsertNode():
            return {node.found, node.insert, node.update}
    assert_never(node)


def sets(node: Node) -> Set[Variable]:
    """The variables the node gives a value."""
    if type(node) in SETTING_NOTHING:
        return NONE
    if isinstance(node, SETTING_ONE):
        return {node.variable}
    match node:
        case SingletonNode() | FilterNode() | SortNode() | LimitNode() | ReturnNode() | NoResultsNode():
            return NONE
        case EnumerateViewNode(variable=variable, match=match):
            return {variable, match}
        case CollectNode(groups=groups, aggregates=aggregates, into=into):
            made = {group.variable for group in groups} | {each.variable for each in aggregates}
            return made if into is None else made | {into}
        case WindowNode(aggregates=aggregates):
            return {each.variable for each in aggregates}
        case TraversalNode(prune=prune):
            pruned = None if prune is None else prune.variable
            return _present(node.vertex, node.edge, node.path, pruned)
        case ShortestPathNode():
            return _present(node.vertex, node.edge)
        case EnumeratePathsNode():
            return _present(node.path)
        case InsertNode() | UpdateNode() | ReplaceNode() | UpsertNode():
            return _present(node.old, node.new)
        case RemoveNode():
            return _present(node.old)
    assert_never(node)


def needs(plan: Plan) -> set[Variable]:
    """The variables a subquery's plan reads from the query around it."""
    made: set[Variable] = set()
    found: set[Variable] = set()
    for node in plan.nodes:
        found |= reads(node) - made
        made |= sets(node)
    return found


def every_node(plan: Plan) -> Iterator[Node]:
    """Every node of a plan, those of a subquery before the node that runs it."""
    if plan.is_flat:
        yield from plan.nodes
        return
    for node in plan.nodes:
        if isinstance(node, SubqueryNode):
            yield from every_node(node.plan)
        elif isinstance(node, CalculationNode):
            for inner in inner_plans(node):
                yield from every_node(inner)
        yield node


def is_cacheable(plan: Plan) -> bool:
    """Whether the plan gives the same rows as long as the data are the same."""
    for node in every_node(plan):
        if isinstance(node, CalculationNode) and node.facts.has_call:
            for part in postorder(node.expression):
                if isinstance(part, Call) and not part.function.cacheable:
                    return False
    return True


def read_after(nodes: tuple[Node, ...]) -> list[set[Variable]]:
    """For each node, the variables read by the nodes after it."""
    later: set[Variable] = set()
    result: list[set[Variable]] = []
    for node in reversed(nodes):
        result.append(set(later))
        later |= reads(node)
    result.reverse()
    return result


def inner_plans(node: CalculationNode) -> list[Plan]:
    """The plans of subqueries inside a calculation's expression."""
    plans: list[Plan] = []
    for subquery in node.facts.subqueries:
        assert isinstance(subquery.plan, Plan)
        plans.append(subquery.plan)
    return plans


def _of(expression: Expression | None) -> set[Variable]:
    return set() if expression is None else variables_of(expression)


def _present(*variables: Variable | None) -> set[Variable]:
    return {variable for variable in variables if variable is not None}
