"""Is an environment there, and if not, how far did it get: resolve, connect, log in, query.

A probe uses a connection of its own, beside the pool's, so that it tells what a newcomer would meet.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from mcp_arangodb_async.config.sql_address import SQL_KINDS
from mcp_arangodb_async.connections.sql.connection import Command
from mcp_arangodb_async.errors import (
    AuthenticationError,
    DeadlineError,
    MaaError,
    NotFoundError,
    UnavailableError,
)
from mcp_arangodb_async.sql.arango import ArangoEnvironment
from mcp_arangodb_async.sql.environment import Environment

T = TypeVar("T")
Health = Literal["up", "down", "timeout", "unauthorized", "missing", "error"]
PartName = Literal["resolve", "connect", "login", "query"]
PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One step of connecting: how long it took, and what was wrong with it."""

    name: PartName
    ok: bool
    ms: float
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a probe found; `parts` end with the first that failed."""

    environment: str
    status: Health
    ms: float
    parts: tuple[Part, ...]
    engine: str | None = None
    version: str | None = None
    encrypted: bool | None = None
    error: MaaError | None = None


async def probe(environment: Environment, *, seconds: float = PROBE_SECONDS) -> Probe:
    """Try the environment from the beginning; raises nothing but the caller's cancellation."""
    trial = _Trial(environment, time.monotonic() + seconds)
    try:
        async with asyncio.timeout(seconds + 0.5):
            return await trial.run()
    except TimeoutError:
        return trial.failed(DeadlineError(f"{environment.settings.address}: no answer within {seconds:g} s"))


class _Trial:
    """One probe under way."""

    def __init__(self, environment: Environment, ends_at: float) -> None:
        self._environment = environment
        self._ends_at = ends_at
        self._began = time.perf_counter()
        self._parts: list[Part] = []

    async def run(self) -> Probe:
        environment, settings = self._environment, self._environment.settings
        try:
            if isinstance(environment, ArangoEnvironment):
                answer = await self._part("query", lambda: environment.query("RETURN 1"))
                return self._told(answer.engine, answer.version, None)
            if settings.kind in SQL_KINDS:
                address = await self._part("resolve", self._resolve)
                await self._part("connect", lambda: self._connect(address))
            connection = await self._part("login", lambda: environment.fresh(self._ends_at))
            try:
                await self._part(
                    "query",
                    lambda: connection.fetch(
                        Command(text="SELECT 1"), max_rows=1, max_bytes=1024, ends_at=self._ends_at
                    ),
                )
                return self._told(connection.engine, connection.version, connection.encrypted)
            finally:
                await connection.close()
        except MaaError as error:
            return self.failed(error)

    def failed(self, error: MaaError) -> Probe:
        """What is told of a probe that did not come to its end."""
        return Probe(
            environment=self._environment.name,
            status=health_of(error),
            ms=self._since(self._began),
            parts=tuple(self._parts),
            error=self._environment.named(error, self._began),
        )

    def _told(self, engine: str, version: str, encrypted: bool | None) -> Probe:
        return Probe(
            environment=self._environment.name,
            status="up",
            ms=self._since(self._began),
            parts=tuple(self._parts),
            engine=engine,
            version=version,
            encrypted=encrypted,
        )

    async def _part(self, name: PartName, work: Callable[[], Awaitable[T]]) -> T:
        started = time.perf_counter()
        try:
            result = await work()
        except MaaError as error:
            self._parts.append(Part(name=name, ok=False, ms=self._since(started), error=error.message))
            raise
        self._parts.append(Part(name=name, ok=True, ms=self._since(started)))
        return result

    async def _resolve(self) -> tuple[Any, ...]:
        settings = self._environment.settings
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        except OSError:
            raise UnavailableError(f"{settings.address}: the host name is not known") from None
        return found[0]

    async def _connect(self, address: tuple[Any, ...]) -> None:
        settings = self._environment.settings
        seconds = max(0.05, min(settings.connect_timeout, self._ends_at - time.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                _, writer = await asyncio.open_connection(address[4][0], address[4][1])
            writer.close()
        except TimeoutError:
            raise DeadlineError(f"{settings.address}: no connection within {seconds:.3g} s") from None
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            why = "connection refused: is the server running there?" if refused else "no connection"
            raise UnavailableError(f"{settings.address}: {why}") from None

    @staticmethod
    def _since(started: float) -> float:
        return round((time.perf_counter() - started) * 1000, 2)


def health_of(error: MaaError) -> Health:
    """The status that an error means for an environment."""
    match error:
        case AuthenticationError():
            return "unauthorized"
        case NotFoundError():
            return "missing"
        case DeadlineError():
            return "timeout"
        case UnavailableError():
            return "down"
        case _:
            return "error"
