"""One client per server: its breaker, its free places, its login, and the transport that sends.

It knows neither aiohttp nor the engine: a `Transport` is opened by whoever made it (`manager.py`), when
the first request needs it, and may be closed and opened again between requests.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mcp_arangodb_async.connections import breaker
from mcp_arangodb_async.connections.limits import current_limits
from mcp_arangodb_async.connections.single import SingleFlight
from mcp_arangodb_async.errors import BackendError, DeadlineError, LimitError, UnavailableError

if TYPE_CHECKING:
    from arangoasync.request import Request
    from arangoasync.response import Response

    from mcp_arangodb_async.connections.credentials import Credentials

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_BACKGROUND_SECONDS = 5.0


class Transport(Protocol):
    """Sends one request and returns its answer; raises UnavailableError when the server cannot be reached."""

    async def send(self, request: Request, *, database: str | None, repeatable: bool) -> Response:
        """Send to an encoded path (`request.endpoint`); only a `repeatable` request may be sent twice."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatistics:
    """One server's client in numbers."""

    address: str
    databases: tuple[str, ...]
    breaker: Literal["closed", "open", "half_open"]
    open: bool
    in_flight: int
    requests: int
    failures: int


class ServerClient:
    """The one client of a server, shared by its databases."""

    def __init__(
        self,
        *,
        address: str,
        databases: tuple[str, ...],
        open_transport: Callable[[], Coroutine[Any, Any, Transport]],
        maximum: int,
        idle_timeout: float,
        pinned: bool = False,
        stops_queries: bool = False,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.address = address
        self.databases = databases
        self.idle_timeout = idle_timeout
        self.pinned = pinned
        # Does the transport itself end what a cancelled request was doing?
        self.stops_queries = stops_queries
        self.last_used = clock()
        self.in_flight = 0
        self.credentials: Credentials | None = None
        self._clock = clock
        self._chance = chance
        self._places = asyncio.Semaphore(maximum)
        self._maximum = maximum
        self._breaker = breaker.CLOSED
        self._transport: Transport | None = None
        self._open_transport = open_transport
        self._opening = SingleFlight(self._open)
        self._requests = 0
        self._failures = 0
        self._background: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Does it hold a transport?"""
        return self._transport is not None

    def statistics(self) -> ServerStatistics:
        """Its numbers now."""
        return ServerStatistics(
            address=self.address,
            databases=self.databases,
            breaker=self._breaker.name,
            open=self.is_open,
            in_flight=self.in_flight,
            requests=self._requests,
            failures=self._failures,
        )

    async def send(self, request: Request, *, database: str | None, within: float) -> Response:
        """Send one request, `within` these seconds or the call's own deadline, whichever is earlier.

        While the server's breaker is open this fails at once. `database` is the encoded name the path
        must lie below.
        """
        limits = current_limits()
        now = self._clock()
        seconds = limits.seconds(within, time.monotonic())
        if seconds <= 0:
            raise DeadlineError("the call's time was over before its next request was sent")
        self._turn_away(now)
        repeatable = limits.repeatable
        if repeatable is None:
            repeatable = request.method.name in _SAFE_METHODS
        self.in_flight += 1
        sending = False
        try:
            async with asyncio.timeout(seconds):
                if not limits.urgent:
                    await self._places.acquire()
                try:
                    trial = self._admit()
                    sending = True
                    return await self._send(request, database=database, repeatable=repeatable, trial=trial)
                finally:
                    if not limits.urgent:
                        self._places.release()
        except TimeoutError:
            if not sending:
                raise DeadlineError(
                    f"{self.address}: all {self._maximum} connections were busy for {seconds:.3g} s"
                ) from None
            self._record_failure()
            raise DeadlineError(
                f"{self.address} did not answer within {seconds:.3g} s",
                hint="raise the database's timeout, or ask for less",
            ) from None
        finally:
            self.in_flight -= 1
            self.last_used = self._clock()

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold work that goes on without its caller; closing waits for it."""
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Close the transport; the next request opens another one."""
        if self._background:
            await asyncio.wait(self._background, timeout=_BACKGROUND_SECONDS)
        await self._opening.stop()
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def transport(self) -> Transport:
        """The transport, opened if need be; one opening serves all who wait."""
        return self._transport or await self._opening.run()

    async def _open(self) -> Transport:
        self._transport = await self._open_transport()
        return self._transport

    async def _send(
        self, request: Request, *, database: str | None, repeatable: bool, trial: bool
    ) -> Response:
        self._requests += 1
        try:
            transport = await self.transport()
            header = None
            if self.credentials is not None:
                header = await self.credentials.header()
                if header is not None:
                    request.headers["authorization"] = header
            response = await transport.send(request, database=database, repeatable=repeatable)
            if response.status_code == 401 and self.credentials is not None:
                # At most one other login; a write is not sent again, its caller sees the 401.
                renewed = await self.credentials.renew(header)
                if renewed and repeatable:
                    request.headers["authorization"] = await self.credentials.header() or ""
                    response = await transport.send(request, database=database, repeatable=False)
        except UnavailableError:
            self._record_failure()
            raise
        except (BackendError, LimitError):
            self._breaker = breaker.succeeded(self._breaker)
            raise
        except BaseException:
            # Cancelled, or never sent: it says nothing about the server.
            if trial:
                self._breaker = breaker.abandoned(self._breaker)
            raise
        self._breaker = breaker.succeeded(self._breaker)
        return response

    def _admit(self) -> bool:
        admission = breaker.admit(self._breaker, self._clock())
        self._breaker = admission.state
        if not admission.allowed:
            self._refuse(admission.retry_after)
        return admission.trial

    def _turn_away(self, now: float) -> None:
        admission = breaker.admit(self._breaker, now)
        if not admission.allowed:
            self._refuse(admission.retry_after)

    def _refuse(self, retry_after: float) -> None:
        raise UnavailableError(
            f"{self.address} did not answer the last requests; it is tried again in {retry_after:.1f} s",
            hint="other databases are not affected",
        )

    def _record_failure(self) -> None:
        self._failures += 1
        self._breaker = breaker.failed(self._breaker, self._clock(), self._chance())
