"""Rules about the order of rows: sort once, and only as much as is read."""

from __future__ import annotations

from dataclasses import replace

from mcp_arangodb_async.engine.expressions.text import key_of
from mcp_arangodb_async.engine.expressions.tree import Call, Variable
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    EnumerateCollectionNode,
    FilterNode,
    LimitNode,
    Node,
    Plan,
    SortElement,
    SortNode,
    SubqueryNode,
)

from .support import LOOPS, Planning, everywhere, is_read_only, unchanged

#: Nodes between two sorts that leave it to the later one how rows are ordered.
ORDERED_LATER = (*LOOPS, CalculationNode, SubqueryNode, FilterNode)


def remove_redundant_sorts(plan: Plan, _: Planning) -> Plan:
    """Drop sorts by constants, and sorts whose order another sort replaces or already gives."""
    return everywhere(plan, _remove_sorts)


def _remove_sorts(plan: Plan) -> Plan:
    computed = {node.variable: node for node in plan.nodes if isinstance(node, CalculationNode)}
    nodes = list(plan.nodes)
    for place, node in enumerate(plan.nodes):
        if not isinstance(node, SortNode) or node not in nodes:
            continue
        elements = tuple(each for each in node.elements if not _is_constant(each, computed))
        earlier = _sort_before(plan.nodes, place)
        while earlier is not None:
            if earlier in nodes:
                if elements and _begins_with(earlier.elements, elements, computed):
                    nodes.remove(node)
                    break
                nodes.remove(earlier)
            earlier = _sort_before(plan.nodes, plan.nodes.index(earlier))
        if node in nodes and not elements:
            nodes.remove(node)
        elif node in nodes and len(elements) < len(node.elements):
            nodes[nodes.index(node)] = replace(node, elements=elements)
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _is_constant(element: SortElement, computed: dict[Variable, CalculationNode]) -> bool:
    node = computed.get(element.variable)
    return node is not None and node.facts.is_constant


def _sort_before(nodes: tuple[Node, ...], place: int) -> SortNode | None:
    """The sort whose order nobody sees but the sort at a place."""
    for at in range(place - 1, 0, -1):
        node = nodes[at]
        if isinstance(node, SortNode):
            return node
        if isinstance(node, SubqueryNode) and not is_read_only(node):
            return None
        if not isinstance(node, ORDERED_LATER):
            return None
    return None


def _begins_with(
    longer: tuple[SortElement, ...],
    shorter: tuple[SortElement, ...],
    computed: dict[Variable, CalculationNode],
) -> bool:
    if len(shorter) > len(longer):
        return False
    return all(
        first.is_ascending == second.is_ascending
        and (
            first.variable is second.variable
            or (
                first.variable in computed
                and second.variable in computed
                and key_of(computed[first.variable].expression)
                == key_of(computed[second.variable].expression)
            )
        )
        for first, second in zip(longer, shorter, strict=False)
    )


def sort_limit(plan: Plan, _: Planning) -> Plan:
    """Keep no more rows in a sort than the LIMIT after it lets pass."""
    return everywhere(plan, _sort_limit)


def _sort_limit(plan: Plan) -> Plan:
    nodes = list(plan.nodes)
    for place, node in enumerate(plan.nodes):
        if not isinstance(node, SortNode) or node.limit is not None:
            continue
        for later in plan.nodes[place + 1 :]:
            if isinstance(later, LimitNode):
                if later.count is not None and not later.full_count:
                    most = later.offset + later.count
                    nodes[place] = SortNode(elements=node.elements, limit=most)
                break
            if not isinstance(later, CalculationNode):
                break
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def remove_sort_rand_limit_1(plan: Plan, _: Planning) -> Plan:
    """`SORT RAND() LIMIT 1` reads one random document."""
    return everywhere(plan, _random_document)


def _random_document(plan: Plan) -> Plan:
    match plan.nodes[1:5]:
        case (
            EnumerateCollectionNode(is_random=False) as scan,
            CalculationNode(expression=Call(function=function, arguments=())) as random,
            SortNode(elements=(element,)),
            LimitNode(offset=0, count=1, full_count=False) as limit,
        ) if function.name == "RAND" and element.variable is random.variable:
            scan = replace(scan, is_random=True)
            return Plan(nodes=(plan.nodes[0], scan, random, limit, *plan.nodes[5:]))
        case _:
            return plan
