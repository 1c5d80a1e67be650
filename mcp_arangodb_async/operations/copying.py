"""Copying a collection to another database, or under another name."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import ConflictError, InputError, MaaError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.collections import DUPLICATE_NAME, EDGE
from mcp_arangodb_async.operations.dump_format import collection_body, index_body
from mcp_arangodb_async.operations.loading import Loaded, OnConflict, load_batch

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """How a collection is copied; `new_name` is what it is called in the target."""

    new_name: str | None = None
    on_conflict: OnConflict = "error"
    indexes: bool = True
    limit: int | None = None
    dry_run: bool = False


class Copied(TypedDict):
    """What became of every document; `completed` is false when a conflict stopped it."""

    source: str
    target: str
    collection: str
    new_name: str
    created: bool
    indexes: int
    total_documents: int
    inserted: int
    updated: int
    skipped: int
    error_count: int
    errors: list[Json]
    completed: bool
    dry_run: bool


async def copy_collection(
    source: ArangoDatabase,
    target: ArangoDatabase,
    collection: str,
    options: CopyOptions,
    *,
    progress: Progress,
) -> Copied:
    """Copy a collection page by page, with its properties and indexes; the source is only read."""
    name = validate_collection_name(options.new_name or collection, field="new_name")
    if source.key == target.key and name == collection:
        raise InputError("the collection would be copied onto itself; give a new_name", field="new_name")
    properties = await scan.properties(source, collection)
    indexes = [
        one for one in await scan.indexes(source, collection) if one["type"] not in {"primary", "edge"}
    ]
    total = await scan.count(source, collection)
    expected = total if options.limit is None else min(total, options.limit)
    exists = await _existing_type(target, name)
    if exists is not None and (exists == EDGE) != (properties["type"] == EDGE):
        raise ConflictError(
            f"collection {name!r} of {target.key!r} exists with another type",
            field="new_name",
            database=target.key,
        )
    loaded, errors, made = Loaded(), list[Json](), 0
    completed = True
    if not options.dry_run:
        if exists is None:
            await target.call("POST", "_api", "collection", body=collection_body(name, properties))
        if options.indexes:
            made = await _make_indexes(target, name, indexes, errors)
        completed = await _copy(source, target, collection, name, options, loaded, errors, expected, progress)
    return Copied(
        source=source.key,
        target=target.key,
        collection=collection,
        new_name=name,
        created=exists is None and not options.dry_run,
        indexes=len(indexes) if options.dry_run else made,
        total_documents=expected,
        inserted=loaded.inserted,
        updated=loaded.updated,
        skipped=loaded.skipped,
        error_count=loaded.errors + sum("index" in error for error in errors),
        errors=errors[:SHOWN],
        completed=completed,
        dry_run=options.dry_run,
    )


async def _existing_type(database: ArangoDatabase, name: str) -> int | None:
    listed = await database.call("GET", "_api", "collection")
    return next((row["type"] for row in listed["result"] if row["name"] == name), None)


async def _make_indexes(target: ArangoDatabase, name: str, indexes: list[Json], errors: list[Json]) -> int:
    made = 0
    for index in indexes:
        try:
            await target.call("POST", "_api", "index", params={"collection": name}, body=index_body(index))
            made += 1
        except MaaError as error:
            # One of the name with another definition: the documents are copied all the same.
            if error.arango_error_num != DUPLICATE_NAME and error.code not in {
                "conflict",
                "invalid_argument",
            }:
                raise
            errors.append({"index": index.get("name"), "error": error.message})
    return made


async def _copy(
    source: ArangoDatabase,
    target: ArangoDatabase,
    collection: str,
    name: str,
    options: CopyOptions,
    loaded: Loaded,
    errors: list[Json],
    expected: int,
    progress: Progress,
) -> bool:
    rows = min(1000, await scan.page_rows(source, collection, expected))
    found = scan.documents(source, collection, limit=options.limit, batch_size=rows)
    async with aclosing(found):
        async for page in found:
            documents = [{key: value for key, value in one.items() if key != "_id"} for one in page]
            for failure in await load_batch(target, name, documents, loaded, on_conflict=options.on_conflict):
                if len(errors) < SHOWN:
                    errors.append(
                        {"_key": failure.key, "error": failure.message, "arango_error_num": failure.number}
                    )
            await progress(loaded.total, expected, name)
            if loaded.errors and options.on_conflict == "error":
                return False
    return True
