"""`/_api/import`: many documents in one body, as JSON lines, a JSON list, or rows below a line of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, repeat
from typing import Any, cast

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.options import DocumentChange, OverwriteMode, WriteOptions
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.collector import uncollected
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_COLLECTION_PARAMETER_MISSING,
    ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED,
    ERROR_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, reply
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json
from mcp_arangodb_async.engine.http.routing import Route
from mcp_arangodb_async.engine.values import decode_documents, encode_json

_MODES: dict[str, OverwriteMode] = {
    "error": "conflict",
    "update": "update",
    "replace": "replace",
    "ignore": "ignore",
}
_AT_ONCE = 5000
_MOST_DETAILS = 10_000


@dataclass(slots=True)
class Outcome:
    """What the import counted."""

    created: int = 0
    errors: int = 0
    empty: int = 0
    updated: int = 0
    ignored: int = 0
    details: list[str] = field(default_factory=list[Any])

    def failed(self, position: int, message: str) -> None:
        self.errors += 1
        if len(self.details) < _MOST_DETAILS:
            self.details.append(f"at position {position}: {message}")


def import_documents(call: Call) -> Response:
    given = call.parameters
    name = given.text("collection")
    if not name:
        raise ArangoError(ERROR_ARANGO_COLLECTION_PARAMETER_MISSING)
    kind = given.text("type")
    mode = given.text("onDuplicate", "error")
    if mode not in _MODES:
        raise ArangoError(
            ERROR_BAD_PARAMETER, f"onDuplicate must be one of {', '.join(_MODES)}, not {mode!r}"
        )
    options = WriteOptions(
        overwrite_mode=_MODES[mode], wait_for_sync=True if given.flag("waitForSync") else None
    )
    with uncollected(), call.transaction(write=True) as tx:
        collection = call.writable(tx, name)
        if given.flag("overwrite"):
            collection.truncate(tx)
        outcome = Outcome()
        for positions, documents in _batches(call, kind, outcome):
            _store(call, tx, collection, positions, documents, options, outcome)
    answer: Json = {
        "error": False,
        "created": outcome.created,
        "errors": outcome.errors,
        "empty": outcome.empty,
        "updated": outcome.updated,
        "ignored": outcome.ignored,
    }
    if given.flag("details"):
        answer["details"] = outcome.details
    return reply(201, answer)


def _fail(call: Call, outcome: Outcome, position: int, message: str) -> None:
    if call.parameters.flag("complete"):
        raise ArangoError(ERROR_BAD_PARAMETER, f"at position {position}: {message}")
    outcome.failed(position, message)


def _store(
    call: Call,
    tx: Transaction,
    collection: Collection,
    positions: Sequence[int],
    documents: Sequence[Json],
    options: WriteOptions,
    outcome: Outcome,
) -> None:
    if collection.is_edge:
        documents = [_prefixed(call, document) for document in documents]
    complete = call.parameters.flag("complete")
    unusual = collection.store_many(tx, documents, options)
    outcome.created += len(documents) - len(unusual)
    for place, change in unusual.items():
        if isinstance(change, DocumentChange):
            _count(change, outcome)
        elif options.overwrite_mode == "ignore" and change.num == ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED:
            outcome.ignored += 1
        elif complete:
            raise change
        else:
            text = _beginning(documents[place], 200)
            outcome.failed(
                positions[place],
                f"creating document failed with error '{change.message}', offending document: {text}",
            )


def _beginning(value: Any, length: int) -> str:
    """The first characters of a wrong value's JSON."""
    try:
        return encode_json(value)[:length].decode(errors="replace")
    except ArangoError as error:
        return f"({error.message})"


def _count(change: DocumentChange, outcome: Outcome) -> None:
    if change.ignored:
        outcome.ignored += 1
    elif change.old is not None:
        outcome.updated += 1
    else:
        outcome.created += 1


def _prefixed(call: Call, document: Json) -> Json:
    """The edge with `fromPrefix` and `toPrefix` before bare keys."""
    changes = dict[str, str]()
    for name, parameter in (("_from", "fromPrefix"), ("_to", "toPrefix")):
        prefix = call.parameters.text(parameter)
        value = document.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = changes[name] = str(value)
        if not prefix or not isinstance(value, str):
            continue
        prefix = prefix.rstrip("/")
        if "/" not in value:
            changes[name] = f"{prefix}/{value}"
        elif call.parameters.flag("overwriteCollectionPrefix"):
            changes[name] = f"{prefix}/{value.partition('/')[2]}"
    return {**document, **changes} if changes else document


# ---- the three forms of a body


def _batches(call: Call, kind: str, outcome: Outcome) -> Iterator[tuple[Sequence[int], list[Json]]]:
    """The documents of the body, many at a time, with their positions; what is none counts as an error."""
    body = call.raw_body
    if kind == "auto":
        kind = "array" if body.lstrip()[:1] == b"[" else "documents"
    match kind:
        case "documents":
            yield from _sorted_out(call, _decoded(body, outcome), outcome)
        case "array" | "list":
            value = decode_documents(body)
            if not isinstance(value, list):
                raise ArangoError(ERROR_BAD_PARAMETER, "expecting a JSON array in the request")
            if set(map(type, value)) <= {dict}:
                for at in range(0, len(value), _AT_ONCE):
                    part = cast("list[Json]", value[at : at + _AT_ONCE])
                    yield range(at + 1, at + 1 + len(part)), part
            else:
                yield from _sorted_out(call, zip(count(1), value, repeat("")), outcome)
        case "":
            yield from _sorted_out(call, _rows(call, body, outcome), outcome)
        case _:
            known = "documents, array, list, auto, or none for rows below a line of names"
            raise ArangoError(ERROR_BAD_PARAMETER, f"invalid value for type: {kind!r}; there are {known}")


def _sorted_out(
    call: Call, values: Iterable[tuple[int, Any, str]], outcome: Outcome
) -> Iterator[tuple[Sequence[int], list[Json]]]:
    """The documents among values that come with their position and problem."""
    positions: list[int] = []
    documents: list[Json] = []
    for position, value, problem in values:
        if problem:
            _fail(call, outcome, position, problem)
        elif not isinstance(value, dict):
            shown = _beginning(value, 100)
            _fail(call, outcome, position, f"invalid document type, expecting an object, got {shown}")
        else:
            positions.append(position)
            documents.append(cast("Json", value))
            if len(documents) >= _AT_ONCE:
                yield positions, documents
                positions, documents = [], []
    if documents:
        yield positions, documents


def _decoded(body: bytes, outcome: Outcome) -> Iterator[tuple[int, Any, str]]:
    """Position, value and problem of every line that is not empty."""
    lines = body.split(b"\n")
    if not lines[-1].strip():
        lines.pop()  # what follows the last line break is no line
    for position, text in enumerate(lines, 1):
        if not text.strip():
            outcome.empty += 1
            continue
        try:
            yield position, decode_documents(text), ""
        except ArangoError as error:
            yield position, None, error.message


def _rows(call: Call, body: bytes, outcome: Outcome) -> Iterator[tuple[int, Any, str]]:
    names: list[str] | None = None
    for position, value, problem in _decoded(body, outcome):
        if names is None:
            if not isinstance(value, list) or not all(
                isinstance(name, str) and name for name in cast("list[Any]", value)
            ):
                raise ArangoError(
                    ERROR_BAD_PARAMETER, "no JSON array of attribute names found in the first line"
                )
            names = cast("list[str]", value)
        elif problem:
            yield position, None, problem
        elif not isinstance(value, list):
            yield position, None, "no valid JSON data: expecting an array of values"
        else:
            values = cast("list[Any]", value)
            if len(values) != len(names) and not call.parameters.flag("ignoreMissing"):
                yield position, None, f"wrong number of values: {len(values)} for {len(names)} names"
            else:
                pairs = zip(names, values, strict=False)
                yield position, {name: item for name, item in pairs if item is not None}, ""
    if names is None:
        raise ArangoError(ERROR_BAD_PARAMETER, "no JSON array of attribute names found in the first line")


ROUTES: tuple[Route, ...] = (Route("POST", "/_api/import", import_documents),)
