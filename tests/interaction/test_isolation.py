"""No tenant is ever answered with anything of another; nor with a guard switched off."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from mcp_arangodb_async.observability import configure_logging
from mcp_arangodb_async.observability.exposition import exposition
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.sessions import Principal
from tests.interaction.isolation import NAMES, TENANTS, Machine, Role, audit_text, searched
from tests.upstreams.gateways import Gateways

# The variable asks for more.
CALLS = int(os.environ.get("ISOLATION_CALLS", "3000"))
EXAMPLES = 10
STEPS = 50
UPSTREAMS = {
    name: {"url": f"http://127.0.0.1:7/{era}", "tenant_argument": "tenant_id"}
    for name, era in (("postgres", "newer"), ("minio", "older"))
}

tenants = st.sampled_from(TENANTS)
servers = st.sampled_from(NAMES)
Guards = Callable[[str, Role], Principal]


class World:
    """One application for all examples, with an event loop of its own."""

    def __init__(self, directory: Path, guards: Guards | None) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.audit = directory / "audit"
        self.log = io.StringIO()
        self.guards = guards
        self.calls = 0
        self.answered: dict[str, int] = {}
        self.secrets: set[str] = set()
        more = {"audit": {"directory": str(self.audit)}, "log": {"level": "DEBUG"}}
        limits = {"rate": 100_000, "concurrency": 1000, "clients": 40, "history": 5, "upstreams": UPSTREAMS}
        configured = Gateways(directory).settings(limits, more=more)
        self.app: App = self.loop.run_until_complete(self.stack.enter_async_context(open_app(configured)))

    def figures(self) -> str:
        """What a scrape would read."""
        tenancy = self.app.around.tenancy
        assert tenancy is not None
        figures = [*self.app.watch.measures.figures(), *tenancy.figures()]
        return exposition(figures, {}, {}).decode()

    def close(self) -> None:
        self.loop.run_until_complete(self.stack.aclose())
        self.loop.close()


@pytest.fixture(params=[None], ids=["all guards"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    logs = configure_logging(level="DEBUG", format="json", stream=(log := io.StringIO()))
    made = World(tmp_path, request.param)
    made.log = log
    yield made
    made.close()
    logs.close()


def test_no_answer_holds_anything_of_another_tenant(world: World) -> None:
    wanted = CALLS if world.guards is None else CALLS // 5
    batch = max(8, wanted // (EXAMPLES * STEPS // 3))

    class Isolation(RuleBasedStateMachine):
        """Changes and calls in every order."""

        def __init__(self) -> None:
            super().__init__()
            self.machine = Machine(world.app, seed=0, guards=world.guards)

        def do(self, what: Any) -> None:
            world.loop.run_until_complete(what)
            assert self.machine.leaks == []

        @initialize(seed=st.integers(0, 2**32))
        def begin(self, seed: int) -> None:
            self.machine.random.seed(seed)

            async def all_have_something() -> None:
                for tenant in TENANTS:
                    await self.machine.erase(tenant)
                    await self.machine.register(tenant, "postgres")
                    await self.machine.register(tenant, "extra")

            self.do(all_have_something())

        @rule(seed=st.integers(0, 2**32))
        def calls(self, seed: int) -> None:
            self.machine.random.seed(seed)
            self.do(self.machine.some_calls(batch))

        @rule(seed=st.integers(0, 2**32), tenant=tenants, server=servers)
        def calls_while_it_changes(self, seed: int, tenant: str, server: str) -> None:
            self.machine.random.seed(seed)

            async def both() -> None:
                await asyncio.gather(
                    self.machine.some_calls(batch),
                    self.machine.rotate(tenant, server),
                    self.machine.switch(tenant, server),
                )

            self.do(both())

        @rule(seed=st.integers(0, 2**32))
        def more_calls(self, seed: int) -> None:
            self.machine.random.seed(seed)
            self.do(self.machine.some_calls(batch))

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
        def roll_back(self, tenant: str) -> None:
            self.do(self.machine.roll_back(tenant))

        @rule(tenant=tenants)
        def erase(self, tenant: str) -> None:
            self.do(self.machine.erase(tenant))

        @rule()
        def reload(self) -> None:
            self.do(self.machine.reload())

        def teardown(self) -> None:
            world.calls += self.machine.calls
            world.secrets |= self.machine.secrets()
            for outcome, count in self.machine.answered.items():
                world.answered[outcome] = world.answered.get(outcome, 0) + count

    options = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], derandomize=True,
    )  # fmt: skip
    while world.calls < wanted:
        run_state_machine_as_test(Isolation, settings=options)
    assert world.calls >= wanted
    # Not a machine that is refused everything: many calls reached an upstream.
    assert world.answered["ok"] > world.calls / 10, world.answered
    written = {"log": world.log.getvalue(), "figures": world.figures(), "audit": audit_text(world.audit)}
    assert len(world.secrets) >= 50
    assert searched(written, world.secrets) == []
    assert json.dumps(written["figures"]).count("canary") == 0
