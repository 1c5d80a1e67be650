"""What a change makes of a tenant's servers, and how it is refused; nothing here reads or stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp_arangodb_async.errors import ConflictError, NotFoundError
from mcp_arangodb_async.gateway.tenants.codec import server_json
from mcp_arangodb_async.gateway.tenants.model import Server, Tenant
from mcp_arangodb_async.gateway.tenants.store import ConfigRow


def row_of(tenant: Tenant, before: ConfigRow | None) -> ConfigRow:
    """The row of a tenant, not marked yet; servers that did not change keep the JSON they had."""
    stored: dict[str, Any] = {}
    for name, server in tenant.servers.items():
        old = before.servers.get(name) if before else None
        fresh = server_json(server)
        stored[name] = old if old == fresh else fresh
    return ConfigRow(
        tenant=tenant.id,
        incarnation=tenant.incarnation,
        version=tenant.version,
        enabled=tenant.enabled,
        servers=stored,
        key_version=0,
        mark="",
        created_at=tenant.created_at,
        updated_at=tenant.updated_at,
        updated_by=tenant.updated_by,
    )


def restored(earlier: Mapping[str, Server], before: Tenant | None, version: int) -> dict[str, Server]:
    """The servers of an earlier version; those that are the same today keep today's versions."""
    servers: dict[str, Server] = {}
    for name, server in earlier.items():
        now = before.servers.get(name) if before else None
        if now is not None and now.section == server.section and now.secrets == server.secrets:
            servers[name] = now
            continue
        same = now is not None and now.secrets == server.secrets
        servers[name] = replace(
            server,
            version=version,
            credential_version=now.credential_version if now is not None and same else version,
        )
    return servers


def expect(version: int, expected: int | None, tenant: str) -> None:
    """Return if this is the version that was expected, or none was; ConflictError names both."""
    if expected is not None and expected != version:
        is_now = f"is at version {version}" if version else "is not registered (version 0)"
        raise ConflictError(
            f"tenant {tenant!r} {is_now}, and version {expected} was expected",
            hint="read it again, and repeat the change on what it is now",
        )


def no_tenant(tenant: str) -> NotFoundError:
    """The error for a tenant that nobody registered."""
    return NotFoundError(f"tenant {tenant!r} has no configuration", hint="register makes one")


def no_server(server: str, tenant: Tenant) -> NotFoundError:
    """The error for a server that the tenant has not; it names those it has."""
    return NotFoundError(
        f"tenant {tenant.id!r} has no server {server[:40]!r}; it has {', '.join(tenant.servers) or 'none'}",
        hint="register adds one",
    )


def spans(versions: Sequence[int]) -> str:
    """The versions that are kept, in words."""
    return f"{min(versions)} to {max(versions)}" if versions else "none"
