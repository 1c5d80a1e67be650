"""Live clients: built once, shared by era, closed in order; one hanging server is nobody else's trouble."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable
from dataclasses import dataclass, field

import pytest

from mcp_arangodb_async.errors import (
    BackendError,
    DeadlineError,
    LimitError,
    UnavailableError,
    UnreachableError,
)
from mcp_arangodb_async.gateway.clients import ClientKey, Clients, Places, Upstream, Use, expired
from mcp_arangodb_async.gateway.upstreams import Definition, Result, ToolCall

pytestmark = pytest.mark.anyio


@dataclass(slots=True)
class FakeConnection:
    """A connection that does nothing but live."""

    version: str
    shared: bool
    alive: bool = True
    closed: int = 0
    secrets: tuple[str, ...] = ()

    async def list_tools(self, seconds: float) -> list[Definition]:
        return []

    async def call_tool(self, call: ToolCall) -> Result:
        return {}

    async def close(self) -> None:
        self.closed += 1
        self.alive = False


@dataclass(slots=True)
class Servers:
    """Opens fake connections and remembers them."""

    shared: bool = True
    opened: list[FakeConnection] = field(default_factory=list[FakeConnection])
    asked: list[str | None] = field(default_factory=list["str | None"])
    gate: asyncio.Event | None = None
    fails: BaseException | None = None

    def upstream(
        self, owner: str = "acme", server: str = "postgres", version: Hashable = 1, concurrency: int = 4
    ) -> Upstream:
        async def opened(protocol: str | None) -> FakeConnection:
            self.asked.append(protocol)
            if self.gate is not None:
                await self.gate.wait()
            if self.fails is not None:
                raise self.fails
            connection = FakeConnection("2026-07-28" if self.shared else "2025-11-25", self.shared)
            self.opened.append(connection)
            return connection

        return Upstream(
            key=ClientKey(place=(owner, server), version=version), open=opened, concurrency=concurrency,
            shown=f"server {server!r}",
        )  # fmt: skip


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clients(clock: Clock) -> Clients:
    return Clients(maximum=5, idle=60, clock=clock, chance=lambda: 0.0)


async def borrowed(clients: Clients, upstream: Upstream, downstream: str = "") -> FakeConnection:
    async with clients.lend(upstream, downstream) as connection:
        assert isinstance(connection, FakeConnection)
        return connection


async def test_many_callers_at_once_cause_one_building(clients: Clients) -> None:
    servers = Servers(gate=asyncio.Event())
    waiting = [
        asyncio.create_task(borrowed(clients, servers.upstream(concurrency=50), f"d{i}")) for i in range(50)
    ]
    await asyncio.sleep(0)
    assert servers.gate is not None
    servers.gate.set()
    found = await asyncio.gather(*waiting)
    assert len(servers.opened) == 1
    assert {id(one) for one in found} == {id(servers.opened[0])}


async def test_an_older_upstream_gets_one_session_for_each_downstream_session(clients: Clients) -> None:
    servers = Servers(shared=False)
    one = await borrowed(clients, servers.upstream(), "session-1")
    two = await borrowed(clients, servers.upstream(), "session-2")
    assert one is not two
    assert await borrowed(clients, servers.upstream(), "session-1") is one
    assert await borrowed(clients, servers.upstream(), "session-2") is two
    assert len(servers.opened) == 2


async def test_sessions_of_an_older_upstream_are_never_shared_while_its_era_is_found_out(
    clients: Clients,
) -> None:
    servers = Servers(shared=False, gate=asyncio.Event())
    names = [f"d{number % 3}" for number in range(12)]
    waiting = [
        asyncio.create_task(borrowed(clients, servers.upstream(concurrency=20), name)) for name in names
    ]
    await asyncio.sleep(0)
    assert servers.gate is not None
    servers.gate.set()
    found = await asyncio.gather(*waiting)
    for name in set(names):
        own = {id(one) for one, of in zip(found, names, strict=True) if of == name}
        others = {id(one) for one, of in zip(found, names, strict=True) if of != name}
        assert len(own) == 1
        assert not own & others


async def test_the_negotiated_version_is_remembered_for_the_next_client(
    clients: Clients, clock: Clock
) -> None:
    servers = Servers()
    await borrowed(clients, servers.upstream())
    servers.opened[0].alive = False
    clock.now += 1
    await borrowed(clients, servers.upstream())
    assert servers.asked == [None, None]  # a dead client of the new era asks again: perhaps it was replaced
    sessions = Servers(shared=False)
    await borrowed(clients, sessions.upstream(server="old"), "a")
    await borrowed(clients, sessions.upstream(server="old"), "b")
    assert sessions.asked == [None, "2025-11-25"]


async def test_a_changed_version_never_meets_an_old_client(clients: Clients) -> None:
    servers = Servers()
    old = await borrowed(clients, servers.upstream(version=1))
    new = await borrowed(clients, servers.upstream(version=2))
    assert old is not new
    assert await borrowed(clients, servers.upstream(version=2)) is new


async def test_tenants_share_no_client(clients: Clients) -> None:
    servers = Servers()
    assert await borrowed(clients, servers.upstream("a")) is not await borrowed(
        clients, servers.upstream("b")
    )


async def test_draining_lets_calls_finish_and_then_closes(clients: Clients) -> None:
    servers = Servers()
    async with clients.lend(servers.upstream()) as running:
        clients.drain("acme")
        other = await borrowed(clients, servers.upstream())
        assert other is not running
        assert servers.opened[0].closed == 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert servers.opened[0].closed == 1
    assert servers.opened[1].closed == 0


async def test_draining_one_tenant_leaves_the_others_alone(clients: Clients) -> None:
    servers = Servers()
    kept = await borrowed(clients, servers.upstream("blue"))
    await borrowed(clients, servers.upstream("acme"))
    clients.drain("acme")
    assert await borrowed(clients, servers.upstream("blue")) is kept


USES = [
    ("old", Use(last_used=10, in_flight=0, draining=False)),
    ("busy", Use(last_used=20, in_flight=1, draining=False)),
    ("young", Use(last_used=95, in_flight=0, draining=False)),
]


@pytest.mark.parametrize(
    ("idle", "maximum", "gone"),
    [
        (1000, 10, []),
        (60, 10, ["old"]),
        (1, 10, ["old", "young"]),
        (1000, 2, ["old"]),
        (1000, 1, ["old", "young"]),
        (1000, 0, ["old", "young"]),
    ],
)
def test_what_goes_is_the_oldest_that_nobody_uses(idle: float, maximum: int, gone: list[str]) -> None:
    assert expired(USES, now=100, idle=idle, maximum=maximum) == gone


async def test_idle_clients_are_closed_and_used_ones_stay(clients: Clients, clock: Clock) -> None:
    servers = Servers()
    await borrowed(clients, servers.upstream("a"))
    clock.now += 40
    kept = await borrowed(clients, servers.upstream("b"))
    clock.now += 30
    assert clients.sweep() == 1
    assert await borrowed(clients, servers.upstream("b")) is kept
    assert clients.statistics().clients == 1


async def test_the_cap_is_hard(clients: Clients) -> None:
    servers = Servers()
    for number in range(20):
        await borrowed(clients, servers.upstream(f"tenant-{number}"))
        assert clients.statistics().clients <= 5
    loans = [clients.lend(servers.upstream(f"busy-{number}")) for number in range(5)]
    for loan in loans:
        await loan.__aenter__()
    with pytest.raises(LimitError, match="all 5 connections"):
        await borrowed(clients, servers.upstream("one-more"))
    for loan in loans:
        await loan.__aexit__(None, None, None)
    await borrowed(clients, servers.upstream("one-more"))


async def test_a_breaker_opens_after_three_failures_and_closes_after_a_good_trial(
    clients: Clients, clock: Clock
) -> None:
    servers = Servers(fails=UnreachableError("down"))
    for _ in range(3):
        with pytest.raises(UnavailableError, match="down"):
            await borrowed(clients, servers.upstream())
    with pytest.raises(UnreachableError, match="tried again in"):
        await borrowed(clients, servers.upstream())
    assert len(servers.asked) == 3
    assert clients.breaker_name(("acme", "postgres")) == "open"
    healthy = Servers()
    await borrowed(clients, healthy.upstream("blue"))
    servers.fails = None
    clock.now += 1
    await borrowed(clients, servers.upstream())
    assert clients.breaker_name(("acme", "postgres")) == "closed"


@pytest.mark.parametrize(
    ("error", "state"),
    [(DeadlineError("late"), "open"), (UnavailableError("gone"), "open"), (BackendError("odd"), "closed")],
)
async def test_only_silence_opens_a_breaker(clients: Clients, error: Exception, state: str) -> None:
    servers = Servers()
    for _ in range(3):
        with pytest.raises(type(error)):
            async with clients.lend(servers.upstream()):
                raise error
    assert clients.breaker_name(("acme", "postgres")) == state


async def test_a_trial_that_is_cancelled_leaves_the_next_caller_to_try(
    clients: Clients, clock: Clock
) -> None:
    servers = Servers(fails=UnreachableError("down"))
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await borrowed(clients, servers.upstream())
    clock.now += 1
    servers.fails, servers.gate = None, asyncio.Event()
    trial = asyncio.create_task(borrowed(clients, servers.upstream()))
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.wait([trial])
    servers.gate.set()
    await borrowed(clients, servers.upstream())
    assert clients.breaker_name(("acme", "postgres")) == "closed"


async def test_places_are_bounded_and_so_is_the_line_before_them(clients: Clients) -> None:
    servers = Servers()
    upstream = servers.upstream(concurrency=1)
    release = asyncio.Event()

    async def hold() -> None:
        async with clients.lend(upstream):
            await release.wait()

    holding = [asyncio.create_task(hold()) for _ in range(5)]
    await asyncio.sleep(0.01)
    with pytest.raises(LimitError, match="1 calls run and 4 wait"):
        await borrowed(clients, upstream)
    await borrowed(clients, servers.upstream("blue", concurrency=1))
    release.set()
    await asyncio.gather(*holding)


async def test_a_question_to_a_person_holds_up_nobody_else(clients: Clients) -> None:
    upstream = Servers().upstream(concurrency=1)
    loan = clients.lend(upstream)
    async with loan:
        with loan.aside():
            async with asyncio.timeout(5):
                await borrowed(clients, upstream)
        # Answered: the place is the asking call's again.
        waiting = asyncio.create_task(borrowed(clients, upstream))
        await asyncio.sleep(0)
        assert not waiting.done()
    async with asyncio.timeout(5):
        await waiting


async def test_a_place_is_given_back_when_a_waiting_caller_leaves() -> None:
    places = Places(1)
    await places.take("x", "y")
    waiting = asyncio.create_task(places.take("x", "y"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    places.give_back()
    await places.take("x", "y")
    assert (places.running, places.waiting) == (1, 0)


async def test_places_survive_callers_that_leave_at_any_moment() -> None:
    places = Places(2)
    chance = random.Random(7)

    async def use() -> None:
        await places.take("x", "y")
        try:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        finally:
            places.give_back()

    for _ in range(60):
        callers = [asyncio.create_task(use()) for _ in range(10)]
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        for caller in chance.sample(callers, 4):
            caller.cancel()
        ended = await asyncio.gather(*callers, return_exceptions=True)
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in ended), ended
        assert places.quiet


async def test_closing_closes_every_client(clients: Clients) -> None:
    servers = Servers()
    for owner in ("a", "b", "c"):
        await borrowed(clients, servers.upstream(owner))
    await clients.close()
    assert [one.closed for one in servers.opened] == [1, 1, 1]
    assert clients.statistics().clients == 0


async def test_nothing_of_a_quiet_server_is_kept(clients: Clients, clock: Clock) -> None:
    servers = Servers()
    for number in range(200):
        await borrowed(clients, servers.upstream(f"tenant-{number}"))
    clock.now += 1000
    clients.sweep()
    statistics = clients.statistics()
    assert (statistics.clients, statistics.places) == (0, 0)
