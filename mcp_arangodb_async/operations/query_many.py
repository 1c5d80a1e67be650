"""One query on several databases at the same time; the answer of each, and which of them agree."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import orjson

from mcp_arangodb_async.connections import QueryOptions, call_limits, close_cursor
from mcp_arangodb_async.connections.statement import describe_statement
from mcp_arangodb_async.errors import CancelledCallError, DeadlineError, MaaError
from mcp_arangodb_async.operations.reading import read_only_query, refuse_writes

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyOptions:
    """The bounds: seconds and rows for each database, bytes for all of their rows together."""

    seconds: float = 30.0
    rows: int = 100
    bytes: int = 200_000
    at_once: int = 8


class Answered(TypedDict):
    """Every database with its status, and the rows; databases that answered the same stand together."""

    databases: list[Json]
    answers: list[Json]
    ok: int
    failed: int
    identical: bool
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one database answered."""

    key: str
    status: str
    milliseconds: float
    rows: list[Any]
    more: bool = False
    error: Json | None = None


async def query_many(
    keys: Sequence[str],
    database: Callable[[str], Awaitable[ArangoDatabase]],
    aql: str,
    bind_vars: Mapping[str, Any] | None,
    options: ManyOptions,
) -> Answered:
    """Run a query that only reads on each database; one that fails or is late does not touch the others."""
    # Once for all: that it may not write is the caller's mistake, not a database's.
    refuse_writes(describe_statement(aql), database=keys[0] if keys else "")
    turns = asyncio.Semaphore(options.at_once)

    async def one(key: str) -> Outcome:
        async with turns:
            return await _ask(key, database, aql, bind_vars, options)

    outcomes = await asyncio.gather(*(one(key) for key in keys))
    return grouped(outcomes, options)


async def _ask(
    key: str,
    database: Callable[[str], Awaitable[ArangoDatabase]],
    aql: str,
    bind_vars: Mapping[str, Any] | None,
    options: ManyOptions,
) -> Outcome:
    started = time.monotonic()

    def outcome(status: str, rows: list[Any], *, more: bool = False, error: Json | None = None) -> Outcome:
        took = round((time.monotonic() - started) * 1000, 1)
        return Outcome(key=key, status=status, milliseconds=took, rows=rows, more=more, error=error)

    try:
        with call_limits(deadline_seconds=options.seconds, repeatable=True):
            handle = await database(key)
            page = await read_only_query(
                handle,
                aql,
                dict(bind_vars or {}),
                options=QueryOptions(batch_size=options.rows, max_runtime=options.seconds),
            )
            if page.cursor_id is not None:
                await close_cursor(handle, page.cursor_id)
            return outcome("ok", page.rows, more=page.cursor_id is not None)
    except (DeadlineError, CancelledCallError) as error:
        return outcome("timeout", [], error={"code": error.code, "message": error.message})
    except MaaError as error:
        told = {"code": error.code, "message": error.message, "arango_error_num": error.arango_error_num}
        return outcome("error", [], error={name: value for name, value in told.items() if value is not None})


def grouped(outcomes: Sequence[Outcome], options: ManyOptions) -> Answered:
    """The outcomes with equal rows together, cut to the limit on bytes (pure)."""
    groups: dict[bytes, list[Outcome]] = {}
    for one in outcomes:
        if one.status == "ok":
            encoded = orjson.dumps([one.rows, one.more], option=orjson.OPT_SORT_KEYS)
            groups.setdefault(encoded, []).append(one)
    share = options.bytes // max(1, len(groups))
    answers: list[Json] = []
    cut = False
    for group in groups.values():
        rows = _within(group[0].rows, share)
        cut = cut or len(rows) < len(group[0].rows) or group[0].more
        answers.append(
            {
                "databases": [one.key for one in group],
                "row_count": len(rows),
                "truncated": len(rows) < len(group[0].rows) or group[0].more,
                "rows": rows,
            }
        )
    ok = sum(one.status == "ok" for one in outcomes)
    told = [
        {
            "database": one.key,
            "status": one.status,
            "ms": one.milliseconds,
            **({"error": one.error} if one.error else {}),
        }
        for one in outcomes
    ]
    return Answered(
        databases=told,
        answers=answers,
        ok=ok,
        failed=len(outcomes) - ok,
        identical=len(groups) == 1 and ok == len(outcomes),
        truncated=cut,
    )


def _within(rows: list[Any], size: int) -> list[Any]:
    kept: list[Any] = []
    for row in rows:
        size -= len(orjson.dumps(row)) + 1
        if size < 0:
            break
        kept.append(row)
    return kept
