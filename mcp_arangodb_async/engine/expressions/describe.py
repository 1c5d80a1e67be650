"""Expressions as ArangoDB's explain shows them: a tree of typed nodes."""

from __future__ import annotations

from typing import Any

from mcp_arangodb_async.engine.values import type_name

from .text import constant_text, text_of
from .tree import (
    Arithmetic,
    ArrayLiteral,
    Attribute,
    Call,
    CollectionValue,
    Comparison,
    Constant,
    Element,
    Expansion,
    Expression,
    Logical,
    Not,
    ObjectLiteral,
    Parameter,
    Quantified,
    Question,
    Range,
    Reference,
    Sign,
    Subquery,
    Ternary,
    children,
    postorder,
)

#: ArangoDB's node types and their numbers.
COMPARISONS: dict[str, tuple[str, int]] = {
    "==": ("compare ==", 25),
    "!=": ("compare !=", 26),
    "<": ("compare <", 27),
    "<=": ("compare <=", 28),
    ">": ("compare >", 29),
    ">=": ("compare >=", 30),
    "IN": ("compare in", 31),
    "NOT IN": ("compare not in", 32),
}
ARITHMETIC: dict[str, tuple[str, int]] = {
    "+": ("plus", 20),
    "-": ("minus", 21),
    "*": ("times", 22),
    "/": ("division", 23),
    "%": ("modulus", 24),
}
#: How far the numbers of the comparisons of arrays are from those of values.
ARRAY_COMPARISONS = 41
VALUE_TYPES: dict[str, int] = {"null": 0, "bool": 1, "number": 2, "string": 4}


def describe_expression(expression: Expression) -> dict[str, Any]:
    """The expression as explain shows it."""
    done: dict[int, dict[str, Any]] = {}
    for node in postorder(expression):
        done[id(node)] = _describe(node, [done[id(child)] for child in children(node)])
    return done[id(expression)]


def _node(kind: str, number: int, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"type": kind, "typeID": number, **more}
    if parts:
        described["subNodes"] = parts
    return described


def _describe(node: Expression, parts: list[dict[str, Any]]) -> dict[str, Any]:
    match node:
        case Constant(value=value):
            return _constant(value)
        case Parameter(name=name):
            return _node("parameter", 46, [], name=name)
        case Reference(variable=variable):
            return _node("reference", 45, [], name=variable.name, id=variable.id, subqueryReference=False)
        case Attribute(name=name):
            return _node("attribute access", 35, parts, name=name)
        case Element():
            return _node("indexed access", 37, parts)
        case Expansion(levels=levels):
            return _node("expansion", 38, parts, levels=levels)
        case Question():
            return _node("array filter", 83, parts)
        case Not():
            return _node("unary not", 17, parts)
        case Sign(operator="..."):
            return {"type": "array splice", "subNodes": parts}
        case Sign(operator=operator):
            return _node(
                f"unary {'minus' if operator == '-' else 'plus'}", 16 if operator == "-" else 15, parts
            )
        case Arithmetic(operator=operator):
            return _node(*ARITHMETIC[operator], parts)
        case Comparison(operator=operator):
            name, number = COMPARISONS[operator]
            nulls = {"excludesNull": False} if operator in {"==", "<", "<="} else {}
            return _node(name, number, parts, **nulls)
        case Quantified(operator=operator, quantifier=quantifier):
            name, number = COMPARISONS[operator]
            return _node(f"array {name}", number + ARRAY_COMPARISONS, parts, quantifier=quantifier.lower())
        case Logical(operator=operator):
            return _node(
                "n-ary and" if operator == "&&" else "n-ary or", 62 if operator == "&&" else 63, parts
            )
        case Ternary():
            return _node("ternary", 33, parts)
        case Range():
            return _node("range", 49, parts)
        case ArrayLiteral():
            return _node("array", 41, parts)
        case ObjectLiteral():
            return _node("object", 42, parts, text=text_of(node))
        case Call(function=function):
            return _node("function call", 47, [_node("array", 41, parts)], name=function.name)
        case CollectionValue(collection=collection):
            return _node("collection", 44, [], name=collection)
        case Subquery():
            return _node("subquery", 34, [], name=text_of(node))


def _constant(value: Any) -> dict[str, Any]:
    kind = type_name(value)
    if kind in VALUE_TYPES:
        return _node("value", 40, [], value=value, vTypeID=VALUE_TYPES[kind])
    number = 41 if kind == "array" else 42
    return _node(kind, number, [], raw=value if len(constant_text(value)) < 1000 else None)
