"""The MCP server of an application: the only code that knows the SDK's server class."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import mcp_types as types
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.connection import Connection
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    SubscriptionBus,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_arangodb_async import __version__
from mcp_arangodb_async.observability import tracing
from mcp_arangodb_async.server.app import App
from mcp_arangodb_async.server.dispatch import Incoming, unannounced
from mcp_arangodb_async.server.endpoint import Endpoint, endpoint_of
from mcp_arangodb_async.server.instructions import INSTRUCTIONS
from mcp_arangodb_async.server.listing import ToolListing
from mcp_arangodb_async.server.questions import questions_of
from mcp_arangodb_async.server.reading import Reading
from mcp_arangodb_async.server.sdk import Context, connection_of
from mcp_arangodb_async.sessions import SessionRequest, SessionState, session_of
from mcp_arangodb_async.sessions.identity import Era, Transport
from mcp_arangodb_async.tools.call import NO_QUESTIONS

NAME = "mcp-arangodb-async"
# Lists depend on settings and authorization alone, so a client may keep them for five minutes.
CACHE = CacheHint(ttl_ms=300_000, scope="public")
PRIVATE_CACHE = CacheHint(ttl_ms=300_000, scope="private")
LISTS: tuple[CacheableMethod, ...] = (
    "server/discover",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "prompts/list",
)
# What `tools/list` says of servers that are missing from it, in `_meta`.
NOTES = "mcp-arangodb-async/notes"
UPSTREAM_TTL_MS = 15_000
NO_ENDPOINT = Endpoint()


class ArangoServer(Server[App]):
    """The SDK's server, which tells handshake-era clients that its tool list can change."""

    listen: ListenHandler

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        return super().create_initialization_options(
            notification_options or NotificationOptions(tools_changed=True),
            experimental_capabilities,
            extensions,
        )


def build_server(app: App, *, transport: Transport) -> ArangoServer:
    """The server for one transport of the application."""
    settings = app.settings
    bus = InMemorySubscriptionBus()
    handlers = Handlers(app, transport, bus)
    app.relisted.append(handlers.relist)

    @asynccontextmanager
    async def lifespan(_: Server[App]) -> AsyncGenerator[App]:
        yield app

    listen = ListenHandler(bus)
    hint = PRIVATE_CACHE if settings.http.tokens or settings.oauth.issuer else CACHE
    server = ArangoServer(
        NAME,
        version=__version__,
        title="ArangoDB",
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        get_tool_input_schema=handlers.schema_of,
        cache_hints={**dict.fromkeys(LISTS, hint), "resources/read": CacheHint()},
        on_subscriptions_listen=listen,
    )
    server.listen = listen
    if not tracing.is_on():
        # The SDK's tracing costs a third of a call even where nobody traces.
        server.middleware.clear()
    # Results are handed over as dictionaries, which the SDK does not walk once more as models.
    server.add_request_handler("tools/list", types.PaginatedRequestParams, handlers.list_tools)
    server.add_request_handler("tools/call", types.CallToolRequestParams, handlers.call_tool)
    Reading(app).register(server)
    return server


class Handlers:
    """The answers to MCP's requests, for one transport."""

    def __init__(self, app: App, transport: Transport, bus: SubscriptionBus) -> None:
        self._app = app
        self._transport: Transport = transport
        self._bus = bus
        self._listing = self._listed()
        # Connections that have asked for the list and can be told of another one.
        self._told: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._telling: set[asyncio.Task[None]] = set()

    def schema_of(self, name: str) -> Mapping[str, Any] | None:
        """The tool's input schema, as the SDK asks for it on every call."""
        return self._listing.schema_of(name)

    def relist(self) -> None:
        """The application has other tools: list them from now on, and tell the clients."""
        self._listing = self._listed()
        telling = asyncio.get_running_loop().create_task(self._tell())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    def _listed(self) -> ToolListing:
        server = self._app.settings.server
        return ToolListing(
            list(self._app.tools.values()),
            session=self._transport == "http",
            toolset=server.toolset,
            read_only=server.read_only,
        )

    async def _tell(self) -> None:
        """Say that the list changed, in both protocol eras; whoever has left meanwhile is not told."""
        await self._bus.publish(ToolsListChanged())
        for connection in list(self._told):
            with suppress(MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError):
                await connection.send_tool_list_changed()

    @property
    def _asks(self) -> bool:
        """Whether a call may have something to ask its user."""
        return self._app.around.tenancy is not None or self._app.settings.server.confirm != "never"

    async def list_tools(self, context: Context, _params: types.PaginatedRequestParams) -> dict[str, Any]:
        """The tools: one page, and for the handshake era what the session chose."""
        endpoint = endpoint_of_context(context)
        session = await self._listed_session(context, endpoint)
        who = endpoint.principal
        if is_pushed_to(context):
            self._told.add(connection_of(context))
        shown = self._listing.shown(
            toolset=endpoint.toolset, session=session, access=None if who is None else who.access or "none"
        )
        tenancy = self._app.around.tenancy
        if tenancy is None:
            return {"tools": shown, "resultType": "complete"}
        downstream = connection_of(context).session_id or endpoint.transport_session or ""
        listing = await tenancy.listing(who, downstream)
        tools = [*(tool for tool in shown if tool["name"] not in listing.hidden), *listing.tools]
        # Lists differ by caller, and with the upstreams' health: they are not kept for long.
        answer: dict[str, Any] = {
            "tools": tools, "resultType": "complete", "ttlMs": UPSTREAM_TTL_MS, "cacheScope": "private",
        }  # fmt: skip
        if listing.notes:
            answer["_meta"] = {NOTES: list(listing.notes)}
        return answer

    async def call_tool(self, context: Context, params: types.CallToolRequestParams) -> dict[str, Any]:
        """Run one call through the dispatcher."""
        endpoint = endpoint_of_context(context)
        era = era_of(context)
        connection = connection_of(context)
        kept = connection.session_id
        if kept is not None and not connection.state.get("ends_session"):
            connection.state["ends_session"] = True
            connection.exit_stack.push_async_callback(self._end, kept, id_of(endpoint))
        return await self._app.dispatcher.answer(
            Incoming(
                name=params.name,
                arguments=params.arguments or {},
                transport=self._transport,
                era=era,
                endpoint_database=endpoint.database,
                transport_session=kept or endpoint.transport_session,
                who=endpoint.principal,
                report=context.session.report_progress,
                list_changed=connection.send_tool_list_changed if is_pushed_to(context) else unannounced,
                questions=questions_of(context, params, era) if self._asks else NO_QUESTIONS,
            )
        )

    async def _listed_session(self, context: Context, endpoint: Endpoint) -> SessionState | None:
        if era_of(context) != "handshake":
            return None
        kept = connection_of(context).session_id or endpoint.transport_session
        chosen = self._session_id(kept, id_of(endpoint))
        return await self._app.sessions.peek(chosen) if chosen else None

    async def _end(self, transport_session: str, principal: str | None) -> None:
        """Forget the session of a client that left."""
        chosen = self._session_id(transport_session, principal)
        if chosen:
            await self._app.sessions.end(chosen)

    def _session_id(self, transport_session: str | None, principal: str | None) -> str | None:
        return session_of(
            SessionRequest(
                transport=self._transport,
                era="handshake",
                transport_session=transport_session,
                principal=principal,
            )
        ).id


def id_of(endpoint: Endpoint) -> str | None:
    """What sessions are bound to: the authenticated principal's id."""
    return None if endpoint.principal is None else endpoint.principal.id


def endpoint_of_context(context: Context) -> Endpoint:
    """Where the message came in; a pipe has one place only."""
    return NO_ENDPOINT if context.request is None else endpoint_of(context.request.scope)


def is_pushed_to(context: Context) -> bool:
    """Can this client be told of something outside an answer?"""
    return era_of(context) == "handshake" and endpoint_of_context(context).transport_session is None


def era_of(context: Context) -> Era:
    """The protocol era the request is written in."""
    return "stateless" if context.protocol_version in MODERN_PROTOCOL_VERSIONS else "handshake"
