"""Tools for documents: read by key, changed one at a time or in bulk."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mcp_arangodb_async.operations import bulk, documents
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.paging import call_limits_for, continued, shown
from mcp_arangodb_async.tools.result import Format, Rows
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, Names, hidden, tool

COLLECTION: Any = Field(description="Name")
KEY: Any = Field(description="_key")
DRY_RUN: Any = Field(False, description="Preview")
OnError = Literal["stop", "continue", "ignore"]
Overwrite = Literal["conflict", "ignore", "replace", "update"]
OVERWRITE: Any = Field("conflict", description="Existing")


class InsertArgs(DatabaseArgs):
    """Arguments of arango_insert."""

    collection: str = COLLECTION
    document: dict[str, Any] = Field(description="Edges: _from, _to")
    """The document; an edge needs `_from` and `_to`."""
    overwrite_mode: Overwrite = hidden(default="conflict")
    """What happens when the `_key` exists: an error, nothing, or the document is replaced or updated."""
    return_new: bool = hidden(default=False)
    """Return the stored document in `new`."""

    also: ClassVar = {"overwriteMode": "overwrite_mode", "returnNew": "return_new"}


@tool(title="Insert", category="core_data", effect=Effect.ADD)
async def arango_insert(call: Call, args: InsertArgs) -> documents.Written:
    """Insert a document."""
    return await documents.insert(
        await call.database(),
        args.collection,
        args.document,
        overwrite_mode=args.overwrite_mode,
        return_new=args.return_new,
    )


class UpdateArgs(DatabaseArgs):
    """Arguments of arango_update."""

    collection: str = COLLECTION
    key: str = KEY
    update: dict[str, Any] = Field(description="Changes")
    """Attributes to merge in; objects are merged, arrays are replaced. A `_rev` is a condition: another
    revision is a conflict."""
    keep_null: bool = hidden(default=True)
    """False removes attributes that are set to null."""
    return_new: bool = hidden(default=False)
    """Return the stored document in `new`."""

    also: ClassVar = {
        "document": "update",
        "keepNull": "keep_null",
        "returnNew": "return_new",
        "_key": "key",
    }


@tool(title="Update", category="core_data", effect=Effect.CHANGE)
async def arango_update(call: Call, args: UpdateArgs) -> documents.Written:
    """Merge into a document."""
    return await documents.update(
        await call.database(),
        args.collection,
        args.key,
        args.update,
        keep_null=args.keep_null,
        return_new=args.return_new,
    )


class ReplaceArgs(DatabaseArgs):
    """Arguments of arango_replace."""

    collection: str = COLLECTION
    key: str = KEY
    document: dict[str, Any] = Field(description="Whole document")
    """The whole new document; attributes it does not have are gone. A `_rev` is a condition: another revision
    is a conflict."""
    return_new: bool = hidden(default=False)
    """Return the stored document in `new`."""

    also: ClassVar = {"_key": "key", "returnNew": "return_new", "replacement": "document"}


@tool(title="Replace", category="core_data", effect=Effect.CHANGE)
async def arango_replace(call: Call, args: ReplaceArgs) -> documents.Written:
    """Replace a whole document; arango_update merges."""
    return await documents.replace(
        await call.database(), args.collection, args.key, args.document, return_new=args.return_new
    )


class GetArgs(DatabaseArgs):
    """Arguments of arango_get_document.

    The documents come in the order they were asked for; `missing` lists the ids of those that do not exist.
    """

    keys: Names = Field([], max_length=documents.MOST_KEYS, description="Keys, or ids (collection/key)")
    """Up to 1,000 keys of `collection`, or ids of any collections."""
    collection: str | None = Field(None, description="Of keys")
    """Where the keys belong; not needed for ids."""
    format: Format = hidden("json")
    next: str | None = hidden()

    also: ClassVar = {"key": "keys", "_key": "keys", "id": "keys", "_id": "keys", "ids": "keys"}


@tool(title="Get documents", category="core_data", effect=Effect.READ)
async def arango_get_document(call: Call, args: GetArgs) -> Rows:
    """Documents by key or id, in order; says which are missing."""
    limits = call_limits_for(call, None)
    if args.next is not None:
        return await continued(call, args.next, limits=limits, format=args.format)
    found = await documents.get_many(await call.database(), args.collection, args.keys)
    return await shown(
        call,
        found.documents,
        None,
        database=call.key,
        limits=limits,
        format=args.format,
        facts={"missing": found.missing},
    )


class RemoveArgs(DatabaseArgs):
    """Arguments of arango_remove."""

    collection: str = COLLECTION
    key: str = KEY
    dry_run: bool = DRY_RUN

    also: ClassVar = {"_key": "key", "dryRun": "dry_run"}


@tool(title="Remove", category="core_data", effect=Effect.CHANGE)
async def arango_remove(call: Call, args: RemoveArgs) -> documents.Removed:
    """Remove a document."""
    return await documents.remove(await call.database(), args.collection, args.key, dry_run=args.dry_run)


class BulkInsertArgs(DatabaseArgs):
    """Arguments of arango_bulk_insert.

    Every document is counted once: inserted, changed, left alone, failed or not attempted. The first twenty
    failures are told with their position.
    """

    collection: str = COLLECTION
    documents: list[dict[str, Any]] = Field(description="Documents")
    """The documents."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = hidden(default=1000)
    """So many in each request."""
    on_error: OnError = Field("stop", description="Failures")
    """`stop` sends no batch after one with a failed document; `continue` goes on; `ignore` goes on and tells
    no details."""
    overwrite_mode: Overwrite = OVERWRITE
    """What happens to a document whose `_key` exists."""
    validate_refs: bool = hidden(default=False)
    """Count edges whose `_from` or `_to` does not exist as failed."""

    also: ClassVar = {
        "batchSize": "batch_size",
        "onError": "on_error",
        "overwriteMode": "overwrite_mode",
        "validateRefs": "validate_refs",
    }


@tool(title="Bulk insert", category="validation", effect=Effect.BULK)
async def arango_bulk_insert(call: Call, args: BulkInsertArgs) -> bulk.BulkInserted:
    """Insert many documents."""
    return await bulk.insert(
        await call.database(),
        args.collection,
        args.documents,
        options=bulk.BulkOptions(
            batch_size=args.batch_size,
            on_error=args.on_error,
            overwrite_mode=args.overwrite_mode,
            validate_references=args.validate_refs,
        ),
        progress=call.progress,
    )
