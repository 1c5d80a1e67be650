"""Data modification: rows in, documents written, rows with OLD and NEW out.

Rows come in batches; a batch is read completely before it is written. Where the query also reads the
collection, all rows are one batch, so that no read sees what the query writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.options import DocumentChange, WriteOptions
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.values import Value, type_name

from .context import PACE, QueryContext

Row = tuple[Any, ...]
Document = dict[str, Any]
Write = Callable[[QueryContext, Collection, Row, "WriteSpecification"], DocumentChange | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSpecification:
    """What to write: the places of key and document in a row, and how errors and batches are handled."""

    document: int = 0
    key: int | None = None
    write: WriteOptions
    ignore_errors: bool = False
    is_eager: bool = False
    is_replace: bool = False


def batches(ctx: QueryContext, rows: Iterator[Row], *, is_eager: bool) -> Iterator[list[Row]]:
    """The rows in lists; in a single one when nothing may be written before all are read."""
    if is_eager:
        held: list[Row] = list(rows)
        for start in range(0, len(held), PACE):
            ctx.pace()
            yield held[start : start + PACE]
        return
    while batch := list(islice(rows, PACE)):
        ctx.pace()
        yield batch


def insert_rows(
    ctx: QueryContext, collection: Collection, rows: Iterator[Row], spec: WriteSpecification
) -> Iterator[Row]:
    """INSERT: each row with OLD and NEW; in bulk."""
    for batch in batches(ctx, rows, is_eager=spec.is_eager):
        documents = [row[spec.document] for row in batch]
        for row, outcome in zip(batch, collection.insert_many(ctx.tx, documents, spec.write), strict=True):
            if isinstance(outcome, ArangoError):
                if not spec.ignore_errors:
                    raise outcome
                ctx.stats.writes_ignored += 1
                continue
            ctx.stats.writes_executed += not outcome.ignored
            ctx.stats.writes_ignored += outcome.ignored
            yield (*row, outcome.old, outcome.new)


def update_rows(
    ctx: QueryContext, collection: Collection, rows: Iterator[Row], spec: WriteSpecification
) -> Iterator[Row]:
    """UPDATE and REPLACE: each row with OLD and NEW."""
    return _write_rows(ctx, collection, rows, spec, _update)


def remove_rows(
    ctx: QueryContext, collection: Collection, rows: Iterator[Row], spec: WriteSpecification
) -> Iterator[Row]:
    """REMOVE: each row with OLD."""
    return _write_rows(ctx, collection, rows, spec, _remove)


def _write_rows(
    ctx: QueryContext, collection: Collection, rows: Iterator[Row], spec: WriteSpecification, write: Write
) -> Iterator[Row]:
    for batch in batches(ctx, rows, is_eager=spec.is_eager):
        for row in batch:
            try:
                change = write(ctx, collection, row, spec)
            except ArangoError:
                if not spec.ignore_errors:
                    raise
                ctx.stats.writes_ignored += 1
                continue
            if change is None:
                yield (*row, None, None)
                continue
            ctx.stats.writes_executed += not change.ignored
            ctx.stats.writes_ignored += change.ignored
            yield (*row, change.old, change.new)


def _update(
    ctx: QueryContext, collection: Collection, row: Row, spec: WriteSpecification
) -> DocumentChange | None:
    document: Value = row[spec.document]
    if not isinstance(document, dict):
        raise not_an_object(document)
    key = key_of(collection, document if spec.key is None else row[spec.key])
    write = collection.replace if spec.is_replace else collection.update
    return write(ctx.tx, key, document, spec.write)


def _remove(
    ctx: QueryContext, collection: Collection, row: Row, spec: WriteSpecification
) -> DocumentChange | None:
    given: Value = row[spec.document]
    options = spec.write
    if not options.ignore_revs and isinstance(given, dict) and isinstance(given.get("_rev"), str):
        options = WriteOptions(expected_rev=given["_rev"], wait_for_sync=options.wait_for_sync)
    return collection.remove(ctx.tx, key_of(collection, given), options)


def upsert(
    ctx: QueryContext,
    collection: Collection,
    found: Value,
    document: Value,
    spec: WriteSpecification,
) -> DocumentChange | None:
    """One UPSERT: update what was found, or insert; None when an error was ignored."""
    try:
        if not isinstance(document, dict):
            raise not_an_object(document)
        if isinstance(found, dict):
            write = collection.replace if spec.is_replace else collection.update
            change = write(ctx.tx, found["_key"], document, spec.write)
        else:
            change = collection.insert(ctx.tx, document, spec.write)
    except ArangoError:
        if not spec.ignore_errors:
            raise
        ctx.stats.writes_ignored += 1
        return None
    ctx.stats.writes_executed += not change.ignored
    ctx.stats.writes_ignored += change.ignored
    ctx.tick(1)
    return change


def key_of(collection: Collection, value: Value) -> str:
    """The key that a string or a document names; 1221 when it names none."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        key = value.get("_key")
        if isinstance(key, str):
            return key
        if key is None and isinstance(handle := value.get("_id"), str):
            name, _, rest = handle.partition("/")
            if name == collection.name and rest:
                return rest
        raise ArangoError(
            errors.ERROR_ARANGO_DOCUMENT_KEY_MISSING if key is None else errors.ERROR_ARANGO_DOCUMENT_KEY_BAD
        )
    raise ArangoError(
        errors.ERROR_ARANGO_DOCUMENT_KEY_MISSING,
        f"a document or its key is needed, not a value of type '{type_name(value)}'",
    )


def not_an_object(value: Value) -> ArangoError:
    """Error 1227 for a document that is none."""
    return ArangoError(
        errors.ERROR_ARANGO_DOCUMENT_TYPE_INVALID,
        f"invalid document type: an object is needed, not a value of type '{type_name(value)}'",
    )
