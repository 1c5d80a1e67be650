"""From starting a process to its first answered `tools/list`: ours against a bare SDK server with one tool.

Both are child processes on stdio, taken in turns; CPU seconds of the child, the smallest of several runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BARE = """
import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

async def list_tools(context, params):
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    return types.ListToolsResult(tools=[types.Tool(name="echo", input_schema=schema)])

async def call_tool(context, params):
    return types.CallToolResult(content=[types.TextContent(text=params.arguments["text"])])

server = Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)

async def main():
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

anyio.run(main)
"""
OURS = ["-m", "mcp_arangodb_async", "server"]
CLIENT = {"name": "bench", "version": "1"}
MESSAGES: tuple[dict[str, Any], ...] = (
    {
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT},
    },
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/list"},
)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start: CPU and wall seconds until the first answered `tools/list`."""

    cpu: float
    wall: float


def start(arguments: list[str], directory: Path) -> Start:
    """Start a server, ask for its tools, and see what that took."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory)},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in MESSAGES:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        process.stdin.flush()
        while json.loads(process.stdout.readline()).get("id") != 2:
            continue
        wall = time.perf_counter() - began
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        process.stdin.close()
    return Start(cpu=(int(fields[11]) + int(fields[12])) / TICKS, wall=wall)


def compare(*, rounds: int = 8) -> tuple[Start, Start]:
    """The fastest start of the bare server and of ours, taken in turns."""
    bare: list[Start] = []
    ours: list[Start] = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        script = directory / "bare_server.py"
        script.write_text(BARE, encoding="utf-8")
        for _ in range(rounds):
            bare.append(start([str(script)], directory))
            ours.append(start(OURS, directory))
    return min(bare, key=lambda one: one.cpu), min(ours, key=lambda one: one.cpu)
