"""ALL_TOOLS: the one list of tools, in the order clients see it."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_arangodb_async.tools import collections, databases, discovery, documents, graphs, query, workflows
from mcp_arangodb_async.tools.spec import Tool

ALL_TOOLS: tuple[Tool, ...] = (
    query.arango_query,
    documents.arango_insert,
    documents.arango_update,
    documents.arango_remove,
    collections.arango_list_collections,
    collections.arango_create_collection,
    documents.arango_bulk_insert,
    graphs.arango_traverse,
    graphs.arango_list_graphs,
    workflows.arango_switch_workflow,
    workflows.arango_get_active_workflow,
    workflows.arango_list_workflows,
    workflows.arango_advance_workflow_stage,
    workflows.arango_get_tool_usage_stats,
    workflows.arango_unload_tools,
    discovery.arango_search_tools,
    discovery.arango_list_tools_by_category,
    databases.arango_set_focused_database,
    databases.arango_get_focused_database,
    databases.arango_list_available_databases,
    databases.arango_get_database_resolution,
    databases.arango_test_database_connection,
    databases.arango_get_multi_database_status,
)

TOOLS_BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in ALL_TOOLS}
