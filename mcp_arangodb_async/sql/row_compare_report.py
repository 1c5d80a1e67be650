"""A comparison of rows as JSON, for tools and commands: always the same members, whatever was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mcp_arangodb_async.sql.row_compare import Compared, Comparison
from mcp_arangodb_async.sql.row_compare_buckets import Difference
from mcp_arangodb_async.sql.row_compare_values import kind_of_cell, told

# A longer value is shown in part.
LONGEST = 400
# What stands before the first character that differs.
BEFORE = 40


def facts_of(found: Comparison) -> dict[str, Any]:
    """What was compared and how it went, without the differences themselves."""
    plan = found.plan
    return {
        "baseline": found.baseline,
        "identical": found.is_identical,
        "groups": [list(group) for group in found.groups],
        "key": list(plan.layout.key) or None,
        "columns": dict(plan.readings) or None,
        "types": [
            {
                "column": one.column,
                "environment": one.environment,
                "baseline": one.baseline,
                "other": one.other,
            }
            for one in plan.types
        ],
        "masked": list(plan.masked),
        "environments": {
            name: side_facts(one, plan.left_out.get(name, ())) for name, one in found.sides.items()
        },
        "ms": found.ms,
    }


def side_facts(one: Compared, left_out: tuple[str, ...]) -> dict[str, Any]:
    """One environment: how many of its rows differ, or why nobody knows."""
    facts: dict[str, Any] = {"status": one.status, "engine": one.engine}
    if one.error is not None:
        return {**facts, "error": {"code": one.error.code, "message": one.error.message}}
    facts |= {"rows": one.rows, "only_here": list(left_out)}
    if one.tally is None:
        return facts
    return {
        **facts,
        "same": one.tally.same,
        "changed": one.tally.changed,
        "removed": one.tally.removed,
        "added": one.tally.added,
        "changed_columns": dict(one.tally.columns.most_common()),
        "repeated_keys": one.tally.repeated,
    }


def differences_of(found: Comparison, most: int) -> list[dict[str, Any]]:
    """Differences of each environment, at most so many."""
    return [
        shown(one.environment, difference)
        for one in found.sides.values()
        for difference in one.differences(most)
    ]


def total_of(found: Comparison) -> int:
    """How many rows differ, over all environments."""
    tallies = [one.tally for one in found.sides.values() if one.tally is not None]
    return sum(tally.added + tally.removed + tally.changed for tally in tallies)


def shown(environment: str, one: Difference) -> dict[str, Any]:
    """One difference: the cells that changed with both values, or the row that one side alone has."""
    facts: dict[str, Any] = {"environment": environment, "kind": one.kind}
    if one.key:
        facts["key"] = {name: brief(told(cell)) for name, cell in one.key.items()}
    if one.kind == "changed":
        return {**facts, "cells": {name: both(*cells) for name, cells in one.cells.items()}}
    facts["row"] = {name: brief(told(cell)) for name, cell in one.row.items()}
    return facts if one.count == 1 else {**facts, "times": one.count}


def both(baseline: Any, other: Any) -> dict[str, Any]:
    """The two values of a cell; with their kinds where those differ, as "5" and 5 do."""
    left, right = told(baseline), told(other)
    start = 0
    if isinstance(left, str) and isinstance(right, str) and max(len(left), len(right)) > LONGEST:
        start = max(0, alike(left, right) - BEFORE)
    kinds = [kind_of_cell(baseline), kind_of_cell(other)]
    told_kinds = {"kinds": kinds} if len(set(kinds)) > 1 and "null" not in kinds else {}
    return {"baseline": brief(left, start), "other": brief(right, start), **told_kinds}


def alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def brief(value: Any, start: int = 0) -> Any:
    """The value, or a part of it and how long it is."""
    if value.__class__ in {dict, list}:
        text = json.dumps(value, ensure_ascii=False)
        return value if len(text) <= LONGEST else brief(text)
    if not isinstance(value, str) or (len(value) <= LONGEST and not start):
        return value
    before, after = "..." if start else "", "..." if len(value) > start + LONGEST else ""
    return f"{before}{value[start : start + LONGEST]}{after} ({len(value):,} characters)"


def lines_of(differences: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The differences as rows of a table: a line for each cell that changed, one for each other row."""
    lines: list[dict[str, Any]] = []
    for one in differences:
        start = {"environment": one["environment"], "kind": one["kind"], **one.get("key", {})}
        if one["kind"] == "changed":
            cells: Mapping[str, Any] = one["cells"]
            lines += [
                {**start, "column": name, "before": cell["baseline"], "after": cell["other"]}
                for name, cell in cells.items()
            ]
        else:
            side = "after" if one["kind"] == "added" else "before"
            rest = {name: value for name, value in one["row"].items() if name not in one.get("key", {})}
            lines.append({**start, "column": None, "before": None, "after": None, side: rest})
    return lines
