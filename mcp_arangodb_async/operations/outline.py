"""What a database, a collection or a graph is made of, in one small document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.connections import QueryOptions, closest, run_query
from mcp_arangodb_async.connections.names import validate_collection_name, validate_graph_name
from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.operations import collections, graphs, indexes
from mcp_arangodb_async.operations.together import for_each

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

# Of so many collections the documents are counted and looked at; of the others name and type are told.
DETAILED = 50
SAMPLED = 50
MAXIMUM_ATTRIBUTES = 100
# Only names and types leave the server, however large the documents are.
ATTRIBUTES = """
FOR document IN @@collection
  LIMIT @sampled
  FOR attribute IN ATTRIBUTES(document)
    COLLECT name = attribute, type = TYPENAME(document[attribute]) WITH COUNT INTO found
    LIMIT @attributes
    RETURN {name, type, found}
"""


async def outline_database(database: ArangoDatabase) -> dict[str, Any]:
    """Collections with counts, indexes and sampled attributes; graphs; views."""
    listed = await collections.list_collections(database)

    async def detail(row: dict[str, Any]) -> None:
        try:
            row |= await outline_collection(database, row["name"])
        except NotFoundError:
            row["dropped"] = True  # by somebody else, since it was listed

    await for_each(listed[:DETAILED], detail)
    views = await database.call("GET", "_api", "view")
    document: dict[str, Any] = {
        "database": database.key,
        "collections": [row for row in listed if "dropped" not in row],
        "graphs": await graphs.list_graphs(database),
        "views": sorted(
            ({"name": view["name"], "type": view["type"]} for view in views["result"]),
            key=lambda view: view["name"],
        ),
    }
    if len(listed) > DETAILED:
        document["note"] = f"counts, indexes and attributes are shown for the first {DETAILED} collections"
    return document


async def outline_collection(database: ArangoDatabase, name: str) -> dict[str, Any]:
    """Type, count, indexes, schema and the attributes that a few of its documents have.

    NotFoundError with the closest names if there is no such collection.
    """
    validate_collection_name(name, field="name")
    try:
        properties = await database.call("GET", "_api", "collection", name, "count")
    except NotFoundError as error:
        raise NotFoundError(
            f"no collection {name!r} in database {database.key!r}",
            field="name",
            database=database.key,
            arango_error_num=error.arango_error_num,
            did_you_mean=closest(name, await collections.names(database)),
        ) from error
    document: dict[str, Any] = {
        "name": properties["name"],
        "type": "edge" if properties["type"] == collections.EDGE else "document",
        "count": properties["count"],
        "indexes": await indexes.list_indexes(database, name),
        "attributes": await sampled_attributes(database, name),
    }
    if properties.get("schema"):
        document["schema"] = properties["schema"]
    return document


async def sampled_attributes(database: ArangoDatabase, name: str) -> dict[str, str]:
    """The attributes of the first documents with their types, `string|null` where they differ."""
    page = await run_query(
        database,
        ATTRIBUTES,
        {"@collection": name, "sampled": SAMPLED, "attributes": MAXIMUM_ATTRIBUTES},
        options=QueryOptions(batch_size=MAXIMUM_ATTRIBUTES),
    )
    types: dict[str, list[str]] = {}
    for row in page.rows:
        types.setdefault(row["name"], []).append(row["type"])
    return {attribute: "|".join(found) for attribute, found in types.items()}


async def outline_graph(database: ArangoDatabase, name: str) -> dict[str, Any]:
    """Edge definitions and collections of one graph; NotFoundError with the closest names."""
    validate_graph_name(name, field="name")
    known = {graph["name"]: graph for graph in await graphs.list_graphs(database)}
    if name not in known:
        raise NotFoundError(
            f"no graph {name!r} in database {database.key!r}",
            field="name",
            database=database.key,
            arango_error_num=graphs.GRAPH_NOT_FOUND,
            did_you_mean=closest(name, known),
        )
    graph: Mapping[str, Any] = known[name]
    return {**graph, "vertex_collections": graphs.vertex_collections(graph)}
