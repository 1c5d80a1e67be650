"""The tables and columns that a parsed statement names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from mcp_arangodb_async.sql.dialects.dialect import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class TableName:
    """A table as the statement names it, unquoted names folded as the server folds them."""

    name: str
    schema: str | None = None
    catalog: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.schema, self.name) if part)


def tables_of(nodes: Sequence[exp.Expr], dialect: Dialect) -> tuple[TableName, ...]:
    """The tables and views that nodes of a tree name, each once, without the names of its WITH clauses."""
    found: dict[TableName, None] = {}
    for node in nodes:
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            continue  # a function in FROM: its name is judged with the functions
        name = TableName(
            name=folded(node.this, dialect),
            schema=folded(node.args.get("db"), dialect) or None,
            catalog=folded(node.args.get("catalog"), dialect) or None,
        )
        if name.schema is None and name.name.lower() == "dual" and dialect.assignments:
            continue  # the empty table of MySQL, for queries without one
        if name.schema is not None or name.name not in visible_names(node, dialect):
            found[name] = None
    return tuple(found)


def folded(identifier: object, dialect: Dialect) -> str:
    """The name an identifier means: PostgreSQL lowers unquoted names, others keep them."""
    if not isinstance(identifier, exp.Identifier):
        return ""
    name: str = identifier.this
    return name if identifier.args.get("quoted") or not dialect.folds_names else name.lower()


def visible_names(node: exp.Expr, dialect: Dialect) -> set[str]:
    """Names of WITH clauses that a table's name at this place means.

    A WITH query sees the ones before it, and itself and later ones under RECURSIVE; SQLite knows no
    difference.
    """
    names: set[str] = set()
    below: exp.Expr = node
    above = node.parent
    while above is not None:
        with_ = above.args.get("with_")
        if isinstance(with_, exp.With):
            # Coming from inside the WITH clause, the loop passed through `with_` itself and added its names.
            if below is not with_:
                names.update(folded(entry.args["alias"].this, dialect) for entry in with_.expressions)
        if isinstance(above, exp.With):
            names.update(seen_by(above, below, dialect))
        below, above = above, above.parent
    return names


def seen_by(with_: exp.With, entry: exp.Expr, dialect: Dialect) -> Iterator[str]:
    """The names of a WITH clause that one of its own queries sees."""
    everything = bool(with_.args.get("recursive")) or dialect.name == "sqlite"
    for other in with_.expressions:
        if other is entry and not everything:
            return
        yield folded(other.args["alias"].this, dialect)
