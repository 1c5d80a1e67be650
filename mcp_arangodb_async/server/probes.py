"""/live, /ready, /health, /metrics and the OAuth metadata: what is asked about the process, not of MCP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async import __version__
from mcp_arangodb_async.connections.client import ServerStatistics
from mcp_arangodb_async.errors import NotFoundError, UnsupportedError
from mcp_arangodb_async.observability import Figure
from mcp_arangodb_async.observability.audit import AuditLog
from mcp_arangodb_async.observability.exposition import CONTENT_TYPE, copied, exposition
from mcp_arangodb_async.observability.measures import MAXIMUM_DATABASES
from mcp_arangodb_async.server.app import App
from mcp_arangodb_async.server.authentication import WELL_KNOWN, Authenticator
from mcp_arangodb_async.server.guard import headers_of, is_loopback, peer_of, raw_path
from mcp_arangodb_async.server.refusal import HttpError, Receive, Scope, Send, method_not_allowed, respond

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.sql.pool import PoolCounters
    from mcp_arangodb_async.sql.router import Environments

PATHS = frozenset({"/live", "/ready", "/health", "/metrics"})
QUANTILES = (0.5, 0.9, 0.99)
BREAKER = {"closed": 0.0, "half_open": 0.5, "open": 1.0}
# A proxy on this machine connects from here on behalf of somebody who is not.
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Probes:
    """Answers whether the process runs, takes requests, and what it has seen; asks no database."""

    def __init__(self, app: App, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator
        self.draining = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        path = raw_path(scope)
        metadata = self._authenticator.metadata(path) if path.startswith(WELL_KNOWN) else None
        if path not in PATHS and metadata is None:
            raise HttpError(404, NotFoundError("nothing here; MCP is at /mcp"))
        if scope["method"] not in {"GET", "HEAD"}:
            raise method_not_allowed("GET, HEAD")
        match path:
            case "/live":
                await respond(send, 200, {"status": "alive"})
            case "/ready":
                readiness = self._readiness()
                await respond(send, 200 if readiness["status"] == "ready" else 503, readiness)
            case "/health":
                await respond(send, 200, await self._state())
            case "/metrics":
                await self._check_reader(scope)
                await respond(send, 200, None, body=await self._figures(), content_type=CONTENT_TYPE)
            case _:
                await respond(send, 200, metadata)

    def _readiness(self) -> dict[str, Any]:
        """Whether calls are taken, and which environments and databases are known not to answer.

        Where SQL environments are configured, a process of which nothing answers is not ready. Without them
        it is: a database is found again by the next call that asks for it.
        """
        if self.draining.is_set():
            return {"status": "stopping"}
        environments = self._app.around.environments
        if environments is None:
            return {"status": "ready"}
        resting = {
            one
            for server in self._app.manager.statistics()
            if server.breaker == "open"
            for one in server.databases
        }
        databases = {key: key not in resting for key in self._app.settings.databases}
        silent = [one.name for one in environments.current() if not one.vitals.is_answering]
        answering = len(environments.names) - len(silent) + sum(databases.values())
        readiness: dict[str, Any] = {"status": "ready" if answering else "nothing_answers"}
        if not answering and self._asking is None:
            # Environments are tried again by their pools; a database only when somebody asks for it.
            self._asking = asyncio.create_task(self._ask(list(databases)))
        if silent:
            readiness["environments_not_answering"] = silent[:MAXIMUM_DATABASES]
        if not all(databases.values()):
            missing = [key for key, answers in databases.items() if not answers]
            readiness["databases_not_answering"] = missing[:MAXIMUM_DATABASES]
        return readiness

    async def _ask(self, keys: Sequence[str]) -> None:
        """Ask the databases for a sign of life, which closes the breakers of those that give one."""
        try:
            await self._app.manager.probe_all(keys[:MAXIMUM_DATABASES])
        finally:
            self._asking = None

    async def _state(self) -> dict[str, Any]:
        """What runs here; the state of database servers as last seen, asking none of them."""
        return {
            "status": "stopping" if self.draining.is_set() else "ok",
            "version": __version__,
            "databases": len(self._app.settings.databases),
            "sessions": await self._app.sessions.count(),
        }

    async def _check_reader(self, scope: Scope) -> None:
        """Figures are for this machine and for authenticated callers; everybody's where nobody is asked."""
        if not self._app.settings.http.metrics:
            raise HttpError(404, NotFoundError("there are no figures here", hint="set http.metrics"))
        headers = headers_of(scope)
        peer = peer_of(scope)
        forwarded = any(name in headers for name in FORWARDED)
        if peer is not None and is_loopback(peer) and not forwarded:
            return
        await self._authenticator.principal(headers)

    async def _figures(self) -> bytes:
        """The document of a scrape, written off the event loop."""
        app = self._app
        figures = [
            *app.watch.measures.figures(),
            *(app.around.tenancy.figures() if app.around.tenancy is not None else ()),
            gauge("mcp_sessions", "Sessions that are kept.", [({}, await app.sessions.count())]),
            gauge("mcp_build_info", "The version that runs, as a label.", [({"version": __version__}, 1.0)]),
            gauge("mcp_draining", "1 while the server ends.", [({}, float(self.draining.is_set()))]),
            *server_figures(app.manager.statistics()),
            *environment_figures(app.around.environments),
            *audit_figures(app.watch.audit),
        ]
        latency, sums = copied(app.watch.measures.latency)
        try:
            return await asyncio.to_thread(exposition, figures, latency, sums)
        except UnsupportedError as error:
            raise HttpError(501, error) from None


def gauge(name: str, help_text: str, samples: Sequence[tuple[Mapping[str, str], float]]) -> Figure:
    """A figure that goes up and down."""
    return Figure(name=name, kind="gauge", help=help_text, samples=samples)


def counter(name: str, help_text: str, samples: Sequence[tuple[Mapping[str, str], float]]) -> Figure:
    """A figure that only grows."""
    return Figure(name=name, kind="counter", help=help_text, samples=samples)


def server_figures(servers: Sequence[ServerStatistics]) -> Iterator[Figure]:
    """One sample for each database server, named by the first key that uses it; never by its address."""
    shown = [({"database": server.databases[0]}, server) for server in servers[:MAXIMUM_DATABASES]]
    yield gauge(
        "mcp_backend_breaker_open",
        "1 where a database server is not asked because it failed, 0.5 where one request tries it.",
        [(label, BREAKER[server.breaker]) for label, server in shown],
    )
    yield gauge(
        "mcp_backend_requests_running",
        "Requests that a database server has not answered yet.",
        [(label, server.in_flight) for label, server in shown],
    )
    yield gauge(
        "mcp_backend_connected",
        "1 where connections to a database server are kept.",
        [(label, float(server.open)) for label, server in shown],
    )
    yield counter(
        "mcp_backend_requests",
        "Requests sent to a database server.",
        [(label, server.requests) for label, server in shown],
    )
    yield counter(
        "mcp_backend_failures",
        "Requests that a database server did not answer.",
        [(label, server.failures) for label, server in shown],
    )


def environment_figures(environments: Environments | None) -> Iterator[Figure]:
    """How each SQL environment fares, as far as it is known without asking; the first so many of them."""
    shown = environments.current()[:MAXIMUM_DATABASES] if environments is not None else ()
    if not shown:
        return
    labels = [({"environment": one.name}, one) for one in shown]
    yield gauge(
        "mcp_environment_state",
        "1 for the state an SQL environment is in: unknown, healthy, degraded, down, recovering.",
        [({**label, "state": one.vitals.state}, 1.0) for label, one in labels],
    )
    yield counter(
        "mcp_environment_answers",
        "Statements that an SQL environment answered.",
        [(label, one.vitals.latencies.total().number) for label, one in labels],
    )
    yield counter(
        "mcp_environment_errors",
        "Statements that an SQL environment did not answer, by the code of the error.",
        [
            ({**label, "code": code}, count)
            for label, one in labels
            for code, count in one.vitals.errors.items()
        ],
    )
    yield gauge(
        "mcp_environment_latency_seconds",
        "Seconds within which that share of the last minutes' statements were answered.",
        [
            ({**label, "quantile": str(share)}, seconds)
            for label, one in labels
            for recent in (one.vitals.latencies.recent(),)
            for share in QUANTILES
            if (seconds := recent.percentile(share)) is not None
        ],
    )
    yield counter(
        "mcp_environment_trials",
        "Signs of life that the monitor asked for.",
        [(label, one.vitals.trials) for label, one in labels],
    )
    yield counter(
        "mcp_environment_alerts",
        "What an operator should hear of: state changes, exhausted pools, slow answers.",
        [
            ({**label, "alert": kind}, count)
            for label, one in labels
            for kind, count in one.vitals.alerted.items()
        ],
    )
    yield from pool_figures([(label, one.pool.counters()) for label, one in labels if one.pool is not None])


def pool_figures(pools: Sequence[tuple[Mapping[str, str], PoolCounters]]) -> Iterator[Figure]:
    """What the pools of SQL environments hold and did."""
    yield gauge(
        "mcp_environment_connections",
        "Connections to an SQL environment by what they do.",
        [
            ({**label, "use": use}, count)
            for label, one in pools
            for use, count in (("idle", one.idle), ("in_use", one.in_use))
        ],
    )
    yield gauge(
        "mcp_environment_waiting",
        "Statements that wait for a connection.",
        [(label, one.waiting) for label, one in pools],
    )
    yield counter(
        "mcp_environment_connections_opened",
        "Connections opened.",
        [(label, one.opened) for label, one in pools],
    )
    yield counter(
        "mcp_environment_connections_failed",
        "Connections that could not be opened.",
        [(label, one.failed) for label, one in pools],
    )
    yield counter(
        "mcp_environment_pool_timeouts",
        "Statements that got no connection in time.",
        [(label, one.timeouts) for label, one in pools],
    )
    yield gauge(
        "mcp_environment_breaker_open",
        "1 where an SQL environment is not asked because it failed, 0.5 where one connection tries it.",
        [(label, BREAKER[one.breaker]) for label, one in pools],
    )


def audit_figures(audit: AuditLog | None) -> Iterator[Figure]:
    """What the audit log wrote and lost, if there is one."""
    if audit is None:
        return
    figures = audit.figures
    yield counter("mcp_audit_records", "Audit records written.", [({}, figures.written)])
    yield counter("mcp_audit_lost", "Audit records that could not be written.", [({}, figures.lost)])
    yield gauge("mcp_audit_waiting", "Audit records that wait to be written.", [({}, figures.waiting)])
