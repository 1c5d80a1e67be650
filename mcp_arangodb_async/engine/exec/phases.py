"""How long a query spent in each phase, under ArangoDB's names."""

from __future__ import annotations

import time
from typing import Literal, TypeAlias

PhaseName: TypeAlias = Literal[
    "initializing",
    "parsing",
    "optimizing ast",
    "loading collections",
    "instantiating plan",
    "optimizing plan",
    "instantiating executors",
    "executing",
    "finalizing",
]
PHASES: tuple[PhaseName, ...] = (
    "initializing",
    "parsing",
    "optimizing ast",
    "loading collections",
    "instantiating plan",
    "optimizing plan",
    "instantiating executors",
    "executing",
    "finalizing",
)
#: What a phase takes at least: the clock shows nothing shorter.
SHORTEST = 1e-9


class Phases:
    """A stop-watch with a lap per phase. The phases of planning are short when a plan is remembered."""

    __slots__ = ("_laps", "_last", "is_wanted", "started")

    def __init__(self, *, is_wanted: bool = True) -> None:
        """Start the watch; laps that nobody wants are not taken."""
        self.started = self._last = time.perf_counter()
        #: Whether it is worth calling `end`.
        self.is_wanted = is_wanted
        self._laps: dict[PhaseName, float] = {}

    def end(self, name: PhaseName) -> None:
        """The time since the last phase belongs to this one."""
        if self.is_wanted:
            now = time.perf_counter()
            self._laps[name] = self._laps.get(name, 0.0) + now - self._last
            self._last = now

    def describe(self) -> dict[str, float]:
        """Seconds by phase."""
        return {name: max(SHORTEST, self._laps.get(name, 0.0)) for name in PHASES}
