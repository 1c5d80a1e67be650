"""A real HTTP server on the loopback that writes down every request line as it came over the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

from mcp_arangodb_async.config.address import RemoteServer
from mcp_arangodb_async.config.model import DatabaseSettings, PoolSettings
from mcp_arangodb_async.config.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request: its first line, headers and body, byte for byte."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to answer: `raw` replaces everything, `closes` ends the connection after it.

    With status 0 nothing is answered.
    """

    status: int = 200
    body: Any = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    raw: bytes | None = None
    closes: bool = False

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {
            "content-type": "application/json; charset=utf-8",
            "content-length": str(len(body)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Status\r\n{head}\r\n".encode() + body


Behaviour = Callable[[Recorded], Awaitable[Answer]]


async def succeed(_request: Recorded) -> Answer:
    """Answer like a server for which everything exists."""
    return Answer(body={"error": False, "code": 200, "result": [], "id": "1", "hasMore": False})


class RecordingServer:
    """The server: `requests` grows, `behaviour` may be replaced at any time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[Recorded] = []
        self.behaviour: Behaviour = succeed
        self.connections = 0
        self.open_connections = 0
        self.writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, key: str = "main", **changes: Any) -> DatabaseSettings:
        """A database on this server."""
        defaults: dict[str, Any] = {
            "key": key,
            "server": RemoteServer(urls=(self.url,)),
            "database": "db",
            "password": Secret.held("s3cret-password"),
            "timeout": 5.0,
            "pool": PoolSettings(),
        }
        return DatabaseSettings(**{**defaults, **changes})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        self.writers.add(writer)
        try:
            while (request := await self._read(reader)) is not None:
                self.requests.append(request)
                answer = await self.behaviour(request)
                if answer.status:
                    writer.write(answer.encoded())
                    await writer.drain()
                if answer.closes:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_connections -= 1
            self.writers.discard(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Recorded | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        line, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (item.partition(":") for item in rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Recorded(line=line, headers=headers, body=body)


@asynccontextmanager
async def recording_server(
    port: int = 0, *, tls: SSLContext | None = None
) -> AsyncGenerator[RecordingServer]:
    """A server that is up for the block."""
    recorder = RecordingServer(port)
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", port, ssl=tls)
    recorder.port = server.sockets[0].getsockname()[1]
    try:
        yield recorder
    finally:
        server.close()
        for writer in list(recorder.writers):
            writer.close()
        await asyncio.wait_for(server.wait_closed(), 5)


async def eventually(condition: Callable[[], bool], *, seconds: float = 3.0) -> None:
    """Wait until something is true, at most so long."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  the condition is about another program
            await asyncio.sleep(0.005)
