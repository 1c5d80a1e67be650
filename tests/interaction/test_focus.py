"""Which database a conversation works on, without asking any database."""

from __future__ import annotations

import pytest

from tests.interaction.conversation import Places, Way

pytestmark = pytest.mark.anyio


async def test_the_focus_is_kept_for_later_calls(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        assert await client.call("get_focused_database") == {
            "focused_database": None,
            "is_set": False,
            **({"session_id": "stdio"} if way.carrier != "http" else {}),
        } or way == Way(carrier="http", era="handshake")
        done = await client.call("set_focused_database", database="blue")
        assert (done["success"], done["focused_database"]) == (True, "blue")
        assert ("session" in done) == (way == Way(carrier="http", era="stateless"))
        assert (await client.call("get_focused_database"))["focused_database"] == "blue"
        explained = await client.call("get_database_resolution")
        assert (explained["resolved_database"], explained["resolved_level"]) == ("blue", 2)
        undone = await client.call("set_focused_database")
        assert (undone["focused_database"], undone["fallback_database"]) == (None, "red")


async def test_an_unknown_key_lists_the_configured_ones(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        error = await client.fail("set_focused_database", database="bluee")
        assert error["code"] == "unknown_database"
        assert error["message"] == "no database 'bluee'; configured: red, blue"
        assert error["did_you_mean"] == ["blue"]
        assert (await client.fail("query", query="RETURN 1", database="x"))["code"] == "unknown_database"


async def test_two_clients_keep_their_own_focus(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as one, talk() as other:
        await one.call("set_focused_database", database="red")
        await other.call("set_focused_database", database="blue")
        for _ in range(3):
            assert (await one.call("get_focused_database"))["focused_database"] == "red"
            assert (await other.call("get_focused_database"))["focused_database"] == "blue"


async def test_the_list_of_databases_shows_no_credentials_and_no_paths(way: Way, places: Places) -> None:
    environ = {"RED_PASSWORD": "hunter22"}
    yaml = """
databases:
  red: {url: "http://127.0.0.1:9", password_env: RED_PASSWORD, description: red things}
  disk: {url: "embedded:///nonexistent/secret/place", access: read}
"""
    async with places.open(way, yaml, environ) as talk, talk() as client:
        listed = await client.call("list_available_databases")
        assert listed["total_count"] == 2
        red, disk = listed["databases"]
        assert (red["key"], red["url"], red["description"]) == ("red", "http://127.0.0.1:9", "red things")
        assert (disk["url"], disk["access"]) == ("embedded:", "read")
        everything = str(listed) + str(await client.call("get_database_resolution"))
        assert "hunter22" not in everything
        assert "nonexistent" not in everything


async def test_with_everything_misconfigured_the_tools_that_explain_still_work(
    way: Way, places: Places
) -> None:
    yaml = """
default_database: gone
databases:
  red: {url: "http://127.0.0.1:9"}
"""
    async with places.open(way, yaml) as talk, talk() as client:
        assert (await client.call("list_available_databases"))["total_count"] == 1
        explained = await client.call("get_database_resolution")
        assert explained["resolved_database"] is None
        assert "names 'gone', which is not configured; configured: red" in explained["problem"]
        error = await client.fail("list_collections")
        assert (error["code"], "default_database" in error["message"]) == ("unknown_database", True)


async def test_the_schema_has_the_session_argument_only_where_it_can_matter(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        tools = (await client.client.list_tools()).tools
        with_session = {tool.name for tool in tools if "session" in tool.input_schema.get("properties", {})}
        assert bool(with_session) == (way.carrier == "http")
        assert {tool.name for tool in tools} >= {"arango_query", "arango_get_multi_database_status"}


HTTP = [Way(carrier="http", era="handshake"), Way(carrier="http", era="stateless")]


@pytest.mark.parametrize("http", HTTP, ids=str)
async def test_an_endpoint_fixes_the_focus(http: Way, places: Places) -> None:
    async with places.open(http) as talk, talk("/mcp/db/blue") as client:
        assert (await client.call("get_focused_database"))["focused_database"] == "blue"
        explained = await client.call("get_database_resolution")
        assert (explained["resolved_database"], explained["resolved_level"]) == ("blue", 2)
        error = await client.fail("set_focused_database", database="red")
        assert error["code"] == "conflict"


@pytest.mark.parametrize("http", HTTP, ids=str)
async def test_an_endpoint_with_an_unknown_key_says_so(http: Way, places: Places) -> None:
    async with places.open(http) as talk, talk("/mcp/db/nope") as client:
        error = await client.fail("list_collections")
        assert error["message"].startswith("no database 'nope'")


async def test_a_handle_nobody_made_is_refused(places: Places) -> None:
    way = Way(carrier="http", era="stateless")
    async with places.open(way) as talk, talk() as client:
        error = await client.fail("get_focused_database", session="mss_" + "A" * 32)
        assert (error["code"], error["field"]) == ("not_found", "session")
        assert (await client.fail("get_focused_database", session="x"))["code"] == "invalid_argument"
        assert (await client.fail("get_focused_database", session=7))["field"] == "session"


TOKENS = {"MCP_HTTP_TOKENS": "alice=alice-token,bob=bob-token"}


@pytest.mark.parametrize("http", HTTP, ids=str)
async def test_without_a_token_nobody_gets_in(http: Way, places: Places) -> None:
    async with places.open(http, environ=TOKENS) as talk:
        with pytest.raises(Exception, match=r"401|[Uu]nauthorized|initialize|TaskGroup"):
            async with talk() as client:
                await client.call("list_available_databases")


async def test_a_principals_handle_is_unknown_to_others(places: Places) -> None:
    way = Way(carrier="http", era="stateless")
    async with (
        places.open(way, environ=TOKENS) as talk,
        talk(token="alice-token") as alice,
        talk(token="bob-token") as bob,
    ):
        handle = (await alice.call("set_focused_database", database="blue"))["session"]
        assert (await alice.call("get_focused_database"))["focused_database"] == "blue"
        assert (await bob.fail("get_focused_database", session=handle))["code"] == "not_found"
        assert (await bob.call("get_focused_database"))["focused_database"] is None


async def test_conversations_of_one_principal_share_a_focus_for_reading_only(places: Places) -> None:
    way = Way(carrier="http", era="stateless")
    async with (
        places.open(way, environ=TOKENS) as talk,
        talk(token="alice-token") as one,
        talk(token="alice-token") as other,
    ):
        await one.call("set_focused_database", database="blue")
        assert (await other.call("get_focused_database"))["focused_database"] == "blue"
        error = await other.fail("insert", collection="c", document={})
        assert (error["code"], error["field"]) == ("invalid_argument", "database")
