"""What layers work with: the settings of an application, and the places they tell of calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.observability import Measures
from mcp_arangodb_async.observability.audit import AuditLog
from mcp_arangodb_async.server.deadlines import Deadlines


def unchanged(text: str) -> str:
    """For applications that were given no secrets."""
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One application's observers; `redact` takes secrets out of what clients are told of errors."""

    settings: Settings
    measures: Measures = field(default_factory=Measures)
    deadlines: Deadlines = field(default_factory=Deadlines)
    audit: AuditLog | None = None
    redact: Callable[[str], str] = unchanged
