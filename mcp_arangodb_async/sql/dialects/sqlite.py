"""SQLite: what its statements and functions do, and the walls of a connection against writing.

The file is opened with `mode=ro`, `PRAGMA query_only` is on, and an authorizer is asked about every step of a
statement while it is compiled (https://www.sqlite.org/c3ref/set_authorizer.html). No file can be attached.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp_arangodb_async.sql.dialects.dialect import Dialect, Effect, Explained, gate, words
from mcp_arangodb_async.sql.dialects.words import RESERVED, by_class, defined
from mcp_arangodb_async.sql.lexer import Lexing, Token

LETTER = "A-Za-z_\u0080-\U0010ffff"

LEXING = Lexing(
    strings=(r"[xX]?'(?:[^']|'')*+'",),
    identifiers=(r'"(?:[^"]|"")++"', r"`(?:[^`]|``)++`", r"\[[^\]]++\]"),
    words=rf"[{LETTER}][{LETTER}0-9$]*",
    line_comments=(r"--[^\n]*",),
    nested_comments=False,
    quotes="'\"`[",
)

# PRAGMAs that only tell, whatever their argument names; and those that tell as long as they have none.
TELLING = words("""
    table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check
    database_list collation_list compile_options function_list module_list pragma_list integrity_check
    quick_check
""")
TELLING_ALONE = words("""
    application_id auto_vacuum automatic_index busy_timeout cache_size case_sensitive_like data_version
    encoding foreign_keys freelist_count fullfsync journal_mode journal_size_limit legacy_alter_table
    locking_mode max_page_count mmap_size page_count page_size query_only read_uncommitted
    recursive_triggers reverse_unordered_selects schema_version secure_delete soft_heap_limit synchronous
    temp_store threads trusted_schema user_version wal_autocheckpoint
""")

FUNCTIONS = words("""
    abs acos acosh asin asinh atan atan2 atanh avg bm25 ceil ceiling changes char coalesce concat concat_ws
    cos cosh count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank
    exp first_value floor format generate_series glob group_concat hex highlight if ifnull iif instr json
    json_array json_array_insert json_array_length json_each json_error_position json_extract
    json_group_array json_group_object json_insert json_object json_patch json_pretty json_quote json_remove
    json_replace json_set json_tree json_type json_valid jsonb jsonb_array jsonb_each jsonb_extract
    jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace
    jsonb_set jsonb_tree julianday lag last_insert_rowid last_value lead length like likelihood likely ln
    log log10 log2 lower ltrim match matchinfo max median min mod nth_value ntile nullif octet_length
    offsets percent_rank percentile percentile_cont percentile_disc pi pow power printf quote radians random
    randomblob rank regexp replace round row_number rtreecheck rtreedepth rtreenode rtrim sign sin sinh
    snippet soundex sqlite_compileoption_get sqlite_compileoption_used sqlite_offset sqlite_source_id
    sqlite_version sqrt strftime string_agg substr substring subtype sum tan tanh time timediff total
    total_changes trim trunc typeof unhex unicode unistr unistr_quote unixepoch unlikely upper zeroblob
""") | frozenset(f"pragma_{name}" for name in TELLING)

FILES = Effect(kind="admin", why="reaches files")
CODE = Effect(kind="admin", why="loads code or takes pointers")
EFFECTS = {
    **dict.fromkeys(words("readfile writefile edit fsdir zipfile zipfile_cds lsmode sqlar_compress"), FILES),
    **dict.fromkeys(words("load_extension fts3_tokenizer fts5 sqlite_log eval"), CODE),
    "optimize": Effect(kind="dml", why="rewrites a full-text index"),
}

STATEMENTS = by_class(
    read="pragma",
    dml="insert update delete replace",
    ddl="create alter drop reindex",
    admin="analyze attach begin commit detach end release rollback savepoint vacuum",
)

SECRETS = {
    **dict.fromkeys(words("sqlite_dbpage sqlite_dbdata sqlite_dbptr"), "holds the raw pages of the file"),
    **dict.fromkeys(words("fsdir zipfile csv"), "reaches files"),
    **dict.fromkeys(
        words("pragma_optimize pragma_incremental_vacuum pragma_wal_checkpoint pragma_shrink_memory"),
        "changes the database",
    ),
}


def pragma(tokens: Sequence[Token]) -> Effect:
    """PRAGMA name, PRAGMA name(value) and PRAGMA schema.name(value), if they only tell."""
    rest = list(tokens[1:])
    if len(rest) > 2 and rest[1].text == ".":
        rest = rest[2:]
    name = rest[0].name.lower() if rest else ""
    arguments = [token.text for token in rest[1:]]
    in_parentheses = len(arguments) == 3 and arguments[0] == "(" and arguments[2] == ")"
    if (name in TELLING and (not arguments or in_parentheses)) or (name in TELLING_ALONE and not arguments):
        return Effect(kind="read", why="")
    return Effect(kind="admin", why=f"PRAGMA {name} is not among those that only tell")


def created(tokens: Sequence[Token]) -> Effect:
    """CREATE; a virtual table may reach files, so it is more than data definition."""
    if any(token.name == "virtual" for token in tokens[1:2]):
        return Effect(kind="admin", why="a virtual table may reach files")
    return defined(tokens)


def explained(tokens: Sequence[Token]) -> Explained | None:
    """EXPLAIN statement, or EXPLAIN QUERY PLAN statement; neither runs it."""
    if tokens[0].name != "explain":
        return None
    return Explained(begins=3 if [token.name for token in tokens[1:3]] == ["query", "plan"] else 1)


def plan_cost(_rows: Sequence[Sequence[Any]]) -> float | None:
    """SQLite states no cost."""
    return None


# What a statement of a read-only connection may do while it is compiled.
ALLOWED_ACTIONS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
# BEGIN and ROLLBACK, which the connection itself uses.
TRANSACTIONS = frozenset({sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT})
REFUSED_FUNCTIONS = frozenset(EFFECTS)
SHADOWS = ("_node", "_rowid", "_parent")


def authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
) -> int:
    """The authorizer of a read-only connection: SQLite asks it about every step of a statement."""
    if action in ALLOWED_ACTIONS or action in TRANSACTIONS:
        return sqlite3.SQLITE_OK
    match action:
        case sqlite3.SQLITE_FUNCTION:
            return sqlite3.SQLITE_DENY if (second or "").lower() in REFUSED_FUNCTIONS else sqlite3.SQLITE_OK
        case sqlite3.SQLITE_UPDATE if first == "sqlite_master":
            # Asked whenever a virtual table is declared, json_each among them; the table itself is never
            # written unless `writable_schema` is on, and its PRAGMA is refused.
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_INSERT | sqlite3.SQLITE_DELETE if str(first).endswith(SHADOWS):
            # An R-tree prepares its own writes when it is opened for reading; other walls keep them from
            # running.
            return sqlite3.SQLITE_OK
        case sqlite3.SQLITE_PRAGMA:
            name = (first or "").lower()
            telling = name in TELLING or (name in TELLING_ALONE and second is None)
            return sqlite3.SQLITE_OK if telling else sqlite3.SQLITE_DENY
        case _:
            return sqlite3.SQLITE_DENY


def lock(connection: sqlite3.Connection) -> None:
    """Keep a connection from writing whatever is asked of it, besides the `mode=ro` of its URI.

    The authorizer comes last, as it would refuse the others' statements. No database can be attached, which
    VACUUM INTO needs as well.
    """
    for statement in SQLITE.read_only:
        connection.execute(statement)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.set_authorizer(authorize)


def uri(path: Path, *, read_only: bool) -> str:
    """The file as SQLite's `uri=True` takes it; it is never made if it is missing."""
    return f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"


SQLITE = Dialect(
    name="sqlite",
    label="SQLite",
    sqlglot="sqlite",
    lexing=LEXING,
    quote_mark='"',
    default_schema="main",
    folds_names=False,
    statements=STATEMENTS,
    refine={"create": created, "alter": defined, "drop": defined, "pragma": pragma},
    functions=FUNCTIONS,
    effects=EFFECTS,
    effects_by_prefix=(("pragma_", Effect(kind="admin", why="is not among the PRAGMAs that only tell")),),
    before_parenthesis=RESERVED
    | words("char decimal float glob integer match numeric nvarchar real regexp varchar"),
    system_schemas=frozenset(),
    secrets=SECRETS,
    explained=explained,
    gate=gate("select with values pragma explain"),
    explain_prefix="EXPLAIN QUERY PLAN",
    plan_cost=plan_cost,
    session=("PRAGMA trusted_schema = OFF", "PRAGMA foreign_keys = ON"),
    # The authorizer is set after these, so that nothing changes query_only back.
    read_only=("PRAGMA query_only = ON",),
)
