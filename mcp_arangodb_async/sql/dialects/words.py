"""Words that all dialects share: what a statement begins with, and what may stand before a parenthesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcp_arangodb_async.config.environments import StatementKind
from mcp_arangodb_async.sql.dialects.dialect import Effect, words
from mcp_arangodb_async.sql.lexer import Token

# First words that begin a query; the parser has the last word on what the query does.
QUERIES = words("select with values table")


def by_class(*, read: str = "", dml: str = "", ddl: str = "", admin: str = "") -> Mapping[str, StatementKind]:
    """First words of statements by class; queries are `read` until the parser finds more in them."""
    classes: dict[StatementKind, str] = {"read": read, "dml": dml, "ddl": ddl, "admin": admin}
    queries: dict[str, StatementKind] = dict.fromkeys(QUERIES, "read")
    others: dict[str, StatementKind] = {}
    for kind, text in classes.items():
        others |= dict.fromkeys(text.split(), kind)
    return queries | others


# Reserved words of every dialect that a parenthesis may follow: no function can have such a name.
RESERVED = words("""
    all and as between case cast check cross default distinct else except exists for from group having ilike
    in inner intersect interval into is isnull join lateral left like limit natural not notnull null offset
    on only or order outer references returning right row select set table then union unique using values
    when where window with
""")
# Words that are not reserved, and what stands before them where they are no function.
AFTER = {
    "against": words(")"),
    "any": words("= > <"),
    "array": words("= > < , ( select || @ & + and or in then else when ~ |"),
    "by": words("group order partition"),
    "columns": words("STRING"),
    "conflict": words("on"),
    "cube": words("by , ( all distinct"),
    "escape": words("STRING WORD"),
    "filter": words(")"),
    "materialized": words("as not"),
    "operator": words(") WORD STRING NUMBER"),
    "over": words(")"),
    "passing": words("STRING"),
    "repeatable": words(")"),
    "rollup": words("by , ( all distinct"),
    "second": words("to STRING"),
    "sets": words("grouping"),
    "some": words("= > <"),
    "to": words("similar"),
    "zone": words("time"),
}

# Objects that CREATE, ALTER and DROP make of data definition; all others run code later or concern the
# server.
DEFINED = words("""
    table index view sequence type domain schema materialized unique fulltext spatial virtual collation
    statistics
""")
BEFORE_DEFINED = words(
    "or replace temporary temp global local unlogged if not exists concurrently algorithm merge undefined "
    "temptable recursive online offline ignore force"
)


def defined(tokens: Sequence[Token]) -> Effect:
    """The class of CREATE, ALTER or DROP: `ddl` for data definition, `admin` for everything else.

    Routines, triggers and events are `admin`: they hold statements that run later, with their owner's rights.
    """
    for token in tokens[1:]:
        if token.kind == "word" and token.name in DEFINED:
            return Effect(kind="ddl", why=f"{tokens[0].name.upper()} changes the schema")
        if token.kind == "word" and token.name not in BEFORE_DEFINED:
            break
    what = " ".join(token.text for token in tokens[:2]).upper()
    return Effect(kind="admin", why=f"{what} concerns the server, or code that runs later")
