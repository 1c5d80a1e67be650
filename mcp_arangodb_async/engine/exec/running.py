"""The queries that run now: listed, and stopped by their number."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.errors import ArangoError

from .context import QueryContext, Stop


@dataclass(slots=True, kw_only=True, eq=False)
class RunningQuery:
    """One query from its start to the last row."""

    id: str
    database: str
    user: str
    text: str
    binds: Mapping[str, Any]
    stream: bool
    stop: Stop = field(default_factory=Stop)
    started: float = field(default_factory=time.time)
    ctx: QueryContext | None = None


class RunningQueries:
    """The running queries of one database. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queries: dict[str, RunningQuery] = {}
        self._numbers = count(1)

    def start(
        self, *, database: str, user: str, text: str, binds: Mapping[str, Any], stream: bool
    ) -> RunningQuery:
        """Register a query; its number is unique in this database."""
        with self._lock:
            number = str(next(self._numbers))
            query = RunningQuery(
                id=number, database=database, user=user, text=text, binds=binds, stream=stream
            )
            self._queries[number] = query
        return query

    def end(self, query: RunningQuery) -> None:
        """Forget a query; harmless when it is forgotten."""
        with self._lock:
            self._queries.pop(query.id, None)

    def kill(self, number: str) -> QueryContext | None:
        """Have a query stop, and return it when it runs already; 1591 when there is none with this number."""
        with self._lock:
            query = self._queries.get(number)
        if query is None:
            raise ArangoError(
                errors.ERROR_QUERY_NOT_FOUND, f"no query with id '{number}' is running in this database"
            )
        query.stop.asked = True
        return query.ctx

    def is_running(self, number: str) -> bool:
        """Whether there is such a query, still."""
        with self._lock:
            return number in self._queries

    def describe(self) -> list[dict[str, Any]]:
        """All running queries, as `/_api/query/current` shows them, the oldest first."""
        with self._lock:
            queries = list(self._queries.values())
        now = time.time()
        return [
            {
                "id": query.id,
                "database": query.database,
                "user": query.user,
                "query": query.text,
                "bindVars": dict(query.binds),
                "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(query.started)),
                "runTime": now - query.started,
                "peakMemoryUsage": 0 if query.ctx is None else query.ctx.stats.peak_memory,
                "state": "killed" if query.stop.asked else "executing",
                "stream": query.stream,
            }
            for query in queries
        ]
