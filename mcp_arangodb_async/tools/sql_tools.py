"""SQL_TOOLS: the tools of SQL environments, in the order clients see them behind the others.

Imported only where environments are configured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcp_arangodb_async.tools import (
    sql,
    sql_catalogue,
    sql_compare,
    sql_compare_rows,
    sql_health,
    sql_join,
    sql_monitoring,
    sql_stream,
)
from mcp_arangodb_async.tools.spec import Tool, fields_of

SQL_TOOLS: tuple[Tool, ...] = (
    sql.execute_query,
    sql.execute_query_env,
    sql.execute_query_multi_env,
    sql_stream.execute_streaming_query_env,
    sql_stream.execute_streaming_query_multi_env,
    sql_join.join_environments,
    sql.explain_query_env,
    sql_catalogue.list_environments,
    sql_catalogue.list_databases,
    sql_catalogue.list_databases_env,
    sql_catalogue.list_databases_all_env,
    sql_catalogue.list_tables,
    sql_catalogue.list_tables_env,
    sql_catalogue.describe_table,
    sql_catalogue.describe_table_env,
    sql_catalogue.list_columns,
    sql_compare.compare_schema,
    sql_compare_rows.compare_data,
    sql_health.health_check_env,
    sql_health.test_connection,
    sql_health.test_connection_env,
    sql_monitoring.get_monitoring_report,
    sql_monitoring.get_performance_metrics,
)
# Arguments that take names of environments.
NAMING = ("environment", "environments", "baseline")


def sql_tools(names: Sequence[str]) -> Mapping[str, Tool]:
    """The tools by name, their schemas listing these environments."""
    return {tool.name: replace(tool, choices=choices_of(tool, names)) for tool in SQL_TOOLS}


def choices_of(tool: Tool, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The arguments of a tool that take names of environments, with the names."""
    arguments = fields_of(tool.args)
    return {argument: names for argument in NAMING if argument in arguments}
