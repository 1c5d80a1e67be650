"""Tools for graphs."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations import graphs, traversal
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.continuations import LIFETIME_SECONDS
from mcp_arangodb_async.tools.paging import call_limits_for, continued, first_page
from mcp_arangodb_async.tools.result import Format, Rows
from mcp_arangodb_async.tools.spec import LARGEST, DatabaseArgs, Effect, Names, hidden, tool


class ListGraphsArgs(DatabaseArgs):
    """Arguments of arango_list_graphs."""


@tool(title="Graphs", category="graph", effect=Effect.READ)
async def arango_list_graphs(call: Call, args: ListGraphsArgs) -> Rows:  # noqa: ARG001
    """List graphs."""
    return Rows(rows=await graphs.list_graphs(await call.database()))


class TraverseOptions(BaseModel):
    """How to visit."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    order: traversal.Order = "dfs"
    weight_attribute: str | None = None
    unique_vertices: traversal.UniqueVertices | None = None
    unique_edges: traversal.UniqueEdges | None = None


OPTIONS = "order, weight_attribute, unique_vertices, unique_edges"


class TraverseArgs(DatabaseArgs):
    """Arguments of arango_traverse.

    Give `graph` or `edge_collections`. Rows are visited in `dfs` order unless `options` say otherwise.
    """

    start_vertex: str | None = Field(None, description="_id")
    """`_id` of the vertex to start from."""
    graph: str | None = Field(None, description="Name")
    edge_collections: Names = Field([], max_length=100, description="Or these")
    """Edge collections to follow, instead of a graph."""
    direction: traversal.Direction = Field("OUTBOUND", description="Edges")
    """Which way edges are followed."""
    min_depth: int = Field(1, ge=0, le=traversal.MAXIMUM_DEPTH, description="From")
    """Edges from the start to the first vertices that are returned; 0 includes the start."""
    max_depth: int = Field(1, ge=0, le=traversal.MAXIMUM_DEPTH, description="To")
    """Edges to the last ones."""
    return_paths: bool = Field(False, description="Paths")
    """Each row is a whole path, `{vertices, edges}`, instead of `{vertex, edge}`."""
    limit: int | None = Field(None, ge=1, le=LARGEST, description="Rows")
    """So many rows."""
    options: TraverseOptions = Field(default_factory=TraverseOptions, description=OPTIONS)
    """`order` (`dfs`, `bfs`, `weighted`), `weight_attribute`, `unique_vertices` (`none`, `path`, `global`),
    `unique_edges` (`none`, `path`)."""
    format: Format = hidden("json")
    next: str | None = hidden()

    also: ClassVar = {
        "graph_name": "graph",
        "graphName": "graph",
        "edge_collection": "edge_collections",
        "edgeCollections": "edge_collections",
        "startVertex": "start_vertex",
        "minDepth": "min_depth",
        "maxDepth": "max_depth",
        "returnPaths": "return_paths",
    }


@tool(title="Traverse", category="graph", effect=Effect.READ)
async def arango_traverse(call: Call, args: TraverseArgs) -> Rows:
    """Follow edges."""
    limits = call_limits_for(call, None)
    if args.next is not None:
        return await continued(call, args.next, limits=limits, format=args.format)
    if args.start_vertex is None:
        raise InputError("start_vertex: is required", field="start_vertex")
    statement = traversal.traversal(
        traversal.Traversal(
            start_vertex=args.start_vertex,
            direction=args.direction,
            min_depth=args.min_depth,
            max_depth=max(args.max_depth, args.min_depth) if defaulted(args) else args.max_depth,
            graph=args.graph,
            edge_collections=args.edge_collections,
            return_paths=args.return_paths,
            limit=args.limit,
            **args.options.model_dump(),
        )
    )
    options = QueryOptions(batch_size=limits.rows, max_runtime=limits.seconds, ttl=LIFETIME_SECONDS)
    page = await run_query(await call.database(), statement.text, statement.bind_vars, options=options)
    return await first_page(call, page, limits=limits, format=args.format)


def defaulted(args: TraverseArgs) -> bool:
    """Whether only the smaller depth was given: the larger one follows it."""
    return "max_depth" not in args.model_fields_set
