"""References from documents to documents: do the ids in some attributes exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.connections.names import (
    validate_attribute_path,
    validate_collection_name,
)
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations.documents import Document, Written, check_own_key, written

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase, ArangoTransaction

SHOWN = 100
# An attribute holds one id, or an array of them; null is no reference. What is no text refers to nothing.
INVALID = """
  LET invalid = (
    FOR reference IN [{references}]
      FOR value IN (IS_ARRAY(reference.value) ? reference.value : [reference.value])
        FILTER value != null AND (NOT IS_STRING(value) OR DOCUMENT(value) == null)
        RETURN {{field: reference.field, value: value}}
  )
"""


class ReferencesChecked(TypedDict):
    """How many documents refer to something that does not exist; the first of them."""

    total_checked: int
    invalid_count: int
    invalid_documents: list[dict[str, Any]]
    validation_passed: bool
    removed_count: int | None


def invalid_of(subject: str, fields: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """AQL that sets `invalid` to the broken references of a variable, with its bind variables (pure)."""
    if not fields:
        raise InputError("reference_fields: at least one is needed", field="reference_fields")
    bind_vars: dict[str, Any] = {}
    references: list[str] = []
    for number, field in enumerate(fields):
        path = validate_attribute_path(field, field="reference_fields")
        bind_vars[f"name{number}"] = field
        bind_vars[f"path{number}"] = list(path)
        references.append(f"{{field: @name{number}, value: {subject}.@path{number}}}")
    return INVALID.format(references=", ".join(references)), bind_vars


async def check_references(
    database: ArangoDatabase, collection: str, fields: Sequence[str], *, remove_invalid: bool = False
) -> ReferencesChecked:
    """Check the references of a whole collection on the server; `remove_invalid` removes broken documents."""
    bound = validate_collection_name(collection)
    finding, bind_vars = invalid_of("d", fields)
    bind_vars["@collection"] = bound
    page = await run_query(
        database,
        f"FOR d IN @@collection {finding} FILTER LENGTH(invalid) > 0 LIMIT {SHOWN}"
        " RETURN {_id: d._id, _key: d._key, invalid_references: invalid}",
        bind_vars,
        options=QueryOptions(batch_size=SHOWN, full_count=True),
    )
    count = int(page.stats.get("fullCount", len(page.rows)))
    removed = None
    if remove_invalid:
        # Declared as a write: a database that may only be read begins no such transaction.
        async with database.transaction(write=[bound], allow_implicit=True) as transaction:
            removal = await run_query(
                transaction,
                f"FOR d IN @@collection {finding} FILTER LENGTH(invalid) > 0 REMOVE d IN @@collection",
                bind_vars,
            )
        removed = int(removal.stats.get("writesExecuted", 0))
    total = await database.call("GET", "_api", "collection", bound, "count")
    return ReferencesChecked(
        total_checked=total["count"] + (removed or 0),
        invalid_count=count,
        invalid_documents=page.rows,
        validation_passed=count == 0,
        removed_count=removed,
    )


async def insert_checked(
    database: ArangoDatabase, collection: str, document: Document, fields: Sequence[str]
) -> Written:
    """Insert a document if its references exist, in one transaction; InputError naming the broken ones."""
    validate_collection_name(collection)
    check_own_key(document)
    async with database.transaction(write=[collection], allow_implicit=True) as transaction:
        if fields:
            await refuse_broken(transaction, document, fields)
        answer = await transaction.call("POST", "_api", "document", collection, body=document)
        return written(cast("Document", answer))


async def refuse_broken(transaction: ArangoTransaction, document: Document, fields: Sequence[str]) -> None:
    """Raise InputError unless every reference of the document exists."""
    finding, bind_vars = invalid_of("d", fields)
    page = await run_query(
        transaction, f"LET d = @document {finding} RETURN invalid", {**bind_vars, "document": document}
    )
    broken: list[dict[str, Any]] = page.rows[0]
    if broken:
        told = ", ".join(f"{one['field']}: {str(one['value'])[:254]!r}" for one in broken[:10])
        raise InputError(
            f"invalid references: {told} does not exist",
            field=f"document.{broken[0]['field']}",
            hint="insert what is referred to first; nothing was inserted",
        )
