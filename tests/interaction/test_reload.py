"""A running server takes a changed file on between two calls, and keeps its sessions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mcp import Client

from tests.interaction.conversation import TWO_DATABASES, Places, Talk

pytestmark = pytest.mark.anyio
THIRD = '  green: {url: "embedded::memory:", database: green_data, access: read}\n'


async def until_listed(talk: Talk, expected: set[str]) -> list[dict[str, Any]]:
    """The databases, as soon as these are listed."""
    async with asyncio.timeout(30):
        while True:
            listed: list[dict[str, Any]] = (await talk.call("list_available_databases"))["databases"]
            if {database["key"] for database in listed} == expected:
                return listed
            await asyncio.sleep(0.05)


async def test_a_database_that_is_added_can_be_used_and_a_removed_one_is_named(places: Places) -> None:
    parameters = places.child(TWO_DATABASES, {})
    path = places.directory / "databases.yaml"
    async with Client(parameters) as client:
        talk = Talk(client)
        await talk.call("create_collection", name="kept", database="red")
        await talk.call("set_focused_database", database="blue")
        await asyncio.to_thread(path.write_text, TWO_DATABASES + THIRD, encoding="utf-8")
        await until_listed(talk, {"red", "blue", "green"})
        answer = await talk.call("query", query="RETURN CURRENT_DATABASE()", database="green")
        assert answer["rows"] == ["green_data"]
        refused = await talk.fail("create_collection", name="c", database="green")
        assert refused["code"] == "read_only"
        # The engine in memory that did not change kept its data, the session its focus.
        assert "kept" in str(await talk.call("list_collections", database="red"))
        assert (await talk.call("get_focused_database"))["focused_database"] == "blue"
        without_blue = TWO_DATABASES.replace('  blue: {url: "embedded::memory:", database: blue_data}\n', "")
        await asyncio.to_thread(path.write_text, without_blue, encoding="utf-8")
        await until_listed(talk, {"red"})
        error = await talk.fail("query", query="RETURN 1")
        assert (error["code"], "configured: red" in error["message"]) == ("unknown_database", True)


async def test_a_file_with_a_mistake_changes_nothing(places: Places) -> None:
    parameters = places.child(TWO_DATABASES, {})
    path = places.directory / "databases.yaml"
    async with Client(parameters) as client:
        talk = Talk(client)
        await until_listed(talk, {"red", "blue"})
        await asyncio.to_thread(path.write_text, "databases:\n  red: {urll: x}\n", encoding="utf-8")
        await asyncio.sleep(1.5)
        await until_listed(talk, {"red", "blue"})
        await asyncio.to_thread(path.write_text, TWO_DATABASES + THIRD, encoding="utf-8")
        await until_listed(talk, {"red", "blue", "green"})
