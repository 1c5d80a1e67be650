"""One document at a time: insert, update, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from mcp_arangodb_async.connections.names import validate_collection_name, validate_document_key
from mcp_arangodb_async.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

OverwriteMode = Literal["conflict", "ignore", "replace", "update"]
Document = dict[str, Any]
# ArangoDB's errors.dat: ERROR_ARANGO_DOCUMENT_NOT_FOUND.
DOCUMENT_NOT_FOUND = 1202


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
    if "_key" in document:
        validate_document_key(document["_key"], field="document._key")
    answer = await database.collection(collection).insert(
        document, return_new=return_new or None, overwrite_mode=overwrite_mode
    )
    return written(cast("Document", answer))


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
    key = document_key(collection, key)
    for name, own in (("_key", key), ("_id", f"{collection}/{key}")):
        if change.get(name, own) != own:
            raise InputError(
                f"update.{name}: is {str(change[name])[:254]!r}, but key names {own!r}; it cannot be changed",
                field=f"update.{name}",
            )
    if "_rev" in change:
        # A revision in the body is a condition, as in ArangoDB with ignoreRevs=false.
        answer = await database.collection(collection).update(
            {**change, "_key": key}, ignore_revs=False, keep_null=keep_null, return_new=return_new or None
        )
    else:
        answer = await database.collection(collection).update(
            {**change, "_key": key}, keep_null=keep_null, return_new=return_new or None
        )
    return written(cast("Document", answer))


async def remove(database: ArangoDatabase, collection: str, key: str, *, dry_run: bool = False) -> Removed:
    """Remove a document; NotFoundError if there is none. `dry_run` only fetches it."""
    key = document_key(collection, key)
    if dry_run:
        found = await get(database, collection, key)
        return Removed(_id=found["_id"], _key=found["_key"], _rev=found["_rev"], dry_run=True, old=found)
    answer = cast("Document", await database.collection(collection).delete(key))
    return Removed(_id=answer["_id"], _key=answer["_key"], _rev=answer["_rev"], dry_run=None, old=None)


async def get(database: ArangoDatabase, collection: str, key: str) -> Document:
    """A document; NotFoundError if there is none."""
    key = document_key(collection, key)
    found = cast("Document | None", await database.collection(collection).get(key))
    if found is None:
        raise NotFoundError(
            f"no document {key!r} in collection {collection!r}",
            arango_error_num=DOCUMENT_NOT_FOUND,
            database=database.key,
            field="key",
        )
    return found
