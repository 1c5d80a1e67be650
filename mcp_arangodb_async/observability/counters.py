"""Counters: how often something happened, by name and labels."""

from __future__ import annotations

from collections.abc import Mapping

# Labels come from a closed set of words; a mistake there must not fill the memory.
MAXIMUM_SERIES = 10_000
Series = tuple[str, tuple[tuple[str, str], ...]]


class Counters:
    """Numbers that only grow, kept for one application."""

    def __init__(self) -> None:
        self._values: dict[Series, float] = {}
        self.dropped = 0

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to the counter of this name and these labels."""
        series = (name, tuple(sorted(labels.items())))
        if series not in self._values and len(self._values) >= MAXIMUM_SERIES:
            self.dropped += 1
            return
        self._values[series] = self._values.get(series, 0) + amount

    def value(self, name: str, **labels: str) -> float:
        """The counter's value; 0 if nothing was added."""
        return self._values.get((name, tuple(sorted(labels.items()))), 0)

    def snapshot(self) -> Mapping[Series, float]:
        """Every counter as it is now."""
        return dict(self._values)
