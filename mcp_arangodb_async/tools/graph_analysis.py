"""Tools that measure and check graphs."""

from typing import ClassVar

from pydantic import Field

from mcp_arangodb_async.operations import integrity, paths, statistics, traversal
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, Names, hidden, tool

ONE_GRAPH = "Or all"


class ShortestPathArgs(DatabaseArgs):
    """Arguments of arango_shortest_path.

    Give `graph` or `edge_collections`.
    """

    start_vertex: str = Field(description="_id")
    """`_id` of the first vertex."""
    end_vertex: str = Field(description="_id")
    """`_id` of the last vertex."""
    graph: str | None = Field(None, description="Name")
    edge_collections: Names = Field([], max_length=100, description="Or these")
    """Edge collections to follow, instead of a graph."""
    direction: traversal.Direction = Field("OUTBOUND", description="Edges")
    """Which way edges are followed."""
    weight_attribute: str | None = Field(None, description="Edges")
    """Attribute of edges that holds their length; without it each counts 1."""
    k: int = Field(1, ge=1, le=paths.MAXIMUM_PATHS, description="Paths")
    """So many paths, the shortest first."""
    default_weight: float | None = hidden()
    """Length of an edge without the attribute."""
    return_paths: bool | None = hidden()
    """Without effect: paths are always whole."""

    also: ClassVar = {
        "target_vertex": "end_vertex",
        "graph_name": "graph",
        "edge_collection": "edge_collections",
        "startVertex": "start_vertex",
        "endVertex": "end_vertex",
        "weightAttribute": "weight_attribute",
    }


@tool(title="Paths", category="graph", effect=Effect.READ)
async def arango_shortest_path(call: Call, args: ShortestPathArgs) -> paths.PathFound:
    """The k shortest paths."""
    return await paths.find_paths(
        await call.database(),
        paths.PathSearch(
            start_vertex=args.start_vertex,
            end_vertex=args.end_vertex,
            direction=args.direction,
            graph=args.graph,
            edge_collections=args.edge_collections,
            weight_attribute=args.weight_attribute,
            default_weight=args.default_weight,
            count=args.k,
        ),
    )


class IntegrityArgs(DatabaseArgs):
    """Arguments of arango_validate_graph_integrity.

    Counted on the server in one pass over the edges of each definition.
    """

    graph: str | None = Field(None, description=ONE_GRAPH)
    """Name of the graph; all graphs without it."""
    check_orphaned_edges: bool = hidden(default=True)
    """Count edges whose ends do not exist."""
    check_constraints: bool = hidden(default=True)
    """Count edges that lead between collections their definition does not allow."""
    return_details: bool = Field(False, description="Edges")
    """Name the first edges of each kind."""

    also: ClassVar = {
        "graphName": "graph",
        "graph_name": "graph",
        "checkOrphanedEdges": "check_orphaned_edges",
        "checkConstraints": "check_constraints",
        "returnDetails": "return_details",
    }


@tool(title="Check graph", category="graph", effect=Effect.READ)
async def arango_validate_graph_integrity(call: Call, args: IntegrityArgs) -> integrity.IntegrityChecked:
    """Find broken edges."""
    return await integrity.check_integrity(
        await call.database(),
        args.graph,
        orphaned=args.check_orphaned_edges,
        constraints=args.check_constraints,
        details=args.return_details,
        progress=call.progress,
    )


class StatisticsArgs(DatabaseArgs):
    """Arguments of arango_graph_statistics.

    Counts and degrees are exact. Reachability is measured from a sample of vertices, ten edges deep;
    `connectivity_analysis_method` says `exact` when the sample was all of them.
    """

    graph: str | None = Field(None, description=ONE_GRAPH)
    """Name of the graph; all graphs without it."""
    include_degree_distribution: bool = hidden(default=True)
    """Count outgoing edges per vertex, exactly."""
    include_connectivity: bool = hidden(default=True)
    """Count the vertices reachable from others."""
    sample_size: int | None = Field(None, ge=1, le=10_000, description="Sample")
    """Start from so many vertices when measuring reachability."""
    per_collection_stats: bool = hidden(default=False)
    """Also the numbers of each collection."""
    aggregate_collections: bool | None = hidden()
    """Without effect: totals are always told."""

    also: ClassVar = {
        "graphName": "graph",
        "graph_name": "graph",
        "includeDegreeDistribution": "include_degree_distribution",
        "includeConnectivity": "include_connectivity",
        "sampleSize": "sample_size",
        "aggregateCollections": "aggregate_collections",
        "perCollectionStats": "per_collection_stats",
    }


@tool(title="Statistics", category="graph", effect=Effect.READ)
async def arango_graph_statistics(call: Call, args: StatisticsArgs) -> statistics.GraphStatistics:
    """Measure graphs."""
    return await statistics.measure(
        await call.database(),
        args.graph,
        wanted=statistics.Wanted(
            degrees=args.include_degree_distribution,
            connectivity=args.include_connectivity,
            sample=args.sample_size or statistics.SAMPLE,
            per_collection=args.per_collection_stats,
        ),
        progress=call.progress,
    )
