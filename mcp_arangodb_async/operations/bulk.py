"""Many documents at once, each one counted truthfully."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.connections.names import validate_collection_name, validate_document_key
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations.documents import Document, OverwriteMode

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

OnError = Literal["stop", "continue", "ignore"]
Progress = Callable[[float, float | None, str | None], Awaitable[None]]
# Details are told of so many failed documents; all are counted.
SHOWN_ERRORS = 20
SHOWN_IDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOptions:
    """How a bulk operation goes about it.

    `stop` sends no further batch after one with a failed document (the rest of that batch was tried, as the
    server does); `continue` goes on; `ignore` goes on and tells no details.
    """

    batch_size: int = 1000
    on_error: OnError = "stop"
    overwrite_mode: OverwriteMode = "conflict"
    validate_references: bool = False


class BulkUpdated(TypedDict):
    """What became of every update: done, failed, or not attempted after a stop."""

    total_updates: int
    updated_count: int
    error_count: int
    not_attempted: int
    errors: list[dict[str, Any]]


class BulkInserted(TypedDict):
    """What became of every document: inserted, changed, left alone, failed, or not attempted after a stop.

    `inserted_count` is of new documents. The count of the overwrite mode is of those that were there already;
    it is told in that mode only. `success_rate` is the share that did not fail.
    """

    total_documents: int
    inserted_count: int
    updated_count: int | None
    replaced_count: int | None
    ignored_count: int | None
    error_count: int
    not_attempted: int
    errors: list[dict[str, Any]]
    inserted_ids: list[str]
    success_rate: float


@dataclass(slots=True, kw_only=True)
class Tally:
    """The counts while a bulk operation runs."""

    done: int = 0
    existing: int = 0  # of those done, the ones that were there already
    failed: int = 0
    attempted: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ids: list[str] = field(default_factory=list[str])

    def fail(self, index: int, document: Document, number: int | None, message: str, *, tell: bool) -> None:
        """Count a failed document; its details are kept while there is room for them."""
        self.failed += 1
        if tell and len(self.errors) < SHOWN_ERRORS:
            entry: dict[str, Any] = {"index": index, "error": message}
            if number is not None:
                entry["arango_error_num"] = number
            if isinstance(document.get("_key"), str):
                entry["_key"] = document["_key"]
            self.errors.append(entry)


def batches(documents: Sequence[Document], size: int) -> Iterator[tuple[int, Sequence[Document]]]:
    """The documents in batches, each with the position of its first."""
    for start in range(0, len(documents), size):
        yield start, documents[start : start + size]


async def insert(
    database: ArangoDatabase,
    collection: str,
    documents: Sequence[Document],
    *,
    options: BulkOptions,
    progress: Progress,
) -> BulkInserted:
    """Insert documents in batches; a failed one is an entry in the result, not an exception."""
    validate_collection_name(collection)
    tally = Tally()
    tell = options.on_error != "ignore"
    # Whether a document was ignored shows in the answer only by the new one that is missing from it.
    params = {"overwriteMode": options.overwrite_mode, "returnNew": options.overwrite_mode == "ignore"}
    for start, batch in batches(documents, options.batch_size):
        tally.attempted += len(batch)
        accepted = list(enumerate(batch, start))
        if options.validate_references:
            accepted = await with_existing_ends(database, accepted, tally, tell=tell)
        if accepted:
            answers = await database.call(
                "POST",
                "_api",
                "document",
                collection,
                params=params,
                body=[document for _, document in accepted],
            )
            note(tally, accepted, answers, tell=tell, mode=options.overwrite_mode)
        await progress(tally.attempted, len(documents), None)
        if tally.failed and options.on_error == "stop":
            break
    existing = {options.overwrite_mode: tally.existing}
    return BulkInserted(
        total_documents=len(documents),
        inserted_count=tally.done - tally.existing,
        updated_count=existing.get("update"),
        replaced_count=existing.get("replace"),
        ignored_count=existing.get("ignore"),
        error_count=tally.failed,
        not_attempted=len(documents) - tally.attempted,
        errors=tally.errors,
        inserted_ids=tally.ids,
        success_rate=round(100 * tally.done / len(documents), 2) if documents else 100.0,
    )


def note(
    tally: Tally,
    sent: Sequence[tuple[int, Document]],
    answers: Sequence[Document],
    *,
    tell: bool,
    mode: OverwriteMode | None = None,
) -> None:
    """Count one batch's answers, which come in the order of the documents; `mode` is that of an insert."""
    for (index, document), answer in zip(sent, answers, strict=True):
        if answer.get("error"):
            tally.fail(
                index, document, answer.get("errorNum"), str(answer.get("errorMessage", "failed")), tell=tell
            )
        else:
            tally.done += 1
            if mode is not None and existed(answer, mode):
                tally.existing += 1
            elif len(tally.ids) < SHOWN_IDS:
                tally.ids.append(answer["_id"])


def existed(answer: Document, mode: OverwriteMode) -> bool:
    """Whether an inserted document was there already."""
    return answer.get("new") is None if mode == "ignore" else "_oldRev" in answer


async def with_existing_ends(
    database: ArangoDatabase, edges: Sequence[tuple[int, Document]], tally: Tally, *, tell: bool
) -> list[tuple[int, Document]]:
    """The documents whose `_from` and `_to`, if they have them, exist; the others are counted as failed."""
    ends = sorted({str(edge[name]) for _, edge in edges for name in ("_from", "_to") if name in edge})
    if not ends:
        return list(edges)
    page = await run_query(
        database,
        "FOR id IN @ids FILTER DOCUMENT(id) == null RETURN id",
        {"ids": ends},
        options=QueryOptions(batch_size=len(ends)),
    )
    missing = set(cast("list[str]", page.rows))
    kept: list[tuple[int, Document]] = []
    for index, edge in edges:
        lost = [f"{name} {edge[name]!r}" for name in ("_from", "_to") if str(edge.get(name)) in missing]
        if lost:
            tally.fail(index, edge, None, f"{' and '.join(lost)} does not exist", tell=tell)
        else:
            kept.append((index, edge))
    return kept


def patch_of(item: Document, index: int) -> Document:
    """The change that one entry means: `{key, update}` or the change itself with its `_key`."""
    key = item.get("_key", item.get("key"))
    change = item.get("update")
    if isinstance(change, dict) and set(item) <= {"key", "_key", "update"}:
        patch: Document = dict(cast("Document", change))
    else:
        patch = {name: value for name, value in item.items() if name != "key"}
    if key is None and isinstance(patch.get("_id"), str):
        key = str(patch["_id"]).rpartition("/")[2]
    if not isinstance(key, str):
        raise InputError(f"updates.{index}: has no key", field=f"updates.{index}.key")
    validate_document_key(key, field=f"updates.{index}.key")
    if patch.get("_key", key) != key:
        raise InputError(
            f"updates.{index}: the _key in update is another than key; it cannot be changed",
            field=f"updates.{index}.update._key",
        )
    return {**patch, "_key": key}


async def update(
    database: ArangoDatabase,
    collection: str,
    updates: Sequence[Document],
    *,
    options: BulkOptions,
    progress: Progress,
) -> BulkUpdated:
    """Change documents in batches; a failed one is an entry in the result, not an exception."""
    validate_collection_name(collection)
    patches = [patch_of(item, index) for index, item in enumerate(updates)]
    tally = Tally()
    for start, batch in batches(patches, options.batch_size):
        tally.attempted += len(batch)
        answers = await database.call("PATCH", "_api", "document", collection, body=list(batch))
        note(tally, list(enumerate(batch, start)), answers, tell=options.on_error != "ignore")
        await progress(tally.attempted, len(patches), None)
        if tally.failed and options.on_error == "stop":
            break
    return BulkUpdated(
        total_updates=len(patches),
        updated_count=tally.done,
        error_count=tally.failed,
        not_attempted=len(patches) - tally.attempted,
        errors=tally.errors,
    )
