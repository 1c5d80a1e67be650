"""Tells the trace what a call was: the SDK opens a span for every request, this names what is ours in it."""

from __future__ import annotations

from mcp_arangodb_async.observability import tracing
from mcp_arangodb_async.server.middleware.watch import Watch
from mcp_arangodb_async.server.passage import Passage, Step, WireResult


def layer(watch: Watch, call: Step) -> Step:  # noqa: ARG001 - the program's tracing is not a setting of ours
    """Annotate the current span; nothing where nobody traces."""
    if not tracing.is_on():
        return call

    async def traced(passage: Passage) -> WireResult:
        try:
            return await call(passage)
        finally:
            tracing.annotate(
                {
                    "gen_ai.tool.name": passage.known_tool,
                    "db.system.name": None if passage.database is None else "arangodb",
                    "db.namespace": passage.database,
                    "db.response.returned_rows": passage.rows,
                    "mcp_arangodb.request_id": passage.request_id,
                    "mcp_arangodb.outcome": passage.outcome,
                    "mcp_arangodb.era": passage.incoming.era,
                    "network.transport": "pipe" if passage.incoming.transport == "stdio" else "tcp",
                }
            )

    return traced
