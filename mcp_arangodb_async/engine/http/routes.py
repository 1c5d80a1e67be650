"""The table of all endpoints, a chapter per file."""

from __future__ import annotations

from mcp_arangodb_async.engine.http import (
    accounts,
    administration,
    bulk,
    collections,
    cursors,
    databases,
    documents,
    edges,
    graph_documents,
    graphs,
    indexes,
    jobs,
    logs,
    queries,
    scripts,
    simple,
    transactions,
    unsupported,
    views,
)
from mcp_arangodb_async.engine.http.routing import Route

ROUTES: tuple[Route, ...] = (
    *administration.ROUTES,
    *logs.ROUTES,
    *accounts.ROUTES,
    *databases.ROUTES,
    *collections.ROUTES,
    *documents.ROUTES,
    *bulk.ROUTES,
    *edges.ROUTES,
    *indexes.ROUTES,
    *cursors.ROUTES,
    *queries.ROUTES,
    *graphs.ROUTES,
    *graph_documents.ROUTES,
    *transactions.ROUTES,
    *jobs.ROUTES,
    *views.ROUTES,
    *scripts.ROUTES,
    *simple.ROUTES,
    *unsupported.ROUTES,
)
