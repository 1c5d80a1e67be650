"""Rows as files: JSON Lines, CSV, Parquet; each is written chunk by chunk, on a thread.

Values are as exact as in any answer: JSON Lines and CSV hold what `values.py` shows; Parquet has columns of
integers, doubles, booleans and bytes where the first chunk holds nothing else, and the same texts otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Literal, Protocol

from mcp_arangodb_async.connections.sql.connection import Column, Row
from mcp_arangodb_async.errors import ConfigError, InputError
from mcp_arangodb_async.sql.values import encoded, shown, shown_lists, shown_rows, unique_names

ExportFormat = Literal["jsonl", "csv", "parquet"]
MIME_TYPES: Mapping[ExportFormat, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
LARGEST, SMALLEST = 2**63 - 1, -(2**63)


class Writer(Protocol):
    """Writes the chunks of one result into one file; used by one thread at a time."""

    def write(self, rows: Sequence[Row], columns: Sequence[Column]) -> None:
        """Append a chunk; `columns` are its own, which differ between pages of documents only."""
        ...

    def finish(self) -> None:
        """Write what belongs to the end; the file stays open."""
        ...


class JsonLines:
    """A JSON object for each row, with a line end behind it."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:  # noqa: ARG002 - as the others
        self._file = file

    def write(self, rows: Sequence[Row], columns: Sequence[Column]) -> None:
        # One by one: the encoder gives out more memory than its texts need.
        for row in shown_rows(columns, rows):
            self._file.write(encoded(row))
            self._file.write(b"\n")

    def finish(self) -> None:
        """Nothing stands behind the rows."""


class Csv:
    """A head and the rows, as RFC 4180 has them; null is nothing, texts are in quotation marks.

    A null that is its row's only value is an empty line, as in PostgreSQL's own CSV.
    """

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._file = file
        self._columns = columns
        self._write([unique_names(columns)])

    def write(self, rows: Sequence[Row], columns: Sequence[Column]) -> None:
        self._write(shown_lists(self._columns, realigned(rows, columns, self._columns)))

    def finish(self) -> None:
        """Nothing stands behind the rows."""

    def _write(self, lines: Sequence[Sequence[Any]]) -> None:
        text = "".join(f"{','.join(map(cell, one))}\r\n" for one in lines)
        self._file.write(text.encode("utf-8", "surrogatepass"))


def realigned(rows: Sequence[Row], columns: Sequence[Column], wanted: Sequence[Column]) -> Sequence[Row]:
    """The rows with the columns that the file began with; InputError where they have others."""
    if columns == wanted:
        return rows
    here = [column.name for column in columns]
    known = [column.name for column in wanted]
    new = next((name for name in here if name not in known), None)
    if new is not None:
        raise InputError(
            f"attribute {new!r} comes after the first page, and the file's columns are those of that page",
            hint="export to jsonl, or return the same attributes of every document",
        )
    places = [here.index(name) if name in here else None for name in known]
    return [tuple(None if at is None else row[at] for at in places) for row in rows]


def cell(value: Any) -> str:
    """A shown value in CSV: texts in quotation marks, numbers and truth bare, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    if isinstance(value, dict | list):
        return cell(encoded(value).decode())
    return encoded(value).decode()


class Parquet:
    """Parquet with a row group for about each `GROUP_BYTES`; the types are decided by the first chunk."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._file = file
        self._columns = columns
        self._names = unique_names(columns)
        self._arrow = arrow()
        self._kinds: list[str] = []
        self._writer: Any = None
        self._waiting: list[Any] = []
        self._size = 0

    def write(self, rows: Sequence[Row], columns: Sequence[Column]) -> None:
        rows = realigned(rows, columns, self._columns)
        if self._writer is None:
            self._begin(rows)
        arrays = [
            self._array(index, kind, [row[index] for row in rows]) for index, kind in enumerate(self._kinds)
        ]
        batch = self._arrow.record_batch(arrays, schema=self._schema)
        self._waiting.append(batch)
        self._size += batch.nbytes
        if self._size >= GROUP_BYTES:
            self._flush()

    def finish(self) -> None:
        if self._writer is None:
            self._begin([])
        self._flush()
        writer: Any = self._writer
        writer.close()

    def _begin(self, rows: Sequence[Row]) -> None:
        self._kinds = [kind_of([row[index] for row in rows]) for index in range(len(self._columns))]
        types = {name: getattr(self._arrow, made)() for name, made in ARROW_TYPES.items()}
        self._schema = self._arrow.schema(
            [
                self._arrow.field(name, types[kind], metadata={"sql_type": column.type})
                for name, kind, column in zip(self._names, self._kinds, self._columns, strict=True)
            ]
        )
        import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs] - pyarrow has no stubs

        parquet: Any = pyarrow.parquet
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def _flush(self) -> None:
        if self._waiting:
            table = self._arrow.Table.from_batches(self._waiting, schema=self._schema)
            self._waiting, self._size = [], 0
            self._writer.write_table(table)

    def _array(self, index: int, kind: str, values: Sequence[Any]) -> Any:
        types = self._schema.field(index).type
        if kind == "text":
            values = [as_text(value) for value in values]
        elif not all(value is None or FITS[kind](value) for value in values):
            odd = next(value for value in values if value is not None and not FITS[kind](value))
            raise InputError(
                f"column {self._names[index]!r} began as {kind} and holds {type(odd).__name__} later on",
                hint="cast the column to text in the statement, or export to jsonl",
            )
        return self._arrow.array(values, type=types)


GROUP_BYTES = 8 * 1024 * 1024
ARROW_TYPES = {
    "integers": "int64",
    "numbers": "float64",
    "booleans": "bool_",
    "bytes": "large_binary",
    "text": "large_string",
}


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and SMALLEST <= value <= LARGEST


def is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def is_number(value: object) -> bool:
    return isinstance(value, float)


def is_bytes(value: object) -> bool:
    return isinstance(value, bytes)


FITS: Mapping[str, Callable[[object], bool]] = {
    "booleans": is_boolean,
    "integers": is_integer,
    "numbers": is_number,
    "bytes": is_bytes,
}


def kind_of(values: Sequence[object]) -> str:
    """What a column holds, judged by these values; `text` takes anything."""
    known = [value for value in values if value is not None]
    if not known:
        return "text"
    return next((kind for kind, fits in FITS.items() if all(map(fits, known))), "text")


def as_text(value: Any) -> str | None:
    """A value as the text that JSON Lines would show."""
    if value is None:
        return None
    told = shown(value)
    return told if isinstance(told, str) else encoded(told).decode()


def arrow() -> Any:
    """The library of Parquet; loaded by the first file that needs it."""
    try:
        import pyarrow  # pyright: ignore[reportMissingTypeStubs] - it has none
    except ImportError:
        raise ConfigError(
            "export: parquet: the library is not installed", hint='pip install "mcp-arangodb-async[sql]"'
        ) from None
    return pyarrow


WRITERS: Mapping[ExportFormat, Callable[[IO[bytes], Sequence[Column]], Writer]] = {
    "jsonl": JsonLines,
    "csv": Csv,
    "parquet": Parquet,
}
