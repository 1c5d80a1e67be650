"""/live, /ready, /health, /metrics and the OAuth metadata: what is asked about the process, not of MCP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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

PATHS = frozenset({"/live", "/ready", "/health", "/metrics"})
BREAKER = {"closed": 0.0, "half_open": 0.5, "open": 1.0}
# A proxy on this machine connects from here on behalf of somebody who is not.
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Probes:
    """Answers whether the process runs, takes requests, and what it has seen; asks no database."""

    def __init__(self, app: App, authenticator: Authenticator) -> None:
        self._app = app
        self._authenticator = authenticator
        self.draining = asyncio.Event()

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
                ready = not self.draining.is_set()
                await respond(send, 200 if ready else 503, {"status": "ready" if ready else "stopping"})
            case "/health":
                await respond(send, 200, await self._state())
            case "/metrics":
                await self._check_reader(scope)
                await respond(send, 200, None, body=await self._figures(), content_type=CONTENT_TYPE)
            case _:
                await respond(send, 200, metadata)

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


def audit_figures(audit: AuditLog | None) -> Iterator[Figure]:
    """What the audit log wrote and lost, if there is one."""
    if audit is None:
        return
    figures = audit.figures
    yield counter("mcp_audit_records", "Audit records written.", [({}, figures.written)])
    yield counter("mcp_audit_lost", "Audit records that could not be written.", [({}, figures.lost)])
    yield gauge("mcp_audit_waiting", "Audit records that wait to be written.", [({}, figures.waiting)])
