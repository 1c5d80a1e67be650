"""The `information_schema` of MySQL and MariaDB as the neutral model: the environment's own database.

MariaDB keeps JSON as a text with a check, and writes defaults as expressions; MySQL writes literal defaults
without quotes. Both are undone here.
https://mariadb.com/kb/en/information-schema-columns-table/,
https://dev.mysql.com/doc/refman/8.4/en/information-schema-columns-table.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from mcp_arangodb_async.sql.dialects.dialect import DialectName
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
from mcp_arangodb_async.sql.schema_types import column_type, quoted

TABLES = """
SELECT table_name AS name, table_type AS kind, table_collation AS collation
FROM information_schema.tables
WHERE table_schema = database() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND table_name LIKE :table ESCAPE '!'
ORDER BY 1
"""
COLUMNS = """
SELECT table_name AS `table`, column_name AS name, column_type AS type, is_nullable AS nullable,
    column_default AS `default`, extra, collation_name AS collation, generation_expression AS generated
FROM information_schema.columns WHERE table_schema = database() AND table_name LIKE :table ESCAPE '!'
ORDER BY 1, ordinal_position
"""
# MySQL indexes expressions as well; MariaDB has no such column.
INDEXES = """
SELECT table_name AS `table`, index_name AS name, non_unique AS many, column_name AS part, sub_part AS prefix,
    collation AS direction, index_type AS method, {expression} AS expression
FROM information_schema.statistics WHERE table_schema = database() AND table_name LIKE :table ESCAPE '!'
ORDER BY 1, 2, seq_in_index
"""
REFERENCES = """
SELECT k.table_name AS `table`, k.constraint_name AS name, k.column_name AS part,
    k.referenced_table_schema AS other_schema, k.referenced_table_name AS other_table,
    k.referenced_column_name AS other_part, r.update_rule AS on_update, r.delete_rule AS on_delete,
    database() AS own
FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
    ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
    AND r.table_name = k.table_name
WHERE k.table_schema = database() AND k.referenced_table_name IS NOT NULL
    AND k.table_name LIKE :table ESCAPE '!'
ORDER BY 1, 2, k.ordinal_position
"""
CHECKS: dict[DialectName, str] = {
    "mariadb": """
        SELECT table_name AS `table`, constraint_name AS name, check_clause AS expression
        FROM information_schema.check_constraints
        WHERE constraint_schema = database() AND table_name LIKE :table ESCAPE '!' ORDER BY 1, 2
    """,
    "mysql": """
        SELECT t.table_name AS `table`, c.constraint_name AS name, c.check_clause AS expression
        FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
            ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
        WHERE c.constraint_schema = database() AND t.table_name LIKE :table ESCAPE '!' ORDER BY 1, 2
    """,
}
VIEWS = """
SELECT table_name AS name, view_definition AS definition, database() AS own
FROM information_schema.views WHERE table_schema = database() AND table_name LIKE :table ESCAPE '!' ORDER BY 1
"""
ROUTINES = """
SELECT routine_name AS name, routine_type AS kind, dtd_identifier AS returns,
    routine_definition AS definition, specific_name AS id
FROM information_schema.routines WHERE routine_schema = database()
    AND routine_type IN ('FUNCTION', 'PROCEDURE')
UNION ALL
SELECT trigger_name, 'TRIGGER', event_object_table,
    concat(action_timing, ' ', event_manipulation, ' ', action_statement), trigger_name
FROM information_schema.triggers WHERE trigger_schema = database()
ORDER BY 1
"""
PARAMETERS = """
SELECT specific_name AS id, parameter_mode AS mode, parameter_name AS name, dtd_identifier AS type
FROM information_schema.parameters WHERE specific_schema = database() AND ordinal_position > 0
ORDER BY 1, routine_type, ordinal_position
"""
ROUTINE_KINDS: dict[str, Literal["function", "procedure", "trigger"]] = {
    "FUNCTION": "function", "PROCEDURE": "procedure", "TRIGGER": "trigger",
}  # fmt: skip


async def read(catalogue: Catalogue) -> Parts:
    """Everything that was asked for. Schemas are not asked about: an environment has one database."""
    kind = catalogue.environment.settings.kind
    engine: DialectName = "mysql" if kind == "mysql" else "mariadb"
    expression = "expression" if engine == "mysql" else "NULL"
    tables = await catalogue.rows(TABLES, most=MOST_TABLES, of="tables")
    columns = grouped(await catalogue.rows(COLUMNS, most=MOST_COLUMNS, of="columns"), "table")
    indexes = grouped(
        await catalogue.rows(INDEXES.format(expression=expression), most=MOST_PARTS, of="indexes"), "table"
    )
    references = grouped(await catalogue.rows(REFERENCES, most=MOST_PARTS, of="foreign keys"), "table")
    checks = grouped(await catalogue.rows(CHECKS[engine], most=MOST_PARTS, of="checks"), "table")
    views = await catalogue.rows(VIEWS, most=MOST_VIEWS, of="views")
    return Parts(
        tables=[
            table_of(row, columns[at], indexes[at], references[at], checks[at], engine)
            for row in tables
            if catalogue.wants("", (at := (str(row["name"]),))[0])
        ],
        views=[
            View(
                schema="",
                name=row["name"],
                # The database's own name is in front of every table; another environment has another one.
                definition=definition(row["definition"]).replace(f"`{row['own']}`.", ""),
                columns=tuple(column_of(one, None, frozenset(), engine) for one in columns[(row["name"],)]),
            )
            for row in views
            if catalogue.wants("", row["name"])
        ],
        routines=[] if catalogue.wanted.tables else await routines(catalogue),
    )


async def routines(catalogue: Catalogue) -> list[Routine]:
    parameters = grouped(await catalogue.rows(PARAMETERS, most=MOST_PARTS, of="parameters"), "id")
    return [
        Routine(
            schema="",
            name=row["name"],
            kind=ROUTINE_KINDS[row["kind"]],
            arguments=", ".join(
                " ".join(str(one[part]) for part in ("mode", "name", "type") if one[part])
                for one in parameters[(row["id"],)]
            )
            if row["kind"] != "TRIGGER"
            else "",
            returns=row["returns"] or "",
            language="SQL",
            definition=definition(row["definition"]),
        )
        for row in await catalogue.rows(ROUTINES, most=MOST_ROUTINES, of="routines")
    ]


def table_of(
    row: RowOf,
    columns: Sequence[RowOf],
    indexes: Sequence[RowOf],
    references: Sequence[RowOf],
    checks: Sequence[RowOf],
    engine: DialectName,
) -> Table:
    conditions = [
        Check(name=one["name"], expression=normal(one["expression"], engine), native=one["expression"])
        for one in checks
    ]
    documents = {one.expression: one for one in conditions}
    json = frozenset(one["name"] for one in columns if f"(json_valid {one['name']})" in documents)
    by_name = grouped(indexes, "name")
    primary = by_name.pop(("PRIMARY",), [])
    return Table(
        schema="",
        name=row["name"],
        columns=tuple(column_of(one, row["collation"], json, engine) for one in columns),
        primary_key=Key(name="PRIMARY", columns=tuple(one["part"] for one in primary)) if primary else None,
        indexes=tuple(index_of(parts, engine) for _, parts in sorted(by_name.items())),
        foreign_keys=tuple(foreign_key_of(parts) for _, parts in sorted(grouped(references, "name").items())),
        checks=tuple(
            one for one in conditions if one.expression not in {f"(json_valid {name})" for name in json}
        ),
    )


def column_of(row: RowOf, usual: Any, json: frozenset[str], engine: DialectName) -> Column:
    """A column; its collation is told where it is not the table's usual one."""
    kind = column_type(text_of(row["type"]), engine)
    if row["name"] in json:
        kind = replace(kind, family="json", native="json")
    extra = str(row["extra"] or "").lower()
    collation = row["collation"] if row["collation"] != usual and kind.family != "json" else None
    nullable = row["nullable"] == "YES"
    generated = text_of(row["generated"])
    if generated:
        return Column(
            name=row["name"],
            type=kind,
            nullable=nullable,
            generated=normal(generated, engine),
            native_generated=generated,
            stored="virtual" not in extra,
            collation=collation,
        )
    written = None if row["default"] is None else text_of(row["default"])
    if engine == "mysql" and written is not None and "default_generated" not in extra:
        written = written if kind.family in NUMERIC else quoted(written)
    default = normal_default(written, kind.family, engine)
    if "on update" in extra:
        # The same word of a column that follows the clock as well.
        default = f"{default} on update"
        written = f"{written} {extra[extra.index('on update') :]}"
    return Column(
        name=row["name"],
        type=kind,
        nullable=nullable,
        default=default,
        native_default=written,
        collation=collation,
        identity="auto" if "auto_increment" in extra else None,
    )


NUMERIC = frozenset({
    "boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "real", "double", "bit",
})  # fmt: skip


def text_of(value: Any) -> str:
    """MySQL has some of these texts as binary ones."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def index_of(parts: Sequence[RowOf], engine: DialectName) -> Index:
    first = parts[0]
    return Index(
        name=first["name"],
        parts=tuple(
            IndexPart(
                expression=one["part"] or normal(text_of(one["expression"]), engine),
                native=one["part"] or text_of(one["expression"]),
                descending=one["direction"] == "D",
                is_column=one["part"] is not None,
                prefix=None if one["prefix"] is None else int(one["prefix"]),
            )
            for one in parts
        ),
        unique=not int(first["many"]),
        method=first["method"].lower(),
    )


def foreign_key_of(parts: Sequence[RowOf]) -> ForeignKey:
    """A reference; RESTRICT is what MySQL and MariaDB say for NO ACTION, which is the same to them."""
    first = parts[0]
    elsewhere = first["other_schema"] != first["own"]
    rules = [str(first[part]).upper() for part in ("on_update", "on_delete")]
    update, delete = ("NO ACTION" if rule == "RESTRICT" else rule for rule in rules)
    return ForeignKey(
        name=first["name"],
        columns=tuple(one["part"] for one in parts),
        table=f"{first['other_schema']}.{first['other_table']}" if elsewhere else first["other_table"],
        references=tuple(one["other_part"] for one in parts),
        on_update=update,
        on_delete=delete,
    )
