"""Is everything that is stored what was stored, and does it open? Looks at all of it, changes nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Literal

from mcp_arangodb_async.errors import MaaError, SealError
from mcp_arangodb_async.gateway.api_keys import check_api_key, owner_of
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.secrets import Owner, open_all
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.sealing import check_pin, data_keys, read_row
from mcp_arangodb_async.gateway.tenants.store import TenantRows
from mcp_arangodb_async.gateway.tenants.tables import PLATFORM

PAGE = 500
MAXIMUM_FINDINGS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong (`error`) or unfinished (`note`); `tenant` None concerns the store."""

    level: Literal["error", "note"]
    tenant: str | None
    text: str


@dataclass(slots=True)
class Diagnosis:
    """What was looked at, and what was found; at most a thousand findings are kept, all are counted."""

    tenants: int = 0
    secrets: int = 0
    errors: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])

    def add(self, level: Literal["error", "note"], tenant: str | None, text: str) -> None:
        """Keep a finding."""
        self.errors += level == "error"
        if len(self.findings) < MAXIMUM_FINDINGS:
            self.findings.append(Finding(level=level, tenant=tenant, text=text))


async def examine(
    registry: TenantRegistry, identity: Identity | None, progress: Callable[[int], None] = lambda _: None
) -> Diagnosis:
    """Look at the store and every tenant; for the platform only."""
    found = Diagnosis()
    async with registry.decisions.platform(identity, "tenants.list", {"step": "doctor"}):
        for problem in await registry.store.problems():
            found.add("error", None, problem)
        async for tenant in all_tenants(registry):
            await _examine(registry, tenant, found)
            found.tenants += tenant != PLATFORM
            progress(found.tenants)
    return found


async def all_tenants(registry: TenantRegistry) -> AsyncGenerator[str]:
    """The platform's own rows, then every tenant in order."""
    yield PLATFORM
    after = ""
    while page := await registry.store.tenants(after=after, limit=PAGE):
        for tenant in page:
            yield tenant
        after = page[-1]


async def _examine(registry: TenantRegistry, tenant: str, found: Diagnosis) -> None:
    try:
        async with registry.store.transaction(tenant) as rows:
            stored = await rows.keys()
            outdated = [key.version for key in stored if key.wrapped.master != registry.keys.source.current]
            if outdated:
                found.add("note", tenant, f"{len(outdated)} data keys are wrapped by an older master key")
            if len(stored) > 1:
                found.add("note", tenant, "a rotation of its data key was not finished; run it again")
            if tenant == PLATFORM and not stored:
                return
            owner = await owner_of(rows)
            keys = await data_keys(registry.keys, rows, owner)
            for row in await rows.api_keys():
                try:
                    check_api_key(row, keys.get(row.key_version), tenant)
                except MaaError:
                    found.add("error", tenant, f"API key {row.key_id} was altered, and lets nobody in")
            for pin in await rows.pins():
                try:
                    check_pin(pin, keys, tenant)
                except SealError as error:
                    found.add("error", tenant, error.message)
            if tenant != PLATFORM:
                await _versions(registry, rows, owner, found)
    except MaaError as error:
        found.add("error", tenant, error.message)


async def _versions(registry: TenantRegistry, rows: TenantRows, owner: Owner, found: Diagnosis) -> None:
    """Every version that is kept: its mark, and each of its secrets."""
    keys = await data_keys(registry.keys, rows, owner)
    current = await rows.config()
    lines = [line.row for line in await rows.history(limit=1000)]
    if current is None or all(row.version != current.version for row in lines):
        found.add("error", rows.tenant, "the version in use is missing in the history")
    for row in [*([current] if current else []), *lines]:
        try:
            tenant = await read_row(registry.keys, rows, row)
            for name, server in tenant.servers.items():
                found.secrets += len(open_all(keys, owner, name, server.secrets))
        except SealError as error:
            found.add("error", rows.tenant, error.message)
