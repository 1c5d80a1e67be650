"""Numbers about graphs, computed on the server: exact, or from a sample when asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.graphs import (
    edge_collections,
    get_graph,
    list_graphs,
    vertex_collections,
)

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

# Degrees shown; the distribution of a graph with hubs has few large ones and a long tail.
SHOWN_DEGREES = 50
# Vertices from which connectivity is measured: following edges from every vertex is quadratic.
SAMPLE = 100
DEPTH = 10
DEGREES = """
FOR e IN @@edges
  COLLECT vertex = e._from WITH COUNT INTO degree
  COLLECT AGGREGATE highest = MAX(degree), total = SUM(degree), vertices = COUNT(vertex)
  RETURN {highest, total, vertices}
"""
DISTRIBUTION = """
FOR e IN @@edges
  COLLECT vertex = e._from WITH COUNT INTO degree
  COLLECT outgoing = degree WITH COUNT INTO vertices
  SORT outgoing
  LIMIT @shown
  RETURN {degree: outgoing, vertices}
"""
# Vertices are counted once however many paths lead there, and each only to a bounded depth.
REACHABLE = """
FOR start IN @@vertices
  LIMIT @sample
  LET reached = LENGTH(
    FOR v IN 1..@depth OUTBOUND start GRAPH @graph OPTIONS {order: "bfs", uniqueVertices: "global"} RETURN 1
  )
  COLLECT AGGREGATE low = MIN(reached), mean = AVG(reached), high = MAX(reached), n = COUNT(reached)
  RETURN {low, mean, high, n}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to compute."""

    degrees: bool = True
    connectivity: bool = True
    sample: int = SAMPLE
    per_collection: bool = False


class GraphStatistics(TypedDict):
    """Numbers about each graph."""

    graphs_analyzed: int
    statistics: list[dict[str, Any]]
    analysis_timestamp: str


async def measure(
    database: ArangoDatabase, name: str | None, *, wanted: Wanted, progress: Progress
) -> GraphStatistics:
    """Measure one graph, or all."""
    graphs = [await get_graph(database, name)] if name is not None else await list_graphs(database)
    statistics: list[dict[str, Any]] = []
    for number, graph in enumerate(graphs, 1):
        statistics.append(await measured(database, graph, wanted))
        await progress(number, len(graphs), graph["name"])
    return GraphStatistics(
        graphs_analyzed=len(statistics),
        statistics=statistics,
        analysis_timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
    )


async def counts(database: ArangoDatabase, collections: list[str]) -> dict[str, int]:
    """How many documents each collection has."""
    return {
        name: (await database.call("GET", "_api", "collection", name, "count"))["count"]
        for name in collections
    }


async def measured(database: ArangoDatabase, graph: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The numbers of one graph."""
    vertices = await counts(database, vertex_collections(graph))
    edges = await counts(database, edge_collections(graph))
    v, e = sum(vertices.values()), sum(edges.values())
    found: dict[str, Any] = {
        "graph_name": graph["name"],
        "vertex_collections": list(vertices),
        "edge_collections": list(edges),
        "total_vertices": v,
        "total_edges": e,
        "density": e / (v * (v - 1)) if v > 1 else 0.0,
    }
    if wanted.per_collection:
        found["documents_per_collection"] = {**vertices, **edges}
    if wanted.degrees:
        found |= await degrees(database, list(edges), v, wanted)
    if wanted.connectivity:
        found |= await connectivity(database, graph["name"], vertices, wanted)
    return found


async def degrees(
    database: ArangoDatabase, edges: list[str], vertices: int, wanted: Wanted
) -> dict[str, Any]:
    """Outgoing edges per vertex: the highest, the average over all vertices, and how they are distributed."""
    highest, total = 0, 0
    distributions: dict[str, Any] = {}
    for name in edges:
        row = (await run_query(database, DEGREES, {"@edges": name})).rows[0]
        highest, total = max(highest, int(row["highest"] or 0)), total + int(row["total"] or 0)
        page = await run_query(
            database,
            DISTRIBUTION,
            {"@edges": name, "shown": SHOWN_DEGREES},
            options=QueryOptions(batch_size=SHOWN_DEGREES),
        )
        distributions[name] = page.rows
    found: dict[str, Any] = {
        "max_out_degree": highest,
        "avg_out_degree": total / vertices if vertices else 0.0,
        "degree_analysis_method": "exact",
    }
    if wanted.per_collection or len(edges) > 1:
        found["per_collection_degree_distribution"] = distributions
    elif edges:
        found["out_degree_distribution"] = distributions[edges[0]]
    return found


async def connectivity(
    database: ArangoDatabase, graph: str, vertices: Mapping[str, int], wanted: Wanted
) -> dict[str, Any]:
    """How many vertices can be reached, from a sample of starting ones in proportion to the collections."""
    total = sum(vertices.values())
    lows: list[int] = []
    highs: list[int] = []
    reached, starts = 0.0, 0
    for name, count in vertices.items():
        if not count:
            continue
        share = min(count, max(1, round(wanted.sample * count / total)))
        bind_vars = {"@vertices": name, "sample": share, "depth": DEPTH, "graph": graph}
        row = (await run_query(database, REACHABLE, bind_vars)).rows[0]
        lows.append(int(row["low"] or 0))
        highs.append(int(row["high"] or 0))
        reached += float(row["mean"] or 0) * row["n"]
        starts += row["n"]
    return {
        "connectivity_sample_size": starts,
        "connectivity_analysis_method": "exact" if starts == total else "sample",
        "connectivity_depth": DEPTH,
        "avg_reachable_vertices": reached / starts if starts else 0.0,
        "min_reachable_vertices": min(lows, default=0),
        "max_reachable_vertices": max(highs, default=0),
    }
