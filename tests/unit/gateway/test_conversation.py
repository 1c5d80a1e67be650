"""Calls and their questions: nothing of ours comes back, and a client is asked so often at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcp_arangodb_async.errors import InputError, LimitError, UpstreamError
from mcp_arangodb_async.gateway.clients import ClientKey, Clients, Upstream
from mcp_arangodb_async.gateway.conversation import Caller, Conversation, answer_of, finished, redacted
from mcp_arangodb_async.gateway.inventory import Reached
from mcp_arangodb_async.gateway.questions import Binding
from mcp_arangodb_async.gateway.upstreams import Connection, Definition, Result, ToolCall
from mcp_arangodb_async.gateway.view import Rules, ViewedTool

pytestmark = pytest.mark.anyio

SECRET = "key-of-acme-0123456789"
TOOL = ViewedTool(server="up", upstream_name="ask", wire={"name": "up__ask", "inputSchema": {}})
BINDING = Binding(tenant="acme", principal="alice", tool="up__ask", arguments={})
ASKED = {"message": "Sure?", "requestedSchema": {"type": "object"}}
QUESTION: Mapping[str, Any] = {"q": {"method": "elicitation/create", "params": ASKED}}


def test_what_was_sent_to_an_upstream_does_not_come_back_wherever_it_stands() -> None:
    told: Result = {
        "content": [{"type": "text", "text": f"your key is {SECRET}!"}, 1, None, True],
        "structuredContent": {SECRET: {"deep": [f"{SECRET}{SECRET}"]}},
        "_meta": {"huge": 2**70},  # what our JSON cannot write is looked through all the same
    }
    shown = redacted(told, (SECRET,))
    assert SECRET not in repr(shown)
    assert shown["content"] == [{"type": "text", "text": "your key is [redacted]!"}, 1, None, True]
    assert shown["structuredContent"] == {"[redacted]": {"deep": ["[redacted][redacted]"]}}
    honest: Result = {"content": [{"type": "text", "text": "fine"}]}
    assert redacted(honest, (SECRET,)) is honest
    assert redacted(told, ()) is told


@pytest.mark.parametrize("secret", ['quote"and\\slash', "grüße-an-alle", "tab\tand\nline"])
def test_a_secret_that_json_writes_differently_does_not_come_back_either(secret: str) -> None:
    shown = redacted({"content": [{"type": "text", "text": f"<{secret}>"}]}, (secret,))
    assert shown["content"][0]["text"] == "<[redacted]>"


def test_a_result_is_shown_without_what_was_meant_for_us() -> None:
    told: Result = {"content": [], "structuredContent": {"a": 1}, "_meta": {"x": 1}, "isError": "yes"}
    assert finished(told) == {
        "content": [], "structuredContent": {"a": 1}, "isError": False, "resultType": "complete",
    }  # fmt: skip
    with pytest.raises(UpstreamError, match="no content"):
        finished({"structuredContent": {}})


def test_no_answer_counts_as_declined() -> None:
    assert answer_of(None) == {"action": "cancel"}
    assert answer_of({"question": "yes"}) == {"action": "cancel"}
    assert answer_of({"question": {"action": "accept"}}) == {"action": "accept"}


class Asking:
    """A connection whose tool asks: of the newer era by its result, of the older one in the session."""

    secrets = ()
    alive = True

    def __init__(self, *, shared: bool, times: int) -> None:
        self.shared = shared
        self.version = "2026-07-28" if shared else "2025-11-25"
        self.times = times
        self.asked = 0

    async def list_tools(self, seconds: float) -> list[Definition]:
        return []

    async def call_tool(self, call: ToolCall) -> Result:
        if self.asked < self.times:
            self.asked += 1
            if self.shared:
                return {"resultType": "input_required", "inputRequests": QUESTION, "requestState": "s"}
            assert call.ask is not None
            await call.ask({"message": "Sure?"})
        return {"content": [{"type": "text", "text": f"asked {self.asked}"}], "isError": False}

    async def close(self) -> None:
        self.alive = False


@asynccontextmanager
async def talking(connection: Asking) -> AsyncGenerator[tuple[Conversation, Reached]]:
    async def opened(_: str | None) -> Connection:
        return connection

    async def unpinned() -> Mapping[str, str]:
        return {}

    clients = Clients(maximum=4, idle=60)
    conversation = Conversation(clients)
    reached = Reached(
        name="up", type="generic", layer="tenant",
        upstream=Upstream(
            key=ClientKey(place=("acme", "up"), version=1), open=opened, concurrency=4, shown="server 'up'"
        ),
        rules=Rules(), pins=unpinned, timeout=5, downstream_tenant="acme", capabilities={},
    )  # fmt: skip
    try:
        yield conversation, reached
    finally:
        await conversation.close()
        await clients.close()


async def agree(params: Mapping[str, Any]) -> Mapping[str, Any]:
    assert params["message"] == "[up] Sure?"
    return {"action": "accept", "content": {}}


@pytest.mark.parametrize("shared", [True, False], ids=["newer upstream", "older upstream"])
async def test_a_client_in_a_session_is_asked_in_it(shared: bool) -> None:
    async with talking(Asking(shared=shared, times=3 if shared else 1)) as (conversation, reached):
        caller = Caller(downstream="d", ask=agree, elicitation=True)
        result = await conversation.answer(reached, TOOL, {}, "d", caller, BINDING)
        assert result["content"][0]["text"] == ("asked 3" if shared else "asked 1")


async def test_an_upstream_that_asks_for_ever_is_stopped() -> None:
    async with talking(Asking(shared=True, times=99)) as (conversation, reached):
        with pytest.raises(LimitError, match="more than 10 times"):
            await conversation.answer(reached, TOOL, {}, "d", Caller(ask=agree, elicitation=True), BINDING)


@pytest.mark.parametrize("shared", [True, False], ids=["newer upstream", "older upstream"])
async def test_a_client_without_session_is_asked_by_the_result_and_calls_again(shared: bool) -> None:
    async with talking(Asking(shared=shared, times=1)) as (conversation, reached):
        first = await conversation.answer(reached, TOOL, {}, "d", Caller(elicitation=True), BINDING)
        assert first["resultType"] == "input_required"
        (name,) = first["inputRequests"]
        again = Caller(elicitation=True, state=first["requestState"], responses={name: {"action": "accept"}})
        result = await conversation.answer(reached, TOOL, {}, "d", again, BINDING)
        assert result["content"][0]["text"] == "asked 1"
        with pytest.raises(InputError, match="used before"):
            await conversation.answer(reached, TOOL, {}, "d", again, BINDING)


async def test_answers_without_a_state_answer_nothing() -> None:
    async with talking(Asking(shared=True, times=0)) as (conversation, reached):
        caller = Caller(elicitation=True, responses={"q": {"action": "accept"}})
        with pytest.raises(InputError, match="answer nothing"):
            await conversation.answer(reached, TOOL, {}, "d", caller, BINDING)


async def test_closing_ends_calls_that_wait_for_their_user() -> None:
    connection = Asking(shared=False, times=1)
    async with talking(connection) as (conversation, reached):
        await conversation.answer(reached, TOOL, {}, "d", Caller(elicitation=True), BINDING)
        await conversation.close()
        await asyncio.sleep(0)
    assert not connection.alive
