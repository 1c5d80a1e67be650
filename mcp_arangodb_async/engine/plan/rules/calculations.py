"""Rules about calculations: do them as rarely as possible, and not at all when nobody reads them."""

from __future__ import annotations

from collections.abc import Hashable, Set

from mcp_arangodb_async.engine.expressions.text import key_of
from mcp_arangodb_async.engine.expressions.tree import Reference, Variable
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    CollectNode,
    FilterNode,
    LimitNode,
    Node,
    Plan,
    SortNode,
    SubqueryNode,
)
from mcp_arangodb_async.engine.plan.renaming import renamed
from mcp_arangodb_async.engine.plan.usage import reads, sets

from .support import COMPUTED, LOOPS, WRITES, Planning, everywhere, is_repeatable, unchanged, uses

#: Nodes after which a calculation may come earlier than after a loop.
MULTIPLYING = (*LOOPS, *COMPUTED, FilterNode)
#: Nodes that leave fewer rows to compute for, or the same.
THINNING = (FilterNode, SortNode, LimitNode)


def move_calculations_up(plan: Plan, _: Planning) -> Plan:
    """Do calculations and subqueries outside of loops whose variables they do not read."""
    return everywhere(plan, hoisted)


def hoisted(plan: Plan) -> Plan:
    """One (sub)query with its calculations as early as they can be."""
    nodes = list(plan.nodes)
    made: Set[Variable] | None = None
    for place, node in enumerate(plan.nodes):  # what moves up moves nothing that comes later
        if isinstance(node, LOOPS):
            made = set(sets(node))
        elif made is not None:  # what has been set by the last loop and since
            if isinstance(node, COMPUTED) and made.isdisjoint(reads(node)) and is_repeatable(node):
                target = _highest(nodes, place)
                if any(isinstance(each, LOOPS) for each in nodes[target:place]):
                    nodes.insert(target, nodes.pop(place))
                    continue
            made |= sets(node)
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _highest(nodes: list[Node], place: int) -> int:
    """The first place where a node can stand: after what it reads, and not before what makes fewer rows."""
    needed = reads(nodes[place])
    target = 1
    for at in range(1, place):
        if sets(nodes[at]) & needed:
            target = at + 1
    if target == 1:
        # Nothing of this query is read: one evaluation for all rows. Subqueries stay behind writes.
        writes = [at for at in range(1, place) if isinstance(nodes[at], WRITES)]
        return writes[-1] + 1 if writes and isinstance(nodes[place], SubqueryNode) else 1
    for at in range(target, place):
        if not isinstance(nodes[at], MULTIPLYING):
            target = at + 1
    return target


def move_calculations_down(plan: Plan, _: Planning) -> Plan:
    """Do calculations and subqueries after filters, sorts and limits that do not need them."""
    return everywhere(plan, _move_down)


def _move_down(plan: Plan) -> Plan:
    nodes = list(plan.nodes)
    first_loop = next((at for at, node in enumerate(nodes) if isinstance(node, LOOPS)), len(nodes))
    # Before the first loop everything is done once for all rows; what moves down moves nothing before it.
    for place in range(len(nodes) - 2, first_loop, -1):
        node = nodes[place]
        if not isinstance(node, COMPUTED) or node.variable in reads(nodes[place + 1]):
            continue
        if not is_repeatable(node):
            continue
        target = place
        for at in range(place + 1, len(nodes)):
            later = nodes[at]
            if node.variable in reads(later):
                break
            if isinstance(later, THINNING):
                target = at
            elif not isinstance(later, COMPUTED):
                break
        if target > place:
            nodes.insert(target, nodes.pop(place))
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def remove_redundant_calculations(plan: Plan, _: Planning) -> Plan:
    """Use the result of an equal calculation before, and the variable itself where LET only renames it."""
    return everywhere(plan, _share)


def _share(plan: Plan) -> Plan:
    if not _has_equals(plan):
        return plan
    nodes = list(plan.nodes)
    kept = {each for node in nodes if isinstance(node, CollectNode) for each in node.keep}
    known: dict[str, Variable] = {}
    place = 0
    while place < len(nodes):
        node = nodes[place]
        if isinstance(node, CollectNode):
            known.clear()
        if isinstance(node, CalculationNode) and is_repeatable(node) and node.variable not in kept:
            if isinstance(node.expression, Reference):
                first = node.expression.variable
            else:
                first = known.setdefault(key_of(node.expression), node.variable)
            if first is not node.variable:
                names = {node.variable: first}
                nodes[place:] = [renamed(each, names) for each in nodes[place + 1 :]]
                continue
        place += 1
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _has_equals(plan: Plan) -> bool:
    """Whether two calculations may be equal, or one only renames a variable; a cheap first look."""
    seen: set[Hashable] = set()
    for node in plan.nodes:
        if isinstance(node, CalculationNode):
            facts = node.facts
            looks = (type(node.expression), facts.size, facts.variables)
            if looks in seen or isinstance(node.expression, Reference):
                return True
            seen.add(looks)
    return False


def remove_unnecessary_calculations(plan: Plan, _: Planning) -> Plan:
    """Drop calculations and subqueries that nobody reads."""
    return everywhere(plan, _remove_unused)


def _remove_unused(plan: Plan) -> Plan:
    if plan.is_flat:
        read = set[Variable]().union(*map(reads, plan.nodes))
        if all(node.variable in read for node in plan.nodes if isinstance(node, CalculationNode)):
            return plan
    nodes = list(plan.nodes)
    while True:
        counted = uses(plan if len(nodes) == len(plan.nodes) else Plan(nodes=tuple(nodes)))
        unused = [
            node
            for node in nodes
            if isinstance(node, COMPUTED) and not counted[node.variable] and is_repeatable(node)
        ]
        if not unused:
            break
        nodes = [node for node in nodes if node not in unused]
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))
