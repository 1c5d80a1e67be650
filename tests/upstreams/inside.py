"""Upstream servers inside the test's process: connections that answer at once, for very many calls.

Every server belongs to a tenant and everything it says carries the tenant's canary, its errors too. It
answers only to its own key, and can change its tools, hang, fail, ask, and repeat what was sent to it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_arangodb_async.errors import AuthenticationError, UnreachableError, UpstreamError
from mcp_arangodb_async.gateway.upstreams import Connection, Definition, Network, Result, Target, ToolCall

TOOLS = (
    "read", "fail", "refuse", "repeat", "ask", "hang", "pg_execute_query", "minio_list_buckets",
    "minio_upload_object", "ai_list_models",
)  # fmt: skip


@dataclass(slots=True)
class InsideServer:
    """One server: its owner's canary, its key, what it lists."""

    canary: str
    key: str | None
    shared: bool = True
    edition: int = 0
    takes_tenant: Mapping[str, str] | None = None
    alive: bool = True
    hanging: int = 0

    def definitions(self) -> list[Definition]:
        """Its tools; the edition is part of every description."""
        properties: dict[str, Any] = {"text": {"type": "string"}}
        if self.takes_tenant is not None:
            properties["tenant_id"] = {"type": "string"}
        return [
            {
                "name": name,
                "description": f"Tool {name} of {self.canary}, edition {self.edition}.",
                "inputSchema": {"type": "object", "properties": properties},
            }
            for name in (*TOOLS, f"only_{self.canary}")
        ]


@dataclass(slots=True)
class InsideConnection:
    """A connection to one of them."""

    server: InsideServer
    sent: Mapping[str, str]
    secrets: tuple[str, ...]
    version: str
    shared: bool
    closed: bool = False
    memory: list[str] = field(default_factory=list[str])

    @property
    def alive(self) -> bool:
        return not self.closed and self.server.alive

    async def close(self) -> None:
        self.closed = True

    async def list_tools(self, seconds: float) -> list[Definition]:
        return self.server.definitions()

    async def call_tool(self, call: ToolCall) -> Result:
        canary = self.server.canary
        if self.server.takes_tenant is not None:
            canary = self.server.takes_tenant.get(str(call.arguments.get("tenant_id")), "nobody")
        said = {"canary": canary, "tool": call.name, "arguments": call.arguments, "before": self.memory[-3:]}
        if not self.shared:
            # An older upstream remembers its session; the newer era has none to remember.
            self.memory.append(canary)
        match call.name:
            case "fail":
                return told({**said, "error": f"broken {canary}"}, wrong=True)
            case "refuse":
                raise UpstreamError("an upstream answered with error -32603")
            case "repeat":
                return told({**said, "headers": dict(self.sent)})
            case "hang":
                self.server.hanging += 1
                try:
                    await asyncio.sleep(30)
                finally:
                    self.server.hanging -= 1
                return told(said)
            case "ask" if call.elicitation and call.responses is None and self.shared:
                question = {
                    "mode": "form",
                    "message": f"Sure, {canary}?",
                    "requestedSchema": {"type": "object"},
                }
                return {
                    "resultType": "input_required", "requestState": f"state {canary}",
                    "inputRequests": {"q": {"method": "elicitation/create", "params": question}},
                }  # fmt: skip
            case "ask" if call.ask is not None:
                answer = await call.ask(
                    {"message": f"Sure, {canary}?", "requestedSchema": {"type": "object"}}
                )
                return told({**said, "answer": answer})
            case _:
                return told({**said, "state": call.state})


@dataclass(slots=True)
class Inside:
    """All servers by their address."""

    servers: dict[str, InsideServer] = field(default_factory=dict[str, InsideServer])
    opened: int = 0

    async def connect(self, target: Target, network: Network) -> Connection:
        """What opens connections in place of the network."""
        assert target.location is not None
        server = self.servers.get(target.location.url)
        if server is None or not server.alive:
            raise UnreachableError(f"{target.shown}: connection refused")
        if server.key is not None and target.headers.get("authorization") != f"Bearer {server.key}":
            raise AuthenticationError(f"{target.shown} refused the credentials (HTTP 401)")
        self.opened += 1
        return InsideConnection(
            server=server, sent=target.headers, secrets=target.secrets, shared=server.shared,
            version="2026-07-28" if server.shared else "2025-11-25",
        )  # fmt: skip


def sure(canary: str) -> dict[str, Any]:
    """A question."""
    return {"message": f"Sure, {canary}?", "requestedSchema": {"type": "object"}}


def told(document: Mapping[str, Any], *, wrong: bool = False) -> Result:
    """A result."""
    text = json.dumps(document)
    return {"content": [{"type": "text", "text": text}], "isError": wrong, "resultType": "complete"}
