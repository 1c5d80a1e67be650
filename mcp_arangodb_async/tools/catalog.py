"""ALL_TOOLS: the one list of tools, in the order clients see it."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_arangodb_async.tools import (
    across,
    backup,
    collections,
    databases,
    discovery,
    documents,
    graph_analysis,
    graph_definitions,
    graphs,
    indexes,
    query,
    query_help,
    running,
    schemas,
    search,
    validation,
    workflows,
)
from mcp_arangodb_async.tools.spec import Tool

ALL_TOOLS: tuple[Tool, ...] = (
    # Core data
    query.arango_query,
    documents.arango_insert,
    documents.arango_update,
    documents.arango_remove,
    collections.arango_list_collections,
    collections.arango_create_collection,
    backup.arango_backup,
    backup.arango_restore,
    databases.arango_database_status,
    # Indexing
    indexes.arango_list_indexes,
    indexes.arango_create_index,
    indexes.arango_delete_index,
    # Validation and bulk
    validation.arango_validate_references,
    validation.arango_insert_with_validation,
    documents.arango_bulk_insert,
    validation.arango_bulk_update,
    # Graph
    graph_definitions.arango_create_graph,
    graph_definitions.arango_add_edge,
    graphs.arango_traverse,
    graph_analysis.arango_shortest_path,
    graphs.arango_list_graphs,
    graph_definitions.arango_add_vertex_collection,
    graph_definitions.arango_add_edge_definition,
    backup.arango_backup_graph,
    backup.arango_restore_graph,
    backup.arango_backup_named_graphs,
    graph_analysis.arango_validate_graph_integrity,
    graph_analysis.arango_graph_statistics,
    graph_definitions.arango_remove_graph,
    # Schema and query
    schemas.arango_create_schema,
    schemas.arango_validate_document,
    query_help.arango_query_builder,
    query_help.arango_query_profile,
    query_help.arango_explain_query,
    schemas.arango_list_schemas,
    # Design patterns
    workflows.arango_switch_workflow,
    workflows.arango_get_active_workflow,
    workflows.arango_list_workflows,
    workflows.arango_advance_workflow_stage,
    workflows.arango_get_tool_usage_stats,
    workflows.arango_unload_tools,
    discovery.arango_search_tools,
    discovery.arango_list_tools_by_category,
    # Multi-tenancy
    databases.arango_set_focused_database,
    databases.arango_get_focused_database,
    databases.arango_list_available_databases,
    databases.arango_get_database_resolution,
    databases.arango_test_database_connection,
    databases.arango_get_multi_database_status,
    # Across databases
    across.arango_compare_databases,
    across.arango_copy_collection,
    across.arango_query_many,
    # More of one database
    collections.arango_describe_database,
    documents.arango_get_document,
    documents.arango_replace,
    collections.arango_drop_collection,
    search.arango_list_views,
    search.arango_search,
    running.arango_kill_query,
)

TOOLS_BY_NAME: Mapping[str, Tool] = {tool.name: tool for tool in ALL_TOOLS}
