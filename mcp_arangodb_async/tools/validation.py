"""Tools that write with checks, and tools that check what was written."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from mcp_arangodb_async.operations import bulk, documents, references
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.documents import COLLECTION, OnError
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, Names, hidden, tool


class ReferencesArgs(DatabaseArgs):
    """Arguments of arango_validate_references.

    Checked on the server, for the whole collection; the first hundred broken documents are told.
    """

    collection: str = COLLECTION
    reference_fields: Names = Field(max_length=50, description="Of ids")
    """Attribute paths that hold document ids, or arrays of them."""
    fix_invalid: bool = Field(False, description="Remove")
    """Remove the documents with broken references; needs access `write`."""

    also: ClassVar = {"referenceFields": "reference_fields", "fixInvalid": "fix_invalid"}


def fixes(args: ReferencesArgs) -> bool:
    """Whether the call removes what it finds."""
    return args.fix_invalid


@tool(title="References", category="validation", effect=Effect.STATEMENT, writes=fixes)
async def arango_validate_references(call: Call, args: ReferencesArgs) -> references.ReferencesChecked:
    """Find broken references."""
    if args.fix_invalid:
        call.require("write", "fix_invalid")
    return await references.check_references(
        await call.database(), args.collection, args.reference_fields, remove_invalid=args.fix_invalid
    )


class InsertCheckedArgs(DatabaseArgs):
    """Arguments of arango_insert_with_validation."""

    collection: str = COLLECTION
    document: dict[str, Any] = Field(description="Document")
    """The document."""
    reference_fields: Names = Field([], max_length=50, description="Must exist")
    """Attribute paths whose ids must exist; checked in the same transaction."""

    also: ClassVar = {"referenceFields": "reference_fields"}


@tool(title="Safe insert", category="validation", effect=Effect.ADD)
async def arango_insert_with_validation(call: Call, args: InsertCheckedArgs) -> documents.Written:
    """Insert if references exist."""
    return await references.insert_checked(
        await call.database(), args.collection, args.document, args.reference_fields
    )


class BulkUpdateArgs(DatabaseArgs):
    """Arguments of arango_bulk_update.

    Every change is counted once: done, failed or not attempted.
    """

    collection: str = COLLECTION
    updates: list[dict[str, Any]] = Field(description="{key, update}")
    """`{key, update}` for each document, or the changes themselves with their `_key`."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = hidden(default=1000)
    """So many in each request."""
    on_error: OnError = Field("stop", description="Failures")
    """`stop` sends no batch after one with a failed document; `continue` goes on; `ignore` goes on and tells
    no details."""

    also: ClassVar = {"batchSize": "batch_size", "onError": "on_error"}


@tool(title="Bulk update", category="validation", effect=Effect.CHANGE)
async def arango_bulk_update(call: Call, args: BulkUpdateArgs) -> bulk.BulkUpdated:
    """Update many documents."""
    return await bulk.update(
        await call.database(),
        args.collection,
        args.updates,
        options=bulk.BulkOptions(batch_size=args.batch_size, on_error=args.on_error),
        progress=call.progress,
    )
