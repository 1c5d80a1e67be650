"""SQL environments beside the bare drivers, on real servers started for this.

    python -m bench.sql [--calls N] [--rounds N]

CPU ratios are the median of rounds in which both sides alternate. What blocks the loop is counted in CPU time
of its thread, so that a busy machine does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncmy
import asyncpg

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.sql.answer import QueryLimits
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.schema_reading import reflect
from mcp_arangodb_async.sql.values import shown_rows
from mcp_arangodb_async.tools.result import Limits
from mcp_arangodb_async.tools.rows import cut
from tests.sql_servers import (
    PASSWORDS,
    MariadbServer,
    PostgresqlServer,
    SqlServer,
    new_directory,
    ready,
    sqlite_file,
)
from tests.unit.sql.world import in_file, on_server

MOST_CPU, MOST_FANOUT, MOST_BLOCKED = 1.3, 1.3, 0.020
ONE = "SELECT id, name FROM n WHERE id = "
ROWS = 20_000
TABLE = "CREATE TABLE n (id int PRIMARY KEY, name text);"
FILL: dict[str, str] = {
    "postgresql": f"{TABLE} INSERT INTO n SELECT i, 'n' || i FROM generate_series(1, {ROWS}) i;"
    " GRANT ALL ON n TO writer;",
    "mariadb": f"{TABLE} INSERT INTO n SELECT seq, concat('n', seq) FROM seq_1_to_{ROWS};",
    "sqlite": f"{TABLE} WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {ROWS})"
    " INSERT INTO n SELECT i, 'n' || i FROM s;",
}
Work = Callable[[], Awaitable[object]]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say whether the budgets hold."""
    parser = argparse.ArgumentParser(prog="bench.sql", description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="calls per round (default 300)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds (default 9)")
    given = parser.parse_args(arguments)
    with servers() as (postgresql, mariadb), tempfile.TemporaryDirectory() as directory:
        kept = asyncio.run(measure(postgresql, mariadb, Path(directory), given.calls, given.rounds))
    print("budgets of SQL kept" if kept else "a budget of SQL was missed")
    return 0 if kept else 1


@contextmanager
def servers() -> Generator[tuple[SqlServer, SqlServer]]:
    """PostgreSQL and MariaDB, for as long as the block lasts."""
    postgresql: SqlServer = PostgresqlServer(new_directory("postgres"))
    mariadb: SqlServer = MariadbServer(new_directory("mysql"))
    try:
        yield ready(postgresql), ready(mariadb)
    finally:
        postgresql.remove()
        mariadb.remove()


async def measure(
    postgresql: SqlServer, mariadb: SqlServer, directory: Path, calls: int, rounds: int
) -> bool:
    """All measurements, printed."""
    path = sqlite_file(directory / "n.db", FILL["sqlite"])
    configured = {
        server.kind: on_server(server, server.create_database(FILL[server.kind]))
        for server in (postgresql, mariadb)
    }
    configured["sqlite"] = in_file(path, name="sqlite")
    kept = True
    print(f"Routed single-row query beside the driver's own pool (CPU per call, at most {MOST_CPU})")
    async with opened(configured) as environments:
        for kind, settings in configured.items():
            async with bare(kind, settings) as theirs:
                environment = environments.get(kind)

                async def ours(environment: Any = environment) -> object:
                    return await environment.query(f"{ONE}:id", {"id": 7})

                alone, routed, ratio = await side_by_side(theirs, ours, calls, rounds)
            kept &= ratio <= MOST_CPU
            print(f"  {kind:12} driver {alone:7.1f} us   routed {routed:7.1f} us   ratio {ratio:.2f}")
        print(f"Loop blocked at most (CPU ms of its thread, at most {MOST_BLOCKED * 1000:g})")
        for kind in configured:
            blocked = await blocking(environments, kind)
            kept &= max(blocked.values()) <= MOST_BLOCKED
            told = ", ".join(f"{what} {seconds * 1000:.1f}" for what, seconds in blocked.items())
            print(f"  {kind:12} {told}")
    ratio, slowest = await fan_out(postgresql, mariadb, rounds)
    kept &= ratio <= MOST_FANOUT
    print(
        f"Fan-out to 8 environments: {ratio:.2f} of the slowest alone ({slowest * 1000:.0f} ms),"
        f" at most {MOST_FANOUT}"
    )
    return kept


@asynccontextmanager
async def opened(configured: dict[str, EnvironmentSettings]) -> AsyncGenerator[Environments]:
    environments = Environments(configured)
    try:
        yield environments
    finally:
        await environments.close()


@asynccontextmanager
async def bare(kind: str, settings: EnvironmentSettings) -> AsyncGenerator[Work]:
    """One call of the driver, as its manual shows it: from its own pool, the value bound."""
    password = PASSWORDS["SQL_WRITER_PASSWORD"]
    asyncpg_any: Any = asyncpg
    asyncmy_any: Any = asyncmy
    match kind:
        case "postgresql":
            async with asyncpg_any.create_pool(
                host=settings.host, port=settings.port, user=settings.user, password=password,
                database=settings.database, min_size=1, max_size=5, ssl="disable",
            ) as pool:  # fmt: skip

                async def postgresql() -> object:
                    return await pool.fetch(f"{ONE}$1", 7)

                yield postgresql
        case "mariadb":
            async with asyncmy_any.create_pool(
                host=settings.host, port=settings.port, user=settings.user, password=password,
                database=settings.database, minsize=1, maxsize=5, autocommit=True,
            ) as pool:  # fmt: skip

                async def mariadb() -> object:
                    async with pool.acquire() as connection, connection.cursor() as cursor:
                        await cursor.execute(f"{ONE}%s", (7,))
                        return await cursor.fetchall()

                yield mariadb
        case _:
            assert settings.path is not None
            with contextlib.closing(sqlite3.connect(settings.path, check_same_thread=False)) as connection:

                async def sqlite() -> object:
                    return await asyncio.to_thread(lambda: connection.execute(f"{ONE}?", (7,)).fetchall())

                yield sqlite


async def side_by_side(theirs: Work, ours: Work, calls: int, rounds: int) -> tuple[float, float, float]:
    """Microseconds of CPU per call of both, and the median ratio of rounds in which they alternate."""
    for work in (theirs, ours):
        for _ in range(20):
            await work()
    found = [(await cpu_of(theirs, calls), await cpu_of(ours, calls)) for _ in range(rounds)]
    ratio = statistics.median(mine / bare_one for bare_one, mine in found)
    return min(one for one, _ in found), min(one for _, one in found), ratio


async def cpu_of(work: Work, calls: int) -> float:
    before = cpu()
    for _ in range(calls):
        await work()
    return (cpu() - before) / calls * 1e6


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def blocking(environments: Environments, kind: str) -> dict[str, float]:
    """The most CPU time of the loop's thread between two beats, for each kind of work."""
    environment = environments.get(kind)
    limits = QueryLimits(rows=1000, bytes=256 * 1024, seconds=30)

    async def answer() -> None:
        found = await environment.query("SELECT id, name FROM n", limits=limits)
        await asyncio.sleep(0)
        rows = shown_rows(found.columns, found.rows)
        await asyncio.sleep(0)
        assert cut(rows, Limits()).taken

    async def stream() -> None:
        async with environment.stream("SELECT id, name FROM n", chunk_rows=2000) as chunks:
            async for chunk in chunks:
                assert chunk

    async def long_text() -> None:
        names = ", ".join(f"id + {number} AS column_{number}" for number in range(400))
        found = await environment.query(f"SELECT {names} FROM n WHERE id = 1")
        assert len(found.columns) == 400

    async def schema() -> None:
        assert (await reflect(environment)).tables

    await environment.query("SELECT id, name FROM n WHERE id < 10")
    await schema()
    works = {"answer": answer, "stream": stream, "text of 12 KB": long_text, "schema": schema}
    return {name: await longest(work) for name, work in works.items()}


async def longest(work: Work) -> float:
    """The most CPU time of the loop's thread between two beats while this runs."""
    worst = 0.0
    over = False

    async def beat() -> None:
        nonlocal worst
        last = time.thread_time()
        while not over:
            await asyncio.sleep(0)
            now = time.thread_time()
            worst = max(worst, now - last)
            last = now

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0.01)
    await work()
    over = True
    await beating
    return worst


async def fan_out(postgresql: SqlServer, mariadb: SqlServer, rounds: int) -> tuple[float, float]:
    """Wall time of eight environments together, over that of the slowest alone."""
    sleeping: dict[str, tuple[EnvironmentSettings, str]] = {}
    for server, text in ((postgresql, "SELECT pg_sleep({})"), (mariadb, "SELECT SLEEP({})")):
        for number in range(1, 5):
            name = f"{server.kind}{number}"
            settings = on_server(server, server.create_database(), name=name, access="admin")
            sleeping[name] = settings, text
    async with opened({name: settings for name, (settings, _) in sleeping.items()}) as environments:

        async def one(name: str, seconds: float) -> float:
            started = time.perf_counter()
            await environments.get(name).query(sleeping[name][1].format(seconds))
            return time.perf_counter() - started

        lengths = {name: 0.1 + 0.0125 * number for number, name in enumerate(sleeping, start=1)}
        slowest_name = max(lengths, key=lengths.__getitem__)
        ratios: list[float] = []
        slowest = 0.0
        for _ in range(min(rounds, 5) + 1):
            slowest = await one(slowest_name, lengths[slowest_name])
            started = time.perf_counter()
            await asyncio.gather(*(one(name, seconds) for name, seconds in lengths.items()))
            ratios.append((time.perf_counter() - started) / slowest)
        return statistics.median(ratios[1:]), slowest


if __name__ == "__main__":
    sys.exit(main())
