"""Values that must be known when a query is planned."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.fold import NotConstantError, evaluate
from mcp_arangodb_async.engine.expressions.tree import (
    Expression,
    Parameter,
    Variable,
    postorder,
    substitute,
    variables_of,
)
from mcp_arangodb_async.engine.values import Value

from .expressions import ExpressionBuilder


def constant(
    expressions: ExpressionBuilder,
    node: ast.Expression,
    what: str,
    num: int = errors.ERROR_QUERY_COMPILE_TIME_OPTIONS,
) -> Value:
    """The value of an expression that the plan depends on; error `num` when it is not known yet."""
    if isinstance(node, ast.Literal):
        return node.value
    build = expressions.build
    build.lazy += 1
    expression = _inlined(expressions.expression(node), build.definitions)
    build.lazy -= 1
    try:
        value = evaluate(expression, build.binds, build.compat)
    except NotConstantError:
        raise ArangoError(num, f"{what} must be known when the query is planned") from None
    for part in postorder(expression):
        if isinstance(part, Parameter):
            build.structural.add(part.name)
    return value


def _inlined(expression: Expression, definitions: Mapping[Variable, Expression]) -> Expression:
    """The expression with variables replaced by what LET gave them, as far as that is known."""
    while values := {each: definitions[each] for each in variables_of(expression) if each in definitions}:
        expression = substitute(expression, values)
    return expression


def count(expressions: ExpressionBuilder, node: ast.Expression, what: str) -> int:
    """A number for LIMIT; 1504 unless it is a whole number of at least 0."""
    value = constant(expressions, node, what, errors.ERROR_QUERY_NUMBER_OUT_OF_RANGE)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ArangoError(
            errors.ERROR_QUERY_NUMBER_OUT_OF_RANGE, f"{what} must be a number of at least 0, not {value!r}"
        )
    return int(value)
