"""Connections that cost too much: silent, slow, endless; and the end of the process, with and without."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, HttpSettings, Settings
from mcp_arangodb_async.server.http import listen_on, open_http
from mcp_arangodb_async.server.wire import Connection, Places, TimedConfig, TimedH11, fastest, room

SECONDS = 30
GOOD = b"GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n"
MESSAGE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "arango_query",
            "arguments": {"query": "RETURN SLEEP(1.5)"},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    }
).encode()


def post(path: str = "/mcp", *, length: int = len(MESSAGE), body: bytes = MESSAGE) -> bytes:
    """A POST with headers of a call; `length` is what it says its body has."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        "accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n"
        f"mcp-method: tools/call\r\nmcp-name: arango_query\r\ncontent-length: {length}\r\n\r\n"
    )
    return head.encode() + body


def settings(**http: Any) -> Settings:
    database = DatabaseSettings(key="memory", server=EmbeddedServer(directory=None))
    return Settings(databases={"memory": database}, http=HttpSettings(**http))


@asynccontextmanager
async def serving(protocol: str, *, maximum: int | None = None, **http: Any) -> AsyncGenerator[int]:
    """A server with one of the two protocols on a socket; its port."""
    async with open_http(settings(**http)) as server:
        config = server.config
        assert isinstance(config, TimedConfig)
        if protocol == "h11":
            config.http = TimedH11
        if maximum is not None:
            config.places.maximum = maximum
        listener = listen_on("127.0.0.1", 0)
        port: int = listener.getsockname()[1]
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield port
        finally:
            server.should_exit = True
            await running


async def exchange(port: int, *parts: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    """Everything the server says to these bytes until it closes, and how long that took."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""

    async def listen() -> None:
        nonlocal answer
        # As it comes: what was said before a reset counts.
        with suppress(ConnectionError):
            while part := await reader.read(65536):
                answer += part

    try:
        async with asyncio.timeout(SECONDS):
            listening = asyncio.create_task(listen())
            for part in parts:
                if listening.done():
                    break
                with suppress(ConnectionError):
                    writer.write(part)
                    await writer.drain()
                if pause:
                    await asyncio.wait({listening}, timeout=pause)
            await listening
        return answer, time.monotonic() - started
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


PROTOCOLS = ["httptools", "h11"]


def test_both_protocols_are_tested() -> None:
    assert fastest() is not TimedH11


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_half_open_connections_are_closed_in_time(protocol: str) -> None:
    async def run() -> list[tuple[bytes, float]]:
        async with serving(protocol, header_deadline=0.5) as port:
            silent = exchange(port)
            begun = exchange(port, b"GET /live HTTP/1.1\r\nhost: local")
            dripping = exchange(port, *([b"x"] * 12), pause=0.1)
            second = exchange(port, GOOD, b"GET /", pause=0.1)
            with_body = GOOD.replace(b"\r\n\r\n", b"\r\ncontent-length: 9\r\n\r\n")
            slow_rest = exchange(port, with_body, b"x", b"x", b"x", pause=0.2)
            return list(await asyncio.gather(silent, begun, dripping, second, slow_rest))

    silent, begun, dripping, second, slow_rest = asyncio.run(run())
    assert silent[0] == b""
    assert begun[0].startswith(b"HTTP/1.1 408")
    assert second[0].startswith(b"HTTP/1.1 200")
    assert slow_rest[0].startswith(b"HTTP/1.1 200")
    for answer, seconds in (silent, begun, dripping, second, slow_rest):
        assert seconds < 2.5, answer


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_endless_headers_are_refused_before_they_fill_the_memory(protocol: str) -> None:
    async def run() -> list[bytes]:
        async with serving(protocol) as port:
            many = [
                b"GET /live HTTP/1.1\r\nhost: localhost\r\n",
                *[b"x-%d: " % n + b"y" * 8000 + b"\r\n" for n in range(30)],
            ]
            one = [b"GET /live HTTP/1.1\r\nhost: localhost\r\nx: ", *[b"y" * 8000] * 30]
            path = [b"GET /", *[b"y" * 8000] * 30]
            return [(await exchange(port, *parts, pause=0.001))[0] for parts in (many, one, path)]

    for answer in asyncio.run(run()):
        assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 414")) or answer == b""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bodies_have_a_size_and_a_time(protocol: str) -> None:
    async def run() -> tuple[tuple[bytes, float], ...]:
        async with serving(protocol, max_body_bytes=2000, header_deadline=1) as port:
            return tuple(
                await asyncio.gather(
                    exchange(port, post(length=5000)),
                    exchange(port, post(length=1900, body=b"{"), pause=0.01),
                    exchange(port, post(length=1900, body=b"{"), *([b" "] * 20), pause=0.2),
                )
            )

    large, begun, dripping = asyncio.run(run())
    assert large[0].startswith(b"HTTP/1.1 413")
    for answer, seconds in (begun, dripping):
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert seconds < 4


def test_silent_connections_make_room_for_good_ones() -> None:
    async def run() -> tuple[int, float]:
        async with serving("httptools", maximum=50, header_deadline=60) as port:
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
            started = time.monotonic()
            answers = await asyncio.gather(*(good(port) for _ in range(40)))
            seconds = time.monotonic() - started
            for _, writer in silent:
                writer.close()
            return sum(answers), seconds

    answered, seconds = asyncio.run(run())
    assert answered == 40
    assert seconds < 5


async def good(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(GOOD)
        async with asyncio.timeout(SECONDS):
            return (await reader.readline()).startswith(b"HTTP/1.1 200")
    finally:
        writer.close()


def test_places_are_fewer_than_descriptors() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 0 < room() < soft or soft == resource.RLIM_INFINITY

    class Silent:
        left = False

        def leave(self) -> None:
            self.left = True

    places = Places(header_seconds=1, maximum=2)
    first, second = Silent(), Silent()
    for one in (first, second):
        connection: Connection = one
        places.waits(connection)
    assert places.make_room(2)
    assert places.make_room(3)
    assert (first.left, second.left) == (True, False)
    places.works(second)
    assert not places.make_room(3)


def server_process(directory: Path, *flags: str) -> tuple[subprocess.Popen[str], int]:
    """The program itself over HTTP, and its port."""
    home = str(directory / "home")
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_arangodb_async", "server", "--transport", "http", "--port", "0", *flags],
        cwd=directory,
        env={"PATH": os.defpath, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "listening on" in line:
            return process, int(line.rsplit(":", 1)[1].split("/")[0])
    raise AssertionError("the server did not start")


def test_sigterm_lets_calls_finish_and_waits_for_nobody_else(tmp_path: Path) -> None:
    process, port = server_process(tmp_path)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), SECONDS) as half,
            socket.create_connection(("127.0.0.1", port), SECONDS) as headless,
            socket.create_connection(("127.0.0.1", port), SECONDS) as calling,
        ):
            half.sendall(post(body=MESSAGE[:50]))
            headless.sendall(b"GET /live HTTP/1.1\r\nhost")
            calling.sendall(post())
            ready = b""
            # The call has begun when its stream has: the driver is loaded first, which takes a moment.
            calling.settimeout(SECONDS)
            time.monotonic()
            poll_until_running(port)
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            while part := calling.recv(65536):
                ready += part
            answered = time.monotonic() - started
            code = process.wait(SECONDS)
            ended = time.monotonic() - started
    finally:
        process.kill()
        process.communicate()
    assert b'"rows":[0]' in ready.replace(b'\\"', b'"') or b"rows" in ready
    assert code == 0
    assert answered < 10
    # The time for running calls was not needed, so nobody waited for the half-sent requests either.
    assert ended < 9


def poll_until_running(port: int) -> None:
    """Wait, within bounds, until the figures say that a call runs."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as asking:
            asking.sendall(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            text = b""
            while part := asking.recv(65536):
                text += part
        if b"mcp_calls_running 1.0" in text:
            return
        time.sleep(0.02)
    raise AssertionError("the call never began")


def test_the_end_of_standard_input_ends_the_process(tmp_path: Path) -> None:
    # The fastest of a few: other programs on the machine make single ends slower, never faster.
    assert min(end_of_input(tmp_path) for _ in range(3)) < 1.0


def end_of_input(directory: Path) -> float:
    """Seconds from the end of a server's standard input to its own."""
    home = str(directory / "home")
    client = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_arangodb_async", "server"],
        cwd=directory,
        env={"PATH": os.defpath, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(ask).encode() + b"\n")
            process.stdin.flush()
            assert b'"result"' in process.stdout.readline()
            started = time.monotonic()
            process.stdin.close()
            assert process.wait(SECONDS) == 0
            return time.monotonic() - started
        finally:
            process.kill()
