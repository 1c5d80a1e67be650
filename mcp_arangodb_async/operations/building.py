"""Queries built from conditions: every name and value bound, so nothing can be spliced (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations.traversal import Statement

Operator = Literal["==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "LIKE", "NOT LIKE"]
SortDirection = Literal["ASC", "DESC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison of an attribute with a value."""

    field: str
    op: Operator
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What to ask of a collection: all `groups` must hold, each if one of its conditions does."""

    collection: str
    groups: Sequence[Sequence[Condition]] = ()
    sort: Sequence[tuple[str, SortDirection]] = ()
    limit: int | None = None
    offset: int = 0
    return_fields: Sequence[str] = ()
    count: bool = False


class Builder:
    """Collects bind variables while a query is written."""

    def __init__(self) -> None:
        self.bind_vars: dict[str, Any] = {}

    def value(self, value: Any) -> str:
        """A bind parameter for a value."""
        name = f"v{len(self.bind_vars)}"
        self.bind_vars[name] = value
        return f"@{name}"

    def attribute(self, path: str, *, field: str) -> str:
        """The attribute at a dotted path; the path is bound as well, whatever characters it has."""
        parts = path.split(".")
        if not path or any(not part for part in parts) or len(path) > 1000:
            raise InputError(f"{field}: {path[:100]!r} is no attribute path", field=field)
        name = f"v{len(self.bind_vars)}"
        self.bind_vars[name] = parts
        return f"d.@{name}"

    def condition(self, condition: Condition, *, field: str) -> str:
        """One comparison; LIKE ignores case, as earlier releases had it."""
        subject = self.attribute(condition.field, field=f"{field}.field")
        given: object = condition.value
        if condition.op in {"IN", "NOT IN"} and not isinstance(given, list):
            raise InputError(f"{field}.value: should be an array for {condition.op}", field=f"{field}.value")
        value = self.value(given)  # pyright: ignore[reportUnknownArgumentType] - a caller's own value
        if condition.op in {"LIKE", "NOT LIKE"}:
            if not isinstance(given, str):
                raise InputError(f"{field}.value: should be text for LIKE", field=f"{field}.value")
            matches = f"LIKE({subject}, {value}, true)"
            return matches if condition.op == "LIKE" else f"NOT {matches}"
        return f"{subject} {condition.op} {value}"


def build(what: Built) -> Statement:
    """The query with its bind variables; InputError for a bad name, which is never just dropped."""
    builder = Builder()
    builder.bind_vars["@collection"] = validate_collection_name(what.collection)
    lines = ["FOR d IN @@collection"]
    for number, group in enumerate(what.groups):
        if not group:
            raise InputError(f"filters.{number}: an empty group matches nothing", field=f"filters.{number}")
        tests = [builder.condition(condition, field=f"filters.{number}") for condition in group]
        lines.append(f"FILTER {' OR '.join(tests)}")
    if what.count:
        lines.append("COLLECT WITH COUNT INTO count RETURN count")
        return Statement(text=" ".join(lines), bind_vars=builder.bind_vars)
    if what.sort:
        keys = [f"{builder.attribute(path, field='sort')} {direction}" for path, direction in what.sort]
        lines.append(f"SORT {', '.join(keys)}")
    if what.limit is not None or what.offset:
        # AQL has no offset without a count; this is the largest it takes.
        most = what.limit if what.limit is not None else 2**53
        lines.append(f"LIMIT {builder.value(what.offset)}, {builder.value(most)}")
    lines.append(f"RETURN {projection(builder, what.return_fields)}")
    return Statement(text=" ".join(lines), bind_vars=builder.bind_vars)


def projection(builder: Builder, fields: Sequence[str]) -> str:
    """What each row holds: the whole document, or some attributes under their paths."""
    if not fields:
        return "d"
    members = [
        f"[{builder.value(path)}]: {builder.attribute(path, field='return_fields')}" for path in fields
    ]
    return f"{{{', '.join(members)}}}"
