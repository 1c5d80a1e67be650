"""One page of a result: cut to the limits, the rest behind a `next` handle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mcp_arangodb_async.connections import Page, close_cursor, next_page
from mcp_arangodb_async.errors import LimitError, MaaError, NotFoundError
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.continuations import Continuation
from mcp_arangodb_async.tools.result import Format, Limits, Rows
from mcp_arangodb_async.tools.rows import cut

# What a query cost, as far as it helps to write a better one.
TOLD = (
    "writesExecuted", "writesIgnored", "scannedFull", "scannedIndex", "filtered", "fullCount",
    "executionTime", "peakMemoryUsage",
)  # fmt: skip


def call_limits_for(call: Call, max_rows: int | None) -> Limits:
    """The call's limits with the number of rows that was asked for, which can only lower it."""
    if max_rows is None or max_rows >= call.limits.rows:
        return call.limits
    return replace(call.limits, rows=max_rows)


def told_stats(stats: Mapping[str, Any]) -> dict[str, Any]:
    """What a query cost, without what is zero."""
    told = {name: stats[name] for name in TOLD if stats.get(name)}
    if "executionTime" in told:
        told["executionTime"] = round(told["executionTime"], 6)
    return told


async def first_page(
    call: Call, page: Page, *, limits: Limits, format: Format, facts: Mapping[str, Any] | None = None
) -> Rows:
    """The answer to a query that just ran."""
    return await shown(
        call,
        page.rows,
        page.cursor_id,
        database=call.key,
        limits=limits,
        format=format,
        warnings=[described_warning(warning) for warning in page.warnings],
        stats=told_stats(page.stats),
        facts=facts,
    )


async def continued(call: Call, handle: str, *, limits: Limits, format: Format) -> Rows:
    """The answer to a call that continues an earlier one with its `next`."""
    continuations = call.around.continuations
    rest = await continuations.take(handle, call.owner)
    try:
        call.require("read", "reading", key=rest.database)
        rows, cursor = list(rest.rows), rest.cursor
        database = await call.database(rest.database)
        while cursor is not None and len(rows) < limits.rows:
            page = await next_page(database, cursor)
            rows += page.rows
            cursor = page.cursor_id
        facts = {"database": rest.database, "resolved_by": "next"}
        return await shown(
            call, rows, cursor, database=rest.database, limits=limits, format=format, facts=facts
        )
    except NotFoundError as error:
        raise NotFoundError(
            "the server no longer has the rest of this result",
            field="next",
            database=rest.database,
            arango_error_num=error.arango_error_num,
            hint="run the query again",
        ) from error
    except MaaError:
        await continuations.put_back(handle, rest)
        raise


async def shown(
    call: Call,
    rows: Sequence[Any],
    cursor: str | None,
    *,
    database: str,
    limits: Limits,
    format: Format,
    warnings: Sequence[Mapping[str, Any]] = (),
    stats: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Rows:
    """The rows that fit, with a handle for the others."""
    try:
        fitting = cut(rows, limits)
    except LimitError as error:
        # The row that can never be shown is passed over, so that `next` leads on.
        handle = await keep(call, rows[1:], cursor, database=database, size=0)
        if handle is None:
            raise
        raise LimitError(
            error.message, hint=f"{error.hint}; or continue behind it with next={handle}"
        ) from error
    rest = rows[fitting.taken :]
    size = len(fitting.encoded) * len(rest) // max(fitting.taken, 1)
    handle = await keep(call, rest, cursor, database=database, size=size)
    return Rows(
        rows=fitting.rows,
        encoded=fitting.encoded,
        format=format,
        truncated=handle is not None,
        next=handle,
        warnings=warnings,
        stats=stats or None,
        facts=facts or {},
    )


async def keep(
    call: Call, rows: Sequence[Any], cursor: str | None, *, database: str, size: int
) -> str | None:
    """A handle for what is left; None if nothing is. Cursors that make room for it are closed."""
    if not rows and cursor is None:
        return None
    rest = Continuation(owner=call.owner, database=database, rows=rows, size=size, cursor=cursor)
    handle, dropped = await call.around.continuations.keep(rest)
    for gone in dropped:
        await give_up(call, gone)
    return handle


async def give_up(call: Call, gone: Continuation) -> None:
    """Close the cursor of a rest that had to make room."""
    if gone.cursor is not None:
        with suppress(MaaError):  # it expires on the server by itself
            await close_cursor(await call.database(gone.database), gone.cursor)


def described_warning(warning: Mapping[str, Any]) -> dict[str, Any]:
    """A warning of the server, without its repetitions."""
    return {"code": warning.get("code"), "message": warning.get("message")}
