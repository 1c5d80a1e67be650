"""SessionState: one client's choices, and what may be changed in them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import orjson

# A client cannot make the record grow without end: it may call unknown tools by any name.
MAXIMUM_TOOLS = 512


@dataclass(slots=True, kw_only=True)
class ToolUsage:
    """How often a tool was called in this session, and when (seconds since the epoch)."""

    calls: int = 0
    errors: int = 0
    first: float = 0.0
    last: float = 0.0


@dataclass(slots=True, kw_only=True)
class SessionState:
    """What one client chose; changed only inside a turn of its store.

    `focused_database` is a configured key, or None; `focused_environment` a configured SQL environment, or
    None. `workflow` and `stage` are names that `workflows` knows, None until one is chosen. `unloaded` are
    the tools the client asked not to see.
    """

    id: str
    created: float
    last_used: float
    focused_database: str | None = None
    focused_environment: str | None = None
    workflow: str | None = None
    stage: str | None = None
    unloaded: frozenset[str] = frozenset()
    usage: dict[str, ToolUsage] = field(default_factory=dict[str, ToolUsage])

    def record(self, tool: str, *, now: float, failed: bool = False) -> None:
        """Count one call of a tool; tools beyond a fixed number of names are not counted."""
        usage = self.usage.get(tool)
        if usage is None:
            if len(self.usage) >= MAXIMUM_TOOLS:
                return
            usage = self.usage[tool] = ToolUsage(first=now)
        usage.calls += 1
        usage.errors += failed
        usage.last = now


def encode_state(state: SessionState) -> bytes:
    """The record as JSON, for a store outside the process."""
    return orjson.dumps({**asdict(state), "unloaded": sorted(state.unloaded)})


def decode_state(text: bytes) -> SessionState:
    """The record that `encode_state` wrote."""
    fields = orjson.loads(text)
    fields["unloaded"] = frozenset(fields["unloaded"])
    fields["usage"] = {tool: ToolUsage(**usage) for tool, usage in fields["usage"].items()}
    return SessionState(**fields)
