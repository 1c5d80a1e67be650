"""What rules share: the catalogue they plan for, and how to walk and change plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.expressions.tree import Variables
from mcp_arangodb_async.engine.plan.nodes import Plan, SubqueryNode


@dataclass(slots=True, kw_only=True)
class Planning:
    """What a plan is made for. A rule that looks at a bind value names its parameter in `structural`."""

    tx: Transaction
    binds: Mapping[str, Any]
    variables: Variables
    structural: set[str]


def everywhere(plan: Plan, change: Callable[[Plan], Plan]) -> Plan:
    """Apply a change to the subqueries of a plan, innermost first, and then to the plan itself."""
    nodes = list(plan.nodes)
    is_changed = False
    for place, node in enumerate(nodes):
        if isinstance(node, SubqueryNode):
            inner = everywhere(node.plan, change)
            if inner is not node.plan:
                nodes[place] = SubqueryNode(variable=node.variable, plan=inner, is_lookup=node.is_lookup)
                is_changed = True
    return change(Plan(nodes=tuple(nodes)) if is_changed else plan)
