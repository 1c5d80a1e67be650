"""What the HTTP rooms keep between requests: cursors, jobs, counters and the settings clients can change."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcp_arangodb_async.engine.http.authentication import Authenticator
from mcp_arangodb_async.engine.http.cursor_store import Cursors
from mcp_arangodb_async.engine.http.job_store import Jobs
from mcp_arangodb_async.engine.http.paths import Location
from mcp_arangodb_async.engine.http.query_cache import QueryCache
from mcp_arangodb_async.engine.instance import Engine

Json = dict[str, Any]

_SWEEP_SECONDS = 1.0

LOG_TOPICS = (
    "agency", "agencycomm", "agencystore", "aql", "authentication", "authorization", "backup", "bench",
    "cache", "cluster", "communication", "config", "crash", "deprecation", "development", "dump",
    "engines", "flush", "general", "graphs", "heartbeat", "httpclient", "libiresearch", "license",
    "maintenance", "memory", "queries", "rep-state", "rep-wal", "replication", "replication2",
    "requests", "restore", "rocksdb", "security", "ssl", "startup", "statistics", "supervision",
    "syscall", "threads", "trx", "ttl", "v8", "validation", "views",
)  # fmt: skip
LOG_LEVELS = ("FATAL", "ERROR", "WARNING", "INFO", "DEBUG", "TRACE")


def default_log_levels() -> dict[str, str]:
    return dict.fromkeys(LOG_TOPICS, "INFO")


def stamp(moment: float) -> str:
    """A moment as ArangoDB writes it: UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def default_tracking() -> Json:
    """The defaults of `/_api/query/properties`."""
    return {
        "enabled": True,
        "trackSlowQueries": True,
        "trackBindVars": True,
        "maxSlowQueries": 64,
        "slowQueryThreshold": 10,
        "slowStreamingQueryThreshold": 10,
        "maxQueryStringLength": 4096,
    }


@dataclass(slots=True)
class PastQuery:
    """A query that has ended, for the list of slow queries and the history."""

    id: str
    database: str
    user: str
    text: str
    bind_vars: Json
    ended: float
    seconds: float
    stream: bool

    def shown(self) -> Json:
        """As the API lists it."""
        return {
            "id": self.id,
            "database": self.database,
            "user": self.user,
            "query": self.text,
            "bindVars": self.bind_vars,
            "started": stamp(self.ended - self.seconds),
            "runTime": self.seconds,
            "state": "finished",
            "stream": self.stream,
        }


@dataclass(slots=True, kw_only=True)
class ServerState:
    """One per `Api`. Everything in it is safe to use from several threads."""

    engine: Engine
    authenticator: Authenticator
    authentication: bool
    started: float = field(default_factory=time.time)
    cursors: Cursors = field(default_factory=Cursors)
    jobs: Jobs = field(default_factory=Jobs)
    cache: QueryCache = field(default_factory=QueryCache)
    read_only: bool = False
    log_levels: dict[str, str] = field(default_factory=default_log_levels)
    log_structured: dict[str, bool] = field(
        default_factory=lambda: dict.fromkeys(("database", "username", "url", "queryid", "dbserver"), False)
    )
    tracking: Json = field(default_factory=default_tracking)
    slow_queries: deque[PastQuery] = field(default_factory=lambda: deque(maxlen=64))
    query_history: deque[PastQuery] = field(default_factory=lambda: deque(maxlen=64))
    recent_calls: deque[tuple[float, str, Location]] = field(default_factory=lambda: deque(maxlen=100))
    running: set[Callable[[], None]] = field(default_factory=set[Callable[[], None]])
    endpoint: str = "embedded:"
    requests: Counter[str] = field(default_factory=Counter[str])
    lock: threading.Lock = field(default_factory=threading.Lock)
    swept: float = 0.0

    def count(self, method: str, location: Location) -> None:
        """Remember a call for `/_admin/server/api-calls`, metrics and statistics."""
        with self.lock:
            self.requests[method] += 1
            self.recent_calls.append((time.time(), method, location))

    def sweep(self) -> None:
        """Close what timed out; at most once a second, by whichever request comes by."""
        now = time.monotonic()
        if now - self.swept >= _SWEEP_SECONDS:
            self.swept = now
            self.cursors.sweep()

    def close(self) -> None:
        for stop in list(self.running):
            stop()
        self.jobs.close()
        self.cursors.close()
