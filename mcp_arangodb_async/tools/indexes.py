"""Tools for indexes."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from mcp_arangodb_async.operations import indexes
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.documents import COLLECTION, DRY_RUN
from mcp_arangodb_async.tools.result import Rows
from mcp_arangodb_async.tools.spec import LARGEST, DatabaseArgs, Effect, Names, hidden, tool


class ListIndexesArgs(DatabaseArgs):
    """Arguments of arango_list_indexes."""

    collection: str = COLLECTION


@tool(title="Indexes", category="indexing", effect=Effect.READ)
async def arango_list_indexes(call: Call, args: ListIndexesArgs) -> Rows:
    """List indexes."""
    return Rows(rows=await indexes.list_indexes(await call.database(), args.collection))


def current_kind(value: object) -> object:
    """The kind of today for one of earlier releases."""
    return indexes.OLD_TYPES.get(value, value) if isinstance(value, str) else value


Kind = Annotated[indexes.IndexType, BeforeValidator(current_kind)]


class CreateIndexArgs(DatabaseArgs):
    """Arguments of arango_create_index."""

    collection: str = COLLECTION
    fields: Names = Field(max_length=32, description="Paths")
    type: Kind = Field("persistent", description="Kind")
    unique: bool = Field(False, description="Unique")
    sparse: bool = hidden(default=False)
    name: str | None = Field(None, description="Name")
    ttl: int | None = hidden(ge=0, le=LARGEST)
    options: dict[str, Any] = Field({}, description="expireAfter...")
    deduplicate: bool | None = hidden()
    in_background: bool | None = hidden()
    min_length: int | None = hidden()
    geo_json: bool | None = hidden()

    also: ClassVar = {
        "expireAfter": "ttl",
        "expire_after": "ttl",
        "inBackground": "in_background",
        "minLength": "min_length",
        "geoJson": "geo_json",
    }


# What the caller has said elsewhere is not said twice.
OWN = frozenset({"type", "fields", "name", "id"})


@tool(title="New index", category="indexing", effect=Effect.ENSURE)
async def arango_create_index(call: Call, args: CreateIndexArgs) -> indexes.IndexMade:
    """Create an index if missing."""
    body = indexes.definition(
        args.type,
        args.fields,
        name=args.name,
        options={
            "unique": args.unique,
            "sparse": args.sparse,
            "deduplicate": args.deduplicate,
            "inBackground": args.in_background,
            "expireAfter": args.ttl,
            "minLength": args.min_length,
            "geoJson": args.geo_json,
            **{name: value for name, value in args.options.items() if name not in OWN},
        },
    )
    return await indexes.create_index(await call.database(), args.collection, body)


class DeleteIndexArgs(DatabaseArgs):
    """Arguments of arango_delete_index."""

    collection: str = COLLECTION
    id_or_name: str = Field(description="Id or name")
    dry_run: bool = DRY_RUN

    also: ClassVar = {"index_id": "id_or_name", "index_name": "id_or_name", "name": "id_or_name"}


@tool(title="Drop index", category="indexing", effect=Effect.DESTROY)
async def arango_delete_index(call: Call, args: DeleteIndexArgs) -> indexes.IndexDropped:
    """Drop an index."""
    return await indexes.drop_index(
        await call.database(), args.collection, args.id_or_name, dry_run=args.dry_run
    )
