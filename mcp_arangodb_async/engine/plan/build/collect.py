"""COLLECT and WINDOW."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.tree import Variable
from mcp_arangodb_async.engine.plan.nodes import (
    Aggregate,
    CollectMethod,
    CollectNode,
    Group,
    SortElement,
    SortNode,
    WindowNode,
)
from mcp_arangodb_async.engine.values import Value

from .constants import constant
from .expressions import ExpressionBuilder
from .options import Options

#: The functions that AGGREGATE takes, and the name under which each is known here.
AGGREGATES: dict[str, str] = {
    "LENGTH": "LENGTH",
    "COUNT": "LENGTH",
    "MIN": "MIN",
    "MAX": "MAX",
    "SUM": "SUM",
    "AVERAGE": "AVERAGE",
    "AVG": "AVERAGE",
    "VARIANCE_POPULATION": "VARIANCE_POPULATION",
    "VARIANCE": "VARIANCE_POPULATION",
    "VARIANCE_SAMPLE": "VARIANCE_SAMPLE",
    "STDDEV_POPULATION": "STDDEV_POPULATION",
    "STDDEV": "STDDEV_POPULATION",
    "STDDEV_SAMPLE": "STDDEV_SAMPLE",
    "UNIQUE": "UNIQUE",
    "SORTED_UNIQUE": "SORTED_UNIQUE",
    "COUNT_DISTINCT": "COUNT_DISTINCT",
    "COUNT_UNIQUE": "COUNT_DISTINCT",
    "BIT_AND": "BIT_AND",
    "BIT_OR": "BIT_OR",
    "BIT_XOR": "BIT_XOR",
    "PUSH": "PUSH",
}
DURATION = re.compile(
    r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d{1,3})?S)?)?", re.ASCII
)


def collect(expressions: ExpressionBuilder, node: ast.Collect) -> None:
    """Add a COLLECT: calculations first, in the old scope; then only what it makes is left."""
    build = expressions.build
    with build.scopes.before(each.variable.name for each in (*node.groups, *node.aggregates)):
        groups = [(each.variable.name, expressions.variable(each.value)) for each in node.groups]
        aggregates = _aggregates(expressions, node.aggregates)
        projection = None if node.projection is None else expressions.variable(node.projection)
    keep: tuple[Variable, ...] = ()
    if node.into is not None and projection is None:
        keep = tuple(build.scopes.collectable()) if node.keep is None else _kept(expressions, node.keep)
    method, is_fixed = _method(expressions, node)
    build.scopes.collect()
    made = [Group(variable=build.variable(name), source=source) for name, source in groups]
    results = [
        Aggregate(variable=build.variable(name), function=function, source=source)
        for name, function, source in aggregates
    ]
    if node.count is not None:
        counted = build.variable(node.count.name, kind="number")
        results.append(Aggregate(variable=counted, function="LENGTH"))
    into = None if node.into is None else build.variable(node.into.name, kind="array")
    if method == "sorted" and groups:
        build.nodes.append(_sort([source for _, source in groups]))
    build.nodes.append(
        CollectNode(
            groups=tuple(made),
            aggregates=tuple(results),
            into=into,
            projection=projection,
            keep=keep,
            method=method,
            fixed_method=is_fixed,
        )
    )
    if method == "hash" and groups:
        build.nodes.append(_sort([group.variable for group in made]))


def window(expressions: ExpressionBuilder, node: ast.Window) -> None:
    """Add a WINDOW; over values, the rows are sorted by them first."""
    build = expressions.build
    if build.has_written:
        raise ArangoError(errors.ERROR_QUERY_WINDOW_AFTER_MODIFICATION)
    by_rows = node.range_value is None
    range_variable = None if node.range_value is None else expressions.variable(node.range_value)
    bounds = constant(expressions, node.bounds, "the bounds of WINDOW")
    assert isinstance(bounds, dict)
    for name in bounds:
        if name not in {"preceding", "following"}:
            raise ArangoError(
                errors.ERROR_QUERY_PARSE,
                f"unknown attribute '{name}' of WINDOW; 'preceding' and 'following' are possible",
            )
    if not bounds:
        raise ArangoError(errors.ERROR_QUERY_PARSE, "WINDOW needs 'preceding' or 'following'")
    preceding = _bound("preceding", bounds.get("preceding", 0), by_rows=by_rows)
    following = _bound("following", bounds.get("following", 0), by_rows=by_rows)
    aggregates = _aggregates(expressions, node.aggregates)
    if range_variable is not None:
        build.nodes.append(_sort([range_variable]))
    made = [
        Aggregate(variable=build.variable(name), function=function, source=source)
        for name, function, source in aggregates
    ]
    build.nodes.append(
        WindowNode(
            aggregates=tuple(made), preceding=preceding, following=following, range_variable=range_variable
        )
    )


def _sort(variables: Sequence[Variable]) -> SortNode:
    return SortNode(elements=tuple(SortElement(variable=variable) for variable in variables))


def _aggregates(
    expressions: ExpressionBuilder, assignments: Sequence[ast.Assignment]
) -> list[tuple[str, str, Variable | None]]:
    found: list[tuple[str, str, Variable | None]] = []
    for assignment in assignments:
        call = assignment.value
        function = AGGREGATES.get(call.name) if isinstance(call, ast.FunctionCall) else None
        if function is None or not isinstance(call, ast.FunctionCall):
            raise ArangoError(
                errors.ERROR_QUERY_INVALID_AGGREGATE_EXPRESSION,
                f"aggregate expression of '{assignment.variable.name}' must be a call of one of "
                f"{', '.join(AGGREGATES)}",
            )
        fewest = 0 if function == "LENGTH" else 1
        if not fewest <= len(call.arguments) <= 1:
            raise ArangoError(
                errors.ERROR_QUERY_FUNCTION_ARGUMENT_NUMBER_MISMATCH,
                f"invalid number of arguments for function '{call.name}()', expected number of "
                f"arguments: minimum: {fewest}, maximum: 1",
            )
        source = expressions.variable(call.arguments[0]) if call.arguments else None
        found.append((assignment.variable.name, function, source))
    return found


def _kept(expressions: ExpressionBuilder, names: Sequence[ast.Name]) -> tuple[Variable, ...]:
    kept: list[Variable] = []
    for name in names:
        variable = expressions.build.scopes.find(name.name)
        if variable is None:
            raise ArangoError(
                errors.ERROR_QUERY_VARIABLE_NAME_UNKNOWN, f"use of unknown variable '{name.name}' for KEEP"
            )
        kept.append(variable)
    return tuple(kept)


def _method(expressions: ExpressionBuilder, node: ast.Collect) -> tuple[CollectMethod, bool]:
    options = Options(expressions, node.options, "COLLECT")
    method = options.text("method")
    options.get("disableIndex")
    options.finish()
    if method not in {None, "hash", "sorted"}:
        options.reject("method", f"'hash' and 'sorted' are possible, not '{method}'")
        method = None
    if not node.groups:
        only_count = node.count is not None and not node.aggregates and node.into is None
        return ("count" if only_count else "sorted"), True
    return ("sorted" if method == "sorted" else "hash"), method is not None


def _bound(name: str, value: Value, *, by_rows: bool) -> int | float | str | None:
    """One end of a window: None when unbounded; 1504 or 1501 when it makes no sense."""
    if isinstance(value, str):
        if value == "unbounded":
            return None
        if not by_rows and DURATION.fullmatch(value):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < 0:
            raise ArangoError(
                errors.ERROR_QUERY_NUMBER_OUT_OF_RANGE, f"'{name}' of WINDOW must be at least 0"
            )
        return int(value) if by_rows else value
    possible = "a number or 'unbounded'" + ("" if by_rows else " or a duration such as 'PT30M'")
    raise ArangoError(errors.ERROR_QUERY_PARSE, f"'{name}' of WINDOW must be {possible}, not {value!r}")
