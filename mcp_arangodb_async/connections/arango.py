"""The transport to an ArangoDB server: aiohttp behind the driver's HTTPClient seam.

What the driver's own client lacks: a path guard, a deadline for connecting that covers name lookup, TCP
and TLS, no redirects, a cap on answers, failover between the endpoints of one cluster, and a rule for
repeating requests.
"""

from __future__ import annotations

import ssl
from typing import Final
from urllib.parse import urlencode

import aiohttp
from arangoasync.http import HTTPClient
from arangoasync.request import Request
from arangoasync.response import Response
from yarl import URL

from mcp_arangodb_async.connections.endpoints import Endpoints
from mcp_arangodb_async.connections.guard import check_path
from mcp_arangodb_async.errors import BackendError, InputError, LimitError, UnavailableError

_CHUNK = 64 * 1024
_JSON: Final = "application/json"


class _NotSentError(Exception):
    """The request cannot have reached the server: another endpoint may get it."""


class _LostError(Exception):
    """The connection broke after the request was sent: nobody knows what the server did."""


class ArangoHttpClient(HTTPClient):
    """Requests to one server, or to the endpoints of one cluster.

    One connector keeps the connections of all databases on that server. `connect_timeout` holds for all
    endpoints together. The client limits neither the number of requests nor their total time: `client.py`
    does.
    """

    def __init__(
        self,
        *,
        urls: tuple[str, ...],
        endpoints: Endpoints,
        tls: ssl.SSLContext | None,
        connect_timeout: float,
        keep_alive: float,
        maximum_response: int,
    ) -> None:
        self._urls = urls
        self._current = 0
        self._endpoints = endpoints
        self._maximum_response = maximum_response
        self._tls = tls
        self._keep_alive = keep_alive
        self._connect_timeout = connect_timeout / len(urls)
        self._session = self.create_session(urls[0])

    def create_session(self, host: str) -> aiohttp.ClientSession:  # noqa: ARG002  the seam's signature
        """The session that keeps the connections; requests name their host themselves."""
        session = aiohttp.ClientSession(
            # No limit here: aiohttp would count waiting for a free connection as connecting.
            connector=aiohttp.TCPConnector(
                limit=0, ssl=self._tls if self._tls is not None else True, keepalive_timeout=self._keep_alive
            ),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
            trust_env=False,
        )
        # aiohttp would repeat PUT and DELETE by itself when a kept connection breaks, writes included; there
        # is no public switch, and a test watches this one.
        session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
        return session

    async def close_session(self, session: aiohttp.ClientSession) -> None:
        """Close its connections."""
        await session.close()

    async def close(self) -> None:
        """Close every connection."""
        await self.close_session(self._session)

    async def send_request(self, session: aiohttp.ClientSession, request: Request) -> Response:
        """The driver's way in: one request, never repeated, outside any database."""
        return await self._tried(session, request, database=None, repeatable=False)

    async def send(self, request: Request, *, database: str | None, repeatable: bool) -> Response:
        """Send one request to an encoded path below its database; see `client.Transport`."""
        return await self._tried(self._session, request, database=database, repeatable=repeatable)

    async def _tried(
        self, session: aiohttp.ClientSession, request: Request, *, database: str | None, repeatable: bool
    ) -> Response:
        check_path(self._endpoints, request.method.name, request.endpoint, database=database)
        lost_once = False
        first = self._current
        attempt = 0
        while True:
            number = (first + attempt) % len(self._urls)
            base = self._urls[number]
            try:
                response = await self._sent(session, base, request)
            except _NotSentError as error:
                attempt += 1
                if attempt >= len(self._urls):
                    raise UnavailableError(str(error)) from error.__cause__
            except _LostError as error:
                if not repeatable or lost_once:
                    hint = (
                        None if repeatable else "it is not known whether the request took effect: look first"
                    )
                    raise UnavailableError(str(error), hint=hint) from error.__cause__
                lost_once = True
            else:
                self._current = number
                return response

    async def _sent(self, session: aiohttp.ClientSession, base: str, request: Request) -> Response:
        query = urlencode(request.normalized_params())
        url = URL(f"{base}{request.endpoint}{'?' if query else ''}{query}", encoded=True)
        data = request.data
        headers = request.normalized_headers()
        headers["accept"] = _JSON
        # Compressed answers could be bombs, and JSON over a local network gains nothing.
        headers["accept-encoding"] = "identity"
        try:
            async with session.request(
                request.method.name,
                url,
                headers=headers,
                data=data.encode() if isinstance(data, str) else data,
                allow_redirects=False,
            ) as answer:
                return Response(
                    method=request.method,
                    url=str(url.origin()),
                    headers=answer.headers,
                    status_code=answer.status,
                    status_text=answer.reason or "",
                    raw_body=await self._body(base, answer),
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _NotSentError(_why_not(base, error, self._connect_timeout)) from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError) as error:
            raise _LostError(f"{base}: the connection broke before the answer was complete") from error
        except aiohttp.ClientResponseError as error:
            raise BackendError(f"{base}: the answer is not HTTP: is this an ArangoDB server?") from error
        except (aiohttp.InvalidURL, ValueError) as error:
            # A header or a URL that aiohttp refuses to write, such as one with a line break.
            raise InputError("a value cannot be part of a request's header or address") from error

    async def _body(self, base: str, answer: aiohttp.ClientResponse) -> bytes:
        if 300 <= answer.status < 400 and answer.status != 304:
            raise BackendError(
                f"{base} answered with a redirect, which is not followed",
                hint="configure the address of the server itself",
            )
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise BackendError(f"{base} answered in an encoding that was not asked for")
        size = answer.content_length
        if size is not None and size <= self._maximum_response:
            body = await answer.read()
        else:
            body = await self._limited(base, answer)
        if body and 200 <= answer.status < 300 and not answer.content_type.endswith("json"):
            raise BackendError(
                f"{base} answered with {answer.content_type[:60]!r}, not JSON: is this an ArangoDB server?"
            )
        return body

    async def _limited(self, base: str, answer: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = answer.content_length or 0
        if size <= self._maximum_response:
            size = 0
            async for chunk in answer.content.iter_chunked(_CHUNK):
                size += len(chunk)
                if size > self._maximum_response:
                    break
                chunks.append(chunk)
            else:
                return b"".join(chunks)
        raise LimitError(
            f"{base} answered with more than {self._maximum_response} bytes",
            hint="ask for fewer rows or attributes at a time",
        )


def _why_not(base: str, error: Exception, connect_timeout: float) -> str:
    """What went wrong while connecting, in words; never the request."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"{base}: no connection within {connect_timeout:.3g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or "it does not fit the host"
        return f"{base}: the server's certificate is not trusted: {reason}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{base}: the host name is not known"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"{base}: no TLS connection: is it an https server?"
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionRefusedError):
            return f"{base}: connection refused: is the server running there?"
        return f"{base}: {error.os_error.strerror or 'no connection'}"
    return f"{base}: no connection"
