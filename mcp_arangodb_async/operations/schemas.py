"""JSON Schemas for documents: stored under a name, enforced by ArangoDB, or given for one check.

Named schemas are documents of the collection `mcp_schemas`, key `<collection>:<name>`, as earlier releases
stored them. ArangoDB's own schema of a collection is enforced by the server on every write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.connections.names import validate_collection_name, validate_document_key
from mcp_arangodb_async.errors import InputError, MaaError, NotFoundError
from mcp_arangodb_async.operations.collections import create_collection

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Level = Literal["none", "new", "moderate", "strict"]
Schema = dict[str, Any]
STORE = "mcp_schemas"
COLLECTION_NOT_FOUND = 1203
SHOWN_ERRORS = 50
MOST_SCHEMAS = 1000


class SchemaStored(TypedDict):
    """A schema that is stored now, and the level at which ArangoDB enforces it."""

    created: bool
    key: str
    replaced: bool
    enforced: str | None


class DocumentChecked(TypedDict):
    """Whether a document fits a schema, and each place where it does not."""

    valid: bool
    errors: list[dict[str, Any]] | None
    error_count: int | None


def check_schema(schema: Schema) -> None:
    """InputError, naming the place, unless it is a JSON Schema of the draft it says, else of 2020-12."""
    # Late: the library costs a starting server more than it is worth to those who never check a document.
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        raise InputError(
            f"schema: is no JSON Schema{' at ' + where if where else ''}: {error.message[:300]}",
            field=f"schema.{where}" if where else "schema",
        ) from error


def check_document(document: Schema, schema: Schema) -> DocumentChecked:
    """Check a document against a schema (pure)."""
    from jsonschema.validators import validator_for

    check_schema(schema)
    # References are resolved inside the schema only: nothing is fetched.
    errors = validator_for(schema)(schema).iter_errors(document)
    found = sorted(errors, key=lambda error: list(map(str, error.path)))
    if not found:
        return DocumentChecked(valid=True, errors=None, error_count=None)
    told = [
        {
            "path": ".".join(str(part) for part in error.absolute_path),
            "message": error.message[:300],
            "validator": error.validator,
        }
        for error in found[:SHOWN_ERRORS]
    ]
    return DocumentChecked(valid=False, errors=told, error_count=len(found))


def schema_key(collection: str, name: str) -> str:
    """The key under which a named schema is stored."""
    validate_collection_name(collection)
    return validate_document_key(f"{collection}:{name}", field="name")


async def store_schema(
    database: ArangoDatabase,
    collection: str,
    name: str,
    schema: Schema,
    *,
    enforce: Level | None = None,
    message: str | None = None,
) -> SchemaStored:
    """Store a schema under a name; with `enforce`, also make ArangoDB check every write against it."""
    key = schema_key(collection, name)
    check_schema(schema)
    await create_collection(database, STORE)
    stored = {"_key": key, "name": name, "collection": collection, "schema": schema}
    answer = await database.call(
        "POST", "_api", "document", STORE, params={"overwriteMode": "replace"}, body=stored
    )
    if enforce is not None:
        rule: Schema = {"rule": schema, "level": enforce, "message": message or f"does not fit schema {name}"}
        await database.call("PUT", "_api", "collection", collection, "properties", body={"schema": rule})
    replaced = answer.get("_oldRev") is not None
    return SchemaStored(created=not replaced, key=key, replaced=replaced, enforced=enforce)


async def get_schema(database: ArangoDatabase, collection: str, name: str) -> Schema:
    """The schema stored under a name; NotFoundError listing the collection's schemas."""
    key = schema_key(collection, name)
    try:
        stored = await database.call("GET", "_api", "document", STORE, key)
    except NotFoundError as error:
        names = [row["name"] for row in await list_schemas(database, collection) if row.get("key")]
        raise NotFoundError(
            f"no schema {name!r} for collection {collection!r}; there are: {', '.join(names) or 'none'}",
            field="schema_name",
            database=database.key,
        ) from error
    return cast("Schema", stored["schema"])


async def list_schemas(
    database: ArangoDatabase, collection: str | None = None, *, whole: bool = False
) -> list[dict[str, Any]]:
    """The stored schemas, and those that ArangoDB enforces; `whole` with their text."""
    if collection is not None:
        validate_collection_name(collection)
    rows: list[dict[str, Any]] = []
    try:
        page = await run_query(
            database,
            f"FOR s IN {STORE} FILTER @collection == null OR s.collection == @collection SORT s._key"
            " LIMIT @most RETURN {name: s.name, collection: s.collection, key: s._key, schema: s.schema}",
            {"collection": collection, "most": MOST_SCHEMAS},
            options=QueryOptions(batch_size=MOST_SCHEMAS),
        )
        rows += page.rows
    except MaaError as error:
        if error.arango_error_num != COLLECTION_NOT_FOUND:  # nothing was stored yet
            raise
    for name in [collection] if collection is not None else await document_collections(database):
        properties = await database.call("GET", "_api", "collection", name, "properties")
        enforced = properties.get("schema")
        if enforced:
            rows.append(
                {"collection": name, "enforced": enforced.get("level"), "schema": enforced.get("rule")}
            )
    if not whole:
        for row in rows:
            row.pop("schema", None)
    return rows


async def document_collections(database: ArangoDatabase) -> list[str]:
    """The names of all collections that are not the system's."""
    listed = await database.call("GET", "_api", "collection", params={"excludeSystem": True})
    return sorted(info["name"] for info in listed["result"] if not info["name"].startswith("_"))
