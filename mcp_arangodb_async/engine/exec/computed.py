"""Expressions of computed values: queries that see one document as `@doc` and nothing of the database.

Rules: https://docs.arangodb.com/3.12/concepts/data-structure/documents/computed-values/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.aql.analysis import is_modification, walk
from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.build.query import build_plan

from .context import Limits, QueryContext, Surroundings
from .run import compile_plan

#: A computed value is made while a document is written, so it has to be quick.
SECONDS = 10.0
MEMORY = 256 * 1024 * 1024


def computed_value(
    text: str, functions: Mapping[str, Function], compat: str, *, fail_on_warning: bool
) -> Callable[[dict[str, Any]], Any]:
    """Compile an expression such as `RETURN LOWER(@doc.name)`; 10 when it is not of that form."""
    query = parse(text, compat)
    if len(query.operations) != 1 or not isinstance(query.operations[0], ast.Return):
        raise ArangoError(errors.ERROR_BAD_PARAMETER, "a computed value's expression must be a single RETURN")
    if is_modification(query):
        raise ArangoError(errors.ERROR_BAD_PARAMETER, "a computed value cannot modify documents")
    names = {node.name for node in walk(query) if isinstance(node, ast.BindParameter)}
    if names - {"doc"}:
        raise ArangoError(errors.ERROR_BAD_PARAMETER, "the only bind parameter of a computed value is @doc")
    sample: dict[str, Any] = {"doc": {}} if names else {}
    plan = build_plan(query, tx=None, functions=functions, binds=sample, compat=compat)
    compiled = compile_plan(plan.plan)
    limits = Limits(maximum_runtime=SECONDS, memory=MEMORY, fail_on_warning=fail_on_warning)
    surroundings = Surroundings(database_name="", compat=compat)

    def compute(document: dict[str, Any]) -> Any:
        ctx = QueryContext(transaction=None, functions=functions, surroundings=surroundings, limits=limits)
        return next(compiled.batches(ctx, {"doc": document} if names else {}))[0]

    return compute
