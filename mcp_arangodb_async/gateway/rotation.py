"""New keys for what is stored: a tenant's data key, or the master key; while everybody goes on reading.

Both work in small transactions and keep no state of their own: what is done is seen in the rows. Interrupted
anywhere, they are simply run again.

    data key      a new one is added; each version and API key is sealed anew with it; then the old ones go
    master key    the operator puts the new key in front of the old; each data key is wrapped anew
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mcp_arangodb_async.gateway.api_keys import check_api_key, marked_api_key, owner_of
from mcp_arangodb_async.gateway.keys import HeldKeys
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.secrets import DataKey, Owner
from mcp_arangodb_async.gateway.tenants.changes import no_tenant, row_of
from mcp_arangodb_async.gateway.tenants.model import Tenant
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.sealing import (
    add_key,
    check_pin,
    data_keys,
    marked,
    marked_pin,
    read_row,
    resealed,
)
from mcp_arangodb_async.gateway.tenants.store import ConfigRow, PinRow, TenantRows
from mcp_arangodb_async.gateway.tenants.tables import PLATFORM

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKeyRotation:
    """What the rotation of a tenant's data key did; `resumed` when it finished an earlier one."""

    tenant: str
    key_version: int
    versions: int
    api_keys: int
    destroyed: int
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKeyRotation:
    """What the rotation of the master key did; `others` are the master keys that nothing needs any more."""

    master: str
    tenants: int
    wrapped: int
    others: tuple[str, ...]


async def rotate_data_key(registry: TenantRegistry, identity: Identity | None) -> DataKeyRotation:
    """Seal everything of the caller's tenant with a new data key, and destroy the old ones.

    Nobody waits for it: a reader opens what it read with the key that sealed it, old or new.
    """
    async with registry.decisions.tenant(identity, "keys.rotate") as tenant:
        newest, resumed = await _newest(registry, tenant)
        async with registry.store.transaction(tenant) as rows:
            versions = await rows.versions()
        for version in versions:
            await _seal_version(registry, tenant, version, newest)
        later, api_keys, destroyed = await _finish(registry, tenant, newest, set(versions))
        registry.keys.forget(tenant)
        await registry.store.erased()
    return DataKeyRotation(
        tenant=tenant,
        key_version=newest,
        versions=len(versions) + later,
        api_keys=api_keys,
        destroyed=destroyed,
        resumed=resumed,
    )


async def rotate_master_key(
    registry: TenantRegistry,
    identity: Identity | None,
    progress: Callable[[int], None] = lambda _: None,
) -> MasterKeyRotation:
    """Wrap every data key with the first master key of the source; `progress` hears of each tenant done."""
    async with registry.decisions.platform(identity, "master.rotate"):
        source = registry.keys.source
        if isinstance(source, HeldKeys):
            source.reload()
        wrapped = seen = 0
        after = ""
        for tenant in (PLATFORM,):
            wrapped += await _rewrap(registry, tenant)
        while page := await registry.store.tenants(after=after, limit=PAGE):
            for tenant in page:
                wrapped += await _rewrap(registry, tenant)
                seen += 1
                progress(seen)
            after = page[-1]
        others = (
            tuple(key for key in source.known if key != source.current)
            if isinstance(source, HeldKeys)
            else ()
        )
        return MasterKeyRotation(master=source.current, tenants=seen, wrapped=wrapped, others=others)


async def _newest(registry: TenantRegistry, tenant: str) -> tuple[int, bool]:
    """The data key to seal with: a new one, or that of a rotation that was interrupted."""
    async with registry.writing(tenant) as rows:
        owner = await owner_of(rows)
        stored = [key.version for key in await rows.keys() if key.incarnation == owner.incarnation]
        if len(stored) > 1:
            return max(stored), True
        version = max(stored, default=0) + 1
        await add_key(registry.keys, rows, owner, version, at=registry.now())
        return version, False


async def _seal_version(registry: TenantRegistry, tenant: str, version: int, newest: int) -> None:
    """One version under the newest data key, in use and in the history."""
    async with registry.store.transaction(tenant) as rows:
        row = await rows.earlier(version)
        if row is None or not _needs(row, newest):
            return
    async with registry.writing(tenant) as rows:
        await rows.config()  # whoever changes the tenant now, waits
        await _seal(registry, rows, version, newest)


async def _seal(registry: TenantRegistry, rows: TenantRows, version: int, newest: int) -> None:
    row = await rows.earlier(version)
    if row is None or not _needs(row, newest):
        return
    owner = Owner(tenant=rows.tenant, incarnation=row.incarnation)
    keys = await data_keys(registry.keys, rows, owner)
    old = await read_row(registry.keys, rows, row)
    await rows.replace(marked(row_of(_sealed_anew(old, keys, newest, owner), None), keys[newest]))


def _sealed_anew(old: Tenant, keys: dict[int, DataKey], newest: int, owner: Owner) -> Tenant:
    servers = {
        name: replace(server, secrets=resealed(name, server.secrets, keys, keys[newest], owner))
        for name, server in old.servers.items()
    }
    return replace(old, servers=servers)


def _needs(row: ConfigRow, newest: int) -> bool:
    if row.key_version != newest:
        return True
    return any(
        secret["key"] != newest for server in row.servers.values() for secret in server["secrets"].values()
    )


async def _finish(registry: TenantRegistry, tenant: str, newest: int, done: set[int]) -> tuple[int, int, int]:
    """What was stored meanwhile, API keys and approvals; then the older data keys go. How many of each.

    One transaction: whoever changes the tenant waits for it, so nothing is left that needs an older key.
    """
    async with registry.writing(tenant) as rows:
        if await rows.config() is None:
            raise no_tenant(tenant)
        later = [version for version in await rows.versions() if version not in done]
        for version in later:
            await _seal(registry, rows, version, newest)
        api_keys = await _mark_others(registry, rows, newest)
        older = [key.version for key in await rows.keys() if key.version != newest]
        await rows.drop_keys(older)
    return len(later), api_keys, len(older)


async def _mark_others(registry: TenantRegistry, rows: TenantRows, newest: int) -> int:
    """API keys and approvals under the newest data key; how many API keys that were."""
    keys = await data_keys(registry.keys, rows, await owner_of(rows))
    count = 0
    for row in await rows.api_keys():
        if row.key_version != newest:
            check_api_key(row, keys.get(row.key_version), rows.tenant)
            await rows.put_api_key(marked_api_key(row, keys[newest]))
            count += 1
    servers: dict[str, list[PinRow]] = {}
    for pin in await rows.pins():
        checked = check_pin(pin, keys, rows.tenant)
        servers.setdefault(pin.server, []).append(marked_pin(checked, keys[newest]))
    for server, pins in servers.items():
        await rows.put_pins(server, pins)
    return count


async def _rewrap(registry: TenantRegistry, tenant: str) -> int:
    """Wrap a tenant's data keys with the current master key; how many that were."""
    current = registry.keys.source.current
    async with registry.store.transaction(tenant) as rows:
        if all(key.wrapped.master == current for key in await rows.keys()):
            return 0
    count = 0
    async with registry.store.transaction(tenant, write=True) as rows:
        await rows.config()
        for key in await rows.keys():
            owner = Owner(tenant=tenant, incarnation=key.incarnation)
            wrapped = await registry.keys.rewrap(owner, key.version, key.wrapped)
            if wrapped is not None:
                await rows.put_key(replace(key, wrapped=wrapped))
                count += 1
    return count
