"""Syntax tree to AQL text: one line, canonical, with no parentheses but those the meaning needs.

Parsing the text gives the tree back. What a tree does not keep is not in the text: spaces, comments, the
spelling of operators, and patterns, which print as the assignments they stand for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from mcp_arangodb_async.engine.aql import ast, lexer, precedence

Piece: TypeAlias = str | tuple[ast.Node, int]
"""Text, or a node to be printed where an operand must bind at least as strongly as the number says."""

_ANYTHING = 0
_ACCESSED = precedence.VALUE + 1
"""What stands before `.name` or `[index]`: no literal, no operator, and no expansion unless parenthesised."""
_TAIL = -1
"""An access behind `[*]`, which has nothing before it."""

_BARE = re.compile(r"\$?[A-Za-z][A-Za-z0-9_]*|_+[A-Za-z][A-Za-z0-9_]*")
_SIGNS: Mapping[str, str] = MappingProxyType({"AND": "&&", "OR": "||", "NOT": "!"})

_TEMPLATES: Mapping[type[ast.Node], str] = MappingProxyType(
    {
        ast.ArrayLiteral: "[<|elements>]",
        ast.ObjectLiteral: "{<|members>}",
        ast.Spread: "...<|value>",
        ast.Subquery: "(<|query>)",
        ast.Assignment: "<|variable> = <|value>",
        ast.For: "FOR <|variable> IN <|source>< SEARCH |search>< OPTIONS |options>",
        ast.Traversal: "FOR <|variables> IN <|depth| ><|direction> <|start> <|graph>"
        "< PRUNE |prune>< OPTIONS |options>",
        ast.PathSearch: "FOR <|variables> IN <|depth| ><|direction> <|kind> <|start> TO <|target> <|graph>"
        "< OPTIONS |options>",
        ast.EdgeCollections: "<|collections>",
        ast.EdgeCollection: "<|direction| ><|collection>",
        ast.NamedGraph: "GRAPH <|name>",
        ast.Prune: "<|variable| = ><|condition>",
        ast.Filter: "FILTER <|condition>",
        ast.Let: "LET <|variable> = <|value>",
        ast.Sort: "SORT <|elements>",
        ast.SortElement: "<|value>< |direction>",
        ast.Limit: "LIMIT <|offset|, ><|count>",
        ast.Collect: "COLLECT< |groups>< AGGREGATE |aggregates>< WITH COUNT INTO |count>< INTO |into>"
        "< = |projection>< KEEP |keep>< OPTIONS |options>",
        ast.Window: "WINDOW <|range_value| WITH ><|bounds> AGGREGATE <|aggregates>",
        ast.Insert: "INSERT <|document> INTO <|collection>< OPTIONS |options>",
        ast.Remove: "REMOVE <|key> INTO <|collection>< OPTIONS |options>",
    }
)
"""`<before|field|after>` is a field, all three left out when it holds nothing; tuples print with commas."""

_FIELD = re.compile(r"<([^|<>]*)\|(\w+)(?:\|([^|<>]*))?>")


def print_query(query: ast.Query) -> str:
    """Return the text of a query."""
    return _text(query)


def print_expression(expression: ast.Expression) -> str:
    """Return the text of an expression."""
    return _text(expression)


def quote_name(name: str) -> str:
    """Return a name as a query must write it: in backticks if it is no plain word, or a reserved one."""
    if _BARE.fullmatch(name) and name.upper() not in lexer.KEYWORDS:
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(root: ast.Node) -> str:
    """Print without recursion, for a tree may be higher than Python's stack."""
    done: list[str] = []
    left: list[Piece] = [(root, _ANYTHING)]
    while left:
        piece = left.pop()
        if isinstance(piece, str):
            done.append(piece)
            continue
        node, minimum = piece
        template = _TEMPLATES.get(type(node))
        pieces = _PRINTERS[type(node)](node, minimum) if template is None else _filled(template, node)
        if _power(node) < minimum:
            pieces = ["(", *pieces, ")"]
        left.extend(reversed(pieces))
    return "".join(done)


def _filled(template: str, node: ast.Node) -> list[Piece]:
    pieces: list[Piece] = []
    end = 0
    for match in _FIELD.finditer(template):
        before, name, after = match.groups("")
        pieces.append(template[end : match.start()])
        end = match.end()
        value: ast.Node | tuple[ast.Node, ...] | str | None = getattr(node, name)
        if value:
            pieces += [before, *_pieces(value), after]
    return [*pieces, template[end:]]


def _pieces(value: ast.Node | tuple[ast.Node, ...] | str) -> list[Piece]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, ast.Node):
        return [(value, _ANYTHING)]
    pieces: list[Piece] = []
    for item in value:
        pieces += [", ", (item, _ANYTHING)] if pieces else [(item, _ANYTHING)]
    return pieces


def _power(node: ast.Node) -> int:
    """Return how strongly a node's text binds."""
    match node:
        case ast.Ternary():
            return precedence.TERNARY
        case ast.Logical() | ast.Comparison() | ast.Arithmetic():
            return precedence.POWERS[node.operator]
        case ast.ArrayComparison():
            return precedence.QUANTIFIED
        case ast.Range():
            return precedence.RANGE
        case ast.Unary():
            return precedence.SIGN
        case ast.Literal() | ast.Expansion():
            return precedence.VALUE
        case _:
            return _ACCESSED


def _literal(node: ast.Literal, _: int) -> list[Piece]:
    return [json.dumps(node.value, ensure_ascii=False)]


def _name(node: ast.Name | ast.Variable, _: int) -> list[Piece]:
    return [quote_name(node.name)]


def _member(node: ast.ObjectMember, _: int) -> list[Piece]:
    if node.shorthand:
        return [(node.value, _ANYTHING)]
    key: Piece = (node.key, _ANYTHING)
    if node.computed:
        return ["[", key, "]: ", (node.value, _ANYTHING)]
    if isinstance(node.key, ast.Literal) and isinstance(node.key.value, str):
        name = quote_name(node.key.value)
        key = name if name == node.key.value else key
    return [key, ": ", (node.value, _ANYTHING)]


def _subject(subject: ast.Expression, minimum: int) -> Piece:
    return (subject, _TAIL if minimum == _TAIL else _ACCESSED)


def _attribute(node: ast.AttributeAccess, minimum: int) -> list[Piece]:
    return [_subject(node.subject, minimum), ".", quote_name(node.name)]


def _bound_attribute(node: ast.BoundAttributeAccess, minimum: int) -> list[Piece]:
    return [_subject(node.subject, minimum), ".", (node.parameter, _ANYTHING)]


def _index(node: ast.IndexAccess, minimum: int) -> list[Piece]:
    return [_subject(node.subject, minimum), "[", (node.index, _ANYTHING), "]"]


def _expansion(node: ast.Expansion, minimum: int) -> list[Piece]:
    inside = _filled("< FILTER |filter>", node)
    if node.count is not None:
        inside += _filled(" LIMIT <|offset|, ><|count>", node)
    inside += _filled("< RETURN |projection>]", node)
    tail: list[Piece] = [] if node.tail is None else [(node.tail, _TAIL)]
    return [_subject(node.subject, minimum), "[", "*" * node.depth, *inside, *tail]


def _array_test(node: ast.ArrayTest, minimum: int) -> list[Piece]:
    inside = _filled("< |quantifier>< FILTER |filter>]", node)
    return [_subject(node.subject, minimum), "[", "?" * node.depth, *inside]


def _quantifier(node: ast.Quantifier, _: int) -> list[Piece]:
    if node.kind == "COUNT":
        return _filled("<|count>", node)
    return _filled("<|kind>< (|count|)>", node)


def _unary(node: ast.Unary, _: int) -> list[Piece]:
    return [_SIGNS.get(node.operator, node.operator), (node.operand, precedence.SIGN)]


def _binary(node: ast.Arithmetic | ast.Comparison, _: int) -> list[Piece]:
    power = precedence.POWERS[node.operator]
    return [(node.left, power), f" {node.operator} ", (node.right, power + 1)]


def _range(node: ast.Range, _: int) -> list[Piece]:
    return [(node.low, precedence.RANGE), "..", (node.high, precedence.RANGE + 1)]


def _array_comparison(node: ast.ArrayComparison, _: int) -> list[Piece]:
    left = precedence.AT_LEAST if node.quantifier.kind == lexer.AT_LEAST else precedence.QUANTIFIED
    right = precedence.POWERS[node.operator] + 1
    return [(node.left, left), " ", (node.quantifier, _ANYTHING), f" {node.operator} ", (node.right, right)]


def _logical(node: ast.Logical, _: int) -> list[Piece]:
    power = precedence.POWERS[node.operator]
    pieces: list[Piece] = [(node.operands[0], power)]
    for operand in node.operands[1:]:
        pieces += [f" {_SIGNS[node.operator]} ", (operand, power + 1)]
    return pieces


def _ternary(node: ast.Ternary, _: int) -> list[Piece]:
    then = _filled(" ?< |then| >: ", node)
    return [(node.condition, precedence.TERNARY + 1), *then, (node.otherwise, precedence.TERNARY)]


def _call(node: ast.FunctionCall, _: int) -> list[Piece]:
    name = "::".join(part if part == "LIKE" else quote_name(part) for part in node.name.split("::"))
    return [name, *_filled("(<|arguments>)", node)]


def _update(node: ast.Update, _: int) -> list[Piece]:
    words = _filled("<|key| WITH ><|document> INTO <|collection>< OPTIONS |options>", node)
    return ["REPLACE " if node.replace else "UPDATE ", *words]


def _upsert(node: ast.Upsert, _: int) -> list[Piece]:
    return [
        *_filled("UPSERT< |search>< FILTER |filter> INSERT <|insert>", node),
        " REPLACE " if node.replace else " UPDATE ",
        *_filled("<|update> INTO <|collection>< OPTIONS |options>", node),
    ]


def _return(node: ast.Return, _: int) -> list[Piece]:
    return ["RETURN DISTINCT " if node.distinct else "RETURN ", (node.value, _ANYTHING)]


def _query(node: ast.Query, _: int) -> list[Piece]:
    pieces = _filled("<WITH |with_collections| >", node)
    for at, operation in enumerate(node.operations):
        pieces += [" " if at else "", (operation, _ANYTHING)]
    return pieces


_PRINTERS: Mapping[type[ast.Node], Callable[[Any, int], list[Piece]]] = MappingProxyType(
    {
        ast.Literal: _literal,
        ast.Name: _name,
        ast.Variable: _name,
        ast.BindParameter: lambda node, _: ["@", node.name],
        ast.CollectionParameter: lambda node, _: ["@@", node.name],
        ast.Element: lambda _, __: [],
        ast.ObjectMember: _member,
        ast.AttributeAccess: _attribute,
        ast.BoundAttributeAccess: _bound_attribute,
        ast.IndexAccess: _index,
        ast.Expansion: _expansion,
        ast.ArrayTest: _array_test,
        ast.Quantifier: _quantifier,
        ast.Unary: _unary,
        ast.Arithmetic: _binary,
        ast.Comparison: _binary,
        ast.Range: _range,
        ast.ArrayComparison: _array_comparison,
        ast.Logical: _logical,
        ast.Ternary: _ternary,
        ast.FunctionCall: _call,
        ast.Update: _update,
        ast.Upsert: _upsert,
        ast.Return: _return,
        ast.Query: _query,
    }
)
