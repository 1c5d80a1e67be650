"""Reading whole collections in pages, and what a database consists of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.connections import call_limits, close_cursor
from mcp_arangodb_async.connections.names import validate_collection_name, validate_view_name
from mcp_arangodb_async.errors import MaaError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase, ArangoTransaction

Json = dict[str, Any]
# A page aims at so many bytes; its reader may be writing to a slow disk between two pages.
PAGE_BYTES = 4 * 1024 * 1024
PAGE_ROWS = 5000
IDLE_SECONDS = 600
_CLOSE_SECONDS = 3.0


async def pages(
    database: ArangoDatabase | ArangoTransaction,
    aql: str,
    bind_vars: Mapping[str, Any],
    *,
    batch_size: int = 1000,
    max_runtime: float | None = None,
) -> AsyncGenerator[list[Any]]:
    """The rows of a query that only reads, page by page, computed as they are asked for.

    Each page has the database's timeout, not all of them together. Use it in `aclosing`, so that the cursor
    is given up at once when the reader stops early.
    """
    options: Json = {"stream": True}
    if max_runtime is not None:
        options["maxRuntime"] = max_runtime
    body: Json = {"query": aql, "bindVars": dict(bind_vars), "batchSize": batch_size, "ttl": IDLE_SECONDS}
    answer = await database.call("POST", "_api", "cursor", body={**body, "options": options})
    cursor = answer["id"] if answer.get("hasMore") else None
    try:
        yield answer["result"]
        while cursor is not None:
            answer = await database.call("POST", "_api", "cursor", cursor)
            cursor = answer["id"] if answer.get("hasMore") else None
            yield answer["result"]
    finally:
        if cursor is not None:
            await asyncio.shield(asyncio.ensure_future(_give_up(database, cursor)))


async def _give_up(database: ArangoDatabase | ArangoTransaction, cursor: str) -> None:
    with call_limits(deadline_seconds=_CLOSE_SECONDS, urgent=True), suppress(MaaError):
        await close_cursor(database, cursor)


async def documents(
    database: ArangoDatabase | ArangoTransaction,
    collection: str,
    *,
    limit: int | None = None,
    sort: bool = False,
    batch_size: int = 1000,
) -> AsyncGenerator[list[Json]]:
    """The documents of a collection in pages; `sort` gives them in the order of their keys."""
    aql = "FOR d IN @@collection"
    bind_vars: Json = {"@collection": validate_collection_name(collection)}
    if sort:
        aql += " SORT d._key"
    if limit is not None:
        aql += " LIMIT @limit"
        bind_vars["limit"] = limit
    found = pages(database, aql + " RETURN d", bind_vars, batch_size=batch_size)
    try:
        async for page in found:
            yield page
    finally:
        await found.aclose()


async def page_rows(database: ArangoDatabase, collection: str, count: int) -> int:
    """How many documents of this collection make a page of a good size."""
    answer: Json = await database.call("GET", "_api", "collection", collection, "figures")
    figures: Json = answer.get("figures") or {}
    size = int(figures.get("documentsSize") or 0)
    average = max(1, size // max(1, count))
    return max(10, min(PAGE_ROWS, PAGE_BYTES // average))


async def properties(database: ArangoDatabase, collection: str) -> Json:
    """Everything the server says of a collection's properties, `id` and `type` among them."""
    return await database.call(
        "GET", "_api", "collection", validate_collection_name(collection), "properties"
    )


async def indexes(database: ArangoDatabase, collection: str) -> list[Json]:
    """The indexes of a collection as the server describes them, the primary one included."""
    validate_collection_name(collection)
    answer = await database.call("GET", "_api", "index", params={"collection": collection})
    return answer["indexes"]


async def count(database: ArangoDatabase, collection: str) -> int:
    """How many documents a collection has."""
    answer = await database.call("GET", "_api", "collection", validate_collection_name(collection), "count")
    return int(answer["count"])


async def graphs(database: ArangoDatabase) -> list[Json]:
    """Every named graph as the server describes it, by name."""
    answer = await database.call("GET", "_api", "gharial")
    return sorted(answer["graphs"], key=lambda graph: str(graph.get("name") or graph["_key"]))


async def views(database: ArangoDatabase) -> list[Json]:
    """Every view with its properties, by name."""
    listed = (await database.call("GET", "_api", "view"))["result"]
    names = sorted(validate_view_name(view["name"]) for view in listed)
    return [await database.call("GET", "_api", "view", name, "properties") for name in names]


async def analyzers(database: ArangoDatabase) -> list[Json]:
    """The analyzers made in this database, without those every database has; names without the database's."""
    listed = (await database.call("GET", "_api", "analyzer"))["result"]
    own = [{**one, "name": one["name"].partition("::")[2]} for one in listed if "::" in one["name"]]
    # A database also sees those of _system, under its name.
    prefix = f"{database.settings.database}::"
    theirs = {one["name"].partition("::")[2] for one in listed if one["name"].startswith(prefix)}
    return sorted((one for one in own if one["name"] in theirs), key=lambda one: one["name"])
