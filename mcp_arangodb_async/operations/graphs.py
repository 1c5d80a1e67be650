"""Named graphs: what they are made of, and changing that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from mcp_arangodb_async.connections import closest
from mcp_arangodb_async.connections.names import (
    validate_collection_name,
    validate_document_id,
    validate_graph_name,
)
from mcp_arangodb_async.errors import InputError, MaaError, NotFoundError
from mcp_arangodb_async.operations.collections import EDGE
from mcp_arangodb_async.operations.collections import names as collection_names
from mcp_arangodb_async.operations.documents import Document, Written, written

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

GRAPH_NOT_FOUND, DUPLICATE_GRAPH = 1924, 1925
# So many names are told of what there is.
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeDefinition:
    """Which vertex collections an edge collection leads from and to."""

    edge_collection: str
    from_collections: Sequence[str]
    to_collections: Sequence[str]

    def body(self) -> dict[str, Any]:
        """The definition as ArangoDB's HTTP API has it; InputError for a bad name."""
        return {
            "collection": validate_collection_name(self.edge_collection, field="edge_collection"),
            "from": [
                validate_collection_name(name, field="from_collections") for name in self.from_collections
            ],
            "to": [validate_collection_name(name, field="to_collections") for name in self.to_collections],
        }


class GraphMade(TypedDict):
    """A graph that exists now, as it is; `created` is false if one of that name did before."""

    name: str
    edge_definitions: list[dict[str, Any]]
    vertex_collections: list[str]
    created: bool


class GraphRemoved(TypedDict):
    """A removed graph and the collections dropped with it; with `dry_run`, those that would be."""

    name: str
    removed: bool
    dropped_collections: list[str]
    dry_run: bool | None


class VertexCollectionAdded(TypedDict):
    """A collection that is a vertex collection of the graph now."""

    graph: str
    collection_added: str


class EdgeDefinitionAdded(TypedDict):
    """An edge definition that the graph has now."""

    graph: str
    edge_definition: dict[str, Any]


async def list_graphs(database: ArangoDatabase) -> list[dict[str, Any]]:
    """Every named graph with its edge definitions and orphan collections, by name."""
    listed = await database.call("GET", "_api", "gharial")
    return sorted((described(properties) for properties in listed["graphs"]), key=lambda graph: graph["name"])


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


def vertex_collections(graph: Mapping[str, Any]) -> list[str]:
    """The vertex collections of a graph as `described` shows it, by name."""
    found = set(graph.get("orphan_collections", ()))
    for definition in graph["edge_definitions"]:
        found |= {*definition["from_collections"], *definition["to_collections"]}
    return sorted(found)


def edge_collections(graph: Mapping[str, Any]) -> list[str]:
    """The edge collections of a graph as `described` shows it."""
    return [definition["edge_collection"] for definition in graph["edge_definitions"]]


async def get_graph(database: ArangoDatabase, name: str) -> dict[str, Any]:
    """One graph; NotFoundError listing those there are."""
    validate_graph_name(name)
    try:
        answer = await database.call("GET", "_api", "gharial", name)
    except NotFoundError as error:
        known = [graph["name"] for graph in await list_graphs(database)]
        told = ", ".join(known[:SHOWN]) + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")
        raise NotFoundError(
            f"no graph {name!r}; there are: {told or 'none'}",
            field="graph",
            database=database.key,
            arango_error_num=error.arango_error_num or GRAPH_NOT_FOUND,
            did_you_mean=closest(name, known),
        ) from error
    return described(answer["graph"])


async def create_graph(
    database: ArangoDatabase,
    name: str,
    definitions: Sequence[EdgeDefinition],
    *,
    orphans: Sequence[str] = (),
    create_collections: bool = True,
) -> GraphMade:
    """Create the graph unless one of that name exists; missing collections are created if that is allowed."""
    validate_graph_name(name, field="name")
    body = {
        "name": name,
        "edgeDefinitions": [definition.body() for definition in definitions],
        "orphanCollections": [
            validate_collection_name(orphan, field="orphan_collections") for orphan in orphans
        ],
    }
    if not create_collections:
        await require_collections(database, definitions, orphans)
    created = True
    try:
        answer = await database.call("POST", "_api", "gharial", body=body)
        graph = described(answer["graph"])
    except MaaError as error:
        if error.arango_error_num != DUPLICATE_GRAPH:
            raise
        graph, created = await get_graph(database, name), False
    return GraphMade(
        name=graph["name"],
        edge_definitions=graph["edge_definitions"],
        vertex_collections=vertex_collections(graph),
        created=created,
    )


async def require_collections(
    database: ArangoDatabase, definitions: Sequence[EdgeDefinition], orphans: Sequence[str]
) -> None:
    """NotFoundError unless every collection of the definitions exists."""
    needed = {*orphans, *(definition.edge_collection for definition in definitions)}
    for definition in definitions:
        needed |= {*definition.from_collections, *definition.to_collections}
    missing = sorted(needed - set(await collection_names(database)))
    if missing:
        raise NotFoundError(
            f"no collection {', '.join(map(repr, missing))}, and create_collections is false",
            field="edge_definitions",
            database=database.key,
        )


async def remove_graph(
    database: ArangoDatabase, name: str, *, drop_collections: bool = False, dry_run: bool = False
) -> GraphRemoved:
    """Remove a graph's definition, and with `drop_collections` the collections that no other graph uses."""
    graph = await get_graph(database, name)
    dropped: list[str] = []
    if drop_collections:
        others = [other for other in await list_graphs(database) if other["name"] != name]
        used = {used for other in others for used in (*vertex_collections(other), *edge_collections(other))}
        dropped = [own for own in (*edge_collections(graph), *vertex_collections(graph)) if own not in used]
    if not dry_run:
        await database.call("DELETE", "_api", "gharial", name, params={"dropCollections": drop_collections})
    return GraphRemoved(
        name=name, removed=not dry_run, dropped_collections=dropped, dry_run=True if dry_run else None
    )


async def add_vertex_collection(
    database: ArangoDatabase, graph: str, collection: str
) -> VertexCollectionAdded:
    """Add a vertex collection that no edge definition of the graph mentions."""
    validate_collection_name(collection)
    validate_graph_name(graph)
    await database.call("POST", "_api", "gharial", graph, "vertex", body={"collection": collection})
    return VertexCollectionAdded(graph=graph, collection_added=collection)


async def add_edge_definition(
    database: ArangoDatabase, graph: str, definition: EdgeDefinition
) -> EdgeDefinitionAdded:
    """Add an edge definition to the graph."""
    validate_graph_name(graph)
    answer = await database.call("POST", "_api", "gharial", graph, "edge", body=definition.body())
    stored = next(
        one
        for one in described(answer["graph"])["edge_definitions"]
        if one["edge_collection"] == definition.edge_collection
    )
    return EdgeDefinitionAdded(graph=graph, edge_definition=stored)


async def add_edge(
    database: ArangoDatabase, collection: str, from_id: str, to_id: str, attributes: Document
) -> Written:
    """Insert an edge between two documents that exist; attributes cannot change where it leads."""
    validate_collection_name(collection)
    ends = {
        "_from": validate_document_id(from_id, field="from_id"),
        "_to": validate_document_id(to_id, field="to_id"),
    }
    for name in ("_from", "_to"):
        if attributes.get(name, ends[name]) != ends[name]:
            raise InputError(
                f"attributes.{name}: is another than the one given beside it", field=f"attributes.{name}"
            )
    properties = await database.call("GET", "_api", "collection", collection)
    if properties["type"] != EDGE:
        raise InputError(
            f"collection: {collection!r} holds documents, not edges",
            field="collection",
            hint="arango_create_collection with type edge makes one for edges",
        )
    for name, end in ends.items():
        head, _, key = end.partition("/")
        try:
            await database.call("GET", "_api", "document", head, key)
        except NotFoundError as error:
            raise NotFoundError(
                f"{name}: no document {end!r}",
                field="from_id" if name == "_from" else "to_id",
                database=database.key,
                arango_error_num=error.arango_error_num,
                did_you_mean=error.did_you_mean,
            ) from error
    answer: Document = await database.call(
        "POST", "_api", "document", collection, body={**attributes, **ends}
    )
    return written(answer)
