"""Named graphs: what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase


async def list_graphs(database: ArangoDatabase) -> list[dict[str, Any]]:
    """Every named graph with its edge definitions and orphan collections, by name."""
    listed = await database.call("GET", "_api", "gharial")
    return sorted((described(properties) for properties in listed["graphs"]), key=lambda graph: graph["name"])


async def names(database: ArangoDatabase) -> list[str]:
    """The names of all named graphs."""
    return [graph["name"] for graph in await list_graphs(database)]


def described(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A graph as tools show it, from the server's properties."""
    graph: dict[str, Any] = {
        "name": properties.get("name") or properties.get("_key"),
        "edge_definitions": [
            {
                "edge_collection": definition["collection"],
                "from_collections": definition["from"],
                "to_collections": definition["to"],
            }
            for definition in properties.get("edgeDefinitions", ())
        ],
    }
    if properties.get("orphanCollections"):
        graph["orphan_collections"] = properties["orphanCollections"]
    return graph
