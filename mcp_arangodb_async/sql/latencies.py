"""How long answers took, as percentiles, in memory that does not grow.

Times are counted in buckets whose bounds grow by a fifth: a percentile is told with that precision. `Recent`
tells of the last minutes; what is older is only part of the total.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

# Seconds: from a tenth of a millisecond to six minutes.
STEPS_PER_DOUBLING = 4
BOUNDS = tuple(0.0001 * 2 ** (step / STEPS_PER_DOUBLING) for step in range(88))
WINDOW_SECONDS = 300.0


class Latencies:
    """Counts of times by how long they were."""

    __slots__ = ("counts", "longest", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.longest = 0.0

    @property
    def number(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """Seconds on the average; None where nothing was counted."""
        number = self.number
        return self.seconds / number if number else None

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)

    def include(self, other: Latencies) -> None:
        """Count everything that another one counted."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds
        self.longest = max(self.longest, other.longest)

    def percentile(self, share: float) -> float | None:
        """Seconds within which that share of the answers came, at most one bucket too much."""
        number = self.number
        if not number:
            return None
        wanted = max(1.0, share * number)
        for place, reached in enumerate(accumulate(self.counts)):
            if reached >= wanted:
                return min(BOUNDS[place], self.longest) if place < len(BOUNDS) else self.longest
        return self.longest


class Recent:
    """Latencies of the last one to two windows, and of everything before them; `current` takes new ones."""

    __slots__ = ("_before", "_earlier", "_since", "current")

    def __init__(self, now: float) -> None:
        self.current = Latencies()
        self._before: Latencies | None = None
        self._earlier = Latencies()
        self._since = now

    def turn(self, now: float) -> None:
        """Begin another window if this one has had its time."""
        if now - self._since < WINDOW_SECONDS:
            return
        if self._before is not None:
            self._earlier.include(self._before)
        self._before, self.current, self._since = self.current, Latencies(), now

    def recent(self) -> Latencies:
        """Those of this window and the one before."""
        return _together(self.current, self._before)

    def total(self) -> Latencies:
        """All of them."""
        return _together(self.current, self._before, self._earlier)


def _together(*parts: Latencies | None) -> Latencies:
    whole = Latencies()
    for part in parts:
        if part is not None:
            whole.include(part)
    return whole
