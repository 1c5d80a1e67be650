"""Streams of several environments at the same time, page by page; each chunk says whose it is.

    positions = [Position(environment=name) for name in names]
    page = await next_page(environments, positions, statement, limits=PageLimits(...), arrived=tell)

A page takes from every stream what its share of the limits allows. What is left waits: rows that were
fetched in the position, the others on the server, which makes no row that nobody asked for. Positions are
plain data, so that they can wait anywhere; the rows on the server wait for this process, a minute at most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mcp_arangodb_async.connections.sql.connection import Column
from mcp_arangodb_async.errors import LimitError, MaaError, NotFoundError
from mcp_arangodb_async.sql.answer import Answer, QueryLimits
from mcp_arangodb_async.sql.router import AT_ONCE, Environments, Status, error_facts, status_of
from mcp_arangodb_async.sql.values import encoded, shown_rows, unique_names

StreamStatus = Literal["open", "stopped"] | Status
# No fetch is begun with less time than this.
LEAST_SECONDS = 0.2


@dataclass(slots=True, kw_only=True)
class Position:
    """How far one environment's stream was read: chunks and rows so far, and what waits.

    `status` is `open` while there is more, `ok` after the last row, `stopped` by its caller, else how it
    failed.
    """

    environment: str
    status: StreamStatus = "open"
    sequence: int = 0
    rows: int = 0
    waiting: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    rest: str | None = None
    began: bool = False
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some rows of one environment, as JSON can hold them; `sequence` counts its chunks from 0."""

    environment: str
    sequence: int
    rows: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLimits:
    """How much one page holds, of all streams together, and how long it may take."""

    chunk_rows: int
    rows: int
    bytes: int
    seconds: float

    def share(self, streams: int) -> PageLimits:
        """The part of one of so many streams."""
        number = max(1, streams)
        return PageLimits(
            chunk_rows=self.chunk_rows,
            rows=max(1, self.rows // number),
            bytes=max(4096, self.bytes // number),
            seconds=self.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatement:
    """What all streams run."""

    text: str
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPage:
    """The chunks of one page in the order of their sequence, and why streams ended in it."""

    chunks: Sequence[Chunk]
    failures: Mapping[str, MaaError]


Arrived = Callable[[Chunk], Awaitable[None]]


async def next_page(
    environments: Environments,
    positions: Sequence[Position],
    statement: StreamStatement | None,
    *,
    limits: PageLimits,
    arrived: Arrived,
) -> StreamPage:
    """The next chunks of every stream that is open; positions are moved on.

    `statement` begins streams that have not begun. One that fails ends with its status, the others go on. A
    caller who is cancelled ends all of them, on their servers.
    """
    active = [one for one in positions if one.status == "open"]
    share = limits.share(len(active))
    places = asyncio.Semaphore(AT_ONCE)

    failures: dict[str, MaaError] = {}

    async def turn(position: Position) -> list[Chunk]:
        chunks: list[Chunk] = []
        async with places:
            try:
                async for chunk in _turn(environments, position, statement, share):
                    chunks.append(chunk)
                    await arrived(chunk)
            except MaaError as error:
                end(environments, position)
                position.status, position.error = status_of(error), error_facts(error)
                failures[position.environment] = error
        return chunks

    try:
        found = await asyncio.gather(*(turn(position) for position in active))
    except BaseException:
        for position in positions:
            end(environments, position)
        raise
    order = {position.environment: index for index, position in enumerate(positions)}
    chunks = sorted(
        (chunk for part in found for chunk in part),
        key=lambda chunk: (chunk.sequence, order[chunk.environment]),
    )
    return StreamPage(chunks=chunks, failures=failures)


def end(environments: Environments, position: Position) -> None:
    """Give up what is left of a stream; its cursor ends on the server."""
    if position.rest is not None and position.environment in environments.names:
        environments.get(position.environment).forget(position.rest)
    position.rest, position.waiting = None, []


def is_open(positions: Sequence[Position]) -> bool:
    """Whether any stream has more."""
    return any(position.status == "open" for position in positions)


def waiting_bytes(positions: Sequence[Position]) -> int:
    """About how many bytes wait in the positions."""
    return sum(len(encoded(row)) for position in positions for row in position.waiting)


def recorded(positions: Sequence[Position]) -> list[dict[str, Any]]:
    """The positions as plain data."""
    return [asdict(position) for position in positions]


def recalled(recorded_ones: Sequence[Mapping[str, Any]]) -> list[Position]:
    """The positions of plain data."""
    return [Position(**one) for one in recorded_ones]


async def _turn(
    environments: Environments,
    position: Position,
    statement: StreamStatement | None,
    limits: PageLimits,
) -> AsyncGenerator[Chunk]:
    """One stream's part of a page."""
    ends_at = time.monotonic() + limits.seconds
    rows, size, first = limits.rows, limits.bytes, True
    while rows > 0 and size > 0:
        if not position.waiting and not await _fetch(
            environments, position, statement, limits, ends_at, at_once=first
        ):
            break
        taken, used = fitting(position.waiting, min(rows, limits.chunk_rows), size, first=first)
        if not taken:
            break
        chunk = Chunk(environment=position.environment, sequence=position.sequence, rows=taken)
        position.waiting = position.waiting[len(taken) :]
        position.sequence += 1
        position.rows += len(taken)
        rows, size, first = rows - len(taken), size - used, False
        yield chunk
    if not position.waiting and position.rest is None:
        position.status = "ok"


async def _fetch(
    environments: Environments,
    position: Position,
    statement: StreamStatement | None,
    limits: PageLimits,
    ends_at: float,
    *,
    at_once: bool,
) -> bool:
    """Fetch rows to wait; False where there are none, or no time is left for them."""
    seconds = ends_at - time.monotonic()
    if seconds < LEAST_SECONDS and not at_once:
        return False
    bound = QueryLimits(rows=limits.chunk_rows, bytes=limits.bytes, seconds=max(seconds, LEAST_SECONDS))
    environment = environments.get(position.environment)
    if not position.began:
        assert statement is not None, "streams begin with their statement"
        answer = await environment.query(
            statement.text, statement.parameters, limits=bound, hold=True, granted="read"
        )
        position.began = True
        position.facts = answer_facts(answer)
    elif position.rest is not None:
        rest, position.rest = position.rest, None
        try:
            answer = await environment.more(rest, limits=bound)
        except NotFoundError as error:
            error.hint = "run the statement again; a stream waits a minute at most for its next page"
            raise
    else:
        return False
    position.rest = answer.rest
    position.waiting = shown_rows(answer.columns, answer.rows)
    return bool(position.waiting)


def fitting(
    rows: Sequence[dict[str, Any]], count: int, size: int, *, first: bool
) -> tuple[Sequence[dict[str, Any]], int]:
    """The leading rows that fit, and their bytes; LimitError for a first row that never will."""
    used = taken = 0
    for row in rows[:count]:
        length = len(encoded(row)) + 1
        if used + length > size:
            break
        used += length
        taken += 1
    if not taken and first and rows:
        raise LimitError(
            f"one row is {len(encoded(rows[0]))} bytes, more than the {size} of a stream's part of a page",
            hint="select fewer columns, ask fewer environments at once, or export to a file",
        )
    return rows[:taken], used


def answer_facts(answer: Answer) -> dict[str, Any]:
    """What is told about a stream once."""
    return {
        "engine": answer.engine,
        "version": answer.version,
        "access": answer.access,
        "types": answer_types(answer.columns),
    }


def answer_types(columns: Sequence[Column]) -> dict[str, str]:
    """The engine's words for the types of columns, by name."""
    return dict(zip(unique_names(columns), (column.type for column in columns), strict=True))
