"""Documents by their key: get, insert, update, replace, remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.connections.names import (
    validate_collection_name,
    validate_document_id,
    validate_document_key,
)
from mcp_arangodb_async.errors import InputError, MaaError, NotFoundError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

OverwriteMode = Literal["conflict", "ignore", "replace", "update"]
Document = dict[str, Any]
# ArangoDB's errors.dat: ERROR_ARANGO_DOCUMENT_NOT_FOUND.
DOCUMENT_NOT_FOUND = 1202
MOST_KEYS = 1000
BY_KEY = "FOR d IN @@collection FILTER d._key IN @keys RETURN d"


class Written(TypedDict):
    """A stored document: its identity, and what it is now if that was asked for."""

    _id: str
    _key: str
    _rev: str
    _old_rev: str | None
    new: Document | None


class Removed(TypedDict):
    """A removed document; with `dry_run`, the one that would be removed, in `old`."""

    _id: str
    _key: str
    _rev: str
    dry_run: bool | None
    old: Document | None


def written(answer: Document) -> Written:
    """The record of a write from the server's answer."""
    return Written(
        _id=answer["_id"],
        _key=answer["_key"],
        _rev=answer["_rev"],
        _old_rev=answer.get("_oldRev"),
        new=answer.get("new"),
    )


def document_key(collection: str, key: str, *, field: str = "key") -> str:
    """The key alone; `collection/key` is accepted when it names this collection."""
    validate_collection_name(collection)
    head, slash, tail = key.partition("/")
    if slash:
        if head != collection:
            raise InputError(
                f"{field}: {key[:254]!r} is in collection {head[:254]!r}, not in {collection!r}", field=field
            )
        key = tail
    return validate_document_key(key, field=field)


async def insert(
    database: ArangoDatabase,
    collection: str,
    document: Document,
    *,
    overwrite_mode: OverwriteMode = "conflict",
    return_new: bool = False,
) -> Written:
    """Insert a document; `overwrite_mode` says what happens when its key exists."""
    validate_collection_name(collection)
    check_own_key(document)
    answer = await database.call(
        "POST",
        "_api",
        "document",
        collection,
        params={"overwriteMode": overwrite_mode, "returnNew": return_new},
        body=document,
    )
    return written(answer)


def check_own_key(document: Document) -> None:
    """InputError unless the document has no key or one that can be a key."""
    if "_key" not in document:
        return
    key: object = document["_key"]
    if not isinstance(key, str):
        raise InputError("document._key: should be a string", field="document._key")
    validate_document_key(key, field="document._key")


async def update(
    database: ArangoDatabase,
    collection: str,
    key: str,
    change: Document,
    *,
    keep_null: bool = True,
    return_new: bool = False,
) -> Written:
    """Merge `change` into a document; a `_key` or `_id` in it must be the document's own."""
    params = {"keepNull": keep_null, "returnNew": return_new}
    return await _change(database, "PATCH", collection, key, change, params, field="update")


async def replace(
    database: ArangoDatabase, collection: str, key: str, document: Document, *, return_new: bool = False
) -> Written:
    """Put `document` in the place of the one with the key, whose other attributes are gone."""
    params = {"returnNew": return_new}
    return await _change(database, "PUT", collection, key, document, params, field="document")


async def _change(
    database: ArangoDatabase,
    method: Literal["PATCH", "PUT"],
    collection: str,
    key: str,
    body: Document,
    params: Mapping[str, bool],
    *,
    field: str,
) -> Written:
    key = document_key(collection, key)
    for name, own in (("_key", key), ("_id", f"{collection}/{key}")):
        if body.get(name, own) != own:
            raise InputError(
                f"{field}.{name}: is {str(body[name])[:254]!r}, but key names {own!r}; it cannot be changed",
                field=f"{field}.{name}",
            )
    # A revision in the body is a condition, as in ArangoDB with ignoreRevs=false.
    conditions = {**params, "ignoreRevs": "_rev" not in body}
    try:
        answer = await database.call(
            method, "_api", "document", collection, key, params=conditions, body={**body, "_key": key}
        )
    except NotFoundError as error:
        raise missing(error, database, collection, key) from error
    return written(answer)


async def remove(database: ArangoDatabase, collection: str, key: str, *, dry_run: bool = False) -> Removed:
    """Remove a document; NotFoundError if there is none. `dry_run` only fetches it."""
    key = document_key(collection, key)
    if dry_run:
        found = await get(database, collection, key)
        return Removed(_id=found["_id"], _key=found["_key"], _rev=found["_rev"], dry_run=True, old=found)
    try:
        answer = await database.call("DELETE", "_api", "document", collection, key)
    except NotFoundError as error:
        raise missing(error, database, collection, key) from error
    return Removed(_id=answer["_id"], _key=answer["_key"], _rev=answer["_rev"], dry_run=None, old=None)


async def get(database: ArangoDatabase, collection: str, key: str) -> Document:
    """A document; NotFoundError if there is none."""
    key = document_key(collection, key)
    try:
        return cast("Document", await database.call("GET", "_api", "document", collection, key))
    except NotFoundError as error:
        raise missing(error, database, collection, key) from error


def missing(error: MaaError, database: ArangoDatabase, collection: str, key: str) -> MaaError:
    """The error for a document that is not there, naming it; an error of another number stays as it is."""
    if error.arango_error_num != DOCUMENT_NOT_FOUND:
        return error
    return NotFoundError(
        f"no document {key!r} in collection {collection!r}",
        arango_error_num=DOCUMENT_NOT_FOUND,
        database=database.key,
        field="key",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The documents that exist, in the order asked for, and the ids of those that do not."""

    documents: Sequence[Document]
    missing: Sequence[str]


def identified(collection: str | None, key: str) -> tuple[str, str]:
    """Collection and key that a key or id means; `collection` is where keys alone belong."""
    if "/" not in key:
        if collection is None:
            raise InputError(
                f"keys: {key[:254]!r} is a key alone: give collection, or ids (collection/key)",
                field="collection",
            )
        return collection, document_key(collection, key, field="keys")
    if collection is not None:
        return collection, document_key(collection, key, field="keys")
    head, _, tail = validate_document_id(key, field="keys").partition("/")
    return head, tail


async def get_many(database: ArangoDatabase, collection: str | None, keys: Sequence[str]) -> Fetched:
    """The documents with these keys of the collection, or with these ids; each id at most once."""
    if not keys or len(keys) > MOST_KEYS:
        raise InputError(f"keys: 1 to {MOST_KEYS} are possible, {len(keys)} were given", field="keys")
    wanted: dict[str, dict[str, None]] = {}
    order: dict[str, None] = {}
    for one in keys:
        head, key = identified(collection, one)
        wanted.setdefault(head, {})[key] = None
        order[f"{head}/{key}"] = None
    found: dict[str, Document] = {}
    for name, some in wanted.items():
        page = await run_query(
            database,
            BY_KEY,
            {"@collection": name, "keys": list(some)},
            options=QueryOptions(batch_size=MOST_KEYS),
        )
        found |= {document["_id"]: document for document in page.rows}
    return Fetched(
        documents=[found[one] for one in order if one in found],
        missing=[one for one in order if one not in found],
    )
