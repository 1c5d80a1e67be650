"""The pool of an environment, with connections that a test can break: what is decided and counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from mcp_arangodb_async.config.environments import EnvironmentPool
from mcp_arangodb_async.connections.sql.connection import Command, Engine, Fetched, OpenRows
from mcp_arangodb_async.connections.sql.pool import NotTriedError, SqlPool, next_sweep, surplus
from mcp_arangodb_async.errors import AuthenticationError, DeadlineError, UnavailableError

pytestmark = pytest.mark.anyio


class Line:
    """A connection that does as it is told."""

    engine: Engine = "sqlite"
    version = "1"
    encrypted = False

    def __init__(self, server: Server) -> None:
        self.server = server
        self.is_usable = True
        self.is_clean = True
        self.settles = True
        self.closed = False
        self.pings = 0

    async def fetch(self, command: Command, *, max_rows: int, max_bytes: int, ends_at: float) -> Fetched:
        raise NotImplementedError

    async def open(self, command: Command, *, ends_at: float) -> OpenRows:
        raise NotImplementedError

    async def ping(self, *, ends_at: float) -> None:
        self.pings += 1
        if not self.server.up:
            raise UnavailableError("gone")

    async def settle(self) -> bool:
        await asyncio.sleep(0)
        self.is_clean = self.settles
        return self.settles

    async def close(self) -> None:
        self.closed = True
        self.is_usable = False


class Server:
    """What the pool opens connections to."""

    def __init__(self) -> None:
        self.up = True
        self.refuses = False
        self.hangs = False
        self.lines: list[Line] = []
        self.tries: list[float] = []

    async def open(self, _ends_at: float) -> Line:
        self.tries.append(time.monotonic())
        if self.hangs:
            await asyncio.sleep(3600)
        if self.refuses:
            raise AuthenticationError("refused the login")
        if not self.up:
            raise UnavailableError("connection refused")
        line = Line(self)
        self.lines.append(line)
        return line


@asynccontextmanager
async def pool_of(
    server: Server, *, connect_timeout: float = 1.0, **settings: float
) -> AsyncGenerator[SqlPool]:
    told: dict[str, object] = {**settings}
    for name in ("max_connections", "min_connections"):
        if name in told:
            told[name] = int(settings[name])
    pool = SqlPool(
        name="x",
        address="x://x",
        settings=EnvironmentPool(**told),  # pyright: ignore[reportArgumentType] - the tests name its fields
        connect_timeout=connect_timeout,
        opener=server.open,
    )
    try:
        yield pool
    finally:
        await pool.close()
        assert all(line.closed for line in server.lines)
        counters = pool.counters()
        assert (counters.idle, counters.in_use, counters.opened - counters.closed) == (0, 0, 0)


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


async def until(condition: object, seconds: float = 5.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("used", "opened", "minimum", "closed"),
    [
        ([], 0, 0, 0),
        ([1, 5], 2, 0, 1),
        ([1, 2], 2, 1, 1),
        ([1, 2], 4, 1, 2),
        ([9, 9], 2, 0, 0),
        ([1], 1, 1, 0),
    ],
)
def test_what_idled_out_is_closed_but_for_the_minimum(
    used: list[float], opened: int, minimum: int, closed: int
) -> None:
    assert surplus(used, now=10, idle_timeout=6, opened=opened, minimum=minimum) == closed


def test_the_next_look_is_when_something_can_have_idled_out() -> None:
    assert next_sweep([4, 8], now=10, idle_timeout=10) == 4
    assert next_sweep([], now=10, idle_timeout=10) == 10
    assert next_sweep([0], now=10, idle_timeout=1) == pytest.approx(0.02)


async def test_connections_are_used_again_and_idle_ones_closed() -> None:
    server = Server()
    async with pool_of(server, idle_timeout=0.05, max_connections=3) as pool:
        for _ in range(3):
            async with pool.lend(ends_at=soon()):
                pass
        assert len(server.lines) == 1
        async with pool.lend(ends_at=soon()), pool.lend(ends_at=soon()):
            assert (pool.counters().in_use, pool.counters().opened) == (2, 2)
        await until(lambda: pool.counters().idle == 0)
        assert pool.counters().closed == 2


async def test_as_many_as_the_minimum_stay_open() -> None:
    server = Server()
    async with pool_of(server, idle_timeout=0.03, min_connections=2, max_connections=4) as pool:
        pool.start()
        await until(lambda: pool.counters().idle == 2)
        leases = [await pool.take(ends_at=soon()) for _ in range(4)]
        for lease in leases:
            lease.give_back()
        await until(lambda: pool.counters().idle == 2)
        await asyncio.sleep(0.1)
        assert pool.counters().idle == 2
        server.lines[-1].is_usable = server.lines[0].is_usable = False
        async with pool.lend(ends_at=soon()):
            pass
        await until(lambda: pool.counters().idle >= 2)


async def test_an_idle_connection_is_tried_before_it_is_used() -> None:
    server = Server()
    async with pool_of(server, validate_after=0.01) as pool:
        async with pool.lend(ends_at=soon()):
            pass
        await asyncio.sleep(0.02)
        async with pool.lend(ends_at=soon()) as line:
            assert line is server.lines[0]
        assert (server.lines[0].pings, pool.counters().tried) == (1, 1)
        await asyncio.sleep(0.02)
        server.lines[0].server = Server()
        server.lines[0].server.up = False
        async with pool.lend(ends_at=soon()) as line:
            assert line is server.lines[1]


async def test_a_waiting_caller_is_served_in_turn_and_told_in_time() -> None:
    server = Server()
    async with pool_of(server, max_connections=1, acquire_timeout=0.05) as pool:
        lease = await pool.take(ends_at=soon())
        with pytest.raises(DeadlineError, match=r"all 1 connections were busy for 0\.05 s"):
            await pool.take(ends_at=soon())
        waiting = asyncio.create_task(pool.take(ends_at=soon()))
        await until(lambda: pool.counters().waiting == 1)
        lease.give_back()
        (await waiting).give_back()
        counters = pool.counters()
        assert (counters.waited, counters.timeouts, counters.waiting, counters.opened) == (2, 1, 0, 1)


async def test_a_cancelled_caller_leaves_nothing_behind() -> None:
    server = Server()
    async with pool_of(server, max_connections=1) as pool:
        lease = await pool.take(ends_at=soon())
        waiting = asyncio.create_task(pool.take(ends_at=soon()))
        await until(lambda: pool.counters().waiting == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        lease.give_back()
        server.hangs = True
        server.lines[0].is_usable = False
        opening = asyncio.create_task(pool.take(ends_at=soon()))
        await until(lambda: len(server.tries) == 2)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        server.hangs = False
        (await pool.take(ends_at=soon())).give_back()


async def test_a_server_that_fails_rests_and_is_found_again_by_itself() -> None:
    server = Server()
    server.up = False
    async with pool_of(server) as pool:
        for _ in range(3):
            with pytest.raises(UnavailableError):
                await pool.take(ends_at=soon())
        assert pool.is_resting
        started = time.monotonic()
        with pytest.raises(NotTriedError, match="connection refused; it is tried again in"):
            await pool.take(ends_at=soon())
        assert time.monotonic() - started < 0.1
        assert pool.counters().breaker == "open"
        server.up = True
        await until(lambda: not pool.is_resting)
        (await pool.take(ends_at=soon())).give_back()
        assert pool.last_error is None


async def test_a_refused_login_is_said_as_such_while_it_rests() -> None:
    server = Server()
    server.refuses = True
    async with pool_of(server) as pool:
        for _ in range(6):
            with pytest.raises(AuthenticationError, match="refused the login"):
                await pool.take(ends_at=soon())
        assert len(server.tries) <= 4


async def test_a_start_that_fails_is_repeated_until_it_succeeds() -> None:
    server = Server()
    server.up = False
    async with pool_of(server) as pool:
        pool.start()
        await until(lambda: len(server.tries) >= 2)
        server.up = True
        await until(lambda: pool.counters().idle == 1)


async def test_opening_takes_no_longer_than_it_may() -> None:
    server = Server()
    server.hangs = True
    async with pool_of(server, connect_timeout=0.05) as pool:
        with pytest.raises(DeadlineError, match=r"no connection within 0\.05 s"):
            await pool.take(ends_at=soon())
        with pytest.raises(DeadlineError, match=r"no connection within 0\.0"):
            await pool.take(ends_at=soon(0.02))


async def test_what_a_statement_left_is_settled_before_others_get_it() -> None:
    server = Server()
    async with pool_of(server, max_connections=1) as pool:
        async with pool.lend(ends_at=soon()) as line:
            assert isinstance(line, Line)
            line.is_clean = False
        assert pool.counters().settling == 1
        async with pool.lend(ends_at=soon()) as again:
            assert again is line
            line.is_clean = line.settles = False
        async with pool.lend(ends_at=soon()) as another:
            assert another is not line
        await until(lambda: line.closed)


async def test_after_the_end_nothing_is_lent() -> None:
    server = Server()
    async with pool_of(server) as pool:
        lease = await pool.take(ends_at=soon())
        await pool.close()
        lease.give_back()
        await until(lambda: server.lines[0].closed)
        with pytest.raises(UnavailableError, match="the program is ending"):
            await pool.take(ends_at=soon())
