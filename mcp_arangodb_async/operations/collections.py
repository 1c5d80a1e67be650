"""Collections: list, create."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import ConflictError, MaaError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

CollectionKind = Literal["document", "edge"]
DOCUMENT, EDGE = 2, 3  # ArangoDB's numbers for the types of collections
DUPLICATE_NAME = 1207
# How many counts are asked for at the same time.
COUNTS_AT_ONCE = 8


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
        turns = asyncio.Semaphore(COUNTS_AT_ONCE)

        async def count(row: dict[str, Any]) -> None:
            async with turns:
                counted = await database.call("GET", "_api", "collection", row["name"], "count")
                row["count"] = counted["count"]

        async with asyncio.TaskGroup() as group:
            for row in rows:
                group.create_task(count(row))
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
