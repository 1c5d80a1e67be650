"""MySQL and MariaDB: what their statements and functions do, and how a session is kept from writing.

A read-only *session* stops changes of data and of definitions, error 1792; a read-only *transaction* lets
definitions through, as they commit it. Neither stops INTO OUTFILE, locks or SLEEP, and a
read-only session lets a login set its own password: the guard refuses those, the gate lets no SET through,
and a login without the FILE privilege reaches no files. https://mariadb.com/kb/en/set-transaction/
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from mcp_arangodb_async.sql.dialects.dialect import Dialect, Effect, Explained, gate, words
from mcp_arangodb_async.sql.dialects.mysql_functions import FUNCTIONS
from mcp_arangodb_async.sql.dialects.words import QUERIES, RESERVED, by_class, defined
from mcp_arangodb_async.sql.lexer import Lexing, Token

LETTER = "A-Za-z_$\u0080-\U0010ffff"

LEXING = Lexing(
    strings=(r"[xXbBnN]?'(?:[^'\\]|\\.|'')*+'", r'"(?:[^"\\]|\\.|"")*+"'),
    identifiers=(r"`(?:[^`]|``)++`",),
    words=rf"[{LETTER}0-9]+",
    # Two dashes begin a comment only before a space, a control character or the end.
    line_comments=(r"--(?=[\s\x00-\x1f]|\Z)[^\n]*", r"#[^\n]*"),
    nested_comments=False,
    quotes="'\"`",
    refused=((r"/\*[mM]?!", "a comment that MySQL and MariaDB execute"),),
)

FILES = Effect(kind="admin", why="reaches the server's files")
LOCKS = Effect(kind="admin", why="takes or frees locks that outlive the statement")
WAITS = Effect(kind="admin", why="waits or computes while it holds a connection")
SEQUENCES = Effect(kind="dml", why="changes a sequence")
PROGRAMS = Effect(kind="admin", why="runs a program on the server")
SESSIONS = Effect(kind="dml", why="changes state of the session")
READS = Effect(kind="read", why="computes")

EFFECTS = {
    **dict.fromkeys(words("load_file"), FILES),
    **dict.fromkeys(
        words("get_lock release_lock release_all_locks service_get_read_locks service_get_write_locks"), LOCKS
    ),
    "service_release_locks": LOCKS,
    **dict.fromkeys(
        words("""
            sleep benchmark master_pos_wait master_gtid_wait source_pos_wait wait_for_executed_gtid_set
            wait_until_sql_thread_after_gtids
        """),
        WAITS,
    ),
    **dict.fromkeys(words("nextval setval lastval"), SEQUENCES),
    **dict.fromkeys(words("sys_exec sys_eval sys_get sys_set lib_mysqludf_sys_info"), PROGRAMS),
    "last_insert_id": SESSIONS,
}
EFFECTS_BY_PREFIX = (
    ("st_", READS),
    ("wsrep_", WAITS),
    ("group_replication_", Effect(kind="admin", why="acts on the group of servers")),
    ("asynchronous_connection_failover_", Effect(kind="admin", why="acts on the group of servers")),
    ("keyring_", Effect(kind="admin", why="works on the server's keys")),
    ("audit_log_", Effect(kind="admin", why="works on the server's audit log")),
)

STATEMENTS = by_class(
    read="show",
    dml="insert update delete replace",
    ddl="create alter drop truncate rename",
    admin="""
        analyze backup begin binlog cache call change check checksum clone commit deallocate do execute flush
        grant handler help import install kill load lock optimize prepare purge release repair reset resignal
        restart revoke rollback savepoint set shutdown signal start stop uninstall unlock use xa
    """,
)

# More reserved words that a parenthesis may follow, and types in CAST and JSON_TABLE.
RESERVED_HERE = words("""
    bigint binary bit char character datetime dec decimal div double float force ignore index int integer key
    keys mod nchar numeric nvarchar partition real recursive regexp rlike separator signed smallint
    straight_join time timestamp unsigned varbinary varchar xor year
""")

# What SHOW may be followed by; the logs of replication hold statements and values of any table.
SHOWN = words("""
    tables full columns fields index indexes keys create databases schemas table open triggers events
    procedure function variables global session local status warnings errors count engine engines character
    collation charset grants processlist privileges plugins profile profiles storage extended
""")
NOT_SHOWN = words("user binlog binary master slave replica replicas relaylog code select with")

SECRETS = {
    **dict.fromkeys(
        words("user global_priv password_history authentication_string proxies_priv servers tables_priv db"),
        "holds accounts",
    ),
}


def shown(tokens: Sequence[Token]) -> Effect:
    """SHOW reads, but for logs and accounts, and for a query in its WHERE."""
    names = [token.name for token in tokens[1:] if token.kind == "word"]
    first = names[0] if names else ""
    if first in SHOWN and not NOT_SHOWN.intersection(names[:2]) and not {"select", "with"} & set(names):
        return Effect(kind="read", why="")
    return Effect(kind="admin", why=f"SHOW {first.upper()} is not among those that only describe")


def explained(tokens: Sequence[Token]) -> Explained | None:
    """EXPLAIN, DESCRIBE or DESC of a statement or of a table; MariaDB's ANALYZE of a statement."""
    first = tokens[0].name
    if first not in {"explain", "describe", "desc", "analyze"}:
        return None
    position, runs = 1, first == "analyze"
    while position < len(tokens):
        match tokens[position].name:
            case "extended" | "partitions":
                position += 1
            case "analyze":
                runs = True
                position += 1
            case "format" if position + 1 < len(tokens) and tokens[position + 1].text == "=":
                position += 3
            case _:
                break
    if position >= len(tokens):
        return None if first == "analyze" else Explained(begins=position)
    following = tokens[position]
    if following.text == "(" or following.name in QUERIES | {"insert", "update", "delete", "replace"}:
        plain_table = first == "analyze" and following.name == "table"
        return None if plain_table else Explained(begins=position, runs=runs)
    if first == "analyze" or following.name == "for":
        return None
    return Explained(begins=None, table=described_table(tokens[position:]))


def described_table(tokens: Sequence[Token]) -> str:
    """`table` or `schema.table` that DESCRIBE names."""
    if len(tokens) > 2 and tokens[1].text == ".":
        return f"{written(tokens[0])}.{written(tokens[2])}"
    return written(tokens[0])


def written(token: Token) -> str:
    return token.name if token.kind == "quoted" else token.text


def plan_cost(rows: Sequence[Sequence[Any]]) -> float | None:
    """The cost in the answer of EXPLAIN FORMAT=JSON; the rows it would read if the server states none.

    MySQL has `query_cost`, MariaDB from 11.0 `cost`; older ones have the rows of each table only, and a row
    read is one unit there. Tables of one block are nested in each other, so their rows multiply.
    """
    if not rows or not rows[0]:
        return None
    document = json.loads(rows[0][0])
    cost = stated_cost(document)
    return cost if cost is not None else rows_read(document)


def stated_cost(part: Any) -> float | None:
    if isinstance(part, dict):
        members = cast("dict[str, Any]", part)
        for name in ("query_cost", "cost"):
            if isinstance(members.get(name), int | float | str):
                return float(members[name])
        for name in ("cost_info", "query_block"):
            if name in members and (cost := stated_cost(members[name])) is not None:
                return cost
    return None


def rows_read(part: Any) -> float:
    match part:
        case {"query_block": block, **_others}:
            return rows_read(block)
        case {"nested_loop": [*tables], **others}:
            product, total = 1.0, 0.0
            for table in tables:
                product *= max(rows_of_table(table), 1.0)
                total += product
            return total + sum(rows_read(value) for value in others.values())
        case {"table": {"rows": _}}:
            return rows_of_table(part)
        case dict():
            members = cast("dict[str, Any]", part)
            return sum(rows_read(value) for value in members.values())
        case list():
            entries = cast("list[Any]", part)
            return sum(rows_read(value) for value in entries)
        case _:
            return 0.0


def rows_of_table(part: Any) -> float:
    """Rows that one table of a plan is expected to give, with what has to be materialised for it."""
    match part:
        case {"table": {"rows": rows, **others}}:
            return float(rows) + sum(rows_read(value) for value in others.values())
        case {"block-nl-join": {**inner}} | {"read_sorted_file": {**inner}} | {"filesort": {**inner}}:
            return rows_of_table(inner)
        case _:
            return rows_read(part)


# The guard reads texts in this mode, so every session has it: no ANSI_QUOTES, no NO_BACKSLASH_ESCAPES, not
# ORACLE.
SQL_MODE = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

MARIADB = Dialect(
    name="mariadb",
    label="MariaDB",
    sqlglot="mysql",
    lexing=LEXING,
    quote_mark="`",
    default_schema=None,
    folds_names=False,
    statements=STATEMENTS,
    refine={"create": defined, "alter": defined, "drop": defined, "show": shown},
    functions=FUNCTIONS,
    effects=EFFECTS,
    effects_by_prefix=EFFECTS_BY_PREFIX,
    before_parenthesis=RESERVED | RESERVED_HERE,
    system_schemas=frozenset({"mysql", "information_schema", "performance_schema", "sys"}),
    secrets=SECRETS,
    secrets_schema="mysql",
    explained=explained,
    gate=gate(r"select with values table show explain describe desc analyze\s+(?:select|with|format)"),
    explain_prefix="EXPLAIN FORMAT=JSON",
    plan_cost=plan_cost,
    session=(SQL_MODE,),
    read_only=("SET SESSION TRANSACTION READ ONLY",),
    assignments=True,
)
MYSQL = replace(MARIADB, name="mysql", label="MySQL")
