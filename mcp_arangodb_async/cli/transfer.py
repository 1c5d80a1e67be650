"""`import` and `export`: files of documents, with the option words of arangoimport and arangoexport."""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import orjson

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.data import Data, Meter, add_data, positive
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.connections.statement import describe_statement
from mcp_arangodb_async.errors import ConflictError, InputError, NotFoundError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.collections import create_collection, names
from mcp_arangodb_async.operations.importing import (
    FileType,
    Imported,
    ImportOptions,
    import_file,
    read_file,
)
from mcp_arangodb_async.operations.reading import refuse_writes

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

TYPES = ("json", "jsonl", "csv", "tsv")
_ENDINGS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file", required=True, metavar="FILE", help="the file, .gz too; - is standard input"
    )
    parser.add_argument("--collection", required=True, metavar="NAME", help="where the documents go")
    parser.add_argument(
        "--type", choices=("auto", *TYPES), default="auto", help="the file's format (default: by its ending)"
    )
    parser.add_argument(
        "--create-collection", action="store_true", help="make the collection if there is none"
    )
    parser.add_argument(
        "--create-collection-type", choices=("document", "edge"), default="document",
        help="of what type (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--on-duplicate", choices=("error", "ignore", "replace", "update"), default="error",
        help="what becomes of a document whose key exists (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--overwrite", action="store_true", help="remove all documents of the collection first"
    )
    parser.add_argument("--separator", metavar="C", help="what separates values (default , or a tab)")
    parser.add_argument(
        "--quote", default='"', metavar="C", help="what encloses values of CSV (default %(default)s)"
    )
    parser.add_argument(
        "--convert", action=argparse.BooleanOptionalAction, default=True,
        help="read null, true, false and numbers in CSV and TSV as such (default yes)",
    )  # fmt: skip
    parser.add_argument(
        "--translate",
        action="append",
        default=[],
        metavar="COLUMN=NAME",
        help="rename a column; may be repeated",
    )
    parser.add_argument(
        "--remove-attribute",
        action="append",
        default=[],
        metavar="NAME",
        help="leave it out; may be repeated",
    )
    parser.add_argument(
        "--skip-lines", type=positive, metavar="N", help="lines to pass over before the headers"
    )
    parser.add_argument("--from-collection-prefix", metavar="NAME", help="the collection of keys in _from")
    parser.add_argument("--to-collection-prefix", metavar="NAME", help="the collection of keys in _to")
    parser.add_argument(
        "--max-errors", type=int, default=20, metavar="N", help="stop after more errors (default %(default)s)"
    )
    add_data(parser, changes=True)


def _run_import(invocation: Invocation) -> int:
    data, meter, out = Data.of(invocation), Meter.of(invocation), invocation.out
    data.require_write("import")
    collection, options = invocation.option("collection"), _options(invocation)
    if invocation.option("dry_run"):
        with ExitStack() as stack:
            counts = [0, 0]
            for _, document in read_file(_opened(invocation, stack), options):
                counts[isinstance(document, str)] += 1
        out.line(f"{counts[0]} documents, {counts[1]} lines that are none")
        if out.as_json:
            out.json({"dry_run": True, "documents": counts[0], "errors": counts[1]})
        return 0
    if options.overwrite:
        confirm(invocation, f"Remove all documents of {collection!r} in {data.key!r} first?")

    async def work(database: ArangoDatabase) -> Imported:
        if invocation.option("create_collection"):
            edge = invocation.option("create_collection_type") == "edge"
            await create_collection(database, collection, edge=edge)
        with ExitStack() as stack:
            return await import_file(
                database, collection, _opened(invocation, stack), options, progress=meter
            )

    try:
        result = data.run(work)
    finally:
        meter.end()
    if out.as_json:
        out.json(result)
    for word in ("created", "updated", "ignored", "errors"):
        out.line(f"{word}: {result[word]}")
    for detail in result["details"]:
        out.note(detail)
    return 1 if result["errors"] else 0


def _options(invocation: Invocation) -> ImportOptions:
    translate: dict[str, str] = {}
    for pair in invocation.option("translate"):
        column, equals, name = pair.partition("=")
        if not equals or not column or not name:
            raise InputError(f"--translate {pair!r}: must be COLUMN=NAME")
        translate[column] = name
    for flag in ("separator", "quote"):
        if invocation.option(flag) is not None and len(invocation.option(flag)) != 1:
            raise InputError(f"--{flag} must be one character")
    return ImportOptions(
        type=_type(invocation),
        on_duplicate=invocation.option("on_duplicate"),
        overwrite=invocation.option("overwrite"),
        separator=invocation.option("separator"),
        quote=invocation.option("quote"),
        convert=invocation.option("convert"),
        translate=translate,
        remove=frozenset(invocation.option("remove_attribute")),
        skip_lines=invocation.option("skip_lines") or 0,
        from_prefix=invocation.option("from_collection_prefix"),
        to_prefix=invocation.option("to_collection_prefix"),
        max_errors=invocation.option("max_errors"),
    )


def _type(invocation: Invocation) -> FileType:
    if invocation.option("type") != "auto":
        return cast("FileType", invocation.option("type"))
    ending = Path(invocation.option("file").removesuffix(".gz")).suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"--type is missing: {ending or 'no ending'!r} does not tell it", hint=", ".join(TYPES)
        )
    return cast("FileType", _ENDINGS[ending])


def _opened(invocation: Invocation, stack: ExitStack) -> BinaryIO:
    name = invocation.option("file")
    if name == "-":
        return sys.stdin.buffer
    try:
        file = stack.enter_context((invocation.cwd / name).open("rb"))
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {name!r}") from None
    return (
        cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=file))) if name.endswith(".gz") else file
    )


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--collection", action="append", metavar="NAME", help="may be repeated (default: all)"
    )
    parser.add_argument("--custom-query", metavar="AQL", help="the rows of a query instead")
    parser.add_argument("--custom-query-bindvars", metavar="JSON", help="its bind variables")
    parser.add_argument(
        "--type", choices=("jsonl", "json", "csv"), default="jsonl", help="default %(default)s"
    )
    parser.add_argument("--fields", metavar="NAME,...", help="the columns of CSV")
    parser.add_argument(
        "--escape-csv-formulae", action=argparse.BooleanOptionalAction, default=True,
        help="a quote before text that a spreadsheet would run (default yes)",
    )  # fmt: skip
    parser.add_argument("--output-directory", default="export", metavar="DIR", help="default %(default)s")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument("--compress-output", action="store_true", help="with gzip")
    parser.add_argument(
        "--documents-per-batch", type=positive, default=1000, metavar="N", help="default %(default)s"
    )
    add_data(parser)


def _run_export(invocation: Invocation) -> int:
    data, meter, out = Data.of(invocation), Meter.of(invocation), invocation.out
    fields = [name for name in (invocation.option("fields") or "").split(",") if name]
    if invocation.option("type") == "csv" and not fields:
        raise InputError("--fields is missing: CSV needs the names of its columns")
    directory = invocation.cwd / invocation.option("output_directory")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def work(database: ArangoDatabase) -> list[dict[str, Any]]:
        return [
            await _export(invocation, database, directory, name, aql, bind_vars, fields, meter)
            for name, aql, bind_vars in await _sources(invocation, database)
        ]

    try:
        told = data.run(work)
    finally:
        meter.end()
    if out.as_json:
        out.json({"files": told})
    out.records({"file": "FILE", "rows": "ROWS"}, told)
    return 0


async def _sources(
    invocation: Invocation, database: ArangoDatabase
) -> Sequence[tuple[str, str, dict[str, Any]]]:
    if invocation.option("custom_query"):
        text = invocation.option("custom_query_bindvars") or "{}"
        try:
            bind_vars = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise InputError("--custom-query-bindvars is not JSON") from None
        refuse_writes(describe_statement(invocation.option("custom_query")), database=database.key)
        return [("query", invocation.option("custom_query"), bind_vars)]
    known = await names(database)
    wanted = invocation.option("collection") or known
    missing = sorted(set(wanted) - set(known))
    if missing:
        raise NotFoundError(
            f"no collection {', '.join(missing)}; there are: {', '.join(known[:20]) or 'none'}"
        )
    return [(name, "FOR d IN @@collection RETURN d", {"@collection": name}) for name in wanted]


async def _export(
    invocation: Invocation,
    database: ArangoDatabase,
    directory: Path,
    name: str,
    aql: str,
    bind_vars: dict[str, Any],
    fields: Sequence[str],
    meter: Meter,
) -> dict[str, Any]:
    """Write one file; it has its name only once all of it is there."""
    kind, packed = invocation.option("type"), bool(invocation.option("compress_output"))
    path = directory / f"{name}.{kind}{'.gz' if packed else ''}"
    if path.exists() and not invocation.option("overwrite"):
        raise ConflictError(f"{path.name} exists in {directory.name}", hint="--overwrite replaces it")
    part = path.with_name(f"{path.name}.part")
    rows = 0
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with ExitStack() as stack:
            raw = stack.enter_context(os.fdopen(descriptor, "wb"))
            file = stack.enter_context(gzip.GzipFile(fileobj=raw, mode="wb")) if packed else raw
            writer = FileWriter(
                cast("BinaryIO", file), kind, fields, escape=invocation.option("escape_csv_formulae")
            )
            batch = invocation.option("documents_per_batch")
            async with aclosing(scan.pages(database, aql, bind_vars, batch_size=batch)) as pages:
                async for page in pages:
                    writer.add(page)
                    rows += len(page)
                    await meter(rows, None, name)
            writer.end()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    shown = path.relative_to(invocation.cwd) if path.is_relative_to(invocation.cwd) else path
    return {"file": str(shown), "rows": rows}


class FileWriter:
    """Rows in one of the formats, page by page."""

    def __init__(self, file: BinaryIO, kind: str, fields: Sequence[str], *, escape: bool) -> None:
        self._file, self._kind, self._fields, self._escape = file, kind, fields, escape
        self._rows = csv.writer(self, lineterminator="\n")
        self._first = True
        if kind == "csv":
            self._rows.writerow(fields)

    def write(self, text: str) -> int:
        """For the CSV writer: text as UTF-8."""
        return self._file.write(text.encode())

    def add(self, page: Sequence[Any]) -> None:
        """Write some rows."""
        for row in page:
            match self._kind:
                case "jsonl":
                    self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                case "json":
                    self._file.write((b"[\n" if self._first else b",\n") + orjson.dumps(row))
                case _:
                    facts = cast("dict[str, Any]", row) if isinstance(row, dict) else dict[str, Any]()
                    self._rows.writerow([self._cell(facts.get(name)) for name in self._fields])
            self._first = False

    def end(self) -> None:
        """Close the array of JSON."""
        if self._kind == "json":
            self._file.write(b"[]\n" if self._first else b"\n]\n")

    def _cell(self, value: object) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            return orjson.dumps(value).decode()
        return f"'{value}" if self._escape and value.startswith(_FORMULA) else value


IMPORT = Command(
    description="Read documents from a file into a collection, with arangoimport's option words. The exit "
    "code is 1 if a document was not stored; which ones is on standard error.",
    examples=(
        ("import --file u.jsonl --collection users --create-collection", "a document a line"),
        (
            "import --file users.csv --collection users --translate id=_key --on-duplicate update",
            "rows of CSV",
        ),
        ("import --file users.json --collection users --dry-run", "counts what is in the file"),
    ),
    arguments=_import_arguments,
    run=_run_import,
)
EXPORT = Command(
    description="Write collections, or the rows of a query, into files, with arangoexport's option words.",
    examples=(
        ("export --collection users --output-directory out", "out/users.jsonl"),
        ("export --collection users --type csv --fields _key,name", "two columns"),
        ('export --custom-query "FOR u IN users RETURN u.name" --type json', "export/query.json"),
    ),
    arguments=_export_arguments,
    run=_run_export,
)
