"""Tools that tell how environments fare, from what is known already: they ask no server."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar, TypedDict

from pydantic import Field

from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.health import State
from mcp_arangodb_async.sql.latencies import Latencies
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.vitals import Alert
from mcp_arangodb_async.tools.call import Call, described
from mcp_arangodb_async.tools.spec import Args, Effect, tool
from mcp_arangodb_async.tools.sql import environments_of

# The worst comes first; one that was never asked is no worse than a healthy one.
GRAVITY: tuple[State, ...] = ("down", "recovering", "degraded", "healthy", "unknown")
SHARES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}


class ReportArgs(Args):
    """Arguments of get_monitoring_report."""

    environment: str | None = Field(None, description="Default: all")
    """One environment; all that are enabled without it."""
    alerts: int = Field(20, ge=0, le=100, description="At most")
    """How many alerts are told, the newest first; each environment keeps its last twenty."""

    also: ClassVar = {"env": "environment"}


class MonitoringReport(TypedDict):
    """The state of environments, the worst first, and what an operator should hear of, the newest first."""

    overall: str
    states: dict[str, int]
    environments: dict[str, Any]
    alerts: list[dict[str, Any]]
    monitor: dict[str, Any]
    timestamp: str


@tool(title="SQL monitoring", category="sql_environments", effect=Effect.READ, uses_session=False)
async def get_monitoring_report(call: Call, args: ReportArgs) -> MonitoringReport:
    """State, pool, self-test and alerts of environments, as last seen; asks none of them."""
    environments = environments_of(call)
    chosen = sorted(
        asked_for(environments, args.environment), key=lambda one: GRAVITY.index(one.vitals.state)
    )
    states: dict[str, int] = {}
    for one in chosen:
        states[one.vitals.state] = states.get(one.vitals.state, 0) + 1
    said = sorted((alert for one in chosen for alert in one.vitals.alerts), key=lambda alert: alert.at)
    monitoring = environments.monitoring
    return MonitoringReport(
        overall=chosen[0].vitals.state if chosen else "unknown",
        states=states,
        environments={one.name: condition_of(environments, one) for one in chosen},
        alerts=[shown_alert(alert) for alert in reversed(said[-args.alerts :] if args.alerts else [])],
        monitor={
            "interval": monitoring.interval,
            "when_idle": monitoring.when_idle,
            "slow_ms": monitoring.slow * 1000,
            "is_on": monitoring.interval > 0,
        },
        timestamp=now(),
    )


def asked_for(environments: Environments, name: str | None) -> tuple[Environment, ...]:
    """The environment of that name, or all of them."""
    return (environments.get(name),) if name is not None else environments.current()


def condition_of(environments: Environments, one: Environment) -> dict[str, Any]:
    """What is known of one environment's health."""
    vitals, pool = one.vitals, one.pool
    counters = pool.counters() if pool is not None else None
    return described(
        {
            "state": vitals.state,
            "state_since": vitals.since.isoformat(timespec="seconds"),
            "kind": one.settings.kind,
            "access": one.settings.access,
            "failures_in_a_row": vitals.condition.failures or None,
            "error": vitals.about(pool.last_error)
            if pool is not None and pool.last_error is not None
            else None,
            "last_trial": described(
                {**asdict(vitals.trial), "at": vitals.trial.at.isoformat(timespec="seconds")}
            )
            if vitals.trial is not None
            else None,
            "trials": vitals.trials,
            "self_test": self_test_of(environments, one.name),
            "pool": asdict(counters) if counters is not None else None,
            "alerted": dict(vitals.alerted) or None,
        }
    )


def self_test_of(environments: Environments, name: str) -> dict[str, Any] | None:
    """What the self-test of an environment found; None before it ran."""
    found = environments.self_tests.get(name)
    if found is None:
        return None
    return described(
        {
            "is_safe": found.is_safe,
            "write_refused": found.write_refused,
            "refused_by": found.by,
            "excess_privileges": list(found.excess[:20]) or None,
        }
    )


def shown_alert(alert: Alert) -> dict[str, Any]:
    """An alert as clients see it."""
    return {
        "at": alert.at.isoformat(timespec="seconds"),
        "environment": alert.environment,
        "kind": alert.kind,
        "text": alert.text,
    }


class MetricsArgs(Args):
    """Arguments of get_performance_metrics."""

    environment: str | None = Field(None, description="Default: all")
    """One environment; all that are enabled without it."""

    also: ClassVar = {"env": "environment"}


class PerformanceMetrics(TypedDict):
    """How fast environments answered statements, lately and since the start."""

    environments: dict[str, Any]
    timestamp: str


@tool(title="SQL performance", category="sql_environments", effect=Effect.READ, uses_session=False)
async def get_performance_metrics(call: Call, args: MetricsArgs) -> PerformanceMetrics:
    """Statements, errors, latency percentiles and pool use of environments; asks none of them."""
    environments = environments_of(call)
    return PerformanceMetrics(
        environments={one.name: performance_of(one) for one in asked_for(environments, args.environment)},
        timestamp=now(),
    )


def performance_of(one: Environment) -> dict[str, Any]:
    """The figures of one environment."""
    vitals, pool = one.vitals, one.pool
    counters = pool.counters() if pool is not None else None
    return described(
        {
            "state": vitals.state,
            "recent": latency_of(vitals.latencies.recent()),
            "since_start": latency_of(vitals.latencies.total()),
            "errors": dict(vitals.errors) or None,
            "pool": described(
                {
                    "max_connections": one.settings.pool.max_connections,
                    "in_use": counters.in_use,
                    "idle": counters.idle,
                    "waiting": counters.waiting,
                    "waited": counters.waited,
                    "wait_seconds": counters.wait_seconds,
                    "timeouts": counters.timeouts,
                    "opened": counters.opened,
                }
            )
            if counters is not None
            else None,
        }
    )


def latency_of(latencies: Latencies) -> dict[str, Any]:
    """Percentiles in milliseconds; each is at most a fifth too high."""
    number = latencies.number
    if not number:
        return {"statements": 0}
    percentiles = {name: milliseconds(latencies.percentile(share)) for name, share in SHARES.items()}
    return {
        "statements": number,
        "mean_ms": milliseconds(latencies.mean),
        **percentiles,
        "max_ms": milliseconds(latencies.longest),
    }


def milliseconds(seconds: float | None) -> float | None:
    """The same in milliseconds, to the microsecond."""
    return None if seconds is None else round(seconds * 1000, 3)


def now() -> str:
    """The time of an answer."""
    return datetime.now(UTC).isoformat(timespec="seconds")
