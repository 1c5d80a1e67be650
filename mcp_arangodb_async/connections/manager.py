"""MultiDatabaseConnectionManager: every configured database by its key, opened late, closed early.

Importing this module does not import the driver: it and aiohttp cost about 300 ms, which a server that
only lists its tools never needs. They are loaded off the event loop when the first database is asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Secret, Server, TlsSettings
from mcp_arangodb_async.connections import endpoints, health
from mcp_arangodb_async.connections.client import ServerClient, ServerStatistics
from mcp_arangodb_async.connections.health import Health
from mcp_arangodb_async.connections.pool import PoolEntry, next_check, to_close
from mcp_arangodb_async.connections.single import SingleFlight
from mcp_arangodb_async.connections.suggest import closest
from mcp_arangodb_async.errors import UnavailableError, UnknownDatabaseError
from mcp_arangodb_async.observability.logs import get_logger

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase
    from mcp_arangodb_async.connections.opening import Opening

log = get_logger(__name__)

CONNECT_SECONDS = 3.0
# An answer of this size is a mistake in the request, whatever it holds.
MAXIMUM_RESPONSE = 64 * 1024 * 1024
MAXIMUM_CLIENTS = 256
# A client that no configured database needs any more is closed once its last call is over for so long, and
# forgotten when no call can hold it any longer.
RETIRED_IDLE = 5.0
RETIRED_KEPT = 3600.0
_LONGEST_SWEEP = 60.0
_SHOWN_KEYS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKey:
    """What makes two databases share a client: the same server, asked in the same name and trusted alike."""

    server: Server
    auth: str
    username: str
    password: Secret
    token: Secret
    tls: TlsSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconfigured:
    """Which keys a new configuration added, removed and changed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def differences(
    before: Mapping[str, DatabaseSettings], after: Mapping[str, DatabaseSettings]
) -> Reconfigured:
    """What is different between two configurations; the order of keys is no difference."""
    return Reconfigured(
        added=tuple(key for key in after if key not in before),
        removed=tuple(key for key in before if key not in after),
        changed=tuple(key for key in after if key in before and after[key] != before[key]),
    )


class MultiDatabaseConnectionManager:
    """Lends the databases that are configured.

    `connect_timeout` is how long a server that is down may cost one of its callers. `administration`
    allows the endpoints for users and databases; only the command line asks for it.
    """

    def __init__(
        self,
        databases: Mapping[str, DatabaseSettings],
        *,
        connect_timeout: float = CONNECT_SECONDS,
        administration: bool = False,
        maximum_clients: int = MAXIMUM_CLIENTS,
        maximum_response: int = MAXIMUM_RESPONSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._databases = dict(databases)
        self._connect_timeout = connect_timeout
        self._endpoints = endpoints.ADMINISTRATION if administration else endpoints.DATA
        self._maximum_clients = maximum_clients
        self._maximum_response = maximum_response
        self._clock = clock
        self._clients: dict[ServerKey, ServerClient] = {}
        self._retired: list[ServerClient] = []
        self._handles: dict[str, ArangoDatabase] = {}
        self._opening: dict[str, SingleFlight[ArangoDatabase]] = {}
        self._loading = SingleFlight(self._load)
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def keys(self) -> tuple[str, ...]:
        """The configured keys, in the order of the configuration."""
        return tuple(self._databases)

    def settings(self, key: str) -> DatabaseSettings:
        """What was configured for a key; raises UnknownDatabaseError."""
        try:
            return self._databases[key]
        except KeyError:
            raise self._unknown(key) from None

    async def get_database(self, key: str) -> ArangoDatabase:
        """The database of a key.

        For a server elsewhere this opens no connection: its first request does, and pays for a server that is
        down. Two calls for a key get the same handle.
        """
        handle = self._handles.get(key)
        if handle is not None:
            return handle
        self.settings(key)
        flight = self._opening.get(key)
        if flight is None:
            flight = self._opening[key] = SingleFlight(lambda: self._make(key))
        return await flight.run()

    @asynccontextmanager
    async def database(self, key: str) -> AsyncGenerator[ArangoDatabase]:
        """The database of a key, with its client kept open for the block."""
        handle = await self.get_database(key)
        handle.client.in_flight += 1
        try:
            yield handle
        finally:
            handle.client.in_flight -= 1

    async def probe(self, key: str, *, deadline_seconds: float = health.PROBE_SECONDS) -> Health:
        """Is this database there; raises UnknownDatabaseError for a key, and nothing for a server."""
        return await health.probe(await self.get_database(key), deadline_seconds=deadline_seconds)

    async def probe_all(
        self,
        keys: Iterable[str] | None = None,
        *,
        at_once: int = 8,
        deadline_seconds: float = health.PROBE_SECONDS,
    ) -> tuple[Health, ...]:
        """The health of several databases, in order, a few at a time."""
        places = asyncio.Semaphore(at_once)

        async def one(key: str) -> Health:
            async with places:
                return await self.probe(key, deadline_seconds=deadline_seconds)

        return tuple(await asyncio.gather(*(one(key) for key in (self.keys if keys is None else keys))))

    def statistics(self) -> tuple[ServerStatistics, ...]:
        """One record for each server that was used."""
        return tuple(client.statistics() for client in self._clients.values())

    async def load(self) -> None:
        """Import the driver now, off the event loop, so that the first call does not wait for it."""
        await self._loading.run()

    def reconfigure(self, databases: Mapping[str, DatabaseSettings]) -> Reconfigured:
        """Take on another configuration; only what changed is opened anew.

        Calls that hold a database go on with the settings they began with. A client that no database needs
        any more is closed when its calls are over.
        """
        changes = differences(self._databases, databases)
        before = _pools(self._databases)
        self._databases = dict(databases)
        after = _pools(self._databases)
        for key in (*changes.removed, *changes.changed):
            self._handles.pop(key, None)
        for server, client in list(self._clients.items()):
            if server in after and (client.pinned or after[server] == before[server]):
                continue
            del self._clients[server]
            self._retired.append(client)
            # Its databases open another one; the handles that share it may not keep it.
            self._handles = {key: kept for key, kept in self._handles.items() if kept.client is not client}
        return changes

    async def close_idle(self) -> int:
        """Close the clients that were not used for their idle time; how many."""
        now = self._clock()
        for client in self._retired:
            if client.is_open and not client.in_flight and now - client.last_used >= RETIRED_IDLE:
                log.info("pool.closed", server=client.address, databases=client.databases)
                await client.close()
        self._retired = [
            client for client in self._retired if client.is_open or now - client.last_used < RETIRED_KEPT
        ]
        clients = {key: client for key, client in self._clients.items() if client.is_open}
        keys = to_close(self._entries(), now=self._clock(), maximum=self._maximum_clients)
        for key in keys:
            log.info("pool.closed", server=clients[key].address, databases=clients[key].databases)
            await clients[key].close()
        return len(keys)

    async def close(self) -> None:
        """Close everything; later calls fail. Safe to call twice."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None
        await self._loading.stop()
        for flight in list(self._opening.values()):
            await flight.stop()
        self._handles.clear()
        clients, self._clients = [*self._clients.values(), *self._retired], {}
        self._retired = []
        await asyncio.gather(*(client.close() for client in clients))

    async def _make(self, key: str) -> ArangoDatabase:
        opening = await self._loading.run()
        while True:
            settings = self.settings(key)
            client = self._client(settings, opening)
            if isinstance(settings.server, EmbeddedServer):
                await opening.ensure_database(client, settings)
            if self._databases.get(key) is settings:
                break
            # Reconfigured meanwhile: begin again with what holds now.
        handle = self._handles[key] = opening.database(client, settings)
        self._opening.pop(key, None)
        return handle

    def _client(self, settings: DatabaseSettings, opening: Opening) -> ServerClient:
        if self._closed:
            raise UnavailableError("the connections are closed: the program is ending")
        key = _server_key(settings)
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = self._new_client(key, settings, opening)
            if self._sweeper is None:
                self._sweeper = asyncio.create_task(self._sweep())
        return client

    def _new_client(self, key: ServerKey, settings: DatabaseSettings, opening: Opening) -> ServerClient:
        sharing = [other for other in self._databases.values() if _server_key(other) == key]
        maximum, idle_timeout = _pools(self._databases)[key]
        client = ServerClient(
            address=settings.url,
            databases=tuple(other.key for other in sharing),
            open_transport=lambda: opening.transport(settings),
            maximum=maximum,
            idle_timeout=idle_timeout,
            # Closing an engine in memory would lose its data; one on disk costs more to open than to keep.
            pinned=isinstance(settings.server, EmbeddedServer),
            stops_queries=isinstance(settings.server, EmbeddedServer),
            clock=self._clock,
        )
        client.credentials = opening.credentials(settings, client)
        return client

    async def _load(self) -> Opening:
        module = await asyncio.to_thread(import_module, "mcp_arangodb_async.connections.opening")
        opening: Opening = module.Opening(
            endpoints=self._endpoints,
            connect_timeout=self._connect_timeout,
            maximum_response=self._maximum_response,
        )
        return opening

    async def _sweep(self) -> None:
        while True:
            longest = RETIRED_IDLE if any(client.is_open for client in self._retired) else _LONGEST_SWEEP
            await asyncio.sleep(next_check(self._entries(), now=self._clock(), longest=longest))
            await self.close_idle()

    def _entries(self) -> list[PoolEntry[ServerKey]]:
        return [
            PoolEntry(
                key=key,
                last_used=client.last_used,
                in_flight=client.in_flight,
                idle_timeout=client.idle_timeout,
                pinned=client.pinned,
            )
            for key, client in self._clients.items()
            if client.is_open
        ]

    def _unknown(self, key: str) -> UnknownDatabaseError:
        keys = self.keys
        more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
        listed = ", ".join(keys[:_SHOWN_KEYS]) or "none"
        return UnknownDatabaseError(
            f"no database {key[:80]!r}; configured: {listed}{more}",
            field="database",
            did_you_mean=closest(key, keys),
        )


def _server_key(settings: DatabaseSettings) -> ServerKey:
    return ServerKey(
        server=settings.server,
        auth=settings.auth,
        username=settings.username,
        password=settings.password,
        token=settings.token,
        tls=settings.tls,
    )


def _pools(databases: Mapping[str, DatabaseSettings]) -> dict[ServerKey, tuple[int, float]]:
    """For each server the most connections and the longest idle time that one of its databases asks for."""
    pools: dict[ServerKey, tuple[int, float]] = {}
    for settings in databases.values():
        key = _server_key(settings)
        connections, idle = pools.get(key, (0, 0.0))
        pool = settings.pool
        pools[key] = (max(connections, pool.max_connections), max(idle, pool.idle_timeout))
    return pools
