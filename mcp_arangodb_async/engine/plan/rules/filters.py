"""Rules about filters: test early, and test what indexes understand."""

from __future__ import annotations

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.fold import NotConstantError, evaluate
from mcp_arangodb_async.engine.expressions.text import key_of
from mcp_arangodb_async.engine.expressions.tree import (
    ArrayLiteral,
    Comparison,
    Constant,
    Expression,
    Logical,
    Parameter,
    Variable,
    all_of,
    attribute_path,
    conjuncts,
    is_constant,
    postorder,
    rewrite,
    variables_of,
)
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    FilterNode,
    Node,
    NoResultsNode,
    Plan,
    SortNode,
    SubqueryNode,
)
from mcp_arangodb_async.engine.plan.usage import sets
from mcp_arangodb_async.engine.values import truthy

from .calculations import hoisted
from .support import LOOPS, Planning, everywhere, is_read_only, unchanged, uses

#: Nodes that do not mind whether a filter comes before or after them.
PASSABLE = (CalculationNode, FilterNode, SortNode)


def move_filters_up(plan: Plan, planning: Planning) -> Plan:
    """Test conditions as soon as what they read is there; parts of an AND separately."""
    return everywhere(plan, lambda each: _move_up(_known_early(each, planning)))


def _known_early(plan: Plan, planning: Planning) -> Plan:
    """The plan with the parts of conditions computed as early as they can be."""
    split = _split(plan, planning)
    return plan if split is plan else hoisted(split)


def _split(plan: Plan, planning: Planning) -> Plan:
    """Take an AND apart whose parts are known at different places, if only the filter after it reads it."""
    split: dict[int, list[Expression]] = {}
    for place, node in enumerate(plan.nodes):
        if isinstance(node, CalculationNode) and isinstance(node.expression, Logical):
            parts = _parts(plan.nodes, place, node)
            if len(parts) > 1 and uses(plan)[node.variable] == 1:
                split[place] = parts
    if not split:
        return plan
    nodes: list[Node] = []
    for place, node in enumerate(plan.nodes):
        if place in split:
            for part in split[place]:
                variable = planning.variables.make()
                nodes.append(CalculationNode(variable=variable, expression=part))
                nodes.append(FilterNode(condition=variable))
        elif place - 1 not in split:  # there the filter was that is now one for each part
            nodes.append(node)
    return Plan(nodes=tuple(nodes))


def _parts(nodes: tuple[Node, ...], place: int, node: CalculationNode) -> list[Expression]:
    """The parts of an AND that the next node filters by, by how early they are known."""
    following = nodes[place + 1] if place + 1 < len(nodes) else None
    if not isinstance(following, FilterNode) or following.condition is not node.variable:
        return []
    if not node.facts.is_deterministic:
        return []
    loops = sum(isinstance(each, LOOPS) for each in nodes[:place])
    if not loops:
        return []
    known = _known_at(nodes[:place])
    groups: dict[int, list[Expression]] = {}
    for part in conjuncts(node.expression):
        level = max((known.get(each, 0) for each in variables_of(part)), default=0)
        groups.setdefault(level, []).append(part)
    joined = [all_of(parts) for _, parts in sorted(groups.items())]
    return [each for each in joined if each is not None]


def _known_at(nodes: tuple[Node, ...]) -> dict[Variable, int]:
    """After how many loops the variables are known that some nodes set."""
    loops = 0
    known: dict[Variable, int] = {}
    for node in nodes:
        loops += isinstance(node, LOOPS)
        known.update(dict.fromkeys(sets(node), loops))
    return known


def _move_up(plan: Plan) -> Plan:
    nodes = list(plan.nodes)
    for node in plan.nodes:
        if isinstance(node, FilterNode):
            place = nodes.index(node)
            target = _highest(nodes, place, node.condition)
            if target < place:
                nodes.insert(target, nodes.pop(place))
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _highest(nodes: list[Node], place: int, condition: Variable) -> int:
    """The place just after the condition is known, unless something in between must see all rows."""
    target = place
    for at in range(place - 1, 0, -1):
        node = nodes[at]
        if condition in sets(node):
            return target
        if isinstance(node, LOOPS):
            target = at
        elif isinstance(node, SubqueryNode):
            if not is_read_only(node):
                return target
        elif not isinstance(node, PASSABLE):
            return target
    return target


def remove_unnecessary_filters(plan: Plan, planning: Planning) -> Plan:
    """Drop filters that are always true; stop where one is always false."""
    return everywhere(plan, lambda each: _decide(each, planning))


def _decide(plan: Plan, planning: Planning) -> Plan:
    constants = {
        node.variable: node.expression
        for node in plan.nodes
        if isinstance(node, CalculationNode) and node.facts.is_constant
    }
    nodes: list[Node] = []
    for node in plan.nodes:
        if isinstance(node, FilterNode) and node.condition in constants:
            holds = _truth(constants[node.condition], planning)
            if holds is False:
                nodes.append(NoResultsNode())
            elif holds is None:
                nodes.append(node)
        else:
            nodes.append(node)
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _truth(expression: Expression, planning: Planning) -> bool | None:
    """The truth of a condition without bind values; None when it takes a run to know it."""
    if any(isinstance(part, Parameter) for part in postorder(expression)):
        return None
    try:
        return truthy(evaluate(expression, {}, planning.compat))
    except (ArangoError, NotConstantError):
        return None


def replace_or_with_in(plan: Plan, _: Planning) -> Plan:
    """`a == 1 || a == 2` is `a IN [1, 2]`."""
    return everywhere(plan, _with_in)


def _with_in(plan: Plan) -> Plan:
    nodes: list[Node] = []
    for node in plan.nodes:
        if isinstance(node, CalculationNode) and node.facts.has_or:
            expression = rewrite(node.expression, _joined)
            if expression is not node.expression:
                node = CalculationNode(variable=node.variable, expression=expression)  # noqa: PLW2901
        nodes.append(node)
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _joined(expression: Expression) -> Expression:
    if not isinstance(expression, Logical) or expression.operator != "||":
        return expression
    subject: Expression | None = None
    values: list[Expression] = []
    for operand in expression.operands:
        found = _subject(operand)
        if found is None:
            return expression
        if subject is not None and key_of(subject) != key_of(found[0]):
            return expression
        subject = found[0]
        values += found[1]
    assert subject is not None
    constants = [value.value for value in values if isinstance(value, Constant)]
    whole = Constant(value=constants) if len(constants) == len(values) else ArrayLiteral(items=tuple(values))
    return Comparison(operator="IN", left=subject, right=whole)


def _subject(operand: Expression) -> tuple[Expression, list[Expression]] | None:
    """What is compared, and with which values; None unless an attribute is compared with values."""
    if not isinstance(operand, Comparison):
        return None
    path = attribute_path(operand.left)
    if path is None or not path[1]:
        return None
    if operand.operator == "==" and is_constant(operand.right):
        return operand.left, [operand.right]
    if operand.operator == "IN" and isinstance(operand.right, ArrayLiteral):
        return (operand.left, list(operand.right.items)) if is_constant(operand.right) else None
    if operand.operator == "IN" and isinstance(operand.right, Constant):
        values = operand.right.value
        if isinstance(values, list):
            return operand.left, [Constant(value=value) for value in values]
    return None
