"""Tenants and upstream servers of an application: opened only where they are configured."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.observability.audit import AuditLog
from mcp_arangodb_async.sessions import MemorySessionStore, SessionStore
from mcp_arangodb_async.tools.spec import Tool

if TYPE_CHECKING:
    from mcp_arangodb_async.gateway.questions import Seals
    from mcp_arangodb_async.tools.tenancy import Tenancy


def is_configured(settings: Settings) -> bool:
    """Whether there are tenants, or servers that everybody shares."""
    return settings.tenants.enabled or bool(settings.tenants.upstreams)


@asynccontextmanager
async def open_tenancy(
    settings: Settings, audit: AuditLog | None, sessions: SessionStore
) -> AsyncGenerator[Tenancy | None]:
    """The tenants and their gateway for as long as the block lasts; None where nothing is configured.

    With tenants switched off, their store and its libraries are left alone and everybody uses the global
    servers. What upstreams ask is sealed with a key of all processes that share the sessions.
    """
    if not is_configured(settings):
        yield None
        return
    # Here and not above: only who configured it pays for the libraries.
    from mcp_arangodb_async.gateway.door import open_gateway
    from mcp_arangodb_async.tools.tenancy import Tenancy

    async with AsyncExitStack() as stack:
        registry = api_keys = rates = local_key = None
        if settings.tenants.enabled:
            from mcp_arangodb_async.gateway.tenants.open import open_registry

            registry = await stack.enter_async_context(
                open_registry(settings, record=None if audit is None else audit.record)
            )
            from mcp_arangodb_async.gateway.api_keys import ApiKeys
            from mcp_arangodb_async.gateway.rates import open_rates

            api_keys = ApiKeys(registry)
            rates = open_rates(settings)
            stack.push_async_callback(rates.close)
            local_key = local_key_of(settings)
        gateway = await stack.enter_async_context(
            open_gateway(
                settings,
                registry=registry,
                rates=rates,
                read_only=settings.server.read_only,
                seals=seals_beside(sessions, use="upstream"),
            )
        )
        yield Tenancy(gateway, registry=registry, api_keys=api_keys, local_key=local_key)


def renew(tenancy: Tenancy | None, settings: Settings) -> bool:
    """Take on another configuration; did what clients are shown change?

    Where neither tenants nor upstream servers were configured at the start, they wait for a restart.
    """
    return tenancy is not None and tenancy.gateway.renew(settings)


def seals_beside(sessions: SessionStore, *, use: str) -> Seals:
    """Seals that every process opens which shares these sessions."""
    from mcp_arangodb_async.gateway.questions import Seals

    shared: Any = None if isinstance(sessions, MemorySessionStore) else sessions
    return Seals(shared, use=use)


def local_key_of(settings: Settings) -> str | None:
    """The API key of whoever uses the server over stdio; ConfigError when its variable is not set."""
    variable = settings.tenants.local_key_env
    if variable is None:
        return None
    key = settings.secret(variable).reveal()
    if not key:
        raise ConfigError(f"tenants.local_key_env: the variable {variable} is not set")
    return key


def tools_of(settings: Settings, fixed: Mapping[str, Tool]) -> Mapping[str, Tool]:
    """The tools of the application: the fixed ones, and those of tenants where there are any."""
    if not is_configured(settings):
        return fixed
    from mcp_arangodb_async.tools.tenant_catalog import SERVICE_TOOLS, TENANT_TOOLS

    more = (*SERVICE_TOOLS, *(TENANT_TOOLS if settings.tenants.enabled else ()))
    return {**fixed, **{tool.name: tool for tool in more}}
