"""Tenants as tools see them: who asks, the gateway to their servers, and what each role is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.errors import DeniedError
from mcp_arangodb_async.gateway.door import Gateway
from mcp_arangodb_async.gateway.resolve import server_names
from mcp_arangodb_async.gateway.roles import TABLE, Action, Identity, identity_from_claims
from mcp_arangodb_async.gateway.services import AiService, MinioService, PostgresService
from mcp_arangodb_async.gateway.view import SEPARATOR
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.relay import relayed
from mcp_arangodb_async.tools.spec import Args, Tool

if TYPE_CHECKING:
    from mcp_arangodb_async.gateway.api_keys import ApiKeys
    from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
    from mcp_arangodb_async.observability import Figure
    from mcp_arangodb_async.sessions import Principal

# What a caller's role must allow for a tool to be listed to it.
LISTED_FOR: Mapping[str, Action] = {
    "rag_register_tenant_mcp_config": "config.write",
    "rag_update_tenant_mcp_config": "config.write",
    "rag_get_tenant_mcp_config": "config.read",
    "rag_list_tenant_mcp_config": "tenants.list",
    "rag_delete_tenant_mcp_config": "config.delete",
    "rag_validate_tenant_mcp_config": "config.validate",
    "rag_test_tenant_mcp_config": "config.test",
    "rag_explain_tenant_mcp_config": "config.explain",
    "rag_rollback_tenant_mcp_config": "config.rollback",
}
# The server that a tool of ours works on; it is listed to tenants that reach such a server.
SERVER_OF: Mapping[str, str] = {
    "postgres_query": "postgres",
    "postgres_list_tables": "postgres",
    "postgres_describe_table": "postgres",
    "minio_list_buckets": "minio",
    "minio_create_bucket": "minio",
    "minio_list_objects": "minio",
    "minio_put_object": "minio",
    "minio_get_object": "minio",
    "minio_delete_object": "minio",
    "embeddings_generate": "ai_mcp_server",
    "ai_chat": "ai_mcp_server",
    "ai_list_models": "ai_mcp_server",
}


# The issuer of principals that API keys stand for: no token's, so the two never share a session.
API_KEYS = "api-keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamListing:
    """What a client sees besides the fixed tools; `hidden` are fixed tools that it does not see."""

    tools: Sequence[Mapping[str, Any]]
    notes: Sequence[Mapping[str, Any]]
    hidden: frozenset[str]


class Tenancy:
    """Tenants and upstream servers of one application."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        registry: TenantRegistry | None,
        api_keys: ApiKeys | None = None,
        local_key: str | None = None,
    ) -> None:
        self.gateway = gateway
        self.postgres = PostgresService(gateway)
        self.minio = MinioService(gateway)
        self.ai = AiService(gateway)
        self._registry = registry
        self._api_keys = api_keys
        self._local_key = local_key

    @property
    def registry(self) -> TenantRegistry:
        """The tenants; DeniedError while they are switched off."""
        if self._registry is None:
            raise DeniedError(
                "tenants are switched off on this server: everybody uses the global servers",
                hint="the operator can set tenants.enabled",
            )
        return self._registry

    def relayed(self, name: str, arguments: Mapping[str, Any]) -> tuple[Tool, Args] | None:
        """A call of a namespaced tool as one that can be dispatched; None for every other name."""
        return relayed(name, arguments) if SEPARATOR in name else None

    def figures(self) -> Iterator[Figure]:
        """What the gateway has counted."""
        return self.gateway.figures()

    async def principal_of_key(self, key: str) -> Principal:
        """Who presents this API key over HTTP; DeniedError when it is not valid.

        A key is for the tenant's own servers: it opens none of this server's databases.
        """
        from mcp_arangodb_async.sessions import Principal

        if self._api_keys is None:
            raise DeniedError("API keys belong to tenants, which are switched off")
        identity = await self._api_keys.identity(key)
        settings = self.gateway.settings
        claims = {settings.claim_user: identity.principal, settings.claim_role: identity.role}
        if identity.tenant is not None:
            claims[settings.claim_tenant] = identity.tenant
        return Principal(subject=identity.principal, issuer=API_KEYS, claims=claims, access=None)

    async def identity(self, who: Principal | None) -> Identity | None:
        """Who asks: a verified token's claims, or on stdio the operator's own API key; None for nobody."""
        settings = self.gateway.settings
        if not settings.enabled:
            return None
        if who is not None:
            found = identity_from_claims(who.claims, settings, subject=who.subject)
            return found if who.issuer != API_KEYS else replace(found, way="api_key")
        if self._local_key and self._api_keys is not None:
            return await self._api_keys.identity(self._local_key)
        return None

    async def listing(self, who: Principal | None, downstream: str) -> UpstreamListing:
        """What this caller sees of tenants and their servers; nothing, with a note, where it may not."""
        try:
            identity = await self.identity(who)
            scope = await self.gateway.scope(identity)
        except DeniedError as error:
            shown: set[str] = set()
            identity_known = None
            try:
                identity_known = await self.identity(who)
            except DeniedError:
                pass
            if identity_known is not None:
                shown = managed_by(identity_known)
            notes = [{"state": error.code, "message": error.message}]
            return UpstreamListing(tools=(), notes=notes, hidden=frozenset({*LISTED_FOR, *SERVER_OF} - shown))
        listed = await self.gateway.list_tools(identity, downstream)
        names = set(server_names(scope.tenant, self.gateway.settings))
        hidden = {tool for tool, server in SERVER_OF.items() if server not in names}
        hidden |= set(LISTED_FOR) - (managed_by(identity) if identity is not None else set[str]())
        return UpstreamListing(tools=listed.tools, notes=listed.notes, hidden=frozenset(hidden))


def managed_by(identity: Identity) -> set[str]:
    """The tools for managing tenants that this role may use at all."""
    actions = TABLE.get(identity.role, {})
    return {tool for tool, action in LISTED_FOR.items() if action in actions}


def tenancy_of(call: Call) -> Tenancy:
    """The tenants of the application; DeniedError where there is nothing of the kind."""
    tenancy = call.around.tenancy
    if tenancy is None:
        raise DeniedError("this server has neither tenants nor upstream servers")
    return tenancy
