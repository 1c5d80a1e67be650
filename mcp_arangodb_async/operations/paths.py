"""Shortest paths as AQL: one, or the k shortest; values bound, nothing spliced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.connections.names import validate_document_id
from mcp_arangodb_async.operations.traversal import Direction, Statement, edges_of

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

MAXIMUM_PATHS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSearch:
    """From where to where, along what; `count` paths, by `weight_attribute` if there is one."""

    start_vertex: str
    end_vertex: str
    direction: Direction = "OUTBOUND"
    graph: str | None = None
    edge_collections: Sequence[str] = ()
    weight_attribute: str | None = None
    default_weight: float | None = None
    count: int = 1


class PathFound(TypedDict):
    """The shortest path, whole; with more than one asked for, all of them in `paths`."""

    found: bool
    vertices: list[Any] | None
    edges: list[Any] | None
    length: int | None
    weight: float | None
    paths: list[dict[str, Any]] | None


def path_query(search: PathSearch) -> Statement:
    """The query for the paths (pure)."""
    along, bind_vars = edges_of(search.graph, search.edge_collections)
    options: list[str] = []
    if search.weight_attribute is not None:
        options.append("weightAttribute: @weight")
        bind_vars["weight"] = search.weight_attribute
    if search.default_weight is not None:
        options.append("defaultWeight: @default")
        bind_vars["default"] = search.default_weight
    bind_vars |= {
        "start": validate_document_id(search.start_vertex, field="start_vertex"),
        "end": validate_document_id(search.end_vertex, field="end_vertex"),
        "count": search.count,
    }
    # K_SHORTEST_PATHS with a limit of 1 is the shortest path, and tells its weight.
    text = (
        f"FOR p IN {search.direction} K_SHORTEST_PATHS @start TO @end {along}"
        f"{' OPTIONS {' + ', '.join(options) + '}' if options else ''}"
        " LIMIT @count RETURN {vertices: p.vertices, edges: p.edges, weight: p.weight}"
    )
    return Statement(text=text, bind_vars=bind_vars)


async def find_paths(database: ArangoDatabase, search: PathSearch) -> PathFound:
    """The paths, the shortest first."""
    statement = path_query(search)
    page = await run_query(
        database, statement.text, statement.bind_vars, options=QueryOptions(batch_size=search.count)
    )
    if not page.rows:
        return PathFound(found=False, vertices=None, edges=None, length=None, weight=None, paths=None)
    paths: list[dict[str, Any]] = [{**path, "length": len(path["edges"])} for path in page.rows]
    first = paths[0]
    return PathFound(
        found=True,
        vertices=first["vertices"],
        edges=first["edges"],
        length=first["length"],
        weight=first["weight"],
        paths=paths if search.count > 1 else None,
    )
