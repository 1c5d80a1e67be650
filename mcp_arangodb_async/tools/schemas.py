"""Tools for JSON Schemas of documents."""

from typing import Any, ClassVar

from pydantic import Field

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations import schemas
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.documents import COLLECTION
from mcp_arangodb_async.tools.result import Rows
from mcp_arangodb_async.tools.spec import DatabaseArgs, Effect, hidden, tool


class CreateSchemaArgs(DatabaseArgs):
    """Arguments of arango_create_schema.

    Stored in the collection `mcp_schemas`; with `enforce` it also becomes ArangoDB's own schema of the
    collection, checked on every write.
    """

    name: str = Field(description="Name")
    """Name of the schema, unique for its collection."""
    collection: str = COLLECTION
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema")
    """A JSON Schema; the draft is what its `$schema` says, else 2020-12."""
    enforce: schemas.Level | None = Field(None, description="By ArangoDB")
    """Also make ArangoDB check writes: `new` for new documents, `moderate` for all but those that were
    invalid already, `strict` for all; `none` switches it off."""
    message: str | None = hidden()
    """What ArangoDB says of a document that does not fit."""

    also: ClassVar = {"schema_name": "name", "schema_def": "schema", "level": "enforce"}


@tool(title="Store schema", category="schema_query", effect=Effect.CHANGE)
async def arango_create_schema(call: Call, args: CreateSchemaArgs) -> schemas.SchemaStored:
    """Store a JSON Schema."""
    return await schemas.store_schema(
        await call.database(),
        args.collection,
        args.name,
        args.schema_,
        enforce=args.enforce,
        message=args.message,
    )


class ListSchemasArgs(DatabaseArgs):
    """Arguments of arango_list_schemas."""

    collection: str | None = hidden()
    """Only schemas of this collection."""
    include_schema: bool = Field(False, description="In full")
    """With their text."""


@tool(title="Schemas", category="schema_query", effect=Effect.READ)
async def arango_list_schemas(call: Call, args: ListSchemasArgs) -> Rows:
    """List schemas."""
    return Rows(
        rows=await schemas.list_schemas(await call.database(), args.collection, whole=args.include_schema)
    )


class ValidateDocumentArgs(DatabaseArgs):
    """Arguments of arango_validate_document.

    Give `schema_name` with `collection`, or `schema`.
    """

    collection: str | None = Field(None, description="Its")
    """The collection a stored schema belongs to."""
    document: dict[str, Any] = Field(description="Document")
    """The document to check; it is not stored."""
    schema_name: str | None = Field(None, description="Stored")
    """Name of a stored schema."""
    schema_: dict[str, Any] | None = Field(None, alias="schema", description="Or this")
    """A JSON Schema to check against, instead of a stored one."""

    also: ClassVar = {"schemaName": "schema_name", "schema_def": "schema"}


@tool(title="Validate", category="schema_query", effect=Effect.READ)
async def arango_validate_document(call: Call, args: ValidateDocumentArgs) -> schemas.DocumentChecked:
    """Check a document."""
    if (args.schema_name is None) == (args.schema_ is None):
        raise InputError("give schema_name (a stored schema) or schema, one of the two", field="schema_name")
    schema = args.schema_
    if schema is None:
        if args.collection is None or args.schema_name is None:
            raise InputError("collection: is required with schema_name", field="collection")
        schema = await schemas.get_schema(await call.database(), args.collection, args.schema_name)
    return schemas.check_document(args.document, schema)
