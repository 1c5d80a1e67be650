"""Values that must be known when a query is planned, and OPTIONS with their spelling checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from mcp_arangodb_async.engine.values import Value, truthy, type_name

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


class Options:
    """The constants of an OPTIONS object, read one by one; what nobody asked for is warned about (1539)."""

    def __init__(
        self, expressions: ExpressionBuilder, node: ast.ObjectLiteral | None, operation: str
    ) -> None:
        """Evaluate the object; 1575 when it is not constant."""
        value = {} if node is None else constant(expressions, node, f"OPTIONS of {operation}")
        self._values: Mapping[str, Any] = value if isinstance(value, dict) else {}
        self._build = expressions.build
        self._operation = operation
        self._known: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the option is given."""
        self._known.add(name)
        return name in self._values

    def get(self, name: str, default: Value = None) -> Any:
        """The option's value, or the default."""
        self._known.add(name)
        return self._values.get(name, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """An option that is on or off."""
        return truthy(self.get(name, default))

    def text(self, name: str, default: str | None = None) -> str | None:
        """An option that is a string; other values are warned about and ignored."""
        value = self.get(name, default)
        if value is None or isinstance(value, str):
            return value
        self.reject(name, f"expected a string, got a value of type {type_name(value)}")
        return default

    def names(self, name: str) -> tuple[str, ...]:
        """An option that is a name or an array of names."""
        value: Value = self.get(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        self.reject(name, "expected a string or an array of strings")
        return ()

    def reject(self, name: str, why: str) -> None:
        """Warn about an option's value."""
        self._build.warn(
            errors.ERROR_QUERY_INVALID_OPTIONS_ATTRIBUTE,
            f"invalid value for option '{name}' of {self._operation}: {why}",
        )

    def finish(self) -> None:
        """Warn about options that the operation does not know."""
        for name in self._values:
            if name not in self._known:
                known = ", ".join(sorted(self._known))
                self._build.warn(
                    errors.ERROR_QUERY_INVALID_OPTIONS_ATTRIBUTE,
                    f"unknown option '{name}' for {self._operation}; known: {known}",
                )
