"""What the planner does for search: scores, vectors, and which collections a view has."""

from __future__ import annotations

from typing import Final

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.records import View
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions import tree
from mcp_arangodb_async.engine.expressions.tree import Expression, Reference, attribute_path
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.nodes import FilterNode
from mcp_arangodb_async.engine.search.scoring import SCORERS

from .state import Build

#: The metric that the index of each function must have.
METRICS: Final = {
    "APPROX_NEAR_COSINE": "cosine",
    "APPROX_NEAR_L2": "l2",
    "APPROX_NEAR_INNER_PRODUCT": "innerProduct",
}


def view_collections(view: View) -> tuple[str, ...]:
    """The collections whose documents a view has."""
    if view.type == "arangosearch":
        return tuple(view.properties["links"])
    return tuple(dict.fromkeys(each["collection"] for each in view.properties["indexes"]))


def scored(
    build: Build, function: Function, arguments: list[Expression]
) -> tuple[Function, list[Expression]]:
    """BM25(doc) and TFIDF(doc) ask the match of a document, when it comes from a view."""
    scorer = SCORERS.get(function.name)
    if scorer is None or not arguments:
        return function, arguments
    match arguments[0]:
        case Reference(variable=variable) if variable in build.matches:
            return scorer, [Reference(variable=build.matches[variable]), *arguments[1:]]
        case _:
            return function, arguments


def approximate(build: Build, call: tree.Call) -> Expression | None:
    """The similarity of vectors of a collection that has an index for it; None for other calls.

    Documents without a vector are not in the index, so the search does not find them.
    """
    metric = METRICS.get(call.function.name)
    if metric is None:
        return None
    for argument in call.arguments[:2]:
        found = attribute_path(argument)
        if found is None or found[0].collection is None:
            continue
        variable, path = found
        for index in build.catalog.by_name[str(variable.collection)].indexes:
            if index.type == "vector" and index.paths == (path,):
                if (index.details or {}).get("params", {}).get("metric") == metric:
                    return _present(build, call)
    raise ArangoError(
        errors.ERROR_QUERY_VECTOR_SEARCH_NOT_APPLIED,
        f"AQL: vector search not applied in plan: {call.function.name}() needs a vector index with the "
        f"metric '{metric}' over the attribute",
    )


def _present(build: Build, call: tree.Call) -> Expression | None:
    if build.lazy:
        return None
    value = build.calculate(call)
    is_there = tree.Comparison(operator="!=", left=Reference(variable=value), right=tree.NULL)
    build.nodes.append(FilterNode(condition=build.calculate(is_there)))
    return Reference(variable=value)
