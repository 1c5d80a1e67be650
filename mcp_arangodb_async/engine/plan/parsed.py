"""What `/_api/query` says of a query that is only read: its names, bind parameters and syntax tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mcp_arangodb_async.engine.aql import analysis, ast
from mcp_arangodb_async.engine.values import Value, type_name

Description = dict[str, Any]

#: ArangoDB's names of the kinds of nodes; those of operators and names depend on more than the kind.
KINDS: Final[dict[type[ast.Node], str]] = {
    ast.Query: "root", ast.For: "for", ast.Let: "let", ast.Filter: "filter", ast.Sort: "sort",
    ast.SortElement: "sort element", ast.Limit: "limit", ast.Return: "return", ast.Collect: "collect",
    ast.Window: "window", ast.Insert: "insert", ast.Remove: "remove", ast.Upsert: "upsert",
    ast.Traversal: "traversal", ast.Assignment: "assign", ast.ArrayLiteral: "array",
    ast.ObjectLiteral: "object",
    ast.AttributeAccess: "attribute access", ast.BoundAttributeAccess: "bound attribute access",
    ast.IndexAccess: "indexed access", ast.Expansion: "expansion", ast.ArrayTest: "array filter",
    ast.Ternary: "ternary", ast.Range: "range", ast.FunctionCall: "function call", ast.Subquery: "subquery",
    ast.EdgeCollections: "collection list", ast.Quantifier: "quantifier",
}  # fmt: skip
OPERATORS: Final = {
    "+": "plus", "-": "minus", "*": "times", "/": "division", "%": "modulus", "&&": "logical and",
    "||": "logical or", "IN": "compare in", "NOT IN": "compare not in",
}  # fmt: skip
UNARY: Final = {"+": "unary plus", "-": "unary minus", "!": "unary not", "NOT": "unary not"}
VALUE_TYPES: Final = {"null": 0, "bool": 1, "number": 2, "string": 4}


def describe_query(query: ast.Query) -> Description:
    """The answer to a query that is not run."""
    names: set[str] = set()
    for node in analysis.walk(query):
        if isinstance(node, ast.For | ast.Insert | ast.Update | ast.Remove | ast.Upsert):
            source = node.source if isinstance(node, ast.For) else node.collection
            if isinstance(source, ast.Name):
                names.add(source.name)
    variables = [node.name for node in analysis.walk(query) if isinstance(node, ast.Variable)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(variables))}
    return {
        "collections": sorted(names - numbers.keys()),
        "bindVars": sorted(analysis.bind_parameters(query)),
        "ast": [_described(query, numbers)],
    }


def _described(node: ast.Node, numbers: dict[str, int]) -> Description:
    described: Description = {"type": _kind(node, numbers)}
    match node:
        case ast.Literal(value=value):
            return _value(value)
        case ast.Variable(name=name):
            return described | {"name": name, "id": numbers[name]}
        case ast.Name(name=name) if name in numbers:
            return described | {"name": name, "id": numbers[name], "subqueryReference": False}
        case ast.CollectionParameter(name=name):
            return described | {"name": f"@{name}"}
        case ast.Name(name=name) | ast.BindParameter(name=name):
            return described | {"name": name}
        case ast.AttributeAccess(name=name) | ast.FunctionCall(name=name):
            described["name"] = name
        case ast.Comparison(operator="==" | "<" | "<="):
            described["excludesNull"] = False
        case ast.Quantifier(kind=kind):
            described["name"] = kind.lower()
        case _:
            pass
    parts = list(_parts(node, numbers))
    if parts:
        described["subNodes"] = parts
    return described


def _parts(node: ast.Node, numbers: dict[str, int]) -> Iterable[Description]:
    below = [_described(part, numbers) for part in analysis.children(node)]
    match node:
        case ast.For(options=None):
            return [*below, {"type": "no-op"}]
        case ast.Limit(count=count, offset=offset):
            first = _value(0) if offset is None else _described(offset, numbers)
            return [first, _described(count, numbers)]
        case ast.Return(distinct=True):
            return [{"type": "distinct", "subNodes": below}]
        case ast.Sort() | ast.FunctionCall():
            return [{"type": "array", "subNodes": below}]
        case _:
            return below


def _value(value: Value) -> Description:
    return {"type": "value", "value": value, "vTypeID": VALUE_TYPES[type_name(value)]}


def _kind(node: ast.Node, numbers: dict[str, int]) -> str:
    match node:
        case ast.Name(name=name):
            return "reference" if name in numbers else "collection"
        case ast.Variable():
            return "variable"
        case ast.BindParameter():
            return "parameter"
        case ast.CollectionParameter():
            return "datasource parameter"
        case ast.Unary(operator=operator):
            return UNARY.get(operator, operator)
        case ast.Arithmetic(operator=operator) | ast.Logical(operator=operator):
            return OPERATORS[operator]
        case ast.Comparison(operator=operator):
            return OPERATORS.get(operator, f"compare {operator}")
        case ast.ArrayComparison(operator=operator):
            return f"compare array {operator.lower()}"
        case ast.ObjectMember(computed=computed):
            return "calculated object element" if computed else "object element"
        case ast.Update(replace=replace):
            return "replace" if replace else "update"
        case ast.PathSearch(kind=kind):
            return "shortest path" if kind == "SHORTEST_PATH" else "enumerate paths"
        case _:
            return KINDS.get(type(node), type(node).__name__.lower())
