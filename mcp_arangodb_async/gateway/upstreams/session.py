"""Sessions with upstreams of the handshake era, kept by the SDK's client in a task of their own.

The SDK's client opens a task group, which must be left by the task that entered it; so each session has one
task, which opens, waits and closes, and callers send their requests through it.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import httpx2
import mcp_types as types
from mcp import Client
from mcp.client.session import ClientRequestContext
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import RootModel, ValidationError

from mcp_arangodb_async import __version__
from mcp_arangodb_async.errors import DeadlineError, LostSessionError, MaaError, UnreachableError
from mcp_arangodb_async.gateway.upstreams.connection import (
    CLIENT_NAME,
    MAXIMUM_PAGES,
    MAXIMUM_TOOLS,
    STATELESS_VERSION,
    Ask,
    Definition,
    Report,
    Result,
    Target,
    ToolCall,
    malformed,
    rpc_error,
    too_many,
)
from mcp_arangodb_async.gateway.upstreams.network import GuardedTransport, Network

CLIENT_INFO = types.Implementation(name=CLIENT_NAME, version=__version__)
# Shutting down a session tells the server; a server that does not listen is not waited for.
CLOSE_SECONDS = 5.0
Streams = AbstractAsyncContextManager[Any]


class Raw(RootModel[dict[str, Any]]):
    """A result as it came; the SDK has validated it against the protocol's schema before."""


class SessionConnection:
    """One session of the SDK's client, and the questions that the upstream asks in it."""

    shared = False

    def __init__(self, target: Target, *, era: str) -> None:
        self._target = target
        self._mode = era
        self._lost: Callable[[], bool] = standing
        self._client: Client | None = None
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failure: MaaError | None = None
        # Why the session is over, where the transport says so: who waits for an answer is told at once.
        self._over: asyncio.Future[MaaError] | None = None
        # Who may be asked, the latest call last: a session has one caller, who may have several calls.
        self._asks: list[Ask] = []
        self.version = ""
        self.secrets = target.secrets

    @property
    def alive(self) -> bool:
        """Whether the session still stands."""
        standing = self._task is not None and not self._task.done() and not self._stop.is_set()
        return standing and not self._lost() and not (self._over is not None and self._over.done())

    def watch(self) -> Callable[[MaaError], None]:
        """What the transport calls when the session is over."""
        over: asyncio.Future[MaaError] = asyncio.get_running_loop().create_future()
        self._over = over

        def ended(error: MaaError) -> None:
            if not over.done():
                over.set_result(error)

        return ended

    def note(self, error: MaaError) -> None:
        """Remember why the transport failed: what the SDK raises of it says less."""
        self._failure = error

    async def open(self, streams: Streams, lost: Callable[[], bool] | None = None) -> None:
        """Open the session on these streams within the target's time; raises our errors.

        `lost` tells when the transport has learnt that the upstream forgot the session.
        """
        self._lost = lost or standing
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(ready, streams), name=f"upstream {self._target.server}")
        try:
            async with asyncio.timeout(self._target.connect_timeout):
                await asyncio.shield(ready)
        except TimeoutError:
            await self.close()
            raise UnreachableError(
                f"{self._target.shown} did not finish the handshake within "
                f"{self._target.connect_timeout:.3g} s"
            ) from None
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave the session; a server that does not answer is left without a word."""
        self._stop.set()
        task = self._task
        if task is None or task.done():
            return
        # A handshake that is under way is not waited for.
        patience = CLOSE_SECONDS if self._client is not None else 0
        done, _ = await asyncio.wait([task], timeout=patience)
        if not done:
            task.cancel()
            await asyncio.wait([task], timeout=CLOSE_SECONDS)

    async def _live(self, ready: asyncio.Future[None], streams: Streams) -> None:
        """Open, wait for the end, close: all in this one task."""
        try:
            async with Client(
                streams,
                mode=self._mode,
                client_info=CLIENT_INFO,
                cache=None,
                elicitation_callback=self._asked,
            ) as client:
                self._client = client
                self.version = client.protocol_version
                if not ready.done():
                    ready.set_result(None)
                await self._stop.wait()
        except asyncio.CancelledError:
            if not ready.done():
                ready.set_exception(self._opening_failure())
            raise
        except Exception as error:  # noqa: BLE001  whatever ends a session ends nothing else
            if not ready.done():
                ready.set_exception(self._opening_failure(error))
        finally:
            if ready.done() and not ready.cancelled():
                ready.exception()  # seen, so that nobody is warned when the caller has gone

    def _opening_failure(self, error: BaseException | None = None) -> MaaError:
        """Why the session could not be opened, in our words."""
        if self._failure is not None:
            return self._failure
        inner = innermost(error)
        if isinstance(inner, MaaError):
            return inner
        if isinstance(inner, MCPError):
            return rpc_error(self._target, inner.code)
        if isinstance(inner, ValidationError | RuntimeError):
            return malformed(self._target)
        return UnreachableError(f"{self._target.shown} cannot be reached, or does not speak MCP")

    async def list_tools(self, seconds: float) -> list[Definition]:
        """The upstream's tools."""
        tools: list[Definition] = []
        cursor: str | None = None
        for _ in range(MAXIMUM_PAGES):
            request = types.ListToolsRequest(params=types.PaginatedRequestParams(cursor=cursor))
            page = await self._send(request, seconds)
            tools.extend(page["tools"])
            cursor = page.get("nextCursor")
            if len(tools) > MAXIMUM_TOOLS:
                break
            if not cursor:
                return tools
        raise too_many(self._target)

    async def call_tool(self, call: ToolCall) -> Result:
        """The result of one call; questions of the upstream go to this caller while it waits."""
        request = types.CallToolRequest(
            params=types.CallToolRequestParams(name=call.name, arguments=dict(call.arguments))
        )
        if call.ask is None:
            return await self._send(request, call.timeout, call.report)
        loop = asyncio.get_running_loop()
        ask = call.ask
        try:
            async with asyncio.timeout(call.timeout) as limit:

                async def unhurried(params: Mapping[str, Any]) -> Mapping[str, Any]:
                    """While the user thinks, the upstream's time does not run."""
                    limit.reschedule(None)
                    try:
                        return await ask(params)
                    finally:
                        limit.reschedule(loop.time() + call.timeout)

                self._asks.append(unhurried)
                try:
                    return await self._send(request, None, call.report)
                finally:
                    self._asks.remove(unhurried)
        except TimeoutError:
            raise self._late(call.timeout) from None

    async def _send(
        self, request: types.ClientRequest, seconds: float | None, report: Report | None = None
    ) -> Result:
        client = self._client
        if client is None or not self.alive:
            raise LostSessionError(f"{self._target.shown} ended the session")

        async def progress(progress: float, total: float | None, message: str | None) -> None:
            if report is not None:
                await report(progress, total, message)

        try:
            answer = await self._unless_over(
                client.session.send_request(
                    request,
                    Raw,
                    request_read_timeout_seconds=seconds,
                    progress_callback=progress if report is not None else None,
                )
            )
        except MCPError as error:
            raise self._refused(error.code, seconds) from error
        except ValidationError as error:
            raise malformed(self._target) from error
        return answer.root

    async def _unless_over(self, answer: Coroutine[Any, Any, Raw]) -> Raw:
        """The answer, or the error that ended the session meanwhile."""
        over = self._over
        if over is None:
            return await answer
        waiting = asyncio.ensure_future(answer)
        try:
            await asyncio.wait({waiting, over}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise copy.copy(over.result())
            return waiting.result()
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.wait([waiting])

    def _late(self, seconds: float) -> MaaError:
        return DeadlineError(f"{self._target.shown} did not answer within {seconds:.3g} s")

    def _refused(self, code: int, seconds: float | None) -> MaaError:
        """An MCP error in our words, or the transport's own reason for it."""
        if code == types.CONNECTION_CLOSED:
            # What was sent may have been done; the session is over in any case.
            self._stop.set()
        elif self._lost():
            return LostSessionError(f"{self._target.shown} has forgotten the session")
        if code == types.REQUEST_TIMEOUT and seconds is not None:
            return self._late(seconds)
        failure, self._failure = self._failure, None
        if failure is not None:
            return failure
        return rpc_error(self._target, code)

    async def _asked(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        """The upstream asks its user; without anybody to ask, that is said."""
        del context
        if not self._asks or not isinstance(params, types.ElicitRequestFormParams):
            return types.ErrorData(code=types.INVALID_REQUEST, message="nobody can be asked")
        try:
            answer = await self._asks[-1](params.model_dump(by_alias=True, mode="json", exclude_none=True))
            return types.ElicitResult.model_validate(dict(answer), by_name=False)
        except (MaaError, ValidationError):
            return types.ErrorData(code=types.INVALID_REQUEST, message="nobody can be asked")


async def open_http_session(target: Target, network: Network) -> SessionConnection:
    """A session over Streamable HTTP; the upstream's era decides what it can be used for."""
    assert target.location is not None
    url = target.location.url
    connection = SessionConnection(target, era=era_of(target))
    carrier = carrier_of(connection, target, network)

    @asynccontextmanager
    async def streams() -> AsyncGenerator[Any]:
        async with (
            httpx2.AsyncClient(transport=carrier, timeout=None, trust_env=False) as http,
            streamable_http_client(
                url, http_client=http, max_sse_event_size=network.maximum_response
            ) as pair,
        ):
            yield pair

    await connection.open(streams(), lambda: carrier.lost)
    return connection


async def open_sse_session(target: Target, network: Network) -> SessionConnection:
    """A session over HTTP with SSE."""
    assert target.location is not None
    connection = SessionConnection(target, era="legacy")
    carrier = carrier_of(connection, target, network, over=connection.watch())

    def http_client(
        headers: Mapping[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,  # noqa: ARG001  the factory's signature; ours are around it
        auth: httpx2.Auth | None = None,  # noqa: ARG001
    ) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            transport=carrier, headers=dict(headers or {}), timeout=None, trust_env=False
        )

    await connection.open(
        sse_client(target.location.url, httpx_client_factory=http_client), lambda: carrier.lost
    )
    return connection


def carrier_of(
    connection: SessionConnection,
    target: Target,
    network: Network,
    over: Callable[[MaaError], None] | None = None,
) -> GuardedTransport:
    """What carries the SDK's requests for a session, and tells it why one failed."""
    assert target.location is not None
    return GuardedTransport(
        network,
        target.location,
        headers=target.headers,
        connect_timeout=target.connect_timeout,
        failed=connection.note,
        over=over,
    )


def standing() -> bool:
    """A session on a pipe is not forgotten: it ends with the pipe."""
    return False


def era_of(target: Target) -> str:
    """How the SDK is to negotiate: what is remembered saves a probe."""
    if target.version is None or target.version == STATELESS_VERSION:
        return "auto"
    return "legacy"


def innermost(error: BaseException | None) -> BaseException | None:
    """The first error in a group of errors: task groups wrap what went wrong."""
    found = error
    while isinstance(found, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", found)
        found = group.exceptions[0]
    return found
