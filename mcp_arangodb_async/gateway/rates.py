"""Calls of a tenant within a window: exactly so many, however they come.

    await rates.admit("acme")     # returns, or raises LimitError that says in how many seconds one is let in

The times of the last `limit` calls are kept; a call is let in when the oldest of them is out of the window. A
burst at the end of one minute and another at the start of the next is therefore one burst.
"""

from __future__ import annotations

import time
from array import array
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError, LimitError
from mcp_arangodb_async.observability.logs import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = get_logger(__name__)

KEPT_TENANTS = 20_000
REDIS_SECONDS = 2.0
REDIS_CONNECTIONS = 8
# How long the counters of this process decide alone after Redis did not answer.
REDIS_PAUSE = 5.0
_KEY = "maa:rates:"
# Redis runs a script as one step. The set holds one member per call; the server's own clock dates them.
_SCRIPT = """
local now = redis.call('TIME')
local micros = now[1] * 1000000 + now[2]
local window = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', micros - window)
if redis.call('ZCARD', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('ZADD', KEYS[1], micros, ARGV[3])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1000)
  return -1
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return math.max(0, first[2] + window - micros)
"""


class Rates(Protocol):
    """Who counts calls."""

    async def admit(self, tenant: str) -> None:
        """Count a call of this tenant; LimitError when it has had its share."""
        ...

    def renew(self, limit: int, seconds: float) -> None:
        """Allow so many calls within so long from now on."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class MemoryRates:
    """Counts in this process; 8 bytes per call that is allowed within the window, for tenants seen lately."""

    def __init__(
        self,
        limit: int,
        seconds: float,
        *,
        timer: Callable[[], float] = time.monotonic,
        kept: int = KEPT_TENANTS,
    ) -> None:
        self.limit = limit
        self.seconds = seconds
        self._timer = timer
        self._kept = kept
        self._tenants: OrderedDict[str, _Ring] = OrderedDict()

    async def admit(self, tenant: str) -> None:
        """Count a call of this tenant."""
        self.count(tenant)

    def count(self, tenant: str) -> None:
        """The same, for callers that do not wait."""
        now = self._timer()
        wait = self._ring(tenant, now).add(now, self.limit, self.seconds)
        if wait > 0:
            raise exceeded(self.limit, self.seconds, wait)

    def note(self, tenant: str) -> None:
        """Count a call that somebody else let in."""
        now = self._timer()
        self._ring(tenant, now).add(now, self.limit, 0.0)

    def _ring(self, tenant: str, now: float) -> _Ring:
        ring = self._tenants.get(tenant)
        if ring is None:
            self._make_room(now)
            ring = self._tenants[tenant] = _Ring()
        self._tenants.move_to_end(tenant)
        return ring

    def _make_room(self, now: float) -> None:
        """Forget tenants whose window is over; one whose is not would start anew, so the new one waits."""
        while self._tenants:
            tenant, ring = next(iter(self._tenants.items()))
            if now - ring.last < self.seconds:
                break
            del self._tenants[tenant]
        if len(self._tenants) >= self._kept:
            raise LimitError(
                f"{self._kept} tenants called within {self.seconds:g} seconds, which is all that are counted"
            )

    def renew(self, limit: int, seconds: float) -> None:
        """Another limit; what was counted under the old one is forgotten."""
        self.limit, self.seconds = limit, seconds
        self._tenants.clear()

    async def close(self) -> None:
        """Nothing is open."""


class _Ring:
    """The times of the last calls, the oldest at `start` once it is full."""

    __slots__ = ("last", "start", "times")

    def __init__(self) -> None:
        self.times = array("d")
        self.start = 0
        self.last = float("-inf")

    def add(self, now: float, limit: int, seconds: float) -> float:
        """Count a call at this time; 0 when it is let in, else the seconds to wait."""
        if len(self.times) < limit:
            self.times.append(now)
        else:
            oldest = self.times[self.start]
            if now - oldest < seconds:
                return seconds - (now - oldest)
            self.times[self.start] = now
            self.start = (self.start + 1) % limit
        self.last = now
        return 0.0


class RedisRates:
    """Counts in Redis, for all processes together; in this process alone while Redis does not answer.

    Losing Redis loosens the limit to that of each process, what it let in before included; it never lifts it.
    """

    def __init__(
        self, client: Redis, limit: int, seconds: float, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._alone = MemoryRates(limit, seconds, timer=timer)
        self._script = client.register_script(_SCRIPT)
        self._timer = timer
        self._until = float("-inf")
        self._number = 0
        self._process = f"{time.time_ns():x}"

    async def admit(self, tenant: str) -> None:
        """Count a call of this tenant."""
        if self._timer() < self._until:
            self._alone.count(tenant)
            return
        from redis.exceptions import RedisError

        self._number += 1
        member = f"{self._process}-{id(self):x}-{self._number}"
        window = int(self._alone.seconds * 1_000_000)
        try:
            wait: Any = await self._script(keys=[_KEY + tenant], args=[self._alone.limit, window, member])
        except (RedisError, OSError, TimeoutError) as error:
            self._until = self._timer() + REDIS_PAUSE
            log.warning("rates.redis_unavailable", error=type(error).__name__, seconds=REDIS_PAUSE)
            self._alone.count(tenant)
            return
        if int(wait) >= 0:
            raise exceeded(self._alone.limit, self._alone.seconds, int(wait) / 1_000_000)
        self._alone.note(tenant)

    def renew(self, limit: int, seconds: float) -> None:
        """Another limit; what Redis has counted still counts."""
        self._alone.renew(limit, seconds)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()


def exceeded(limit: int, seconds: float, wait: float) -> LimitError:
    """The error of a tenant that has had its share."""
    return LimitError(
        f"the tenant's {limit} calls within {seconds:g} seconds are used up",
        hint=f"try again in {max(wait, 0.001):.3f} seconds",
    )


def open_rates(settings: Settings) -> Rates:
    """Who counts, as the settings say."""
    tenants = settings.tenants
    if tenants.rate_redis_env is None:
        return MemoryRates(tenants.rate, tenants.rate_seconds)
    url = settings.secret(tenants.rate_redis_env).reveal()
    if not url:
        raise ConfigError(f"tenants.rate_redis_env: the variable {tenants.rate_redis_env} is not set")
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
    except ImportError:
        raise ConfigError(
            "tenants.rate_redis_env needs a library that is not installed",
            hint='pip install "mcp-arangodb-async[redis]"',
        ) from None
    try:
        pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - untyped options
            url,
            max_connections=REDIS_CONNECTIONS,
            timeout=REDIS_SECONDS,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
        )
    except ValueError:
        raise ConfigError(
            f"tenants.rate_redis_env: the variable {tenants.rate_redis_env} holds no Redis URL"
        ) from None
    client = Redis(connection_pool=pool)
    return RedisRates(client, tenants.rate, tenants.rate_seconds)
