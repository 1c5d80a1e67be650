"""PostgreSQL's own parser as a second reader of statements, where it is installed.

pglast holds the parser of the server itself. It is licensed under GPL-3.0, so it is an extra that nobody gets
unasked, and everything works without it. Where the two readers disagree, the statement is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from sqlglot import exp

from mcp_arangodb_async.sql.dialects.dialect import Dialect
from mcp_arangodb_async.sql.lexer import Outline, Token
from mcp_arangodb_async.sql.names import TableName

# Functions that the grammar itself calls for its own syntax.
OF_THE_GRAMMAR = frozenset({
    "btrim", "is_normalized", "like_escape", "ltrim", "normalize", "overlaps", "overlay", "pg_collation_for",
    "position", "rtrim", "similar_to_escape", "substring", "system_user", "timezone", "xmlexists",
})  # fmt: skip


# What the first reader knows to be no read; then there is nothing for the second to add.
CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Lock)

# Members of a node whose type the tree leaves out, as no other can stand there.
UNNAMED = {"relation": "RangeVar", "rel": "RangeVar", "larg": "SelectStmt", "rarg": "SelectStmt"}


def is_installed() -> bool:
    """Whether the second reader is there."""
    return find_spec("pglast") is not None


@cache
def reader() -> tuple[Callable[[str], str], type[Exception]] | None:
    """pglast's function from a text to its tree as JSON, and its error; None where it is not installed."""
    if not is_installed():
        return None
    module = import_module("pglast.parser")
    return module.parse_sql_json, module.ParseError


def second_opinion(
    read: Outline,
    dialect: Dialect,
    parsed: Sequence[exp.Expr],
    functions: Collection[str],
    tables: Collection[TableName],
) -> str | None:
    """What the second reader sees that the first does not; None if they agree, or there is no second one."""
    if dialect.name != "postgresql" or reader() is None:
        return None
    document = second_tree(read)
    if document is None:
        return "PostgreSQL's own parser cannot read it"
    statements = document.get("stmts", [])
    if len(statements) != 1:
        return "PostgreSQL's own parser sees more than one statement"
    root = statements[0]["stmt"]
    changes = any(isinstance(node, CHANGES) for node in parsed)
    known_tables = {table.name for table in tables}
    known_names: set[str] = set()
    nodes = list(walk(root))
    for name, node in nodes:
        if name == "CommonTableExpr":
            known_names.add(node.get("ctename", ""))
    for name, node in nodes:
        if name.endswith("Stmt") and name != "SelectStmt" and not changes:
            return f"PostgreSQL's own parser sees {name.removesuffix('Stmt')} in it"
        if name == "SelectStmt" and not changes and ("intoClause" in node or "lockingClause" in node):
            return "PostgreSQL's own parser sees INTO or a lock in it"
        if name == "FuncCall":
            called = function_name(node)
            if called not in functions and called not in OF_THE_GRAMMAR and called not in dialect.functions:
                return f"PostgreSQL's own parser sees a call of {called} in it"
        if name == "RangeVar" and "relname" in node:
            table = node["relname"]
            if table not in known_tables and table not in known_names:
                return f"PostgreSQL's own parser sees the table {table} in it"
    return None


def second_tree(read: Outline) -> dict[str, Any] | None:
    """The tree of the text, its `:name` parameters numbered; of the text as it is if only that can be read.

    `a[x:y]` looks like a parameter, and is none.
    """
    parts = reader()
    assert parts is not None
    read_json, failure = parts
    for text in dict.fromkeys((numbered(read), read.text)):
        try:
            return json.loads(read_json(text))
        except failure:
            continue
    return None


def numbered(read: Outline) -> str:
    """The text with `$1` for every `:name`, as the server will get it."""
    pieces: list[str] = []
    position, count = 0, 0
    tokens = read.tokens
    for index, token in enumerate(tokens[1:], start=1):
        if is_parameter(tokens[index - 2] if index > 1 else None, tokens[index - 1], token):
            count += 1
            pieces += [read.text[position : tokens[index - 1].start], f"${count} "]
            position = token.end
    return "".join(pieces) + read.text[position:]


def is_parameter(before: Token | None, colon: Token, name: Token) -> bool:
    """Whether the colon and the name are a parameter, not the end of a `::` cast."""
    if colon.text != ":" or name.kind != "word" or colon.end != name.start:
        return False
    return before is None or before.text != ":" or before.end != colon.start


def walk(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node with the name of its type, from a tree of JSON, without recursion."""
    todo: list[Any] = [value]
    while todo:
        found = todo.pop()
        if isinstance(found, list):
            todo.extend(cast("list[Any]", found))
        elif isinstance(found, dict):
            for name, member in cast("dict[str, Any]", found).items():
                if isinstance(member, dict):
                    yield UNNAMED.get(name, name), cast("dict[str, Any]", member)
                todo.append(member)


def function_name(node: dict[str, Any]) -> str:
    """The last part of a called function's name."""
    return node["funcname"][-1]["String"]["sval"].lower()
