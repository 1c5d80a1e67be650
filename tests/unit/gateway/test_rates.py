"""Rates: exactly so many calls of a tenant within the window, in one process and in several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError, LimitError
from mcp_arangodb_async.gateway.rates import MemoryRates, RedisRates, open_rates
from tests.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.anyio


def admitted(rates: MemoryRates, tenant: str = "acme") -> bool:
    try:
        rates.count(tenant)
    except LimitError:
        return False
    return True


@given(
    limit=st.integers(1, 6),
    gaps=st.lists(st.sampled_from([0.0, 0.1, 1.0, 4.0, 9.9, 10.0, 11.0]), min_size=1, max_size=60),
)
def test_in_no_window_are_there_more_calls_than_allowed_and_none_is_refused_in_vain(
    limit: int, gaps: list[float]
) -> None:
    now = [0.0]
    rates = MemoryRates(limit, 10.0, timer=lambda: now[0])
    let_in: list[float] = []
    for gap in gaps:
        now[0] += gap
        within = [at for at in let_in if now[0] - at < 10.0]
        expected = len(within) < limit
        assert admitted(rates) == expected
        if expected:
            let_in.append(now[0])


def test_a_burst_within_one_instant_is_counted_call_by_call() -> None:
    rates = MemoryRates(1000, 60.0, timer=lambda: 5.0)
    assert sum(admitted(rates) for _ in range(5000)) == 1000


def test_tenants_do_not_share_a_limit() -> None:
    rates = MemoryRates(2, 60.0)
    assert [admitted(rates, name) for name in ("a", "b", "a", "b", "a", "b")] == [True] * 4 + [False] * 2


def test_a_refusal_says_the_limit_and_when_to_come_again() -> None:
    now = [100.0]
    rates = MemoryRates(1, 60.0, timer=lambda: now[0])
    rates.count("acme")
    now[0] = 118.5
    with pytest.raises(LimitError) as caught:
        rates.count("acme")
    assert caught.value.message == "the tenant's 1 calls within 60 seconds are used up"
    assert caught.value.hint == "try again in 41.500 seconds"
    now[0] = 160.0
    rates.count("acme")


def test_only_so_many_tenants_are_counted_and_none_starts_anew() -> None:
    now = [0.0]
    rates = MemoryRates(1, 10.0, timer=lambda: now[0], kept=3)
    assert [admitted(rates, name) for name in "abcd"] == [True, True, True, False]
    now[0] = 5.0
    assert [admitted(rates, name) for name in "abc"] == [False] * 3
    now[0] = 10.0
    assert [admitted(rates, name) for name in "defg"] == [True, True, True, False]


def settings(directory: Path, text: str = "", **variables: str) -> Settings:
    path = directory / "databases.yaml"
    path.write_text(f"tenants: {{rate: 50, rate_seconds: 3{text}}}\n", encoding="utf-8")
    return load_settings(
        environ=variables,
        cwd=directory,
        config_file=str(path),
        directories=UserDirectories(config=directory, data=directory),
    )


async def test_the_settings_say_who_counts(tmp_path: Path) -> None:
    rates = open_rates(settings(tmp_path))
    assert isinstance(rates, MemoryRates)
    assert (rates.limit, rates.seconds) == (50, 3.0)
    await rates.admit("acme")
    await rates.close()
    named = ", rate_redis_env: REDIS"
    with pytest.raises(ConfigError, match="the variable REDIS is not set"):
        open_rates(settings(tmp_path, named))
    with pytest.raises(ConfigError, match="holds no Redis URL") as caught:
        open_rates(settings(tmp_path, named, REDIS="hunter2"))
    assert "hunter2" not in caught.value.message


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as running:
        yield running


@pytest.fixture
async def processes(redis: RedisServer, tmp_path: Path) -> AsyncIterator[list[RedisRates]]:
    """Four counters with connections of their own, as four processes have."""
    wanted = settings(tmp_path, ", rate_redis_env: REDIS", REDIS=redis.url)
    opened = [open_rates(wanted) for _ in range(4)]
    yield [rates for rates in opened if isinstance(rates, RedisRates)]
    for rates in opened:
        await rates.close()


async def let_in(rates: RedisRates, tenant: str) -> bool:
    try:
        await rates.admit(tenant)
    except LimitError:
        return False
    return True


@pytest.mark.server
async def test_several_processes_share_one_limit_exactly(processes: list[RedisRates]) -> None:
    assert len(processes) == 4
    answers = await asyncio.gather(*(let_in(processes[n % 4], "acme") for n in range(400)))
    assert sum(answers) == 50
    assert await let_in(processes[0], "zeta")
    with pytest.raises(LimitError, match="50 calls within 3 seconds") as caught:
        await processes[1].admit("acme")
    assert caught.value.hint is not None


@pytest.mark.server
async def test_while_redis_is_away_each_process_keeps_the_limit(
    processes: list[RedisRates], redis: RedisServer
) -> None:
    redis.stop()
    answers = [await let_in(processes[0], "acme") for _ in range(80)]
    assert sum(answers) == 50
