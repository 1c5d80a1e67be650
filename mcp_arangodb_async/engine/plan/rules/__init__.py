"""The optimiser: small functions from plan to plan, in the order of one tuple.

To add a rule, write a function of a plan and a `Planning` that gives another plan (or the same one when
there is nothing to do), and list it in `RULES`. A rule never changes which rows come out, only how they
are found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias

from mcp_arangodb_async.engine.plan.nodes import (
    CollectNode,
    EnumerateCollectionNode,
    EnumeratePathsNode,
    FilterNode,
    IndexNode,
    Node,
    Plan,
    ShortestPathNode,
    SortNode,
    SubqueryNode,
    TraversalNode,
)
from mcp_arangodb_async.engine.plan.usage import every_node

from . import calculations, filters, indexes, outputs, sorts, subqueries, traversals
from .support import WRITES, Planning

RuleFunction: TypeAlias = Callable[[Plan, Planning], Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with ArangoDB's name. `apply` gives the same plan object when there is nothing to do."""

    name: str
    apply: RuleFunction
    can_be_disabled: bool = True
    #: The rule has nothing to do in a plan without a node of one of these kinds; empty: it always may have.
    needs: tuple[type[Node], ...] = ()


RULES: tuple[Rule, ...] = (
    Rule(name="inline-subqueries", apply=subqueries.inline_subqueries, needs=(SubqueryNode,)),
    Rule(name="remove-redundant-calculations", apply=calculations.remove_redundant_calculations),
    Rule(name="move-calculations-up", apply=calculations.move_calculations_up),
    Rule(name="move-filters-up", apply=filters.move_filters_up, needs=(FilterNode,)),
    Rule(name="remove-unnecessary-filters", apply=filters.remove_unnecessary_filters, needs=(FilterNode,)),
    Rule(name="remove-unnecessary-calculations", apply=calculations.remove_unnecessary_calculations),
    Rule(name="remove-redundant-sorts", apply=sorts.remove_redundant_sorts, needs=(SortNode,)),
    Rule(name="optimize-subqueries", apply=subqueries.optimize_subqueries, needs=(SubqueryNode,)),
    Rule(name="remove-sort-rand-limit-1", apply=sorts.remove_sort_rand_limit_1, needs=(SortNode,)),
    Rule(name="remove-collect-variables", apply=outputs.remove_collect_variables, needs=(CollectNode,)),
    Rule(
        name="remove-data-modification-out-variables",
        apply=outputs.remove_data_modification_out_variables,
        needs=WRITES,
    ),
    Rule(name="replace-or-with-in", apply=filters.replace_or_with_in),
    Rule(name="use-indexes", apply=indexes.use_indexes, needs=(EnumerateCollectionNode,)),
    Rule(
        name="remove-filter-covered-by-index",
        apply=indexes.remove_filter_covered_by_index,
        needs=(IndexNode,),
    ),
    Rule(name="use-index-for-sort", apply=indexes.use_index_for_sort, needs=(SortNode,)),
    Rule(name="optimize-traversals", apply=traversals.optimize_traversals, needs=(TraversalNode,)),
    Rule(name="remove-unnecessary-calculations-2", apply=calculations.remove_unnecessary_calculations),
    Rule(
        name="remove-redundant-path-var",
        apply=outputs.remove_redundant_path_var,
        needs=(TraversalNode, ShortestPathNode, EnumeratePathsNode),
    ),
    Rule(name="move-calculations-down", apply=calculations.move_calculations_down),
    Rule(name="sort-limit", apply=sorts.sort_limit, needs=(SortNode,)),
    Rule(name="optimize-count", apply=subqueries.optimize_count, needs=(CollectNode,)),
)
ALL = frozenset(rule.name for rule in RULES)


def enabled_rules(wanted: Sequence[str]) -> frozenset[str]:
    """The names of the rules that are on, after switches such as `-all` and `+use-indexes`, left to right."""
    if not wanted:
        return ALL
    names = {rule.name for rule in RULES}
    fixed = {rule.name for rule in RULES if not rule.can_be_disabled}
    on = set(names)
    for switch in wanted:
        name = switch.removeprefix("-").removeprefix("+")
        chosen = names if name == "all" else {name} & names
        on = on - chosen if switch.startswith("-") else on | chosen
    return frozenset(on | fixed)


def optimise(plan: Plan, planning: Planning, enabled: frozenset[str]) -> tuple[Plan, tuple[str, ...]]:
    """The plan after all rules that are on, and the names of those that changed it, in order."""
    applied: list[str] = []
    idle: dict[RuleFunction, Plan] = {}
    kinds = _kinds(plan)
    for rule in RULES:
        if rule.name not in enabled or (rule.needs and kinds.isdisjoint(rule.needs)):
            continue
        if idle.get(rule.apply) is plan:  # the same function has found nothing to do in it
            continue
        changed = rule.apply(plan, planning)
        if changed is plan:
            idle[rule.apply] = plan
        else:
            plan = changed
            kinds = _kinds(plan)
            applied.append(rule.name)
    return plan, tuple(applied)


def _kinds(plan: Plan) -> Set[type]:
    """The kinds of nodes in a plan, those of subqueries too."""
    return plan.kinds if plan.is_flat else {type(node) for node in every_node(plan)}
