"""Old names of tools: those that still work, and those that answer with the new name."""

from __future__ import annotations

from collections.abc import Mapping

# Callable, never listed: old name -> the tool.
ALIASES: Mapping[str, str] = {
    "arango_graph_traversal": "arango_traverse",
    "arango_add_vertex": "arango_insert",
    "arango_database_resolution_status": "arango_get_database_resolution",
    "arango_list_database_configs": "arango_list_available_databases",
}

# Gone: calling one is an error that names the new tool.
RENAMED: Mapping[str, str] = {
    "arango_switch_context": "arango_switch_workflow",
    "arango_get_active_context": "arango_get_active_workflow",
    "arango_list_contexts": "arango_list_workflows",
}
