"""The five scenarios of the main job, end to end, on every transport in both protocol eras."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.interaction.conversation import Places, Talk, Way

pytestmark = pytest.mark.anyio

SIX_LEVELS = """
databases:
  first: {url: "embedded::memory:", database: first_data}
  second: {url: "embedded::memory:", database: second_data}
  third: {url: "embedded::memory:", database: third_data}
  fourth: {url: "embedded::memory:", database: fourth_data}
  fifth: {url: "embedded::memory:", database: fifth_data}
"""


async def fill(client: Talk, database: str, *names: str) -> None:
    """A collection `things` in the database, with one document for each name."""
    await client.call("create_collection", name="things", database=database)
    documents = [{"_key": name, "name": name} for name in names]
    arguments: dict[str, Any] = {"documents": documents, "overwrite_mode": "replace"}
    done = await client.call("bulk_insert", collection="things", database=database, **arguments)
    assert done["error_count"] == 0


async def names(client: Talk, **arguments: Any) -> tuple[list[str], str, str]:
    """The names of all things, the database that was used, and what decided it."""
    found = await client.call("query", query="FOR t IN things SORT t.name RETURN t.name", **arguments)
    assert found["row_count"] == len(found["rows"])
    return found["rows"], found["database"], found["resolved_by"]


async def test_focus_then_query(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await fill(client, "red", "apple", "cherry")
        await fill(client, "blue", "berry")
        assert await names(client) == (["apple", "cherry"], "red", "default_database")
        await client.call("set_focused_database", database="blue")
        assert await names(client) == (["berry"], "blue", "focus")
        listed = await client.call("list_collections")
        assert (listed["rows"], listed["database"]) == ([{"name": "things", "type": "document"}], "blue")


async def test_an_override_is_for_one_call_only(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await fill(client, "red", "apple")
        await fill(client, "blue", "berry")
        await client.call("set_focused_database", database="blue")
        assert await names(client, database="red") == (["apple"], "red", "argument")
        assert await names(client) == (["berry"], "blue", "focus")
        await client.call("insert", collection="things", document={"name": "plum"}, database="red")
        assert await names(client) == (["berry"], "blue", "focus")
        assert (await names(client, database="red"))[0] == ["apple", "plum"]


async def test_two_clients_with_different_focus_at_once(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as one, talk() as other:
        for client in (one, other):
            await fill(client, "red", "apple")
            await fill(client, "blue", "berry")
        await one.call("set_focused_database", database="red")
        await other.call("set_focused_database", database="blue")
        answers = await asyncio.gather(*(names(client) for client in (one, other) * 20))
        assert answers == [(["apple"], "red", "focus"), (["berry"], "blue", "focus")] * 20


async def test_the_six_levels_one_by_one(way: Way, places: Places) -> None:
    with_default = f"default_database: third\n{SIX_LEVELS}"
    environ = {"MCP_DEFAULT_DATABASE": "fourth"}
    async with places.open(way, with_default, environ) as talk, talk() as client:
        for database in ("first", "second", "third", "fourth", "fifth"):
            await fill(client, database, database)
        await client.call("set_focused_database", database="second")
        assert await names(client, database="fifth") == (["fifth"], "fifth", "argument")
        assert await names(client) == (["second"], "second", "focus")
        await client.call("set_focused_database")
        assert await names(client) == (["third"], "third", "default_database")
        levels = (await client.call("get_database_resolution"))["levels"]
        assert levels["3_config_default"]["status"] == "decides"
        assert levels["4_env_variable"] == {
            "value": "fourth",
            "status": "unused",
            "description": "MCP_DEFAULT_DATABASE",
        }
    async with places.open(way, SIX_LEVELS, environ) as talk, talk() as client:
        await fill(client, "fourth", "fourth")
        assert await names(client) == (["fourth"], "fourth", "environment")
    async with places.open(way, SIX_LEVELS) as talk, talk() as client:
        await fill(client, "first", "first")
        assert await names(client) == (["first"], "first", "first_configured")
    async with places.open(way, "databases: {}") as talk, talk() as client:
        explained = await client.call("get_database_resolution")
        assert (explained["resolved_level"], explained["resolved_database"]) == (6, "_system")
        error = await client.fail("list_collections")
        assert (error["code"], "configured: none" in error["message"]) == ("unknown_database", True)


async def test_environment_variables_only(way: Way, places: Places) -> None:
    environ = {
        "MCP_ARANGO_URL": "embedded::memory:",
        "MCP_ARANGO_DATABASE": "shop",
        "ARANGO_USERNAME": "root",
    }
    async with places.open(way, None, environ) as talk, talk() as client:
        available = await client.call("list_available_databases")
        assert [(one["key"], one["database"]) for one in available["databases"]] == [("default", "shop")]
        await fill(client, "default", "apple")
        assert await names(client) == (["apple"], "default", "first_configured")
        explained = await client.call("get_database_resolution")
        assert explained["configuration"]["source"] == "environment_variables"


async def test_with_nothing_configured_the_embedded_engine_answers(way: Way, places: Places) -> None:
    environ = places.environment({})
    async with places.open(way, None, environ) as talk, talk() as client:
        available = await client.call("list_available_databases")
        assert [(one["key"], one["url"]) for one in available["databases"]] == [("default", "embedded:")]
