"""What is in a database, by each engine's own catalogues: databases, tables, columns.

Rows have the same names on every engine. Where a policy lists schemas or tables, only those are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.values import shown_rows

MOST_ROWS = 10_000
DATABASES: Mapping[str, str] = {
    "postgresql": """
        SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba) AS owner,
            datname = pg_catalog.current_database() AS current
        FROM pg_catalog.pg_database WHERE NOT datistemplate AND datallowconn ORDER BY datname""",
    "mysql": """
        SELECT schema_name AS name, CAST(schema_name = DATABASE() AS UNSIGNED) AS current
        FROM information_schema.schemata ORDER BY schema_name""",
}
# Without a schema, the servers' own are left out: nobody asks for them when he asks what there is.
TABLES: Mapping[str, str] = {
    "postgresql": """
        SELECT n.nspname AS schema, c.relname AS name,
            CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                WHEN 'f' THEN 'foreign table' ELSE 'table' END AS type,
            CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS estimated_rows,
            pg_catalog.obj_description(c.oid, 'pg_class') AS comment
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (n.nspname = :schema
            OR CAST(:schema AS text) IS NULL AND n.nspname <> 'information_schema'
                AND n.nspname NOT LIKE 'pg\\_%')
        ORDER BY 1, 2""",
    "mysql": """
        SELECT table_schema AS `schema`, table_name AS name,
            CASE table_type WHEN 'BASE TABLE' THEN 'table' WHEN 'SEQUENCE' THEN 'sequence'
                ELSE 'view' END AS type,
            table_rows AS estimated_rows,
            CASE WHEN table_type <> 'VIEW' AND table_comment <> '' THEN table_comment END AS comment
        FROM information_schema.tables
        WHERE table_schema = COALESCE(:schema, DATABASE()) ORDER BY 1, 2""",
    "sqlite": """
        SELECT 'main' AS schema, name, type FROM sqlite_schema
        WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            AND (:schema IS NULL OR :schema = 'main')
        ORDER BY name""",
}
COLUMNS: Mapping[str, str] = {
    "postgresql": """
        SELECT n.nspname AS schema, c.relname AS "table", a.attname AS name,
            pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
            pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS "default",
            EXISTS (SELECT FROM pg_catalog.pg_index i
                WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS primary_key,
            pg_catalog.col_description(c.oid, a.attnum) AS comment
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relname = :table AND a.attnum > 0 AND NOT a.attisdropped
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (n.nspname = :schema
                OR CAST(:schema AS text) IS NULL AND n.nspname = ANY (pg_catalog.current_schemas(true)))
        ORDER BY 1, a.attnum""",
    "mysql": """
        SELECT table_schema AS `schema`, table_name AS `table`, column_name AS name, column_type AS type,
            CAST(is_nullable = 'YES' AS UNSIGNED) AS nullable, NULLIF(column_default, 'NULL') AS `default`,
            CAST(column_key = 'PRI' AS UNSIGNED) AS primary_key, NULLIF(extra, '') AS extra,
            NULLIF(column_comment, '') AS comment
        FROM information_schema.columns
        WHERE table_name = :table AND table_schema = COALESCE(:schema, DATABASE())
        ORDER BY ordinal_position""",
}
YES_OR_NO = ("current", "nullable", "primary_key")


async def databases(environment: Environment) -> list[dict[str, Any]]:
    """The databases of the environment's server; `current` is the one its statements use."""
    if environment.dialect.name == "sqlite":
        return [{"name": "main", "current": True}]
    return await _asked(environment, DATABASES, {})


async def tables(environment: Environment, schema: str | None = None) -> list[dict[str, Any]]:
    """Tables and views: of one schema, or of all that are not the server's own."""
    rows = await _asked(environment, TABLES, {"schema": schema})
    return [row for row in rows if _may_be_told(environment, str(row["schema"]), str(row["name"]))]


async def columns(environment: Environment, table: str, schema: str | None = None) -> list[dict[str, Any]]:
    """The columns of one table; NotFoundError if there is none of that name."""
    name = table
    if schema is None and "." in table:
        schema, _, name = table.partition(".")
    if environment.dialect.name == "sqlite":
        rows = await _sqlite_columns(environment, name, schema)
    else:
        rows = await _asked(environment, COLUMNS, {"table": name, "schema": schema})
    rows = [row for row in rows if _may_be_told(environment, str(row["schema"]), str(row["table"]))]
    if not rows:
        where = f" in {schema!r}" if schema else ""
        raise NotFoundError(
            f"environment {environment.name!r}: no table {name[:128]!r}{where}",
            field="table",
            database=environment.name,
            hint="list_tables names the tables",
        )
    return rows


async def _asked(
    environment: Environment, texts: Mapping[str, str], values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    kind = environment.dialect.name
    text = texts["mysql" if kind == "mariadb" else kind]
    answer = await environment.inspect(text, values, max_rows=MOST_ROWS)
    rows = shown_rows(answer.columns, answer.rows)
    for row in rows:
        for name in YES_OR_NO:
            if name in row:
                row[name] = bool(row[name])
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


async def _sqlite_columns(environment: Environment, table: str, schema: str | None) -> list[dict[str, Any]]:
    """The columns of a SQLite table: by PRAGMA, as the authorizer takes its table functions for writes."""
    if schema not in {None, "main"}:
        return []
    answer = await environment.inspect(f"PRAGMA main.table_xinfo({environment.dialect.quote(table)})")
    found = shown_rows(answer.columns, answer.rows)
    facts = [
        {
            "schema": "main",
            "table": table,
            "name": row["name"],
            "type": row["type"],
            "nullable": not row["notnull"],
            "default": row["dflt_value"],
            "primary_key": bool(row["pk"]),
        }
        for row in found
        if row["hidden"] != 1
    ]
    return [{name: value for name, value in row.items() if value is not None} for row in facts]


def _may_be_told(environment: Environment, schema: str, table: str) -> bool:
    policy = environment.settings.policy
    if not policy.schemas and not policy.tables:
        return True
    # Here and not above: an environment without lists needs no parser for this.
    from mcp_arangodb_async.sql.names import TableName
    from mcp_arangodb_async.sql.policy import is_listed

    return is_listed(
        TableName(schema=schema, name=table), environment.dialect, policy, environment.settings.database
    )
