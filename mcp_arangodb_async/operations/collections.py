"""Collections: list, create, drop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import ConflictError, InputError, MaaError, NotFoundError
from mcp_arangodb_async.operations.together import for_each

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

CollectionKind = Literal["document", "edge"]
DOCUMENT, EDGE = 2, 3  # ArangoDB's numbers for the types of collections
DUPLICATE_NAME = 1207
USED_IN_GRAPH = 1942
# How many names are told of what uses a collection.
SHOWN = 20


class CollectionDropped(TypedDict):
    """A dropped collection with what it held; with `dry_run`, the one that would be.

    `graphs` and `views` are those that used it: a graph keeps the server from dropping it, a view goes on
    without it.
    """

    name: str
    type: CollectionKind
    count: int
    dropped: bool
    graphs: list[str] | None
    views: list[str] | None
    dry_run: bool | None


class CollectionMade(TypedDict):
    """A collection that exists now; `created` is false if it did before."""

    name: str
    type: CollectionKind
    waitForSync: bool
    created: bool


async def list_collections(
    database: ArangoDatabase, *, counts: bool = False, include_system: bool = False
) -> list[dict[str, Any]]:
    """`{name, type[, count]}` of each collection, by name."""
    listed = await database.call("GET", "_api", "collection", params={"excludeSystem": not include_system})
    rows: list[dict[str, Any]] = [
        {"name": info["name"], "type": "edge" if info["type"] == EDGE else "document"}
        for info in listed["result"]
    ]
    rows = [row for row in rows if include_system or not row["name"].startswith("_")]
    rows.sort(key=lambda row: row["name"])
    if counts:

        async def count(row: dict[str, Any]) -> None:
            try:
                counted = await database.call("GET", "_api", "collection", row["name"], "count")
            except NotFoundError:
                return  # dropped by somebody else, since it was listed
            row["count"] = counted["count"]

        await for_each(rows, count)
    return rows


async def names(database: ArangoDatabase) -> list[str]:
    """The names of all collections that are not the system's."""
    return [row["name"] for row in await list_collections(database)]


async def create_collection(
    database: ArangoDatabase, name: str, *, edge: bool = False, wait_for_sync: bool = False
) -> CollectionMade:
    """Create the collection unless it exists; ConflictError if it exists with the other type."""
    validate_collection_name(name, field="name")
    kind: CollectionKind = "edge" if edge else "document"
    created = True
    try:
        await database.call(
            "POST",
            "_api",
            "collection",
            body={"name": name, "type": EDGE if edge else DOCUMENT, "waitForSync": wait_for_sync},
        )
    except MaaError as error:
        if error.arango_error_num != DUPLICATE_NAME:
            raise
        created = False
    properties = await database.call("GET", "_api", "collection", name, "properties")
    found: CollectionKind = "edge" if properties["type"] == EDGE else "document"
    if found != kind:
        raise ConflictError(
            f"collection {name!r} exists already as {found} collection, not {kind}",
            field="type",
            database=database.key,
            arango_error_num=DUPLICATE_NAME,
        )
    return CollectionMade(name=name, type=found, waitForSync=bool(properties["waitForSync"]), created=created)


async def drop_collection(database: ArangoDatabase, name: str, *, dry_run: bool = False) -> CollectionDropped:
    """Drop a collection with all its documents and indexes; ConflictError while a graph uses it."""
    validate_collection_name(name)
    if name.startswith("_"):
        raise InputError(
            f"collection: {name!r} is a system collection, which is not dropped", field="collection"
        )
    properties = await database.call("GET", "_api", "collection", name, "count")
    graphs = await _graphs_with(database, name)
    views = await _views_of(database, name)
    if not dry_run:
        if graphs:
            raise ConflictError(
                f"collection {name!r} belongs to {'graph' if len(graphs) == 1 else 'graphs'}"
                f" {', '.join(map(repr, graphs[:SHOWN]))}",
                field="collection",
                database=database.key,
                arango_error_num=USED_IN_GRAPH,
                hint="remove the graph first (arango_remove_graph)",
            )
        await database.call("DELETE", "_api", "collection", name)
    return CollectionDropped(
        name=name,
        type="edge" if properties["type"] == EDGE else "document",
        count=properties["count"],
        dropped=not dry_run,
        graphs=list(graphs[:SHOWN]) or None,
        views=list(views[:SHOWN]) or None,
        dry_run=True if dry_run else None,
    )


async def _graphs_with(database: ArangoDatabase, name: str) -> Sequence[str]:
    listed = await database.call("GET", "_api", "gharial")
    found: list[str] = []
    for graph in listed["graphs"]:
        used = set(graph.get("orphanCollections", ()))
        for definition in graph.get("edgeDefinitions", ()):
            used |= {definition["collection"], *definition["from"], *definition["to"]}
        if name in used:
            found.append(graph.get("name") or graph["_key"])
    return sorted(found)


async def _views_of(database: ArangoDatabase, name: str) -> Sequence[str]:
    found: list[str] = []

    async def look(view: dict[str, Any]) -> None:
        properties = await database.call("GET", "_api", "view", view["name"], "properties")
        linked = {*properties.get("links", ()), *(one["collection"] for one in properties.get("indexes", ()))}
        if name in linked:
            found.append(view["name"])

    await for_each((await database.call("GET", "_api", "view"))["result"], look)
    return sorted(found)
