"""Tools that measure and check graphs."""

from typing import ClassVar

from pydantic import Field

from mcp_arangodb_async.operations import integrity, paths, statistics, traversal
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, Names, hidden, tool

ONE_GRAPH = "Or all"


class ShortestPathArgs(DatabaseArgs):
    """Arguments of arango_shortest_path."""

    start_vertex: str = Field(description="_id")
    end_vertex: str = Field(description="_id")
    graph: str | None = Field(None, description="Name")
    edge_collections: Names = Field([], max_length=100, description="Or these")
    direction: traversal.Direction = Field("OUTBOUND", description="Edges")
    weight_attribute: str | None = Field(None, description="Edges")
    k: int = Field(1, ge=1, le=paths.MAXIMUM_PATHS, description="Paths")
    default_weight: float | None = hidden()
    return_paths: bool | None = hidden()

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
    """Arguments of arango_validate_graph_integrity."""

    graph: str | None = Field(None, description=ONE_GRAPH)
    check_orphaned_edges: bool = hidden(default=True)
    check_constraints: bool = hidden(default=True)
    return_details: bool = Field(False, description="Edges")

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
    """Arguments of arango_graph_statistics."""

    graph: str | None = Field(None, description=ONE_GRAPH)
    include_degree_distribution: bool = hidden(default=True)
    include_connectivity: bool = hidden(default=True)
    sample_size: int | None = Field(None, ge=1, le=10_000, description="Sample")
    per_collection_stats: bool = hidden(default=False)
    aggregate_collections: bool | None = hidden()

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
