"""Tenants in memory: how old they may be, what happens while the store is away, and that it is bounded."""

from __future__ import annotations

import asyncio

import pytest

from mcp_arangodb_async.errors import UnavailableError
from mcp_arangodb_async.gateway.tenants.cache import GRACE_SECONDS, TenantCache
from mcp_arangodb_async.gateway.tenants.model import Tenant

pytestmark = pytest.mark.anyio


class Store:
    """Tenants with a generation, and a clock of the test's own."""

    def __init__(self, *, stale: float = 1.0, kept: int = 10) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.number = 0
        self.now = 1000.0
        self.away = False
        self.asked = 0
        self.loaded: list[str] = []
        self.told: list[str] = []
        self.gate: asyncio.Event | None = None
        self.cache = TenantCache(
            self.load, self.generation, stale_seconds=stale, timer=lambda: self.now, kept=kept
        )
        self.cache.on_change(self.told.append)

    def put(self, name: str, version: int, *, enabled: bool = True) -> None:
        self.tenants[name] = Tenant(id=name, incarnation="1", version=version, enabled=enabled)
        self.number += 1

    async def load(self, name: str) -> Tenant | None:
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise UnavailableError("away")
        self.loaded.append(name)
        return self.tenants.get(name)

    async def generation(self) -> int:
        self.asked += 1
        if self.away:
            raise UnavailableError("away")
        return self.number

    async def version(self, name: str) -> int | None:
        found = await self.cache.get(name)
        return None if found is None else found.version


async def test_a_tenant_is_read_once_and_the_store_is_asked_once_per_period() -> None:
    store = Store()
    store.put("a", 1)
    for _ in range(100):
        assert await store.version("a") == 1
        assert await store.version("nobody") is None
    assert (store.loaded, store.asked) == (["a", "nobody"], 1)
    for _ in range(3):
        store.now += 1.0
        assert await store.version("a") == 1
    assert (store.loaded, store.asked) == (["a", "nobody"], 4)


async def test_a_change_is_seen_when_the_period_is_over_and_told_once() -> None:
    store = Store()
    store.put("a", 1)
    store.put("b", 1)
    assert [await store.version("a"), await store.version("b")] == [1, 1]
    store.put("a", 2, enabled=False)
    assert await store.version("a") == 1
    store.now += 1.0
    assert [await store.version("a"), await store.version("b")] == [2, 1]
    assert store.told == ["a"]
    del store.tenants["a"]
    store.number += 1
    store.now += 1.0
    assert await store.version("a") is None
    assert store.told == ["a", "a"]


async def test_a_change_of_this_process_is_seen_at_once() -> None:
    store = Store()
    store.put("a", 1)
    assert await store.version("a") == 1
    store.put("a", 2)
    store.cache.forget("a")
    assert await store.version("a") == 2
    assert store.told == ["a"]


async def test_while_the_store_is_away_what_is_known_is_used_for_a_while() -> None:
    store = Store()
    store.put("a", 1)
    assert await store.version("a") == 1
    store.away = True
    store.now += GRACE_SECONDS
    assert await store.version("a") == 1
    with pytest.raises(UnavailableError):
        await store.version("b")
    store.now += 1.5
    with pytest.raises(UnavailableError):
        await store.version("a")
    store.away = False
    assert await store.version("a") == 1


async def test_many_who_ask_at_once_wait_for_one_reading() -> None:
    store = Store()
    store.put("a", 1)
    store.gate = asyncio.Event()
    asking = [asyncio.create_task(store.version("a")) for _ in range(50)]
    asking[0].cancel()
    await asyncio.sleep(0)
    asking[1].cancel()  # the one that reads leaves: another one reads
    await asyncio.sleep(0)
    store.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert answers[2:] == [1] * 48
    assert store.loaded == ["a"]
    assert store.asked <= 3


async def test_a_reading_that_fails_is_tried_again_by_the_next() -> None:
    store = Store()
    store.put("a", 1)
    assert await store.version("b") is None
    store.away = True
    with pytest.raises(UnavailableError):
        await store.version("a")
    store.away = False
    assert await store.version("a") == 1


async def test_only_so_many_tenants_are_kept_those_used_last() -> None:
    store = Store(kept=3)
    for name in "abcd":
        store.put(name, 1)
    for name in "abcad":
        await store.version(name)
    assert store.loaded == ["a", "b", "c", "d"]
    await store.version("a")
    await store.version("b")
    assert store.loaded == ["a", "b", "c", "d", "b"]
