"""Trees in few characters, with every grouping shown: what tables of cases are compared with."""

from __future__ import annotations

import json
from typing import assert_never

from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.aql.parser import parse


def shape_of(text: str) -> str:
    """Return the shape of an expression, parsed as what a query returns."""
    operation = parse(f"RETURN {text}").operations[-1]
    assert isinstance(operation, ast.Return)
    return shape(operation.value)


def shape(node: ast.Expression | ast.Spread | None) -> str:
    """Return an operator before its operands, in parentheses; a leaf as it is written."""
    match node:
        case None:
            return "-"
        case ast.Literal():
            return json.dumps(node.value, ensure_ascii=False)
        case ast.Name():
            return node.name
        case ast.BindParameter():
            return f"@{node.name}"
        case ast.CollectionParameter():
            return f"@@{node.name}"
        case ast.Element():
            return "_"
        case ast.Spread():
            return f"(... {shape(node.value)})"
        case ast.ArrayLiteral():
            return f"[{' '.join(map(shape, node.elements))}]"
        case ast.ObjectLiteral():
            return "{" + " ".join(map(member_shape, node.members)) + "}"
        case ast.AttributeAccess():
            return f"(. {shape(node.subject)} {node.name})"
        case ast.BoundAttributeAccess():
            return f"(. {shape(node.subject)} {shape(node.parameter)})"
        case ast.IndexAccess():
            return f"(at {shape(node.subject)} {shape(node.index)})"
        case ast.Expansion():
            return expansion_shape(node)
        case ast.ArrayTest():
            quantifier = "-" if node.quantifier is None else quantifier_shape(node.quantifier)
            return f"({'?' * node.depth} {shape(node.subject)} {quantifier} {shape(node.filter)})"
        case ast.Unary():
            return f"({node.operator} {shape(node.operand)})"
        case ast.Arithmetic() | ast.Comparison():
            return f"({node.operator} {shape(node.left)} {shape(node.right)})"
        case ast.ArrayComparison():
            operator = f"{quantifier_shape(node.quantifier)} {node.operator}"
            return f"({operator} {shape(node.left)} {shape(node.right)})"
        case ast.Logical():
            return f"({node.operator} {' '.join(map(shape, node.operands))})"
        case ast.Ternary():
            return f"(?: {shape(node.condition)} {shape(node.then)} {shape(node.otherwise)})"
        case ast.Range():
            return f"(.. {shape(node.low)} {shape(node.high)})"
        case ast.FunctionCall():
            return f"{node.name}({' '.join(map(shape, node.arguments))})"
        case ast.Subquery():
            return f"<{' '.join(type(operation).__name__ for operation in node.query.operations)}>"
        case _:
            assert_never(node)


def member_shape(member: ast.ObjectMember | ast.Spread) -> str:
    """Return one `key: value`, saying how the key was written."""
    if isinstance(member, ast.Spread):
        return shape(member)
    mark = "=" if member.shorthand else ":"
    key = f"[{shape(member.key)}]" if member.computed else shape(member.key)
    return f"{key}{mark}{shape(member.value)}"


def quantifier_shape(quantifier: ast.Quantifier) -> str:
    """Return a quantifier and its number."""
    return quantifier.kind if quantifier.count is None else f"{quantifier.kind} {shape(quantifier.count)}"


def expansion_shape(node: ast.Expansion) -> str:
    """Return an expansion with those of its parts that are there."""
    parts = {
        "filter": node.filter,
        "offset": node.offset,
        "count": node.count,
        "projection": node.projection,
        "tail": node.tail,
    }
    shown = "".join(f" {name}={shape(part)}" for name, part in parts.items() if part is not None)
    return f"({'*' * node.depth} {shape(node.subject)}{shown})"
