"""Conversations through the real client: in memory, over stdio with a child process, over HTTP with a socket.

Each test that takes `way` runs on every transport in both protocol eras; the server's databases are the
embedded engine in memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.session import MessageHandlerFnT
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.build import build_server
from mcp_arangodb_async.server.http import DrainingServer, listen_on, open_http

Hearing = MessageHandlerFnT | None
Carrier = Literal["memory", "stdio", "http"]
MODES = {"handshake": "legacy", "stateless": "2026-07-28"}

TWO_DATABASES = """
default_database: red
databases:
  red: {url: "embedded::memory:", database: red_data, description: red things}
  blue: {url: "embedded::memory:", database: blue_data}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a conversation is carried, and in which protocol era."""

    carrier: Carrier
    era: Literal["handshake", "stateless"]

    def __str__(self) -> str:
        return f"{self.carrier}-{self.era}"


WAYS = [
    Way(carrier=carrier, era=era)
    for carrier in ("memory", "stdio", "http")
    for era in ("handshake", "stateless")
]


@dataclass(slots=True)
class Talk:
    """One client's conversation; it passes on a `session` it was given, as a model is told to."""

    client: Client
    session: str | None = None
    keeps_session: bool = True
    last: CallToolResult | None = field(default=None, repr=False)

    async def call(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The result of a call that must succeed."""
        answer = await self.ask(name, **arguments)
        assert "error" not in answer, answer
        return answer

    async def fail(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The error of a call that must fail, in the one shape of all errors."""
        answer = await self.ask(name, **arguments)
        assert set(answer) == {"error"}, answer
        error: dict[str, Any] = answer["error"]
        known = {
            "code", "message", "hint", "database", "arango_error_num", "field", "did_you_mean", "request_id",
        }  # fmt: skip
        assert {"code", "message", "request_id"} <= set(error) <= known
        return error

    async def ask(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        """The document a call answers with, success or not; `/name` is a tool whose name has no prefix."""
        if self.session is not None:
            arguments.setdefault("session", self.session)
        full = name[1:] if name.startswith("/") else f"arango_{name}"
        result = await self.client.call_tool(full, arguments)
        self.last = result
        first = result.content[0]
        assert isinstance(first, TextContent)
        document: dict[str, Any] = json.loads(first.text)
        if result.structured_content is not None:
            assert result.structured_content == document
        assert bool(result.is_error) == ("error" in document)
        if self.keeps_session and document.get("session"):
            self.session = document["session"]
        return document


class OpenTalk(Protocol):
    """Opens one more client of a place."""

    def __call__(
        self, path: str = "/mcp", *, token: str | None = None, message_handler: Hearing = None
    ) -> AbstractAsyncContextManager[Talk]: ...


class Places:
    """Opens servers for a test, each with a configuration of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def settings(self, yaml: str | None, environ: Mapping[str, str]) -> Settings:
        """The settings as the program itself would load them."""
        return load_settings(environ=environ, cwd=self.directory, config_file=self._file(yaml))

    def _file(self, yaml: str | None) -> str | None:
        if yaml is None:
            return None
        path = self.directory / "databases.yaml"
        path.write_text(yaml, encoding="utf-8")
        return str(path)

    @asynccontextmanager
    async def open(
        self, way: Way, yaml: str | None = TWO_DATABASES, environ: Mapping[str, str] | None = None
    ) -> AsyncGenerator[OpenTalk]:
        """A place where clients can be opened; on HTTP they share a server, else each has its own."""
        environ = dict(environ or {})
        mode = MODES[way.era]
        async with AsyncExitStack() as stack:
            match way.carrier:
                case "http":
                    port = await stack.enter_async_context(self.serving(self.settings(yaml, environ)))

                    @asynccontextmanager
                    async def talk(
                        path: str = "/mcp", *, token: str | None = None, message_handler: Hearing = None
                    ) -> AsyncGenerator[Talk]:
                        async with self.talk_to(
                            port, way, path, token=token, message_handler=message_handler
                        ) as client:
                            yield client

                case "stdio":
                    parameters = self.child(yaml, environ)

                    @asynccontextmanager
                    async def talk(
                        path: str = "/mcp", *, token: str | None = None, message_handler: Hearing = None
                    ) -> AsyncGenerator[Talk]:
                        async with Client(parameters, mode=mode, message_handler=message_handler) as client:
                            yield Talk(client)

                case "memory":
                    settings = self.settings(yaml, environ)

                    @asynccontextmanager
                    async def talk(
                        path: str = "/mcp", *, token: str | None = None, message_handler: Hearing = None
                    ) -> AsyncGenerator[Talk]:
                        async with (
                            open_app(settings) as app,
                            Client(
                                build_server(app, transport="stdio"),
                                mode=mode,
                                message_handler=message_handler,
                            ) as client,
                        ):
                            yield Talk(client)

            yield talk

    @asynccontextmanager
    async def talk_to(
        self,
        port: int,
        way: Way,
        path: str = "/mcp",
        *,
        token: str | None = None,
        message_handler: Hearing = None,
    ) -> AsyncGenerator[Talk]:
        """A client of a server on a port of this machine."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{port}{path}"
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(
                streamable_http_client(url, http_client=http),
                mode=MODES[way.era],
                message_handler=message_handler,
            ) as client,
        ):
            yield Talk(client)

    @asynccontextmanager
    async def app(self, yaml: str) -> AsyncGenerator[tuple[App, int]]:
        """An application and the port it is served on."""
        async with open_http(self.settings(yaml, {})) as server, listening(server) as port:
            yield server.app, port

    @asynccontextmanager
    async def serving(self, settings: Settings) -> AsyncGenerator[int]:
        """A server on a socket of this machine, in this process; its port."""
        async with open_http(settings) as server, listening(server) as port:
            yield port

    def child(self, yaml: str | None, environ: Mapping[str, str], *arguments: str) -> StdioServerParameters:
        """The program itself as a child process on stdio."""
        file = self._file(yaml)
        flags = ["--config-file", file] if file else []
        return StdioServerParameters(
            command=sys.executable,
            args=["-m", "mcp_arangodb_async", "server", *flags, *arguments],
            env=self.environment(environ),
            cwd=self.directory,
        )

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The variables of a child process: nothing of the tester's own configuration."""
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            **environ,
        }


@asynccontextmanager
async def listening(server: DrainingServer) -> AsyncGenerator[int]:
    """Serve in this process until the block ends; the port."""
    listener = listen_on("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield port
    finally:
        server.should_exit = True
        await running
