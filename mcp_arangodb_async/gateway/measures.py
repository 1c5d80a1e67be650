"""What the gateway has counted: by server type, layer and outcome; by tenant only for the first few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mcp_arangodb_async.observability.measures import OTHER, Figure

# Tenants that figures tell apart; all others count as one, so that ten thousand make no ten thousand series.
MAXIMUM_TENANTS = 50
# Seconds a client took to become usable, without the upstream's own handshake.
BOUNDS = (0.0001, 0.001, 0.01, 0.1, 1.0)


@dataclass(slots=True)
class GatewayMeasures:
    """Counters of one application's gateway."""

    calls: dict[tuple[str, str, str], int] = field(default_factory=dict[tuple[str, str, str], int])
    tenants: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    opened: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    init: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    quarantined: int = 0
    _known: set[str] = field(default_factory=set[str])

    def call(self, kind: str, layer: str, outcome: str, tenant: str | None) -> None:
        """Count a call of an upstream's tool; `outcome` is ok, tool_error or an error's code."""
        of = (kind, layer, outcome)
        self.calls[of] = self.calls.get(of, 0) + 1
        if tenant is not None:
            label = (self.tenant_label(tenant), "ok" if outcome == "ok" else "error")
            self.tenants[label] = self.tenants.get(label, 0) + 1

    def open(self, kind: str, outcome: str, seconds: float) -> None:
        """Count a client that was built, and how long building took before anything was sent."""
        of = (kind, outcome)
        self.opened[of] = self.opened.get(of, 0) + 1
        counts = self.init.setdefault(kind, [0] * (len(BOUNDS) + 1))
        counts[next((i for i, bound in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))] += 1

    def tenant_label(self, tenant: str) -> str:
        """The tenant's id for the first few tenants, one word for all others."""
        if tenant not in self._known:
            if len(self._known) >= MAXIMUM_TENANTS:
                return OTHER
            self._known.add(tenant)
        return tenant

    def figures(self, states: Mapping[tuple[str, str], int], clients: Mapping[str, int]) -> Iterator[Figure]:
        """The counters as figures; `states` counts breakers by server type and state."""
        yield Figure(
            name="mcp_upstream_calls",
            kind="counter",
            help="Calls of upstream tools by server type, layer (tenant or global) and outcome.",
            samples=[
                ({"type": kind, "layer": layer, "outcome": outcome}, count)
                for (kind, layer, outcome), count in self.calls.items()
            ],
        )
        yield Figure(
            name="mcp_upstream_tenant_calls",
            kind="counter",
            help=f"Calls of upstream tools by tenant (the first {MAXIMUM_TENANTS}, then {OTHER}).",
            samples=[
                ({"tenant": tenant, "outcome": outcome}, count)
                for (tenant, outcome), count in self.tenants.items()
            ],
        )
        yield Figure(
            name="mcp_upstream_connections",
            kind="counter",
            help="Clients of upstream servers that were built, by server type and outcome.",
            samples=[
                ({"type": kind, "outcome": outcome}, count) for (kind, outcome), count in self.opened.items()
            ],
        )
        yield Figure(
            name="mcp_upstream_init",
            kind="counter",
            help="Clients built within so many seconds, the upstream's own handshake not counted.",
            samples=[
                ({"type": kind, "le": str(bound)}, sum(counts[: number + 1]))
                for kind, counts in self.init.items()
                for number, bound in enumerate((*BOUNDS, "+Inf"))
            ],
        )
        yield Figure(
            name="mcp_upstream_breakers",
            kind="gauge",
            help="Breakers of upstream servers by server type and state.",
            samples=[({"type": kind, "state": state}, count) for (kind, state), count in states.items()],
        )
        yield Figure(
            name="mcp_upstream_clients",
            kind="gauge",
            help="Live clients of upstream servers: kept, in use, hits and evictions so far.",
            samples=[({"of": name}, count) for name, count in clients.items()],
        )
