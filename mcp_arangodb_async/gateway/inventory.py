"""The tools of upstream servers as they were last seen: fetched once for all who ask, refreshed in time.

A listing asks all servers of a tenant side by side and waits a fifth of a second for each; a server that
does not answer by then is left out, with a note, and its answer is kept for the next listing. A definition
that differs from the one approved, or from the first one seen where nothing was approved, is kept back.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mcp_arangodb_async.connections.single import SingleFlight
from mcp_arangodb_async.errors import MaaError, UnavailableError
from mcp_arangodb_async.gateway.clients import ClientKey, Clients, Downstream, Place, Upstream
from mcp_arangodb_async.gateway.view import Rules, View, view_of
from mcp_arangodb_async.observability import get_logger

log = get_logger(__name__)

# How long a server's tools count as known; a changed definition is noticed when they are fetched again.
FRESH_SECONDS = 60.0
# A listing waits so long for each server: the whole must answer within 300 ms.
LIST_SECONDS = 0.2
FETCH_SECONDS = 10.0
# An unknown tool makes its server's tools be fetched again, but not for every call.
AGAIN_SECONDS = 1.0
MAXIMUM_SHARED = 20_000

Pins = Callable[[], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A server that a tenant's calls reach, with everything that calling it needs.

    `downstream_tenant` is what the tenant is called there; `capabilities` maps ours to the server's tools.
    `approved` are hashes of definitions that the operator approved beside those first seen.
    """

    name: str
    type: str
    layer: str
    upstream: Upstream
    rules: Rules
    pins: Pins
    timeout: float
    downstream_tenant: str
    capabilities: Mapping[str, str]
    approved: Mapping[str, str] = field(default_factory=dict[str, str])
    launcher: str | None = None


@dataclass(slots=True)
class _Entry:
    view: View
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The tools of a tenant's servers; `notes` say what is missing and why."""

    tools: Sequence[Mapping[str, Any]]
    notes: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True)
class Inventory:
    """The views of one application's upstream servers."""

    clients: Clients
    maximum: int
    clock: Callable[[], float] = time.monotonic
    entries: OrderedDict[ClientKey, _Entry] = field(default_factory=OrderedDict[ClientKey, _Entry])
    # The first definitions seen of a server that nobody has approved anything of.
    first: dict[Place, dict[str, str]] = field(default_factory=dict[Place, dict[str, str]])
    shared: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    flights: dict[ClientKey, SingleFlight[View]] = field(
        default_factory=dict[ClientKey, "SingleFlight[View]"]
    )

    async def view(self, reached: Reached, downstream: Downstream) -> View:
        """The server's tools; what is known already is used and renewed behind the caller's back."""
        entry = self.entries.get(reached.upstream.key)
        if entry is None:
            return await self._flight(reached, downstream).run()
        if self.clock() - entry.at >= FRESH_SECONDS and reached.upstream.key not in self.flights:
            flight = self._flight(reached, downstream)
            task = asyncio.create_task(flight.run())
            task.add_done_callback(_seen)
        return entry.view

    async def again(self, reached: Reached, downstream: Downstream) -> View:
        """The server's tools after a look at what it has now, unless it was looked at a moment ago."""
        entry = self.entries.get(reached.upstream.key)
        if entry is not None and self.clock() - entry.at < AGAIN_SECONDS:
            return entry.view
        return await self._flight(reached, downstream).run()

    async def list_all(self, servers: Sequence[Reached], downstream: Downstream) -> Listed:
        """The tools of all servers, in order, and notes about those that did not answer in time."""
        now = self.clock()
        views: list[View | MaaError] = []
        late = [
            server
            for server in servers
            if (entry := self.entries.get(server.upstream.key)) is None or now - entry.at >= FRESH_SECONDS
        ]
        if late:
            views = await asyncio.gather(*(self._within(server, downstream) for server in servers))
        else:
            views = [self.entries[server.upstream.key].view for server in servers]
        tools: list[Mapping[str, Any]] = []
        notes: list[Mapping[str, Any]] = []
        for server, view in zip(servers, views, strict=True):
            if isinstance(view, MaaError):
                notes.append({"server": server.name, "state": view.code, "message": view.message})
                continue
            tools.extend(tool.wire for tool in view.tools.values())
            if quarantined := quarantine_of(view):
                notes.append({"server": server.name, "state": "quarantined", "tools": quarantined})
        return Listed(tools=tools, notes=notes)

    def forget(self, owner: str) -> None:
        """Forget what is known of the owner's servers; what was approved may have changed."""
        for place in {key.place for key in self.entries} | set(self.first):
            if place[0] == owner:
                self.look_again(place)
                self.first.pop(place, None)

    def look_again(self, place: Place) -> None:
        """Fetch a server's tools when they are next asked for; what counts as approved stays."""
        for key in [key for key in self.entries if key.place == place]:
            del self.entries[key]

    async def close(self) -> None:
        """Stop what is being fetched."""
        await asyncio.gather(*(flight.stop() for flight in list(self.flights.values())))

    async def _within(self, server: Reached, downstream: Downstream) -> View | MaaError:
        """The view within a listing's patience; fetching goes on behind it."""
        entry = self.entries.get(server.upstream.key)
        if entry is not None and self.clock() - entry.at < FRESH_SECONDS:
            return entry.view
        try:
            async with asyncio.timeout(LIST_SECONDS):
                return await self._flight(server, downstream).run()
        except TimeoutError:
            return UnavailableError(f"{server.upstream.shown} did not answer in time; list again in a moment")
        except MaaError as error:
            return error

    def _tell(self, reached: Reached, view: View) -> None:
        """Tell the operator, once, which tools of a global server wait for approval, and their hashes."""
        waiting = quarantine_of(view) if reached.layer == "global" else []
        entry = self.entries.get(reached.upstream.key)
        if waiting and (entry is None or entry.view.hashes != view.hashes):
            log.warning(
                "upstream.tools_changed",
                server=reached.name,
                approve={name: view.hashes[name] for name in waiting},
                hint=f"tenants.upstreams.{reached.name}.pins approves them",
            )

    def _flight(self, reached: Reached, downstream: Downstream) -> SingleFlight[View]:
        key = reached.upstream.key
        flight = self.flights.get(key)
        if flight is None:
            flight = self.flights[key] = SingleFlight(lambda: self._fetch(reached, downstream))
        return flight

    async def _fetch(self, reached: Reached, downstream: Downstream) -> View:
        key = reached.upstream.key
        try:
            async with self.clients.lend(reached.upstream, downstream) as connection:
                definitions = await connection.list_tools(min(FETCH_SECONDS, reached.timeout))
            pins = await reached.pins()
            rules = replace(reached.rules, pins=pins or self.first.get(key.place))
            if len(self.shared) > MAXIMUM_SHARED:
                self.shared.clear()
            view = view_of(reached.name, definitions, rules, shared=self.shared)
            if not pins and key.place not in self.first:
                self.first[key.place] = dict(view.hashes)
            if reached.approved and not pins:
                both = {**self.first[key.place], **reached.approved}
                view = view_of(reached.name, definitions, replace(rules, pins=both), shared=self.shared)
            self._tell(reached, view)
            self.entries[key] = _Entry(view=view, at=self.clock())
            self.entries.move_to_end(key)
            while len(self.entries) > self.maximum:
                self.entries.popitem(last=False)
            return view
        finally:
            self.flights.pop(key, None)


def quarantine_of(view: View) -> list[str]:
    """The tools that wait for somebody's approval."""
    return sorted(name for name, reason in view.kept_back.items() if reason in {"changed", "unknown"})


def _seen(task: asyncio.Task[View]) -> None:
    """A renewal that fails is no news: the next call finds out by itself."""
    if not task.cancelled():
        task.exception()
