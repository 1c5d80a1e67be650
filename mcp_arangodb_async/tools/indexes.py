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
    """Arguments of arango_create_index.

    An index that is equal to an existing one is not made again: `created` is false.
    """

    collection: str = COLLECTION
    fields: Names = Field(max_length=32, description="Paths")
    """Attribute paths, the most selective first."""
    type: Kind = Field("persistent", description="Kind")
    """`persistent` for comparisons and sorting, `ttl` to expire documents, `geo`, `inverted` for searches,
    `mdi` for ranges in several dimensions, `fulltext` (old). `hash` and `skiplist` are taken as
    `persistent`."""
    unique: bool = Field(False, description="Unique")
    """No two documents may have the same values."""
    sparse: bool = hidden(default=False)
    """Leave documents out that lack a value."""
    name: str | None = Field(None, description="Name")
    """Name of the index."""
    ttl: int | None = hidden(ge=0, le=LARGEST)
    """For type `ttl`: seconds after the time in the field."""
    options: dict[str, Any] = Field({}, description="expireAfter...")
    """Any other option of ArangoDB's for this type, such as `expireAfter`, `sparse`, `analyzer`,
    `storedValues`."""
    deduplicate: bool | None = hidden()
    """Equal values of one array are indexed once."""
    in_background: bool | None = hidden()
    """Do not block the collection while the index is built."""
    min_length: int | None = hidden()
    """For type `fulltext`: the shortest word."""
    geo_json: bool | None = hidden()
    """For type `geo`: coordinates are longitude first."""

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
    """Id or name of the index."""
    dry_run: bool = DRY_RUN

    also: ClassVar = {"index_id": "id_or_name", "index_name": "id_or_name", "name": "id_or_name"}


@tool(title="Drop index", category="indexing", effect=Effect.DESTROY)
async def arango_delete_index(call: Call, args: DeleteIndexArgs) -> indexes.IndexDropped:
    """Drop an index."""
    return await indexes.drop_index(
        await call.database(), args.collection, args.id_or_name, dry_run=args.dry_run
    )
