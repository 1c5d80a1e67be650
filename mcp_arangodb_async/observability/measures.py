"""Figures about calls and requests: plain numbers in dictionaries, cheap to add to, read when somebody asks.

Every label is a word of a closed set but the database's key, of which only so many are told apart: the number
of series is bounded, whatever callers send.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

# Seconds; from what an embedded read takes to the default deadline of a call.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 300.0)
MAXIMUM_DATABASES = 50
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

Kind = Literal["counter", "gauge"]
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One named family of numbers; `samples` are labels with their value."""

    name: str
    kind: Kind
    help: str
    samples: Sequence[tuple[Labels, float]]


class Histogram:
    """How many observations fell below each bound; the last count is for those above all."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True, kw_only=True)
class Measures:
    """What one application has counted since it was opened."""

    calls: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    databases: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    latency: dict[str, Histogram] = field(default_factory=dict[str, Histogram])
    requests: dict[tuple[str, str, int], int] = field(default_factory=dict[tuple[str, str, int], int])
    running: int = 0
    _keys: set[str] = field(default_factory=set[str])

    def call(self, tool: str, outcome: str, database: str | None, seconds: float) -> None:
        """Count a call; `tool` is a registered name or `OTHER`, `outcome` is `ok` or an error's code."""
        pair = (tool, outcome)
        self.calls[pair] = self.calls.get(pair, 0) + 1
        histogram = self.latency.get(tool)
        if histogram is None:
            histogram = self.latency[tool] = Histogram()
        histogram.add(seconds)
        if database is not None:
            of = (self._key(database), outcome)
            self.databases[of] = self.databases.get(of, 0) + 1

    def _key(self, database: str) -> str:
        if database not in self._keys:
            if len(self._keys) >= MAXIMUM_DATABASES:
                return OTHER
            self._keys.add(database)
        return database

    def request(self, route: str, method: str, status: int) -> None:
        """Count an answered HTTP request; `route` is a word of a closed set."""
        of = (route, method if method in METHODS else OTHER, status)
        self.requests[of] = self.requests.get(of, 0) + 1

    def figures(self) -> Iterator[Figure]:
        """The counters as figures; the histograms are told by `latency`."""
        yield Figure(
            name="mcp_tool_calls",
            kind="counter",
            help="Tool calls by tool and outcome (ok, or the code of the error).",
            samples=[
                ({"tool": tool, "outcome": outcome}, count) for (tool, outcome), count in self.calls.items()
            ],
        )
        yield Figure(
            name="mcp_database_calls",
            kind="counter",
            help="Tool calls by the key of the database they worked on, and outcome.",
            samples=[
                ({"database": key, "outcome": outcome}, count)
                for (key, outcome), count in self.databases.items()
            ],
        )
        yield Figure(
            name="mcp_http_requests",
            kind="counter",
            help="HTTP requests by route, method and status.",
            samples=[
                ({"route": route, "method": method, "status": str(status)}, count)
                for (route, method, status), count in self.requests.items()
            ],
        )
        yield Figure(
            name="mcp_calls_running",
            kind="gauge",
            help="Tool calls that are being answered.",
            samples=[({}, self.running)],
        )
