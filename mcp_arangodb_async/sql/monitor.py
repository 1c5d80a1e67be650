"""The background monitor: every environment is asked for a sign of life once in an interval, and no oftener.

A trial is one round trip on a connection of the pool. An environment that nobody opened yet is not opened
for it, one whose pool is in full use does not wait for it, and one whose breaker is open is tried by its pool
already. What comes of it is in the environment's `vitals`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from typing import Protocol

from mcp_arangodb_async.config.monitoring import MonitoringSettings
from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.health import DOWN_AFTER, Condition
from mcp_arangodb_async.sql.selftest import SelfTest, self_test

# One that failed or is coming back is looked at so often, whatever the interval.
AILING_SECONDS = 1.0
# Every interval is up to this part shorter or longer, so that environments are not asked all at once.
JITTER = 0.15
LONGEST_AILING = AILING_SECONDS * (1 + JITTER)
FIRST_SECONDS = 2.0


class Watched(Protocol):
    """The environments that are watched; they may change meanwhile."""

    self_tests: dict[str, SelfTest]

    def current(self) -> tuple[Environment, ...]:
        """Those that are configured now."""
        ...


def is_ailing(condition: Condition) -> bool:
    """Whether it may be about to change: it began to fail, or is coming back. It is asked oftener then."""
    return 0 < condition.failures < DOWN_AFTER or condition.state == "recovering"


def pause(interval: float, condition: Condition, chance: float) -> float:
    """Seconds until the next trial; `chance`, 0 to 1, spreads them."""
    seconds = min(interval, AILING_SECONDS) if is_ailing(condition) else interval
    return seconds * (1 - JITTER + 2 * JITTER * chance)


class Monitor:
    """Watches environments while `run` runs."""

    def __init__(
        self,
        watched: Watched,
        settings: MonitoringSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self._watched = watched
        self._clock = clock
        self._chance = chance
        self._due: dict[Environment, float] = {}
        self._used: dict[Environment, int] = {}
        self._running: dict[Environment, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Ask each environment when its time has come, until cancelled."""
        try:
            while True:
                seconds = self._round()
                await asyncio.sleep(seconds)
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    def _round(self) -> float:
        """Begin the trials that are due; seconds until the next one."""
        now = self._clock()
        current = self._watched.current()
        for gone in self._due.keys() - set(current):
            del self._due[gone]
            self._used.pop(gone, None)
        for environment in current:
            environment.vitals.latencies.turn(now)
            due = self._due.get(environment)
            if due is None:
                self._due[environment] = now + self._chance() * min(FIRST_SECONDS, self.settings.interval)
            elif environment in self._running:
                continue
            elif due <= now or (is_ailing(environment.vitals.condition) and due - now > LONGEST_AILING):
                self._begin(environment)
        waiting = [due for one, due in self._due.items() if one not in self._running]
        # An environment may fail, or be added, before any is due: nobody sleeps long.
        return max(0.01, min(AILING_SECONDS, min(waiting, default=now + AILING_SECONDS) - now))

    def _begin(self, environment: Environment) -> None:
        task = asyncio.get_running_loop().create_task(self.look(environment))
        self._running[environment] = task
        task.add_done_callback(lambda _: self._ended(environment))

    def _ended(self, environment: Environment) -> None:
        """A trial is over: when the next one is due depends on what it found."""
        del self._running[environment]
        if environment in self._due:
            seconds = pause(self.settings.interval, environment.vitals.condition, self._chance())
            self._due[environment] = self._clock() + seconds

    async def look(self, environment: Environment) -> None:
        """One trial, if there is anything to try."""
        vitals = environment.vitals
        if not environment.is_open or environment.is_resting:
            return
        before, self._used[environment] = self._used.get(environment, 0), vitals.uses
        is_well = not (vitals.condition.failures or vitals.state == "recovering")
        if is_well and vitals.uses == before and not self.settings.when_idle:
            return
        started = time.perf_counter()
        try:
            asked = await environment.sign_of_life(self.settings.timeout)
        except MaaError as error:
            vitals.tried(time.perf_counter() - started, slow=self.settings.slow, error=error)
        else:
            if asked is not None:
                vitals.tried(asked, slow=self.settings.slow)
            await self._test(environment)

    async def _test(self, environment: Environment) -> None:
        """Examine an environment that could not be reached when it was opened."""
        tests = self._watched.self_tests
        if environment.name in tests or environment.settings.kind == "arangodb":
            return
        with contextlib.suppress(MaaError):
            tests[environment.name] = await self_test(environment)
