"""What the planner does for search: scores, vectors, and which collections a view has."""

from __future__ import annotations

from typing import Final

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.index import Index
from mcp_arangodb_async.engine.catalog.records import View
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions import tree
from mcp_arangodb_async.engine.expressions.tree import Expression, Reference, Variable, attribute_path
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.plan.nodes import EnumerateCollectionNode, EnumerateViewNode, FilterNode
from mcp_arangodb_async.engine.search.links import index_link
from mcp_arangodb_async.engine.search.offsets import OFFSET_INFO
from mcp_arangodb_async.engine.search.scoring import SCORERS

from .state import Build

#: The metric that the index of each function must have.
METRICS: Final = {
    "APPROX_NEAR_COSINE": "cosine",
    "APPROX_NEAR_L2": "l2",
    "APPROX_NEAR_INNER_PRODUCT": "innerProduct",
}
#: Functions that read the collection that is their first argument.
READS_COLLECTION: Final = frozenset({"FULLTEXT", "NEAR", "WITHIN", "WITHIN_RECTANGLE"})


def view_collections(view: View) -> tuple[str, ...]:
    """The collections whose documents a view has."""
    if view.type == "arangosearch":
        return tuple(view.properties["links"])
    return tuple(dict.fromkeys(each["collection"] for each in view.properties["indexes"]))


def has_inverted_hint(build: Build) -> bool:
    """Whether the FILTER to come stands right behind a FOR whose OPTIONS name an inverted index."""
    node = build.nodes[-1]
    if isinstance(node, EnumerateViewNode):
        return node.index is not None
    return isinstance(node, EnumerateCollectionNode) and _hinted(build, node) is not None


def _hinted(build: Build, node: EnumerateCollectionNode) -> Index | None:
    if node.hint.disable_index:
        return None
    for name in node.hint.indexes:
        for index in build.catalog.by_name[node.collection].indexes:
            if index.type == "inverted" and name in {index.name, str(index.id)}:
                return index
    return None


def filter_by_index(build: Build, condition: Expression) -> None:
    """Have a condition answered by an inverted index, if the index has all attributes the condition asks for.

    The condition then means what it would mean in SEARCH.
    """
    node = build.nodes[-1]
    if isinstance(node, EnumerateCollectionNode):
        index = _hinted(build, node)
        collection, variable = node.collection, node.variable
    else:
        assert isinstance(node, EnumerateViewNode)
        collection, variable = node.collections[0], node.variable
        index = build.catalog.by_name[collection].index(str(node.index))
    if index is None or not _covers(index, condition, variable):
        build.nodes.append(FilterNode(condition=build.calculate(condition)))
        return
    if isinstance(node, EnumerateViewNode) and node.condition is not None:
        condition = tree.Logical(operator="&&", operands=(node.condition, condition))
    build.nodes[-1] = EnumerateViewNode(
        view=f"{collection}/{index.name}",
        variable=variable,
        match=build.variables.make(),
        collections=(collection,),
        condition=condition,
        index=index.name,
    )


def _covers(index: Index, condition: Expression, variable: Variable) -> bool:
    """Whether an inverted index has all attributes of the documents that a condition asks for."""
    link = index_link(index.collection, index.details or {}, str).link
    found = [attribute_path(part) for part in tree.postorder(condition)]
    paths = {each[1] for each in found if each is not None and each[0] is variable}
    longest = {path for path in paths if not any(path == other[: len(path)] for other in paths - {path})}
    return all(path and link.at(path) is not None for path in longest)


def named(build: Build, function: Function, arguments: list[Expression]) -> list[Expression]:
    """Arguments of FULLTEXT("users", ..) with the name as a collection, so that rights are asked for it."""
    if function.name not in READS_COLLECTION or not arguments:
        return arguments
    match arguments[0]:
        case tree.Constant(value=str(name)):
            pass
        case tree.Parameter(name=parameter):
            name = build.shape(parameter)
            if not isinstance(name, str):
                return arguments
        case _:
            return arguments
    build.collection(name)
    return [tree.CollectionValue(collection=name, use="name"), *arguments[1:]]


def scored(
    build: Build, function: Function, arguments: list[Expression]
) -> tuple[Function, list[Expression]]:
    """BM25(doc) and TFIDF(doc) ask the match of a document, when it comes from a view."""
    scorer = OFFSET_INFO if function.name == OFFSET_INFO.name else SCORERS.get(function.name)
    if not arguments or scorer is None:
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
