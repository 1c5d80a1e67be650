"""Every tool through the real client, on every transport and in both eras: the conversation of the manual."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import pytest
from mcp_types import TextContent

from mcp_arangodb_async.server.app import App
from mcp_arangodb_async.tools.catalog import ALL_TOOLS
from tests.interaction.conversation import Places, Talk, Way
from tests.tool_manual import GOLDENS
from tests.unit.tools.test_goldens import CALL, REQUEST, steady

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
THREE = """
default_database: red
databases:
  red: {url: "embedded::memory:", database: red_data, access: write}
  blue: {url: "embedded::memory:", database: blue_data, access: admin}
  green: {url: "embedded::memory:", database: green_data, access: read}
"""
# What differs by transport and configuration: how a session is called, and where the configuration came from.
OWN = {"session", "session_id", "message", "configuration", "levels", "timeout", "databases"}
# They show the view that only a test inside the server's process can make.
WITH_VIEW = {"list_views", "search", "backup", "restore", "drop_collection", "get_tool_usage_stats"}
# The first calls of a client without a session are counted nowhere.
WITHOUT_SESSION = {"get_tool_usage_stats"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the conversation: a call with its answer, or a request that prepares a database."""

    name: str
    arguments: Json
    answer: Json
    request: re.Match[str] | None = None


def steps() -> list[Step]:
    found: list[Step] = []
    text = (GOLDENS / "tools" / "manual.txt").read_text(encoding="utf-8")
    for part in re.split(r"\n(?=[>!] )", text)[1:]:
        head, _, answer = part.partition("\n")
        request, call = REQUEST.match(head.strip()), CALL.match(head.strip())
        if request is not None:
            found.append(Step("", {}, {}, request))
        else:
            assert call is not None
            found.append(Step(call["name"], json.loads(call["arguments"]), json.loads(answer)))
    return found


@asynccontextmanager
async def opened(way: Way, places: Places) -> AsyncGenerator[tuple[Talk, App | None]]:
    """A client, and the application where it runs in this process and can be reached."""
    if way.carrier == "http":
        async with places.app(THREE) as (app, port), places.talk_to(port, way) as talk:
            yield talk, app
    else:
        async with places.open(way, THREE) as opening, opening() as talk:
            yield talk, None


def told(document: Json) -> Json:
    """The document without what differs by transport."""
    return {name: value for name, value in steady(document).items() if name not in OWN}


async def searched_without_a_view(talk: Talk) -> Json:
    """A search in an index that is made for it, and taken away for the steps behind it."""
    where: Json = {"collection": "people", "fields": ["name"], "name": "words"}
    await talk.call("create_index", type="inverted", options={"analyzer": "text_en"}, **where)
    answer = await talk.call("search", collection="people", text="ann")
    assert [row["document"]["_key"] for row in answer["rows"]] == ["ann"]
    await talk.call("delete_index", collection="people", id_or_name="words")
    return answer


async def test_every_tool_answers_on_every_transport(way: Way, places: Places) -> None:
    called: set[str] = set()
    async with opened(way, places) as (talk, app):
        for step in steps():
            if step.request is not None:
                if app is not None:
                    database = await app.manager.get_database(step.request["key"])
                    method = cast("Literal['POST', 'PUT']", step.request["method"])
                    body = json.loads(step.request["body"])
                    await database.call(method, *step.request["path"].split("/"), body=body)
                continue
            if step.name == "search" and app is None:
                answer = await searched_without_a_view(talk)
            else:
                answer = await talk.call(step.name, **step.arguments)
            called.add(f"arango_{step.name}")
            unlike = WITH_VIEW if app is None else WITHOUT_SESSION if way.era == "stateless" else set[str]()
            if step.name not in unlike:
                assert told(answer) == told(step.answer), step.name
            assert talk.last is not None
            assert all(isinstance(block, TextContent) for block in talk.last.content)
    assert called == {tool.name for tool in ALL_TOOLS}
