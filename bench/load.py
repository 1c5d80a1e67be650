"""Many sessions at once on one HTTP server: crossed answers, ping meanwhile, one database that hangs.

    python -m bench.load [--sessions N] [--calls N]

Each session is a handshake-era client with its own connection, its own focus and its own questions. An
answer that belongs to another session or another database ends the run. Pings are compared at half of the
calls per second that the sessions reach when nobody pauses: a full queue would measure the queue.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.http import served

DATABASES = 10
MOST_OF_IDLE_PING = 5.0
MOST_OF_BASELINE = 1.2
VERSION = "2025-11-25"


class CrossedAnswerError(Exception):
    """A session got what another one asked for."""


@dataclass(slots=True)
class Client:
    """One session: a connection, its id, and what it focused."""

    port: int
    number: int
    reader: asyncio.StreamReader = field(init=False)
    writer: asyncio.StreamWriter = field(init=False)
    session: str = ""
    focus: str = ""
    sent: int = 0

    async def open(self, focus: str) -> None:
        """Connect, shake hands, and focus a database."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        about = {
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": {"name": "load", "version": "1"},
        }
        await self.post("initialize", about)
        await self.post("notifications/initialized", None)
        self.focus = focus
        await self.tool("arango_set_focused_database", {"database": focus})

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()

    async def post(self, method: str, params: dict[str, Any] | None) -> dict[str, Any]:
        """One message and its answer; a notification has none."""
        self.sent += 1
        number = self.number * 1_000_000 + self.sent
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if not method.startswith("notifications/"):
            message["id"] = number
        if params is not None:
            message["params"] = params
        body = json.dumps(message).encode()
        session = f"mcp-session-id: {self.session}\r\n" if self.session else ""
        self.writer.write(
            f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\ncontent-type: application/json\r\n"
            f"accept: application/json, text/event-stream\r\nmcp-protocol-version: {VERSION}\r\n{session}"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head, text = await received(self.reader)
        if not self.session:
            self.session = head["mcp-session-id"]
        if "id" not in message:
            return {}
        found: dict[str, Any] = json.loads(text)
        if found.get("id") != number:
            raise CrossedAnswerError(f"asked as {number}, answered {found}")
        return found

    async def tool(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The document a tool answered with."""
        found = await self.post("tools/call", {"name": name, "arguments": arguments})
        return json.loads(found["result"]["content"][0]["text"])

    async def ask(self) -> float:
        """One query whose answer names this session and its database; the seconds it took."""
        mark = f"{self.number}-{self.sent}"
        started = time.perf_counter()
        query = {"query": "RETURN [CURRENT_DATABASE(), @mark]", "bind_vars": {"mark": mark}}
        found = await self.tool("arango_query", query)
        took = time.perf_counter() - started
        if found.get("rows") != [[f"{self.focus}_data", mark]] or found.get("database") != self.focus:
            raise CrossedAnswerError(f"session {self.number} on {self.focus} asked {mark}, got {found}")
        return took

    async def ping(self) -> float:
        """The seconds a ping takes."""
        started = time.perf_counter()
        await self.post("ping", None)
        return time.perf_counter() - started


async def received(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """One response: its headers, and the message in its body, which may come as an event."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if not lines[0].split(" ")[1].startswith("2"):
        raise RuntimeError(head)
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    data = [line[5:] for line in body.split(b"\n") if line.startswith(b"data:") and line[5:].strip()]
    return headers, data[-1] if data else body


def p99(times: list[float]) -> float:
    """The time that one call in a hundred exceeds."""
    return sorted(times)[max(0, len(times) * 99 // 100 - 1)]


async def asking(clients: list[Client], calls: int, *, rate: float | None = None) -> list[float]:
    """So many calls by all clients at once: as fast as they are answered, or at `rate` calls a second."""
    left = calls
    times: list[float] = []

    async def one(client: Client) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            if rate is not None:
                await asyncio.sleep(random.expovariate(rate / len(clients)))
            times.append(await client.ask())

    await asyncio.gather(*(one(client) for client in clients))
    return times


async def beside(
    work: Callable[[], Awaitable[object]], sample: Callable[[], Awaitable[float]]
) -> list[float]:
    """Samples taken while some work goes on."""
    task = asyncio.ensure_future(work())
    times: list[float] = []
    while not task.done():
        times.append(await sample())
        await asyncio.sleep(random.uniform(0, 0.004))
    await task
    return times


async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """A server that accepts and never answers."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(3600)


async def measure(*, sessions: int, calls: int) -> bool:
    """Measure, print, and say whether the budgets hold."""
    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    hanging = silent.sockets[0].getsockname()[1]
    entries = [f"  d{n}: {{url: 'embedded::memory:', database: d{n}_data}}\n" for n in range(DATABASES)]
    entries.append(f"  hanging: {{url: 'http://127.0.0.1:{hanging}', timeout: 60}}\n")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "load.yaml").write_text("databases:\n" + "".join(entries), encoding="utf-8")
        command = ["-m", "mcp_arangodb_async", "server", "--transport", "http", "--port", "0"]
        with served([*command, "--config-file", "load.yaml"], directory) as server:
            clients = [Client(server.port, number) for number in range(sessions)]
            await asyncio.gather(*(one.open(f"d{one.number % DATABASES}") for one in clients))
            await asking(clients, sessions)
            started = time.perf_counter()
            await asking(clients, calls // 2)
            most = (calls // 2) / (time.perf_counter() - started)
            pinging = Client(server.port, sessions)
            await pinging.open("d0")
            idle = [await pinging.ping() for _ in range(500)]
            loaded = await beside(lambda: asking(clients, calls, rate=most / 2), pinging.ping)
            ratio = p99(loaded) / p99(idle)
            print(f"{sessions} sessions, {calls * 3 // 2} calls: none crossed, at most {most:.0f} calls/s")
            print(
                f"  ping p99 idle {p99(idle) * 1e3:.2f} ms, at half of that {p99(loaded) * 1e3:.2f} ms: ",
                end="",
            )
            print(f"ratio {ratio:.1f}, at most {MOST_OF_IDLE_PING:g}")
            stuck = await hung(server.port, clients[: sessions // 5])
            for one in (*clients, pinging):
                await one.close()
    silent.close()
    return ratio <= MOST_OF_IDLE_PING and stuck <= MOST_OF_BASELINE


async def hung(port: int, clients: list[Client], *, rounds: int = 6, calls: int = 400) -> float:
    """How much slower others are while calls hang in one database: p99 over p99, taken in turns."""
    stuck = [Client(port, 900 + number) for number in range(20)]
    await asyncio.gather(*(one.open("hanging") for one in stuck))
    before: list[float] = []
    during: list[float] = []
    for _ in range(rounds):
        before += await asking(clients, calls)
        waiting = [asyncio.create_task(one.tool("arango_query", {"query": "RETURN 1"})) for one in stuck]
        await asyncio.sleep(0.2)
        during += await asking(clients, calls)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for one in stuck:
            await one.close()
        stuck = [Client(port, 900 + number) for number in range(20)]
        await asyncio.gather(*(one.open("hanging") for one in stuck))
    for one in stuck:
        await one.close()
    ratio = p99(during) / p99(before)
    print(
        f"  others' p99 with {len(stuck)} calls hanging in one database: {p99(during) * 1e3:.2f} ms, ", end=""
    )
    print(f"without {p99(before) * 1e3:.2f} ms: ratio {ratio:.2f}, at most {MOST_OF_BASELINE}")
    return ratio


def main(arguments: list[str] | None = None) -> int:
    """Measure; 1 when a budget was missed or an answer crossed."""
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__)
    parser.add_argument("--sessions", type=int, default=100, help="sessions at once (default 100)")
    parser.add_argument("--calls", type=int, default=10_000, help="calls in all (default 10,000)")
    given = parser.parse_args(arguments)
    kept = asyncio.run(measure(sessions=given.sessions, calls=given.calls))
    print("budgets kept" if kept else "a budget was missed")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
