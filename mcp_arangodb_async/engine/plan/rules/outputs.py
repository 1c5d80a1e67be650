"""Rules about variables that nobody reads: do not make their values."""

from __future__ import annotations

from dataclasses import replace

from mcp_arangodb_async.engine.expressions.tree import (
    Attribute,
    Call,
    Expansion,
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
    EnumeratePathsNode,
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

from .subqueries import COUNTING
from .support import Planning, everywhere, unchanged, uses


def remove_collect_variables(plan: Plan, planning: Planning) -> Plan:
    """Gather with INTO only what is read; count where only the length is read."""
    return everywhere(plan, lambda each: _collect(each, planning))


def _collect(plan: Plan, planning: Planning) -> Plan:
    nodes = list(plan.nodes)
    for place, node in enumerate(plan.nodes):
        if not isinstance(node, CollectNode) or node.into is None:
            continue
        later = Plan(nodes=tuple(nodes[place + 1 :]))
        if not uses(later)[node.into]:
            nodes[place] = replace(node, into=None, projection=None, keep=())
            continue
        readers = _readers(later, node.into)
        if readers is None:
            continue
        if all(_only_counts(expression, node.into) for expression in readers):
            nodes[place:] = _counted(nodes[place:], node, planning)
        elif node.keep:
            names = [_members(expression, node.into) for expression in readers]
            if all(each is not None for each in names):
                wanted = {name for each in names if each is not None for name in each}
                keep = tuple(each for each in node.keep if each.name in wanted)
                if len(keep) < len(node.keep):
                    nodes[place] = replace(node, keep=keep)
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _readers(plan: Plan, variable: Variable) -> list[Expression] | None:
    """The calculations that read a variable; None when another kind of node reads it too."""
    found: list[Expression] = []
    for node in every_node(plan):
        if variable in reads(node) and not isinstance(node, SubqueryNode):
            if not isinstance(node, CalculationNode):
                return None
            found.append(node.expression)
    return found


def _only_counts(expression: Expression, variable: Variable) -> bool:
    references = 0
    for part in postorder(expression):
        if isinstance(part, Reference) and part.variable is variable:
            references += 1
        elif _counts(part, variable):
            references -= 1
    return references == 0


def _counts(part: Expression, variable: Variable) -> bool:
    match part:
        case Call(function=function, arguments=(Reference(variable=read),)):
            return function.name in COUNTING and read is variable
        case _:
            return False


def _counted(nodes: list[Node], node: CollectNode, planning: Planning) -> list[Node]:
    assert node.into is not None
    into = node.into
    number = planning.variables.make(kind="number")
    aggregate = Aggregate(variable=number, function="LENGTH")
    counted = replace(node, into=None, projection=None, keep=(), aggregates=(*node.aggregates, aggregate))

    def change(part: Expression) -> Expression:
        return Reference(variable=number) if _counts(part, into) else part

    def inside(plan: Plan) -> Plan:
        return Plan(nodes=tuple(map(changed, plan.nodes)))

    def changed(each: Node) -> Node:
        if isinstance(each, SubqueryNode):
            return replace(each, plan=inside(each.plan))
        if isinstance(each, CalculationNode) and into in reads(each):
            return replace(each, expression=rewrite(each.expression, change))
        return each

    return [counted, *map(changed, nodes[1:])]


def _members(expression: Expression, variable: Variable) -> set[str] | None:
    """The attributes that `g[*].name` takes from the members; None when whole members are read."""
    names: set[str] = set()
    references = 0
    for part in postorder(expression):
        if isinstance(part, Reference) and part.variable is variable:
            references += 1
        elif isinstance(part, Expansion) and isinstance(part.base, Reference):
            if part.base.variable is not variable:
                continue
            inner = [each for each in (part.condition, part.projection) if each is not None]
            found = [_first_names(each, part.current) for each in inner]
            if part.projection is None or part.levels > 1 or any(each is None for each in found):
                return None
            names |= {name for each in found if each is not None for name in each}
            references -= 1
        elif _counts(part, variable):
            references -= 1
    return names if references == 0 else None


def _first_names(expression: Expression, current: Variable) -> set[str] | None:
    names: set[str] = set()
    references = 0
    for part in postorder(expression):
        if isinstance(part, Reference) and part.variable is current:
            references += 1
        elif isinstance(part, Attribute) and isinstance(part.base, Reference):
            if part.base.variable is current:
                names.add(part.name)
                references -= 1
    return names if references == 0 else None


def remove_data_modification_out_variables(plan: Plan, _: Planning) -> Plan:
    """Do not hand on OLD and NEW that nobody reads."""
    return everywhere(plan, _unread_documents)


def _unread_documents(plan: Plan) -> Plan:
    counted = uses(plan)
    nodes = list(plan.nodes)
    for place, node in enumerate(plan.nodes):
        match node:
            case InsertNode() | UpdateNode() | ReplaceNode() | UpsertNode():
                old, new = _read(node.old, counted), _read(node.new, counted)
                if old is not node.old or new is not node.new:
                    nodes[place] = replace(node, old=old, new=new)
            case RemoveNode():
                if _read(node.old, counted) is not node.old:
                    nodes[place] = replace(node, old=None)
            case _:
                pass
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))


def _read(variable: Variable | None, counted: dict[Variable, int]) -> Variable | None:
    return variable if variable is not None and counted.get(variable) else None


def remove_redundant_path_var(plan: Plan, _: Planning) -> Plan:
    """Do not make vertices, edges and paths that nobody reads."""
    return everywhere(plan, _unread_path_parts)


def _unread_path_parts(plan: Plan) -> Plan:
    counted = uses(plan)
    nodes = list(plan.nodes)
    for place, node in enumerate(plan.nodes):
        match node:
            case TraversalNode():
                parts = [_read(each, counted) for each in (node.vertex, node.edge, node.path)]
                if parts != [node.vertex, node.edge, node.path]:
                    nodes[place] = replace(node, vertex=parts[0], edge=parts[1], path=parts[2])
            case ShortestPathNode():
                pair = [_read(each, counted) for each in (node.vertex, node.edge)]
                if pair != [node.vertex, node.edge]:
                    nodes[place] = replace(node, vertex=pair[0], edge=pair[1])
            case EnumeratePathsNode():
                if _read(node.path, counted) is not node.path:
                    nodes[place] = replace(node, path=None)
            case _:
                pass
    return plan if unchanged(nodes, plan.nodes) else Plan(nodes=tuple(nodes))
