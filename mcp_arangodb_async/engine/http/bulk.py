"""`/_api/import`: many documents in one body, as JSON lines, a JSON list, or rows below a line of names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.options import DocumentChange, OverwriteMode, WriteOptions
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_COLLECTION_PARAMETER_MISSING,
    ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED,
    ERROR_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, reply
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, parse_json
from mcp_arangodb_async.engine.http.routing import Route
from mcp_arangodb_async.engine.values import decode_json, encode_json

_MODES: dict[str, OverwriteMode] = {
    "error": "conflict",
    "update": "update",
    "replace": "replace",
    "ignore": "ignore",
}
_AT_ONCE = 5000
_MOST_DETAILS = 10_000


@dataclass(slots=True)
class Line:
    """One document of the body, or the reason why it is none."""

    position: int
    document: Json | None
    problem: str = ""


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
    with call.transaction(write=True) as tx:
        collection = call.writable(tx, name)
        if given.flag("overwrite"):
            collection.truncate(tx)
        outcome = Outcome()
        lines = list[Line]()
        for line in _lines(call, kind, outcome):
            if line.document is None:
                _fail(call, outcome, line.position, line.problem)
                continue
            lines.append(line)
            if len(lines) >= _AT_ONCE:
                _store(call, tx, collection, lines, options, outcome)
                lines = []
        _store(call, tx, collection, lines, options, outcome)
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
    lines: list[Line],
    options: WriteOptions,
    outcome: Outcome,
) -> None:
    documents = [_prefixed(call, collection, cast("Json", line.document)) for line in lines]
    complete = call.parameters.flag("complete")
    for line, document, change in zip(
        lines, documents, collection.insert_many(tx, documents, options), strict=True
    ):
        if isinstance(change, DocumentChange):
            _count(change, outcome)
        elif options.overwrite_mode == "ignore" and change.num == ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED:
            outcome.ignored += 1
        elif complete:
            raise change
        else:
            text = encode_json(document).decode()
            outcome.failed(
                line.position,
                f"creating document failed with error '{change.message}', offending document: {text[:200]}",
            )


def _count(change: DocumentChange, outcome: Outcome) -> None:
    if change.ignored:
        outcome.ignored += 1
    elif change.old is not None:
        outcome.updated += 1
    else:
        outcome.created += 1


def _prefixed(call: Call, collection: Collection, document: Json) -> Json:
    """The document with `fromPrefix` and `toPrefix` before bare keys."""
    if not collection.is_edge:
        return document
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


def _lines(call: Call, kind: str, outcome: Outcome) -> Iterator[Line]:
    body = call.raw_body
    if kind == "auto":
        kind = "array" if body.lstrip()[:1] == b"[" else "documents"
    match kind:
        case "documents":
            yield from _json_lines(body, outcome)
        case "array" | "list":
            value = parse_json(body)
            if not isinstance(value, list):
                raise ArangoError(ERROR_BAD_PARAMETER, "expecting a JSON array in the request")
            for position, item in enumerate(cast("list[Any]", value), 1):
                yield _line(position, item)
        case "":
            yield from _rows(call, body, outcome)
        case _:
            known = "documents, array, list, auto, or none for rows below a line of names"
            raise ArangoError(ERROR_BAD_PARAMETER, f"invalid value for type: {kind!r}; there are {known}")


def _line(position: int, item: Any) -> Line:
    if isinstance(item, dict):
        return Line(position, cast("Json", item))
    return Line(
        position,
        None,
        f"invalid document type, expecting an object, got {encode_json(item)[:100].decode(errors='replace')}",
    )


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
            yield position, decode_json(text), ""
        except ArangoError as error:
            yield position, None, error.message


def _json_lines(body: bytes, outcome: Outcome) -> Iterator[Line]:
    for position, value, problem in _decoded(body, outcome):
        yield Line(position, None, problem) if problem else _line(position, value)


def _rows(call: Call, body: bytes, outcome: Outcome) -> Iterator[Line]:
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
            yield Line(position, None, problem)
        elif not isinstance(value, list):
            yield Line(position, None, "no valid JSON data: expecting an array of values")
        else:
            values = cast("list[Any]", value)
            if len(values) != len(names) and not call.parameters.flag("ignoreMissing"):
                yield Line(position, None, f"wrong number of values: {len(values)} for {len(names)} names")
            else:
                pairs = zip(names, values, strict=False)
                yield Line(position, {name: item for name, item in pairs if item is not None})
    if names is None:
        raise ArangoError(ERROR_BAD_PARAMETER, "no JSON array of attribute names found in the first line")


ROUTES: tuple[Route, ...] = (Route("POST", "/_api/import", import_documents),)
