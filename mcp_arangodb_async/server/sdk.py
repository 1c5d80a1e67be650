"""The one place that touches names of the MCP SDK that it does not promise to keep.

`tests/unit/server/test_sdk.py` imports each of them, so an SDK update that moves one fails there first.

The SDK's own stream loop locks a process to the protocol era of its first request. Clients exist that probe
`server/discover` and then send `initialize` on the same pipe, and the specification lets one process
serve both eras, so `serve_streams` routes every request by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mcp.server.connection import Connection, NotifyOnlyOutbound
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.runner import (
    ServerRunner,
    _NoServerRequestsDispatchContext,  # pyright: ignore[reportPrivateUsage] - see above
    aclose_shielded,
    modern_error_data,
    serve_one,
)
from mcp.shared._stream_protocols import ReadStream, WriteStream
from mcp.shared.dispatcher import DispatchContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.message import SessionMessage
from mcp.shared.transport_context import TransportContext
from mcp_types import PROTOCOL_VERSION_META_KEY
from pydantic import ValidationError

Params = Mapping[str, Any] | None
Context = ServerRequestContext[Any, Any]


def connection_of(context: Context) -> Connection:
    """The client's connection: it lives as long as a handshake-era session, else for one request."""
    return context.session._connection  # pyright: ignore[reportPrivateUsage] - the SDK offers no public way


def is_enveloped(params: Params) -> bool:
    """Whether the request carries its own protocol version, as 2026-07-28 requests do."""
    meta = (params or {}).get("_meta")
    return isinstance(meta, Mapping) and PROTOCOL_VERSION_META_KEY in meta


async def serve_streams(
    server: Server[Any],
    read: ReadStream[SessionMessage | Exception],
    write: WriteStream[SessionMessage],
    *,
    lifespan_state: object,
) -> None:
    """Serve one duplex pipe until it ends, each request in the era it is written in."""
    dispatcher: JSONRPCDispatcher[TransportContext] = JSONRPCDispatcher(
        read, write, inline_methods=frozenset({"initialize"})
    )
    handshake = Connection.for_loop(dispatcher)
    runner = ServerRunner(server, handshake, lifespan_state)
    outbound = NotifyOnlyOutbound(dispatcher)

    async def enveloped(
        context: DispatchContext[TransportContext], method: str, params: Params
    ) -> dict[str, Any]:
        route = classify_inbound_request({"method": method, "params": params})
        if isinstance(route, InboundLadderRejection):
            raise MCPError(code=route.code, message=route.message, data=route.data)
        connection = Connection.from_envelope(
            route.protocol_version, route.client_info, route.client_capabilities, outbound=outbound
        )
        refusing = _NoServerRequestsDispatchContext(context)
        try:
            return await serve_one(
                server, refusing, method, params, connection=connection, lifespan_state=lifespan_state
            )
        except (MCPError, ValidationError):
            raise
        except Exception as error:
            data = modern_error_data(error)
            raise MCPError(code=data.code, message=data.message, data=data.data) from error

    async def on_request(
        context: DispatchContext[TransportContext], method: str, params: Params
    ) -> dict[str, Any]:
        if method != "initialize" and is_enveloped(params):
            return await enveloped(context, method, params)
        return await runner.on_request(context, method, params)

    try:
        await dispatcher.run(on_request, runner.on_notify)
    finally:
        await aclose_shielded(handshake)


def http_request(context: Context) -> Any | None:
    """The HTTP request a message came in, None on a pipe."""
    return cast("Any", context.request)
