"""The result of a query: its rows, and what is known about them once they are all there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from .context import QueryContext
from .phases import Phases
from .planner import PlannedQuery


def _nothing() -> None:
    pass


@dataclass(slots=True, kw_only=True)
class QueryResult:
    """Rows to be read once, in order. Close it, or read it to the end, to release its snapshot.

    `extra` is complete when the rows are exhausted: statistics, warnings, and what was asked for.
    """

    ctx: QueryContext
    planned: PlannedQuery
    phases: Phases
    profile: int = 0
    rows: Iterator[Any] = field(default_factory=lambda: iter(()))
    plan: Mapping[str, Any] | None = None
    finished: float | None = None
    cached: bool = False
    stop: Callable[[], None] = field(default=_nothing)
    on_close: Callable[[], None] = field(default=_nothing)

    @property
    def cacheable(self) -> bool:
        """Whether the same query on the same data always has this result."""
        return self.planned.is_cacheable and not self.ctx.warnings

    @property
    def extra(self) -> dict[str, Any]:
        """Statistics, warnings and the profile, as the cursor API shows them."""
        extra: dict[str, Any] = {"warnings": self.warnings, "stats": self.statistics()}
        if self.profile:
            extra["profile"] = self.phases.describe()
        if self.plan is not None:
            extra["plan"] = self.plan
        return extra

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """The warnings, those of the planner first."""
        found = [*self.planned.query.warnings, *self.ctx.warnings]
        return [{"code": num, "message": message} for num, message in found[: self.ctx.limits.warnings]]

    def statistics(self) -> dict[str, Any]:
        """The statistics so far."""
        counted = self.ctx.stats
        end = time.perf_counter() if self.finished is None else self.finished
        stats: dict[str, Any] = {
            "writesExecuted": counted.writes_executed,
            "writesIgnored": counted.writes_ignored,
            "documentLookups": counted.document_lookups,
            "seeks": 0,
            "scannedFull": counted.scanned_full,
            "scannedIndex": counted.scanned_index,
            "cursorsCreated": 0,
            "cursorsRearmed": 0,
            "cacheHits": 0,
            "cacheMisses": 0,
            "filtered": counted.filtered,
            "httpRequests": 0,
            "executionTime": end - self.phases.started,
            "peakMemoryUsage": counted.peak_memory,
            "intermediateCommits": 0,
        }
        if counted.full_count is not None:
            stats["fullCount"] = counted.full_count
        if self.profile > 1:
            stats["nodes"] = self._nodes()
        return stats

    def _nodes(self) -> list[dict[str, Any]]:
        items, seconds = self.ctx.node_items, self.ctx.node_seconds
        return [
            {
                "id": number,
                "calls": 1 + items.get(number, 0) // 1000,
                "items": items.get(number, 0),
                "filtered": 0,
                "runtime": seconds.get(number, 0.0),
            }
            for number in sorted(self.planned.numbers.values())
        ]

    def finish(self) -> float:
        """Note that the rows are exhausted; the seconds since the query began."""
        if self.phases.is_wanted:
            self.phases.end("executing")
        self.finished = time.perf_counter()
        self._release()
        return self.finished - self.phases.started

    def close(self) -> None:
        """Stop the query if it still runs, and release what it holds; harmless when closed."""
        self.stop()
        self._release()

    def _release(self) -> None:
        on_close, self.on_close = self.on_close, _nothing
        on_close()


def in_block(
    block: AbstractContextManager[Any], batches: Iterator[list[Any]], finish: Callable[[], object]
) -> Generator[Any, None, None]:
    """Rows read inside a block that ends with them, well or not; then `finish` is called."""
    try:
        with block:
            for batch in batches:
                yield from batch
    finally:
        finish()
