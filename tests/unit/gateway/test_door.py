"""The gateway's door with real servers behind it: servers that restart, change, or are reconfigured."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.gateway.conversation import Caller
from mcp_arangodb_async.gateway.door import Gateway, open_gateway
from mcp_arangodb_async.gateway.upstreams import Result
from tests.upstreams.plain import Plain, usual
from tests.upstreams.serving import serving

pytestmark = pytest.mark.anyio


def settings_of(directory: Path, **tenants: Any) -> Settings:
    """Settings with these options of tenants, which are switched off unless they say otherwise."""

    path = directory / "gateway.yaml"
    document = {"databases": {"main": {"url": "embedded::memory:"}}, "tenants": tenants}
    path.write_text(json.dumps(document), encoding="utf-8")
    return load_settings(environ={}, cwd=directory, config_file=str(path))


@asynccontextmanager
async def gateway_to(directory: Path, **upstreams: Mapping[str, Any]) -> AsyncGenerator[Gateway]:
    """A gateway with these global servers and no tenants."""
    async with open_gateway(settings_of(directory, upstreams=upstreams), registry=None) as gateway:
        yield gateway


async def echo(gateway: Gateway, text: str, server: str = "up") -> str:
    """What a server's tool says."""
    result: Result = await gateway.call(None, f"{server}__echo", {"text": text}, Caller())
    assert not result["isError"], result
    return result["content"][0]["text"]


@pytest.mark.parametrize("way", ["http", "sse"])
async def test_a_server_that_restarts_costs_no_call(tmp_path: Path, way: str) -> None:
    before, after = Plain(usual(), eras="handshake"), Plain(usual(), eras="handshake")
    async with serving(before.app()) as url:
        port = int(url.rpartition(":")[2].removesuffix("/mcp"))
        address = url.replace("/mcp", "/sse") if way == "sse" else url
        async with gateway_to(tmp_path, up={"url": address, "transport": way}) as gateway:
            assert await echo(gateway, "a") == "a"
            before.forget_sessions()
            assert await echo(gateway, "b") == "b"
            assert [seen.arguments["text"] for seen in before.seen] == ["a", "b"]
    async with gateway_to(tmp_path, up={"url": address, "transport": way}) as gateway:
        async with serving(before.app(), port):
            assert await echo(gateway, "c") == "c"
        async with serving(after.app(), port):
            assert await echo(gateway, "d") == "d"
    assert [seen.arguments["text"] for seen in after.seen] == ["d"]
