"""What stands on the pipe and in HTTP, below the SDK's client."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.interaction.conversation import TWO_DATABASES, Places, Way

pytestmark = pytest.mark.anyio
Message = dict[str, Any]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
}
INITIALIZE: Message = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "wire", "version": "1"},
}
DEADLINE = 30


def request(identifier: int | str, method: str, params: Message | None = None) -> Message:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params or {}}


class Pipe:
    """A child process and its lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[bytes] = []

    async def say(self, *messages: Message | bytes) -> None:
        assert self.process.stdin is not None
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.stdin.write(line + b"\n")
        await self.process.stdin.drain()

    async def hear(self) -> Message:
        """The next message; every line must be one."""
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            line = await self.process.stdout.readline()
        self.lines.append(line)
        message: Message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    async def answer(self, message: Message) -> Message:
        """The answer to a request that nothing else is in flight beside."""
        await self.say(message)
        heard = await self.hear()
        assert heard["id"] == message["id"]
        return heard


@asynccontextmanager
async def pipe(places: Places, *arguments: str) -> AsyncGenerator[Pipe]:
    """The program on stdio, without the SDK's client."""
    child = places.child(TWO_DATABASES, {}, *arguments)
    process = await asyncio.create_subprocess_exec(
        child.command,
        *child.args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child.env,
        cwd=child.cwd,
    )
    try:
        yield Pipe(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def call(identifier: int, name: str, arguments: Message, *, stateless: bool = False) -> Message:
    params: Message = {"name": f"arango_{name}", "arguments": arguments}
    if stateless:
        params["_meta"] = META
    return request(identifier, "tools/call", params)


async def test_one_process_serves_a_client_that_probes_and_then_initializes(places: Places) -> None:
    async with pipe(places) as client:
        discovered = await client.answer(request(1, "server/discover", {"_meta": META}))
        assert "2026-07-28" in discovered["result"]["supportedVersions"]
        began = await client.answer(request(2, "initialize", INITIALIZE))
        assert began["result"]["protocolVersion"] == "2025-06-18"
        assert began["result"]["capabilities"]["tools"] == {"listChanged": True}
        await client.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        handshake = await client.answer(request(3, "tools/list"))
        stateless = await client.answer(request(4, "tools/list", {"_meta": META}))
        assert handshake["result"]["tools"] == stateless["result"]["tools"]
        assert (stateless["result"]["ttlMs"], stateless["result"]["resultType"]) == (300_000, "complete")
        assert "ttlMs" not in handshake["result"]
        # The process's single session, whichever era a request is written in.
        await client.answer(call(5, "set_focused_database", {"database": "blue"}, stateless=True))
        focus = await client.answer(call(6, "get_focused_database", {}))
        assert focus["result"]["structuredContent"]["focused_database"] == "blue"


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_every_handshake_version_is_spoken(version: str, places: Places) -> None:
    async with pipe(places) as client:
        began = await client.answer(request("a", "initialize", {**INITIALIZE, "protocolVersion": version}))
        assert began["result"]["protocolVersion"] == version
        await client.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert (await client.answer(request("b", "tools/list")))["result"]["tools"]
        assert (await client.answer(request("c", "ping")))["result"] == {}


async def test_only_messages_stand_on_standard_output(places: Places) -> None:
    async with pipe(places, "--log-level", "DEBUG") as client:
        await client.answer(request(1, "initialize", INITIALIZE))
        await client.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        for number, name in enumerate(("list_available_databases", "list_collections", "nope"), 2):
            await client.answer(call(number, name, {}))
        assert client.process.stdin is not None
        client.process.stdin.close()
        async with asyncio.timeout(DEADLINE):
            out, err = await client.process.communicate()
        assert out == b""
        assert client.process.returncode == 0
        assert b"databases from" in err


async def test_a_line_that_is_no_message_is_answered_and_survived(places: Places) -> None:
    async with pipe(places) as client:
        await client.say(b"", b"{", b"[]", b'"x"', b'{"jsonrpc": "1.0"}', b"\xff\xfe")
        for _ in range(5):
            heard = await client.hear()
            assert (heard["id"], heard["error"]["code"]) == (None, -32700)
        assert (await client.answer(request(1, "initialize", INITIALIZE)))["result"]


async def test_requests_read_before_the_end_are_still_answered(places: Places) -> None:
    async with pipe(places) as client:
        await client.say(
            request(1, "initialize", INITIALIZE),
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            call(2, "query", {"query": "RETURN 1 + 1"}),
        )
        assert client.process.stdin is not None
        client.process.stdin.close()
        async with asyncio.timeout(DEADLINE):
            out, _ = await client.process.communicate()
        answers = {message["id"]: message for message in map(json.loads, out.splitlines())}
        assert json.loads(answers[2]["result"]["content"][0]["text"])["rows"] == [2]


async def test_files_can_be_the_pipe(places: Places) -> None:
    child = places.child(TWO_DATABASES, {})
    directory = places.directory
    lines = [request(1, "initialize", INITIALIZE), request(2, "tools/list", {"_meta": META})]
    (directory / "in").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with (directory / "in").open("rb") as source, (directory / "out").open("wb") as target:
        process = await asyncio.create_subprocess_exec(
            child.command, *child.args, stdin=source, stdout=target, env=child.env, cwd=child.cwd
        )
        async with asyncio.timeout(DEADLINE):
            assert await process.wait() == 0
    answered = [json.loads(line)["id"] for line in (directory / "out").read_bytes().splitlines()]
    assert sorted(answered) == [1, 2]


async def test_unknown_tools_and_arguments_are_results_not_protocol_errors(places: Places) -> None:
    async with pipe(places) as client:
        heard = await client.answer(call(1, "nope", {}, stateless=True))
        result = heard["result"]
        assert result["isError"] is True
        assert result["structuredContent"] == json.loads(result["content"][0]["text"])
        assert result["structuredContent"]["error"]["code"] == "not_found"


@asynccontextmanager
async def web(places: Places, environ: dict[str, str] | None = None) -> AsyncGenerator[httpx2.AsyncClient]:
    settings = places.settings(TWO_DATABASES, environ or {})
    async with (
        places.serving(settings) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as client,
    ):
        yield client


def posted(message: Message, **headers: str) -> dict[str, Any]:
    """A POST of a message as the protocol asks for."""
    accept = "application/json, text/event-stream"
    return {"json": message, "headers": {"accept": accept, **headers}}


def stateless(message: Message) -> dict[str, Any]:
    """A POST of a 2026-07-28 request."""
    params = {**message["params"], "_meta": META}
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": message["method"]}
    if "name" in params:
        headers["mcp-name"] = params["name"]
    return posted({**message, "params": params}, **headers)


async def test_mcp_is_answered_without_a_redirect(places: Places) -> None:
    async with web(places) as client:
        answer = await client.post("/mcp", **stateless(request(1, "tools/list")))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["result"]["cacheScope"] == "public"


@pytest.mark.parametrize("path", ["/live", "/ready", "/health"])
async def test_the_process_tells_its_health(path: str, places: Places) -> None:
    async with web(places) as client:
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.json()["status"] in {"alive", "ready", "ok"}
        assert (await client.post(path)).status_code == 405
        assert (await client.get(path, headers={"host": "evil.example"})).status_code == 421
        assert (await client.get("/elsewhere")).json()["error"]["code"] == "not_found"


async def test_another_principal_finds_no_session(places: Places) -> None:
    environ = {"MCP_HTTP_TOKENS": "alice=alice-token,bob=bob-token"}
    async with web(places, environ) as client:
        alice, bob = ({"authorization": f"Bearer {name}-token"} for name in ("alice", "bob"))
        assert (await client.post("/mcp", **posted(request(1, "initialize", INITIALIZE)))).status_code == 401
        began = await client.post("/mcp", **posted(request(1, "initialize", INITIALIZE), **alice))
        session = {"mcp-session-id": began.headers["mcp-session-id"], "mcp-protocol-version": "2025-06-18"}
        ping = request(2, "ping")
        assert (await client.post("/mcp", **posted(ping, **session, **alice))).status_code == 200
        assert (await client.post("/mcp", **posted(ping, **session, **bob))).status_code == 404
        assert (await client.post("/mcp", **posted(ping, **session))).status_code == 401
        assert (await client.delete("/mcp", headers={**session, **bob})).status_code == 404
        assert (await client.delete("/mcp", headers={**session, **alice})).status_code == 200
        assert (await client.post("/mcp", **posted(ping, **session, **alice))).status_code == 404


async def test_an_ended_session_takes_its_state_along(places: Places) -> None:
    async with places.app(TWO_DATABASES) as (app, port):
        way = Way(carrier="http", era="handshake")
        async with places.talk_to(port, way) as client:
            await client.call("set_focused_database", database="blue")
            assert await app.sessions.count() == 1
        # The client's goodbye has been answered; its connection winds down in the server's own tasks.
        for _ in range(500):
            if await app.sessions.count() == 0:
                return
            await asyncio.sleep(0.01)
        pytest.fail("the session is still kept")


async def read_line(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    async with asyncio.timeout(DEADLINE):
        return (await stream.readline()).decode()


async def started(places: Places, arguments: Sequence[str]) -> tuple[asyncio.subprocess.Process, str]:
    """The program on HTTP as a child process, and its address as it announces it."""
    child = places.child(TWO_DATABASES, {}, "--transport", "http", "--port", "0", *arguments)
    process = await asyncio.create_subprocess_exec(
        child.command, *child.args, stderr=asyncio.subprocess.PIPE, env=child.env, cwd=child.cwd
    )
    line = ""
    while "listening on" not in line:
        line = await read_line(process.stderr)
        assert line, "the server ended before it listened"
    return process, line.split("listening on ")[1].strip().removesuffix("/mcp")


async def test_sigterm_lets_running_calls_finish_and_ends_streams(places: Places) -> None:
    process, address = await started(places, [])
    async with httpx2.AsyncClient(base_url=address, timeout=DEADLINE) as client:
        began = await client.post("/mcp", **posted(request(1, "initialize", INITIALIZE)))
        session = {"mcp-session-id": began.headers["mcp-session-id"], "mcp-protocol-version": "2025-06-18"}
        await client.post("/mcp", **stateless(call(2, "query", {"query": "RETURN 1"})))
        slow = call(3, "query", {"query": "RETURN SLEEP(1.5)"})
        running = asyncio.create_task(client.post("/mcp", **stateless(slow)))
        events = {**session, "accept": "text/event-stream"}
        async with client.stream("GET", "/mcp", headers=events) as stream:
            assert stream.status_code == 200
            await asyncio.sleep(0.5)
            began_at = time.monotonic()
            process.send_signal(signal.SIGTERM)
            async for _ in stream.aiter_bytes():
                continue
        answer = await running
        assert json.loads(answer.json()["result"]["content"][0]["text"])["row_count"] == 1
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        assert time.monotonic() - began_at < 10


async def test_an_open_address_without_authentication_is_refused(places: Places) -> None:
    child = places.child(TWO_DATABASES, {}, "--transport", "http", "--host", "0.0.0.0", "--port", "0")
    process = await asyncio.create_subprocess_exec(
        child.command,
        *child.args,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child.env,
        cwd=child.cwd,
    )
    async with asyncio.timeout(DEADLINE):
        _, err = await process.communicate()
    assert process.returncode == 1
    assert b"can be reached by others" in err
