"""Writing documents into a collection as they were, each one's fate counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
OnConflict = Literal["skip", "overwrite", "error"]
UNIQUE_CONSTRAINT = 1210
# ArangoDB names the index that refused a document; only this one says that the document itself is there.
_PRIMARY = "type primary"


@dataclass(slots=True)
class Loaded:
    """What became of the documents so far."""

    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    errors: int = 0

    @property
    def total(self) -> int:
        """All documents that were looked at."""
        return self.inserted + self.updated + self.skipped + self.errors

    def fail(self) -> None:
        """Count a document that could not be written."""
        self.errors += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A document of a batch that was not written, by its place in the batch."""

    index: int
    key: str | None
    number: int | None
    message: str


async def load_batch(
    database: ArangoDatabase,
    collection: str,
    documents: Sequence[Json],
    loaded: Loaded,
    *,
    on_conflict: OnConflict,
) -> list[Failure]:
    """Write a batch and count each document; those that failed are returned.

    `isRestore` keeps `_rev`, and keys that the collection would make itself, as arangorestore does. Skipped
    is what the primary index refused: the mode `ignore` does not tell a kept document from a new one.
    """
    if not documents:
        return []
    mode = "replace" if on_conflict == "overwrite" else "conflict"
    answers = await database.call(
        "POST",
        "_api",
        "document",
        collection,
        params={"isRestore": True, "overwriteMode": mode},
        body=documents,
    )
    failures: list[Failure] = []
    for index, (document, answer) in enumerate(zip(documents, answers, strict=True)):
        if not answer.get("error"):
            if "_oldRev" in answer:
                loaded.updated += 1
            else:
                loaded.inserted += 1
            continue
        number, message = answer.get("errorNum"), str(answer.get("errorMessage", "failed"))
        if on_conflict == "skip" and number == UNIQUE_CONSTRAINT and _PRIMARY in message:
            loaded.skipped += 1
            continue
        loaded.errors += 1
        key = document.get("_key")
        failures.append(
            Failure(index=index, key=key if isinstance(key, str) else None, number=number, message=message)
        )
    return failures
