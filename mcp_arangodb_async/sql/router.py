"""Environments by name: one statement to one, several or all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.sql.environment import Answer, Environment, QueryLimits

Status = Literal["ok", "error", "timeout", "refused", "skipped", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one environment made of a statement: an answer, or the error with its status.

    `refused`: policy or rights forbid it; `skipped`: it was not tried, as its breaker is open;
    `unknown`: no such environment.
    """

    status: Status
    ms: float
    answer: Answer | None = None
    error: MaaError | None = None


class Environments:
    """Every configured environment."""

    def __init__(self, settings: Mapping[str, EnvironmentSettings], *, default: str | None = None) -> None:
        self._settings = dict(settings)
        self.default = default

    @property
    def names(self) -> tuple[str, ...]:
        """The configured names, in the order of the configuration."""
        return tuple(self._settings)

    def get(self, name: str) -> Environment:
        """The environment of that name; raises UnknownDatabaseError listing the names."""
        raise NotImplementedError

    async def run_many(
        self,
        names: Sequence[str],
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limits: QueryLimits | None = None,
        confirm: bool = False,
    ) -> dict[str, Outcome]:
        """Run one statement everywhere at once; each environment has its own deadline and outcome."""
        raise NotImplementedError

    def start(self) -> None:
        """Open in the background what is configured as eager; never waits, never fails."""

    async def close(self) -> None:
        """Close every pool."""
