"""Rules about traversals: what is asked of every path is checked on the way, and cuts the search short."""

from __future__ import annotations

from dataclasses import replace

from mcp_arangodb_async.engine.expressions.text import key_of
from mcp_arangodb_async.engine.expressions.tree import (
    ArrayLiteral,
    Attribute,
    Comparison,
    Constant,
    Element,
    Expansion,
    Expression,
    Logical,
    Not,
    Parameter,
    Quantified,
    Reference,
    Variable,
    all_of,
    conjuncts,
    postorder,
    rewrite,
    substitute,
    variables_of,
)
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    FilterNode,
    Node,
    PathFilter,
    Plan,
    TraversalNode,
)
from mcp_arangodb_async.engine.plan.usage import sets

from .indexes import conditions_after
from .support import Planning, definitions, everywhere, resolved, unchanged

PARTS = {"vertices": False, "edges": True}
#: Expressions that never warn, however short the path still is.
QUIET = (ArrayLiteral, Attribute, Comparison, Constant, Element, Logical, Not, Parameter, Reference)


def optimize_traversals(plan: Plan, planning: Planning) -> Plan:
    """Check conditions on vertices and edges of a path while it is walked."""
    return everywhere(plan, lambda each: _optimize(each, planning))


def _optimize(plan: Plan, planning: Planning) -> Plan:
    known = definitions(plan)
    nodes = list(plan.nodes)
    covered: set[str] = set()
    for place, node in enumerate(plan.nodes):
        # Which way a vertex is first reached by depends on the ways that are followed.
        if (
            not isinstance(node, TraversalNode)
            or node.path is None
            or node.options.unique_vertices == "global"
        ):
            continue
        later = {variable for each in plan.nodes[place:] for variable in sets(each)} - {node.path}
        found: list[PathFilter] = []
        for condition in conditions_after(plan.nodes, place, known):
            for part in conjuncts(resolved(condition, known)):
                made = None if variables_of(part) & later else _checked(part, node, planning)
                if made is not None:
                    check, decides = made
                    found.append(check)
                    if decides:
                        covered.add(key_of(part))
        if found:
            nodes[place] = replace(node, filters=(*node.filters, *found))
    if unchanged(nodes, plan.nodes):
        return plan
    return Plan(nodes=tuple(_without(nodes, covered, known, planning)))


def _without(
    nodes: list[Node], covered: set[str], known: dict[Variable, CalculationNode], planning: Planning
) -> list[Node]:
    """The nodes without the parts of filters that the checks decide."""
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, FilterNode) and node.condition in known:
            parts = list(conjuncts(resolved(known[node.condition], known)))
            left = [part for part in parts if key_of(part) not in covered]
            if len(left) < len(parts):
                condition = all_of(left)
                if condition is not None:
                    variable = planning.variables.make()
                    kept.append(CalculationNode(variable=variable, expression=condition))
                    kept.append(FilterNode(condition=variable))
                continue
        kept.append(node)
    return kept


def _checked(part: Expression, node: TraversalNode, planning: Planning) -> tuple[PathFilter, bool] | None:
    """A condition as a check on the way, and whether the check alone decides it."""
    assert node.path is not None
    if isinstance(part, Quantified):
        return _of_all(part, node, planning)
    return _of_one(part, node, planning)


def _of_one(part: Expression, node: TraversalNode, planning: Planning) -> tuple[PathFilter, bool] | None:
    """A condition on `p.vertices[2]` or `p.edges[0]`; shorter paths are left to the filter."""
    places: set[tuple[str, int]] = set()
    variable = planning.variables.make()

    def change(each: Expression) -> Expression:
        match each:
            case Element(
                base=Attribute(base=Reference(variable=path), name="vertices" | "edges" as name),
                index=Constant(value=int(place)),
            ) if path is node.path and place >= 0 and place is not True and place is not False:
                places.add((name, place))
                return Reference(variable=variable)
            case _:
                return each

    condition = rewrite(part, change)
    if len(places) != 1 or node.path in variables_of(condition) or not _is_quiet(condition):
        return None
    ((name, place),) = places
    is_edge = PARTS[name]
    if place > node.maximum - is_edge:
        return None
    check = PathFilter(condition=condition, variable=variable, is_edge=is_edge, depth=place)
    return check, place <= node.minimum - is_edge


def _of_all(part: Quantified, node: TraversalNode, planning: Planning) -> tuple[PathFilter, bool] | None:
    """`p.edges[*].kind ALL == "x"` and its kin."""
    match part.left:
        case Expansion(
            base=Attribute(base=Reference(variable=path), name="vertices" | "edges" as name),
            levels=1,
            current=current,
            condition=None,
            offset=None,
            count=None,
            projection=projection,
        ) if path is node.path and part.quantifier in {"ALL", "NONE"}:
            pass
        case _:
            return None
    variable = planning.variables.make()
    element: Expression = Reference(variable=variable)
    if projection is not None:
        element = substitute(projection, {current: element})
    condition: Expression = Comparison(operator=part.operator, left=element, right=part.right)
    if part.quantifier == "NONE":
        condition = Not(operand=condition)
    if node.path in variables_of(condition) or not _is_quiet(condition):
        return None
    is_edge = PARTS[name]
    check = PathFilter(condition=condition, variable=variable, is_edge=is_edge, depth=None)
    # IN is false for what is no array, of an empty list of edges as well.
    is_plain = part.operator not in {"IN", "NOT IN"} or (part.quantifier == "ALL" and node.minimum > 0)
    return check, is_plain


def _is_quiet(condition: Expression) -> bool:
    return all(isinstance(each, QUIET) for each in postorder(condition))
