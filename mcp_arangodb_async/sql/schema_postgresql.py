"""PostgreSQL's catalogue as the neutral model.

What belongs to extensions, to other sessions' temporary schemas and to the system is left out.
https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mcp_arangodb_async.sql.schema import (
    Check,
    Column,
    ForeignKey,
    Identity,
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

ENGINE = "postgresql"
OURS = """
    n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg!_%' ESCAPE '!'
"""
NOT_OF_EXTENSION = """
    NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = '{catalogue}'::regclass AND e.objid = {oid}
        AND e.deptype = 'e')
"""
TABLES = f"""
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND {OURS} AND c.relname LIKE :table ESCAPE '!' AND NOT c.relispartition
    AND {NOT_OF_EXTENSION.format(catalogue="pg_class", oid="c.oid")}
ORDER BY 1, 2
"""
COLUMNS = f"""
SELECT n.nspname AS schema, c.relname AS "table", a.attname AS name,
    format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
    pg_get_expr(d.adbin, d.adrelid) AS "default", a.attidentity::text AS identity,
    a.attgenerated::text AS generated, pg_get_serial_sequence(quote_ident(n.nspname) || '.' ||
        quote_ident(c.relname), a.attname) IS NOT NULL AS numbered,
    CASE WHEN a.attcollation <> t.typcollation THEN l.collname END AS collation,
    CASE WHEN t.typtype = 'e' THEN (SELECT json_agg(m.enumlabel ORDER BY m.enumsortorder)::text
        FROM pg_enum m WHERE m.enumtypid = t.oid) END AS members
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND {OURS}
    AND c.relname LIKE :table ESCAPE '!'
ORDER BY 1, 2, a.attnum
"""
CONSTRAINTS = f"""
SELECT n.nspname AS schema, c.relname AS "table", k.conname AS name, k.contype::text AS kind,
    (SELECT json_agg(a.attname ORDER BY x.i)::text FROM unnest(k.conkey) WITH ORDINALITY x(number, i)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.number) AS columns,
    fn.nspname AS other_schema, f.relname AS other_table,
    (SELECT json_agg(a.attname ORDER BY x.i)::text FROM unnest(k.confkey) WITH ORDINALITY x(number, i)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.number) AS other_columns,
    k.confupdtype::text AS on_update, k.confdeltype::text AS on_delete,
    CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END AS expression
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
WHERE k.contype IN ('p', 'f', 'c') AND {OURS} AND c.relname LIKE :table ESCAPE '!' AND c.relkind <> 'v'
ORDER BY 1, 2, 3
"""
INDEXES = f"""
SELECT n.nspname AS schema, c.relname AS "table", i.relname AS name, x.indisunique AS "unique",
    x.indnkeyatts AS keys, EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = x.indexrelid
        AND k.contype IN ('u', 'x')) AS is_constraint,
    m.amname AS method, pg_get_expr(x.indpred, x.indrelid) AS "where",
    (SELECT json_agg(json_build_array(pg_get_indexdef(x.indexrelid, p, false), x.indkey[p - 1] <> 0,
        coalesce((x.indoption[p - 1] & 1) = 1, false), a.attname) ORDER BY p)::text
        FROM generate_series(1, x.indnatts) p
        LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[p - 1]) AS parts
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = i.relam
WHERE NOT x.indisprimary AND c.relkind IN ('r', 'p', 'm') AND {OURS} AND c.relname LIKE :table ESCAPE '!'
ORDER BY 1, 2, 3
"""
VIEWS = f"""
SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'm' AS materialized,
    pg_get_viewdef(c.oid) AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND {OURS} AND c.relname LIKE :table ESCAPE '!'
    AND {NOT_OF_EXTENSION.format(catalogue="pg_class", oid="c.oid")}
ORDER BY 1, 2
"""
ROUTINES = f"""
SELECT n.nspname AS schema, p.proname AS name, p.prokind::text AS kind, l.lanname AS language,
    pg_get_function_identity_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS returns,
    p.prosrc AS definition
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE {OURS} AND {NOT_OF_EXTENSION.format(catalogue="pg_proc", oid="p.oid")}
UNION ALL
SELECT n.nspname, t.tgname, 'trigger', '', '', c.relname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {OURS}
ORDER BY 1, 2, 5
"""
ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
IDENTITIES: dict[str, Identity] = {"a": "always", "d": "by default"}
KINDS = {"f": "function", "p": "procedure", "a": "aggregate", "w": "function", "trigger": "trigger"}


async def read(catalogue: Catalogue) -> Parts:
    """Everything that was asked for."""
    tables = await catalogue.rows(TABLES, most=MOST_TABLES, of="tables")
    columns = grouped(await catalogue.rows(COLUMNS, most=MOST_COLUMNS, of="columns"), "schema", "table")
    constraints = grouped(
        await catalogue.rows(CONSTRAINTS, most=MOST_PARTS, of="constraints"), "schema", "table"
    )
    indexes = grouped(await catalogue.rows(INDEXES, most=MOST_PARTS, of="indexes"), "schema", "table")
    views = await catalogue.rows(VIEWS, most=MOST_VIEWS, of="views")
    routines = (
        [] if catalogue.wanted.tables else await catalogue.rows(ROUTINES, most=MOST_ROUTINES, of="routines")
    )
    return Parts(
        tables=[
            table_of(row, columns[at], constraints[at], indexes[at])
            for row in tables
            if catalogue.wants(*(at := (str(row["schema"]), str(row["name"]))))
        ],
        views=[
            view_of(row, columns[at])
            for row in views
            if catalogue.wants(*(at := (str(row["schema"]), str(row["name"]))))
        ],
        routines=[routine_of(row) for row in routines if catalogue.wants(row["schema"], "")],
    )


def short(schema: str) -> str:
    """The schema's part of a name: empty for the default one."""
    return "" if schema == "public" else schema


def names(text: Any) -> tuple[str, ...]:
    """A list of names that came as JSON."""
    return tuple(json.loads(text)) if text else ()


def table_of(
    row: RowOf, columns: Sequence[RowOf], constraints: Sequence[RowOf], indexes: Sequence[RowOf]
) -> Table:
    primary = next((one for one in constraints if one["kind"] == "p"), None)
    return Table(
        schema=short(row["schema"]),
        name=row["name"],
        columns=tuple(map(column_of, columns)),
        primary_key=Key(name=primary["name"], columns=names(primary["columns"])) if primary else None,
        indexes=tuple(map(index_of, indexes)),
        foreign_keys=tuple(foreign_key_of(one) for one in constraints if one["kind"] == "f"),
        checks=tuple(
            Check(
                name=one["name"],
                expression=normal(one["expression"], ENGINE),
                native=one["expression"],
            )
            for one in constraints
            if one["kind"] == "c"
        ),
    )


def column_of(row: RowOf) -> Column:
    """A column; one of a sequence of its own (`serial`) is numbered, and has no default besides."""
    kind = column_type(row["type"], ENGINE, members=names(row["members"]))
    written = row["default"]
    identity = IDENTITIES.get(row["identity"])
    if identity is None and row["numbered"] and str(written).startswith("nextval("):
        identity, written = "auto", None
    if row["generated"]:
        return Column(
            name=row["name"],
            type=kind,
            nullable=row["nullable"],
            generated=normal(written or "", ENGINE),
            native_generated=written,
            collation=row["collation"],
        )
    return Column(
        name=row["name"],
        type=kind,
        nullable=row["nullable"],
        default=normal_default(written, kind.family, ENGINE),
        native_default=written,
        collation=row["collation"],
        identity=identity,
    )


def index_of(row: RowOf) -> Index:
    """An index; the parts after its keys are only carried along."""
    parts = [
        IndexPart(
            expression=name if is_column else normal(text, ENGINE),
            native=text,
            descending=descending,
            is_column=is_column,
        )
        for text, is_column, descending, name in json.loads(row["parts"])
    ]
    keys = int(row["keys"])
    return Index(
        name=row["name"],
        parts=tuple(parts[:keys]),
        unique=row["unique"],
        where=normal(row["where"], ENGINE) if row["where"] else None,
        native_where=row["where"],
        method=row["method"],
        include=tuple(part.expression for part in parts[keys:]),
        is_constraint=row["is_constraint"],
    )


def foreign_key_of(row: RowOf) -> ForeignKey:
    schema = short(row["other_schema"])
    return ForeignKey(
        name=row["name"],
        columns=names(row["columns"]),
        table=f"{schema}.{row['other_table']}" if schema else row["other_table"],
        references=names(row["other_columns"]),
        on_update=ACTIONS[row["on_update"]],
        on_delete=ACTIONS[row["on_delete"]],
    )


def view_of(row: RowOf, columns: Sequence[RowOf]) -> View:
    return View(
        schema=short(row["schema"]),
        name=row["name"],
        definition=definition(row["definition"]),
        columns=tuple(map(column_of, columns)),
        materialized=row["materialized"],
    )


def routine_of(row: RowOf) -> Routine:
    return Routine(
        schema=short(row["schema"]),
        name=row["name"],
        kind=KINDS[row["kind"]],  # pyright: ignore[reportArgumentType] - the table's values are the kinds
        arguments=row["arguments"],
        returns=row["returns"] or "",
        language=row["language"],
        definition=definition(row["definition"]),
    )
