"""Live database handles: made from settings, pooled, checked, closed.

`MultiDatabaseConnectionManager` lends an `ArangoDatabase` for a configured key: the driver's own handle,
with checked names and our errors. Importing this package does not import the driver, so annotations take
the handle's type from `connections.database` under `TYPE_CHECKING`.
"""

from mcp_arangodb_async.connections.client import ServerStatistics
from mcp_arangodb_async.connections.health import Health
from mcp_arangodb_async.connections.limits import call_limits, marked
from mcp_arangodb_async.connections.manager import MultiDatabaseConnectionManager
from mcp_arangodb_async.connections.queries import (
    Page,
    QueryOptions,
    Running,
    close_cursor,
    explain_query,
    kill_query,
    next_page,
    parse_query,
    run_query,
    running,
    running_queries,
)
from mcp_arangodb_async.connections.suggest import closest
from mcp_arangodb_async.connections.translate import translate

__all__ = [
    "Health",
    "MultiDatabaseConnectionManager",
    "Page",
    "QueryOptions",
    "Running",
    "ServerStatistics",
    "call_limits",
    "close_cursor",
    "closest",
    "explain_query",
    "kill_query",
    "marked",
    "next_page",
    "parse_query",
    "run_query",
    "running",
    "running_queries",
    "translate",
]
