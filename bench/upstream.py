"""An upstream MCP server of 2026-07-28 that costs next to nothing, in a process of its own.

    python -m bench.upstream

Every path is a server with the tools `echo` and `wait`; `wait` answers never. It prints its address once it
listens, and serves until it is terminated.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import orjson

TOOLS = [
    {
        "name": name,
        "description": f"Tool {name}.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
    }
    for name in ("echo", "wait")
]
ABOUT: dict[str, Any] = {
    "server/discover": {
        "cacheScope": "private", "capabilities": {"tools": {}}, "resultType": "complete",
        "supportedVersions": ["2026-07-28"], "ttlMs": 0,
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "bench", "version": "1"}},
    },
    "tools/list": {"cacheScope": "private", "resultType": "complete", "tools": TOOLS, "ttlMs": 0},
}  # fmt: skip


class Upstream(asyncio.Protocol):
    """One connection: requests one after the other, with a content length."""

    def __init__(self) -> None:
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while True:
            head, end, rest = self._held.partition(b"\r\n\r\n")
            if not end:
                return
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(rest) < length:
                return
            self._held = rest[length:]
            self._answer(rest[:length])

    def _answer(self, body: bytes) -> None:
        message = orjson.loads(body)
        result: dict[str, Any] | None = ABOUT.get(message["method"])
        if result is None:
            params = message["params"]
            if params["name"] == "wait":
                return
            text = str(params["arguments"].get("text", ""))
            result = {"content": [{"type": "text", "text": text}], "isError": False, "resultType": "complete"}
        answer = orjson.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)
            + answer
        )


async def serve() -> None:
    """Serve until the process is terminated."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(f"listening on http://127.0.0.1:{port}/mcp", file=sys.stderr, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
