"""Streams of several environments: tagged pages, ends told apart, cursors that end, bounded memory."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_arangodb_async.errors import DeadlineError, DeniedError
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.export import Exports
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.streaming import (
    Chunk,
    PageLimits,
    Position,
    StreamStatement,
    end,
    is_open,
    next_page,
    recalled,
    recorded,
)
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.world import World, in_file, nowhere, on_server, world

pytestmark = pytest.mark.server
MIB = 1024 * 1024
# So many rows of a kibibyte each.
WIDE = {
    "postgresql": "SELECT i, repeat(md5(i::text), 32) AS t FROM generate_series(1, {rows}) AS s(i)",
    "mariadb": "SELECT seq AS i, repeat(md5(seq), 32) AS t FROM seq_1_to_{rows}",
    "sqlite": "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {rows}) "
    "SELECT i, printf('%01024d', i) AS t FROM s",
}
# The same text for every engine: each has its own table of numbers.
SAME = "SELECT n FROM numbers ORDER BY n"
NUMBERS = "CREATE TABLE numbers (n int); INSERT INTO numbers VALUES " + ", ".join(
    f"({number})" for number in range(1, 21)
)


@pytest.fixture(scope="module")
def made(
    postgresql: SqlServer, mariadb: SqlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One environment of each kind, and one that is not there."""
    told = {
        server.kind: on_server(server, server.create_database(NUMBERS), eager=False)
        for server in (postgresql, mariadb)
    }
    file = sqlite_file(tmp_path_factory.mktemp("files") / "n.db", NUMBERS)
    told["sqlite"] = in_file(file, name="sqlite", eager=False)
    with world({**told, "nowhere": nowhere(eager=False)}) as one:
        yield one


async def quiet(_chunk: Chunk) -> None:
    """Nobody wants to be told."""


def limits(chunk_rows: int, rows: int = 1000, size: int = MIB, seconds: float = 10.0) -> PageLimits:
    return PageLimits(chunk_rows=chunk_rows, rows=rows, bytes=size, seconds=seconds)


async def read_all(
    environments: Environments, names: list[str], statement: str, page: PageLimits
) -> tuple[dict[str, list[Chunk]], list[Position], int]:
    """Every chunk by environment, the last positions, the number of pages; positions travel as JSON."""
    positions = [Position(environment=name) for name in names]
    chunks: dict[str, list[Chunk]] = {name: [] for name in names}
    told: StreamStatement | None = StreamStatement(text=statement)
    pages = 0
    while is_open(positions):
        found = await next_page(environments, positions, told, limits=page, arrived=quiet)
        for chunk in found.chunks:
            chunks[chunk.environment].append(chunk)
        positions = recalled(json.loads(json.dumps(recorded(positions))))
        told = None
        pages += 1
    return chunks, positions, pages


def idle(environments: Environments) -> bool:
    """Whether no connection is in use."""
    pools = [environments.get(name).pool for name in environments.names]
    return all(pool is None or pool.counters().in_use == 0 for pool in pools)


async def settled(environments: Environments) -> None:
    """Wait until every connection was made as new and given back."""

    async def is_idle() -> bool:
        return idle(environments)

    await until(is_idle)


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> float:
    """How long it took to become true."""
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - the servers send no event
            await asyncio.sleep(0.005)
    return time.monotonic() - started


@pytest.mark.parametrize(("chunk_rows", "rows"), [(1, 3), (3, 6), (7, 1000), (1000, 1000), (5, 15)])
def test_chunks_of_all_environments_are_tagged_and_complete(made: World, chunk_rows: int, rows: int) -> None:
    names = ["postgresql", "mariadb", "sqlite", "nowhere"]
    chunks, positions, pages = made.run(read_all(made.environments, names, SAME, limits(chunk_rows, rows)))
    for name in names[:3]:
        assert [row["n"] for chunk in chunks[name] for row in chunk.rows] == list(range(1, 21))
        assert [chunk.sequence for chunk in chunks[name]] == list(range(len(chunks[name])))
        assert all(len(chunk.rows) <= chunk_rows for chunk in chunks[name])
    # The one that is not there counts as a stream of the first page only.
    assert [position.status for position in positions[:3]] == ["ok"] * 3
    assert positions[3].status in {"error", "skipped"}
    assert pages >= 20 * 3 // (rows + 3)
    assert idle(made.environments)


def test_one_that_fails_in_the_middle_costs_the_others_nothing(made: World) -> None:
    # MariaDB and SQLite divide by zero in silence.
    text = "SELECT n, 10 / (15 - n) AS q FROM numbers WHERE n > :least"
    positions = [Position(environment=name) for name in ("postgresql", "sqlite")]
    statement = StreamStatement(text=text, parameters={"least": 0})
    seen: list[tuple[str, int]] = []

    async def arrived(chunk: Chunk) -> None:
        seen.append((chunk.environment, len(chunk.rows)))

    async def pages() -> None:
        told: StreamStatement | None = statement
        while is_open(positions):
            await next_page(made.environments, positions, told, limits=limits(4, 8), arrived=arrived)
            told = None

    made.run(pages())
    broken, well = positions
    assert (broken.status, well.status, well.rows) == ("error", "ok", 20)
    assert broken.error is not None
    assert "environment 'postgresql'" in broken.error["message"]
    assert "division by zero" in broken.error["message"]
    assert sum(count for name, count in seen if name == "postgresql") == broken.rows < 15
    made.run(settled(made.environments))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_giving_up_a_stream_ends_its_cursor_at_once(
    made: World, kind: str, request: pytest.FixtureRequest
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    environment = made.environments.get(kind)
    position = Position(environment=kind)
    statement = StreamStatement(text=WIDE[kind].format(rows=200_000))

    async def work() -> float:
        await next_page(made.environments, [position], statement, limits=limits(10, 10), arrived=quiet)
        assert environment.pool is not None
        assert (position.status, environment.pool.counters().in_use) == ("open", 1)
        end(made.environments, position)

        async def ended() -> bool:
            return not await asyncio.to_thread(open_statements, server) and idle(made.environments)

        return await until(ended)

    assert made.run(work()) < 2.0


def test_a_cancelled_page_ends_every_cursor(made: World, postgresql: SqlServer, mariadb: SqlServer) -> None:
    positions = [Position(environment=name) for name in ("postgresql", "mariadb", "sqlite")]
    first = StreamStatement(text="SELECT a.n FROM numbers a, numbers b, numbers c, numbers d ORDER BY 1")
    stuck = asyncio.Event()

    async def never(_chunk: Chunk) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async def work() -> float:
        await next_page(made.environments, positions, first, limits=limits(5, 15), arrived=quiet)
        assert all(position.status == "open" for position in positions)
        reading = asyncio.ensure_future(
            next_page(made.environments, positions, None, limits=limits(5, 3000), arrived=never)
        )
        await stuck.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

        async def ended() -> bool:
            running = [await asyncio.to_thread(open_statements, one) for one in (postgresql, mariadb)]
            return not any(running) and idle(made.environments)

        return await until(ended)

    assert made.run(work()) < 2.0
    assert all(position.rest is None and not position.waiting for position in positions)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_cancelled_export_leaves_no_file_and_no_cursor(
    made: World, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    exports = Exports(tmp_path, max_bytes=1024 * MIB, total_bytes=1024 * MIB, keep=60.0)
    begun = asyncio.Event()

    async def grown(_chunks: int, _rows: int) -> None:
        begun.set()

    async def work() -> float:
        writing = asyncio.ensure_future(
            exports.write(
                made.environments.get(kind),
                WIDE[kind].format(rows=500_000),
                None,
                format="jsonl",
                owner="ada",
                grown=grown,
            )
        )
        await begun.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

        async def ended() -> bool:
            return not await asyncio.to_thread(open_statements, server) and idle(made.environments)

        return await until(ended)

    assert made.run(work()) < 2.0
    assert not list(tmp_path.iterdir())


def open_statements(server: SqlServer) -> list[str]:
    """What the environment's user has open on the server, a cursor between two fetches included."""
    if server.kind == "postgresql":
        text = "SELECT query FROM pg_stat_activity WHERE usename = 'writer' AND state <> 'idle'"
        return server.run(text, "postgres").splitlines()
    text = "SELECT info FROM information_schema.processlist WHERE user = 'writer' AND info IS NOT NULL"
    return server.run(text, "mysql").splitlines()


def test_a_consumer_that_fails_leaves_no_rows_for_the_next_one(made: World) -> None:
    class TooMuchError(Exception):
        """The consumer's own."""

    async def first_chunk(environment: Environment, statement: str) -> None:
        async with environment.stream(statement, chunk_rows=10) as chunks:
            async for _ in chunks:
                raise TooMuchError

    async def work(kind: str) -> None:
        environment = made.environments.get(kind)
        for _ in range(3):
            with pytest.raises(TooMuchError):
                await first_chunk(environment, WIDE[kind].format(rows=20_000))
            assert (await environment.query("SELECT 42 AS n")).rows == [(42,)]

    for kind in WIDE:
        made.run(work(kind))

    made.run(settled(made.environments))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_stream_costs_no_more_than_the_policy_allows(made: World, kind: str) -> None:
    dear = "SELECT a.n FROM numbers a, numbers b, numbers c, numbers d ORDER BY 1"

    async def read(environment: Environment, statement: str) -> int:
        async with environment.stream(statement) as chunks:
            return sum([len(chunk) async for chunk in chunks])

    async def work() -> None:
        settings = made.settings[kind]
        capped = replace(settings, policy=replace(settings.policy, max_cost=20_000.0))
        environments = Environments({kind: capped})
        try:
            assert await read(environments.get(kind), SAME) == 20
            with pytest.raises(DeniedError, match="its cost is"):
                await read(environments.get(kind), dear)
        finally:
            await environments.close()

    made.run(work())


def test_a_stream_that_stalls_ends_with_its_own_status(made: World) -> None:
    slow = "SELECT count(*) FROM numbers a, numbers b, numbers c, numbers d, numbers e, numbers f, numbers g"
    positions = [Position(environment="sqlite"), Position(environment="postgresql")]
    page = limits(10, seconds=0.3)
    started = time.monotonic()
    found = made.run(
        next_page(made.environments, positions, StreamStatement(text=slow), limits=page, arrived=quiet)
    )
    assert time.monotonic() - started < 2.0
    assert [position.status for position in positions] == ["timeout", "timeout"]
    assert all(isinstance(error, DeadlineError) for error in found.failures.values())


@pytest.mark.parametrize("kind", list(WIDE))
def test_sixteen_mebibytes_pass_through_a_few(made: World, kind: str, tmp_path: Path) -> None:
    exports = Exports(tmp_path, max_bytes=64 * MIB, total_bytes=64 * MIB, keep=60.0)

    async def grown(_chunks: int, _rows: int) -> None:
        """Nobody wants to be told."""

    async def work(rows: int) -> int:
        one = await exports.write(
            made.environments.get(kind),
            WIDE[kind].format(rows=rows),
            None,
            format="jsonl",
            owner="ada",
            grown=grown,
        )
        return one.size

    made.run(work(100))
    tracemalloc.start()
    try:
        assert made.run(work(16 * 1024)) > 16 * MIB
        _, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert highest < 8 * MIB
