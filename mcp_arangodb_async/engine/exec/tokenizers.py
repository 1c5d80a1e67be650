"""Analyzers of a database as tokenizers, also those that run a query of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_arangodb_async.engine.analyzers import Check, Tokenizer, open_analyzer
from mcp_arangodb_async.engine.aql.analysis import bind_parameters
from mcp_arangodb_async.engine.aql.parser import parse
from mcp_arangodb_async.engine.catalog.records import Analyzer
from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.build.query import build_plan
from mcp_arangodb_async.engine.plan.nodes import Plan

from .context import Limits, QueryContext, Surroundings
from .run import CompiledQuery, compile_plan

#: A query of an analyzer runs once per text.
SECONDS = 10.0


def tokenizer_of(
    analyzer: Analyzer, check: Check, *, functions: Mapping[str, Function], compat: str
) -> Tokenizer:
    """The tokenizer of an analyzer; 10 for bad properties."""
    if analyzer.type == "wildcard":
        # Its n-grams only speed LIKE up; what LIKE compares are the tokens of the analyzer inside.
        inner: dict[str, Any] = analyzer.properties.get("analyzer") or {"type": "identity"}
        return open_analyzer(inner["type"], inner.get("properties") or {}, check=check)
    return open_analyzer(analyzer.type, analyzer.properties, run=_Runs(functions, compat), check=check)


def check_query(text: str, functions: Mapping[str, Function], compat: str) -> None:
    """Refuse a query that no analyzer can have: it is wrong, reads or writes, or has other parameters."""
    try:
        _plan(text, functions, compat)
    except ArangoError as error:
        raise ArangoError(
            ERROR_BAD_PARAMETER, f"the query of the analyzer cannot be used: {error.message}"
        ) from error


def _plan(text: str, functions: Mapping[str, Function], compat: str) -> Plan:
    query = parse(text, compat)
    binds = {"param": ""} if "param" in bind_parameters(query) else {}
    return build_plan(query, tx=None, functions=functions, binds=binds, compat=compat).plan


class _Runs:
    """Runs the queries of `aql` analyzers, each compiled once."""

    def __init__(self, functions: Mapping[str, Function], compat: str) -> None:
        self._functions = functions
        self._compat = compat
        self._compiled: dict[str, CompiledQuery] = {}

    def __call__(self, query: str, parameter: str, /, *, memory_limit: int) -> list[Any]:
        """The rows of the query for one text."""
        compiled = self._compiled.get(query)
        if compiled is None:
            compiled = self._compiled[query] = compile_plan(_plan(query, self._functions, self._compat))
        ctx = QueryContext(
            transaction=None,
            functions=self._functions,
            surroundings=Surroundings(database_name="", compat=self._compat),
            limits=Limits(maximum_runtime=SECONDS, memory=memory_limit),
        )
        return [row for batch in compiled.batches(ctx, {"param": parameter}) for row in batch]
