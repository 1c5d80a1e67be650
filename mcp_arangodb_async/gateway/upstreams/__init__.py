"""How to reach an upstream MCP server: one file for each way, one table of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mcp_arangodb_async.gateway.upstreams.connection import (
    Ask,
    Command,
    Connection,
    Definition,
    Report,
    Result,
    Target,
    ToolCall,
    Way,
)
from mcp_arangodb_async.gateway.upstreams.http import open_http
from mcp_arangodb_async.gateway.upstreams.network import Network
from mcp_arangodb_async.gateway.upstreams.sse import open_sse
from mcp_arangodb_async.gateway.upstreams.stdio import open_stdio

UPSTREAMS: Mapping[Way, Callable[[Target, Network], Awaitable[Connection]]] = {
    "http": open_http,
    "sse": open_sse,
    "stdio": open_stdio,
}


async def open_upstream(target: Target, network: Network) -> Connection:
    """A connection to the target, by its way."""
    return await UPSTREAMS[target.way](target, network)


__all__ = [
    "UPSTREAMS",
    "Ask",
    "Command",
    "Connection",
    "Definition",
    "Network",
    "Report",
    "Result",
    "Target",
    "ToolCall",
    "Way",
    "open_upstream",
]
