"""The one way out to upstream servers over HTTP: guarded, shared and bounded.

One connector keeps the connections of all tenants, with one TLS context: making a context of its own costs a
client forty milliseconds. A connection is made only to an address that the guard has judged, once when the
name is looked up and once more when the socket is made, so that nothing between the two (another answer of
the resolver, a literal address, a redirect) can lead elsewhere. No cookie is kept and no redirect followed.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from mcp_arangodb_async.errors import (
    AuthenticationError,
    DeniedError,
    InputError,
    LimitError,
    LostSessionError,
    MaaError,
    UnavailableError,
    UnreachableError,
    UpstreamError,
)
from mcp_arangodb_async.gateway.guard import (
    Location,
    Reach,
    Resolve,
    addresses_of,
    parsed_address,
    refusal,
)

KEEP_ALIVE_SECONDS = 30.0
MAXIMUM_RESPONSE = 16 * 1024 * 1024
_CHUNK = 64 * 1024
_GENERATED = ("User-Agent", "Accept-Encoding", "Accept")
AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class _RefusedAddressError(OSError):
    """A socket was about to be connected to an address that is refused."""


class GuardedResolver(AbstractResolver):
    """Looks names up and lets only allowed addresses through."""

    def __init__(self, reach: Reach, resolve: Resolve | None) -> None:
        self._reach = reach
        self._resolve = resolve

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002  aiohttp's signature
    ) -> list[ResolveResult]:
        """The allowed addresses of the host; DeniedError when one of them is refused."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await addresses_of(host, port, self._reach, self._resolve)
        ]

    async def close(self) -> None:
        """Nothing is kept."""


class Network:
    """Connections to upstream servers; one for an application."""

    def __init__(
        self,
        reach: Reach,
        *,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
        maximum_response: int = MAXIMUM_RESPONSE,
    ) -> None:
        self.reach = reach
        self.resolve = resolve
        self.maximum_response = maximum_response
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    def under(self, reach: Reach) -> Network:
        """Another network under another policy, with nothing open yet."""
        return Network(reach, tls=self._tls, resolve=self.resolve, maximum_response=self.maximum_response)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,  # the number of calls is limited for each upstream, not here
                ssl=self._tls if self._tls is not None else True,
                resolver=GuardedResolver(self.reach, self.resolve),
                use_dns_cache=False,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                socket_factory=self._socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_GENERATED,
                trust_env=False,
            )
        return self._session

    def _socket(self, info: AddressInfo) -> socket.socket:
        """A socket for an address that is about to be connected to, judged once more."""
        family, kind, protocol, _, address = info
        parsed = parsed_address(str(address[0]))
        reason = "an address that cannot be judged" if parsed is None else refusal(parsed, self.reach)
        if reason is not None:
            raise _RefusedAddressError(f"it leads to {reason}")
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def send(
        self,
        method: str,
        location: Location,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        connect_timeout: float,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send one request; the answer's head has arrived, its body is read inside the block.

        Raises DeniedError, UnavailableError, UpstreamError; never with the request's headers in it.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout)
        try:
            async with self._opened().request(
                method,
                URL(location.url, encoded=True),
                # Compressed answers could be bombs.
                headers={**headers, "accept-encoding": "identity"},
                data=body,
                allow_redirects=False,
                timeout=timeout,
            ) as answer:
                check_head(location, answer)
                yield answer
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, _RefusedAddressError):
                raise DeniedError(f"{location.origin} is refused: {error.os_error}", field="url") from error
            raise UnreachableError(why_not(location, error, connect_timeout)) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise UnreachableError(why_not(location, error, connect_timeout)) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as error:
            raise UnavailableError(
                f"{location.origin}: the connection broke before the answer was complete",
                hint="it is not known whether the call took effect: look first",
            ) from error
        except aiohttp.ClientResponseError as error:
            raise UpstreamError(f"{location.origin}: the answer is not HTTP") from error
        except (aiohttp.InvalidURL, ValueError) as error:
            raise InputError(
                "a header of this upstream cannot be sent: it has a line break or the like"
            ) from error

    async def read(self, location: Location, answer: aiohttp.ClientResponse) -> bytes:
        """The body of an answer; LimitError when it is larger than `maximum_response`."""
        size = answer.content_length
        if size is not None and size <= self.maximum_response:
            return await answer.read()
        return b"".join([chunk async for chunk in self.chunks(location, answer)])

    async def chunks(self, location: Location, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """The body piece by piece as it arrives, up to `maximum_response` bytes in all."""
        size = answer.content_length or 0
        if size <= self.maximum_response:
            size = 0
            async for chunk in answer.content.iter_any():
                size += len(chunk)
                if size > self.maximum_response:
                    break
                yield chunk
            else:
                return
        raise LimitError(
            f"{location.origin} answered with more than {self.maximum_response} bytes",
            hint="ask it for less at a time",
        )


def check_head(location: Location, answer: aiohttp.ClientResponse) -> None:
    """Refuse redirects and encodings that were not asked for."""
    if 300 <= answer.status < 400:
        raise UpstreamError(
            f"{location.origin} answered with a redirect, which is not followed",
            hint="register the address of the server itself",
        )
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamError(f"{location.origin} answered in an encoding that was not asked for")


def status_error(location: Location, status: int) -> MaaError:
    """What an HTTP status other than success says about an upstream; nothing of its body."""
    if status in {401, 403, 407}:
        return AuthenticationError(
            f"{location.origin} refused the credentials (HTTP {status})",
            hint="update the server's headers",
        )
    if status in {408, 425, 429} or status >= 500:
        return UnavailableError(f"{location.origin} answered with HTTP {status}")
    return UpstreamError(
        f"{location.origin} answered with HTTP {status}: is this the address of an MCP server?"
    )


def why_not(location: Location, error: Exception, connect_timeout: float) -> str:
    """What went wrong while connecting, in words; never the request."""
    origin = location.origin
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"{origin}: no connection within {connect_timeout:.3g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or "it does not fit the host"
        return f"{origin}: the server's certificate is not trusted: {reason}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{origin}: the host name is not known"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"{origin}: no TLS connection: is it an https server?"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return f"{origin}: connection refused: is the server running there?"
    return f"{origin}: no connection"


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Carries the SDK's HTTP client over the network, to one location's origin only.

    `lost` becomes true when the server says that it does not know the session any more. An event stream that
    the client opens itself may last as long as the session, so its bound is on each event (the SDK's).

    `over` is called where that stream is the session: with LostSessionError when a message was surely not
    taken, with UnavailableError when that cannot be known. The SDK notices neither.
    """

    def __init__(
        self,
        network: Network,
        location: Location,
        *,
        headers: Mapping[str, str],
        connect_timeout: float,
        failed: Callable[[MaaError], None],
        over: Callable[[MaaError], None] | None = None,
    ) -> None:
        self._network = network
        self._location = location
        self._headers = headers
        self._connect_timeout = connect_timeout
        self._failed = failed
        self._over = over
        self._posting = 0
        self._ended = False
        self.lost = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one of the SDK's requests."""
        if self._over is None or request.method != "POST":
            return await self._sent(request)
        self._posting += 1
        try:
            answer = await self._sent(request)
            if answer.status_code in {400, 404, 405}:
                self._over(self._untaken())
            elif answer.status_code >= 400:
                self._over(status_error(self._location, answer.status_code))
            return answer
        except httpx2.ConnectError as error:
            cause = error.__cause__
            if isinstance(cause, UnreachableError):
                self._over(self._untaken())
            elif isinstance(cause, MaaError):
                self._over(cause)
            raise
        finally:
            self._posting -= 1
            if self._ended:
                self.stream_ended()

    def stream_ended(self) -> None:
        """The server closed the stream that was the session; a message under way ends it by its own fate."""
        self._ended = True
        if self._over is not None and not self._posting:
            self._over(
                UnavailableError(
                    f"{self._location.origin} ended the session before it answered",
                    hint="it is not known whether the call took effect: look first",
                )
            )

    def _untaken(self) -> LostSessionError:
        return LostSessionError(f"{self._location.origin} did not take the message: its session is over")

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        location = Location(
            scheme=self._location.scheme,
            host=self._location.host,
            port=self._location.port,
            url=f"{self._location.origin}{request.url.raw_path.decode('ascii')}",
        )
        if (request.url.scheme, request.url.host) != (location.scheme, location.host):
            raise httpx2.UnsupportedProtocol("a request to another server than the configured one")
        # What the SDK sets wins, but for what the tenant configured; hop headers are the network's own.
        headers = {
            name: value
            for name, value in request.headers.items()
            if name not in {"host", "connection", "user-agent", "accept-encoding", "content-length"}
        }
        headers.update(self._headers)
        sending = self._network.send(
            request.method,
            location,
            headers=headers,
            body=await request.aread() or None,
            connect_timeout=self._connect_timeout,
        )
        try:
            answer = await sending.__aenter__()
        except MaaError as error:
            self._failed(error)
            raise httpx2.ConnectError(error.message) from error
        if answer.status == 404 and "mcp-session-id" in request.headers:
            self.lost = True
        elif answer.status >= 400 and answer.status not in {400, 404, 405}:
            self._failed(status_error(location, answer.status))
        endless = request.method == "GET"
        return httpx2.Response(
            status_code=answer.status,
            headers=[
                (name, value) for name, value in answer.headers.items() if name.lower() != "content-length"
            ],
            stream=_Body(
                self._network,
                location,
                answer,
                sending,
                ended=self.stream_ended if endless else None,
                failed=self._failed,
            ),
        )


class _Body(httpx2.AsyncByteStream):
    """An answer's body as the SDK's client reads it."""

    def __init__(
        self,
        network: Network,
        location: Location,
        answer: aiohttp.ClientResponse,
        sending: Any,
        *,
        ended: Callable[[], None] | None,
        failed: Callable[[MaaError], None],
    ) -> None:
        self._network = network
        self._location = location
        self._answer = answer
        self._sending = sending
        self._ended = ended
        self._failed = failed
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = (
            self._answer.content.iter_any()
            if self._ended is not None
            else self._network.chunks(self._location, self._answer)
        )
        try:
            async for chunk in chunks:
                yield chunk
        except MaaError as error:
            self._failed(error)
            raise httpx2.ReadError(error.message) from error
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            self._over()
            raise httpx2.ReadError("the connection broke") from error
        self._over()

    def _over(self) -> None:
        if self._ended is not None:
            self._ended()

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            await self._sending.__aexit__(None, None, None)
