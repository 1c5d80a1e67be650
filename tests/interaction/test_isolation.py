"""No tenant is ever answered with anything of another; nor with a guard switched off.

`make isolation N=1000000` makes more calls; so many belong to one application, then a new one begins.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from mcp_arangodb_async.gateway.tenants.sql import TENANT_TABLES, SqlTenantRows, SqlTenantStore
from mcp_arangodb_async.observability import configure_logging
from mcp_arangodb_async.observability.exposition import exposition
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.tools.tenancy import Tenancy
from mcp_arangodb_async.tools.tenant_catalog import SERVICE_TOOLS, TENANT_TOOLS
from tests.interaction.isolation import (
    NAMES,
    ROLES,
    SERVICES,
    TENANTS,
    Machine,
    audit_text,
    searched,
    without_roles,
)
from tests.unit.gateway.tenants.backends import (
    APPLICATION,
    PASSWORDS,
    Backend,
    make_backend,
    tenants_template,
)
from tests.unit.gateway.tenants.test_isolation import Unbound, WithoutApplicationCheck
from tests.upstreams.gateways import Gateways

__all__ = ["tenants_template"]

CALLS = int(os.environ.get("ISOLATION_CALLS", "20000"))
CALLS_OF_ONE_APPLICATION = 20_000
CALLS_PER_GUARD = 500
EXAMPLES, STEPS, BATCH = 2, 50, 200
UPSTREAMS = {
    name: {"url": f"http://127.0.0.1:7/{era}", "tenant_argument": "tenant_id"}
    for name, era in (("postgres", "newer"), ("minio", "older"))
}
LIMITS: Mapping[str, Any] = {
    "rate": 100_000, "concurrency": 1000, "clients": 40, "history": 5, "upstreams": UPSTREAMS,
}  # fmt: skip

tenants = st.sampled_from(TENANTS)
servers = st.sampled_from(NAMES)
seeds = st.integers(0, 2**32)


class World:
    """One application with an event loop of its own, and everything that it writes."""

    def __init__(self, directory: Path, tenants: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.audit = directory / "audit"
        self.log = io.StringIO()
        self._logs = configure_logging(level="DEBUG", format="json", stream=self.log)
        self.secrets: set[str] = set()
        more = {"audit": {"directory": str(self.audit)}, "log": {"level": "DEBUG"}}
        configured = Gateways(directory).settings({**LIMITS, **tenants}, environ=environ, more=more)
        self.app: App = self.run(self.stack.enter_async_context(open_app(configured)))

    def run(self, what: Any) -> Any:
        return self.loop.run_until_complete(what)

    @property
    def tenancy(self) -> Tenancy:
        found = self.app.around.tenancy
        assert found is not None
        return found

    def written(self) -> dict[str, str]:
        """Everything that was written: the log, what a scrape would read, the audit log."""
        figures = [*self.app.watch.measures.figures(), *self.tenancy.figures()]
        return {
            "log": self.log.getvalue(),
            "figures": exposition(figures, {}, {}).decode(),
            "audit": audit_text(self.audit),
        }

    def close(self) -> None:
        self.run(self.stack.aclose())
        self.loop.close()
        self._logs.close()


class Tally:
    """What all examples did together."""

    def __init__(self) -> None:
        self.calls = 0
        self.answered: Counter[str] = Counter()
        self.asked: set[tuple[str, str]] = set()

    def add(self, machine: Machine) -> None:
        self.calls += machine.calls
        self.answered.update(machine.answered)
        self.asked |= machine.asked


def one_run(world: World, tally: Tally, number: int) -> None:
    """Some examples of changes and calls in every order."""

    class Isolation(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.machine = Machine(world.app, seed=0)

        def do(self, what: Any) -> None:
            world.run(what)
            assert self.machine.leaks == []

        @initialize(number=seeds)
        def begin(self, number: int) -> None:
            self.machine.random.seed(number)
            self.do(everybody_begins(self.machine))

        @rule(number=seeds)
        def calls(self, number: int) -> None:
            self.machine.random.seed(number)
            self.do(self.machine.some_calls(BATCH))

        @rule(number=seeds, tenant=tenants, server=servers)
        def calls_while_it_changes(self, number: int, tenant: str, server: str) -> None:
            self.machine.random.seed(number)
            self.do(calls_and_changes(self.machine, tenant, server))

        @rule(tenant=tenants, server=servers)
        def register(self, tenant: str, server: str) -> None:
            self.do(self.machine.register(tenant, server))

        @rule(tenant=tenants, server=servers)
        def remove(self, tenant: str, server: str) -> None:
            self.do(self.machine.remove(tenant, server))

        @rule(tenant=tenants, server=servers, to=servers)
        def rename(self, tenant: str, server: str, to: str) -> None:
            self.do(self.machine.rename(tenant, server, to))

        @rule(tenant=tenants, server=servers)
        def rug_pull(self, tenant: str, server: str) -> None:
            self.do(self.machine.rug_pull(tenant, server))

        @rule(tenant=tenants)
        def rotate_data_key(self, tenant: str) -> None:
            self.do(self.machine.rotate_data_key(tenant))

        @rule(tenant=tenants)
        def roll_back(self, tenant: str) -> None:
            self.do(self.machine.roll_back(tenant))

        @rule(tenant=tenants)
        def erase(self, tenant: str) -> None:
            self.do(self.machine.erase(tenant))

        @rule()
        def reload(self) -> None:
            self.do(self.machine.reload())

        def teardown(self) -> None:
            tally.add(self.machine)
            world.secrets |= self.machine.secrets()

    options = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )  # fmt: skip
    run_state_machine_as_test(seed(number)(Isolation), settings=options)


async def everybody_begins(machine: Machine) -> None:
    """Every tenant has two servers of its own, and nothing of before."""
    for tenant in TENANTS:
        await machine.erase(tenant)
        await machine.register(tenant, "postgres")
        await machine.register(tenant, "extra")


async def calls_and_changes(machine: Machine, tenant: str, server: str) -> None:
    """Calls of everybody, while a tenant's credentials, mode and data key change."""
    await asyncio.gather(
        machine.some_calls(BATCH),
        machine.rotate(tenant, server),
        machine.switch(tenant, server),
        machine.rotate_data_key(tenant),
    )


@pytest.mark.timeout(0 if "ISOLATION_CALLS" in os.environ else 600)
def test_no_answer_holds_anything_of_another_tenant(tmp_path: Path) -> None:
    tally, began, number = Tally(), time.process_time(), 0
    while tally.calls < CALLS:
        wanted = min(tally.calls + CALLS_OF_ONE_APPLICATION, CALLS)
        directory = tmp_path / str(number)
        directory.mkdir()
        world = World(directory, {}, {})
        try:
            while tally.calls < wanted:
                one_run(world, tally, number := number + 1)
            written = world.written()
        finally:
            world.close()
        assert len(world.secrets) >= 50
        assert searched(written, world.secrets) == []
        assert written["figures"].count("canary") == 0
        seconds = time.process_time() - began
        sys.stdout.write(f"{tally.calls} calls, {seconds:.0f} s of CPU, no leak: {dict(tally.answered)}\n")
    # Not a machine that is refused everything: many calls reached an upstream.
    assert tally.answered["ok"] > tally.calls / 10, tally.answered
    ours = {tool.name for tool in (*SERVICE_TOOLS, *TENANT_TOOLS)}
    assert {(role, name) for role in ROLES for name in ours} <= tally.asked


def test_the_machine_knows_every_service_tool() -> None:
    assert set(SERVICES) == {tool.name for tool in SERVICE_TOOLS}


Guard = Callable[[World, Backend], None]


def nothing(_world: World, _backend: Backend) -> None:
    """Every guard stays on."""


def no_roles(_world: World, _backend: Backend) -> None:
    """Everybody has the rights of an administrator, as if no role was ever asked for."""


def no_application_check(world: World, _backend: Backend) -> None:
    """Statements do not name the tenant, and rows are not looked at again."""
    store_of(world).rows = WithoutApplicationCheck


def no_row_security(_world: World, backend: Backend) -> None:
    """The database lets every statement see every row."""
    alter(backend, "DISABLE")


def no_associated_data(world: World, _backend: Backend) -> None:
    """What is sealed is bound to no tenant, server, field or version."""
    world.tenancy.registry.keys.key_type = Unbound


GUARDS: Sequence[Guard] = (nothing, no_roles, no_application_check, no_row_security, no_associated_data)


@pytest.mark.server
def test_with_any_one_guard_switched_off_no_answer_holds_anything_of_another(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    backend = make_backend("postgresql", tmp_path, request)
    of_store = backend.settings.tenants
    options = {
        "store": of_store.store, "store_username": APPLICATION, "store_password_env": "STORE_PASSWORD",
        "store_connections": 4, "stale_seconds": 0.2,
    }  # fmt: skip
    world = World(tmp_path, options, PASSWORDS)
    key_type = world.tenancy.registry.keys.key_type
    try:
        for switch_off in GUARDS:
            # Erased under the guard that sealed it, begun anew under the one that is tried.
            world.run(nobody_has_anything(world))
            switch_off(world, backend)
            guards = without_roles if switch_off is no_roles else None
            machine = Machine(world.app, seed=len(switch_off.__name__), guards=guards)
            world.run(calls_with_changes(machine, CALLS_PER_GUARD))
            assert machine.leaks == [], switch_off.__name__
            assert machine.answered["ok"] > machine.calls / 10, (switch_off.__name__, machine.answered)
            world.secrets |= machine.secrets()
            world.run(nobody_has_anything(world))
            store_of(world).rows = SqlTenantRows
            world.tenancy.registry.keys.key_type = key_type
            alter(backend, "ENABLE")
        assert searched(world.written(), world.secrets) == []
    finally:
        world.close()


def store_of(world: World) -> SqlTenantStore:
    """The store, whose parts can be switched off."""
    store = world.tenancy.registry.store
    assert isinstance(store, SqlTenantStore)
    return store


def alter(backend: Backend, word: str) -> None:
    """Switch row-level security on every table of tenants."""
    for table in TENANT_TABLES:
        backend.run(f"ALTER TABLE {table.__tablename__} {word} ROW LEVEL SECURITY; SELECT 1")


async def nobody_has_anything(world: World) -> None:
    """Every tenant is erased."""
    machine = Machine(world.app, seed=0)
    for tenant in TENANTS:
        await machine.erase(tenant)


async def calls_with_changes(machine: Machine, count: int) -> None:
    """So many calls, among them every kind of change."""
    await everybody_begins(machine)
    chosen = machine.random
    while machine.calls < count:
        tenant, server = chosen.choice(TENANTS), chosen.choice(NAMES)
        await asyncio.gather(machine.some_calls(40), machine.rotate(tenant, server))
        match chosen.randrange(6):
            case 0:
                await machine.register(tenant, server)
            case 1:
                await machine.rename(tenant, server, chosen.choice(NAMES))
            case 2:
                await machine.switch(tenant, server)
            case 3:
                await machine.roll_back(tenant)
            case 4:
                await machine.rotate_data_key(tenant)
            case _:
                await machine.reload()
