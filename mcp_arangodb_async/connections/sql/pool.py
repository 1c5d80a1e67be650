"""The connections of one environment: lent, counted, tried, closed when idle, opened again after a failure.

    opened ──► idle ──► lent ──► idle ... ──► closed
                 ▲        │
                 └ settle ┘   after a time-out, a cancelled call, or a statement that changes sessions

Nothing here knows an engine: an opener makes connections. The breaker of `connections/breaker.py` says when a
server may be tried; while it is open, callers are told at once and one background task tries.
"""

from __future__ import annotations

import asyncio
import copy
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_arangodb_async.config.environments import EnvironmentPool
from mcp_arangodb_async.connections import breaker
from mcp_arangodb_async.connections.breaker import CLOSED, BreakerState
from mcp_arangodb_async.connections.sql.connection import SqlConnection
from mcp_arangodb_async.connections.sql.places import Places
from mcp_arangodb_async.errors import AuthenticationError, DeadlineError, MaaError, UnavailableError
from mcp_arangodb_async.observability.logs import get_logger

log = get_logger(__name__)

# A server that came back is used again within this, whatever it was like before.
LONGEST_WAIT = 4.0
SETTLE_SECONDS = 2.0
PING_SECONDS = 1.0
CLOSE_SECONDS = 2.0
SHORTEST_SWEEP, LONGEST_SWEEP = 0.02, 60.0

Opener = Callable[[float], Awaitable[SqlConnection]]
Event = Literal["opened", "down", "exhausted"]
Hear = Callable[[Event, str], None]


def unheard(_event: Event, _text: str) -> None:
    """Nobody wants to know."""


class NotTriedError(UnavailableError):
    """The server failed lately and is not asked again yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCounters:
    """What a pool did and holds: `opened - closed` is `idle + in_use`, at any time.

    `settling` connections are among those in use: their call is over, they are not free yet.
    """

    idle: int
    in_use: int
    settling: int
    waiting: int
    opened: int
    closed: int
    failed: int
    lent: int
    waited: int
    wait_seconds: float
    timeouts: int
    tried: int
    breaker: str
    retry_after: float


def surplus(last_used: Sequence[float], *, now: float, idle_timeout: float, opened: int, minimum: int) -> int:
    """How many of the idle connections to close, the longest unused first; `last_used` is in that order."""
    expired = sum(1 for used in last_used if now - used >= idle_timeout)
    return max(0, min(expired, opened - minimum))


def next_sweep(last_used: Sequence[float], *, now: float, idle_timeout: float) -> float:
    """Seconds until the next connection can have idled out."""
    oldest = min(last_used, default=now)
    return min(LONGEST_SWEEP, max(SHORTEST_SWEEP, oldest + idle_timeout - now))


def backoff(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row: doubled each time, jittered, never long."""
    return breaker.wait(max(0, failures - 1), chance, longest=LONGEST_WAIT)


@dataclass(slots=True)
class _Entry:
    connection: SqlConnection
    last_used: float


@dataclass(slots=True)
class _Counts:
    opened: int = 0
    closed: int = 0
    failed: int = 0
    lent: int = 0
    waited: int = 0
    wait_seconds: float = 0.0
    timeouts: int = 0
    tried: int = 0
    settling: int = 0
    waiting: int = 0


@dataclass(slots=True, kw_only=True)
class Lease:
    """A connection lent to one caller, who gives it back once."""

    pool: SqlPool
    connection: SqlConnection
    returned: bool = field(default=False)

    def give_back(self, error: BaseException | None = None) -> None:
        """Let others have it; `error` is what ended its use."""
        if not self.returned:
            self.returned = True
            self.pool.take_back(self.connection, error)


class SqlPool:
    """Connections to one environment; they are opened when they are needed, or by `start`."""

    def __init__(
        self,
        *,
        name: str,
        address: str,
        settings: EnvironmentPool,
        connect_timeout: float,
        opener: Opener,
        hear: Hear = unheard,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.address = address
        self.settings = settings
        self.last_error: MaaError | None = None
        self._connect_timeout = connect_timeout
        self._opener = opener
        self._hear = hear
        self._clock = clock
        self._chance = chance
        self._idle: deque[_Entry] = deque()
        self._places = Places(settings.max_connections)
        self._lent = 0
        self._counts = _Counts()
        self._breaker: BreakerState = CLOSED
        self._failures = 0
        self._retry_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovering: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._closed = False
        self._retired = False

    @property
    def is_busy(self) -> bool:
        """Whether the next caller would have to wait."""
        return self._places.is_full

    @property
    def is_resting(self) -> bool:
        """Whether the breaker turns callers away now."""
        return self._breaker.open_until is not None

    @asynccontextmanager
    async def lend(self, *, ends_at: float) -> AsyncGenerator[SqlConnection]:
        """A connection for the block."""
        lease = await self.take(ends_at=ends_at)
        try:
            yield lease.connection
        except BaseException as error:
            lease.give_back(error)
            raise
        lease.give_back()

    async def take(self, *, ends_at: float) -> Lease:
        """A connection until it is given back; waits for a free one no longer than `acquire_timeout`."""
        if self._closed:
            raise UnavailableError(f"{self.address}: the connections are closed: the program is ending")
        if self._breaker.open_until is not None:
            raise self._resting()
        if not self._places.take_now():
            await self._wait(ends_at)
        try:
            connection = await self._usable(ends_at)
        except BaseException:
            self._places.give_back()
            raise
        self._counts.lent += 1
        return Lease(pool=self, connection=connection)

    def take_now(self) -> Lease | None:
        """A connection that is idle and needs no trial; None where `take` has to do more."""
        if not self._idle or self._closed or self._breaker.open_until is not None:
            return None
        entry = self._idle[-1]
        if not entry.connection.is_usable or self._clock() - entry.last_used >= self.settings.validate_after:
            return None
        if not self._places.take_now():
            return None
        self._idle.pop()
        self._lent += 1
        self._counts.lent += 1
        return Lease(pool=self, connection=entry.connection)

    def take_back(self, connection: SqlConnection, error: BaseException | None) -> None:
        """The end of a lease: keep the connection, or settle it in the background, or close it."""
        if not connection.is_usable:
            if isinstance(error, UnavailableError) and not isinstance(error, DeadlineError):
                self._record_failure(error)
            self._drop(connection)
        elif connection.is_clean:
            if error is None:
                self._breaker, self._failures = CLOSED, 0
            self._keep(connection)
        else:
            self._counts.settling += 1
            self._run(self._settle(connection, stopped=error is not None))

    async def fresh(self, ends_at: float) -> SqlConnection:
        """A connection that the pool knows nothing of; its caller closes it."""
        return await self._opener(ends_at)

    def start(self) -> None:
        """Open what the configuration wants open, in the background; a server that is down is tried again."""
        self._recover()

    def retire(self) -> None:
        """Keep nothing open from now on: who holds the pool still gets connections, each for one use."""
        self._retired = True
        for task in (self._recovering, self._sweeping):
            if task is not None:
                task.cancel()
        self._close_idle()

    async def close(self) -> None:
        """Close everything; connections in use are closed when they are given back. Bounded in time."""
        self._closed = True
        tasks = [task for task in (self._recovering, self._sweeping) if task is not None]
        for task in tasks:
            task.cancel()
        waiting = list(tasks)
        self._close_idle()
        if waiting or self._tasks:
            await asyncio.wait([*waiting, *self._tasks], timeout=CLOSE_SECONDS + SETTLE_SECONDS)

    def counters(self) -> PoolCounters:
        """What it did and holds."""
        counts = self._counts
        until = self._breaker.open_until
        return PoolCounters(
            idle=len(self._idle),
            in_use=self._lent,
            settling=counts.settling,
            waiting=counts.waiting,
            opened=counts.opened,
            closed=counts.closed,
            failed=counts.failed,
            lent=counts.lent,
            waited=counts.waited,
            wait_seconds=round(counts.wait_seconds, 6),
            timeouts=counts.timeouts,
            tried=counts.tried,
            breaker=self._breaker.name,
            retry_after=0.0 if until is None else max(0.0, until - self._clock()),
        )

    async def _wait(self, ends_at: float) -> None:
        started = self._clock()
        seconds = min(self.settings.acquire_timeout, ends_at - started)
        self._counts.waiting += 1
        self._counts.waited += 1
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._places.take()
        except TimeoutError:
            self._counts.timeouts += 1
            busy = self.settings.max_connections
            said = f"{self.address}: all {busy} connections were busy for {max(0.0, seconds):.3g} s"
            self._hear("exhausted", said)
            raise DeadlineError(
                said,
                hint="try again, or raise pool.max_connections or pool.acquire_timeout",
            ) from None
        finally:
            self._counts.waiting -= 1
            self._counts.wait_seconds += self._clock() - started

    async def _usable(self, ends_at: float) -> SqlConnection:
        """An idle connection that still works, else a new one."""
        while self._idle:
            entry = self._idle.pop()
            connection = entry.connection
            now = self._clock()
            self._lent += 1
            fresh = now - entry.last_used < self.settings.validate_after
            if not connection.is_usable:
                self._forget(connection)
            elif fresh or await self._answers(connection, min(ends_at, now + PING_SECONDS)):
                return connection
        return await self._opened(ends_at)

    async def _answers(self, connection: SqlConnection, ends_at: float) -> bool:
        self._counts.tried += 1
        try:
            await connection.ping(ends_at=ends_at)
        except MaaError:
            self._forget(connection)
            return False
        except BaseException:
            self._forget(connection)
            raise
        return True

    async def _opened(self, ends_at: float) -> SqlConnection:
        """A new connection; its failure counts against the server."""
        admission = breaker.admit(self._breaker, self._clock())
        self._breaker = admission.state
        if not admission.allowed:
            raise self._resting()
        now = self._clock()
        seconds = min(self._connect_timeout, ends_at - now)
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                connection = await self._opener(now + seconds)
        except TimeoutError:
            error = DeadlineError(f"{self.address}: no connection within {max(0.0, seconds):.3g} s")
            if seconds >= self._connect_timeout:
                self._record_failure(error)
            else:
                self._breaker = breaker.abandoned(self._breaker)
            raise error from None
        except (UnavailableError, AuthenticationError) as error:
            self._record_failure(error)
            raise
        except BaseException:
            self._breaker = breaker.abandoned(self._breaker)
            raise
        self._counts.opened += 1
        self._lent += 1
        self._breaker, self._failures, self.last_error = CLOSED, 0, None
        self._hear("opened", "")
        if self._sweeping is None and not self._retired:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())
        return connection

    def _resting(self) -> NotTriedError | MaaError:
        """Why nobody may ask now: the last failure, and when it is tried again."""
        until = self._breaker.open_until or 0.0
        seconds = max(0.0, until - self._clock())
        last = self.last_error
        if isinstance(last, AuthenticationError):
            return copy.copy(last)
        why = last.message if last is not None else f"{self.address} did not answer the last requests"
        return NotTriedError(
            f"{why}; it is tried again in {seconds:.1f} s", hint="other environments are not affected"
        )

    def _record_failure(self, error: MaaError) -> None:
        self._counts.failed += 1
        self._failures += 1
        self.last_error = error
        before = self._breaker.open_until
        self._breaker = breaker.failed(self._breaker, self._clock(), self._chance(), longest=LONGEST_WAIT)
        if self._breaker.open_until is None:
            return
        if before is None:
            log.warning("environment.down", environment=self.name, error=error.message)
            self._hear("down", error.message)
            self._close_idle()  # they are no better than those that failed
        self._recover()

    def _recover(self) -> None:
        """See to it that somebody tries the server until it answers."""
        over = self._closed or self._retired
        if not over and (self._recovering is None or self._recovering.done()):
            self._recovering = asyncio.get_running_loop().create_task(self._recovered())

    async def _recovered(self) -> None:
        """Open connections until the server answers and as many are open as are wanted."""
        wanted = max(1, self.settings.min_connections)
        down = False
        while not self._closed and (self.is_resting or len(self._idle) + self._lent < wanted):
            until = self._breaker.open_until
            if until is not None:
                await asyncio.sleep(max(0.0, until - self._clock()))
            await self._places.take()
            try:
                connection = await self._opened(self._clock() + self._connect_timeout)
            except MaaError:
                self._places.give_back()
                down = True
                if self._breaker.open_until is None:
                    await asyncio.sleep(backoff(self._failures, self._chance()))
                continue
            except BaseException:
                self._places.give_back()
                raise
            self._keep(connection)
            if down:
                log.info("environment.recovered", environment=self.name)
                down = False

    def _close_idle(self) -> None:
        idle, self._idle = list(self._idle), deque()
        for entry in idle:
            self._lent += 1
            self._forget(entry.connection)

    def _keep(self, connection: SqlConnection) -> None:
        self._places.give_back()
        if self._closed or self._retired:
            self._forget(connection)
        else:
            self._lent -= 1
            self._idle.append(_Entry(connection, self._clock()))

    def _drop(self, connection: SqlConnection) -> None:
        """Close a connection that was lent, and let somebody else open one."""
        self._places.give_back()
        self._forget(connection)

    def _forget(self, connection: SqlConnection) -> None:
        """Close a connection that counts as lent."""
        self._lent -= 1
        self._counts.closed += 1
        self._run(self._end(connection))
        if self._lent + len(self._idle) < self.settings.min_connections:
            self._recover()

    async def _settle(self, connection: SqlConnection, *, stopped: bool) -> None:
        """Make a connection usable again; a server that does not answer to that is taken to be down."""
        settled = False
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                settled = await connection.settle()
        except TimeoutError:
            error = DeadlineError(f"{self.address} does not answer, not even to the end of a statement")
            self._record_failure(error)
        except MaaError as error:
            if isinstance(error, UnavailableError) and not isinstance(error, DeadlineError):
                self._record_failure(error)
        finally:
            self._counts.settling -= 1
            if settled and connection.is_usable:
                if not stopped:
                    self._breaker, self._failures = CLOSED, 0
                self._keep(connection)
            else:
                self._drop(connection)

    async def _end(self, connection: SqlConnection) -> None:
        with suppress(TimeoutError, MaaError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close()

    async def _sweep(self) -> None:
        """Close what idled out, as long as the pool lives."""
        timeout, minimum = self.settings.idle_timeout, self.settings.min_connections
        while True:
            spare = len(self._idle) + self._lent > minimum
            used = [entry.last_used for entry in self._idle] if spare else []
            await asyncio.sleep(next_sweep(used, now=self._clock(), idle_timeout=timeout))
            used = [entry.last_used for entry in self._idle]
            opened = len(used) + self._lent
            for _ in range(
                surplus(used, now=self._clock(), idle_timeout=timeout, opened=opened, minimum=minimum)
            ):
                self._lent += 1
                self._forget(self._idle.popleft().connection)

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it without anybody waiting; `close` does."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
