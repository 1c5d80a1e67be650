"""Tenants and their upstream servers: what the gateway adds to a call, and what a tenant costs.

    python -m bench.gateway [--calls N] [--tenants N]        # the budgets
    python -m bench.gateway --soak N                         # that many calls; memory must stay flat

The upstream is a process of its own that costs next to nothing. Times that a busy machine would spoil are
counted as CPU; where two sides are compared they alternate within one run.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import itertools
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.http import called, request, served
from bench.kernel import added
from bench.load import hang, p99
from bench.tenants import ME, call, identity, named, opened, settings_file, settings_of
from mcp_arangodb_async.gateway.door import Gateway
from mcp_arangodb_async.gateway.resolve import resolve
from mcp_arangodb_async.gateway.upstreams import (
    Connection,
    Definition,
    Network,
    Result,
    Target,
    ToolCall,
    open_upstream,
)
from mcp_arangodb_async.server.app import open_app
from mcp_arangodb_async.server.passage import Incoming
from mcp_arangodb_async.sessions import Principal

CONFIGURED, ACTIVE = 10_000, 200
MOST_INIT, MOST_LOOK_UP, MOST_OF_GLOBAL = 1e-3, 20e-6, 0.01
MOST_PROXIED, MOST_OF_ONE, MOST_MEMORY = 1e-3, 1.05, 40 * 1024
MOST_OF_BASELINE, MOST_LISTING = 1.2, 0.3
# What a process may grow during a soak after its first fifth: what the allocator keeps, nothing per call.
MOST_GROWTH = 4 * 1024 * 1024
TOKEN = "token-of-the-bench-0123456789"
UPSTREAM = ["-m", "bench.upstream"]


@dataclass(slots=True)
class Book:
    """What was measured, printed line by line, and whether all of it held."""

    kept: bool = True

    def line(self, name: str, found: float, most: float, unit: str, scale: float = 1.0) -> None:
        """One budget."""
        held = found <= most
        self.kept &= held
        verdict = "met" if held else "MISSED"
        print(f"  {name:66} {found * scale:9.2f} {unit}, at most {most * scale:g}: {verdict}", flush=True)

    @staticmethod
    def note(name: str, text: str) -> None:
        """Something to know that has no budget."""
        print(f"  {name:66} {text}", flush=True)


class Clocked:
    """Opens connections, and notes when it was asked to: until then it was our work."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    async def __call__(self, target: Target, network: Network) -> Connection:
        self.wall, self.cpu = time.perf_counter(), time.thread_time()
        return await open_upstream(target, network)


async def initialisation(book: Book, gateway: Gateway, clocked: Clocked, numbers: range) -> None:
    """From a tenant's first call to the first byte sent; its tenant in memory, then still in the store."""
    walls: list[float] = []
    cpus: list[float] = []
    cold: list[float] = []
    registry = gateway.registry
    assert registry is not None
    for number in numbers:
        started = time.perf_counter()
        await registry.current(named(number))
        read = time.perf_counter() - started
        wall, cpu = time.perf_counter(), time.thread_time()
        await call(gateway, number)
        walls.append(clocked.wall - wall)
        cpus.append(clocked.cpu - cpu)
        cold.append(read + walls[-1])
    book.line("client initialisation without the handshake, CPU p99", p99(cpus), MOST_INIT, "ms", 1e3)
    for name, times in (("the same by the clock", walls), ("with reading the tenant from the store", cold)):
        book.note(f"  {name}", f"p50 {statistics.median(times) * 1e3:.2f}, p99 {p99(times) * 1e3:.2f} ms")


async def look_up(book: Book, gateway: Gateway, number: int) -> None:
    """From who asks to the connection in hand, everything known already."""
    who = identity(number)

    async def found() -> None:
        scope = await gateway.scope(who)
        reached = gateway.reached(scope, resolve("postgres", scope.tenant, gateway.settings))
        session = gateway.session_of(scope, who, "")
        await gateway.inventory.view(reached, session)
        async with gateway.clients.lend(reached.upstream, session):
            pass

    best = await fastest(found)
    book.line("cached look-up: tenant, server, tools and client", best, MOST_LOOK_UP, "us", 1e6)


async def fastest(work: Callable[[], Awaitable[object]], calls: int = 300, rounds: int = 30) -> float:
    """CPU seconds of one run, the smallest of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(calls):
            await work()
        best = min(best, (time.process_time() - started) / calls)
    return best


async def on_global(directory: Path) -> float:
    """CPU seconds that a call costs more for a tenant on the global server than where there are no tenants.

    The upstream answers at once, in this process: what is left of the call is ours.
    """
    upstreams = {"upstreams": {"postgres": {"url": "http://127.0.0.1:9/mcp"}}}
    with_tenants = settings_of(directory, upstreams)
    without = settings_of(directory, {**upstreams, "enabled": False})
    who = Principal(
        subject="user", issuer="bench", claims={"sub": "user", "tenant_id": "on-global", "role": "end_user"}
    )
    incoming = Incoming(
        name="postgres__echo", arguments={"text": "x"}, transport="http", era="stateless", who=who
    )
    best = [float("inf"), float("inf")]
    async with open_app(with_tenants) as one, open_app(without) as other:
        for app in (one, other):
            assert app.around.tenancy is not None
            app.around.tenancy.gateway.connect = at_once
            answered = await app.dispatcher.answer(incoming)
            assert not answered.get("isError"), answered
        for _ in range(200):
            for at, app in enumerate((one, other)):
                started = time.process_time()
                for _ in range(40):
                    await app.dispatcher.answer(incoming)
                best[at] = min(best[at], (time.process_time() - started) / 40)
    return best[0] - best[1]


class AtOnce:
    """A connection whose calls are answered without being sent anywhere."""

    version = "2026-07-28"
    shared = alive = True
    secrets: tuple[str, ...] = ()

    async def list_tools(self, seconds: float) -> list[Definition]:
        """One tool."""
        del seconds
        return [{"name": "echo", "description": "Echo.", "inputSchema": {"type": "object"}}]

    async def call_tool(self, call: ToolCall) -> Result:
        """The text of the call."""
        return {"content": [{"type": "text", "text": call.arguments["text"]}], "isError": False}

    async def close(self) -> None:
        """Nothing is open."""


async def at_once(_target: Target, _network: Network) -> Connection:
    """Such a connection."""
    return AtOnce()


async def proxied(directory: Path, calls: int) -> tuple[float, float]:
    """CPU seconds of the gateway's process for one call, and for one of its own tools that does nothing."""
    token = {
        "principal": "user", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
        "claims": {"tenant_id": named(0), "role": "end_user"},
    }  # fmt: skip
    path = settings_file(directory, {}, http={"tokens": [token]})
    arguments = ["-m", "mcp_arangodb_async", "server", "--transport", "http", "--port", "0"]
    with served([*arguments, "--config-file", str(path)], directory) as gateway:
        through, own = (
            request(gateway.port, tool, given).replace(
                b"\r\n\r\n", f"\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode(), 1
            )
            for tool, given in (("postgres__echo", {"text": "x"}), ("arango_get_focused_database", {}))
        )
        await called(gateway, through, calls // 5)
        found = [
            (await called(gateway, through, calls) / calls, await called(gateway, own, calls) / calls)
            for _ in range(5)
        ]
    return min(one for one, _ in found), min(one for _, one in found)


async def many(book: Book, gateway: Gateway, calls: int) -> None:
    """CPU of a call while 200 tenants call in turn, of one while a single tenant does; taken in turns."""
    turn = itertools.cycle(range(ACTIVE))

    async def single() -> None:
        await call(gateway, 0)

    async def in_turn() -> None:
        await call(gateway, next(turn))

    share = await added(in_turn, single, calls=50, rounds=max(80, calls // 10))
    book.line(f"{ACTIVE} tenants active: CPU of a call, of one tenant's", 1 + share, MOST_OF_ONE, "")


async def memory(book: Book, gateway: Gateway, numbers: range) -> None:
    """What a tenant that became active keeps."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in numbers:
        await call(gateway, number)
        await call(gateway, number)
    gc.collect()
    each = (tracemalloc.get_traced_memory()[0] - before) / len(numbers)
    tracemalloc.stop()
    book.line("memory of an active tenant", each, MOST_MEMORY, "KiB", 1 / 1024)


async def hanging(book: Book, gateway: Gateway, stuck: int, calls: int) -> None:
    """p99 of other tenants' calls while one tenant's upstream answers nothing; taken in turns."""
    others = [number for number in range(ACTIVE) if number != stuck]

    async def asking() -> list[float]:
        times: list[float] = []
        turn = iter(range(calls))

        async def one(worker: int) -> None:
            for count in turn:
                started = time.perf_counter()
                await call(gateway, others[(worker + count) % len(others)])
                times.append(time.perf_counter() - started)

        await asyncio.gather(*(one(worker) for worker in range(4)))
        return times

    await asking()
    before: list[float] = []
    during: list[float] = []
    for _ in range(20):
        before += await asking()
        waiting = [
            asyncio.create_task(gateway.call(identity(stuck), "postgres__wait", {}, ME)) for _ in range(30)
        ]
        await asyncio.sleep(0.02)
        during += await asking()
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await asyncio.sleep(0.02)
    ratio = p99(during) / p99(before)
    book.line(f"one of {ACTIVE} upstreams hangs: others' p99, of before", ratio, MOST_OF_BASELINE, "")


async def listing(book: Book, directory: Path, url: str, silent: str) -> None:
    """`tools/list` while three of ten servers are down: one refuses, two never answer."""
    upstreams = {f"good{number}": {"url": f"{url}/{number}"} for number in range(7)}
    upstreams |= {"gone": {"url": "http://127.0.0.1:9/mcp"}}
    upstreams |= {f"hangs{number}": {"url": silent} for number in range(2)}
    settings = settings_of(directory, {"upstreams": upstreams})
    times: list[float] = []
    complete = 0
    for _ in range(5):
        async with opened(settings, ()) as gateway:
            started = time.perf_counter()
            listed = await gateway.list_tools(identity(CONFIGURED + 1), "")
            times.append(time.perf_counter() - started)
            complete += len(listed.tools) == 14 and len(listed.notes) == 3
    book.line("tools/list with three of ten down, slowest of five", max(times), MOST_LISTING, "ms", 1e3)
    book.line("  of these, without all seven that answer (busy machine)", 5 - complete, 2, "")


async def measure(*, calls: int, configured: int) -> bool:
    """Every budget, printed."""
    book = Book()
    print(f"Gateway: {configured} tenants configured, {ACTIVE} of them active")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"http://127.0.0.1:{stack.enter_context(served(UPSTREAM, Path.cwd())).port}"
        silent = await asyncio.start_server(hang, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        clocked = Clocked()
        urls = [f"{url}/{number}/mcp" for number in range(configured)]
        async with opened(settings_of(folder, {}), urls, connect=clocked) as gateway:
            # The first call of a process loads what later ones find.
            await call(gateway, configured - 1)
            gc.collect()
            gc.freeze()  # what making ten thousand tenants left behind is no server's to look through
            await initialisation(book, gateway, clocked, range(ACTIVE))
            await look_up(book, gateway, 7)
            await many(book, gateway, calls)
            await memory(book, gateway, range(ACTIVE, 2 * ACTIVE))
            await hanging(book, gateway, 3, calls // 4)
        extra, own = await proxied(folder, calls)
        book.line("a call through the gateway: CPU more than the direct one", extra, MOST_PROXIED, "ms", 1e3)
        book.note(
            "  receiving a call takes of it, passing it on",
            f"{own * 1e3:.2f} ms, {(extra - own) * 1e3:.2f} ms",
        )
        more = await on_global(folder)
        name = f"tenants on the global server: {more * 1e6:.1f} us more, of a call"
        book.line(name, more / extra, MOST_OF_GLOBAL, "%", 100)
        await listing(book, folder, url, f"http://127.0.0.1:{port}/mcp")
        silent.close()
    return book.kept


async def soak(total: int, *, unsent: bool, workers: int = 8) -> bool:
    """So many calls of 200 tenants; what the process keeps must not grow with them.

    With `unsent` the upstream answers in this process: six times the calls in the same time, without sockets.
    """
    book = Book()
    print(f"Gateway: {total} calls of {ACTIVE} tenants")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"http://127.0.0.1:{stack.enter_context(served(UPSTREAM, Path.cwd())).port}"
        urls = [f"{url}/{number}/mcp" for number in range(ACTIVE)]
        connect = at_once if unsent else open_upstream
        async with opened(settings_of(folder, {}), urls, connect=connect) as gateway:
            sizes: list[int] = []
            for part in range(10):
                turn = iter(range(total // 10))

                async def work(turn: Iterator[int] = turn) -> None:
                    for count in turn:
                        await call(gateway, count % ACTIVE)

                await asyncio.gather(*(work() for _ in range(workers)))
                gc.collect()
                sizes.append(resident())
                now = gateway.clients.statistics()
                book.note(
                    f"  after {total // 10 * (part + 1)} calls",
                    f"{sizes[-1] / 2**20:.1f} MiB, {now.clients} clients, {now.in_flight} in use",
                )
    book.line("growth after the first fifth", max(sizes[2:]) - sizes[1], MOST_GROWTH, "MiB", 1 / 2**20)
    return book.kept


def resident() -> int:
    """Bytes of memory that the process occupies."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say whether the budgets hold."""
    parser = argparse.ArgumentParser(prog="bench.gateway", description=__doc__)
    parser.add_argument("--calls", type=int, default=2000, help="calls per round (default 2000)")
    parser.add_argument("--tenants", type=int, default=CONFIGURED, help="tenants configured")
    parser.add_argument("--soak", type=int, metavar="N", help="instead: so many calls, memory must stay flat")
    parser.add_argument("--unsent", action="store_true", help="with --soak: upstreams answer in this process")
    given = parser.parse_args(arguments)
    if given.soak:
        kept = asyncio.run(soak(given.soak, unsent=given.unsent))
    else:
        kept = asyncio.run(measure(calls=given.calls, configured=given.tenants))
    print("budgets of the gateway kept" if kept else "a budget of the gateway was missed")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
