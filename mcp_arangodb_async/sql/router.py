"""Environments by name: one statement to one, several or all of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mcp_arangodb_async.config.environments import Access, EnvironmentSettings
from mcp_arangodb_async.config.monitoring import MonitoringSettings
from mcp_arangodb_async.connections.manager import MultiDatabaseConnectionManager
from mcp_arangodb_async.connections.sql.pool import NotTriedError
from mcp_arangodb_async.connections.suggest import closest
from mcp_arangodb_async.errors import (
    DeadlineError,
    DeniedError,
    InputError,
    MaaError,
    UnknownDatabaseError,
)
from mcp_arangodb_async.sql.arango import ArangoEnvironment
from mcp_arangodb_async.sql.environment import Answer, Environment, QueryLimits
from mcp_arangodb_async.sql.export import Exports
from mcp_arangodb_async.sql.monitor import Monitor
from mcp_arangodb_async.sql.selftest import SelfTest, self_test

Status = Literal["ok", "error", "timeout", "refused", "skipped", "unknown"]
# Environments that are asked at the same time by one fan-out.
AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one environment made of a statement: an answer, or the error with its status.

    `refused`: policy or rights forbid it; `skipped`: it was not tried, as its server failed lately;
    `unknown`: no such environment.
    """

    status: Status
    ms: float
    answer: Answer | None = None
    error: MaaError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """Another configuration of environments, ready to be taken on, and the names of what differs."""

    settings: Mapping[str, EnvironmentSettings]
    default: str | None
    monitoring: MonitoringSettings
    environments: Mapping[str, Environment]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


class Environments:
    """Every configured environment that is enabled.

    `manager` has the databases that environments of kind `arangodb` name. `read_only` makes every access
    `read`, whatever is configured. `exports` are the files that results are written to; its files are removed
    in their time between `start` and `close`.
    """

    def __init__(
        self,
        settings: Mapping[str, EnvironmentSettings],
        *,
        default: str | None = None,
        manager: MultiDatabaseConnectionManager | None = None,
        read_only: bool = False,
        monitoring: MonitoringSettings | None = None,
        exports: Exports | None = None,
    ) -> None:
        self.configured = dict(settings)
        self.default = default
        self.monitoring = monitoring or MonitoringSettings(interval=0)
        self.exports = exports
        self._manager = manager
        self._read_only = read_only
        self._environments = {name: self._made(one) for name, one in settings.items() if one.enabled}
        # Those of an earlier configuration, as long as somebody uses them.
        self._retired: weakref.WeakSet[Environment] = weakref.WeakSet()
        # What the self-test of an environment found, once it could be reached.
        self.self_tests: dict[str, SelfTest] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those that are enabled, in the order of the configuration."""
        return tuple(self._environments)

    def get(self, name: str) -> Environment:
        """The environment of that name; raises UnknownDatabaseError listing the names."""
        try:
            return self._environments[name]
        except KeyError:
            raise self.unknown(name) from None

    def resolve(self, argument: str | None, focus: str | None = None) -> tuple[str, str]:
        """The environment of a call and what decided it: argument, focus, default, only one.

        Raises where nothing decides: with several environments, none is taken by chance.
        """
        for name, source in ((argument, "argument"), (focus, "focus"), (self.default, "default_environment")):
            if name:
                self.get(name)
                return name, source
        if len(self.names) == 1:
            return self.names[0], "only_one"
        raise InputError(
            f"no environment is named, and there is no default; configured: {', '.join(self.names)}",
            field="environment",
            hint="name one, or set default_environment in the configuration",
        )

    async def run_many(
        self,
        names: Sequence[str],
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limits: QueryLimits | None = None,
        confirm: str | None = None,
        granted: Access = "admin",
    ) -> dict[str, Outcome]:
        """Run one statement everywhere at once; each environment has its own deadline and outcome.

        An environment that fails, is unknown or refuses costs the others nothing. The caller's cancellation
        stops all of them, on their servers.
        """
        places = asyncio.Semaphore(AT_ONCE)
        chosen = list(dict.fromkeys(names))

        async def one(name: str) -> Outcome:
            async with places:
                return await self.outcome(
                    name, text, parameters, limits=limits, confirm=confirm, granted=granted
                )

        if len(chosen) == 1:
            return {chosen[0]: await one(chosen[0])}
        found = await asyncio.gather(*(one(name) for name in chosen))
        return dict(zip(chosen, found, strict=True))

    async def outcome(
        self,
        name: str,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limits: QueryLimits | None = None,
        confirm: str | None = None,
        granted: Access = "admin",
    ) -> Outcome:
        """What one environment makes of a statement; raises nothing but the caller's cancellation."""
        started = time.perf_counter()
        try:
            answer = await self.get(name).query(
                text, parameters, limits=limits, confirm=confirm, granted=granted
            )
        except MaaError as error:
            return Outcome(status=status_of(error), ms=since(started), error=error)
        return Outcome(status="ok", ms=since(started), answer=answer)

    def current(self) -> tuple[Environment, ...]:
        """The environments that are enabled, in the order of the configuration."""
        return tuple(self._environments.values())

    def start(self) -> None:
        """Open in the background what is eager, all at once, and watch everything; never waits or fails."""
        for environment in self._environments.values():
            if environment.settings.eager:
                self._run(self._begin(environment))
        self._watch()
        if self.exports is not None:
            self.exports.start()

    def prepare(
        self,
        settings: Mapping[str, EnvironmentSettings],
        *,
        default: str | None,
        monitoring: MonitoringSettings,
    ) -> Renewed:
        """Another configuration, checked: ConfigError if it cannot be taken on. Nothing is changed yet."""
        before = self.configured
        kept = {name for name, one in settings.items() if before.get(name) == one}
        made = {
            name: self._environments[name] if name in kept else self._made(one)
            for name, one in settings.items()
            if one.enabled
        }
        return Renewed(
            settings=dict(settings),
            default=default,
            monitoring=monitoring,
            environments=made,
            added=tuple(name for name in settings if name not in before),
            removed=tuple(name for name in before if name not in settings),
            changed=tuple(name for name in settings if name in before and name not in kept),
        )

    def adopt(self, renewed: Renewed) -> None:
        """Take on what was prepared: only what changed is opened anew, and statements that run go on."""
        for name, environment in self._environments.items():
            if renewed.environments.get(name) is not environment:
                self._retired.add(environment)
                self.self_tests.pop(name, None)
                environment.retire()
        fresh = [one for name, one in renewed.environments.items() if one is not self._environments.get(name)]
        self.configured, self.default = dict(renewed.settings), renewed.default
        self._environments = dict(renewed.environments)
        for environment in fresh:
            if environment.settings.eager:
                self._run(self._begin(environment))
        if renewed.monitoring != self.monitoring:
            self.monitoring = renewed.monitoring
            self._watch()

    def _watch(self) -> None:
        """Watch as the configuration says, from now on."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self.monitoring.interval:
            self._watching = self._run(Monitor(self, self.monitoring).run())

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it in the background, until `close`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _begin(self, environment: Environment) -> None:
        """Open one environment, and test whether it is as safe as it was meant to be."""
        await environment.start()
        if environment.settings.kind != "arangodb":
            # One that cannot be reached now is examined by the monitor when it can be.
            with contextlib.suppress(MaaError):
                self.self_tests[environment.name] = await self_test(environment)

    async def close(self) -> None:
        """Close everything, all at once; bounded in time."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if self.exports is not None:
            await self.exports.close()
        await asyncio.gather(*(one.close() for one in (*self._environments.values(), *self._retired)))

    def unknown(self, name: str) -> UnknownDatabaseError:
        """The error for a name that is not configured, or switched off."""
        listed = ", ".join(self.names) or "none"
        off = name in self.configured
        return UnknownDatabaseError(
            f"environment {name[:80]!r} is switched off (enabled: false); usable: {listed}"
            if off
            else f"no environment {name[:80]!r}; configured: {listed}",
            field="environment",
            did_you_mean=closest(name, self.names),
        )

    def _made(self, settings: EnvironmentSettings) -> Environment:
        if self._read_only:
            settings = replace(settings, access="read")
        if settings.kind != "arangodb":
            return Environment(settings)
        assert self._manager is not None, "environments of kind arangodb need the databases"
        return ArangoEnvironment(settings, self._manager)


def status_of(error: MaaError) -> Status:
    """The status that an error means in a fan-out."""
    match error:
        case NotTriedError():
            return "skipped"
        case UnknownDatabaseError():
            return "unknown"
        case DeadlineError():
            return "timeout"
        case DeniedError():
            return "refused"
        case _:
            return "error"


def error_facts(error: MaaError) -> dict[str, Any]:
    """What is told about an error that costs one environment of several its answer."""
    facts: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.hint is not None:
        facts["hint"] = error.hint
    if error.did_you_mean:
        facts["did_you_mean"] = [*error.did_you_mean]
    return facts


def since(started: float) -> float:
    """Milliseconds since a time of `time.perf_counter`."""
    return round((time.perf_counter() - started) * 1000, 3)
