"""Tenants kept in memory, and how it is noticed that another process changed one.

A look-up that finds the tenant costs no I/O. Every `stale_seconds` one question to the store asks whether
anything changed at all; only then are tenants read again, each when it is next asked for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mcp_arangodb_async.errors import UnavailableError
from mcp_arangodb_async.gateway.tenants.model import Tenant

KEPT_TENANTS = 4096
# How long tenants in memory are used while the store does not answer.
GRACE_SECONDS = 30.0


@dataclass(slots=True)
class _Entry:
    tenant: Tenant | None
    generation: int


class TenantCache:
    """The tenants that were asked for lately; also those that there are none of."""

    def __init__(
        self,
        load: Callable[[str], Awaitable[Tenant | None]],
        generation: Callable[[], Awaitable[int]],
        *,
        stale_seconds: float,
        timer: Callable[[], float],
        kept: int = KEPT_TENANTS,
    ) -> None:
        self._load = load
        self._ask = generation
        self._stale = stale_seconds
        self._timer = timer
        self._kept = kept
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._generation = -1
        self._fresh_until = float("-inf")
        self._answered = float("-inf")
        self._asking = asyncio.Lock()
        self._loading: dict[str, asyncio.Lock] = {}
        self._changed: list[Callable[[str], None]] = []
        self.hits = 0
        self.loads = 0

    def on_change(self, call: Callable[[str], None]) -> None:
        """Call this with a tenant's id when another version of it was seen, or when it is gone."""
        self._changed.append(call)

    async def get(self, tenant: str) -> Tenant | None:
        """The tenant, at most `stale_seconds` old."""
        entry = self._entries.get(tenant)
        if entry is not None and entry.generation == self._generation and self._timer() < self._fresh_until:
            self.hits += 1
            self._entries.move_to_end(tenant)
            return entry.tenant
        await self.refresh()
        entry = self._entries.get(tenant)
        if entry is not None and entry.generation == self._generation:
            self._entries.move_to_end(tenant)
            return entry.tenant
        return await self._read(tenant)

    async def refresh(self) -> int:
        """Ask the store, if it was not asked just now, whether anything changed; the generation known now.

        While the store does not answer, what is known counts as fresh for half a minute.
        """
        if self._timer() < self._fresh_until:
            return self._generation
        async with self._asking:
            if self._timer() < self._fresh_until:
                return self._generation
            try:
                self._generation = await self._ask()
                self._answered = self._timer()
            except UnavailableError:
                if self._timer() - self._answered > GRACE_SECONDS:
                    raise
            self._fresh_until = self._timer() + self._stale
            return self._generation

    def forget(self, tenant: str) -> None:
        """Read this tenant anew when it is next asked for, and tell those who keep something of it."""
        self._entries.pop(tenant, None)
        self._fresh_until = float("-inf")
        self._tell(tenant)

    async def _read(self, tenant: str) -> Tenant | None:
        lock = self._loading.setdefault(tenant, asyncio.Lock())
        try:
            async with lock:
                entry = self._entries.get(tenant)
                if entry is not None and entry.generation == self._generation:
                    return entry.tenant
                generation = self._generation
                self.loads += 1
                found = await self._load(tenant)
                if entry is not None and _signature(entry.tenant) != _signature(found):
                    self._tell(tenant)
                self._entries[tenant] = _Entry(found, generation)
                self._entries.move_to_end(tenant)
                while len(self._entries) > self._kept:
                    self._entries.popitem(last=False)
                return found
        finally:
            if not lock.locked():
                self._loading.pop(tenant, None)

    def _tell(self, tenant: str) -> None:
        for call in self._changed:
            call(tenant)


def _signature(tenant: Tenant | None) -> object:
    """What a live client depends on: other seals of the same secrets are no change."""
    if tenant is None:
        return None
    servers = {name: (server.version, server.credential_version) for name, server in tenant.servers.items()}
    return tenant.incarnation, tenant.enabled, servers
