"""What is known of one environment without asking it: its state, how fast it answers, what went wrong lately.

Statements, trials and the pool tell it; the report, the metrics and `/ready` read it. Everything in here is
bounded. What an operator should hear of is logged once, as an alert.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.observability.logs import get_logger
from mcp_arangodb_async.sql.health import Condition, Sign, State, after, sign_of
from mcp_arangodb_async.sql.latencies import Recent

log = get_logger(__name__)

AlertKind = Literal["state", "pool_exhausted", "slow", "write_not_refused", "excess_privileges"]
KEPT_ALERTS = 20
# The same thing about the same environment is not said again within this.
QUIET_SECONDS = 60.0
# What asks for a person at once, and what is good news.
GRAVE: frozenset[State] = frozenset({"down", "degraded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something an operator should hear of."""

    at: datetime
    environment: str
    kind: AlertKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The last time the monitor asked: how long it took, or what was wrong."""

    at: datetime
    ms: float
    error: str | None = None


class Vitals:
    """The signs of life of one environment."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.condition = Condition()
        self.since = datetime.now(UTC)
        self.latencies = Recent(clock())
        # Statements so far, trials not counted.
        self.uses = 0
        self.errors: dict[str, int] = {}
        self.alerts: deque[Alert] = deque(maxlen=KEPT_ALERTS)
        self.alerted: dict[AlertKind, int] = {}
        self.trial: Trial | None = None
        self.trials = 0
        self._clock = clock
        self._settled = False
        self._said: dict[AlertKind, float] = {}

    @property
    def state(self) -> State:
        """The state in a word."""
        return self.condition.state

    @property
    def is_answering(self) -> bool:
        """Whether nothing is known against asking it."""
        return self.condition.state != "down"

    @property
    def is_well(self) -> bool:
        """Whether the last sign of it was an answer."""
        return self.condition.answers > 0

    def about(self, error: MaaError) -> str:
        """What an error says, without the environment's name, which stands beside it."""
        return error.message.removeprefix(f"environment {self.name!r}: ")

    def answered(self, seconds: float) -> None:
        """A statement was answered."""
        self.uses += 1
        self.latencies.current.add(seconds)
        if not self._settled:
            self.observe("answered")

    def failed(self, error: MaaError) -> None:
        """A statement was not answered; whose fault it was is in the error."""
        self.uses += 1
        self.errors[error.code] = self.errors.get(error.code, 0) + 1
        sign = sign_of(error)
        if sign is not None:
            self.observe(sign, self.about(error))

    def tried(self, seconds: float, *, slow: float, error: MaaError | None = None) -> None:
        """The monitor asked for a sign of life."""
        self.trials += 1
        self.trial = Trial(
            at=datetime.now(UTC),
            ms=round(seconds * 1000, 3),
            error=self.about(error) if error is not None else None,
        )
        if error is not None:
            self.observe("failed", self.about(error))
            return
        if seconds > slow:
            self.alert("slow", f"a sign of life took {seconds:.3g} s, more than {slow:g} s")
        self.observe("late" if seconds > slow else "prompt")

    def heard(self, event: Literal["opened", "down", "exhausted"], text: str = "") -> None:
        """What the pool tells."""
        match event:
            case "opened":
                self.observe("answered")
            case "down":
                self.observe("unreachable", text)
            case "exhausted":
                self.alert("pool_exhausted", text)

    def observe(self, sign: Sign, why: str = "") -> None:
        """Take a sign into account."""
        before = self.condition
        self.condition = now = after(before, sign)
        self._settled = now.is_settled
        if now.state == before.state:
            return
        self.since = datetime.now(UTC)
        if before.state == "unknown" and now.state == "healthy":
            log.info("environment.state", environment=self.name, before=before.state, state=now.state)
            return
        told = f"{before.state} -> {now.state}" + (f": {why}" if why and now.state in GRAVE else "")
        self._keep("state", told)
        tell = log.warning if now.state in GRAVE else log.info
        tell(
            "environment.state", environment=self.name, before=before.state, state=now.state, why=why or None
        )

    def alert(self, kind: AlertKind, text: str) -> None:
        """Tell the operator, unless the same was said a moment ago; it is counted in any case."""
        now = self._clock()
        last = self._said.get(kind)
        if last is not None and now - last < QUIET_SECONDS:
            self.alerted[kind] = self.alerted.get(kind, 0) + 1
            return
        self._said[kind] = now
        self._keep(kind, text)
        log.warning(f"environment.{kind}", environment=self.name, why=text)

    def _keep(self, kind: AlertKind, text: str) -> None:
        self.alerted[kind] = self.alerted.get(kind, 0) + 1
        self.alerts.append(Alert(at=datetime.now(UTC), environment=self.name, kind=kind, text=text[:500]))
