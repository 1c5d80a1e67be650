"""What can be said of a query from its tree alone, by pure functions that know no collection and no value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache

from mcp_arangodb_async.engine.aql import ast


@cache
def _parts(kind: type[ast.Node]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name != "position")


def children(node: ast.Node) -> list[ast.Node]:
    """Return the nodes directly below a node, in the order of its fields."""
    found: list[ast.Node] = []
    for name in _parts(type(node)):
        part: ast.Node | tuple[ast.Node, ...] | str | float | None = getattr(node, name)
        if isinstance(part, ast.Node):
            found.append(part)
        elif isinstance(part, tuple):
            found.extend(part)
    return found


def walk(node: ast.Node) -> Iterator[ast.Node]:
    """Yield a node and all nodes below it, parents first, subqueries included."""
    left = [node]
    while left:
        node = left.pop()
        yield node
        left.extend(reversed(children(node)))


def height(query: ast.Query) -> int:
    """Return how many levels a tree has below its query, an AND or OR of n operands counting as n - 1."""
    highest = 0
    left: list[tuple[ast.Node, int]] = [(query, 0)]
    while left:
        node, level = left.pop()
        highest = max(highest, level)
        if isinstance(node, ast.Literal | ast.Name):
            continue
        below = children(node)
        if isinstance(node, ast.Logical):
            last = len(below) - 1
            left.extend((operand, level + min(last, last - at + 1)) for at, operand in enumerate(below))
        else:
            left.extend((child, level + 1) for child in below)
    return highest


def is_modification(query: ast.Query) -> bool:
    """Tell whether a query changes documents anywhere, subqueries included."""
    return any(isinstance(node, ast.Modification) for node in walk(query))


def function_names(query: ast.Query) -> frozenset[str]:
    """Return the names of all functions called, in upper case, those of operators such as LIKE included."""
    return frozenset(node.name for node in walk(query) if isinstance(node, ast.FunctionCall))


def bind_parameters(query: ast.Query) -> frozenset[str]:
    """Return the keys a query's bind values must have: `name` for `@name`, `@name` for `@@name`."""
    return frozenset(_bind_keys(query))


def _bind_keys(query: ast.Query) -> Iterator[str]:
    for node in walk(query):
        if isinstance(node, ast.BindParameter):
            yield node.name
        elif isinstance(node, ast.CollectionParameter):
            yield f"@{node.name}"


def is_constant(expression: ast.Expression) -> bool:
    """Tell whether an expression is known before the query runs: made of literals and bind parameters."""
    left: list[ast.Node] = [expression]
    while left:
        node = left.pop()
        match node:
            case ast.Literal() | ast.BindParameter() | ast.CollectionParameter():
                continue
            case ast.ArrayLiteral() | ast.ObjectLiteral() | ast.ObjectMember() | ast.Spread():
                left.extend(children(node))
            case ast.AttributeAccess():
                left.extend(children(node))
            case ast.Unary(operator="+" | "-", operand=ast.Literal()):
                continue
            case _:
                return False
    return True
