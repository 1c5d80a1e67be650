"""Upstreams over HTTP with SSE, the transport of servers before 2025-03-26."""

from __future__ import annotations

from mcp_arangodb_async.gateway.upstreams.connection import Connection, Target
from mcp_arangodb_async.gateway.upstreams.network import Network
from mcp_arangodb_async.gateway.upstreams.session import open_sse_session


async def open_sse(target: Target, network: Network) -> Connection:
    """A session with an SSE server."""
    return await open_sse_session(target, network)
