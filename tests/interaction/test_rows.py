"""Rows: paging, formats, limits, warnings, and errors of AQL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp_types import TextContent

from tests.interaction.conversation import Places, Talk, Way

pytestmark = pytest.mark.anyio
MEMORY = Way(carrier="memory", era="stateless")
NUMBERS = "FOR i IN 1..@n RETURN i"


async def test_a_result_is_continued_to_its_end(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        found = await client.call("query", query=NUMBERS, bind_vars={"n": 25}, max_rows=10)
        rows: list[Any] = found["rows"]
        assert (found["row_count"], found["truncated"]) == (10, True)
        while found["truncated"]:
            found = await client.call("query", next=found["next"], max_rows=10)
            assert (found["database"], found["resolved_by"]) == ("red", "next")
            rows += found["rows"]
        assert rows == list(range(1, 26))
        assert "next" not in found


async def test_a_continuation_may_ask_for_more_or_fewer_rows(places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        found = await client.call("query", query=NUMBERS, bind_vars={"n": 100}, max_rows=10)
        more = await client.call("query", next=found["next"], max_rows=35)
        assert more["rows"] == list(range(11, 46))
        fewer = await client.call("query", next=more["next"], max_rows=3)
        assert fewer["rows"] == [46, 47, 48]
        rest = await client.call("query", next=fewer["next"])
        assert (rest["rows"], rest["truncated"]) == (list(range(49, 101)), False)


async def test_a_handle_is_good_once(places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        found = await client.call("query", query=NUMBERS, bind_vars={"n": 5}, max_rows=2)
        await client.call("query", next=found["next"])
        error = await client.fail("query", next=found["next"])
        assert (error["code"], error["field"]) == ("not_found", "next")


async def test_another_principals_handle_is_unknown(places: Places) -> None:
    environ = {"MCP_HTTP_TOKENS": "alice=alice-token,bob=bob-token"}
    for era in ("handshake", "stateless"):
        way = Way(carrier="http", era=era)
        async with (
            places.open(way, environ=environ) as talk,
            talk(token="alice-token") as alice,
            talk(token="bob-token") as bob,
        ):
            found = await alice.call("query", query=NUMBERS, bind_vars={"n": 5}, max_rows=2, database="red")
            assert (await bob.fail("query", next=found["next"]))["code"] == "not_found"
            assert (await alice.call("query", next=found["next"]))["rows"] == [3, 4, 5]


async def test_an_answer_is_bounded_in_bytes(places: Places) -> None:
    async with places.open(MEMORY, environ={"MCP_MAX_BYTES": "10000"}) as talk, talk() as client:
        query = 'FOR i IN 1..40 RETURN {i, text: REPEAT("x", 1000)}'
        found = await client.call("query", query=query)
        assert found["truncated"]
        assert len(json.dumps(found["rows"], separators=(",", ":"))) <= 10_000
        seen = [row["i"] for row in found["rows"]]
        while found["truncated"]:
            found = await client.call("query", next=found["next"])
            seen += [row["i"] for row in found["rows"]]
        assert seen == list(range(1, 41))


async def test_a_row_that_is_too_large_says_so_and_can_be_passed_over(places: Places) -> None:
    async with places.open(MEMORY, environ={"MCP_MAX_BYTES": "5000"}) as talk, talk() as client:
        query = 'FOR n IN [10, 6000, 20] RETURN REPEAT("x", n)'
        first = await client.call("query", query=query)
        assert [len(row) for row in first["rows"]] == [10]
        error = await client.fail("query", next=first["next"])
        assert error["code"] == "limit_exceeded"
        assert "one row is 6002 bytes" in error["message"]
        handle = error["hint"].rpartition("next=")[2]
        assert [len(row) for row in (await client.call("query", next=handle))["rows"]] == [20]


async def text_blocks(client: Talk, **arguments: Any) -> list[str]:
    result = await client.client.call_tool("arango_query", arguments)
    assert not result.is_error
    assert result.structured_content is None
    return [block.text for block in result.content if isinstance(block, TextContent)]


async def test_rows_come_in_the_format_that_was_asked_for(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        arguments: dict[str, Any] = {"query": "FOR i IN 1..2 RETURN {i, even: i % 2 == 0}", "database": "red"}
        (columns,) = await text_blocks(client, **arguments, format="columns")
        found = json.loads(columns)
        assert (found["columns"], found["rows"]) == (["i", "even"], [[1, False], [2, True]])
        table, facts = await text_blocks(client, **arguments, format="markdown")
        assert table == "| i | even |\n| --- | --- |\n| 1 | false |\n| 2 | true |"
        assert json.loads(facts)["row_count"] == 2
        assert (await text_blocks(client, **arguments, format="csv"))[0] == "i,even\r\n1,false\r\n2,true\r\n"
        assert (await text_blocks(client, **arguments, format="yaml"))[
            0
        ] == "- i: 1\n  even: false\n- i: 2\n  even: true\n"


async def test_warnings_and_stats_are_told(places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        found = await client.call("query", query="RETURN 1 / 0")
        assert found["rows"] == [None]
        assert found["warnings"][0]["code"] == 1562
        assert found["stats"]["executionTime"] > 0


async def test_a_mistake_in_aql_names_its_place(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        error = await client.fail("query", query="FOR u IN users\n  FILTER u.age = 3\n  RETURN u")
        assert (error["code"], error["arango_error_num"], error["database"]) == (
            "invalid_argument",
            1501,
            "red",
        )
        assert "position 2:16" in error["message"]


async def test_an_unknown_collection_gets_the_closest_names(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await client.call("create_collection", name="airports", database="red")
        calls: list[tuple[str, dict[str, Any]]] = [
            ("query", {"query": "FOR a IN airprots RETURN a"}),
            ("insert", {"collection": "airprots", "document": {}, "database": "red"}),
            ("bulk_insert", {"collection": "airprots", "documents": [{}], "database": "red"}),
        ]
        for name, arguments in calls:
            error = await client.fail(name, **arguments)
            assert (error["code"], error["arango_error_num"]) == ("not_found", 1203), name
            assert error["did_you_mean"] == ["airports"], name


async def test_bind_values_are_values(places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        value = "x' RETURN 1 // \" ` \\ \u2028"
        found = await client.call("query", query="RETURN @value", bind_vars={"value": value})
        assert found["rows"] == [value]
        error = await client.fail("query", query="RETURN @value")
        assert error["arango_error_num"] == 1551


UNUSUAL: list[Any] = [2**70, -(2**63) - 1, 1e308, 5e-324, "\u0000", "🦆", {"": [[]]}]


@pytest.mark.parametrize("value", UNUSUAL)
async def test_unusual_values_survive_the_way(value: Any, places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        found = await client.ask("query", query="RETURN @value", bind_vars={"value": value})
        if "error" in found:
            assert found["error"]["code"] == "invalid_argument"
            assert isinstance(value, int)
        else:
            assert found["rows"] == [value]
