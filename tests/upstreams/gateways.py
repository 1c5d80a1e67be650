"""A gateway with two tenants for tests: the whole application over HTTP, reached by the real client.

    async with Gateways(tmp_path).open() as place:
        async with place.client("alice") as client: ...

Tokens are static: `alice` and `bob` are tenant admins of `acme` and `blue`, `eve` is an end user of `acme`,
`pia` a project admin there, `root` an Uber Admin.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.server.app import App
from mcp_arangodb_async.server.http import open_http
from tests.interaction.conversation import listening

Era = Literal["handshake", "stateless"]
MODES = {"handshake": "legacy", "stateless": "2026-07-28"}
PEOPLE: Mapping[str, tuple[str | None, str]] = {
    "alice": ("acme", "tenant_admin"),
    "bob": ("blue", "tenant_admin"),
    "eve": ("acme", "end_user"),
    "pia": ("acme", "project_admin"),
    "root": (None, "uber_admin"),
}


def token_of(person: str) -> str:
    """The bearer token of one of them."""
    return f"token-of-{person}-0123456789"


@dataclass(slots=True)
class Place:
    """A running gateway."""

    app: App
    port: int
    era: Era = "stateless"
    results: list[CallToolResult] = field(default_factory=list[CallToolResult])

    @asynccontextmanager
    async def client(
        self, person: str | None, era: Era | None = None, *, elicit: ElicitationFnT | None = None
    ) -> AsyncGenerator[Client]:
        """A client that presents somebody's token."""
        headers = {"authorization": f"Bearer {token_of(person)}"} if person else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(
                streamable_http_client(f"http://127.0.0.1:{self.port}/mcp", http_client=http),
                mode=MODES[era or self.era],
                elicitation_callback=elicit,
                cache=None,
            ) as client,
        ):
            yield client


class Gateways:
    """Opens gateways with configurations of their own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = secrets.token_hex(32)

    def settings(
        self,
        tenants: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Settings:
        """The settings of a gateway that reaches upstreams on this machine."""
        tokens = [
            {
                "principal": person,
                "sha256": hashlib.sha256(token_of(person).encode()).hexdigest(),
                "claims": {"role": role, **({"tenant_id": tenant} if tenant else {})},
            }
            for person, (tenant, role) in PEOPLE.items()
        ]
        document: dict[str, Any] = {
            "databases": {"main": {"url": "embedded::memory:"}},
            "http": {"tokens": tokens},
            "tenants": {
                "enabled": True,
                "store": str(self.directory / "tenants.db"),
                "allowed_schemes": ["https", "http"],
                "private_networks": ["127.0.0.0/8"],
                **(tenants or {}),
            },
            **(more or {}),
        }
        path = self.directory / "gateway.yaml"
        path.write_text(json.dumps(document), encoding="utf-8")
        return load_settings(
            environ={"MCP_TENANTS_MASTER_KEY": self.key, **(environ or {})},
            cwd=self.directory,
            config_file=str(path),
        )

    @asynccontextmanager
    async def open(self, tenants: Mapping[str, Any] | None = None, **more: Any) -> AsyncGenerator[Place]:
        """A gateway that serves HTTP in this process until the block ends."""
        async with open_http(self.settings(tenants, **more)) as server, listening(server) as port:
            yield Place(app=server.app, port=port)


def text_of(result: CallToolResult) -> str:
    """The text of a result's first block."""
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text


async def ask(client: Client, name: str, /, **arguments: Any) -> dict[str, Any]:
    """The JSON document that a tool of ours answers with, error or not."""
    result = await client.call_tool(name, arguments)
    document: dict[str, Any] = json.loads(text_of(result))
    assert bool(result.is_error) == ("error" in document), document
    return document


async def fail(client: Client, name: str, /, **arguments: Any) -> dict[str, Any]:
    """The error that a call answers with."""
    document = await ask(client, name, **arguments)
    assert "error" in document, document
    error: dict[str, Any] = document["error"]
    return error


async def register(client: Client, /, **servers: Mapping[str, Any]) -> dict[str, Any]:
    """Register servers, which must succeed."""
    document = await ask(client, "rag_register_tenant_mcp_config", servers=servers)
    assert document.get("stored") is True, document
    return document


async def names_of(client: Client) -> set[str]:
    """The names of all tools a client is shown."""
    return {tool.name for tool in (await client.list_tools()).tools}


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  bounded, and what is waited for has no event
            await asyncio.sleep(0.01)
