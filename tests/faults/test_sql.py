"""SQL servers that are killed, paused and started again while statements run.

Each test has servers of its own. A call ends by its deadline and a tenth; other environments do not notice;
the broken one is used again within five seconds of its return; no write happens twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mcp_arangodb_async.config.monitoring import MonitoringSettings
from mcp_arangodb_async.sql.environment import Environment, QueryLimits
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.row_compare import Request, compare_rows
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.world import in_file, on_server

pytestmark = [pytest.mark.anyio, pytest.mark.server]
KINDS = ("own_postgresql", "own_mariadb")
DEADLINE = 0.6
# What a busy test machine may add to a deadline besides its tenth.
SLACK = 0.25
# What one slice of the scheduler's may add to an answer that takes a millisecond.
NOISE = 0.03
RECOVERY = 5.0


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> SqlServer:
    """A server that the test may break."""
    return request.getfixturevalue(request.param)


@dataclass(slots=True)
class Load:
    """Statements sent one after the other, and what became of them."""

    statuses: list[str] = field(default_factory=list[str])
    seconds: list[float] = field(default_factory=list[float])

    @property
    def counted(self) -> Counter[str]:
        """How often each status came."""
        return Counter(self.statuses)


@asynccontextmanager
async def loaded(environments: Environments, name: str, workers: int = 4) -> AsyncGenerator[Load]:
    """Ask one environment over and over, for the block."""
    load = Load()
    over = asyncio.Event()
    limits = QueryLimits(rows=10, bytes=10_000, seconds=DEADLINE)

    async def work() -> None:
        while not over.is_set():
            started = time.monotonic()
            outcome = await environments.outcome(name, "SELECT count(*) FROM t", limits=limits)
            load.seconds.append(time.monotonic() - started)
            load.statuses.append(outcome.status)
            await asyncio.sleep(0.001 if outcome.status == "ok" else 0.02)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    try:
        yield load
    finally:
        over.set()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def two(server: SqlServer, tmp_path: Path) -> AsyncGenerator[Environments]:
    """An environment that will be broken, and a healthy one."""
    database = server.create_database("CREATE TABLE t (id int)")
    healthy = sqlite_file(tmp_path / "healthy.db", "CREATE TABLE t (id int)")
    environments = Environments(
        {
            "broken": on_server(server, database, name="broken", access="write"),
            "healthy": in_file(healthy, name="healthy"),
        },
        monitoring=MonitoringSettings(interval=1.0),
    )
    environments.start()
    try:
        outcomes = await environments.run_many(environments.names, "SELECT count(*) FROM t")
        assert {one.status for one in outcomes.values()} == {"ok"}
        yield environments
    finally:
        await environments.close()


def p99(seconds: list[float]) -> float:
    """All but one in a hundred were as fast."""
    return sorted(seconds)[max(0, len(seconds) * 99 // 100 - 1)]


async def well_again(environment: Environment, *states: str) -> None:
    """Wait until it is known to be healthy; it was in one of these states before."""
    async with asyncio.timeout(15):
        while environment.vitals.state != "healthy":  # noqa: ASYNC110 - its state has no event
            await asyncio.sleep(0.02)
    seen = [alert.text for alert in environment.vitals.alerts if alert.kind == "state"]
    assert any(f"-> {state}" in text for text in seen for state in states)
    assert seen[-1].endswith("-> healthy")


async def works_again(environment: Environment) -> float:
    """Seconds until it answers."""
    started = time.monotonic()
    async with asyncio.timeout(30):
        while True:
            try:
                await environment.query("SELECT count(*) FROM t")
            except Exception:  # noqa: BLE001 - whatever it says, it is asked again
                await asyncio.sleep(0.02)
            else:
                return time.monotonic() - started


async def test_a_paused_server_costs_its_callers_their_deadline_and_others_nothing(
    server: SqlServer, tmp_path: Path
) -> None:
    async with two(server, tmp_path) as environments, loaded(environments, "healthy") as healthy:
        async with loaded(environments, "broken") as broken:
            await asyncio.sleep(0.3)
            calm = list(healthy.seconds)
            await asyncio.to_thread(server.pause)
            healthy.seconds.clear()
            broken.seconds.clear()
            broken.statuses.clear()
            await asyncio.sleep(2.5)
            during = list(healthy.seconds)
            await asyncio.to_thread(server.resume)
            resumed = await works_again(environments.get("broken"))
            await well_again(environments.get("broken"), "degraded", "down")
        assert max(broken.seconds) <= DEADLINE * 1.1 + SLACK
        assert broken.counted["timeout"] + broken.counted["skipped"] > 0
        assert resumed <= RECOVERY
        assert healthy.counted["ok"] == len(healthy.statuses)
        assert p99(during) <= p99(calm) * 1.2 + NOISE


async def test_a_killed_server_is_used_again_soon_after_it_returns(server: SqlServer, tmp_path: Path) -> None:
    async with two(server, tmp_path) as environments, loaded(environments, "healthy") as healthy:
        async with loaded(environments, "broken") as broken:
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(1.5)
            assert environments.get("broken").is_resting
            assert not environments.get("broken").vitals.is_answering
            assert broken.counted["skipped"] > 0
            await asyncio.to_thread(server.start)
            assert await works_again(environments.get("broken")) <= RECOVERY
            await well_again(environments.get("broken"), "down")
        assert max(broken.seconds) <= DEADLINE * 1.1 + SLACK
        assert healthy.counted["ok"] == len(healthy.statuses)


async def test_no_write_happens_twice_whatever_happens_to_the_server(
    server: SqlServer, tmp_path: Path
) -> None:
    async with two(server, tmp_path) as environments:
        told: Counter[str] = Counter()
        sure: set[int] = set()
        over = asyncio.Event()
        limits = QueryLimits(rows=1, bytes=1000, seconds=DEADLINE)

        async def write(first: int) -> None:
            number = first
            while not over.is_set():
                number += 10
                outcome = await environments.outcome(
                    "broken", "INSERT INTO t VALUES (:id)", {"id": number}, limits=limits
                )
                told[outcome.status] += 1
                if outcome.status == "ok":
                    sure.add(number)
                else:
                    await asyncio.sleep(0.02)

        writers = [asyncio.create_task(write(first)) for first in range(4)]
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.pause)
        await asyncio.sleep(DEADLINE * 1.5)
        await asyncio.to_thread(server.resume)
        await works_again(environments.get("broken"))
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.start)
        await works_again(environments.get("broken"))
        over.set()
        await asyncio.gather(*writers)
        answer = await environments.get("broken").query(
            "SELECT id, count(*) AS n FROM t GROUP BY id ORDER BY id",
            limits=QueryLimits(rows=100_000, bytes=10**7, seconds=20),
        )
        written = {int(row[0]): int(row[1]) for row in answer.rows}
        assert set(written.values()) <= {1}
        assert len(written) >= len(sure & set(written)) > 0
        assert told["ok"] > 0
        assert told.keys() - {"ok"}


async def test_a_server_that_is_not_there_at_the_start_is_used_when_it_comes(server: SqlServer) -> None:
    database = server.create_database("CREATE TABLE t (id int)")
    await asyncio.to_thread(server.stop)
    environments = Environments({"late": on_server(server, database, name="late")})
    try:
        started = time.monotonic()
        environments.start()
        assert time.monotonic() - started < 0.1
        outcome = await environments.outcome("late", "SELECT count(*) FROM t")
        assert outcome.status in {"error", "skipped"}
        await asyncio.to_thread(server.start)
        assert await works_again(environments.get("late")) <= RECOVERY
        pool = environments.get("late").pool
        assert pool is not None
        assert pool.last_error is None
    finally:
        await environments.close()


@pytest.mark.filterwarnings("error")
async def test_a_server_killed_while_its_rows_are_compared_costs_the_others_nothing(
    server: SqlServer, tmp_path: Path
) -> None:
    rows = 20_000
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    many = {
        "postgresql": "SELECT i FROM generate_series(1, 1000000) AS n(i)",
        "mariadb": "SELECT seq AS i FROM seq_1_to_1000000",
    }
    broken = on_server(server, server.create_database(), name="broken", query_timeout=20.0)
    files = {name: in_file(sqlite_file(tmp_path / f"{name}.db"), name=name) for name in ("one", "other")}
    environments = Environments({**files, "broken": broken})
    killed = asyncio.Event()

    async def kill_once(done: float, total: float | None, message: str | None) -> None:
        if not killed.is_set():
            killed.set()
            server.kill()

    texts = {"broken": many[server.kind]}
    wanted = Request(names=("one", "other", "broken"), text=f"{numbers} SELECT i FROM n", texts=texts)
    try:
        found = await compare_rows(environments, wanted, progress=kill_once)
        assert {name: side.status for name, side in found.sides.items()} == {
            "one": "ok",
            "other": "ok",
            "broken": "error",
        }
        assert found.groups == [["one", "other"]]
        assert found.sides["one"].rows == rows
    finally:
        await environments.close()
