"""Documents from JSON, JSON lines, CSV and TSV files, by the rules of arangoimport."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypedDict, cast

from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import InputError, LimitError
from mcp_arangodb_async.operations.bulk import Progress

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
FileType = Literal["json", "jsonl", "csv", "tsv"]
OnDuplicate = Literal["error", "ignore", "replace", "update"]
LONGEST = 64 * 1024 * 1024
SHOWN = 20
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_WORDS: Mapping[str, object] = {"null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How a file is read and stored; the names are arangoimport's."""

    type: FileType
    on_duplicate: OnDuplicate = "error"
    overwrite: bool = False
    separator: str | None = None
    quote: str = '"'
    convert: bool = True
    translate: Mapping[str, str] = field(default_factory=dict[str, str])
    remove: frozenset[str] = frozenset()
    skip_lines: int = 0
    from_prefix: str | None = None
    to_prefix: str | None = None
    batch_rows: int = 1000
    max_errors: int = 20


class Imported(TypedDict):
    """What the server made of the documents; `completed` is false after too many errors."""

    collection: str
    created: int
    updated: int
    ignored: int
    errors: int
    details: list[str]
    completed: bool


def read_file(file: BinaryIO, options: ImportOptions) -> Iterator[tuple[int, Json | str]]:
    """Every document with its position from 1, or a sentence in place of what is none."""
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="strict", newline="")
    try:
        match options.type:
            case "jsonl":
                values = _lines(text)
            case "json":
                values = _values(text)
            case "csv" | "tsv":
                values = _rows(text, options)
        for position, value in enumerate(values, 1):
            if isinstance(value, dict):
                document = cast("Json", value)
                yield position, {key: one for key, one in document.items() if key not in options.remove}
            else:
                yield position, value if isinstance(value, str) else "is not a JSON object"
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8 text") from None


def _lines(text: TextIOWrapper) -> Iterator[Any]:
    while line := text.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise LimitError(f"a line is longer than {LONGEST} characters")
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError as error:
                value = f"is not JSON: {error}"
            yield value if isinstance(value, dict | str) else None


def _values(text: TextIOWrapper) -> Iterator[Any]:
    """The items of a JSON array, or values one after the other, with one of them in memory at a time."""
    decoder, buffer, at, ended, in_array = json.JSONDecoder(), "", 0, False, False
    first = True
    while True:
        while at < len(buffer) and buffer[at] in " \t\r\n,":
            at += 1
        if first and at < len(buffer):
            first = False
            if buffer[at] == "[":
                in_array, at = True, at + 1
                continue
        if in_array and at < len(buffer) and buffer[at] == "]":
            return
        if at < len(buffer):
            try:
                value, at = decoder.raw_decode(buffer, at)
            except json.JSONDecodeError as error:
                if ended:
                    raise InputError(f"the file is not JSON, or ends in the middle: {error.msg}") from None
            else:
                yield value if isinstance(value, dict) else None
                continue
        if ended:
            if in_array:
                raise InputError("the file ends in the middle of its JSON array")
            return
        chunk = text.read(max(1 << 20, len(buffer) - at))
        ended = not chunk
        buffer, at = buffer[at:] + chunk, 0
        if len(buffer) > 2 * LONGEST:
            raise LimitError(f"a document is longer than {LONGEST} characters")


def _rows(text: TextIOWrapper, options: ImportOptions) -> Iterator[Any]:
    for _ in range(options.skip_lines):
        text.readline()
    if options.type == "tsv":
        rows = csv.reader(text, delimiter=options.separator or "\t", quoting=csv.QUOTE_NONE)
    else:
        rows = csv.reader(text, delimiter=options.separator or ",", quotechar=options.quote, strict=True)
    try:
        names = [options.translate.get(name, name) for name in next(rows, list[str]())]
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                yield f"has {len(row)} values, and there are {len(names)} columns"
                continue
            # A cell that is empty is no attribute.
            yield {
                name: converted(cell) if options.convert else cell
                for name, cell in zip(names, row, strict=True)
                if cell
            }
    except csv.Error as error:
        raise InputError(f"line {rows.line_num} is not {options.type.upper()}: {error}") from None


def converted(cell: str) -> object:
    """A cell's value: null, booleans and numbers by how they look, else the text (pure).

    Text that only looks like a number, such as one with leading zeros, stays text; so does what would not
    come back as it was.
    """
    if cell in _WORDS:
        return _WORDS[cell]
    if not _NUMBER.match(cell):
        return cell
    value = json.loads(cell)
    return cell if value in (float("inf"), float("-inf")) or abs(value) >= 2**63 else value


async def import_file(
    database: ArangoDatabase, collection: str, file: BinaryIO, options: ImportOptions, *, progress: Progress
) -> Imported:
    """Read a file into an existing collection through the server's import."""
    validate_collection_name(collection)
    result = Imported(
        collection=collection, created=0, updated=0, ignored=0, errors=0, details=[], completed=True
    )
    if options.overwrite:
        await database.call("PUT", "_api", "collection", collection, "truncate")
    batch: list[tuple[int, Json]] = []
    done = 0
    for position, document in read_file(file, options):
        done = position
        if isinstance(document, str):
            _fail(result, f"at position {position}: {document}")
        else:
            batch.append((position, document))
        if len(batch) >= options.batch_rows:
            await _send(database, collection, batch, options, result)
            batch = []
            await progress(done, None, collection)
        if result["errors"] > options.max_errors:
            result["completed"] = False
            break
    if batch and result["completed"]:
        await _send(database, collection, batch, options, result)
    await progress(done, None, None)
    return result


def _fail(result: Imported, detail: str) -> None:
    result["errors"] += 1
    if len(result["details"]) < SHOWN:
        result["details"].append(detail)


async def _send(
    database: ArangoDatabase,
    collection: str,
    batch: Sequence[tuple[int, Json]],
    options: ImportOptions,
    result: Imported,
) -> None:
    params: dict[str, str | int | bool] = {
        "collection": collection,
        "type": "list",
        "details": True,
        "onDuplicate": options.on_duplicate,
    }
    if options.from_prefix:
        params["fromPrefix"] = options.from_prefix
    if options.to_prefix:
        params["toPrefix"] = options.to_prefix
    documents = [document for _, document in batch]
    answer = await database.call("POST", "_api", "import", params=params, body=documents)
    result["created"] += answer["created"]
    result["updated"] += answer["updated"]
    result["ignored"] += answer["ignored"]
    result["errors"] += answer["errors"]
    for detail in answer.get("details", ()):
        if len(result["details"]) < SHOWN:
            result["details"].append(_placed(str(detail), batch))


def _placed(detail: str, batch: Sequence[tuple[int, Json]]) -> str:
    """The server's sentence with the position in the file in place of that in the batch."""

    def position(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        return f"at position {batch[place][0] if 0 <= place < len(batch) else found[1]}"

    return re.sub(r"\Aat position (\d+)", position, detail)[:300]
