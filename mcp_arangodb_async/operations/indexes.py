"""Indexes: list, create, drop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from mcp_arangodb_async.connections import closest
from mcp_arangodb_async.connections.names import validate_collection_name, validate_index_id
from mcp_arangodb_async.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

IndexType = Literal["persistent", "ttl", "geo", "inverted", "mdi", "fulltext"]
INDEX_NOT_FOUND = 1212
# hash and skiplist are persistent indexes under old names since ArangoDB 3.9.
OLD_TYPES: Mapping[str, str] = {"hash": "persistent", "skiplist": "persistent"}
# Which of our options a type takes; ArangoDB refuses or ignores the others.
OPTIONS: Mapping[str, frozenset[str]] = {
    "persistent": frozenset({"unique", "sparse", "deduplicate"}),
    "ttl": frozenset({"expireAfter"}),
    "geo": frozenset({"geoJson"}),
    "fulltext": frozenset({"minLength"}),
    "inverted": frozenset(),
    "mdi": frozenset({"unique", "sparse", "fieldValueTypes"}),
}
ONE_FIELD = frozenset({"ttl", "fulltext"})


class IndexMade(TypedDict):
    """An index that exists now; `created` is false if an equal one did before."""

    id: str
    type: str
    fields: list[Any]
    unique: bool
    sparse: bool
    name: str
    created: bool


class IndexDropped(TypedDict):
    """A dropped index; with `dry_run`, the one that would be."""

    deleted: bool
    id: str
    name: str | None
    dry_run: bool | None


def short_id(full: str) -> str:
    """`123` of `users/123`."""
    return full.rpartition("/")[2]


async def list_indexes(database: ArangoDatabase, collection: str) -> list[dict[str, Any]]:
    """Every index of a collection with its type, fields and selectivity."""
    validate_collection_name(collection)
    answer = await database.call("GET", "_api", "index", params={"collection": collection, "withStats": True})
    return [described(index) for index in answer["indexes"]]


def described(index: Mapping[str, Any]) -> dict[str, Any]:
    """An index as tools show it."""
    shown: dict[str, Any] = {"id": short_id(index["id"]), "type": index["type"], "name": index.get("name")}
    shown["fields"] = [
        field if isinstance(field, str) else field.get("name", field) for field in index.get("fields", ())
    ]
    for name in ("unique", "sparse"):
        if name in index:
            shown[name] = index[name]
    for name in ("selectivityEstimate", "expireAfter", "geoJson", "minLength", "storedValues", "deduplicate"):
        if index.get(name) not in (None, [], False):
            shown[name] = index[name]
    if "figures" in index and "memory" in index["figures"]:
        shown["bytes"] = index["figures"]["memory"]
    return shown


def definition(
    type: IndexType, fields: Sequence[str], *, name: str | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of a request for an index; InputError for what cannot be one (pure)."""
    kind = type
    if not fields:
        raise InputError("fields: at least one is needed", field="fields")
    if kind in ONE_FIELD and len(fields) != 1:
        raise InputError(f"fields: an index of type {kind} has exactly one", field="fields")
    if kind == "ttl" and options.get("expireAfter") is None:
        raise InputError("ttl: is required for type ttl: seconds after the field's time", field="ttl")
    given = {option: value for option, value in options.items() if value is not None}
    body: dict[str, Any] = {"type": kind, "fields": list(fields), **given}
    for option in ("unique", "sparse", "deduplicate", "expireAfter", "geoJson", "minLength"):
        if option in body and option not in OPTIONS[kind]:
            if body[option]:
                raise InputError(f"{option}: has no meaning for type {kind}", field=option)
            del body[option]
    if kind == "mdi":
        body.setdefault("fieldValueTypes", "double")
    if name is not None:
        body["name"] = name
    return body


async def create_index(database: ArangoDatabase, collection: str, body: Mapping[str, Any]) -> IndexMade:
    """Create the index unless an equal one exists."""
    validate_collection_name(collection)
    answer = await database.call("POST", "_api", "index", params={"collection": collection}, body=dict(body))
    return IndexMade(
        id=short_id(answer["id"]),
        type=answer["type"],
        fields=described(answer)["fields"],
        unique=bool(answer.get("unique")),
        sparse=bool(answer.get("sparse")),
        name=answer.get("name", ""),
        created=bool(answer.get("isNewlyCreated", True)),
    )


async def drop_index(
    database: ArangoDatabase, collection: str, id_or_name: str, *, dry_run: bool = False
) -> IndexDropped:
    """Drop an index by its id, with or without the collection, or by its name."""
    wanted = id_or_name.removeprefix(f"{collection}/")
    known = await list_indexes(database, collection)
    found = next((index for index in known if wanted in {index["id"], index["name"]}), None)
    if found is None:
        raise NotFoundError(
            f"no index {wanted[:256]!r} in collection {collection!r}",
            field="id_or_name",
            arango_error_num=INDEX_NOT_FOUND,
            hint="arango_list_indexes lists them",
            did_you_mean=closest(wanted, [str(index["name"]) for index in known]),
        )
    if not dry_run:
        validate_index_id(f"{collection}/{found['id']}", field="id_or_name")
        await database.call("DELETE", "_api", "index", collection, found["id"])
    return IndexDropped(
        deleted=not dry_run, id=found["id"], name=found["name"], dry_run=True if dry_run else None
    )
