"""Figures in the text format that Prometheus reads; the library is loaded by the first who asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import accumulate
from typing import TYPE_CHECKING

from mcp_arangodb_async.errors import UnsupportedError
from mcp_arangodb_async.observability.measures import BUCKETS, Figure, Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
INSTALL = 'pip install "mcp-arangodb-async[metrics]"'


def is_installed() -> bool:
    """Whether the library that writes the format is there; it is not loaded."""
    return find_spec("prometheus_client") is not None


def exposition(
    figures: Sequence[Figure], latency: Mapping[str, Sequence[int]], sums: Mapping[str, float]
) -> bytes:
    """The document that a scrape gets; it reads /proc, so it runs off the event loop.

    `latency` has a copy of each histogram's counts. UnsupportedError where the library is not installed.
    """
    if not is_installed():
        raise UnsupportedError("figures need the library prometheus-client", hint=INSTALL)
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(Collected(figures, latency, sums))
    return generate_latest(registry)


class Collected:
    """One scrape's figures as the library collects them."""

    def __init__(
        self, figures: Sequence[Figure], latency: Mapping[str, Sequence[int]], sums: Mapping[str, float]
    ) -> None:
        self._figures = figures
        self._latency = latency
        self._sums = sums

    def collect(self) -> Iterator[Metric]:
        """Every family once."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for figure in self._figures:
            names = sorted({name for labels, _ in figure.samples for name in labels})
            family = (CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily)(
                figure.name, figure.help, labels=names
            )
            for labels, value in figure.samples:
                family.add_metric([labels[name] for name in names], value)
            yield family
        histogram = HistogramMetricFamily(
            "mcp_tool_call_duration_seconds", "Seconds from a call's arrival to its answer.", labels=["tool"]
        )
        bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
        for tool, counts in self._latency.items():
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            histogram.add_metric([tool], buckets, self._sums[tool])
        yield histogram


def copied(latency: Mapping[str, Histogram]) -> tuple[dict[str, list[int]], dict[str, float]]:
    """The histograms as they are now: counts and sums by tool."""
    return (
        {tool: list(histogram.counts) for tool, histogram in latency.items()},
        {tool: histogram.total for tool, histogram in latency.items()},
    )
