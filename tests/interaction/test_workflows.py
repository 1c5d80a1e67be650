"""Workflows, stages and unloading: what they do to the list of tools."""

from __future__ import annotations

import asyncio
from typing import Any

import mcp_types as types
import pytest

from tests.interaction.conversation import Places, Talk, Way

pytestmark = pytest.mark.anyio

ALWAYS = {"arango_switch_workflow", "arango_search_tools", "arango_set_focused_database"}
HANDSHAKE = [Way(carrier=carrier, era="handshake") for carrier in ("memory", "stdio", "http")]


async def listed(client: Talk) -> set[str]:
    return {tool.name for tool in (await client.client.list_tools()).tools}


@pytest.mark.parametrize("handshake", HANDSHAKE, ids=str)
async def test_the_list_shrinks_for_handshake_clients_and_they_are_told(
    handshake: Way, places: Places
) -> None:
    told = asyncio.Event()

    async def hear(message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            told.set()

    async with places.open(handshake) as talk, talk(message_handler=hear) as client:
        everything = await listed(client)
        switched = await client.call("switch_workflow", context="bulk_operations")
        async with asyncio.timeout(5):
            await told.wait()
        now = await listed(client)
        assert now == set(switched["active_tools"]) | {name for name in everything if name in now}
        assert "arango_bulk_insert" in now
        assert "arango_traverse" not in now
        assert now >= ALWAYS
        assert (switched["from_context"], switched["to_context"]) == ("full", "bulk_operations")
        assert {entry["name"] for entry in switched["definitions"]} == set(switched["active_tools"])
        await client.call("advance_workflow_stage", stage="data_loading")
        assert "arango_insert" in await listed(client)
        assert "arango_query" not in await listed(client)
        unloaded = await client.call("unload_tools", tool_names=["arango_insert", "arango_nope"])
        assert (unloaded["unloaded"], unloaded["not_found"]) == (["arango_insert"], ["arango_nope"])
        assert "arango_insert" not in await listed(client)
        await client.call("switch_workflow", context="full")
        assert await listed(client) == everything


async def test_a_tool_outside_the_workflow_is_still_callable(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await client.call("switch_workflow", context="graph_modeling")
        error = await client.fail("insert")
        assert error["message"].startswith("collection: is required")


async def test_the_list_of_stateless_clients_never_changes(places: Places) -> None:
    for carrier in ("memory", "http"):
        way = Way(carrier=carrier, era="stateless")
        async with places.open(way) as talk, talk() as client:
            before = await listed(client)
            switched = await client.call("switch_workflow", context="baseline")
            assert "arango_query" in {entry["name"] for entry in switched["definitions"]}
            again = (await client.client.list_tools(cache_mode="bypass")).tools
            assert {tool.name for tool in again} == before
            assert (await client.call("get_active_workflow"))["active_context"] == "baseline"


async def test_an_operators_toolset_narrows_the_list_for_everybody(way: Way, places: Places) -> None:
    async with places.open(way, environ={"MCP_COMPAT_TOOLSET": "baseline"}) as talk, talk() as client:
        now = await listed(client)
        assert now >= ALWAYS | {"arango_query", "arango_insert"}
        assert "arango_traverse" not in now
        assert (await client.fail("traverse"))["field"] == "start_vertex"


async def test_an_endpoint_can_narrow_the_list(places: Places) -> None:
    for era in ("handshake", "stateless"):
        way = Way(carrier="http", era=era)
        async with places.open(way) as talk, talk("/mcp/x/bulk_operations") as client:
            assert "arango_bulk_insert" in await listed(client)
            assert "arango_traverse" not in await listed(client)


async def test_read_only_servers_list_nothing_that_writes(way: Way, places: Places) -> None:
    async with places.open(way, environ={"MCP_READ_ONLY": "true"}) as talk, talk() as client:
        now = await listed(client)
        assert "arango_insert" not in now
        assert "arango_query" in now
        error = await client.fail("insert", collection="c", document={})
        assert error["code"] == "read_only"
        assert "--read-only" in error["message"]


async def test_usage_is_counted_in_the_session(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await client.call("set_focused_database", database="red")
        await client.call("get_focused_database")
        await client.fail("get_focused_database", nope=1)
        usage = (await client.call("get_tool_usage_stats"))["tool_usage"]
        assert usage["arango_get_focused_database"]["use_count"] == 1
        assert usage["arango_get_focused_database"]["first_used"].endswith("+00:00")


async def test_tools_are_found_by_words(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        found = await client.call("search_tools", keywords=["bulk", "insert"], detail_level="full")
        assert found["matches"][0]["name"] == "arango_bulk_insert"
        assert found["matches"][0]["inputSchema"]["required"] == ["collection", "documents"]
        by_category = await client.call("list_tools_by_category", category="graph_basic")
        assert by_category["category"] == "graph"
        assert (await client.fail("list_tools_by_category", category="x"))["code"] == "not_found"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("switch_context", "arango_switch_workflow"),
        ("get_active_context", "arango_get_active_workflow"),
        ("list_contexts", "arango_list_workflows"),
    ],
)
async def test_a_renamed_tool_answers_with_its_new_name(old: str, new: str, places: Places) -> None:
    async with places.open(Way(carrier="memory", era="handshake")) as talk, talk() as client:
        error = await client.fail(old)
        assert error["message"] == f"arango_{old} is now called {new}"
        assert error["did_you_mean"] == [new]


async def test_an_unknown_tool_gets_the_closest_names(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        error = await client.fail("list_colections")
        assert (error["code"], error["did_you_mean"][0]) == ("not_found", "arango_list_collections")
        result = await client.client.call_tool("list_graphs", {})
        assert result.structured_content is not None
        assert result.structured_content["error"]["did_you_mean"] == ["arango_list_graphs"]
