"""Columns whose values a caller must not see: where they come out, and which statements would tell them.

A masked column may be an output of a query, as it is; its values are then replaced. Anything else that would
tell about a value (a condition, an expression, an order, a new name inside a subquery) is refused. A view has
columns of its own: list them as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from mcp_arangodb_async.sql.names import TableName

MASK = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """Which columns of an answer are masked: by position, or by name where `*` decides the positions."""

    positions: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()

    def columns(self, names: Sequence[str]) -> frozenset[int]:
        """The positions to mask in an answer with these columns."""
        named = {index for index, name in enumerate(names) if name.casefold() in self.names}
        return self.positions | frozenset(named)

    def apply(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """The rows with the masked values replaced."""
        masked = self.columns(names)
        return [tuple(MASK if index in masked else value for index, value in enumerate(row)) for row in rows]


class LeakError(Exception):
    """The statement would tell about masked values; the message says how."""


def masked_names(masked_columns: Sequence[str], tables: Sequence[TableName]) -> frozenset[str]:
    """The names that are masked in a statement on these tables, case folded."""
    present = {table.name.casefold() for table in tables}
    names: set[str] = set()
    for entry in masked_columns:
        *owner, column = entry.casefold().split(".")
        if not owner or owner[-1] in present:
            names.add(column)
    return frozenset(names)


def masking_of(tree: exp.Expr, names: frozenset[str]) -> Masking:
    """Where the masked values come out; raises LeakError for a statement that would tell them otherwise."""
    refuse_hidden_ways(tree, names)
    outputs = list(branches(tree))
    allowed: set[int] = set()
    positions: set[int] = set()
    renamed: set[str] = set()
    for select in outputs:
        for position, output in enumerate(select.expressions):
            column = output.this if isinstance(output, exp.Alias) else output
            if is_masked(column, names):
                allowed.add(id(column))
                positions.add(position)
                renamed.add(output.alias_or_name.casefold())
    for select in tree.find_all(exp.Select):
        if all(select is not output for output in outputs) and is_source(select):
            allowed.update(id(output) for output in select.expressions if is_masked(output, names))
    for column in tree.find_all(exp.Column):
        if id(column) not in allowed and column.name.casefold() in names | renamed:
            raise LeakError(f"column {column.name} is masked: it may be shown as it is, and not be used")
    if any(is_ordinal(part) for part in tree.find_all(exp.Ordered, exp.Group)):
        raise LeakError("a number in ORDER BY or GROUP BY may stand for a masked column")
    if any(is_star(output) for select in outputs for output in select.expressions):
        if len(outputs) > 1:
            raise LeakError("with * in UNION and the like, masked columns cannot be told from others")
        return Masking(names=names | renamed)
    return Masking(positions=frozenset(positions))


def refuse_hidden_ways(tree: exp.Expr, names: frozenset[str]) -> None:
    """Refuse what carries a value to another name, or is a whole row."""
    if not isinstance(tree, exp.Query):
        raise LeakError("only queries may touch tables with masked columns")
    rows = {name.casefold() for table in tree.find_all(exp.Table) for name in (table.name, table.alias)}
    for node in tree.find_all(exp.Column, exp.Star, exp.Join, exp.TableAlias, exp.SetOperation):
        match node:
            case exp.TableAlias() if node.columns:
                raise LeakError("columns that get new names could hide masked ones")
            case exp.Join() if node.args.get("method") == "NATURAL":
                raise LeakError("a NATURAL JOIN may compare masked columns")
            case exp.Join() if any(part.name.casefold() in names for part in node.args.get("using") or ()):
                raise LeakError("USING would compare a masked column")
            case exp.Column() if not node.table and node.name.casefold() in rows:
                raise LeakError(f"{node.name} stands for whole rows, masked columns included")
            case exp.Star() if isinstance(output_of(node), exp.Func) and not isinstance(
                output_of(node), exp.Count
            ):
                raise LeakError("* inside a function stands for whole rows, masked columns included")
            case exp.SetOperation() if node is not tree and not isinstance(
                node.parent, exp.SetOperation | exp.Subquery
            ):
                raise LeakError("UNION and the like inside a query could give masked columns other names")
            case exp.SetOperation() if node is not tree and is_source(node):
                raise LeakError("UNION and the like inside a query could give masked columns other names")
            case _:
                pass


def output_of(star: exp.Star) -> exp.Expr | None:
    """What the `*` or `t.*` stands in."""
    parent = star.parent
    return parent.parent if isinstance(parent, exp.Column) else parent


def branches(tree: exp.Expr) -> Iterator[exp.Select]:
    """The queries whose outputs are the answer: one, or those that UNION and the like join."""
    todo: list[exp.Expr] = [tree]
    while todo:
        match todo.pop():
            case exp.Select() as select:
                yield select
            case exp.SetOperation() as both:
                todo += [both.this, both.expression]
            case exp.Subquery() as inner:
                todo.append(inner.this)
            case _:
                pass


def is_masked(column: exp.Expr, names: frozenset[str]) -> bool:
    return isinstance(column, exp.Column) and column.name.casefold() in names


def is_star(output: exp.Expr) -> bool:
    return isinstance(output, exp.Star) or (
        isinstance(output, exp.Column) and isinstance(output.this, exp.Star)
    )


def is_source(query: exp.Expr) -> bool:
    """Whether the query's rows come out under its own column names: in FROM, JOIN or WITH."""
    parent = query.parent
    while isinstance(parent, exp.Subquery | exp.Paren):
        parent = parent.parent
    return isinstance(parent, exp.From | exp.Join | exp.CTE | exp.Lateral)


def is_ordinal(part: exp.Expr) -> bool:
    """Whether ORDER BY or GROUP BY names an output by its number."""
    keys = [part.this] if isinstance(part, exp.Ordered) else part.expressions
    return any(isinstance(key, exp.Literal) and not key.is_string for key in keys)
