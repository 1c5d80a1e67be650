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
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple

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


class ClientKey(NamedTuple):
    """What a client belongs to; `version` stands for everything that makes a client a different one.

    A tuple, as it is hashed and compared several times in each call.
    """

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

    __slots__ = ("_line", "running", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.running = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait in line."""
        return len(self._line)

    @property
    def quiet(self) -> bool:
        """Whether nobody runs or waits."""
        return not self.running and not self._line

    def free(self) -> bool:
        """Take a place if one is free; true when it was taken."""
        if self.running >= self.size:
            return False
        self.running += 1
        return True

    async def take(self, whose: str, hint: str) -> None:
        """Wait for a place, unless too many wait already; who took one gives it back."""
        if self.free():
            return
        if len(self._line) >= self.size * WAITING_PER_PLACE:
            raise LimitError(
                f"{whose} is busy: {self.running} calls run and {len(self._line)} wait",
                hint=f"try again in a moment, or raise {hint}",
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give_back()  # the place was handed over at the moment the caller left
            else:
                with suppress(ValueError):  # whoever gave a place back found it cancelled, and took it out
                    self._line.remove(turn)
            raise

    def give_back(self) -> None:
        """Hand the place to the next in line, or keep it free."""
        if self.running > self.size or not self._handed_over():
            self.running -= 1

    def resume(self) -> None:
        """Take a place again at once, beyond the limit if need be: who was answered does not wait in line."""
        self.running += 1

    def resize(self, size: int) -> None:
        """Have so many places from now on; who has one keeps it."""
        self.size = size
        while self.running < size and self._handed_over():
            self.running += 1

    def _handed_over(self) -> bool:
        """Let the next in line run, if somebody waits."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False


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

    def lend(self, upstream: Upstream, downstream: Downstream = SHARED) -> Loan:
        """A client for one call: `async with` gives its connection, and counts what the call says.

        Raises UnavailableError at once while the breaker is open, LimitError when too many wait.
        """
        return Loan(self, upstream, downstream)

    def limit(self, *, maximum: int, idle: float) -> None:
        """Keep so many clients from now on, and unused ones so long."""
        self._maximum, self._idle = maximum, idle
        self.sweep()

    def drain(self, owner: str, server: str | None = None) -> None:
        """Let the owner's clients finish what they do, and close them; the next call builds new ones.

        With `server`, only those of that server. The breakers close too: whatever changed may be what was
        wrong.
        """

        def meant(place: Place) -> bool:
            return place[0] == owner and server in {None, place[1]}

        for key, client in list(self._clients.items()):
            if meant(client.place):
                self._retire(key, client)
        for place in [place for place in self._servers if meant(place)]:
            known = self._servers[place]
            if known.quiet:
                del self._servers[place]
            else:
                known.version, known.protocol, known.shared = None, None, None
                known.state = breaker.CLOSED

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

    def admitted(self, server: _Server, upstream: Upstream) -> bool:
        """Whether the call is the trial of a server that was down; UnreachableError while none is due."""
        admission = breaker.admit(server.state, self._clock())
        server.state = admission.state
        if not admission.allowed:
            raise UnreachableError(
                f"{upstream.shown} did not answer the last calls; it is tried again in "
                f"{admission.retry_after:.1f} s",
                hint="other servers are not affected",
            )
        return admission.trial

    def failed(self, server: _Server) -> None:
        """The server did not answer."""
        server.state = breaker.failed(server.state, self._clock(), self._chance())

    def server_of(self, upstream: Upstream) -> _Server:
        """The server's record, renewed when its section changed."""
        place = upstream.key.place
        server = self._servers.get(place)
        if server is None:
            server = self._servers[place] = _Server(places=Places(upstream.concurrency))
        elif server.places.size != upstream.concurrency:
            server.places.resize(upstream.concurrency)
        if server.version != upstream.key.version:
            if server.version is not None:
                server.protocol, server.shared, server.state = None, None, breaker.CLOSED
            server.version = upstream.key.version
        server.last_used = self._clock()
        return server

    def _live(self, server: _Server, key: Hashable) -> _Client | None:
        """The client of this key, unless there is none that lives."""
        client = self._clients.get(key)
        if client is None:
            return None
        if not client.connection.alive:
            self._discard(key, client, server)
            return None
        self._clients.move_to_end(key)
        client.last_used = server.last_used
        self._hits += 1
        return client

    async def client_of(self, server: _Server, upstream: Upstream, downstream: Downstream) -> _Client:
        """The client for this caller, built if need be; one building serves all who wait for it."""
        place, version = upstream.key
        for _ in range(3):
            session = UNOWNED if server.shared is None else SHARED if server.shared else downstream
            key = (place, version, session)
            client = self._live(server, key) if session is not UNOWNED else None
            if client is not None:
                return client
            if session is not UNOWNED and server.shared is None:
                continue  # the dead one's era is not known to hold: it is found out anew
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

    def returned(self, client: _Client) -> None:
        """A call has ended."""
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
        task = asyncio.create_task(client.connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Loan:
    """One call's use of a client: a class, not a generator, as every call passes through it."""

    __slots__ = ("_client", "_clients", "_downstream", "_server", "_taken", "_trial", "_upstream")

    def __init__(self, clients: Clients, upstream: Upstream, downstream: Downstream) -> None:
        self._clients = clients
        self._upstream = upstream
        self._downstream = downstream
        self._trial = False
        self._taken = False
        self._client: _Client | None = None

    async def __aenter__(self) -> Connection:
        clients, upstream = self._clients, self._upstream
        server = self._server = clients.server_of(upstream)
        if server.state is not breaker.CLOSED:
            self._trial = clients.admitted(server, upstream)
        try:
            if not server.places.free():
                await server.places.take(upstream.shown, "the server's concurrency")
            self._taken = True
            client = await clients.client_of(server, upstream, self._downstream)
        except BaseException as error:
            self._ended(error)
            raise
        client.in_flight += 1
        self._client = client
        return client.connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended(error)

    @contextmanager
    def aside(self) -> Generator[None]:
        """Leave the place to others while a person is asked, who may take minutes."""
        self._server.places.give_back()
        try:
            yield
        finally:
            self._server.places.resume()

    def _ended(self, error: BaseException | None) -> None:
        """Count what the call says of the server, and give back what it took."""
        server = self._server
        if isinstance(error, UnavailableError):
            self._clients.failed(server)
        elif error is None or (isinstance(error, MaaError) and self._taken):
            # It answered, whatever it said.
            if server.state is not breaker.CLOSED:
                server.state = breaker.succeeded(server.state)
        elif self._trial:
            # The caller left, or there was no place for the call: the next one tries.
            server.state = breaker.abandoned(server.state)
        if self._taken:
            server.places.give_back()
        if self._client is not None:
            self._clients.returned(self._client)
