"""Tools for collections."""

from typing import ClassVar, Literal

from pydantic import Field

from mcp_arangodb_async.operations import collections
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.result import Rows
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, hidden, tool


class ListCollectionsArgs(DatabaseArgs):
    """Arguments of arango_list_collections."""

    counts: bool = Field(False, description="Counts")
    include_system: bool = hidden(default=False)

    also: ClassVar = {"with_counts": "counts", "includeSystem": "include_system"}


@tool(title="Collections", category="core_data", effect=Effect.READ)
async def arango_list_collections(call: Call, args: ListCollectionsArgs) -> Rows:
    """List collections and types."""
    rows = await collections.list_collections(
        await call.database(), counts=args.counts, include_system=args.include_system
    )
    return Rows(rows=rows)


class CreateCollectionArgs(DatabaseArgs):
    """Arguments of arango_create_collection."""

    name: str = Field(description="Name")
    type: Literal["document", "edge"] = Field("document", description="Kind")
    wait_for_sync: bool = hidden(default=False)

    also: ClassVar = {"waitForSync": "wait_for_sync", "collection": "name"}


@tool(title="Create collection", category="core_data", effect=Effect.ENSURE)
async def arango_create_collection(call: Call, args: CreateCollectionArgs) -> collections.CollectionMade:
    """Create a collection if it is missing."""
    return await collections.create_collection(
        await call.database(), args.name, edge=args.type == "edge", wait_for_sync=args.wait_for_sync
    )
