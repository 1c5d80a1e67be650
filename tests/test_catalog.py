"""What is true of every tool; `make goldens` rewrites the snapshots under tests/snapshots/tools."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.server.instructions import INSTRUCTIONS
from mcp_arangodb_async.server.listing import wire_tool
from mcp_arangodb_async.tools.aliases import ALIASES, RENAMED
from mcp_arangodb_async.tools.catalog import ALL_TOOLS, TOOLS_BY_NAME
from mcp_arangodb_async.tools.discovery import shown
from mcp_arangodb_async.tools.spec import Effect, Tool, fields_of, is_hidden
from mcp_arangodb_async.workflows.definitions import STAGES, WORKFLOWS

SNAPSHOTS = Path(__file__).parent / "snapshots" / "tools"
# Characters / 4 of the tools the budget was made for; over HTTP each has the session handle as well.
MOST_TOKENS = 6500
BUDGETED_NAMES = """
query insert update remove list_collections create_collection backup restore database_status
list_indexes create_index delete_index
validate_references insert_with_validation bulk_insert bulk_update
create_graph add_edge traverse shortest_path list_graphs add_vertex_collection add_edge_definition
backup_graph
restore_graph backup_named_graphs validate_graph_integrity graph_statistics remove_graph
create_schema validate_document query_builder query_profile explain_query list_schemas
switch_workflow get_active_workflow list_workflows advance_workflow_stage get_tool_usage_stats unload_tools
search_tools list_tools_by_category
set_focused_database get_focused_database list_available_databases get_database_resolution
test_database_connection get_multi_database_status
"""
BUDGETED = BUDGETED_NAMES.split()

every_tool = pytest.mark.parametrize("tool", ALL_TOOLS, ids=lambda tool: tool.name)


@every_tool
def test_a_tool_is_what_its_snapshot_says(tool: Tool, update: bool) -> None:
    path = SNAPSHOTS / f"{tool.name}.json"
    found = json.dumps(wire_tool(tool, session=True), indent=2, ensure_ascii=False) + "\n"
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert path.exists(), "no snapshot; `make goldens` writes it"
    assert path.read_text(encoding="utf-8") == found


def test_every_snapshot_has_a_tool() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*")} == set(TOOLS_BY_NAME)


@every_tool
def test_a_tool_is_described_for_the_model(tool: Tool) -> None:
    assert re.fullmatch(r"arango_[a-z_]+", tool.name)
    assert tool.title
    assert tool.description.endswith((".", "?", "!"))
    assert "\n" not in tool.title


@every_tool
def test_a_schema_is_precise(tool: Tool) -> None:
    wire = wire_tool(tool, session=True)
    schema: dict[str, Any] = wire["inputSchema"]
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    for name, shape in properties.items():
        assert shape.get("description"), f"{name} is not described"
        assert "type" in shape or "enum" in shape, f"{name} has no type"
        assert shape.get("type") != "array" or "items" in shape, f"{name}: some clients refuse such arrays"
    assert set(schema.get("required", ())) <= set(properties)
    assert set(wire["annotations"]) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    assert ("outputSchema" in wire) is not tool.returns_rows


@every_tool
def test_hidden_arguments_are_taken_and_never_shown(tool: Tool) -> None:
    hidden = {name for name, field in fields_of(tool.args).items() if is_hidden(field)} | set(tool.args.also)
    listed = wire_tool(tool, session=True)["inputSchema"].get("properties", {})
    found = shown(tool, "full")["inputSchema"].get("properties", {})
    assert not hidden & (set(listed) | set(found))
    assert set(listed) - {"session"} == set(found)


def test_what_destroys_shows_first_what_it_would_do() -> None:
    destroying = [tool for tool in ALL_TOOLS if tool.effect is Effect.DESTROY]
    assert len(destroying) >= 3
    assert all("dry_run" in tool.args.model_fields for tool in destroying)


@every_tool
def test_old_spellings_lead_to_arguments_that_exist(tool: Tool) -> None:
    names = {field.alias or name for name, field in tool.args.model_fields.items()}
    assert set(tool.args.also.values()) <= names
    assert not set(tool.args.also) & names


def test_names_are_unique_and_aliases_lead_to_tools() -> None:
    assert len(TOOLS_BY_NAME) == len(ALL_TOOLS)
    assert set(ALIASES.values()) <= set(TOOLS_BY_NAME)
    assert set(RENAMED.values()) <= set(TOOLS_BY_NAME)
    assert not (set(ALIASES) | set(RENAMED)) & set(TOOLS_BY_NAME)


def test_workflows_and_stages_name_tools_that_exist() -> None:
    for workflow in WORKFLOWS.values():
        assert set(workflow.tools or ()) <= set(TOOLS_BY_NAME), workflow.name
    for stage in STAGES.values():
        assert set(stage.tools) <= set(TOOLS_BY_NAME), stage.name


@pytest.mark.parametrize("session", [False, True], ids=["stdio", "http"])
def test_the_whole_list_fits_the_budget(session: bool) -> None:
    assert len(BUDGETED) == 49
    tools = [wire_tool(TOOLS_BY_NAME[f"arango_{name}"], session=session) for name in BUDGETED]
    assert len(json.dumps(tools, separators=(",", ":"))) / 4 <= MOST_TOKENS


def test_the_instructions_fit_two_kilobytes() -> None:
    assert len(INSTRUCTIONS.encode()) <= 2048
