"""Properties of health information, on real servers: it covers every environment, and it is true.

The numbers are those of the plan for several environments; what is configured and broken is drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.config.monitoring import MonitoringSettings
from mcp_arangodb_async.config.secret import Secret
from mcp_arangodb_async.sql.monitor import Monitor
from mcp_arangodb_async.sql.probe import Probe, probe
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.tools.sql_monitoring import condition_of, performance_of
from tests.sql_servers import SqlServer
from tests.unit.sql.world import World, marked, nowhere, world

pytestmark = pytest.mark.server
EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = ("postgresql1", "mariadb1", "sqlite1")
BREAKAGES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["port", "password", "missing"]))
SAME = "SELECT name FROM mark"


@pytest.fixture(scope="module")
def configured(
    postgresql: SqlServer, mariadb: SqlServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, EnvironmentSettings]:
    """One environment of each kind."""
    return marked(tmp_path_factory.mktemp("files"), postgresql, mariadb, each=1)


@pytest.fixture(scope="module")
def steady(configured: dict[str, EnvironmentSettings]) -> Iterator[World]:
    """A loop that lasts for the module."""
    with world(configured) as made:
        yield made


def broken(one: EnvironmentSettings, how: str) -> EnvironmentSettings:
    """The environment with something wrong about it."""
    if one.path is not None:
        return replace(one, path=one.path.with_name("not-there.db"))
    match how:
        case "port":
            return replace(one, port=nowhere().port)
        case "password":
            return replace(one, password=Secret.held("not-the-password"))
        case _:
            return replace(one, database="not_there")


def told(
    configured: dict[str, EnvironmentSettings], breakages: dict[str, str]
) -> dict[str, EnvironmentSettings]:
    """The three, some of them broken."""
    return {
        name: broken(one, breakages[name]) if name in breakages else one for name, one in configured.items()
    }


@EXAMPLES
@given(breakages=BREAKAGES, asked=st.sets(st.sampled_from(NAMES)))
def test_property_11_health_covers_every_environment_and_is_true(
    configured: dict[str, EnvironmentSettings], steady: World, breakages: dict[str, str], asked: set[str]
) -> None:
    async def look() -> dict[str, str]:
        environments = Environments(told(configured, breakages))
        monitor = Monitor(environments, MonitoringSettings())
        try:
            await environments.run_many(sorted(asked), SAME)
            # What nobody opened is left alone; what was opened is tried, and examined once it answers.
            await asyncio.gather(*(monitor.look(one) for one in environments.current()))
            assert set(environments.self_tests) <= asked - set(breakages)
            for one in environments.current():
                facts = performance_of(one)
                used = one.name in asked and one.name not in breakages
                assert (facts["recent"]["statements"] > 0) == used
                assert bool(facts.get("errors")) == (one.name in asked & set(breakages))
            return {one.name: condition_of(environments, one)["state"] for one in environments.current()}
        finally:
            await environments.close()

    states = steady.run(look())
    assert list(states) == list(NAMES)
    for name, state in states.items():
        if name not in asked:
            assert state == "unknown"
        elif name in breakages:
            assert state in {"unknown", "degraded", "down"}
        else:
            assert state == "healthy"


STEPS = ("resolve", "connect", "login", "query")
FAILS_AT = {"port": "connect", "password": "login", "missing": "login"}


@EXAMPLES
@given(breakages=BREAKAGES)
def test_property_13_a_connection_test_says_how_far_it_got(
    configured: dict[str, EnvironmentSettings], steady: World, breakages: dict[str, str]
) -> None:
    async def look() -> list[Probe]:
        environments = Environments(told(configured, breakages))
        try:
            return list(await asyncio.gather(*(probe(one) for one in environments.current())))
        finally:
            await environments.close()

    found = steady.run(look())
    assert [one.environment for one in found] == list(NAMES)
    for one in found:
        steps = STEPS if configured[one.environment].kind != "sqlite" else STEPS[2:]
        names = tuple(part.name for part in one.parts)
        assert all(part.ok and part.ms >= 0 and part.error is None for part in one.parts[:-1])
        assert one.ms >= sum(part.ms for part in one.parts) * 0.99
        if one.environment in breakages:
            at = FAILS_AT[breakages[one.environment]] if steps == STEPS else "login"
            assert names == steps[: steps.index(at) + 1]
            assert one.parts[-1].error
            assert one.error is not None
            assert one.environment in one.error.message
            assert one.status != "up"
        else:
            assert (names, one.status, one.error) == (steps, "up", None)
            assert one.engine is not None
            assert one.environment.startswith(one.engine)
            assert one.version is not None
            assert one.version[0].isdigit()
            assert one.encrypted is False
