"""What may be done with tenants: decide, validate, seal, store, record. The one way to a tenant's rows.

    tenant = await registry.register(identity, {"postgres": {"url": "https://...", "password": "..."}})
    tenant = await registry.update(identity, "postgres", {"timeout": 10}, expected_version=tenant.version)
    values = await registry.secrets(tenant, "postgres")      # for whoever connects, nobody else

The tenant of a call is `identity.scope`, never an argument.
"""

from __future__ import annotations

import secrets as random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mcp_arangodb_async.config.tenancy import TenancySettings
from mcp_arangodb_async.errors import ConflictError, InputError, NotFoundError, SealError
from mcp_arangodb_async.gateway.roles import Action, Identity
from mcp_arangodb_async.gateway.secrets import KeyRing, Owner, open_all
from mcp_arangodb_async.gateway.tenants.cache import TenantCache
from mcp_arangodb_async.gateway.tenants.changes import expect, no_server, no_tenant, restored, row_of, spans
from mcp_arangodb_async.gateway.tenants.decisions import Decisions, Facts, Record
from mcp_arangodb_async.gateway.tenants.document import Submission, read_document
from mcp_arangodb_async.gateway.tenants.model import (
    MAXIMUM_SERVERS,
    Section,
    Server,
    Tenant,
    Version,
    check_tenant,
)
from mcp_arangodb_async.gateway.tenants.sealing import (
    check_pin,
    data_keys,
    marked,
    marked_pin,
    newest_key,
    read_row,
    sealed_server,
)
from mcp_arangodb_async.gateway.tenants.store import PinRow, TenantRows, TenantStore

MAXIMUM_PINS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A server as it would be stored, with its secrets in the clear: for trying it before it is stored."""

    tenant: str
    server: str
    section: Section
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(slots=True)
class _Draft:
    """What a change starts from, and what it makes of it."""

    before: Tenant | None
    rows: TenantRows
    enabled: bool
    submissions: dict[str, Submission] = field(default_factory=dict[str, Submission])
    removed: set[str] = field(default_factory=set[str])
    restored: Mapping[str, Server] | None = None


class _RehearsedError(Exception):
    """Ends the transaction of a dry run, so that nothing of it is kept."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__()
        self.tenant = tenant


Edit = Callable[[_Draft], Awaitable[None]]


class TenantRegistry:
    """All tenants of this process. `store` and `keys` are open; the registry closes the store."""

    def __init__(
        self,
        *,
        store: TenantStore,
        keys: KeyRing,
        settings: TenancySettings,
        record: Record | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.keys = keys
        self.settings = settings
        self.decisions = Decisions(record)
        self._clock = clock
        self.cache = TenantCache(
            self._load, store.generation, stale_seconds=settings.stale_seconds, timer=timer
        )

    async def current(self, tenant: str) -> Tenant | None:
        """The tenant as calls use it; None if there is none. No right is asked: a token chose it."""
        return await self.cache.get(tenant)

    def on_change(self, call: Callable[[str], None]) -> None:
        """Call this with a tenant's id after each change that this process made or saw."""
        self.cache.on_change(call)

    async def secrets(self, tenant: Tenant, server: str) -> Mapping[str, str]:
        """The secrets of a server in the clear, by field; SealError when one does not open."""
        owner = Owner(tenant=tenant.id, incarnation=tenant.incarnation)
        wanted = tenant.servers[server]
        versions = {secret.key_version for secret in wanted.secrets.values()}
        held = {version: key for version in versions if (key := self.keys.kept(owner, version))}
        if len(held) < len(versions):
            async with self.store.transaction(tenant.id) as rows:
                held = await data_keys(self.keys, rows, owner)
                if not versions <= held.keys():  # its keys were rotated since it was read
                    wanted = await self._rotated(rows, tenant, wanted)
        return open_all(held, owner, server, wanted.secrets)

    async def read(self, identity: Identity | None) -> Tenant:
        """The tenant, for showing; NotFoundError if there is none."""
        async with self.decisions.tenant(identity, "config.read", quiet=True) as tenant:
            found = await self._load(tenant)
            if found is None:
                raise no_tenant(tenant)
            return found

    async def prepare(self, identity: Identity | None, server: str, document: Mapping[str, Any]) -> Candidate:
        """What storing this document would make of the server, to be tried out; nothing is stored."""
        async with self.decisions.tenant(identity, "config.validate", {"servers": server}) as tenant:
            before = await self._load(tenant)
            old = before.servers.get(server) if before else None
            submission = read_document(server, document, before=old, launchers=self.settings.launchers)
            plain: dict[str, str] = {}
            if before is not None and old is not None:
                plain |= await self.secrets(before, server)
            plain = {name: value for name, value in plain.items() if name not in submission.removed}
            return Candidate(
                tenant=tenant,
                server=server,
                section=submission.section,
                secrets={**plain, **submission.secrets},
            )

    async def register(
        self,
        identity: Identity | None,
        documents: Mapping[str, Mapping[str, Any]],
        *,
        enabled: bool | None = None,
        expected_version: int | None = None,
        dry_run: bool = False,
    ) -> Tenant:
        """Store new servers, and the tenant itself if it is new; ConflictError for a server that is there."""

        async def edit(draft: _Draft) -> None:
            taken = sorted(set(documents) & set(draft.before.servers if draft.before else ()))
            if taken:
                raise ConflictError(f"registered already: {', '.join(taken)}", hint="update changes a server")
            for server, document in documents.items():
                draft.submissions[server] = read_document(server, document, launchers=self.settings.launchers)
            if enabled is not None:
                draft.enabled = enabled

        return await self._change(
            identity, "config.write", "register", edit, expected_version, dry_run, new=True,
            facts={"servers": ", ".join(sorted(documents))},
        )  # fmt: skip

    async def update(
        self,
        identity: Identity | None,
        server: str,
        document: Mapping[str, Any],
        *,
        expected_version: int | None = None,
        dry_run: bool = False,
    ) -> Tenant:
        """Change what the document names of one server; every other server stays byte for byte."""

        async def edit(draft: _Draft) -> None:
            assert draft.before is not None
            old = draft.before.servers.get(server)
            if old is None:
                raise no_server(server, draft.before)
            draft.submissions[server] = read_document(
                server, document, before=old, launchers=self.settings.launchers
            )

        return await self._change(
            identity, "config.write", "update", edit, expected_version, dry_run, facts={"servers": server}
        )

    async def remove(
        self,
        identity: Identity | None,
        server: str,
        *,
        expected_version: int | None = None,
        dry_run: bool = False,
    ) -> Tenant:
        """Take one server out of the tenant's configuration."""

        async def edit(draft: _Draft) -> None:
            assert draft.before is not None
            if server not in draft.before.servers:
                raise no_server(server, draft.before)
            draft.removed.add(server)

        return await self._change(
            identity, "config.delete", "remove", edit, expected_version, dry_run, facts={"servers": server}
        )

    async def set_enabled(
        self,
        identity: Identity | None,
        enabled: bool,
        *,
        expected_version: int | None = None,
        dry_run: bool = False,
    ) -> Tenant:
        """Switch the tenant's own servers on or off; off, it uses the global ones."""

        async def edit(draft: _Draft) -> None:
            draft.enabled = enabled

        action = "enable" if enabled else "disable"
        return await self._change(identity, "config.write", action, edit, expected_version, dry_run)

    async def history(self, identity: Identity | None, *, limit: int = 50) -> Sequence[Version]:
        """The versions that are kept, the newest first."""
        async with self.decisions.tenant(identity, "config.read", quiet=True) as tenant:
            async with self.store.transaction(tenant) as rows:
                found = await rows.history(limit=max(1, min(limit, 1000)))
                for line in found:
                    await read_row(self.keys, rows, line.row)
            return [
                Version(
                    version=line.row.version,
                    action=line.action,
                    at=line.row.updated_at,
                    by=line.row.updated_by,
                    servers=tuple(line.row.servers),
                    enabled=line.row.enabled,
                )
                for line in found
            ]

    async def rollback(
        self,
        identity: Identity | None,
        version: int,
        *,
        expected_version: int | None = None,
        dry_run: bool = False,
    ) -> Tenant:
        """Make an earlier version the newest one, its secrets included."""

        async def edit(draft: _Draft) -> None:
            row = await draft.rows.earlier(version)
            if row is None or draft.before is None or row.incarnation != draft.before.incarnation:
                kept = [line.row.version for line in await draft.rows.history(limit=1000)]
                raise NotFoundError(f"there is no version {version}; kept: {spans(kept)}")
            earlier = await read_row(self.keys, draft.rows, row)
            draft.restored, draft.enabled = earlier.servers, earlier.enabled

        return await self._change(
            identity, "config.rollback", "rollback", edit, expected_version, dry_run, facts={"to": version}
        )

    async def delete(
        self, identity: Identity | None, *, expected_version: int | None = None, dry_run: bool = False
    ) -> None:
        """Erase the tenant: configuration, history, keys, approvals. Its secrets are lost for ever."""
        facts: Facts = {"step": "erase", "dry_run": int(dry_run)}
        async with self.decisions.tenant(identity, "config.delete", facts) as tenant:
            async with self.store.transaction(tenant, write=not dry_run) as rows:
                row = await rows.config()
                if row is None:
                    raise no_tenant(tenant)
                expect(row.version, expected_version, tenant)
                if dry_run:
                    return
                await rows.erase()
            self.keys.forget(tenant)
            await self.store.erased()
            self.cache.forget(tenant)

    async def tenants(
        self, identity: Identity | None, *, after: str = "", limit: int = 1000
    ) -> Sequence[str]:
        """Ids of all tenants in order, some at a time; for the platform only."""
        async with self.decisions.platform(identity, "tenants.list", quiet=True):
            return await self.store.tenants(after=after, limit=max(1, min(limit, 10_000)))

    async def pins(self, tenant: str, server: str) -> Mapping[str, str]:
        """The hashes of a server's tools that the tenant approved."""
        async with self.store.transaction(check_tenant(tenant)) as rows:
            pins = await rows.pins(server)
            row = await rows.config() if pins else None
            if row is None:
                return {}
            owner = Owner(tenant=rows.tenant, incarnation=row.incarnation)
            keys = await data_keys(self.keys, rows, owner)
            return {pin.tool: check_pin(pin, keys, tenant).sha256 for pin in pins}

    async def approve(self, identity: Identity | None, server: str, pins: Mapping[str, str]) -> None:
        """Approve these definitions of a server's tools, instead of those approved before."""
        if len(pins) > MAXIMUM_PINS:
            raise InputError(f"{len(pins)} tools are more than {MAXIMUM_PINS}", field="pins")
        async with self.decisions.tenant(identity, "tools.approve", {"servers": server}) as tenant:
            assert identity is not None
            at = self.now()
            async with self.writing(tenant) as rows:
                row = await rows.config()
                if row is None:
                    raise no_tenant(tenant)
                owner = Owner(tenant=rows.tenant, incarnation=row.incarnation)
                newest = await newest_key(self.keys, rows, owner, at=at)
                lines = [
                    PinRow(
                        server=server,
                        tool=tool,
                        sha256=sha256,
                        approved_at=at,
                        approved_by=identity.principal[:256],
                        key_version=0,
                        mark="",
                    )
                    for tool, sha256 in sorted(pins.items())
                ]
                await rows.put_pins(server, [marked_pin(line, newest) for line in lines])
            self.cache.forget(tenant)

    @asynccontextmanager
    async def writing(self, tenant: str) -> AsyncGenerator[TenantRows]:
        """The rows of a tenant, to be changed; a data key that was made in vain is not kept either."""
        try:
            async with self.store.transaction(tenant, write=True) as rows:
                yield rows
        except BaseException:
            self.keys.forget(tenant)
            raise

    async def close(self) -> None:
        """Close the store."""
        await self.store.close()

    def now(self) -> str:
        """The time as it is stored."""
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")

    async def _load(self, tenant: str) -> Tenant | None:
        async with self.store.transaction(check_tenant(tenant)) as rows:
            found = await rows.config_with_key()
            return None if found is None else await read_row(self.keys, rows, found[0], found[1])

    async def _rotated(self, rows: TenantRows, tenant: Tenant, server: Server) -> Server:
        """The server under the seals it has now; SealError if it is another one by now."""
        row = await rows.config()
        now = await read_row(self.keys, rows, row) if row else None
        found = now.servers.get(server.name) if now and now.incarnation == tenant.incarnation else None
        if found is None or found.credential_version != server.credential_version:
            raise SealError(
                f"the secrets of server {server.name!r} were replaced meanwhile", hint="try again"
            )
        return found

    async def _change(
        self,
        identity: Identity | None,
        action: Action,
        word: str,
        edit: Edit,
        expected: int | None,
        dry_run: bool,
        *,
        new: bool = False,
        facts: Facts | None = None,
    ) -> Tenant:
        """One version becomes the next, or stays when nothing is different."""
        facts = {"step": word, "dry_run": int(dry_run), **(facts or {})}
        async with self.decisions.tenant(identity, action, facts) as tenant:
            assert identity is not None
            try:
                after, is_changed = await self._attempt(tenant, identity, word, edit, expected, dry_run, new)
            except _RehearsedError as rehearsed:
                return rehearsed.tenant
            except ConflictError:
                if not new or expected is not None or dry_run:
                    raise
                # Somebody registered the tenant at the same moment: the second look finds it there.
                after, is_changed = await self._attempt(tenant, identity, word, edit, expected, dry_run, new)
            if is_changed:
                self.cache.forget(tenant)
            return after

    async def _attempt(
        self,
        tenant: str,
        identity: Identity,
        word: str,
        edit: Edit,
        expected: int | None,
        dry_run: bool,
        new: bool,
    ) -> tuple[Tenant, bool]:
        async with self.writing(tenant) as rows:
            after, is_changed = await self._changed(rows, identity, word, edit, expected, new)
            if dry_run:
                raise _RehearsedError(after)
            return after, is_changed

    async def _changed(
        self, rows: TenantRows, identity: Identity, word: str, edit: Edit, expected: int | None, new: bool
    ) -> tuple[Tenant, bool]:
        row = await rows.config()
        if row is None and not new:
            raise no_tenant(rows.tenant)
        expect(row.version if row else 0, expected, rows.tenant)
        before = await read_row(self.keys, rows, row) if row else None
        draft = _Draft(before=before, rows=rows, enabled=before.enabled if before else True)
        await edit(draft)
        owner = Owner(tenant=rows.tenant, incarnation=before.incarnation if before else random.token_hex(8))
        at = self.now()
        newest = await newest_key(self.keys, rows, owner, at=at)
        version = (before.version if before else 0) + 1
        if draft.restored is not None:
            servers = restored(draft.restored, before, version)
        else:
            keys = await data_keys(self.keys, rows, owner)
            servers = dict(before.servers) if before else {}
            for name in draft.removed:
                del servers[name]
            for name, submission in draft.submissions.items():
                servers[name] = sealed_server(
                    name, submission, servers.get(name), keys, owner=owner, version=version, at=at
                )
        if len(servers) > MAXIMUM_SERVERS:
            raise InputError(f"{len(servers)} servers are more than {MAXIMUM_SERVERS}", field="servers")
        if before is not None and servers == before.servers and draft.enabled == before.enabled:
            return before, False
        after = Tenant(
            id=rows.tenant,
            incarnation=owner.incarnation,
            version=version,
            enabled=draft.enabled,
            servers=servers,
            created_at=before.created_at if before else at,
            updated_at=at,
            updated_by=identity.principal[:256],
        )
        changed = row_of(after, row)
        await rows.put_config(
            marked(changed, newest), action=word, keep=self.settings.history, new=before is None
        )
        return after, True
