"""Tools that tell whether environments answer, and how far a connection gets."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar, TypedDict

from pydantic import Field

from mcp_arangodb_async.sql.probe import Probe, probe
from mcp_arangodb_async.tools.call import Call, described
from mcp_arangodb_async.tools.spec import Args, Effect, tool
from mcp_arangodb_async.tools.sql import EnvironmentArgs, chosen, environments_of
from mcp_arangodb_async.tools.sql_monitoring import self_test_of


class NoArgs(Args):
    """No arguments."""


class Tested(TypedDict):
    """How far a connection got, step by step."""

    environment: str
    status: str
    message: str | None
    connection_time_ms: float
    parts: list[dict[str, Any]]
    engine: str | None
    version: str | None
    encrypted: bool | None
    pool: dict[str, Any] | None
    self_test: dict[str, Any] | None
    resolved_by: str | None


@tool(title="Test SQL connection", category="sql_environments", effect=Effect.READ, uses_session=True)
async def test_connection(call: Call, args: NoArgs) -> Tested:  # noqa: ARG001
    """Connect to the focused or default environment anew: resolve, connect, log in, query."""
    name, source = chosen(call, None)
    return as_tested(call, await probe(environments_of(call).get(name)), source)


@tool(
    title="Test SQL connection of an environment",
    category="sql_environments",
    effect=Effect.READ,
    uses_session=True,
)
async def test_connection_env(call: Call, args: EnvironmentArgs) -> Tested:
    """Connect to an environment anew: resolve, connect, log in, query."""
    name, source = chosen(call, args.environment)
    return as_tested(call, await probe(environments_of(call).get(name)), source)


def as_tested(call: Call, found: Probe, source: str | None) -> Tested:
    """A probe as clients see it."""
    return Tested(
        environment=found.environment,
        status=found.status,
        message=found.error.message if found.error is not None else None,
        connection_time_ms=found.ms,
        parts=[described(asdict(part)) for part in found.parts],
        engine=found.engine,
        version=found.version,
        encrypted=found.encrypted,
        pool=pool_facts(call, found.environment),
        self_test=self_test_of(environments_of(call), found.environment),
        resolved_by=source,
    )


def pool_facts(call: Call, name: str) -> dict[str, Any] | None:
    """The counters of an environment's connections; None before the first."""
    pool = environments_of(call).get(name).pool
    return None if pool is None else asdict(pool.counters())


class HealthArgs(Args):
    """Arguments of health_check_env."""

    environment: str | None = Field(None, description="Default: all")
    """One environment; all that are enabled without it."""
    comprehensive: bool = Field(False, description="Each step, and the pool's counters")
    """Tell every step of the connection and the counters of the pool."""

    also: ClassVar = {"env": "environment"}


class HealthFound(TypedDict):
    """Which environments answer."""

    environments: dict[str, Any]
    overall_healthy: bool
    timestamp: str


@tool(title="SQL health", category="sql_environments", effect=Effect.READ, uses_session=False)
async def health_check_env(call: Call, args: HealthArgs) -> HealthFound:
    """Whether environments answer, how fast, and which versions they run."""
    environments = environments_of(call)
    names = [args.environment] if args.environment else list(environments.names)
    found = await asyncio.gather(*(probe(environments.get(name)) for name in names))
    return HealthFound(
        environments={
            one.environment: described(dict(as_tested(call, one, None))) if args.comprehensive else brief(one)
            for one in found
        },
        overall_healthy=all(one.status == "up" for one in found),
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def brief(found: Probe) -> dict[str, Any]:
    """A probe in one line."""
    return described(
        {
            "status": found.status,
            "ms": found.ms,
            "engine": found.engine,
            "version": found.version,
            "message": found.error.message if found.error is not None else None,
        }
    )
