"""Rows cut to the limits and written in the format that was asked for (pure)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from mcp_arangodb_async.errors import LimitError
from mcp_arangodb_async.tools.result import Format, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The rows that fit, their JSON, and how many of the given rows that is."""

    rows: Sequence[Any]
    encoded: bytes
    taken: int


def encode(value: Any) -> bytes:
    """The value's compact JSON.

    The fast library refuses integers beyond 64 bits, lone surrogates and deep nesting; the standard one
    writes them (surrogates escaped).
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":")).encode()


def cut(rows: Sequence[Any], limits: Limits) -> Cut:
    """As many leading rows as the limits allow.

    A first row that alone is larger than the limit is an error, as it could never be shown.
    """
    kept = rows[: limits.rows] if len(rows) > limits.rows else rows
    encoded = encode(kept)
    if len(encoded) <= limits.bytes:
        return Cut(rows=kept, encoded=encoded, taken=len(kept))
    size, taken = 1, 0  # the brackets, less the comma that the last row has not
    for row in kept:
        size += len(encode(row)) + 1
        if size > limits.bytes:
            break
        taken += 1
    if taken == 0:
        raise LimitError(
            f"one row is {size - 2} bytes, more than the {limits.bytes} a call may return",
            hint="return fewer attributes of it, for example RETURN KEEP(doc, 'a', 'b')",
        )
    kept = kept[:taken]
    return Cut(rows=kept, encoded=encode(kept), taken=taken)


def columns_of(rows: Iterable[Any]) -> list[str]:
    """The union of the rows' attributes, in order of first appearance; `value` holds what is no object."""
    seen: dict[str, None] = {}
    for row in rows:
        for name in record_of(row):
            seen[name] = None
    return list(seen)


def record_of(row: Any) -> dict[str, Any]:
    """The row itself if it is an object, else an object with it as `value`."""
    return cast("dict[str, Any]", row) if isinstance(row, dict) else {"value": row}


def table(rows: Sequence[Any]) -> tuple[list[str], list[list[Any]]]:
    """The rows as column names and lists of values; a missing attribute is null."""
    columns = columns_of(rows)
    lines: list[list[Any]] = []
    for row in rows:
        record = record_of(row)
        lines.append([record.get(column) for column in columns])
    return columns, lines


def written(rows: Sequence[Any], format: Format) -> str:
    """The rows as text in a format that is not JSON."""
    match format:
        case "markdown":
            return markdown(rows)
        case "csv":
            return as_csv(rows)
        case "yaml":
            return "\n".join(as_yaml(list(rows), 0)) + "\n"
        case "json" | "columns":
            raise ValueError(f"{format} is a JSON format")


def cell(value: Any) -> str:
    """One value as plain text: strings as they are, null as nothing, the rest as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()


def markdown(rows: Sequence[Any]) -> str:
    """A Markdown table."""
    columns, lines = table(rows)
    if not columns:
        return "(no rows)"
    shown = [
        columns,
        ["---"] * len(columns),
        *[[markdown_cell(value) for value in line] for line in lines],
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in shown)


def markdown_cell(value: Any) -> str:
    text = cell(value).replace("\\", "\\\\").replace("|", "\\|")
    return re.sub(r"\r\n|[\r\n]", "<br>", text)


def as_csv(rows: Sequence[Any]) -> str:
    """CSV as in RFC 4180, with a header line; nested values are JSON."""
    columns, lines = table(rows)
    if not columns:
        return ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in line] for line in lines)
    return out.getvalue()


# A string that no YAML reader could take for anything else.
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./ -]*[A-Za-z0-9_]|[A-Za-z]")
# Characters that YAML forbids or takes for a line's end, and JSON does not.
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
RESERVED = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}


def yaml_scalar(value: Any) -> str:
    """A scalar as YAML; a string that could be mistaken is quoted as in JSON, which is YAML too."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in RESERVED:
        return value
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", encode(value).decode())


def as_yaml(value: Any, indent: int) -> list[str]:
    """The value as lines of block YAML."""
    space = "  " * indent
    if isinstance(value, dict) and value:
        lines: list[str] = []
        members = cast("dict[str, Any]", value)
        for name, member in members.items():
            key = yaml_scalar(str(name))
            if isinstance(member, dict | list) and member:
                lines += [f"{space}{key}:", *as_yaml(member, indent + 1)]
            else:
                lines.append(f"{space}{key}: {yaml_scalar(member)}")
        return lines
    if isinstance(value, list) and value:
        lines = []
        items = cast("list[Any]", value)
        for item in items:
            inner = as_yaml(item, indent + 1)
            first = inner[0].removeprefix("  " * (indent + 1))
            lines += [f"{space}- {first}", *inner[1:]]
        return lines
    return [space + yaml_scalar(value)]
