"""The tools that are there only where tenants or upstream servers are configured, in their order."""

from __future__ import annotations

from mcp_arangodb_async.tools import tenants, upstreams
from mcp_arangodb_async.tools.spec import Tool

# Done by the caller's upstream servers.
SERVICE_TOOLS: tuple[Tool, ...] = (
    upstreams.postgres_query,
    upstreams.postgres_list_tables,
    upstreams.postgres_describe_table,
    upstreams.minio_list_buckets,
    upstreams.minio_create_bucket,
    upstreams.minio_list_objects,
    upstreams.minio_put_object,
    upstreams.minio_get_object,
    upstreams.minio_delete_object,
    upstreams.embeddings_generate,
    upstreams.ai_chat,
    upstreams.ai_list_models,
)

# Managing what a tenant brings; listed by role.
TENANT_TOOLS: tuple[Tool, ...] = (
    tenants.rag_register_tenant_mcp_config,
    tenants.rag_update_tenant_mcp_config,
    tenants.rag_get_tenant_mcp_config,
    tenants.rag_list_tenant_mcp_config,
    tenants.rag_delete_tenant_mcp_config,
    tenants.rag_validate_tenant_mcp_config,
    tenants.rag_test_tenant_mcp_config,
    tenants.rag_explain_tenant_mcp_config,
    tenants.rag_rollback_tenant_mcp_config,
)
