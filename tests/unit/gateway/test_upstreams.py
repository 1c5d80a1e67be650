"""Connections to upstreams: every way in every era gives the same answers, and harm stays outside."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from mcp_arangodb_async.errors import (
    AuthenticationError,
    BackendError,
    DeadlineError,
    DeniedError,
    LimitError,
    LostSessionError,
    MaaError,
    UnavailableError,
    UnreachableError,
)
from mcp_arangodb_async.gateway.guard import OPERATOR, parse_url
from mcp_arangodb_async.gateway.upstreams import Command, Connection, Network, Target, ToolCall, open_upstream
from mcp_arangodb_async.gateway.upstreams.events import EventParser
from tests.upstreams.hostile import SECRET, Hostile
from tests.upstreams.plain import Hanging, Offered, Plain, usual
from tests.upstreams.serving import serving

pytestmark = pytest.mark.anyio

Kind = Literal["stateless", "handshake", "sse", "stdio"]
KINDS: list[Kind] = ["stateless", "handshake", "sse", "stdio"]
PIPED = Path(__file__).parents[2] / "upstreams" / "piped.py"


def piped(environment: Mapping[str, str] | None = None, *arguments: str) -> Command:
    """Our program on pipes."""
    return Command(
        program=sys.executable, arguments=("-I", str(PIPED), *arguments), directory="/",
        environment=environment or {},
    )  # fmt: skip


@asynccontextmanager
async def network() -> AsyncGenerator[Network]:
    opened = Network(OPERATOR, maximum_response=1024 * 1024)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def connected(kind: Kind, plain: Plain | None = None) -> AsyncGenerator[tuple[Connection, Plain]]:
    """A connection of this kind, and the server behind it (on pipes another one like it)."""
    plain = plain or Plain(usual(), eras="both" if kind == "stateless" else "handshake")
    async with network() as out:
        if kind == "stdio":
            connection = await open_upstream(
                Target(server="up", way="stdio", command=piped(), connect_timeout=20), out
            )
            try:
                yield connection, plain
            finally:
                await connection.close()
            return
        async with serving(plain.app()) as url:
            connection = await open_upstream(target(url, kind), out)
            try:
                yield connection, plain
            finally:
                await connection.close()


def target(
    url: str,
    kind: Kind = "stateless",
    *,
    headers: Mapping[str, str] | None = None,
    version: str | None = None,
) -> Target:
    """Where a server of tests is."""
    address = url.replace("/mcp", "/sse") if kind == "sse" else url
    return Target(
        server="up",
        way="sse" if kind == "sse" else "http",
        location=parse_url(address, OPERATOR),
        headers=headers or {},
        version=version,
    )


def text_of(result: Mapping[str, Any]) -> str:
    return result["content"][0]["text"]


def call(name: str, timeout: float = 5, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, arguments=arguments, timeout=timeout)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_way_lists_and_calls(kind: Kind) -> None:
    async with connected(kind) as (connection, _):
        assert connection.shared is (kind == "stateless")
        assert connection.version == ("2026-07-28" if kind == "stateless" else "2025-11-25")
        tools = await connection.list_tools(5)
        assert {"echo", "steps", "ask"} <= {tool["name"] for tool in tools}
        assert text_of(await connection.call_tool(call("echo", text="grüße"))) == "grüße"


@pytest.mark.parametrize("kind", KINDS)
async def test_every_way_passes_progress_on(kind: Kind) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def report(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    async with connected(kind) as (connection, _):
        wanted = ToolCall(name="steps", arguments={"steps": 3}, timeout=5, report=report)
        assert text_of(await connection.call_tool(wanted)) == "3 steps"
    assert [one[0] for one in seen] == [1, 2, 3]
    assert seen[0] == (1, 3, "step 1")


@pytest.mark.parametrize("kind", KINDS)
async def test_every_way_brings_questions_back(kind: Kind) -> None:
    asked: list[str] = []

    async def ask(params: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(params["message"])
        return {"action": "accept", "content": {"sure": True}}

    async with connected(kind) as (connection, _):
        wanted = ToolCall(name="ask", arguments={"what": "all"}, timeout=5, ask=ask, elicitation=True)
        result = await connection.call_tool(wanted)
        if kind == "stateless":
            assert result["resultType"] == "input_required"
            assert result["inputRequests"]["sure"]["params"]["message"] == "Drop all?"
            return
        assert asked == ["Drop all?"]
        assert text_of(result) == "dropped"
        with pytest.raises(BackendError):
            await connection.call_tool(call("ask", what="all"))


@pytest.mark.parametrize("kind", ["stateless", "handshake", "sse"])
async def test_a_wrong_key_and_a_server_that_is_down_are_told_apart(kind: Kind) -> None:
    plain = Plain(usual(), eras="both" if kind == "stateless" else "handshake")
    plain.key = "right-key-0123"
    async with network() as out, serving(plain.app()) as url:
        with pytest.raises(AuthenticationError, match="HTTP 401") as wrong:
            await open_upstream(target(url, kind, headers={"authorization": "Bearer wrong-key-0123"}), out)
        assert "key-0123" not in f"{wrong.value.message}{wrong.value.hint}"
        plain.down = True
        with pytest.raises(UnavailableError, match="HTTP 503") as down:
            await open_upstream(target(url, kind), out)
        assert SECRET not in down.value.message
    async with network() as out:
        with pytest.raises(UnreachableError, match="connection refused"):
            await open_upstream(target(url, kind), out)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_that_takes_too_long_ends_in_time(kind: Kind) -> None:
    hanging = Hanging()
    plain = Plain({"wait": Offered(body=hanging)}, eras="both" if kind == "stateless" else "handshake")
    async with connected(kind, plain) as (connection, _):
        if kind == "stdio":
            return  # the program has no such tool; its own end is tested below
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(DeadlineError, match=r"within 0\.2 s"):
            await connection.call_tool(call("wait", timeout=0.2))
        assert loop.time() - started < 2
        async with asyncio.timeout(5):
            await hanging.cancelled.wait()


@pytest.mark.parametrize("kind", ["stateless", "handshake"])
async def test_cancelling_a_call_cancels_it_upstream(kind: Kind) -> None:
    hanging = Hanging()
    tools = {"wait": Offered(body=hanging), **usual()}
    plain = Plain(tools, eras="both" if kind == "stateless" else "handshake")
    async with connected(kind, plain) as (connection, _):
        waiting = asyncio.create_task(connection.call_tool(call("wait", timeout=30)))
        async with asyncio.timeout(5):
            await hanging.entered.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(5):
            await hanging.cancelled.wait()
        assert text_of(await connection.call_tool(call("echo", text="next"))) == "next"


async def test_an_upstreams_own_words_about_an_error_are_not_passed_on() -> None:
    for kind in ("stateless", "handshake"):
        async with connected(kind) as (connection, _):
            with pytest.raises(BackendError, match="-32602") as caught:
                await connection.call_tool(call("nothing"))
            assert SECRET not in caught.value.message


@pytest.mark.parametrize("kind", ["handshake", "sse"])
async def test_a_session_that_the_upstream_forgot_is_lost_and_nothing_else(kind: Kind) -> None:
    plain = Plain(usual(), eras="handshake")
    async with connected(kind, plain) as (connection, _):
        assert text_of(await connection.call_tool(call("echo", text="a"))) == "a"
        plain.forget_sessions()
        async with asyncio.timeout(3):
            with pytest.raises(LostSessionError):
                await connection.call_tool(call("echo", timeout=30, text="b"))
        assert not connection.alive
    assert [seen.arguments for seen in plain.seen] == [{"text": "a"}]


async def test_an_sse_server_that_refuses_a_message_is_not_waited_for() -> None:
    plain = Plain(usual(), eras="handshake")
    async with connected("sse", plain) as (connection, _):
        plain.down = True
        async with asyncio.timeout(3):
            with pytest.raises(UnavailableError, match="HTTP 503") as refused:
                await connection.call_tool(call("echo", timeout=30, text="b"))
        assert not isinstance(refused.value, LostSessionError)
        assert not connection.alive


async def test_an_sse_server_that_goes_away_ends_calls_that_may_have_been_done() -> None:
    hanging = Hanging()
    async with network() as out:
        async with serving(Plain({"wait": Offered(body=hanging)}, eras="handshake").app()) as url:
            connection = await open_upstream(target(url, "sse"), out)
            waiting = asyncio.create_task(connection.call_tool(call("wait", timeout=30)))
            async with asyncio.timeout(5):
                await hanging.entered.wait()
        async with asyncio.timeout(5):
            with pytest.raises(UnavailableError, match="before it answered") as ended:
                await waiting
        assert not isinstance(ended.value, LostSessionError)
        assert not connection.alive
        await connection.close()


HARM: list[tuple[str, type[MaaError], str]] = [
    ("endless_json", LimitError, "more than 1048576 bytes"),
    ("endless_events", LimitError, "more than 1048576 bytes"),
    ("endless_line", LimitError, "1048576 bytes"),
    ("silent", DeadlineError, "did not answer within"),
    ("cut_off", UnavailableError, "broke before the answer was complete"),
    ("redirect", BackendError, "redirect, which is not followed"),
    ("redirect_away", BackendError, "redirect, which is not followed"),
    ("bomb", BackendError, "encoding that was not asked for"),
    ("html", BackendError, "does not allow"),
    ("not_json", BackendError, "does not allow"),
    ("deep_json", BackendError, "does not allow"),
    ("other_id", BackendError, "does not allow"),
    ("no_content", BackendError, "does not allow"),
    ("odd_content", BackendError, "does not allow"),
    ("error", BackendError, "answered with error -32603"),
    ("status", UnavailableError, "HTTP 500"),
]


@pytest.mark.parametrize(("name", "error", "said"), HARM, ids=[case[0] for case in HARM])
async def test_harm_ends_as_an_error_of_ours(name: str, error: type[MaaError], said: str) -> None:
    hostile = Hostile()
    async with network() as out, serving(hostile) as url:
        connection = await open_upstream(target(url, version="2026-07-28"), out)
        with pytest.raises(error, match=said) as caught:
            await connection.call_tool(call(name, timeout=0.5 if name == "silent" else 20))
        assert SECRET not in f"{caught.value.message}{caught.value.hint}"
        assert hostile.elsewhere == 0
        if name == "silent":
            async with asyncio.timeout(5):
                await hostile.disconnected.wait()


async def test_no_cookie_is_kept() -> None:
    plain = Plain(usual())
    async with network() as out, serving(Hostile()) as url:
        connection = await open_upstream(target(url, version="2026-07-28"), out)
        await connection.call_tool(call("cookie"))
        async with serving(plain.app()) as other:
            port = other.rpartition(":")[2]
            assert port
            again = await open_upstream(target(other, version="2026-07-28"), out)
            await again.call_tool(call("echo", text="x"))
    assert all("cookie" not in headers for headers in plain.requests)


async def test_a_remembered_era_saves_a_question() -> None:
    plain = Plain(usual())
    async with network() as out, serving(plain.app()) as url:
        await open_upstream(target(url, version="2026-07-28"), out)
        assert plain.requests == []
        await open_upstream(target(url), out)
        assert len(plain.requests) == 1


async def test_a_server_that_went_back_to_an_older_era_ends_the_connection() -> None:
    plain = Plain(usual())
    async with network() as out, serving(plain.app()) as url:
        connection = await open_upstream(target(url, version="2026-07-28"), out)
        plain.eras = "handshake"
        with pytest.raises(LostSessionError):
            await connection.call_tool(call("echo", text="x"))
        assert not connection.alive


async def test_a_program_sees_nothing_of_our_environment() -> None:
    os.environ["CANARY_OF_THE_OPERATOR"] = "canary-1234567"
    try:
        async with network() as out:
            command = piped({"GIVEN": "value"}, "one", "two words", "$(id)", "; ls")
            connection = await open_upstream(
                Target(server="up", way="stdio", command=command, connect_timeout=20), out
            )
            seen = json.loads(text_of(await connection.call_tool(call("environment"))))
            await connection.close()
    finally:
        del os.environ["CANARY_OF_THE_OPERATOR"]
    assert {name for name in seen["environ"] if not name.startswith(("LC_", "__"))} <= {"GIVEN", "PATH"}
    assert seen["environ"]["GIVEN"] == "value"
    assert seen["arguments"] == ["one", "two words", "$(id)", "; ls"]
    assert not is_running(seen["pid"])


def is_running(pid: int) -> bool:
    """Whether a process is there."""
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("name", ["die", "flood"])
async def test_a_program_that_misbehaves_ends_its_connection_only(name: str) -> None:
    async with connected("stdio") as (connection, _):
        with pytest.raises(MaaError):
            await connection.call_tool(call(name, timeout=20))
        async with asyncio.timeout(10):
            while connection.alive:  # noqa: ASYNC110  the session notices by itself
                await asyncio.sleep(0.01)


async def test_what_a_program_prints_is_no_answer() -> None:
    async with connected("stdio") as (connection, _):
        assert text_of(await connection.call_tool(call("noise"))) == "after noise"


async def test_a_program_that_does_not_exist_is_unreachable() -> None:
    async with network() as out:
        wrong = Target(server="up", way="stdio", command=Command(program="/no/such/program"))
        with pytest.raises(UnreachableError, match="cannot be started"):
            await open_upstream(wrong, out)


async def test_a_program_that_says_nothing_is_given_up_in_time_and_ended() -> None:
    async with network() as out:
        command = Command(program=sys.executable, arguments=("-c", "import time; time.sleep(600)"))
        with pytest.raises(UnreachableError, match="did not finish the handshake"):
            await open_upstream(Target(server="up", way="stdio", command=command, connect_timeout=0.5), out)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_however_they_are_cut(size: int) -> None:
    text = (
        b'\xef\xbb\xbf: hello\r\n\r\nevent: message\r\ndata: {"a":\r\ndata: 1}\r\nid: 7\r\n\r\n'
        b"event: other\ndata: x\n\ndata:last\n\nretry: 10\n\ndata: open"
    )
    parser = EventParser(1000)
    found = [data for start in range(0, len(text), size) for data in parser.feed(text[start : start + size])]
    assert found == [b'{"a":\n1}', b"last"]


async def test_a_header_that_cannot_be_sent_is_an_error_of_ours() -> None:
    async with network() as out, serving(Plain(usual()).app()) as url:
        bad = target(url, headers={"x-evil": "a\r\nx-injected: b"}, version="2026-07-28")
        connection = await open_upstream(bad, out)
        with pytest.raises((MaaError, DeniedError)):
            await connection.call_tool(call("echo", text="x"))
