"""Tools that work on several databases at once: compare, copy, ask all."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from pydantic import Field

from mcp_arangodb_async.operations import compare, copying, query_many
from mcp_arangodb_async.operations.loading import OnConflict
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.spec import LARGEST, Args, DatabaseArgs, Effect, Names, tool

SECONDS = 3600.0
SOURCE: Any = Field(description="Key of the other database")


class CompareArgs(DatabaseArgs):
    """Arguments of arango_compare_databases.

    From `source` to `database`: what was added, removed and changed, with counts; detailed also the values.
    Changed documents are found by comparing both sides in the order of their keys.
    """

    source: str = SOURCE
    """Key of the other configured database."""
    collections: Names | None = Field(None, description="Only these")
    """Only these collections; graphs and views are then left out."""
    counts: bool = Field(True, description="Compare counts")
    """Compare how many documents there are."""
    documents: bool = Field(False, description="Compare documents by key")
    """Compare documents with the same key."""
    detailed: bool = Field(False, description="Tell the values")
    """Tell the differing values."""

    also: ClassVar = {"target": "database"}


@tool(title="Compare databases", category="core_data", effect=Effect.READ, limit_seconds=SECONDS)
async def arango_compare_databases(call: Call, args: CompareArgs) -> compare.Compared:
    """Differences from source to database: collections, properties, indexes, graphs, views, counts."""
    call.require("read", "arango_compare_databases", key=known(call, args.source))
    source, target = await asyncio.gather(call.database(args.source), call.database())
    options = compare.CompareOptions(
        collections=args.collections, counts=args.counts, documents=args.documents, detailed=args.detailed
    )
    return await compare.compare(source, target, options, progress=call.progress)


class CopyArgs(DatabaseArgs):
    """Arguments of arango_copy_collection.

    Streamed page by page between any two configured databases; the source is only read.
    """

    source: str = SOURCE
    """Key of the database to copy from."""
    collection: str = Field(description="Name")
    """Name of the collection there."""
    new_name: str | None = Field(None, description="Its name here")
    """Its name in the target."""
    on_conflict: OnConflict = Field("error", description="If a document exists")
    """What happens to a document whose key exists: it stops, is skipped or overwritten."""
    indexes: bool = Field(True, description="Copy indexes")
    """Copy the indexes too."""
    limit: int | None = Field(None, ge=1, le=LARGEST, description="Documents")
    """So many documents."""
    dry_run: bool = Field(False, description="Only show")

    also: ClassVar = {
        "target": "database",
        "newName": "new_name",
        "target_collection": "new_name",
        "onConflict": "on_conflict",
        "dryRun": "dry_run",
    }


@tool(title="Copy a collection", category="core_data", effect=Effect.BULK, limit_seconds=SECONDS)
async def arango_copy_collection(call: Call, args: CopyArgs) -> copying.Copied:
    """Copy a collection from source into database."""
    call.require("read", "arango_copy_collection", key=known(call, args.source))
    source, target = await asyncio.gather(call.database(args.source), call.database())
    options = copying.CopyOptions(
        new_name=args.new_name,
        on_conflict=args.on_conflict,
        indexes=args.indexes,
        limit=args.limit,
        dry_run=args.dry_run,
    )
    return await copying.copy_collection(source, target, args.collection, options, progress=call.progress)


class QueryManyArgs(Args):
    """Arguments of arango_query_many.

    Asked at the same time; one that fails or is late does not touch the others. Databases with the same
    rows stand together in `answers`.
    """

    query: str = Field(description="AQL that only reads")
    """A statement that only reads."""
    bind_vars: dict[str, Any] | None = Field(None, description="Bind variables")
    """Values of `@name`, the same for all."""
    databases: Names | None = Field(None, description="Keys; default all")
    """Keys of the databases; all configured ones without it."""
    max_rows: int = Field(100, ge=1, le=1000, description="Per database")
    """So many rows of each."""
    timeout: float = Field(30.0, gt=0, le=300, description="Seconds")
    """Seconds that each database gets."""

    also: ClassVar = {"bindVars": "bind_vars", "maxRows": "max_rows"}


@tool(title="Query many databases", category="core_data", effect=Effect.READ)
async def arango_query_many(call: Call, args: QueryManyArgs) -> query_many.Answered:
    """Run one query on several databases; equal answers stand together."""
    configured = list(call.around.configuration.databases)
    keys = list(dict.fromkeys(args.databases)) if args.databases else configured
    for key in keys:
        call.require("read", "arango_query_many", key=known(call, key))
    options = query_many.ManyOptions(
        seconds=args.timeout, rows=min(args.max_rows, call.limits.rows), bytes=call.limits.bytes
    )
    return await query_many.query_many(keys, call.database, args.query, args.bind_vars, options)


def known(call: Call, key: str) -> str:
    """The key, if it is configured; UnknownDatabaseError listing those that are."""
    call.around.check_key(key)
    return key
