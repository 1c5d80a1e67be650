"""Tools that stream results of SQL environments: pages of tagged chunks, or files to link to."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from mcp_arangodb_async.errors import InputError, MaaError
from mcp_arangodb_async.sql.export import Exported
from mcp_arangodb_async.sql.export_formats import ExportFormat
from mcp_arangodb_async.sql.router import error_facts, status_of
from mcp_arangodb_async.sql.streaming import (
    Chunk,
    PageLimits,
    Position,
    StreamStatement,
    answer_types,
    end,
    is_open,
    next_page,
    recalled,
    recorded,
    waiting_bytes,
)
from mcp_arangodb_async.tools.call import Call, described
from mcp_arangodb_async.tools.continuations import Continuation
from mcp_arangodb_async.tools.paging import call_limits_for
from mcp_arangodb_async.tools.resources import export_uri
from mcp_arangodb_async.tools.result import Link, Streamed
from mcp_arangodb_async.tools.spec import Args, Effect, Names, tool
from mcp_arangodb_async.tools.sql import STREAMS, chosen, environments_of, let_go

# An export of a gigabyte takes minutes on a slow disk.
EXPORT_SECONDS = 3600.0
# What stands beside the chunks of a page takes no more than this of its bytes.
RESERVE = 8 * 1024
TOLD_EVERY = 0.5


class StreamingArgs(Args):
    """A statement whose rows are streamed."""

    sql: str = Field("", description="One statement that reads")
    parameters: dict[str, Any] | None = Field(None, description="Values of :name")
    chunk_rows: int = Field(100, ge=1, le=10_000, description="Rows per chunk")
    """Rows of a chunk at most."""
    export: ExportFormat | None = Field(None, description="All rows into a file; the result links to it")
    """Write every row to a file for each environment: `jsonl`, `csv` or `parquet`; the answer links to it."""
    max_rows: int | None = Field(None, ge=1, le=1_000_000, description="Per page")
    """Rows of one page at most, of all streams together; never more than the server's own limit."""
    timeout: float | None = Field(None, gt=0, le=86_400, description="Seconds, per page")
    """Seconds one page may take."""
    next: str | None = Field(None, description="Continue")
    """The handle of the page before, given alone: the next chunks, good once."""
    stop: bool = Field(False, description="With next: end it")
    """With `next`: end the streams on their servers."""

    also: ClassVar = {"query": "sql", "params": "parameters", "maxRows": "max_rows"}


class StreamArgs(StreamingArgs):
    """Arguments of execute_streaming_query_env.

    Rows come from a cursor of the server that makes none before it is asked for: one page of chunks with each
    call, or all of them into a file. Progress is told with each chunk. What nobody asks for ends after a
    minute.
    """

    environment: str | None = Field(None, description="Default: focus, else the configured default")

    also: ClassVar = {**StreamingArgs.also, "env": "environment"}


class StreamManyArgs(StreamingArgs):
    """Arguments of execute_streaming_query_multi_env.

    Every environment has a stream of its own; one that fails ends with its status, the others go on. Chunks
    say whose they are and count from 0 for each environment.
    """

    environments: Names | None = Field(None, description="Default: all")

    also: ClassVar = {**StreamingArgs.also, "envs": "environments"}


@tool(
    title="Stream SQL",
    category="sql_environments",
    effect=Effect.EXPORT,
    uses_session=True,
    limit_seconds=EXPORT_SECONDS,
)
async def execute_streaming_query_env(call: Call, args: StreamArgs) -> Streamed:
    """Stream a statement's rows from an environment: page by page with next, or into a file."""
    if args.next is not None:
        return await continued(call, args, args.next)
    name, source = chosen(call, args.environment)
    result, failures = await begun(call, args, [name], {"resolved_by": source})
    if failures and not result.row_count:
        raise failures[name]
    return result


@tool(
    title="Stream SQL from several environments",
    category="sql_environments",
    effect=Effect.EXPORT,
    uses_session=False,
    limit_seconds=EXPORT_SECONDS,
)
async def execute_streaming_query_multi_env(call: Call, args: StreamManyArgs) -> Streamed:
    """Stream a statement's rows from several environments at once, in tagged chunks or into files."""
    if args.next is not None:
        return await continued(call, args, args.next)
    names = list(dict.fromkeys(args.environments or environments_of(call).names))
    return (await begun(call, args, names, {}))[0]


async def begun(
    call: Call, args: StreamingArgs, names: Sequence[str], facts: Mapping[str, Any]
) -> tuple[Streamed, Mapping[str, MaaError]]:
    """The first page of these environments, or their files; and which of them failed."""
    if not args.sql.strip():
        raise InputError("sql: is required, or next to continue a stream", field="sql")
    if args.stop:
        raise InputError("stop: ends a stream that next names", field="stop")
    if args.export is not None:
        return await exported(call, args.export, args, names, facts)
    positions = [Position(environment=name) for name in names]
    statement = StreamStatement(text=args.sql, parameters=args.parameters)
    return await page(call, args, positions, statement, facts)


async def continued(call: Call, args: StreamingArgs, handle: str) -> Streamed:
    """The next page of earlier streams, or their end."""
    if args.sql or args.export is not None:
        raise InputError("next: is given alone; sql and export belong to a stream's first call", field="next")
    continuations = call.around.continuations
    rest = await continuations.take(handle, call.owner)
    if rest.database != STREAMS:
        await continuations.put_back(handle, rest)
        raise InputError("next: belongs to the answer of another tool; continue it there", field="next")
    positions = recalled(rest.rows)
    if args.stop:
        for position in positions:
            end(environments_of(call), position)
            position.status = "stopped" if position.status == "open" else position.status
        return Streamed(document={"environments": told(positions), "truncated": False}, row_count=0)
    return (await page(call, args, positions, None, {}))[0]


async def page(
    call: Call,
    args: StreamingArgs,
    positions: Sequence[Position],
    statement: StreamStatement | None,
    facts: Mapping[str, Any],
) -> tuple[Streamed, Mapping[str, MaaError]]:
    """One page of streams, with a handle for the next one."""
    before = sum(position.rows for position in positions)

    async def arrived(chunk: Chunk) -> None:
        total = sum(position.rows for position in positions)
        await call.progress(total, None, f"{chunk.environment}: chunk {chunk.sequence}, {total} rows")

    limits = PageLimits(
        chunk_rows=args.chunk_rows,
        rows=call_limits_for(call, args.max_rows).rows,
        bytes=max(4096, call.limits.bytes - RESERVE),
        seconds=min(args.timeout or call.limits.seconds, call.limits.seconds),
    )
    found = await next_page(environments_of(call), positions, statement, limits=limits, arrived=arrived)
    handle = await kept(call, positions) if is_open(positions) else None
    document = {
        "chunks": [tagged(chunk) for chunk in found.chunks],
        "environments": told(positions, types=statement is not None),
        "truncated": handle is not None,
        "next": handle,
        **facts,
    }
    rows = sum(position.rows for position in positions) - before
    return Streamed(document=document, row_count=rows), found.failures


async def kept(call: Call, positions: Sequence[Position]) -> str:
    """A handle for what is left of the streams, which end if it cannot be kept."""
    rest = Continuation(
        owner=call.owner,
        database=STREAMS,
        rows=recorded(positions),
        size=waiting_bytes(positions),
        cursor=None,
    )
    try:
        handle, dropped = await call.around.continuations.keep(rest)
    except BaseException:
        for position in positions:
            end(environments_of(call), position)
        raise
    for gone in dropped:
        await let_go(call, gone)
    return handle


def tagged(chunk: Chunk) -> dict[str, Any]:
    """A chunk as clients see it."""
    return {
        "environment": chunk.environment,
        "sequence": chunk.sequence,
        "rows": chunk.rows,
        "row_count": len(chunk.rows),
    }


def told(positions: Sequence[Position], *, types: bool = False) -> dict[str, Any]:
    """How far each stream is; the types of its columns on the first page only."""
    return {
        one.environment: described(
            {
                "status": one.status,
                "rows": one.rows,
                "chunks": one.sequence,
                **{name: value for name, value in one.facts.items() if types or name != "types"},
                "error": one.error,
            }
        )
        for one in positions
    }


async def exported(
    call: Call,
    format: ExportFormat,
    args: StreamingArgs,
    names: Sequence[str],
    facts: Mapping[str, Any],
) -> tuple[Streamed, Mapping[str, MaaError]]:
    """A file of each environment's rows, written at the same time; and which of them failed."""
    environments = environments_of(call)
    exports = environments.exports
    assert exports is not None, "a server has a directory for them"
    failures: dict[str, MaaError] = {}
    grown = Telling(call)

    async def one(name: str) -> tuple[dict[str, Any], Link | None]:
        try:
            made = await exports.write(
                environments.get(name),
                args.sql,
                args.parameters,
                format=format,
                owner=call.owner,
                grown=grown.of(name),
            )
        except MaaError as error:
            failures[name] = error
            return {"status": status_of(error), "error": error_facts(error)}, None
        return file_facts(call, made), link_to(name, made)

    found = await asyncio.gather(*(one(name) for name in names))
    return Streamed(
        document={
            "environments": {name: about for name, (about, _) in zip(names, found, strict=True)},
            "truncated": False,
            **facts,
        },
        row_count=sum(about.get("rows", 0) for about, _ in found),
        links=[link for _, link in found if link is not None],
    ), failures


class Telling:
    """Progress of several files together, a few times a second at most."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._rows: dict[str, int] = {}
        self._last = 0.0

    def of(self, name: str) -> Callable[[int, int], Awaitable[None]]:
        """What is called when the file of an environment has grown."""

        async def grown(chunks: int, rows: int) -> None:
            self._rows[name] = rows
            now = time.monotonic()
            if now - self._last >= TOLD_EVERY:
                self._last = now
                total = sum(self._rows.values())
                await self._call.progress(total, None, f"{name}: chunk {chunks}, {total} rows written")

        return grown


def file_facts(call: Call, made: Exported) -> dict[str, Any]:
    """What is told about a file; its path to whoever sits at this machine."""
    return described(
        {
            "status": "ok",
            "rows": made.rows,
            "chunks": made.chunks,
            "format": made.format,
            "bytes": made.size,
            "uri": export_uri(made.name),
            "path": str(made.path) if call.choice.source == "stdio" else None,
            "expires": datetime.fromtimestamp(made.expires, UTC).isoformat(timespec="seconds"),
            "types": answer_types(made.columns),
        }
    )


def link_to(name: str, made: Exported) -> Link:
    """The link to a file."""
    return Link(
        uri=export_uri(made.name),
        name=made.name,
        title=f"Rows of {name}",
        description=f"{made.rows} rows of environment {name} as {made.format}",
        mime_type=made.mime_type,
        size=made.size,
    )
