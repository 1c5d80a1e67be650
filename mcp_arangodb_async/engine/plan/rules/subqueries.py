"""Rules about subqueries: run them in place, count without gathering, stop when enough is known."""

from __future__ import annotations

from collections import Counter

from mcp_arangodb_async.engine.expressions.tree import (
    Call,
    CollectionValue,
    Constant,
    Element,
    Expression,
    Reference,
    Variable,
    postorder,
    rewrite,
)
from mcp_arangodb_async.engine.plan.nodes import (
    Aggregate,
    CalculationNode,
    CollectNode,
    EnumerateCollectionNode,
    EnumerateListNode,
    FilterNode,
    LimitNode,
    Node,
    Plan,
    ReturnNode,
    SingletonNode,
    SubqueryNode,
)
from mcp_arangodb_async.engine.plan.renaming import renamed
from mcp_arangodb_async.engine.plan.usage import reads

from .support import LOOPS, Planning, everywhere, is_read_only, unchanged, uses

COUNTING = frozenset({"LENGTH", "COUNT"})


def inline_subqueries(plan: Plan, _: Planning) -> Plan:
    """`FOR x IN (FOR y ... RETURN z)` needs no array in between."""
    return everywhere(plan, _inline)


def _inline(plan: Plan) -> Plan:
    nodes = list(plan.nodes)
    counted = uses(plan)
    for variable in [node.variable for node in plan.nodes if isinstance(node, SubqueryNode)]:
        place = _place_of(nodes, variable)
        node = nodes[place]
        assert isinstance(node, SubqueryNode)
        if counted[variable] != 1 or not _can_inline(node):
            continue
        reader = next((at for at in range(place + 1, len(nodes)) if node.variable in reads(nodes[at])), None)
        if reader is None or any(isinstance(each, LOOPS) for each in nodes[place:reader]):
            continue
        loop = nodes[reader]
        if not isinstance(loop, EnumerateListNode):
            continue
        last = node.plan.nodes[-1]
        assert isinstance(last, ReturnNode)
        after = [renamed(each, {loop.variable: last.source}) for each in nodes[reader + 1 :]]
        kept = {each for other in after if isinstance(other, CollectNode) for each in other.keep}
        if loop.variable in kept or last.source in kept:
            continue
        nodes = [
            *nodes[:place],
            *nodes[place + 1 : reader],
            *node.plan.nodes[1:-1],
            *after,
        ]
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _place_of(nodes: list[Node], variable: Variable) -> int:
    """Where the subquery is that sets a variable; the node may have been rewritten since."""
    return next(
        place
        for place, node in enumerate(nodes)
        if isinstance(node, SubqueryNode) and node.variable is variable
    )


def _can_inline(node: SubqueryNode) -> bool:
    allowed = (*LOOPS, CalculationNode, FilterNode, SubqueryNode, SingletonNode, ReturnNode)
    return (
        not node.is_lookup
        and is_read_only(node)
        and isinstance(node.plan.nodes[-1], ReturnNode)
        and all(isinstance(each, allowed) for each in node.plan.nodes)
        and any(isinstance(each, LOOPS) for each in node.plan.nodes)
    )


def optimize_subqueries(plan: Plan, planning: Planning) -> Plan:
    """Stop a subquery after its first row when only that is read; count rows without gathering them."""
    return everywhere(plan, lambda each: _shorten(each, planning))


def _shorten(plan: Plan, planning: Planning) -> Plan:
    counted = uses(plan)
    nodes = list(plan.nodes)
    for node in plan.nodes:
        if not isinstance(node, SubqueryNode) or node.is_lookup or counted[node.variable] == 0:
            continue
        if not is_read_only(node) or not isinstance(node.plan.nodes[-1], ReturnNode):
            continue
        wanted = Counter(_ways(plan, node.variable))
        if sum(wanted.values()) != counted[node.variable]:
            continue
        if set(wanted) == {"first"} and not isinstance(node.plan.nodes[-2], LimitNode):
            limit = LimitNode(offset=0, count=1)
            shorter = Plan(nodes=(*node.plan.nodes[:-1], limit, node.plan.nodes[-1]))
            nodes[nodes.index(node)] = SubqueryNode(variable=node.variable, plan=shorter)
        elif set(wanted) == {"count"} and any(isinstance(each, LOOPS) for each in node.plan.nodes):
            nodes = _counting(nodes, node, planning)
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _ways(plan: Plan, variable: Variable) -> list[str]:
    """How calculations of this plan read an array: its first element, its length, or all of it."""
    ways: list[str] = []
    for node in plan.nodes:
        if not isinstance(node, CalculationNode) or variable not in reads(node):
            continue
        found: set[str] = set()
        references = 0
        for part in postorder(node.expression):
            if _is_first(part, variable):
                found.add("first")
                references -= 1
            elif _is_count(part, variable):
                found.add("count")
                references -= 1
            elif isinstance(part, Reference) and part.variable is variable:
                references += 1
        ways.append(found.pop() if len(found) == 1 and references == 0 else "all")
    return ways


def _is_first(part: Expression, variable: Variable) -> bool:
    match part:
        case Element(base=Reference(variable=read), index=Constant(value=0)):
            return read is variable
        case Call(function=function, arguments=(Reference(variable=read),)):
            return function.name == "FIRST" and read is variable
        case _:
            return False


def _is_count(part: Expression, variable: Variable) -> bool:
    match part:
        case Call(function=function, arguments=(Reference(variable=read),)):
            return function.name in COUNTING and read is variable
        case _:
            return False


def _counting(nodes: list[Node], node: SubqueryNode, planning: Planning) -> list[Node]:
    """Let the subquery return its number of rows, and read that instead of a length."""
    number = planning.variables.make(kind="number")
    counter = CollectNode(
        aggregates=(Aggregate(variable=number, function="LENGTH"),), method="count", fixed_method=True
    )
    plan = Plan(nodes=(*node.plan.nodes[:-1], counter, ReturnNode(source=number)))
    first = Element(base=Reference(variable=node.variable), index=Constant(value=0))

    def change(part: Expression) -> Expression:
        return first if _is_count(part, node.variable) else part

    changed: list[Node] = []
    for each in nodes:
        if each is node:
            changed.append(SubqueryNode(variable=node.variable, plan=plan))
        elif isinstance(each, CalculationNode) and node.variable in reads(each):
            expression = rewrite(each.expression, change)
            changed.append(CalculationNode(variable=each.variable, expression=expression))
        else:
            changed.append(each)
    return changed


def optimize_count(plan: Plan, _: Planning) -> Plan:
    """Ask a collection for its number of documents instead of counting them."""
    return everywhere(plan, _count_documents)


def _count_documents(plan: Plan) -> Plan:
    match plan.nodes:
        case (
            SingletonNode() as start,
            EnumerateCollectionNode(collection=collection, is_random=False),
            CollectNode(
                method="count",
                groups=(),
                into=None,
                aggregates=(Aggregate(variable=variable, function="LENGTH"),),
            ),
            *rest,
        ):
            number = CollectionValue(collection=collection, use="count")
            counted = CalculationNode(variable=variable, expression=number)
            return Plan(nodes=(start, counted, *rest))
        case _:
            return plan
