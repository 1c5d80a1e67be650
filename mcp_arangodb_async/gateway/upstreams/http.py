"""Upstreams over Streamable HTTP: one request for each call in the era of 2026-07-28, a session before it.

The SDK's client finds out which era an upstream speaks and keeps the sessions of older ones. A call to an
upstream of 2026-07-28 is a request that stands alone, so it is sent as one: the SDK's streams and tasks
between would cost four times the CPU (decision 0010).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, cast

import aiohttp
import orjson
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    encode_header_value,
)
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    PROTOCOL_VERSION_META_KEY,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolResult,
    InputRequiredResult,
    methods,
)
from pydantic import ValidationError

from mcp_arangodb_async import __version__
from mcp_arangodb_async.errors import DeadlineError, LostSessionError, MaaError
from mcp_arangodb_async.gateway.upstreams.connection import (
    CLIENT_NAME,
    MAXIMUM_PAGES,
    MAXIMUM_TOOLS,
    STATELESS_VERSION,
    Connection,
    Definition,
    Report,
    Result,
    Target,
    ToolCall,
    malformed,
    rpc_error,
    too_many,
)
from mcp_arangodb_async.gateway.upstreams.events import EventParser
from mcp_arangodb_async.gateway.upstreams.network import Network, status_error
from mcp_arangodb_async.gateway.upstreams.session import open_http_session

# Errors with a status of 400 or 404 that say something about the call, not about the server.
_ABOUT_THE_CALL = frozenset(
    {INVALID_PARAMS, METHOD_NOT_FOUND, HEADER_MISMATCH, MISSING_REQUIRED_CLIENT_CAPABILITY}
)
_CLIENT_INFO = {"name": CLIENT_NAME, "version": __version__}
_ACCEPT = "application/json, text/event-stream"
# Forms only: nobody here can vouch for an address that an upstream wants opened.
_ELICITATION: dict[str, Any] = {"elicitation": {"form": {}}}


async def open_http(target: Target, network: Network) -> Connection:
    """A connection to a Streamable HTTP server, in the era it speaks; no request if that is remembered."""
    if target.version == STATELESS_VERSION:
        return StatelessHttp(target, network)
    session = await open_http_session(target, network)
    if session.version != STATELESS_VERSION:
        return session
    await session.close()
    return StatelessHttp(target, network)


class StatelessHttp:
    """Calls to an upstream of 2026-07-28: nothing is kept between them but open sockets."""

    __slots__ = ("_gone", "_network", "_numbers", "_target", "secrets")

    version = STATELESS_VERSION
    shared = True

    def __init__(self, target: Target, network: Network) -> None:
        assert target.location is not None
        self._target = target
        self._network = network
        self._numbers = itertools.count(1)
        self._gone = False
        self.secrets = target.secrets

    @property
    def alive(self) -> bool:
        """False once the upstream said that it does not speak this version any more."""
        return not self._gone

    async def close(self) -> None:
        """Nothing is held; the network keeps the sockets."""
        self._gone = True

    async def list_tools(self, seconds: float) -> list[Definition]:
        """The upstream's tools."""
        tools: list[Definition] = []
        cursor: str | None = None
        async with _within(self._target, seconds):
            for _ in range(MAXIMUM_PAGES):
                params: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
                page = await self._request("tools/list", params, capabilities={})
                tools.extend(page["tools"])
                cursor = page.get("nextCursor")
                if len(tools) > MAXIMUM_TOOLS:
                    break
                if not cursor:
                    return tools
        raise too_many(self._target)

    async def call_tool(self, call: ToolCall) -> Result:
        """The result of one call."""
        params: dict[str, Any] = {"name": call.name, "arguments": call.arguments}
        if call.responses is not None:
            params["inputResponses"] = call.responses
        if call.state is not None:
            params["requestState"] = call.state
        async with _within(self._target, call.timeout):
            return await self._request(
                "tools/call",
                params,
                capabilities=_ELICITATION if call.elicitation else {},
                headers={MCP_NAME_HEADER: encode_header_value(call.name), **call.headers},
                report=call.report,
            )

    async def _request(
        self,
        method: str,
        params: dict[str, Any],
        *,
        capabilities: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        report: Report | None = None,
    ) -> Result:
        """Send one request and read its answer."""
        target = self._target
        assert target.location is not None
        number = next(self._numbers)
        meta: dict[str, Any] = {
            PROTOCOL_VERSION_META_KEY: self.version,
            CLIENT_INFO_META_KEY: _CLIENT_INFO,
            CLIENT_CAPABILITIES_META_KEY: capabilities,
        }
        if report is not None:
            meta["progressToken"] = number
        params["_meta"] = meta
        sent = {
            **target.headers,
            "accept": _ACCEPT,
            "content-type": "application/json",
            MCP_PROTOCOL_VERSION_HEADER: self.version,
            MCP_METHOD_HEADER: method,
            **(headers or {}),
        }
        body = orjson.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        async with self._network.send(
            "POST", target.location, headers=sent, body=body, connect_timeout=target.connect_timeout
        ) as answer:
            message = await self._answer(answer, number, report)
        return self._checked(method, message)

    async def _answer(
        self, answer: aiohttp.ClientResponse, number: int, report: Report | None
    ) -> dict[str, Any]:
        """The JSON-RPC message that answers the request."""
        target = self._target
        assert target.location is not None
        kind = answer.content_type
        if kind == "text/event-stream" and answer.status == 200:
            return await self._streamed(answer, number, report)
        if kind != "application/json":
            if answer.status >= 400:
                raise self._status(answer.status)
            raise malformed(target)
        message = _parsed(await self._network.read(target.location, answer))
        # An error that was answered before the request's id was read has none.
        if message is not None and "error" in message and (message.get("id") in {number, None}):
            if answer.status in {400, 404, 405} and code_of(message) not in _ABOUT_THE_CALL:
                raise self._replaced()
            return message
        if answer.status >= 400:
            raise self._status(answer.status)
        if message is None or message.get("id") != number:
            raise malformed(target)
        return message

    async def _streamed(
        self, answer: aiohttp.ClientResponse, number: int, report: Report | None
    ) -> dict[str, Any]:
        """The answer at the end of an event stream; progress on the way is passed on."""
        target = self._target
        assert target.location is not None
        parser = EventParser(self._network.maximum_response)
        async for chunk in self._network.chunks(target.location, answer):
            for data in parser.feed(chunk):
                message = _parsed(data)
                if message is None:
                    raise malformed(target)
                if message.get("id") == number and ("result" in message or "error" in message):
                    return message
                if report is not None and message.get("method") == "notifications/progress":
                    await _progress(message.get("params"), number, report)
        raise malformed(target)

    def _checked(self, method: str, message: dict[str, Any]) -> Result:
        """The result of an answer, valid by the protocol's schema; our error for an error."""
        if "error" in message:
            code = code_of(message)
            if code == UNSUPPORTED_PROTOCOL_VERSION:
                raise self._replaced()
            raise rpc_error(self._target, code)
        result = message.get("result")
        if not isinstance(result, dict):
            raise malformed(self._target)
        found = cast("Result", result)
        try:
            if method == "tools/call":
                # The schema's union of both kinds takes nearly anything: each is held to its own.
                asks = found.get("resultType") == "input_required"
                (InputRequiredResult if asks else CallToolResult).model_validate(found, by_name=False)
            else:
                methods.validate_server_result(method, self.version, found)
        except ValidationError as error:
            raise malformed(self._target) from error
        return found

    def _status(self, status: int) -> MaaError:
        assert self._target.location is not None
        if status in {400, 404, 405}:
            return self._replaced()
        return status_error(self._target.location, status)

    def _replaced(self) -> LostSessionError:
        """The call was not understood: an older server may stand there now, so its era is asked for again."""
        self._gone = True
        return LostSessionError(f"{self._target.shown} does not understand what it did before")


class _within:  # noqa: N801  a block, read like one: `async with _within(...)`
    """The block ends within so many seconds, or with DeadlineError."""

    __slots__ = ("_seconds", "_target", "_timeout")

    def __init__(self, target: Target, seconds: float) -> None:
        self._target = target
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._timeout.__aexit__(*error)
        except TimeoutError:
            raise DeadlineError(f"{self._target.shown} did not answer within {self._seconds:.3g} s") from None


def code_of(message: Mapping[str, Any]) -> int:
    """The code of a JSON-RPC error, 0 for one without."""
    error: object = message["error"]
    code: object = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 0


def _parsed(data: bytes) -> dict[str, Any] | None:
    """A JSON object, None for anything else."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", message) if isinstance(message, dict) else None


async def _progress(params: object, number: int, report: Report) -> None:
    """Pass one progress notification on, if it is one and belongs to this request."""
    if not isinstance(params, dict):
        return
    facts = cast("dict[str, Any]", params)
    done, total, message = facts.get("progress"), facts.get("total"), facts.get("message")
    if facts.get("progressToken") == number and isinstance(done, int | float):
        await report(
            float(done),
            float(total) if isinstance(total, int | float) else None,
            message[:1000] if isinstance(message, str) else None,
        )
