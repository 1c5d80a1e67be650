"""CPU of one `tools/call` over HTTP: this server against a bare SDK server with one echo tool; and of rows.

    python -m bench.http [--calls N]

Both servers are child processes behind the same web server, called in turns over one kept connection; what
counts is the CPU time of the child, the smallest of several rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mcp_types as types
import orjson

from bench.kernel import MODERN, filled_app, fixed_call
from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.server.render import rendered
from mcp_arangodb_async.server.stdio import encoded
from mcp_arangodb_async.tools.paging import first_page

MOST_OF_ECHO = 1.4
MOST_OF_ORJSON = 3.0
TICKS = os.sysconf("SC_CLK_TCK")
STARTS_WITHIN = 30.0

BARE = """
import socket, sys, uvicorn
import mcp_types as types
from mcp.server.lowlevel import Server
from pydantic import BaseModel

class Echo(BaseModel):
    text: str
    n: int = 1

SCHEMA = Echo.model_json_schema()

async def list_tools(context, params):
    return types.ListToolsResult(tools=[types.Tool(name="echo", input_schema=SCHEMA)])

async def call_tool(context, params):
    args = Echo.model_validate(params.arguments or {})
    return types.CallToolResult(content=[types.TextContent(text=args.text)])

server = Server(
    "bare", on_list_tools=list_tools, on_call_tool=call_tool, get_tool_input_schema={"echo": SCHEMA}.get
)
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}/mcp", file=sys.stderr, flush=True)
app = server.streamable_http_app()
uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])
"""
OURS = ["-m", "mcp_arangodb_async", "server", "--transport", "http", "--port", "0"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A server in a child process."""

    process: int
    port: int

    def cpu(self) -> float:
        """Seconds of CPU it has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def served(arguments: list[str], directory: Path) -> Generator[Child]:
    """A server for the block; it names its port on standard error."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "ARANGO_URL": "embedded::memory:"}
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=directory, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", line)
                if found:
                    break
            else:
                raise RuntimeError(f"the server ended before it listened: {arguments}")
            yield Child(process=process.pid, port=int(found[1]))
        finally:
            process.terminate()


def request(port: int, tool: str, arguments: dict[str, Any]) -> bytes:
    """One call as a 2026-07-28 client writes it."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"name": tool, "arguments": arguments, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"accept: application/json, text/event-stream\r\nmcp-protocol-version: {MODERN}\r\n"
        f"mcp-method: tools/call\r\nmcp-name: {tool}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> bytes:
    """One response's body."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    if length:
        body = await reader.readexactly(int(length[1]))
    else:
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    if status != 200 or b'"result"' not in body:
        raise RuntimeError(f"{status}: {body[:300]!r}")
    return body


async def called(child: Child, message: bytes, calls: int) -> float:
    """CPU seconds of the child for so many calls, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", child.port)
    try:
        writer.write(message)
        await answer(reader)
        before = child.cpu()
        for _ in range(calls):
            writer.write(message)
            await answer(reader)
        return child.cpu() - before
    finally:
        writer.close()
        await writer.wait_closed()


async def compare(*, calls: int, rounds: int = 5) -> dict[str, float]:
    """CPU microseconds of one call of each server."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        script = directory / "bare_server.py"
        script.write_text(BARE, encoding="utf-8")
        with served([str(script)], directory) as bare, served(OURS, directory) as ours:
            works = {
                "bare SDK server, echo": (bare, request(bare.port, "echo", {"text": "x"})),
                "arango_get_focused_database": (ours, request(ours.port, "arango_get_focused_database", {})),
                "arango_query, RETURN 1": (ours, request(ours.port, "arango_query", {"query": "RETURN 1"})),
            }
            best = dict.fromkeys(works, float("inf"))
            for child, message in works.values():
                await called(child, message, calls // 10)
            for _ in range(rounds):
                for name, (child, message) in works.items():
                    best[name] = min(best[name], await called(child, message, calls) / calls)
    return {name: seconds * 1e6 for name, seconds in best.items()}


async def rows(*, rounds: int = 60) -> dict[str, float]:
    """CPU seconds from a thousand rows of the driver to the bytes of the answer, and of orjson alone."""
    documents = [
        {"_key": str(n), "name": f"person {n}", "age": n % 90, "tags": ["a", "b"]} for n in range(1000)
    ]
    async with filled_app() as app:
        database = await app.manager.get_database("b")
        await database.call("POST", "_api", "collection", body={"name": "people"})
        await database.call("POST", "_api", "document", "people", body=documents)
        options = QueryOptions(batch_size=1000)
        page = await run_query(database, "FOR p IN people RETURN p", options=options)
        call, limits = fixed_call(app), app.around.limits

        async def answered() -> types.JSONRPCResponse:
            shown = await first_page(call, page, limits=limits, format="json")
            return types.JSONRPCResponse(
                jsonrpc="2.0", id=1, result=rendered(shown, {"database": "b"}, limits)
            )

        async def on_stdio() -> bytes:
            return encoded(await answered())

        async def over_http() -> str:
            # What the SDK's HTTP transport does with an answer.
            answer = await answered()
            return json.dumps(answer.model_dump(mode="json", by_alias=True, exclude_none=True))

        async def dumped() -> bytes:
            return orjson.dumps(page.rows)

        works = {"orjson.dumps of the rows": dumped, "on stdio": on_stdio, "over HTTP": over_http}
        return {name: await fastest(work, rounds) for name, work in works.items()}


async def fastest(work: Callable[[], Any], rounds: int) -> float:
    """CPU seconds of the fastest of several runs."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        await work()
        best = min(best, time.process_time() - started)
    return best


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say whether the budgets hold."""
    parser = argparse.ArgumentParser(prog="bench.http", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="calls per round (default 1000)")
    given = parser.parse_args(arguments)
    found = asyncio.run(compare(calls=given.calls))
    print("CPU per tools/call over HTTP (microseconds)")
    bare = found["bare SDK server, echo"]
    for name, microseconds in found.items():
        print(f"  {name:44} {microseconds:10.0f}   ratio {microseconds / bare:.2f}")
    ratio = found["arango_get_focused_database"] / bare
    verdict = "met" if ratio <= MOST_OF_ECHO else "MISSED"
    print(f"  a call of this server, of a bare echo: {ratio:.2f}, at most {MOST_OF_ECHO}  {verdict}")
    written = asyncio.run(rows())
    plain = written["orjson.dumps of the rows"]
    print("A thousand rows, from the driver's list to the bytes of the answer (CPU milliseconds)")
    for name, seconds in written.items():
        print(f"  {name:44} {seconds * 1e3:10.2f}   ratio {seconds / plain:.2f}")
    is_quick = written["on stdio"] / plain <= MOST_OF_ORJSON
    verdict = "met" if is_quick else "MISSED"
    print(
        f"  at most {MOST_OF_ORJSON:g} on stdio  {verdict}; over HTTP the SDK writes it with the slower json"
    )
    kept = ratio <= MOST_OF_ECHO and is_quick
    print("budgets kept" if kept else "a budget was missed")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
