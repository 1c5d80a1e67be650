"""FOR over graphs: traversals and path searches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.catalog import graphs
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.tree import Variable
from mcp_arangodb_async.engine.plan.nodes import (
    Direction,
    EdgeSource,
    EnumeratePathsNode,
    GraphAccess,
    Prune,
    ShortestPathNode,
    TraversalNode,
    TraversalOptions,
    Uniqueness,
)
from mcp_arangodb_async.engine.values import Value

from .constants import constant
from .expressions import ExpressionBuilder
from .options import Options

LONGEST_PATH = 2**31
#: What the names in an `indexHint` of a traversal may be, from the outside in: collection, direction, depth.
HINT_LEVELS: Final[tuple[Callable[[str], bool], ...]] = (
    bool,
    lambda direction: direction.lower() in {"inbound", "outbound"},
    lambda depth: depth == "base" or depth.isdecimal(),
)


def traversal(expressions: ExpressionBuilder, node: ast.Traversal) -> None:
    """Add a traversal and declare its vertex, edge and path."""
    build = expressions.build
    minimum, maximum = _depth(expressions, node.depth)
    start = expressions.variable(node.start)
    graph = _graph(expressions, node.graph, node.direction)
    options = _traversal_options(expressions, node.options, graph)
    build.scopes.open("for")
    vertex, edge, path = _variables(expressions, node.variables, 3)
    prune = None
    if node.prune is not None:
        seen = [
            variable if variable is not None else build.variables.make() for variable in (vertex, edge, path)
        ]
        build.lazy += 1
        condition = expressions.expression(node.prune.condition)
        build.lazy -= 1
        result = None if node.prune.variable is None else build.variable(node.prune.variable.name)
        prune = Prune(condition=condition, vertex=seen[0], edge=seen[1], path=seen[2], variable=result)
    build.nodes.append(
        TraversalNode(
            start=start,
            graph=graph,
            direction=node.direction,
            minimum=minimum,
            maximum=maximum,
            vertex=vertex,
            edge=edge,
            path=path,
            prune=prune,
            options=options,
        )
    )


def path_search(expressions: ExpressionBuilder, node: ast.PathSearch) -> None:
    """Add a search for paths between two vertices."""
    build = expressions.build
    minimum, maximum = _depth(expressions, node.depth)
    start = expressions.variable(node.start)
    target = expressions.variable(node.target)
    graph = _graph(expressions, node.graph, node.direction)
    options = _path_options(expressions, node)
    build.scopes.open("for")
    if node.kind == "SHORTEST_PATH":
        vertex, edge, _ = _variables(expressions, node.variables, 2)
        build.nodes.append(
            ShortestPathNode(
                start=start,
                target=target,
                graph=graph,
                direction=node.direction,
                vertex=vertex,
                edge=edge,
                options=options,
            )
        )
        return
    path, _, _ = _variables(expressions, node.variables, 1)
    build.nodes.append(
        EnumeratePathsNode(
            kind=node.kind,
            start=start,
            target=target,
            graph=graph,
            direction=node.direction,
            path=path,
            minimum=minimum,
            maximum=maximum,
            options=options,
        )
    )


def _variables(
    expressions: ExpressionBuilder, nodes: tuple[ast.Variable, ...], most: int
) -> tuple[Variable | None, Variable | None, Variable | None]:
    if len(nodes) > most:
        raise ArangoError(
            errors.ERROR_QUERY_PARSE, f"this FOR sets at most {most} variables, {len(nodes)} are given"
        )
    made: list[Variable | None] = [expressions.build.variable(node.name) for node in nodes]
    made += [None] * (3 - len(made))
    return made[0], made[1], made[2]


def _depth(expressions: ExpressionBuilder, node: ast.Expression | None) -> tuple[int, int]:
    if node is None:
        return 1, 1
    if isinstance(node, ast.Range):
        low = constant(expressions, node.low, "the depth of a graph operation", errors.ERROR_QUERY_PARSE)
        high = constant(expressions, node.high, "the depth of a graph operation", errors.ERROR_QUERY_PARSE)
    else:
        low = high = constant(expressions, node, "the depth of a graph operation", errors.ERROR_QUERY_PARSE)
        if isinstance(low, list) and low:
            low, high = low[0], low[-1]
    minimum, maximum = _steps(low), _steps(high)
    if minimum > maximum:
        raise ArangoError(
            errors.ERROR_QUERY_PARSE, f"invalid depth {minimum}..{maximum}: the minimum is above the maximum"
        )
    return minimum, maximum


def _steps(value: Value) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LONGEST_PATH:
        return int(value)
    raise ArangoError(
        errors.ERROR_QUERY_PARSE, f"invalid depth {value!r}: a whole number of at least 0 is needed"
    )


def _graph(expressions: ExpressionBuilder, node: ast.GraphSubject, direction: Direction) -> GraphAccess:
    build = expressions.build
    if isinstance(node, ast.NamedGraph):
        name = constant(expressions, node.name, "the name of a graph")
        if not isinstance(name, str):
            raise ArangoError(errors.ERROR_QUERY_BIND_PARAMETER_TYPE, "the name of a graph must be a string")
        graph = graphs.graph(build.tx, name)
        for collection in (*graph.edge_collections, *graph.vertex_collections):
            build.collection(collection)
        edges = tuple(EdgeSource(collection=each, direction=direction) for each in graph.edge_collections)
        return GraphAccess(name=name, edges=edges, vertices=graph.vertex_collections)
    found: dict[str, Direction] = {}
    for each in node.collections:
        collection = _edge_collection(expressions, each.collection)
        own = each.direction or direction
        if found.setdefault(collection, own) != own:
            raise ArangoError(
                errors.ERROR_ARANGO_COLLECTION_TYPE_INVALID,
                f"conflicting directions for edge collection '{collection}'",
            )
    edges = tuple(EdgeSource(collection=each, direction=own) for each, own in found.items())
    return GraphAccess(name=None, edges=edges)


def _edge_collection(expressions: ExpressionBuilder, reference: ast.CollectionReference) -> str:
    build = expressions.build
    match reference:
        case ast.Name(name=name):
            pass
        case ast.CollectionParameter(name=parameter):
            name = build.collection_parameter(parameter)
        case ast.BindParameter(name=parameter):
            name = build.shape(parameter)
            if not isinstance(name, str):
                raise ArangoError(
                    errors.ERROR_QUERY_BIND_PARAMETER_TYPE, "an edge collection is given by its name"
                )
    if not build.collection(name).is_edge:
        raise ArangoError(
            errors.ERROR_ARANGO_COLLECTION_TYPE_INVALID, f"collection '{name}' is not an edge collection"
        )
    return name


def _traversal_options(
    expressions: ExpressionBuilder, node: ast.ObjectLiteral | None, graph: GraphAccess
) -> TraversalOptions:
    options = Options(expressions, node, "TRAVERSAL")
    order = _order(options, expressions.build.compat)
    vertices = _uniqueness(options, "uniqueVertices", "none")
    edges = _uniqueness(options, "uniqueEdges", "path")
    if vertices == "global" and order == "dfs":
        raise ArangoError(
            errors.ERROR_BAD_PARAMETER,
            "uniqueVertices: 'global' is only possible with order 'bfs' or 'weighted'",
        )
    if edges == "global":
        raise ArangoError(
            errors.ERROR_BAD_PARAMETER, "uniqueEdges: 'global' is not possible; 'path' and 'none' are"
        )
    edge_collections = options.names("edgeCollections")
    for name in edge_collections:
        _edge_collection(expressions, ast.Name(position=0, name=name))
        if name not in {source.collection for source in graph.edges}:
            raise ArangoError(
                errors.ERROR_GRAPH_EDGE_COL_DOES_NOT_EXIST,
                f"edge collection '{name}' is not part of the graph",
            )
    vertex_collections = options.names("vertexCollections")
    for name in vertex_collections:
        expressions.build.collection(name)
    for name in ("parallelism", "maxProjections"):
        options.number(name, 0)
    options.switch("useCache")
    _check_hint(options)
    weight, default = _weights(options, expressions.build.compat)
    options.finish()
    return TraversalOptions(
        order=order,
        unique_vertices=vertices,
        unique_edges=edges,
        edge_collections=edge_collections,
        vertex_collections=vertex_collections,
        weight_attribute=weight,
        default_weight=default,
    )


def _check_hint(options: Options) -> None:
    """Warn unless `indexHint` says collection, then direction, then `base` or a depth, then names of indexes.

    What it names changes how edges are found, never which, so nothing else is done with it.
    """
    hint: Value = options.get("indexHint")
    if hint is not None and not _is_hint(hint):
        options.reject(
            "indexHint",
            'expected the form {collection: {outbound: {base: "index", "1": ["index", "other"]}}}',
        )


def _is_hint(hint: Value, levels: tuple[Callable[[str], bool], ...] = HINT_LEVELS) -> bool:
    if not levels:
        names: list[Value] = hint if isinstance(hint, list) and hint else [hint]
        return all(isinstance(name, str) for name in names)
    if not isinstance(hint, dict) or not hint:
        return False
    below: dict[str, Value] = hint
    return all(levels[0](name) and _is_hint(value, levels[1:]) for name, value in below.items())


def _path_options(expressions: ExpressionBuilder, node: ast.PathSearch) -> TraversalOptions:
    options = Options(expressions, node.options, node.kind)
    weight, default = _weights(options, expressions.build.compat)
    options.switch("useCache")
    options.get("algorithm")
    options.finish()
    return TraversalOptions(weight_attribute=weight, default_weight=default)


def _weights(options: Options, compat: str) -> tuple[tuple[str, ...] | None, float]:
    if compat == "3.12":
        attribute = options.text("weightAttribute")
        path = None if attribute is None else (attribute,)
    else:  # an empty path is no weight at all
        names = options.names("weightAttribute")
        path = None if names in {(), ("",)} else names
    default = options.get("defaultWeight", 1)
    if isinstance(default, bool) or not isinstance(default, int | float):
        options.reject("defaultWeight", "a number is needed")
        default = 1
    if default < 0:
        raise ArangoError(errors.ERROR_GRAPH_NEGATIVE_EDGE_WEIGHT, "defaultWeight must not be negative")
    return path, default


def _order(options: Options, compat: str) -> Literal["dfs", "bfs", "weighted"]:
    # ArangoDB 4.0 has no option `bfs` any more.
    if compat == "3.12" and options.has("bfs") and options.has("order"):
        options.reject("order", "'bfs' and 'order' exclude each other")
    match options.text("order", "bfs" if compat == "3.12" and options.flag("bfs") else "dfs"):
        case "dfs":
            return "dfs"
        case "bfs":
            return "bfs"
        case "weighted":
            return "weighted"
        case value:
            options.reject("order", f"'dfs', 'bfs' and 'weighted' are possible, not '{value}'")
            return "dfs"


def _uniqueness(options: Options, name: str, default: Uniqueness) -> Uniqueness:
    match options.text(name, default):
        case "none":
            return "none"
        case "path":
            return "path"
        case "global":
            return "global"
        case value:
            options.reject(name, f"'none', 'path' and 'global' are possible, not '{value}'")
            return default
