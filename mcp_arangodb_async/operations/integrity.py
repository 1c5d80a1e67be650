"""Whether the edges of graphs lead somewhere, and where they may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.graphs import get_graph, list_graphs

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

SHOWN = 50
# One pass over the edges: both questions at once, counted on the server.
COUNT = """
FOR e IN @@edges
  COLLECT AGGREGATE
    orphaned = SUM(DOCUMENT(e._from) == null OR DOCUMENT(e._to) == null ? 1 : 0),
    misplaced = SUM(
      PARSE_IDENTIFIER(e._from).collection NOT IN @from
      OR PARSE_IDENTIFIER(e._to).collection NOT IN @to ? 1 : 0
    ),
    edges = COUNT(e)
  RETURN {orphaned, misplaced, edges}
"""
ORPHANED = """
FOR e IN @@edges
  FILTER DOCUMENT(e._from) == null OR DOCUMENT(e._to) == null
  LIMIT @shown
  RETURN {_id: e._id, _from: e._from, _to: e._to,
          missing: APPEND(DOCUMENT(e._from) == null ? ["_from"] : [], DOCUMENT(e._to) == null ? ["_to"] : [])}
"""
MISPLACED = """
FOR e IN @@edges
  FILTER PARSE_IDENTIFIER(e._from).collection NOT IN @from OR PARSE_IDENTIFIER(e._to).collection NOT IN @to
  LIMIT @shown
  RETURN {_id: e._id, _from: e._from, _to: e._to}
"""


class IntegrityChecked(TypedDict):
    """What was found in each graph."""

    valid: bool
    graphs_checked: int
    total_orphaned_edges: int
    total_constraint_violations: int
    results: list[dict[str, Any]]
    summary: str


async def check_integrity(
    database: ArangoDatabase,
    name: str | None,
    *,
    orphaned: bool = True,
    constraints: bool = True,
    details: bool = False,
    progress: Progress,
) -> IntegrityChecked:
    """Check one graph or all: edges whose ends are missing, and edges that may not join their ends."""
    graphs = [await get_graph(database, name)] if name is not None else await list_graphs(database)
    results: list[dict[str, Any]] = []
    for number, graph in enumerate(graphs, 1):
        results.append(
            await check_graph(database, graph, orphaned=orphaned, constraints=constraints, details=details)
        )
        await progress(number, len(graphs), graph["name"])
    lost = sum(result["orphaned_edges_count"] for result in results)
    wrong = sum(result["constraint_violations_count"] for result in results)
    return IntegrityChecked(
        valid=lost == 0 and wrong == 0,
        graphs_checked=len(results),
        total_orphaned_edges=lost,
        total_constraint_violations=wrong,
        results=results,
        summary=f"{len(results)} graphs: {lost} orphaned edges, {wrong} edges that may not join their ends",
    )


async def check_graph(
    database: ArangoDatabase, graph: Mapping[str, Any], *, orphaned: bool, constraints: bool, details: bool
) -> dict[str, Any]:
    """One graph's edges, counted; with `details`, the first ones."""
    found: dict[str, Any] = {
        "graph_name": graph["name"],
        "valid": True,
        "edges_checked": 0,
        "orphaned_edges_count": 0,
        "constraint_violations_count": 0,
    }
    lost: list[dict[str, Any]] = []
    wrong: list[dict[str, Any]] = []
    for definition in graph["edge_definitions"]:
        edges = {"@edges": definition["edge_collection"]}
        allowed = {"from": definition["from_collections"], "to": definition["to_collections"]}
        counted = (await run_query(database, COUNT, {**edges, **allowed})).rows[0]
        found["edges_checked"] += int(counted["edges"] or 0)
        if orphaned:
            found["orphaned_edges_count"] += int(counted["orphaned"] or 0)
        if constraints:
            found["constraint_violations_count"] += int(counted["misplaced"] or 0)
        shown = QueryOptions(batch_size=SHOWN)
        if details and orphaned and counted["orphaned"] and len(lost) < SHOWN:
            bind_vars = {**edges, "shown": SHOWN - len(lost)}
            lost += (await run_query(database, ORPHANED, bind_vars, options=shown)).rows
        if details and constraints and counted["misplaced"] and len(wrong) < SHOWN:
            bind_vars = {**edges, **allowed, "shown": SHOWN - len(wrong)}
            wrong += (await run_query(database, MISPLACED, bind_vars, options=shown)).rows
    found["valid"] = not found["orphaned_edges_count"] and not found["constraint_violations_count"]
    if details:
        found |= {"orphaned_edges": lost, "constraint_violations": wrong}
    return found
