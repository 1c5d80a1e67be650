"""Traversals as AQL: names are validated, values are bound, nothing is spliced (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mcp_arangodb_async.connections.names import (
    validate_collection_name,
    validate_document_id,
    validate_graph_name,
)
from mcp_arangodb_async.errors import InputError

Direction = Literal["OUTBOUND", "INBOUND", "ANY"]
Order = Literal["dfs", "bfs", "weighted"]
UniqueVertices = Literal["none", "path", "global"]
UniqueEdges = Literal["none", "path"]
# Deeper traversals visit more paths than anybody reads; ArangoDB itself has no bound.
MAXIMUM_DEPTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Traversal:
    """What to visit: from a vertex, along a graph or edge collections, between two depths."""

    start_vertex: str
    direction: Direction = "OUTBOUND"
    min_depth: int = 1
    max_depth: int = 1
    graph: str | None = None
    edge_collections: Sequence[str] = ()
    return_paths: bool = False
    limit: int | None = None
    order: Order = "dfs"
    weight_attribute: str | None = None
    unique_vertices: UniqueVertices | None = None
    unique_edges: UniqueEdges | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """AQL with its bind variables."""

    text: str
    bind_vars: dict[str, Any]


def edges_of(graph: str | None, edge_collections: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The end of a FOR: `GRAPH @graph` or a list of bound collections; exactly one of both must be given."""
    if (graph is None) == (not edge_collections):
        raise InputError(
            "give graph (a named graph) or edge_collections (a list), one of the two", field="graph"
        )
    if graph is not None:
        return "GRAPH @graph", {"graph": validate_graph_name(graph, field="graph")}
    bound = {
        f"@edges{number}": validate_collection_name(name, field="edge_collections")
        for number, name in enumerate(edge_collections)
    }
    return ", ".join(f"@{name}" for name in bound), dict(bound)


def traversal(what: Traversal) -> Statement:
    """The query for a traversal; raises InputError for what cannot be meant."""
    start = validate_document_id(what.start_vertex, field="start_vertex")
    if what.min_depth > what.max_depth:
        raise InputError(
            f"min_depth: {what.min_depth} is more than max_depth {what.max_depth}", field="min_depth"
        )
    if what.order == "weighted" and what.weight_attribute is None:
        raise InputError("weight_attribute: is required for order weighted", field="weight_attribute")
    if what.unique_vertices == "global" and what.order == "dfs":
        raise InputError("unique_vertices: global needs order bfs or weighted", field="unique_vertices")
    along, bind_vars = edges_of(what.graph, what.edge_collections)
    # Options must be constant for the optimiser: words from our own lists, and a bound attribute name.
    options = [f'order: "{what.order}"']
    if what.unique_vertices is not None:
        options.append(f'uniqueVertices: "{what.unique_vertices}"')
    if what.unique_edges is not None:
        options.append(f'uniqueEdges: "{what.unique_edges}"')
    if what.weight_attribute is not None:
        options.append("weightAttribute: @weight")
        bind_vars["weight"] = what.weight_attribute
    bind_vars |= {"start": start, "low": what.min_depth, "high": what.max_depth}
    limit = ""
    if what.limit is not None:
        limit = " LIMIT @limit"
        bind_vars["limit"] = what.limit
    result = "{vertices: p.vertices, edges: p.edges}" if what.return_paths else "{vertex: v, edge: e}"
    text = (
        f"FOR v, e{', p' if what.return_paths else ''} IN @low..@high {what.direction} @start {along}"
        f" OPTIONS {{{', '.join(options)}}}{limit} RETURN {result}"
    )
    return Statement(text=text, bind_vars=bind_vars)
