"""What rules share: the catalogue they plan for, and how to walk and change plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from operator import is_
from typing import Any

from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.expressions.tree import (
    Call,
    Expression,
    Subquery,
    Variable,
    Variables,
    postorder,
    rewrite,
    substitute,
    variables_of,
)
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    EnumeratePathsNode,
    EnumerateViewNode,
    IndexNode,
    InsertNode,
    Node,
    Plan,
    RemoveNode,
    ReplaceNode,
    ShortestPathNode,
    SubqueryNode,
    TraversalNode,
    UpdateNode,
    UpsertNode,
)
from mcp_arangodb_async.engine.plan.usage import every_node, reads

#: Nodes that give several rows for one.
LOOPS = (
    EnumerateCollectionNode,
    IndexNode,
    EnumerateViewNode,
    EnumerateListNode,
    TraversalNode,
    ShortestPathNode,
    EnumeratePathsNode,
)
#: Nodes that compute one value.
COMPUTED = (CalculationNode, SubqueryNode)
WRITES = (InsertNode, UpdateNode, ReplaceNode, RemoveNode, UpsertNode)
#: Functions that read documents, which do not change while a query only reads.
STABLE_READS = frozenset({"DOCUMENT", "COLLECTION_COUNT", "LENGTH", "COUNT"})


@dataclass(slots=True, kw_only=True)
class Planning:
    """What a plan is made for. A rule that looks at a bind value names its parameter in `structural`."""

    tx: Transaction
    binds: Mapping[str, Any]
    variables: Variables
    structural: set[str]
    compat: str = "3.12"


def everywhere(plan: Plan, change: Callable[[Plan], Plan]) -> Plan:
    """Apply a change to the subqueries of a plan, innermost first, and then to the plan itself."""
    if plan.is_flat:
        return change(plan)
    nodes = [_inside(node, change) for node in plan.nodes]
    return change(plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes)))


def _inside(node: Node, change: Callable[[Plan], Plan]) -> Node:
    if isinstance(node, SubqueryNode):
        inner = everywhere(node.plan, change)
        if inner is not node.plan:
            return SubqueryNode(variable=node.variable, plan=inner, is_lookup=node.is_lookup)
    elif isinstance(node, CalculationNode) and node.facts.subqueries:
        expression = with_subqueries(node.expression, lambda inner: everywhere(inner, change))
        if expression is not node.expression:
            return CalculationNode(variable=node.variable, expression=expression)
    return node


def with_subqueries(expression: Expression, change: Callable[[Plan], Plan]) -> Expression:
    """The expression with the plans of its subqueries changed."""

    def changed(part: Expression) -> Expression:
        if isinstance(part, Subquery):
            assert isinstance(part.plan, Plan)
            inner = change(part.plan)
            if inner is not part.plan:
                return Subquery(
                    plan=inner,
                    variables=part.variables,
                    is_deterministic=part.is_deterministic,
                    modifies=part.modifies,
                )
        return part

    return rewrite(expression, changed)


def unchanged(nodes: list[Node], before: tuple[Node, ...]) -> bool:
    """Whether a list holds the very nodes of a plan."""
    return len(nodes) == len(before) and all(map(is_, nodes, before))


def uses(plan: Plan) -> Counter[Variable]:
    """How often the variables are read, by the nodes of a plan and of the subqueries in it."""
    read: list[Variable] = []
    for node in every_node(plan):
        if isinstance(node, CalculationNode):
            read += node.facts.variables
        elif not isinstance(node, SubqueryNode):
            read += reads(node)
    return Counter(read)


def is_read_only(node: SubqueryNode) -> bool:
    """Whether a subquery writes nothing."""
    return not any(isinstance(each, WRITES) for each in every_node(node.plan))


def is_repeatable(node: Node) -> bool:
    """Whether a calculation or subquery gives the same again for the same variables, with no other effect."""
    if isinstance(node, CalculationNode):
        return node.facts.is_deterministic
    if not isinstance(node, SubqueryNode) or node.is_lookup or not is_read_only(node):
        return False
    return all(
        _is_stable(part)
        for each in every_node(node.plan)
        if isinstance(each, CalculationNode)
        for part in postorder(each.expression)
    )


def _is_stable(part: Expression) -> bool:
    if isinstance(part, Call):
        return part.function.deterministic or part.function.name in STABLE_READS
    return True


def definitions(plan: Plan) -> dict[Variable, CalculationNode]:
    """The repeatable calculations, by what they stand for."""
    return {
        node.variable: node
        for node in plan.nodes
        if isinstance(node, CalculationNode) and node.facts.is_deterministic
    }


def resolved(node: CalculationNode, known: Mapping[Variable, CalculationNode]) -> Expression:
    """The node's expression with variables replaced by what they stand for, all the way down."""
    expression = node.expression
    variables: Set[Variable] = node.facts.variables
    while values := {each: known[each].expression for each in variables if each in known}:
        expression = substitute(expression, values)
        variables = variables_of(expression)
    return expression
