"""Our results and errors become MCP results.

Some clients show the model only `structuredContent`, others only `content`, and structured rows cost the SDK
twelve times the CPU of text. So rows travel as text alone, and everything else in both forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.tools.bounding import bounded
from mcp_arangodb_async.tools.result import Limits, Link, Relayed, Rows, Streamed
from mcp_arangodb_async.tools.rows import cut, encode, table, written

# What is told about an error: the contract's shape, in its order.
ERROR_FACTS = ("hint", "database", "arango_error_num", "field", "did_you_mean")
# Members that say something by being null: there is no focus, nothing could be resolved.
NULL_SAYS = frozenset(
    {"focused_database", "resolved_database", "resolved_level", "current_stage", "from_stage"}
)
# Members in which results repeat what a server or driver said.
SAID = frozenset({"error", "problem", "message", "hint", "reason"})
WireResult = dict[str, Any]
# How much may stand beside the rows.
FACTS_BYTES = 16 * 1024


def as_it_is(text: str) -> str:
    """For errors that cannot hold a secret."""
    return text


def text(value: str) -> dict[str, str]:
    """A text block."""
    return {"type": "text", "text": value}


def link_block(link: Link) -> dict[str, Any]:
    """A link to something that can be read."""
    return {
        "type": "resource_link",
        "uri": link.uri,
        "name": link.name,
        "title": link.title,
        "description": link.description,
        "mimeType": link.mime_type,
        "size": link.size,
    }


def rendered(
    result: Rows | Streamed | Relayed | Mapping[str, Any],
    facts: Mapping[str, Any],
    limits: Limits,
    redact: Callable[[str], str] = as_it_is,
) -> WireResult:
    """A tool's result as an MCP result; `facts` (which database) are added to it.

    `redact` takes secrets out of the errors that stand inside a result, as it does with errors themselves.
    """
    if isinstance(result, Relayed):
        return dict(result.wire)
    if isinstance(result, Rows):
        if result.facts:
            result = replace(result, facts=without_secrets(result.facts, redact))
        return {"content": rows_content(result, facts, limits), "isError": False, "resultType": "complete"}
    if isinstance(result, Streamed):
        told = encode(without_secrets(plain(result.document), redact)).decode()
        content = [text(told), *(link_block(link) for link in result.links)]
        return {"content": content, "isError": False, "resultType": "complete"}
    document, encoded = bounded(without_secrets({**plain(result), **facts}, redact), limits.bytes)
    return {
        "content": [text(encoded.decode())],
        "structuredContent": document,
        "isError": False,
        "resultType": "complete",
    }


def without_secrets(
    document: Mapping[str, Any], redact: Callable[[str], str], depth: int = 4
) -> dict[str, Any]:
    """The document with what servers said, in the members that hold that, without secrets."""
    if not any(isinstance(value, dict | list) for value in document.values()) and SAID.isdisjoint(document):
        return dict(document)
    return {
        name: redact(value)
        if name in SAID and isinstance(value, str)
        else searched(value, redact, depth)
        if isinstance(value, dict | list)
        else value
        for name, value in document.items()
    }


def searched(value: Any, redact: Callable[[str], str], depth: int) -> Any:
    """The same inside a member; errors stand near the top."""
    if depth == 0:
        return value
    if isinstance(value, dict):
        return without_secrets(cast("dict[str, Any]", value), redact, depth - 1)
    items = cast("list[Any]", value)
    if not any(isinstance(item, dict) for item in items[:1]):
        return items
    return [searched(item, redact, depth - 1) if isinstance(item, dict) else item for item in items]


def rows_content(rows: Rows, facts: Mapping[str, Any], limits: Limits) -> list[dict[str, str]]:
    """The text blocks of rows: one JSON document, or a table and then the facts about it."""
    shown, encoded, truncated = rows.rows, rows.encoded, rows.truncated
    if encoded is None:
        fitting = cut(rows.rows, limits)
        shown, encoded = fitting.rows, fitting.encoded
        truncated = truncated or fitting.taken < len(rows.rows)
    about: dict[str, Any] = {"row_count": len(shown), "truncated": truncated}
    if rows.next is not None:
        about["next"] = rows.next
    about |= {**facts, **facts_of(rows)}
    if rows.warnings:
        about["warnings"] = list(rows.warnings)
    if rows.stats:
        about["stats"] = rows.stats
    match rows.format:
        case "json":
            return [text(f'{{"rows":{encoded.decode()},{encode(about).decode()[1:]}')]
        case "columns":
            columns, lines = table(shown)
            return [text(encode({"columns": columns, "rows": lines, **about}).decode())]
        case "markdown" | "csv" | "yaml":
            return [text(written(shown, rows.format)), text(encode(about).decode())]


def facts_of(rows: Rows) -> dict[str, Any]:
    """The rows' further members, cut where they are long; `left_out` names those that were."""
    if not rows.facts:
        return {}
    shown, _ = bounded(dict(rows.facts), FACTS_BYTES)
    if shown.get("left_out"):
        shown.pop("truncated", None)
    return shown


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """A tool's document as clients see it: members that are null are left out, but for `NULL_SAYS`."""
    return {name: value for name, value in document.items() if value is not None or name in NULL_SAYS}


def error_document(
    error: MaaError,
    *,
    request_id: str,
    database: str | None = None,
    redact: Callable[[str], str] = as_it_is,
) -> dict[str, Any]:
    """The error's facts in the one shape that every tool, resource and route answers with.

    `redact` takes secrets out of its texts: some repeat what a server or a driver said.
    """
    facts: dict[str, Any] = {"code": error.code, "message": redact(error.message)}
    for name in ERROR_FACTS:
        value = getattr(error, name)
        if name == "hint" and value is not None:
            value = redact(value)
        if name == "database":
            value = value or database
        if value is not None and value != ():
            facts[name] = [*error.did_you_mean] if name == "did_you_mean" else value
    facts["request_id"] = request_id
    return {"error": facts}


def failed(
    error: MaaError,
    *,
    request_id: str,
    database: str | None = None,
    redact: Callable[[str], str] = as_it_is,
) -> WireResult:
    """An error as an MCP result."""
    document = error_document(error, request_id=request_id, database=database, redact=redact)
    return {
        "content": [text(encode(document).decode())],
        "structuredContent": document,
        "isError": True,
        "resultType": "complete",
    }


def unexpected(*, request_id: str, database: str | None = None) -> WireResult:
    """A bug as an MCP result: a reference to the log, and nothing from inside."""
    facts: dict[str, Any] = {
        "code": "internal",
        "message": f"an internal error; the server's log has it under {request_id}",
    }
    if database is not None:
        facts["database"] = database
    facts["request_id"] = request_id
    document = {"error": facts}
    return {
        "content": [text(encode(document).decode())],
        "structuredContent": document,
        "isError": True,
        "resultType": "complete",
    }
