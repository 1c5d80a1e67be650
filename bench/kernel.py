"""CPU per call of the server's parts, in this process, without a transport.

Every number is the smallest of several rounds, and ratios are made within one round's conditions: other
programs on the machine make single rounds slower, never faster.
"""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_one
from mcp.shared.transport_context import TransportContext
from pydantic import BaseModel

from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.build import build_server
from mcp_arangodb_async.server.dispatch import Incoming, unannounced, unreported
from mcp_arangodb_async.server.render import rendered
from mcp_arangodb_async.sessions import Resolution, SessionChoice, resolve_database
from mcp_arangodb_async.tools.arguments import parse_args
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.query import QueryArgs, arango_query

MODERN = "2026-07-28"
QUERY = "FOR u IN users FILTER u.age == @age RETURN u"
BIND = {"age": 7}
Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One named measurement: CPU microseconds per call."""

    name: str
    microseconds: float


class Exchange:
    """The dispatch context of one in-process request, as the SDK's transports make them."""

    transport = TransportContext(kind="bench", can_send_request=False)
    can_send_request = False
    request_id = 1
    message_metadata = None

    async def notify(self, *_: object, **__: object) -> None:
        """Nobody listens."""

    async def progress(self, *_: object, **__: object) -> None:
        """Nobody listens."""


def settings() -> Settings:
    """Three databases in memory, the second of them the default."""
    place = EmbeddedServer(directory=None)
    databases = {
        key: DatabaseSettings(key=key, server=place, database=f"{key}_data") for key in ("a", "b", "c")
    }
    return Settings(databases=databases, default_database="b")


@asynccontextmanager
async def filled_app() -> AsyncGenerator[App]:
    """An application with a hundred users in its default database."""
    async with open_app(settings()) as app:
        database = await app.manager.get_database("b")
        await database.call("POST", "_api", "collection", body={"name": "users"})
        users = [{"_key": str(number), "age": number % 50, "name": f"user {number}"} for number in range(100)]
        await database.call("POST", "_api", "document", "users", body=users)
        yield app


async def cpu(work: Work, *, calls: int, rounds: int = 7) -> float:
    """The CPU microseconds of one call."""
    for _ in range(max(3, calls // 10)):
        await work()
    best = float("inf")
    gc.collect()
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(calls):
            await work()
        best = min(best, (time.process_time() - started) / calls)
    return best * 1e6


def exchange(server: Server[Any], state: object, name: str, arguments: dict[str, Any]) -> Work:
    """A `tools/call` through the SDK's kernel, as one stateless request."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"name": name, "arguments": arguments, "_meta": meta}
    context: Any = Exchange()

    async def call() -> object:
        connection = Connection.from_envelope(MODERN, None, {})
        return await serve_one(
            server, context, "tools/call", params, connection=connection, lifespan_state=state
        )

    return call


class Echo(BaseModel):
    """Arguments of the bare server's only tool."""

    text: str
    n: int = 1


def bare_server() -> Server[Any]:
    """What the SDK alone costs: one tool that validates its arguments and answers with them."""

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        args = Echo.model_validate(params.arguments or {})
        return types.CallToolResult(content=[types.TextContent(text=args.text)])

    async def list_tools(_context: Any, _params: object) -> types.ListToolsResult:
        schema = Echo.model_json_schema()
        return types.ListToolsResult(tools=[types.Tool(name="echo", input_schema=schema)])

    return Server("bare", on_call_tool=call_tool, on_list_tools=list_tools)


def fixed_call(app: App) -> Call:
    """A call on one fixed database: no sessions, no resolution, no dispatch."""

    async def unchanged(_: object) -> None:
        return None

    return Call(
        request_id="0",
        around=app.around,
        choice=SessionChoice(source="stdio", id="stdio"),
        owner="stdio",
        session=None,
        resolution=Resolution(key="b", level=3, source="default_database"),
        change=unchanged,
        report=unreported,
        list_changed=unannounced,
    )


def fixed_server(app: App) -> Server[Any]:
    """The same query tool for one fixed database."""
    call = fixed_call(app)
    facts = {"database": "b", "resolved_by": "default_database"}

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> dict[str, Any]:
        args = parse_args(QueryArgs, params.arguments or {})
        return rendered(await arango_query.run(call, args), facts, app.around.limits)

    server: Server[Any] = Server("fixed")
    server.middleware.clear()
    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    return server


def dispatched(app: App, name: str, arguments: dict[str, Any]) -> Work:
    """A call through our dispatcher alone."""
    incoming = Incoming(name=name, arguments=arguments, transport="stdio", era="stateless")
    return lambda: app.dispatcher.answer(incoming)


async def measure(*, calls: int = 300) -> tuple[list[Measured], float]:
    """Every measurement, and the share that resolution, session and dispatch add to a call."""
    query = {"query": QUERY, "bind_vars": BIND}
    async with filled_app() as app:
        ours = build_server(app, transport="stdio")
        fixed = fixed_server(app)
        found: list[Measured] = []

        async def note(name: str, work: Work, times: int = calls) -> float:
            microseconds = await cpu(work, calls=times)
            found.append(Measured(name=name, microseconds=microseconds))
            return microseconds

        async def resolve() -> None:
            for _ in range(100):
                resolve_database(None, "a", app.settings)

        await note("bare SDK server, echo", exchange(bare_server(), None, "echo", {"text": "x"}), calls * 4)
        await note("arango_query on the embedded engine", exchange(ours, app, "arango_query", query))
        await note("arango_query, one fixed database", exchange(fixed, None, "arango_query", query))
        await note("dispatch alone", dispatched(app, "arango_get_focused_database", {}), calls * 4)
        resolution = await cpu(resolve, calls=calls) / 100
        found.append(Measured(name="resolution alone", microseconds=resolution))
        turn = 0

        async def switch() -> None:
            nonlocal turn
            turn += 1
            key = "ab"[turn % 2]
            await dispatched(app, "arango_set_focused_database", {"database": key})()

        await note("focus switch", switch, calls * 4)
        await dispatched(app, "arango_set_focused_database", {"database": "b"})()
        one, other = exchange(ours, app, "arango_query", query), exchange(fixed, None, "arango_query", query)
        return found, await added(one, other, calls=max(5, calls // 20))


async def added(one: Work, other: Work, *, calls: int, rounds: int = 60) -> float:
    """By which share `one` costs more CPU than `other`: taken in short turns, the fastest of each."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for at, work in enumerate((one, other)):
            started = time.process_time()
            for _ in range(calls):
                await work()
            best[at] = min(best[at], time.process_time() - started)
    return best[0] / best[1] - 1
