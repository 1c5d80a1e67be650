"""PostgreSQL: what its statements and functions do, and how a session is kept from writing.

The function lists follow the volatility that PostgreSQL's own catalogue gives (`pg_proc.provolatile`),
and its manual for the volatile ones: https://www.postgresql.org/docs/current/functions-admin.html.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mcp_arangodb_async.sql.dialects.dialect import Dialect, Effect, Explained, gate, words
from mcp_arangodb_async.sql.dialects.postgresql_functions import FUNCTIONS
from mcp_arangodb_async.sql.dialects.words import RESERVED, by_class, defined
from mcp_arangodb_async.sql.lexer import Lexing, Token

LETTER = "A-Za-z_\u0080-\U0010ffff"

LEXING = Lexing(
    strings=(
        r"[eE]'(?:[^'\\]|\\.|'')*+'",
        r"(?:[uU]&|[bBxXnN])?'(?:[^']|'')*+'",
        rf"\$(?P<tag>(?:[{LETTER}][{LETTER}0-9]*)?)\$.*?\$(?P=tag)\$",
    ),
    identifiers=(r'"(?:[^"]|"")++"',),
    words=rf"[{LETTER}][{LETTER}0-9$]*",
    line_comments=(r"--[^\r\n]*",),
    nested_comments=True,
    quotes="'\"",
    refused=((r"[uU]&\"", "an identifier with Unicode escapes can hide a name; write the name itself"),),
    adjacent_escapes=True,
)

FILES = Effect(kind="admin", why="reaches the server's files")
LOCKS = Effect(kind="admin", why="takes or frees locks that outlive the statement")
SESSIONS = Effect(kind="admin", why="acts on other sessions or on the server")
SETTINGS = Effect(kind="admin", why="changes a setting or state of the session")
RUNS_TEXT = Effect(kind="unknown", why="runs a statement or reads a table that is given as text")
LARGE_OBJECTS = Effect(kind="dml", why="works on large objects")
SEQUENCES = Effect(kind="dml", why="changes a sequence")
TRANSACTIONS = Effect(kind="dml", why="takes a number from the transaction counter")
WAITS = Effect(kind="admin", why="waits while it holds a connection")
REMOTE = Effect(kind="admin", why="connects to another server")
READS = Effect(kind="read", why="reads statistics")

EFFECTS = {
    **dict.fromkeys(words("nextval setval"), SEQUENCES),
    **dict.fromkeys(words("set_config setseed"), SETTINGS),
    **dict.fromkeys(words("txid_current pg_current_xact_id"), TRANSACTIONS),
    **dict.fromkeys(words("pg_sleep pg_sleep_for pg_sleep_until"), WAITS),
    **dict.fromkeys(
        words("""
            lo_import lo_export pg_read_file pg_read_binary_file pg_read_file_old pg_stat_file pg_file_write
            pg_file_read pg_file_sync pg_file_rename pg_file_unlink pg_file_length pg_logdir_ls
            pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings
            pg_import_system_collations
        """),
        FILES,
    ),
    **dict.fromkeys(words("lo_get loread lowrite"), LARGE_OBJECTS),
    **dict.fromkeys(
        words("""
            query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
            table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
            schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
            ts_stat ts_rewrite crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby xpath_table
            currtid2 current_query
        """),
        RUNS_TEXT,
    ),
    **dict.fromkeys(
        words("""
            pg_notify pg_cancel_backend pg_terminate_backend pg_reload_conf pg_rotate_logfile pg_switch_wal
            pg_promote pg_export_snapshot pg_create_restore_point pg_prewarm autoprewarm_dump_now
            gin_clean_pending_list suppress_redundant_updates_trigger
        """),
        SESSIONS,
    ),
}
EFFECTS_BY_PREFIX = (
    ("pg_stat_get_", READS),
    ("pg_advisory_", LOCKS),
    ("pg_try_advisory_", LOCKS),
    ("pg_ls_", FILES),
    ("pg_file_", FILES),
    ("lo_", LARGE_OBJECTS),
    ("dblink", REMOTE),
    ("postgres_fdw_", REMOTE),
    ("pg_stat_reset", SESSIONS),
    ("pg_stat_statements_reset", SESSIONS),
    ("pg_backup_", SESSIONS),
    ("pg_start_backup", SESSIONS),
    ("pg_stop_backup", SESSIONS),
    ("pg_wal_replay_", SESSIONS),
    ("pg_logical_", SESSIONS),
    ("pg_replication_", SESSIONS),
    ("pg_create_", SESSIONS),
    ("pg_drop_", SESSIONS),
    ("pg_copy_", SESSIONS),
    ("pg_log_", SESSIONS),
    ("binary_upgrade_", SESSIONS),
    ("brin_", SESSIONS),
)

STATEMENTS = by_class(
    read="show",
    dml="insert update delete merge",
    ddl="create alter drop truncate comment reindex refresh",
    admin="""
        grant revoke set reset begin start commit rollback savepoint release end abort prepare execute
        deallocate declare fetch move close lock vacuum analyze analyse cluster checkpoint discard do call
        copy load notify listen unlisten import security reassign
    """,
)

# Keywords that may name a column and never a function; types among them, and the methods of TABLESAMPLE.
COLUMN_NAME_KEYWORDS = words("""
    any array bigint bit boolean bernoulli char character dec decimal float int integer nchar numeric operator
    overlaps precision real recursive setof similar smallint some symmetric system system_rows system_time
    time timestamp treat variadic varchar xmlnamespaces
""")

# The catalogues and views that hold passwords, or the contents of configuration files.
SECRETS = {
    **dict.fromkeys(words("pg_authid pg_shadow"), "holds password hashes"),
    **dict.fromkeys(words("pg_user_mapping pg_user_mappings pg_subscription"), "holds credentials"),
    **dict.fromkeys(
        words("pg_hba_file_rules pg_ident_file_mappings pg_file_settings"), "reads the server's files"
    ),
    **dict.fromkeys(words("pg_largeobject pg_statistic pg_stats pg_stats_ext"), "holds values of any table"),
    "pg_stats_ext_exprs": "holds values of any table",
    "pg_statistic_ext_data": "holds values of any table",
}


def explained(tokens: Sequence[Token]) -> Explained | None:
    """EXPLAIN [ANALYZE] [VERBOSE] statement, or EXPLAIN (options) statement."""
    if tokens[0].name != "explain":
        return None
    position, runs = 1, False
    if position < len(tokens) and tokens[position].text == "(":
        while position < len(tokens) and tokens[position].text != ")":
            runs = runs or tokens[position].name in {"analyze", "analyse"}
            position += 1
        position += 1
    else:
        while position < len(tokens) and tokens[position].name in {"analyze", "analyse", "verbose"}:
            runs = runs or tokens[position].name != "verbose"
            position += 1
    return Explained(begins=position, runs=runs)


def plan_cost(rows: Sequence[Sequence[Any]]) -> float | None:
    """The planner's total cost in the answer of EXPLAIN (FORMAT JSON)."""
    if not rows or not rows[0]:
        return None
    document = rows[0][0]
    document = json.loads(document) if isinstance(document, str | bytes) else document
    return float(document[0]["Plan"]["Total Cost"])


POSTGRESQL = Dialect(
    name="postgresql",
    label="PostgreSQL",
    sqlglot="postgres",
    lexing=LEXING,
    quote_mark='"',
    default_schema="public",
    folds_names=True,
    statements=STATEMENTS,
    refine={"create": defined, "alter": defined, "drop": defined},
    functions=FUNCTIONS,
    effects=EFFECTS,
    effects_by_prefix=EFFECTS_BY_PREFIX,
    before_parenthesis=RESERVED | COLUMN_NAME_KEYWORDS,
    system_schemas=frozenset({"pg_catalog", "information_schema"}),
    secrets=SECRETS,
    explained=explained,
    gate=gate("select with values table show explain"),
    explain_prefix="EXPLAIN (FORMAT JSON)",
    plan_cost=plan_cost,
    # Strings mean the same as for the guard, and no answer depends on the login's own settings.
    session=(
        "SET standard_conforming_strings = on",
        "SET backslash_quote = safe_encoding",
        "SET DateStyle = 'ISO, YMD'",
        "SET IntervalStyle = 'iso_8601'",
        "SET extra_float_digits = 1",
    ),
    read_only=("SET default_transaction_read_only = on",),
)
