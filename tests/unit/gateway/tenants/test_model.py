"""The registry against a plain dictionary: whatever is done in whatever order, both say the same.

Four tenants share one store. Every secret is its owner's and says so; after each step each tenant sees just
what the dictionary has for it. Steps: register, update, remove, rollback, delete, switch, rotate, restart.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mcp_arangodb_async.errors import ConflictError, NotFoundError
from mcp_arangodb_async.gateway.rotation import rotate_data_key
from mcp_arangodb_async.gateway.tenants.model import shown_section
from mcp_arangodb_async.gateway.tenants.open import open_registry
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from tests.unit.gateway.tenants.backends import Backend, admin, make_backend, sqlite_settings

TENANTS = ("acme", "zeta", "Acme", "a.b-c_d")
SERVERS = ("postgres", "minio", "wiki")
tenants, servers = st.sampled_from(TENANTS), st.sampled_from(SERVERS)
KEPT = 50


@dataclass
class Known:
    """What the dictionary has of one tenant: its servers by version."""

    versions: dict[int, tuple[bool, dict[str, dict[str, Any]]]] = field(
        default_factory=dict[int, tuple[bool, dict[str, dict[str, Any]]]]
    )

    @property
    def version(self) -> int:
        return max(self.versions, default=0)

    @property
    def now(self) -> tuple[bool, dict[str, dict[str, Any]]]:
        return deepcopy(self.versions[self.version])

    def put(self, enabled: bool, wanted: dict[str, dict[str, Any]]) -> None:
        if not self.versions or self.now != (enabled, wanted):
            self.versions[self.version + 1] = (enabled, wanted)
            for old in [old for old in self.versions if old < self.version - KEPT]:
                del self.versions[old]


class Registry(RuleBasedStateMachine):
    """Steps on a registry in SQLite, each repeated on the dictionary."""

    backend: Backend | None = None

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.known: dict[str, Known] = {}
        self.counter = 0

    @initialize()
    def open(self) -> None:
        self.directory = TemporaryDirectory()
        self.settings = self.settings_of_store()
        self.context: AbstractAsyncContextManager[TenantRegistry] = open_registry(self.settings)
        self.registry = self.run(self.context.__aenter__())

    def settings_of_store(self) -> Any:
        return sqlite_settings(Path(self.directory.name))

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def secret(self, tenant: str) -> str:
        self.counter += 1
        return f"<{tenant}>{self.counter}"

    @rule(tenant=tenants, server=servers)
    def register(self, tenant: str, server: str) -> None:
        known = self.known.get(tenant)
        secret = self.secret(tenant)
        document = {"url": f"https://{tenant.lower()}.example/mcp", "headers": {"X-Key": secret}}
        work = self.registry.register(admin(tenant), {server: document})
        if known is not None and server in known.now[1]:
            with pytest.raises(ConflictError):
                self.run(work)
            return
        self.run(work)
        enabled, wanted = known.now if known else (True, {})
        wanted[server] = {"url": document["url"], "secret": secret, "timeout": 30.0}
        self.known.setdefault(tenant, Known()).put(enabled, wanted)

    @rule(
        tenant=tenants,
        server=servers,
        timeout=st.integers(1, 3),
        new_secret=st.booleans(),
        late=st.booleans(),
    )
    def update(self, tenant: str, server: str, timeout: int, new_secret: bool, late: bool) -> None:
        known = self.known.get(tenant)
        secret = self.secret(tenant)
        document: dict[str, Any] = {"timeout": timeout}
        if new_secret:
            document["headers"] = {"X-Key": secret}
        expected = (known.version if known else 0) - int(late)
        work = self.registry.update(admin(tenant), server, document, expected_version=expected)
        if known is None or (server not in known.now[1] and not late):
            with pytest.raises(NotFoundError):
                self.run(work)
            return
        if late:
            with pytest.raises(
                ConflictError, match=f"at version {known.version}, and version {expected} was"
            ):
                self.run(work)
            return
        self.run(work)
        enabled, wanted = known.now
        wanted[server]["timeout"] = float(timeout)
        if new_secret:
            wanted[server]["secret"] = secret
        known.put(enabled, wanted)

    @rule(tenant=tenants, server=servers)
    def remove(self, tenant: str, server: str) -> None:
        known = self.known.get(tenant)
        work = self.registry.remove(admin(tenant), server)
        if known is None or server not in known.now[1]:
            with pytest.raises(NotFoundError):
                self.run(work)
            return
        self.run(work)
        enabled, wanted = known.now
        del wanted[server]
        known.put(enabled, wanted)

    @rule(tenant=tenants, back=st.integers(0, 4))
    def rollback(self, tenant: str, back: int) -> None:
        known = self.known.get(tenant)
        target = (known.version if known else 0) - back
        work = self.registry.rollback(admin(tenant), target)
        if known is None or target not in known.versions:
            with pytest.raises(NotFoundError):
                self.run(work)
            return
        self.run(work)
        known.put(*deepcopy(known.versions[target]))

    @rule(tenant=tenants, enabled=st.booleans())
    def switch(self, tenant: str, enabled: bool) -> None:
        known = self.known.get(tenant)
        work = self.registry.set_enabled(admin(tenant), enabled)
        if known is None:
            with pytest.raises(NotFoundError):
                self.run(work)
            return
        self.run(work)
        known.put(enabled, known.now[1])

    @rule(tenant=tenants)
    def delete(self, tenant: str) -> None:
        work = self.registry.delete(admin(tenant))
        if self.known.pop(tenant, None) is None:
            with pytest.raises(NotFoundError):
                self.run(work)
            return
        self.run(work)

    @rule(tenant=tenants)
    def rotate(self, tenant: str) -> None:
        work = rotate_data_key(self.registry, admin(tenant))
        if tenant not in self.known:
            with pytest.raises(NotFoundError):
                self.run(work)
            return
        assert self.run(work).destroyed == 1

    @rule()
    def restart(self) -> None:
        self.run(self.context.__aexit__(None, None, None))
        self.context = open_registry(self.settings)
        self.registry = self.run(self.context.__aenter__())

    @invariant()
    def both_say_the_same(self) -> None:
        if not hasattr(self, "registry"):
            return
        assert self.run(self.seen()) == {
            tenant: (known.version, *known.now, sorted(known.versions, reverse=True))
            for tenant, known in self.known.items()
        }

    async def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for tenant in TENANTS:
            now = await self.registry.current(tenant)
            if now is None:
                continue
            wanted: dict[str, dict[str, Any]] = {}
            for name, server in now.servers.items():
                values = await self.registry.secrets(now, name)
                assert all(value.startswith(f"<{tenant}>") for value in values.values())
                shown = shown_section(server.section)
                wanted[name] = {
                    "url": shown["url"],
                    "secret": values["headers.x-key"],
                    "timeout": shown.get("timeout", 30.0),
                }
            lines = [line.version for line in await self.registry.history(admin(tenant))]
            found[tenant] = (now.version, now.enabled, wanted, lines)
        return found

    def teardown(self) -> None:
        if hasattr(self, "registry"):
            self.run(self.context.__aexit__(None, None, None))
            self.directory.cleanup()
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(
    max_examples=6, stateful_step_count=25, deadline=None, suppress_health_check=(HealthCheck.too_slow,)
)


@pytest.mark.server
def test_postgresql_says_the_same_as_the_dictionary(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    class OnPostgresql(Registry):
        def settings_of_store(self) -> Any:
            return make_backend("postgresql", tmp_path, request).settings

    run_state_machine_as_test(
        OnPostgresql,
        settings=settings(
            max_examples=3,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=(HealthCheck.too_slow,),
        ),
    )
