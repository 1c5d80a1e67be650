"""The optimiser: small functions from plan to plan, in the order of one tuple."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mcp_arangodb_async.engine.plan.nodes import Plan

from .support import Planning

RuleFunction: TypeAlias = Callable[[Plan, Planning], Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with ArangoDB's name. `apply` gives the same plan object when there is nothing to do."""

    name: str
    apply: RuleFunction
    can_be_disabled: bool = True


RULES: tuple[Rule, ...] = ()


def enabled_rules(wanted: Sequence[str]) -> frozenset[str]:
    """The names of the rules that are on, after switches such as `-all` and `+use-indexes`, left to right."""
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
    for rule in RULES:
        if rule.name not in enabled:
            continue
        changed = rule.apply(plan, planning)
        if changed is not plan:
            plan = changed
            applied.append(rule.name)
    return plan, tuple(applied)
