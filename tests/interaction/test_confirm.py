"""Before something is dropped, the user is asked; a client that cannot ask is told who can do it instead."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

from tests.interaction.conversation import MODES, Places, Talk

pytestmark = pytest.mark.anyio
Era = Literal["handshake", "stateless"]
DATABASES = """
default_database: shop
server: {confirm: production}
databases:
  shop: {url: "embedded::memory:", database: shop, access: admin, production: true}
  trial: {url: "embedded::memory:", database: trial, access: admin}
"""


class User:
    """A person who answers every question the same way, and remembers what was asked."""

    def __init__(self, action: Literal["accept", "decline", "cancel"], *, yes: bool = True) -> None:
        self.action: Literal["accept", "decline", "cancel"] = action
        self.yes = yes
        self.asked: list[str] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return ElicitResult(
            action=self.action, content={"confirm": self.yes} if self.action == "accept" else None
        )


@asynccontextmanager
async def client_with(places: Places, era: Era, user: User | None) -> AsyncGenerator[Talk]:
    async with (
        places.serving(places.settings(DATABASES, {})) as port,
        httpx2.AsyncClient(timeout=30) as http,
        Client(
            streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http),
            mode=MODES[era],
            elicitation_callback=user,
        ) as client,
    ):
        talk = Talk(client)
        for database in ("shop", "trial"):
            await talk.call("create_collection", name="old", database=database)
        yield talk


@pytest.fixture(params=["handshake", "stateless"])
def era(request: pytest.FixtureRequest) -> Era:
    chosen: Era = request.param
    return chosen


async def collections(talk: Talk, database: str) -> str:
    return str(await talk.call("list_collections", database=database))


async def test_after_a_yes_it_is_done_and_the_question_says_what(places: Places, era: Era) -> None:
    user = User("accept")
    async with client_with(places, era, user) as talk:
        dropped = await talk.call("drop_collection", collection="old", database="shop")
        assert "error" not in dropped
        (question,) = user.asked
        assert "'shop'" in question
        assert '{"collection":"old"}' in question
        assert "old" not in await collections(talk, "shop")


@pytest.mark.parametrize(
    "user", [User("accept", yes=False), User("decline"), User("cancel")], ids=["no", "decline", "cancel"]
)
async def test_after_anything_else_nothing_is_done(places: Places, era: Era, user: User) -> None:
    async with client_with(places, era, user) as talk:
        error = await talk.fail("drop_collection", collection="old", database="shop")
        assert (error["code"], "nothing was done" in error["message"]) == ("denied", True)
        assert "old" in await collections(talk, "shop")


async def test_a_client_that_cannot_ask_is_told_the_command(places: Places, era: Era) -> None:
    async with client_with(places, era, None) as talk:
        error = await talk.fail("drop_collection", collection="old", database="shop")
        assert error["code"] == "denied"
        assert error["hint"].startswith("a person can run: maa call arango_drop_collection '")
        assert json.loads(error["hint"].partition("'")[2][:-1]) == {"collection": "old", "database": "shop"}
        assert "old" in await collections(talk, "shop")


async def test_a_dry_run_and_a_database_that_is_not_production_ask_nobody(places: Places, era: Era) -> None:
    user = User("decline")
    async with client_with(places, era, user) as talk:
        await talk.call("drop_collection", collection="old", database="shop", dry_run=True)
        await talk.call("drop_collection", collection="old", database="trial")
        assert user.asked == []


async def test_an_answer_is_good_for_its_call_and_once(places: Places) -> None:
    """Below the client: the sealed state moved to other arguments, used twice, and bent."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
    }
    text = DATABASES.replace("access: admin}", "access: admin, production: true}")
    async with places.serving(places.settings(text, {})) as port, httpx2.AsyncClient(timeout=30) as http:

        async def call(name: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
            params: dict[str, Any] = {"name": name, "arguments": arguments, "_meta": meta, **more}
            answer = await http.post(
                f"http://127.0.0.1:{port}/mcp",
                json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
                headers={
                    "accept": "application/json, text/event-stream",
                    "mcp-protocol-version": "2026-07-28",
                    "mcp-method": "tools/call",
                    "mcp-name": name,
                },
            )
            found: dict[str, Any] = answer.json()
            return found.get("result") or found

        for database in ("shop", "trial"):
            await call("arango_create_collection", {"name": "old", "database": database})
        drop = {"collection": "old", "database": "shop"}
        asked = await call("arango_drop_collection", drop)
        assert asked["resultType"] == "input_required"
        yes = {"confirm": {"action": "accept", "content": {"confirm": True}}}
        state: str = asked["requestState"]
        bent = state[:-2] + ("AA" if not state.endswith("AA") else "BB")
        for arguments, given in (({**drop, "database": "trial"}, state), (drop, bent), (drop, "")):
            refused = await call("arango_drop_collection", arguments, inputResponses=yes, requestState=given)
            assert refused.get("isError") or refused.get("resultType") == "input_required", refused
        done = await call("arango_drop_collection", drop, inputResponses=yes, requestState=state)
        assert done["isError"] is False
        await call("arango_create_collection", {"name": "old", "database": "shop"})
        again = await call("arango_drop_collection", drop, inputResponses=yes, requestState=state)
        assert again["isError"] is True
        assert "used before" in again["content"][0]["text"]


def test_the_command_line_runs_the_same_tool_and_asks_a_person(places: Places) -> None:
    places.settings(DATABASES, {})

    def run(*words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mcp_arangodb_async", "call", *words, "--config-file", "databases.yaml"],
            cwd=places.directory,
            env=places.environment({}),
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )

    read = run("arango_query", '{"query": "RETURN 1"}')
    assert (read.returncode, json.loads(read.stdout)["rows"]) == (0, [1])
    drop = ("arango_drop_collection", '{"collection": "old"}')
    refused = run(*drop, answer="n\n")
    assert refused.returncode == 130
    assert "[y/N]" in refused.stderr
    missing = run(*drop, "--yes")
    assert missing.returncode == 1
    assert json.loads(missing.stdout)["error"]["code"] == "not_found"
    assert run("arango_query", "[1]").returncode == 2
