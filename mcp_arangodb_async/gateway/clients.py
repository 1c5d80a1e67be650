"""Live clients of upstream servers: built when first needed, shared, and closed in an orderly way.

    async with clients.lend(key, downstream, build) as connection:
        await connection.call_tool(...)

A client belongs to a tenant's server in one version of its section and of its secrets, so a changed section
never meets an old client. Upstreams of 2026-07-28 keep nothing between calls: all callers of a tenant share
one client. Older ones get one session for each downstream session. Which clients go is decided by `expired`,
a pure function; each server of each tenant has its own breaker and its own number of places, so that one that
hangs is nobody else's trouble.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mcp_arangodb_async.connections import breaker
from mcp_arangodb_async.connections.single import SingleFlight
from mcp_arangodb_async.errors import LimitError, MaaError, UnavailableError, UnreachableError
from mcp_arangodb_async.gateway.upstreams import Connection

# (owner, server): what has one breaker and one set of places, whatever its version.
Place = tuple[str, str]
Downstream = str
SHARED: Downstream = ""
# Instead of a downstream session while it is not known whether the upstream needs one for each.
UNOWNED = None
DRAIN_SECONDS = 30.0
# Calls that wait for a place of one server; more than this many for each place are refused.
WAITING_PER_PLACE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """What a client belongs to; `version` stands for everything that makes a client a different one."""

    place: Place
    version: Hashable


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """How to build a client, and how many calls may run on its server at once."""

    key: ClientKey
    open: Callable[[str | None], Awaitable[Connection]]
    concurrency: int
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What `expired` needs to know of a client."""

    last_used: float
    in_flight: int
    draining: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatistics:
    """All clients in numbers, for metrics and the soak test."""

    clients: int
    draining: int
    in_flight: int
    places: int
    built: int
    hits: int
    evicted: int


def expired(uses: Iterable[tuple[Hashable, Use]], *, now: float, idle: float, maximum: int) -> list[Hashable]:
    """The clients to close: idle too long, or too many; the least recently used first, none in use.

    `uses` are in the order of their last use, the oldest first.
    """
    listed = list(uses)
    over = len(listed) - maximum
    gone: list[Hashable] = []
    for key, use in listed:
        if use.in_flight == 0 and (use.draining or over > 0 or now - use.last_used >= idle):
            gone.append(key)
            over -= 1
    return gone


class Places:
    """So many may run at once, some more wait in line, and the rest is told so."""

    __slots__ = ("_free", "running", "size", "waiting")

    def __init__(self, size: int) -> None:
        self.size = size
        self.running = 0
        self.waiting = 0
        self._free = asyncio.Semaphore(size)

    @property
    def quiet(self) -> bool:
        """Whether nobody runs or waits."""
        return not self.running and not self.waiting

    async def take(self, whose: str, hint: str) -> None:
        """Wait for a place, unless too many wait already; who took one gives it back."""
        if self.waiting >= self.size * WAITING_PER_PLACE:
            raise LimitError(
                f"{whose} is busy: {self.running} calls run and {self.waiting} wait",
                hint=f"try again in a moment, or raise {hint}",
            )
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.running += 1

    def give_back(self) -> None:
        """Let the next one run."""
        self.running -= 1
        self._free.release()


@dataclass(slots=True)
class _Client:
    """One live connection and who uses it."""

    connection: Connection
    place: Place
    version: Hashable
    last_used: float
    in_flight: int = 0
    draining: bool = False
    timer: asyncio.TimerHandle | None = None

    def use(self) -> Use:
        return Use(last_used=self.last_used, in_flight=self.in_flight, draining=self.draining)


@dataclass(slots=True)
class _Server:
    """What outlives the clients of a server: its breaker, its places, the era it was found to speak."""

    places: Places
    state: breaker.BreakerState = breaker.CLOSED
    version: Hashable = None
    protocol: str | None = None
    shared: bool | None = None
    last_used: float = 0.0
    opening: dict[Hashable, SingleFlight[_Client]] = field(
        default_factory=dict[Hashable, "SingleFlight[_Client]"]
    )

    @property
    def quiet(self) -> bool:
        return self.places.quiet and not self.opening


class Clients:
    """The clients of one application."""

    def __init__(
        self,
        *,
        maximum: int,
        idle: float,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._maximum = maximum
        self._idle = idle
        self._clock = clock
        self._chance = chance
        self._clients: OrderedDict[Hashable, _Client] = OrderedDict()
        self._servers: dict[Place, _Server] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._built = 0
        self._hits = 0
        self._evicted = 0

    @asynccontextmanager
    async def lend(self, upstream: Upstream, downstream: Downstream = SHARED) -> AsyncGenerator[Connection]:
        """A client for one call; it counts what the call says about the server.

        Raises UnavailableError at once while the breaker is open, LimitError when too many wait.
        """
        server = self._server(upstream)
        admission = breaker.admit(server.state, self._clock())
        server.state = admission.state
        if not admission.allowed:
            raise UnreachableError(
                f"{upstream.shown} did not answer the last calls; it is tried again in "
                f"{admission.retry_after:.1f} s",
                hint="other servers are not affected",
            )
        client: _Client | None = None
        taken = False
        try:
            await server.places.take(upstream.shown, "the server's concurrency")
            taken = True
            client = await self._client(server, upstream, downstream)
            client.in_flight += 1
            yield client.connection
        except UnavailableError:
            server.state = breaker.failed(server.state, self._clock(), self._chance())
            raise
        except MaaError:
            # It answered, whatever it said; or there was no place for the call.
            if taken:
                server.state = breaker.succeeded(server.state)
            elif admission.trial:
                server.state = breaker.abandoned(server.state)
            raise
        except BaseException:
            if admission.trial:
                server.state = breaker.abandoned(server.state)
            raise
        else:
            server.state = breaker.succeeded(server.state)
        finally:
            if taken:
                server.places.give_back()
            if client is not None:
                self._returned(client)

    def drain(self, owner: str) -> None:
        """Let the owner's clients finish what they do, and close them; the next call builds new ones.

        The breakers close too: whatever changed may be what was wrong.
        """
        for key, client in list(self._clients.items()):
            if client.place[0] == owner:
                self._retire(key, client)
        for place in [place for place in self._servers if place[0] == owner]:
            server = self._servers[place]
            if server.quiet:
                del self._servers[place]
            else:
                server.version, server.protocol, server.shared = None, None, None
                server.state = breaker.CLOSED

    def sweep(self, room: int = 0) -> int:
        """Close what was idle too long and what is too much, leaving room for so many; how many."""
        now = self._clock()
        gone = expired(
            ((key, client.use()) for key, client in self._clients.items()),
            now=now,
            idle=self._idle,
            maximum=self._maximum - room,
        )
        for key in gone:
            self._close(self._clients.pop(key))
        self._evicted += len(gone)
        kept = {client.place for client in self._clients.values()}
        for place, server in list(self._servers.items()):
            if place not in kept and server.quiet and now - server.last_used >= self._idle:
                del self._servers[place]
        return len(gone)

    async def close(self) -> None:
        """Close every client."""
        flights = [flight for server in self._servers.values() for flight in server.opening.values()]
        await asyncio.gather(*(flight.stop() for flight in flights))
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            self._close(client)
        if self._closing:
            await asyncio.wait(self._closing)
        self._servers.clear()

    def statistics(self) -> ClientStatistics:
        """The numbers now."""
        return ClientStatistics(
            clients=len(self._clients),
            draining=sum(client.draining for client in self._clients.values()),
            in_flight=sum(client.in_flight for client in self._clients.values()),
            places=len(self._servers),
            built=self._built,
            hits=self._hits,
            evicted=self._evicted,
        )

    def breakers(self) -> dict[Place, str]:
        """The state of every breaker that is kept."""
        return {place: server.state.name for place, server in self._servers.items()}

    def breaker_name(self, place: Place) -> str:
        """The state of a server's breaker in a word."""
        server = self._servers.get(place)
        return server.state.name if server is not None else breaker.CLOSED.name

    def _server(self, upstream: Upstream) -> _Server:
        """The server's record, renewed when its section changed."""
        place = upstream.key.place
        server = self._servers.get(place)
        if server is None or (server.places.size != upstream.concurrency and server.quiet):
            server = self._servers[place] = _Server(places=Places(upstream.concurrency))
        if server.version != upstream.key.version:
            if server.version is not None:
                server.protocol, server.shared, server.state = None, None, breaker.CLOSED
            server.version = upstream.key.version
        server.last_used = self._clock()
        return server

    async def _client(self, server: _Server, upstream: Upstream, downstream: Downstream) -> _Client:
        """The client for this caller, built if need be; one building serves all who wait for it."""
        place, version = upstream.key.place, upstream.key.version
        for _ in range(3):
            session = UNOWNED if server.shared is None else SHARED if server.shared else downstream
            key = (place, version, session)
            client = self._clients.get(key) if session is not UNOWNED else None
            if client is not None:
                if client.connection.alive:
                    self._clients.move_to_end(key)
                    client.last_used = self._clock()
                    self._hits += 1
                    return client
                self._discard(key, client, server)
                continue
            client = await self._opened(server, upstream, key)
            if client.connection.shared or session is not UNOWNED:
                return client
            # Now it is known that each downstream session needs one of its own: the first takes this one.
            own = (place, version, downstream)
            if self._clients.get(key) is client and own not in self._clients:
                self._clients[own] = self._clients.pop(key)
                return client
        raise UnavailableError(f"{upstream.shown} ends its connections as soon as they are opened")

    async def _opened(self, server: _Server, upstream: Upstream, key: Hashable) -> _Client:
        """A new client; all who ask for it meanwhile get the same."""
        flight = server.opening.get(key)
        if flight is None:
            flight = server.opening[key] = SingleFlight(lambda: self._build(server, upstream, key))
        try:
            return await flight.run()
        finally:
            if server.opening.get(key) is flight:
                del server.opening[key]

    async def _build(self, server: _Server, upstream: Upstream, key: Hashable) -> _Client:
        if len(self._clients) >= self._maximum:
            self.sweep(room=1)
            if len(self._clients) >= self._maximum:
                raise LimitError(
                    f"all {self._maximum} connections to upstream servers are in use",
                    hint="try again in a moment; tenants.clients sets how many there are",
                )
        connection = await upstream.open(server.protocol)
        self._built += 1
        place, version = upstream.key.place, upstream.key.version
        client = _Client(connection=connection, place=place, version=version, last_used=self._clock())
        if server.version == version:
            server.protocol, server.shared = connection.version, connection.shared
        self._clients[(place, version, SHARED) if connection.shared else key] = client
        return client

    def _discard(self, key: Hashable, client: _Client, server: _Server) -> None:
        """Forget a dead client, and the era it spoke: perhaps another server stands there now."""
        if client.connection.shared:
            server.protocol, server.shared = None, None
        self._retire(key, client)

    def _returned(self, client: _Client) -> None:
        client.in_flight -= 1
        client.last_used = self._clock()
        if client.draining and client.in_flight == 0:
            self._close(client)

    def _retire(self, key: Hashable, client: _Client) -> None:
        """Take a client out of use; it is closed now, when its calls have ended, or after a while."""
        del self._clients[key]
        client.draining = True
        if client.in_flight == 0:
            self._close(client)
        else:
            loop = asyncio.get_running_loop()
            client.timer = loop.call_later(DRAIN_SECONDS, self._close, client)

    def _close(self, client: _Client) -> None:
        if client.timer is not None:
            client.timer.cancel()
        self._keep(asyncio.create_task(client.connection.close()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
