"""The gateway's door: what a tenant's clients may list and call of servers that live elsewhere.

    listed = await gateway.list_tools(identity, downstream)
    result = await gateway.call(identity, "postgres__query", {"sql": "SELECT 1"}, caller)

Who asks decides the tenant, the tenant decides the server (`resolve.py`), the server's section decides what
is shown (`view.py`). Nothing that the client sent reaches the upstream but the arguments.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.config.model import Settings, TlsSettings
from mcp_arangodb_async.config.tenancy import TAKEN_ON, GlobalUpstream
from mcp_arangodb_async.connections.tls import TlsContexts
from mcp_arangodb_async.errors import (
    LostSessionError,
    MaaError,
    NotFoundError,
    UnreachableError,
)
from mcp_arangodb_async.gateway.choosing import Choose, Named, only_reads
from mcp_arangodb_async.gateway.clients import (
    DRAIN_SECONDS,
    ClientKey,
    Clients,
    Downstream,
    Places,
    Upstream,
)
from mcp_arangodb_async.gateway.conversation import Caller, Conversation
from mcp_arangodb_async.gateway.factory import SERVER_TYPES, Build, global_target
from mcp_arangodb_async.gateway.guard import OPERATOR, Reach, Resolve, reach_of
from mcp_arangodb_async.gateway.inventory import Inventory, Listed, Reached
from mcp_arangodb_async.gateway.measures import GatewayMeasures
from mcp_arangodb_async.gateway.questions import Binding, Seals
from mcp_arangodb_async.gateway.rates import Rates
from mcp_arangodb_async.gateway.resolve import Resolution, refused, resolve, server_names
from mcp_arangodb_async.gateway.roles import Identity, decide
from mcp_arangodb_async.gateway.tenants.model import Section, Tenant, section_type
from mcp_arangodb_async.gateway.upstreams import Connection, Network, Result, Target, open_upstream
from mcp_arangodb_async.gateway.view import Rules, ViewedTool, split_name

if TYPE_CHECKING:
    from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
    from mcp_arangodb_async.observability import Figure

# The owner of the global servers' clients; no tenant can be called so.
GLOBAL = "*"
# What a server that tells tenants apart is told while tenants are switched off.
NO_TENANT = "global"
MAXIMUM_REACHED = 10_000
SWEEP_SECONDS = 15.0
Connect = Callable[[Target, Network], Awaitable[Connection]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose call it is: the tenant's id, and the tenant if it has registered anything."""

    id: str | None
    tenant: Tenant | None

    @property
    def owner(self) -> str:
        """The tenant's id, or a word where there are no tenants."""
        return self.id or NO_TENANT


class Gateway:
    """The upstream servers of one application."""

    def __init__(
        self,
        settings: Settings,
        *,
        registry: TenantRegistry | None,
        networks: Mapping[str, Network],
        rates: Rates | None = None,
        read_only: bool = False,
        connect: Connect = open_upstream,
        seals: Seals | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings.tenants
        self.registry = registry
        self.measures = GatewayMeasures()
        self.clients = Clients(maximum=self.settings.clients, idle=self.settings.client_idle, clock=clock)
        self.inventory = Inventory(clients=self.clients, maximum=self.settings.clients, clock=clock)
        self.conversation = Conversation(self.clients, seals)
        self._secret = settings.secret
        self._networks = networks
        self.rates = rates
        self._read_only = read_only
        self.connect = connect
        self._places: dict[str, Places] = {}
        self._reached: OrderedDict[ClientKey, Reached] = OrderedDict()
        self._retired: list[Network] = []
        self._closing: set[asyncio.Task[None]] = set()
        if registry is not None:
            registry.on_change(self.changed)

    def renew(self, settings: Settings) -> bool:
        """Take on what the operator changed; did the servers that everybody shares change?

        Calls that run go on as they began. Only clients of what changed are drained. An approval of a tool
        outlives every change but that of where its server is.
        """
        before = self.settings
        after = replace(before, **{name: getattr(settings.tenants, name) for name in TAKEN_ON})
        said = {name: self._revealed(upstream) for name, upstream in before.upstreams.items()}
        self.settings, self._secret = after, settings.secret
        if self.registry is not None:
            self.registry.settings = after
        changed = [
            name
            for name in {*before.upstreams, *after.upstreams}
            if before.upstreams.get(name) != (now := after.upstreams.get(name))
            or (now is not None and said[name] != self._revealed(now))
        ]
        for name in changed:
            self._replaced(name, before.upstreams.get(name), after.upstreams.get(name))
        launchers = {name for name, one in before.launchers.items() if after.launchers.get(name) != one}
        for key in [key for key, one in self._reached.items() if one.launcher in launchers]:
            self._drained(*key.place)
        if before.url_policy != after.url_policy:
            self._rerouted(reach_of(after.url_policy))
        self.clients.limit(maximum=after.clients, idle=after.client_idle)
        self.inventory.maximum = after.clients
        for places in self._places.values():
            places.resize(after.concurrency)
        if self.rates is not None and (before.rate, before.rate_seconds) != (after.rate, after.rate_seconds):
            self.rates.renew(after.rate, after.rate_seconds)
        return bool(changed)

    def _revealed(self, upstream: GlobalUpstream) -> list[str]:
        """The values of the variables that a global server's entry names."""
        return [self.reveal(name) for name in (*upstream.headers_env.values(), *upstream.env_from.values())]

    def _replaced(self, name: str, before: GlobalUpstream | None, after: GlobalUpstream | None) -> None:
        """A global server's entry is another one."""
        self._drained(GLOBAL, name)
        place = (GLOBAL, name)
        self.inventory.look_again(place)
        if before is None or after is None or (before.url, before.command) != (after.url, after.command):
            self.inventory.first.pop(place, None)

    def _rerouted(self, reach: Reach) -> None:
        """Other addresses may be reached: tenants' clients are built anew, on connections of their own."""
        old = self._networks["tenant"]
        self._networks = {**self._networks, "tenant": old.under(reach)}
        for owner in {place[0] for place in self.clients.breakers()} - {GLOBAL}:
            self._drained(owner)
        self._retired.append(old)
        asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._retire, old)

    def _retire(self, network: Network) -> None:
        """Close a network whose calls have ended or had their time."""
        if network in self._retired:
            self._retired.remove(network)
            task = asyncio.create_task(network.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _drained(self, owner: str, server: str | None = None) -> None:
        """Let the clients end what they do, and make what calls need anew."""
        self.clients.drain(owner, server)
        for key in [key for key in self._reached if key.place[0] == owner and server in {None, key.place[1]}]:
            del self._reached[key]

    def reveal(self, variable: str) -> str:
        """What a variable holds that the operator's file names."""
        return self._secret(variable).reveal()

    @property
    def reach(self) -> Reach:
        """What tenants' servers may be reached."""
        return self._networks["tenant"].reach

    @property
    def network(self) -> Network:
        """The way to tenants' servers."""
        return self._networks["tenant"]

    def build(
        self, server: str, section: Section, secrets: Mapping[str, str], version: str | None = None
    ) -> Build:
        """What a tenant's server is made of, with what the operator allows as it is now."""
        return Build(
            server=server,
            section=section,
            secrets=secrets,
            reach=self.reach,
            launchers=self.settings.launchers,
            reveal=self.reveal,
            resolve=self.network.resolve,
            version=version,
        )

    def changed(self, tenant: str) -> None:
        """A tenant changed: its clients finish what they do, and everything known of it is read anew."""
        self.clients.drain(tenant)
        self.inventory.forget(tenant)
        for key in [key for key in self._reached if tenant in {key.place[0], key.version}]:
            del self._reached[key]

    async def scope(self, identity: Identity | None) -> Scope:
        """Whose call it is; DeniedError unless the caller may use upstream servers."""
        if not self.settings.enabled or self.registry is None:
            return Scope(id=None, tenant=None)
        wanted = identity.scope if identity is not None else None
        decide(identity, "upstream.use", wanted)
        assert wanted is not None
        return Scope(id=wanted, tenant=await self.registry.current(wanted))

    async def admit(self, tenant: str) -> None:
        """Count a call of the tenant; LimitError when it has had its share."""
        if self.rates is not None:
            await self.rates.admit(tenant)

    async def list_tools(self, identity: Identity | None, downstream: Downstream) -> Listed:
        """The tools of all servers that the caller's tenant reaches, with notes about those missing."""
        scope = await self.scope(identity)
        names = server_names(scope.tenant, self.settings)
        servers = [self.reached(scope, resolve(name, scope.tenant, self.settings)) for name in names]
        listed = await self.inventory.list_all(servers, self.session_of(scope, identity, downstream))
        if self._read_only:
            return replace(listed, tools=[tool for tool in listed.tools if only_reads(tool)])
        return listed

    async def call(
        self, identity: Identity | None, name: str, arguments: Mapping[str, Any], caller: Caller
    ) -> Result:
        """Call a tool by its namespaced name; the result is the upstream's, checked and without secrets."""
        split = split_name(name)
        if split is None:
            raise NotFoundError(f"no tool {name[:64]!r}", field="name")
        scope = await self.scope(identity)
        return await self.use(scope, identity, split[0], Named(name, self._read_only), arguments, caller)

    async def use(
        self,
        scope: Scope,
        identity: Identity | None,
        server: str,
        choose: Choose,
        arguments: Mapping[str, Any] | Callable[[ViewedTool], Mapping[str, Any]],
        caller: Caller,
    ) -> Result:
        """Call the tool of a server that `choose` picks among those shown, within the tenant's limits."""
        resolution = resolve(server, scope.tenant, self.settings)
        if resolution.layer is None:
            raise refused(resolution, server_names(scope.tenant, self.settings))
        reached = self.reached(scope, resolution)
        places = self._places.get(scope.owner)
        if places is None:
            places = self._places[scope.owner] = Places(self.settings.concurrency)
        outcome = "ok"
        try:
            await places.take(f"tenant {scope.owner}", "tenants.concurrency")
            try:
                if scope.id is not None:
                    await self.admit(scope.id)
                try:
                    result = await self._used(scope, identity, reached, choose, arguments, caller)
                except UnreachableError:
                    if not resolution.fallback:
                        raise
                    reached = self.reached(scope, resolution, fallback=True)
                    result = await self._used(scope, identity, reached, choose, arguments, caller)
                outcome = "tool_error" if result.get("isError") else "ok"
                return result
            finally:
                places.give_back()
        except MaaError as error:
            outcome = error.code
            raise
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            if places.quiet:
                self._places.pop(scope.owner, None)
            self.measures.call(reached.type, reached.layer, outcome, scope.id)

    async def _used(
        self,
        scope: Scope,
        identity: Identity | None,
        reached: Reached,
        choose: Choose,
        arguments: Mapping[str, Any] | Callable[[ViewedTool], Mapping[str, Any]],
        caller: Caller,
    ) -> Result:
        session = self.session_of(scope, identity, caller.downstream)
        view = await self.inventory.view(reached, session)
        tool = choose(reached, view.tools)
        if tool is None:
            view = await self.inventory.again(reached, session)
            tool = choose(reached, view.tools)
        if tool is None:
            raise choose.missing(reached, view)
        given = arguments(tool) if callable(arguments) else arguments
        sent = tool.arguments(given, reached.downstream_tenant)
        principal = identity.principal if identity is not None else ""
        binding = Binding(tenant=scope.owner, principal=principal, tool=tool.name, arguments=given)
        for attempt in (1, 2):
            try:
                return await self.conversation.answer(reached, tool, sent, session, caller, binding)
            except LostSessionError:
                # The upstream had forgotten the session before it read the call: nothing was done.
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def reached(self, scope: Scope, resolution: Resolution, *, fallback: bool = False) -> Reached:
        """Everything that calling the resolved server needs, made once for each of its versions."""
        tenant = scope.tenant
        if resolution.layer == "tenant" and not fallback:
            assert tenant is not None
            own = tenant.servers[resolution.name]
            key = ClientKey(
                place=(tenant.id, own.name),
                version=(tenant.incarnation, own.version, own.credential_version),
            )
        else:
            key = ClientKey(place=(GLOBAL, resolution.name), version=scope.owner)
        found = self._reached.get(key)
        if found is not None:
            self._reached.move_to_end(key)
            return found
        made = (
            self._own(tenant, resolution.name, key)
            if key.place[0] != GLOBAL and tenant is not None
            else self._shared(scope, resolution)
        )
        self._reached[key] = made
        while len(self._reached) > MAXIMUM_REACHED:
            self._reached.popitem(last=False)
        return made

    def _own(self, tenant: Tenant, name: str, key: ClientKey) -> Reached:
        registry = self.registry
        assert registry is not None
        server = tenant.servers[name]
        section = server.section

        async def opened(version: str | None) -> Connection:
            started = time.perf_counter()
            secrets = await registry.secrets(tenant, name)
            target = await SERVER_TYPES[server.type].target(self.build(name, section, secrets, version))
            return await self._open(server.type, started, target, "tenant")

        async def pins() -> Mapping[str, str]:
            return await registry.pins(tenant.id, name)

        return Reached(
            name=name,
            type=server.type,
            layer="tenant",
            upstream=Upstream(
                key=key, open=opened, concurrency=section.concurrency, shown=f"server {name!r}"
            ),
            rules=Rules(
                allow=frozenset(section.allow_tools) if section.allow_tools is not None else None,
                tenant_argument=section.tenant_argument,
            ),
            pins=pins,
            timeout=section.timeout,
            downstream_tenant=section.downstream_tenant_id or tenant.id,
            capabilities=section.tools,
            launcher=section.launcher,
        )

    def _shared(self, scope: Scope, resolution: Resolution) -> Reached:
        shared = resolution.shared
        assert shared is not None
        name = resolution.name

        async def opened(version: str | None) -> Connection:
            started = time.perf_counter()
            target = global_target(name, shared, self.reveal, version)
            return await self._open(section_type(name).TYPE, started, target, "global")

        own = resolution.own.section if resolution.own is not None else None
        return Reached(
            name=name,
            type=section_type(name).TYPE,
            layer="global",
            # One client, one breaker and one set of places for all tenants that share the server.
            upstream=Upstream(
                key=ClientKey(place=(GLOBAL, name), version=GLOBAL),
                open=opened,
                concurrency=shared.concurrency,
                shown=f"global server {name!r}",
            ),
            rules=Rules(
                allow=frozenset(shared.allow_tools) if shared.allow_tools is not None else None,
                tenant_argument=shared.tenant_argument,
            ),
            pins=_nothing_pinned,
            timeout=shared.timeout,
            downstream_tenant=(own.downstream_tenant_id if own is not None else None) or scope.owner,
            capabilities=shared.tools,
            approved=shared.pins,
        )

    async def _open(self, kind: str, started: float, target: Target, layer: str) -> Connection:
        seconds = time.perf_counter() - started
        try:
            connection = await self.connect(target, self._networks[layer])
        except MaaError as error:
            self.measures.open(kind, error.code, seconds)
            raise
        self.measures.open(kind, "ok", seconds)
        return connection

    def figures(self) -> Iterator[Figure]:
        """What was counted so far, by server type; of tenants only the first few are told apart."""
        states: dict[tuple[str, str], int] = {}
        for (_, name), state in self.clients.breakers().items():
            of = (section_type(name).TYPE, state)
            states[of] = states.get(of, 0) + 1
        now = self.clients.statistics()
        clients = {
            "kept": now.clients, "in_use": now.in_flight, "hits": now.hits, "evicted": now.evicted,
        }  # fmt: skip
        return self.measures.figures(states, clients)

    @staticmethod
    def session_of(scope: Scope, identity: Identity | None, downstream: Downstream) -> Downstream:
        """The downstream session that an older upstream's own session belongs to: never two callers' one."""
        principal = identity.principal if identity is not None else ""
        return "\0".join((scope.owner, principal, downstream))

    async def sweep(self) -> None:
        """Close idle clients, for as long as the application lives."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.clients.sweep()

    async def close(self) -> None:
        """Give up held calls, close every client and connection."""
        await self.conversation.close()
        await self.inventory.close()
        await self.clients.close()
        for network in (*self._networks.values(), *self._retired):
            await network.close()
        if self._closing:
            await asyncio.wait(self._closing)


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    *,
    registry: TenantRegistry | None,
    rates: Rates | None = None,
    read_only: bool = False,
    resolve_name: Resolve | None = None,
    connect: Connect = open_upstream,
    seals: Seals | None = None,
) -> AsyncGenerator[Gateway]:
    """The gateway for as long as the block lasts; nothing is connected before a call needs it.

    `resolve_name` replaces the system's resolver of host names, `connect` what opens connections.
    """
    tls = await TlsContexts().get(TlsSettings())
    networks = {
        "tenant": Network(reach_of(settings.tenants.url_policy), tls=tls, resolve=resolve_name),
        "global": Network(OPERATOR, tls=tls, resolve=resolve_name),
    }
    gateway = Gateway(
        settings,
        registry=registry,
        networks=networks,
        rates=rates,
        read_only=read_only,
        connect=connect,
        seals=seals,
    )
    sweeping = asyncio.create_task(gateway.sweep())
    try:
        yield gateway
    finally:
        sweeping.cancel()
        await asyncio.wait([sweeping])
        await gateway.close()


async def _nothing_pinned() -> Mapping[str, str]:
    return {}
