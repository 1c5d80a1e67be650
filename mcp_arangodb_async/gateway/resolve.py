"""Whose server a call reaches: the tenant's own, the global one, or none; decided without I/O.

    tenancy off, tenant's flag off, tenant or server not registered, mode inherit   -> global
    mode tenant                                                                      -> the tenant's own
    mode disabled, or nothing configured                                             -> none

A tenant's own server that is down is an error: its data never goes to the global one, unless its section says
`fallback: global`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, cast

from mcp_arangodb_async.config.tenancy import GlobalUpstream, TenancySettings
from mcp_arangodb_async.errors import DeniedError, NotFoundError
from mcp_arangodb_async.gateway.tenants.model import Server, ServerSection, Tenant

Layer = Literal["tenant", "global"]
Why = Literal[
    "tenancy_off", "tenant_off", "not_registered", "server_not_registered", "mode_tenant", "mode_inherit",
    "mode_disabled", "not_configured",
]  # fmt: skip

WORDS: Mapping[Why, str] = {
    "tenancy_off": "tenants are switched off: everybody uses the global servers",
    "tenant_off": "the tenant's own servers are switched off: it uses the global ones",
    "not_registered": "the tenant has registered nothing: it uses the global servers",
    "server_not_registered": "the tenant has not registered this server: it uses the global one",
    "mode_tenant": "the tenant uses its own server",
    "mode_inherit": "the tenant's section says mode: inherit",
    "mode_disabled": "the tenant's section says mode: disabled",
    "not_configured": "there is no such server, neither the tenant's nor a global one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The server that a call reaches; `layer` None means none.

    `own` and `shared` are the two that there are; `fallback` says that the global one stands in while the
    tenant's own cannot be reached.
    """

    name: str
    layer: Layer | None
    why: Why
    own: Server | None = None
    shared: GlobalUpstream | None = None
    fallback: bool = False


def resolve(name: str, tenant: Tenant | None, settings: TenancySettings) -> Resolution:
    """Which server of this name the tenant's calls reach."""
    shared = settings.upstreams.get(name)
    own = tenant.servers.get(name) if tenant is not None else None
    why: Why
    if not settings.enabled:
        why = "tenancy_off"
    elif tenant is None:
        why = "not_registered"
    elif not tenant.enabled:
        why = "tenant_off"
    elif own is None:
        why = "server_not_registered"
    else:
        section = own.section
        match section.mode:
            case "disabled":
                return Resolution(name=name, layer=None, why="mode_disabled", own=own, shared=shared)
            case "tenant":
                return Resolution(
                    name=name,
                    layer="tenant",
                    why="mode_tenant",
                    own=own,
                    shared=shared,
                    fallback=section.fallback == "global" and shared is not None,
                )
            case "inherit":
                why = "mode_inherit"
    if shared is None:
        return Resolution(name=name, layer=None, why="not_configured", own=own)
    return Resolution(name=name, layer="global", why=why, own=own, shared=shared)


def server_names(tenant: Tenant | None, settings: TenancySettings) -> list[str]:
    """The names of all servers that the tenant's calls may reach, in order."""
    names = set(settings.upstreams)
    if tenant is not None and settings.enabled and tenant.enabled:
        names |= set(tenant.servers)
    return sorted(name for name in names if resolve(name, tenant, settings).layer is not None)


def refused(resolution: Resolution, names: list[str]) -> NotFoundError | DeniedError:
    """The error for a server that resolves to none."""
    if resolution.why == "mode_disabled":
        return DeniedError(
            f"server {resolution.name!r} is switched off for this tenant (mode: disabled)",
            hint="a tenant admin can set its mode to tenant or inherit",
        )
    shown = ", ".join(names) or "none"
    return NotFoundError(
        f"there is no server {resolution.name[:40]!r} for this tenant; there are: {shown}",
        hint="rag_register_tenant_mcp_config adds one",
    )


def explained(resolution: Resolution, settings: TenancySettings) -> dict[str, Any]:
    """Which layer decides, and which supplied each value; never a secret, only whether one is set."""
    document: dict[str, Any] = {
        "server": resolution.name,
        "decided_by": resolution.layer or "nobody",
        "because": WORDS[resolution.why],
        "layers": [
            {"layer": "feature flag", "says": "on" if settings.enabled else "off"},
            {
                "layer": "tenant",
                "says": resolution.own.section.mode if resolution.own else "nothing",
            },
            {"layer": "global", "says": "configured" if resolution.shared else "nothing"},
        ],
    }
    if resolution.layer == "tenant" and resolution.own is not None:
        own = resolution.own
        document["while_down"] = "global" if resolution.fallback else "error"
        document["values"] = _values(own.section, "tenant")
        document["secrets"] = {name: secret.shown for name, secret in sorted(own.secrets.items())}
        document["version"] = own.version
        document["credential_version"] = own.credential_version
    elif resolution.layer == "global" and resolution.shared is not None:
        document["values"] = {
            name: fact
            for name, fact in _values(resolution.shared, "global").items()
            # How the operator reaches a server is not the tenants' to know.
            if name in {"transport", "tools", "allow_tools", "tenant_argument", "timeout", "concurrency"}
        }
    return document


def _values(record: ServerSection | GlobalUpstream, layer: Layer) -> dict[str, dict[str, Any]]:
    """Every option with its value and the layer that supplied it: this one, or the default."""
    values: dict[str, dict[str, Any]] = {}
    for option in fields(record):
        value: Any = getattr(record, option.name)
        default: Any = option.default if option.default_factory is MISSING else option.default_factory()
        if isinstance(value, Mapping):
            shown: Any = dict(cast("Mapping[str, Any]", value))
        elif isinstance(value, tuple):
            shown = list(cast("tuple[Any, ...]", value))
        else:
            shown = value
        if shown not in (None, {}, []):
            values[option.name] = {"value": shown, "from": "default" if value == default else layer}
    return values
