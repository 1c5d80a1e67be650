"""SQLite's catalogue as the neutral model: its PRAGMA functions, and the CREATE statements it keeps.

Checks, collations and generated columns are only in the statements.
https://www.sqlite.org/pragma.html, https://www.sqlite.org/schematab.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from mcp_arangodb_async.sql.schema import (
    Check,
    Column,
    ForeignKey,
    Index,
    IndexPart,
    Key,
    Routine,
    Table,
    View,
)
from mcp_arangodb_async.sql.schema_expressions import normal, normal_default
from mcp_arangodb_async.sql.schema_reading import (
    MOST_COLUMNS,
    MOST_PARTS,
    MOST_ROUTINES,
    MOST_TABLES,
    MOST_VIEWS,
    Catalogue,
    Parts,
    RowOf,
    definition,
    grouped,
)
from mcp_arangodb_async.sql.schema_types import column_type

ENGINE = "sqlite"
ASKED = "m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name LIKE :table ESCAPE '!'"
OBJECTS = f"""
SELECT m.type AS kind, m.name AS name, m.sql AS statement FROM sqlite_schema m
WHERE m.type IN ('table', 'view') AND {ASKED} ORDER BY 1, 2
"""
COLUMNS = f"""
SELECT m.name AS "table", p.name AS name, p.type AS type, p."notnull" AS required, p.dflt_value AS "default",
    p.pk AS pk, p.hidden AS hidden
FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) p
WHERE m.type IN ('table', 'view') AND {ASKED} ORDER BY 1, p.cid
"""
INDEXES = f"""
SELECT m.name AS "table", l.name AS name, l."unique" AS "unique", l.origin AS origin, i.name AS part,
    i."desc" AS descending, i."key" AS is_key, i.coll AS collation, s.sql AS statement, i.cid AS cid
FROM sqlite_schema m JOIN pragma_index_list(m.name) l JOIN pragma_index_xinfo(l.name) i
    LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name
WHERE m.type = 'table' AND {ASKED} ORDER BY 1, 2, i.seqno
"""
REFERENCES = f"""
SELECT m.name AS "table", f.id AS id, f."table" AS other, f."from" AS part, f."to" AS other_part,
    f.on_update AS on_update, f.on_delete AS on_delete
FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
WHERE m.type = 'table' AND {ASKED} ORDER BY 1, f.id, f.seq
"""
TRIGGERS = """
SELECT m.name AS name, m.tbl_name AS "table", m.sql AS statement FROM sqlite_schema m
WHERE m.type = 'trigger' ORDER BY 1
"""
VIRTUAL, STORED = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What only the CREATE TABLE statement tells."""

    checks: tuple[Check, ...] = ()
    collations: Mapping[str, str] = field(default_factory=dict[str, str])
    generated: Mapping[str, str] = field(default_factory=dict[str, str])


async def read(catalogue: Catalogue) -> Parts:
    """Everything that was asked for: the main database; attached ones are no part of an environment."""
    objects = await catalogue.rows(OBJECTS, most=MOST_TABLES + MOST_VIEWS, of="tables and views")
    columns = grouped(await catalogue.rows(COLUMNS, most=MOST_COLUMNS, of="columns"), "table")
    indexes = grouped(await catalogue.rows(INDEXES, most=MOST_PARTS, of="indexes"), "table")
    references = grouped(await catalogue.rows(REFERENCES, most=MOST_PARTS, of="foreign keys"), "table")
    wanted = [row for row in objects if catalogue.wants("", row["name"])]
    triggers = (
        [] if catalogue.wanted.tables else await catalogue.rows(TRIGGERS, most=MOST_ROUTINES, of="triggers")
    )
    return Parts(
        tables=[
            table_of(row, columns[at], indexes[at], references[at])
            for row in wanted
            if row["kind"] == "table" and (at := (str(row["name"]),))
        ],
        views=[
            View(
                schema="",
                name=row["name"],
                definition=definition(row["statement"]),
                columns=tuple(column_of(one, Statement(), None) for one in columns[(row["name"],)]),
            )
            for row in wanted
            if row["kind"] == "view"
        ],
        routines=[
            Routine(
                schema="",
                name=row["name"],
                kind="trigger",
                returns=row["table"],
                definition=definition(row["statement"]),
            )
            for row in triggers
        ],
    )


def table_of(
    row: RowOf, columns: Sequence[RowOf], indexes: Sequence[RowOf], references: Sequence[RowOf]
) -> Table:
    statement = understood(row["statement"] or "")
    keys = sorted((one for one in columns if one["pk"]), key=lambda one: int(one["pk"]))
    # A single INTEGER PRIMARY KEY is the row's own number, which the engine hands out.
    numbered = keys[0]["name"] if len(keys) == 1 and str(keys[0]["type"]).upper() == "INTEGER" else None
    by_name = grouped(indexes, "name")
    return Table(
        schema="",
        name=row["name"],
        columns=tuple(column_of(one, statement, numbered) for one in columns if one["hidden"] != 1),
        primary_key=Key(name=None, columns=tuple(one["name"] for one in keys)) if keys else None,
        indexes=tuple(index_of(parts) for _, parts in sorted(by_name.items()) if parts[0]["origin"] != "pk"),
        foreign_keys=tuple(foreign_key_of(parts) for parts in grouped(references, "id").values()),
        checks=statement.checks,
    )


def column_of(row: RowOf, statement: Statement, numbered: str | None) -> Column:
    name = row["name"]
    kind = column_type(str(row["type"] or ""), ENGINE)
    generated = statement.generated.get(name) if row["hidden"] in {VIRTUAL, STORED} else None
    return Column(
        name=name,
        type=kind,
        # Every key column but a row's own number may be null for SQLite; nobody means that.
        nullable=not row["required"] and not row["pk"],
        default=normal_default(row["default"], kind.family, ENGINE),
        native_default=row["default"],
        collation=statement.collations.get(name),
        identity="auto" if name == numbered else None,
        generated=normal(generated, ENGINE) if generated else None,
        native_generated=generated,
        stored=row["hidden"] != VIRTUAL,
    )


def index_of(parts: Sequence[RowOf]) -> Index:
    """An index; expressions and the condition are in its statement only."""
    first = parts[0]
    expressions, where = index_statement(first["statement"] or "")
    keys = [one for one in parts if one["is_key"]]
    return Index(
        name=first["name"],
        parts=tuple(
            IndexPart(
                expression=one["part"]
                if one["part"] is not None
                else normal(expressions[place], ENGINE)
                if place < len(expressions)
                else "",
                native=expressions[place] if place < len(expressions) else "",
                descending=bool(one["descending"]),
                is_column=one["part"] is not None,
            )
            for place, one in enumerate(keys)
        ),
        unique=bool(first["unique"]),
        where=normal(where, ENGINE) if where else None,
        native_where=where,
        is_constraint=first["origin"] == "u",
    )


def foreign_key_of(parts: Sequence[RowOf]) -> ForeignKey:
    """A reference; one that names no columns means the other table's key."""
    first = parts[0]
    named = all(one["other_part"] is not None for one in parts)
    return ForeignKey(
        name=None,
        columns=tuple(one["part"] for one in parts),
        table=first["other"],
        references=tuple(one["other_part"] for one in parts) if named else (),
        on_update=first["on_update"],
        on_delete=first["on_delete"],
    )


def parsed(statement: str) -> exp.Expr | None:
    """The tree of a statement of the catalogue; None for what the parser does not know."""
    try:
        return parse_one(statement, read=ENGINE)
    except (SqlglotError, RecursionError):
        return None


def understood(statement: str) -> Statement:
    """What a CREATE TABLE statement says beyond the PRAGMAs; nothing for virtual tables and the like."""
    tree = parsed(statement)
    if not isinstance(tree, exp.Create) or not isinstance(tree.this, exp.Schema):
        return Statement()
    checks: list[Check] = []
    collations: dict[str, str] = {}
    generated: dict[str, str] = {}
    for node in tree.this.find_all(
        exp.CheckColumnConstraint,
        exp.Check,
        exp.CollateColumnConstraint,
        exp.ComputedColumnConstraint,
        exp.GeneratedAsIdentityColumnConstraint,
    ):
        column = node.find_ancestor(exp.ColumnDef)
        match node:
            case exp.CheckColumnConstraint() | exp.Check():
                constraint = node.find_ancestor(exp.Constraint, exp.ColumnConstraint)
                name = constraint.this.name if constraint is not None and constraint.this else None
                text = node.this.sql(ENGINE)
                checks.append(Check(name=name or None, expression=normal(text, ENGINE), native=text))
            case exp.CollateColumnConstraint() if column is not None:
                collations[column.name] = node.this.name
            case _ if column is not None:
                expression: Any = node.args.get("expression") or node.this
                generated[column.name] = expression.sql(ENGINE)
            case _:
                pass
    checks.sort(key=lambda check: check.expression)
    return Statement(checks=tuple(checks), collations=collations, generated=generated)


def index_statement(statement: str) -> tuple[list[str], str | None]:
    """The keys of a CREATE INDEX statement as texts, and its condition."""
    tree = parsed(statement) if statement else None
    index = tree.this if isinstance(tree, exp.Create) else None
    if not isinstance(index, exp.Index):
        return [], None
    parameters = index.args.get("params")
    if parameters is None:
        return [], None
    columns: list[exp.Expr] = parameters.args.get("columns") or []
    where: exp.Expr | None = parameters.args.get("where")
    texts = [(part.this if isinstance(part, exp.Ordered) else part).sql(ENGINE) for part in columns]
    return texts, where.this.sql(ENGINE) if where is not None else None
