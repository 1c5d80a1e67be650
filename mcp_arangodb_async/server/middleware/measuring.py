"""Counts calls and how long they take; an error that was answered counts as that error."""

from __future__ import annotations

import time

from mcp_arangodb_async.observability.measures import OTHER
from mcp_arangodb_async.server.middleware.watch import Watch
from mcp_arangodb_async.server.passage import Passage, Step, WireResult


def layer(watch: Watch, call: Step) -> Step:
    """Tell the measures of every call; names that callers make up are one label."""
    measures = watch.measures
    clock = time.perf_counter

    async def measured(passage: Passage) -> WireResult:
        started = clock()
        measures.running += 1
        try:
            return await call(passage)
        finally:
            measures.running -= 1
            measures.call(passage.known_tool or OTHER, passage.outcome, passage.database, clock() - started)

    return measured
