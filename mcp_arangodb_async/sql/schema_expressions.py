"""Expressions in schemas (defaults, checks, conditions of indexes), so that spelling does not count.

Every engine rewrites what it was told: PostgreSQL makes `n IN ('a')` of `(n)::text = ANY
(ARRAY['a'::text])`, and MariaDB quotes and lowers. The normal form is a text with every operator in front:

    normal("((d > (0)::numeric))", "postgresql") == normal("`d` > 0", "mariadb") == "(gt d 0)"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import cast

from sqlglot import exp, parse_one
from sqlglot.errors import ErrorLevel, SqlglotError

from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.dialects.dialect import DialectName
from mcp_arangodb_async.sql.schema import Family

# Longer ones are compared as text: a normal form helps with what people write by hand.
LONGEST = 4000
NUMBERS: frozenset[Family] = frozenset({
    "tinyint", "smallint", "integer", "bigint", "decimal", "real", "double",
})  # fmt: skip
TRUE = frozenset({"true", "1", "'t'", "'1'", "'true'"})
FALSE = frozenset({"false", "0", "'f'", "'0'", "'false'"})
NOW = (exp.CurrentTimestamp, exp.CurrentTimestampLTZ, exp.CurrentDatetime)


def normal(text: str, engine: DialectName) -> str:
    """The normal form of an expression; what cannot be read keeps its words, with single spaces."""
    plain = " ".join(text.split())
    if len(plain) > LONGEST:
        return plain
    try:
        tree = parse_one(plain, read=DIALECTS[engine].sqlglot)
        return "".join(form(tree))
    except (SqlglotError, RecursionError):
        return plain


def normal_default(text: str | None, family: Family, engine: DialectName) -> str | None:
    """The normal form of a default; None for none, which an explicit NULL is as well."""
    if text is None or text.strip().upper() in {"NULL", "(NULL)"} or text.upper().startswith("NULL::"):
        return None
    found = normal(text, engine)
    if family == "boolean":
        return "true" if found.lower() in TRUE else "false" if found.lower() in FALSE else found
    if family in NUMBERS and found.startswith("'"):
        return number(found[1:-1]) or found
    return found


def translated(text: str, source: DialectName, target: DialectName) -> str | None:
    """An expression in another engine's words, without the casts of its own; None if it cannot be read."""
    try:
        root = exp.Paren(this=parse_one(text, read=DIALECTS[source].sqlglot))
        # From the leaves up: what stands inside another is simpler already.
        for node in reversed(list(root.walk())):
            if node is not root and (simpler := plain(node)) is not node:
                node.replace(simpler)
        return root.this.unnest().sql(DIALECTS[target].sqlglot, unsupported_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError):
        return None


def plain(node: exp.Expr) -> exp.Expr:
    """A node as people write it: no casts, `IN` instead of `= ANY (ARRAY[...])`, few parentheses."""
    match node:
        case exp.Cast():
            inner = node.this.unnest()
            if isinstance(inner, exp.Literal) and node.to.is_type(*exp.DataType.NUMERIC_TYPES):
                return exp.Literal(this=inner.this, is_string=False)
            return inner if isinstance(inner, exp.Literal | exp.Column) else node.this
        case exp.EQ(expression=exp.Any() as some) if members_of(some):
            return exp.In(this=node.this, expressions=members_of(some))
        case exp.Paren(this=exp.Column() | exp.Literal() | exp.Paren() as inner):
            return inner
        case _:
            return node


def number(text: str) -> str | None:
    """A number without what does not count: `0.00` and `0` are the same."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return format(value.normalize(), "f") if value.is_finite() else None


def form(node: exp.Expr) -> Iterator[str]:
    """The pieces of a node's normal form."""
    if node.args.get("negate"):
        yield "(not "
        yield from plain_form(node)
        yield ")"
    else:
        yield from plain_form(node)


def plain_form(node: exp.Expr) -> Iterator[str]:
    """The pieces without the negation that some nodes carry."""
    match node:
        case exp.Paren() | exp.Alias():
            yield from form(node.this)
        case exp.Cast():
            yield from cast_form(node)
        case exp.Literal():
            yield repr(node.this) if node.is_string else (number(node.this) or node.this)
        case exp.Neg(this=exp.Literal() as literal) if not literal.is_string:
            yield number(f"-{literal.this}") or f"-{literal.this}"
        case exp.Column() | exp.Identifier():
            yield node.name
        case exp.Var():
            yield node.name.lower()
        case exp.Boolean():
            yield "true" if node.this else "false"
        case exp.Null():
            yield "null"
        case _ if isinstance(node, NOW) or (isinstance(node, exp.Anonymous) and node.name.lower() == "now"):
            yield "current_timestamp"
        case exp.And() | exp.Or():
            yield from prefixed(node.key, flat(node, type(node)))
        case exp.Between():
            low, high = exp.GTE(this=node.this, expression=node.args["low"]), node.args["high"]
            yield from prefixed("and", [low, exp.LTE(this=node.this.copy(), expression=high)])
        case exp.EQ(expression=exp.Any() as some) if members_of(some):
            yield from prefixed("in", [node.this, *members_of(some)])
        case exp.NEQ(expression=exp.All() | exp.Anonymous() as every) if members_of(every):
            yield "(not "
            yield from prefixed("in", [node.this, *members_of(every)])
            yield ")"
        case exp.In() if not node.args.get("query"):
            yield from prefixed("in", [node.this, *node.expressions])
        case exp.Anonymous():
            yield from prefixed(node.name.lower(), node.expressions)
        case _:
            yield from prefixed(node.key, children(node))


def cast_form(node: exp.Cast) -> Iterator[str]:
    """A cast counts for nothing but a text that becomes a number: PostgreSQL writes `'-1'::integer`."""
    inner = node.this.unnest()
    if isinstance(inner, exp.Literal) and inner.is_string and node.to.is_type(*exp.DataType.NUMERIC_TYPES):
        yield number(inner.this) or repr(inner.this)
    else:
        yield from form(inner)


def members_of(group: exp.Expr) -> list[exp.Expr]:
    """The values of `ANY (ARRAY[...])` or `ALL (ARRAY[...])`, which the parser may take for a function."""
    inner = group.this
    if isinstance(group, exp.Anonymous):
        if group.name.lower() != "all" or len(group.expressions) != 1:
            return []
        inner = group.expressions[0]
    while isinstance(inner, exp.Paren | exp.Cast):
        inner = inner.this
    return list(inner.expressions) if isinstance(inner, exp.Array) else []


def flat(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """The operands of a chain of the same operator."""
    while isinstance(node, exp.Paren):
        node = node.this
    if not isinstance(node, kind):
        return [node]
    return [*flat(node.this, kind), *flat(node.args["expression"], kind)]


def children(node: exp.Expr) -> list[exp.Expr | str]:
    """The parts of a node that are expressions or words, in their order."""
    found: list[exp.Expr | str] = []
    for value in node.args.values():
        parts = cast("list[object]", value) if isinstance(value, list) else [value]
        found += [part for part in parts if isinstance(part, exp.Expr | str)]
    return found


def prefixed(name: str, operands: Sequence[exp.Expr | str]) -> Iterator[str]:
    yield f"({name}"
    for operand in operands:
        yield " "
        if isinstance(operand, str):
            yield repr(operand)
        else:
            yield from form(operand)
    yield ")"
