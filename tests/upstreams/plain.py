"""A server of ours on the SDK's low level: whatever its tools are told to be, in either protocol era.

    app = Plain({"echo": echo}).app()
    Plain(...).seen          # the headers and arguments that reached it, to look for what must not

Its application speaks 2026-07-28 and 2025-11-25; `eras="handshake"` refuses the newer one, as older servers
do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

Context = ServerRequestContext[Any, Any]
Body = Callable[[Context, dict[str, Any]], Awaitable[Any]]
Eras = Literal["both", "handshake"]
ANYTHING: Mapping[str, Any] = {"type": "object"}


def schema(*required: str, **properties: str) -> dict[str, Any]:
    """An input schema: `schema("text", text="string")`."""
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(required),
    }


@dataclass(slots=True, kw_only=True)
class Offered:
    """A tool as the server lists it, and what it does; the body returns text, a result, or raises."""

    body: Body
    description: str = "A tool."
    input_schema: dict[str, Any] = field(default_factory=lambda: dict(ANYTHING))


@dataclass(slots=True, kw_only=True)
class Seen:
    """One call as it reached the server."""

    tool: str
    arguments: dict[str, Any]
    headers: dict[str, str]


class Plain:
    """A server whose tools are a table that a test may change while it runs."""

    def __init__(self, tools: Mapping[str, Offered], *, name: str = "plain", eras: Eras = "both") -> None:
        self.tools = dict(tools)
        self.eras = eras
        self.seen: list[Seen] = []
        self.requests: list[dict[str, str]] = []
        self.list_delay = 0.0
        self.down = False
        self.key: str | None = None
        self._manager: StreamableHTTPSessionManager | None = None
        self._sse: SseServerTransport | None = None
        server: Server[Any] = Server(
            name, version="1", on_list_tools=self._list, on_call_tool=self._call,
            get_tool_input_schema=lambda _: None,
        )  # fmt: skip
        server.middleware.clear()
        self.server = server

    def forget_sessions(self) -> None:
        """As a restarted server: it knows no session any more."""
        assert self._manager is not None
        assert self._sse is not None
        self._manager._server_instances.clear()  # pyright: ignore[reportPrivateUsage] - what a restart does
        self._sse._read_stream_writers.clear()  # pyright: ignore[reportPrivateUsage] - the same

    async def _list(self, context: Context, params: types.PaginatedRequestParams | None) -> Any:
        del context, params
        await asyncio.sleep(self.list_delay)
        return types.ListToolsResult(
            tools=[
                types.Tool(name=name, description=tool.description, input_schema=tool.input_schema)
                for name, tool in self.tools.items()
            ]
        )

    async def _call(self, context: Context, params: types.CallToolRequestParams) -> Any:
        arguments = params.arguments or {}
        headers = {} if context.request is None else dict(context.request.headers)
        self.seen.append(Seen(tool=params.name, arguments=arguments, headers=headers))
        tool = self.tools.get(params.name)
        if tool is None:
            raise MCPError(code=types.INVALID_PARAMS, message=f"no tool {params.name}, secret-of-upstream")
        answers = {"__answers__": params.input_responses, "__state__": params.request_state}
        result = await tool.body(
            context, {**arguments, **{k: v for k, v in answers.items() if v is not None}}
        )
        if isinstance(result, str):
            return types.CallToolResult(content=[types.TextContent(text=result)])
        return result

    def app(self) -> Any:
        """The application, at /mcp; /sse is the transport of old servers."""
        manager = StreamableHTTPSessionManager(self.server, json_response=False)
        self._manager = manager
        sse = self._sse = SseServerTransport("/messages/")

        async def mcp(scope: Any, receive: Any, send: Any) -> None:
            refused = self._refusal(scope)
            if refused is not None:
                await refused(scope, receive, send)
            else:
                await manager.handle_request(scope, receive, send)

        async def messages(scope: Any, receive: Any, send: Any) -> None:
            refused = self._refusal(scope)
            await (refused or sse.handle_post_message)(scope, receive, send)

        async def events(request: Request) -> Response:
            refused = self._refusal(request.scope)
            if refused is not None:
                return refused
            async with sse.connect_sse(request.scope, request.receive, request._send) as streams:  # pyright: ignore[reportPrivateUsage] - as the SDK's own example does
                await self.server.run(*streams, self.server.create_initialization_options())
            return Response()

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncGenerator[None]:
            async with manager.run():
                yield

        return Starlette(
            routes=[
                Route("/sse", events),
                Mount("/messages/", messages),
                Mount("/", mcp),
            ],
            lifespan=lifespan,
        )

    def _refusal(self, scope: Any) -> Response | None:
        """What is answered instead of MCP: the server is down, or the key is wrong, or the era is refused."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append(headers)
        if self.down:
            return Response("down, secret-of-upstream", 503)
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"detail": f"wrong key, want {self.key}"}, 401)
        if self.eras == "handshake" and headers.get("mcp-protocol-version") in MODERN_PROTOCOL_VERSIONS:
            return JSONResponse(
                {
                    "jsonrpc": "2.0",
                    "id": None,
                    "error": {"code": -32000, "message": "Bad Request: no session"},
                },
                400,
            )
        return None


async def echo(context: Context, arguments: dict[str, Any]) -> str:
    """Its text."""
    del context
    return str(arguments.get("text", ""))


async def steps(context: Context, arguments: dict[str, Any]) -> str:
    """Progress, one step after the other."""
    count = int(arguments.get("steps", 3))
    for step in range(count):
        await context.session.report_progress(step + 1, count, f"step {step + 1}")
    return f"{count} steps"


async def ask(context: Context, arguments: dict[str, Any]) -> Any:
    """A question to the user, in the words of either era."""
    message = f"Drop {arguments.get('what', 'it')}?"
    wanted = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        capabilities = context.session.client_capabilities
        if not (capabilities and capabilities.elicitation):
            return "nobody to ask"
        answers = arguments.get("__answers__")
        if not answers:
            question = types.ElicitRequest(
                params=types.ElicitRequestFormParams(message=message, requested_schema=wanted)
            )
            return types.InputRequiredResult(
                input_requests={"sure": question}, request_state="upstream-state"
            )
        assert arguments["__state__"] == "upstream-state"
        answer = answers["sure"]
    else:
        answer = await context.session.elicit(message, wanted, related_request_id=context.request_id)
    assert isinstance(answer, types.ElicitResult)
    sure = answer.action == "accept" and (answer.content or {}).get("sure")
    return "dropped" if sure else "kept"


class Hanging:
    """A tool that answers when it is let go, and tells whether it was cancelled."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, context: Context, arguments: dict[str, Any]) -> str:
        del context, arguments
        self.entered.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "late"


def usual() -> dict[str, Offered]:
    """A few honest tools."""
    return {
        "echo": Offered(body=echo, description="Echo a text.", input_schema=schema("text", text="string")),
        "steps": Offered(body=steps, description="Count.", input_schema=schema(steps="integer")),
        "ask": Offered(body=ask, description="Ask first.", input_schema=schema(what="string")),
    }
