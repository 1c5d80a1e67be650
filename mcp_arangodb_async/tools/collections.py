"""Tools for collections."""

from typing import ClassVar, Literal

from pydantic import Field

from mcp_arangodb_async.operations import collections, describing
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.documents import COLLECTION, DRY_RUN
from mcp_arangodb_async.tools.result import Rows
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, Names, hidden, tool


class ListCollectionsArgs(DatabaseArgs):
    """Arguments of arango_list_collections."""

    counts: bool = Field(False, description="Counts")
    """Count the documents of each."""
    include_system: bool = hidden(default=False)
    """Also collections whose names begin with `_`."""

    also: ClassVar = {"with_counts": "counts", "includeSystem": "include_system"}


@tool(title="Collections", category="core_data", effect=Effect.READ)
async def arango_list_collections(call: Call, args: ListCollectionsArgs) -> Rows:
    """List collections."""
    rows = await collections.list_collections(
        await call.database(), counts=args.counts, include_system=args.include_system
    )
    return Rows(rows=rows)


class CreateCollectionArgs(DatabaseArgs):
    """Arguments of arango_create_collection."""

    name: str = Field(description="Name")
    """Name of the collection."""
    type: Literal["document", "edge"] = Field("document", description="Kind")
    """`document`, or `edge` for edges."""
    wait_for_sync: bool = hidden(default=False)
    """The server answers writes only when they are on disk."""

    also: ClassVar = {"waitForSync": "wait_for_sync", "collection": "name"}


@tool(title="New collection", category="core_data", effect=Effect.ENSURE)
async def arango_create_collection(call: Call, args: CreateCollectionArgs) -> collections.CollectionMade:
    """Create a collection if missing."""
    return await collections.create_collection(
        await call.database(), args.name, edge=args.type == "edge", wait_for_sync=args.wait_for_sync
    )


class DropCollectionArgs(DatabaseArgs):
    """Arguments of arango_drop_collection.

    A collection that a graph uses is not dropped: remove the graph first. A view goes on without it.
    """

    collection: str = COLLECTION
    dry_run: bool = DRY_RUN

    also: ClassVar = {"name": "collection", "dryRun": "dry_run"}


@tool(title="Drop collection", category="core_data", effect=Effect.DESTROY)
async def arango_drop_collection(call: Call, args: DropCollectionArgs) -> collections.CollectionDropped:
    """Drop a collection with all its documents."""
    return await collections.drop_collection(await call.database(), args.collection, dry_run=args.dry_run)


# A description is read by a model as a whole: more than this is too much of it.
DESCRIPTION_BYTES = 64 * 1024


class DescribeArgs(DatabaseArgs):
    """Arguments of arango_describe_database.

    Attributes are told by their paths as AQL takes them (`address.city`, `tags[*]`), with how often each
    type was seen among the `sampled` documents, a few examples, and in `refers_to` the collections whose
    ids they hold. Large documents count by the types of their attributes alone. A description that would be
    longer than 64 KiB leaves details out, and says so in `left_out`.
    """

    collections: Names | None = Field(None, max_length=1000, description="Only these")
    """Only these collections, in full."""
    sample: int = Field(100, ge=0, le=describing.MAXIMUM_SAMPLE, description="Documents to look at in each")
    """So many documents of each collection are looked at; 0 for none."""

    also: ClassVar = {"collection": "collections", "sample_size": "sample", "sampleSize": "sample"}


@tool(title="Describe database", category="schema_query", effect=Effect.READ)
async def arango_describe_database(call: Call, args: DescribeArgs) -> describing.DatabaseDescribed:
    """What to know before writing AQL: collections with counts, indexes and attributes (types, examples,
    what they refer to), graphs, views."""
    options = describing.DescribeOptions(
        collections=args.collections, sample=args.sample, bytes=min(DESCRIPTION_BYTES, call.limits.bytes)
    )
    return await describing.describe(await call.database(), options, progress=call.progress)
