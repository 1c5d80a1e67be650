"""Which endpoints a version of ArangoDB has: all of the table for 3.12, fewer for 4.0.

https://docs.arangodb.com/4.0/release-notes/version-4.x/api-changes-in-4-x/
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mcp_arangodb_async.engine.http.routes import ROUTES
from mcp_arangodb_async.engine.http.routing import ANY, Route

#: Removed with all methods and all that is below.
_REMOVED_FAMILIES: Final = (
    "/_api/foxx",
    "/_api/tasks",
    "/_api/simple",
    "/_api/batch",
    "/_api/traversal",
    "/_api/control_pregel",
    "/_api/aqlfunction",
    "/_api/endpoint",
    "/_admin/aardvark",
    "/_admin/echo",
    "/_admin/execute",
    "/_admin/statistics",
    "/_admin/statistics-description",
    "/_admin/version",
    "/_admin/database/target-version",
    "/_admin/metrics/v2",
    "/_admin/routing",
    "/_admin/wal/properties",
    "/_api/replication/server-id",
)
_REMOVED: Final = frozenset(
    {
        ("POST", "/_api/transaction"),  # JavaScript transactions; POST /_api/transaction/begin stays
        ("GET", "/_admin/log"),
        ("DELETE", "/_admin/log"),
        ("PUT", "/_api/cursor"),
        ("PUT", "/_api/cursor/{cursor}"),
        ("PUT", "/_api/collection/{name}/load"),
        ("PUT", "/_api/collection/{name}/unload"),
    }
)
#: Answered every method before, and only GET since.
_ONLY_READ: Final = frozenset({"/_api/version", "/_admin/time", "/_admin/status", "/_admin/support-info"})


def routes_of(compat: str) -> tuple[Route, ...]:
    """The endpoints of the version that is imitated, "3.12" or "4.0"."""
    if compat == "3.12":
        return ROUTES
    kept = (route for route in ROUTES if not _is_removed(route))
    return tuple(
        replace(route, method="GET") if route.method == ANY and route.pattern in _ONLY_READ else route
        for route in kept
    )


def _is_removed(route: Route) -> bool:
    return (route.method, route.pattern) in _REMOVED or any(
        route.pattern == family or route.pattern.startswith(f"{family}/") for family in _REMOVED_FAMILIES
    )
