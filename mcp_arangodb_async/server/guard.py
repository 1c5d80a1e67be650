"""What every HTTP request passes before anybody reads it: who may ask, from where, how much, how many.

The guard is a plain ASGI wrapper: it knows paths, headers and sizes, nothing of MCP.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import (
    AuthenticationError,
    ConfigError,
    DeniedError,
    InputError,
    LimitError,
    MaaError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from mcp_arangodb_async.observability import new_request_id
from mcp_arangodb_async.server.endpoint import KEY, Endpoint
from mcp_arangodb_async.server.render import error_document
from mcp_arangodb_async.workflows.definitions import WORKFLOWS

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MAXIMUM_HEADER_BYTES = 32 * 1024
MAXIMUM_PATH_BYTES = 2048
BODY_SECONDS = 30.0
CONCURRENT_REQUESTS = 1024
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class HttpError(Exception):
    """A request refused at the door: an HTTP status with the error's usual shape."""

    def __init__(self, status: int, error: MaaError, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = tuple(headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Whom and what the guard lets in.

    `hosts` are names without port. `origins` are whole origins, `*` for any. `tokens` maps the SHA-256 of a
    bearer token to its principal; none means that nobody is asked.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    tokens: Mapping[str, str]
    toolsets: frozenset[str]
    max_body_bytes: int


def rules_of(settings: Settings) -> Rules:
    """The guard's rules; ConfigError for an address open to others without authentication."""
    http = settings.http
    if not is_loopback(http.host) and not http.tokens and not http.allow_anonymous:
        raise ConfigError(
            f"http.host: {http.host} can be reached by others, and no token is required",
            hint="set http.tokens (MCP_HTTP_TOKENS), listen on 127.0.0.1, or pass --allow-anonymous",
        )
    hosts = {host.lower() for host in http.allowed_hosts}
    if is_loopback(http.host):
        hosts |= LOOPBACK_NAMES
    elif http.host in {"0.0.0.0", "::"} and not hosts:  # noqa: S104 - compared, not bound
        # Every address of this machine: its names are not known here, and callers authenticate.
        hosts.add("*")
    else:
        hosts |= {http.host.lower(), f"[{http.host.lower()}]"}
    return Rules(
        hosts=frozenset(hosts),
        origins=frozenset(http.allowed_origins),
        tokens={token.sha256: token.principal for token in http.tokens},
        toolsets=frozenset(WORKFLOWS),
        max_body_bytes=http.max_body_bytes,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def without_port(host: str) -> str:
    """`name` of `name:port`; an IPv6 address keeps its brackets."""
    if host.startswith("["):
        return host[: host.find("]") + 1] or host
    return host.rpartition(":")[0] if ":" in host else host


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name, without surrounding blanks; InputError for a doubled Host."""
    found: dict[str, str] = {}
    size = 0
    for raw_name, raw_value in scope["headers"]:
        size += len(raw_name) + len(raw_value)
        name = raw_name.decode("latin-1").lower()
        if name in found and name in {"host", "authorization", "origin", "content-length"}:
            raise HttpError(400, InputError(f"header {name} appears more than once"))
        found[name] = raw_value.decode("latin-1").strip()
    if size > MAXIMUM_HEADER_BYTES:
        raise HttpError(431, LimitError(f"the headers are more than {MAXIMUM_HEADER_BYTES} bytes"))
    return found


def check_host(headers: Mapping[str, str], rules: Rules) -> None:
    """Refuse a Host that is not ours: a web page must not reach a local server under its own name."""
    host = without_port(headers.get("host", "").lower())
    if host not in rules.hosts and "*" not in rules.hosts:
        raise HttpError(
            421,
            DeniedError(
                f"Host {headers.get('host', '')[:128]!r} is not served here",
                hint="add it to http.allowed_hosts (MCP_HTTP_ALLOWED_HOSTS)",
            ),
        )


def check_origin(headers: Mapping[str, str], rules: Rules) -> str | None:
    """The request's Origin if it has one and may call; HttpError 403 if it may not."""
    origin = headers.get("origin")
    if origin is None:
        return None
    if "*" in rules.origins or origin in rules.origins:
        return origin
    scheme, _, host = origin.lower().partition("://")
    if scheme in {"http", "https"} and without_port(host) in LOOPBACK_NAMES & rules.hosts:
        return origin
    raise HttpError(
        403,
        DeniedError(
            f"pages of origin {origin[:128]!r} may not call this server",
            hint="add it to http.allowed_origins (MCP_HTTP_CORS_ORIGINS)",
        ),
    )


def principal_of(headers: Mapping[str, str], rules: Rules) -> str | None:
    """Who presents a known bearer token; None where nobody is asked; HttpError 401 for anybody else."""
    if not rules.tokens:
        return None
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        presented = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).hexdigest()
        # Every known hash is compared, in constant time each: nothing is learnt from how long it takes.
        matches = [who for known, who in rules.tokens.items() if hmac.compare_digest(known, presented)]
        if matches:
            return matches[0]
    raise HttpError(
        401,
        AuthenticationError("a bearer token is required", hint="send Authorization: Bearer <token>"),
        [(b"www-authenticate", b'Bearer realm="mcp-arangodb-async"')],
    )


def route(path: str, rules: Rules) -> Endpoint | None:
    """The MCP endpoint at a raw path, None if it is none; HttpError 404 for an unknown toolset."""
    if path == "/mcp":
        return Endpoint()
    head, kind, *rest = path.removeprefix("/mcp/").split("/")[:3] + [""] * 2
    if not path.startswith("/mcp/") or not kind or rest[0]:
        return None
    name = unquote(kind)
    if head == "db":
        return Endpoint(database=name)
    if head == "x":
        if name not in rules.toolsets:
            raise HttpError(
                404,
                NotFoundError(f"no toolset {name[:64]!r}; possible: {', '.join(sorted(rules.toolsets))}"),
            )
        return Endpoint(toolset=name)
    return None


class Guard:
    """The ASGI application's outermost layer.

    `mcp` gets requests for `/mcp...` with their `Endpoint` in the scope, `other` every other path that passed
    the Host and Origin checks. `accept` is called with the principal to mark the request for the SDK.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        mcp: AsgiApp,
        other: AsgiApp,
        accept: Callable[[Scope, str], None],
        lifespan: AsgiApp,
    ) -> None:
        self._rules = rules
        self._mcp = mcp
        self._other = other
        self._accept = accept
        self._lifespan = lifespan
        self._in_flight = 0
        self.draining = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            await self._guarded(scope, receive, send)
        except HttpError as refused:
            document = error_document(refused.error, request_id=new_request_id())
            await respond(send, refused.status, document, refused.headers)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        check_host(headers, self._rules)
        origin = check_origin(headers, self._rules)
        if origin is not None:
            send = with_cors(send, origin)
            if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                await respond(send, 204, None, PREFLIGHT)
                return
        path = raw_path(scope)
        endpoint = route(path, self._rules)
        if endpoint is None:
            await self._other(scope, receive, send)
            return
        principal = principal_of(headers, self._rules)
        if principal is not None:
            self._accept(scope, principal)
        scope[KEY] = Endpoint(database=endpoint.database, toolset=endpoint.toolset, principal=principal)
        # Some servers hand on blanks around a value, which the SDK would take for a mismatch.
        scope["headers"] = [(name, value.strip()) for name, value in scope["headers"]]
        if scope["method"] == "GET":
            await self._stream(scope, receive, send)
            return
        if self.draining.is_set() or self._in_flight >= CONCURRENT_REQUESTS:
            raise HttpError(503, UnavailableError("the server is busy or stopping"), [(b"retry-after", b"1")])
        self._in_flight += 1
        try:
            await self._mcp(scope, await self._body(headers, scope, receive), send)
        finally:
            self._in_flight -= 1

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A stream that would never end, ended in order when the server stops."""
        open_body = False

        async def watched(message: Message) -> None:
            nonlocal open_body
            open_body = message["type"] == "http.response.start" or bool(message.get("more_body"))
            await send(message)

        await self._mcp(scope, until(self.draining, receive), watched)
        if open_body and self.draining.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _body(self, headers: Mapping[str, str], scope: Scope, receive: Receive) -> Receive:
        """The request's body, read whole within limits of size and time, to be received once more."""
        maximum = self._rules.max_body_bytes
        if scope["method"] != "POST":
            return receive
        if headers.get("content-length", "0").isdigit() and int(headers.get("content-length", "0")) > maximum:
            raise too_large(maximum)
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        break
                    part: bytes = message.get("body", b"")
                    size += len(part)
                    if size > maximum:
                        raise too_large(maximum)
                    parts.append(part)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise HttpError(
                408, LimitError(f"the request's body took longer than {BODY_SECONDS:g} seconds")
            ) from None
        return replayed(b"".join(parts), receive)


def too_large(maximum: int) -> HttpError:
    return HttpError(413, LimitError(f"the request's body is more than {maximum} bytes"))


def raw_path(scope: Scope) -> str:
    """The path as it was sent, still percent-encoded, without the query."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.split(b"?", 1)[0].decode("latin-1") if raw else str(scope["path"])
    if len(path) > MAXIMUM_PATH_BYTES:
        raise HttpError(414, LimitError(f"the path is longer than {MAXIMUM_PATH_BYTES} bytes"))
    return path


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out a body that was read already, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def until(event: asyncio.Event, receive: Receive) -> Receive:
    """A `receive` that reports a disconnect when the event is set: it ends streams that would never end."""

    async def receiving() -> Message:
        waiting = asyncio.ensure_future(event.wait())
        message = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({waiting, message}, return_when=asyncio.FIRST_COMPLETED)
            return message.result() if message.done() else {"type": "http.disconnect"}
        finally:
            waiting.cancel()
            message.cancel()

    return receiving


PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b", ".join(
            b"authorization content-type accept last-event-id mcp-session-id mcp-protocol-version mcp-method"
            b" mcp-name".split()
        ),
    ),
    (b"access-control-max-age", b"600"),
)


def with_cors(send: Send, origin: str) -> Send:
    """A `send` that tells the browser that this origin may read the answer."""
    added = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", b"mcp-session-id, www-authenticate"),
        (b"vary", b"origin"),
    ]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return sending


async def respond(
    send: Send, status: int, document: object | None, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """A whole response with a JSON body, or none."""
    body = b"" if document is None else orjson.dumps(document)
    sent = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"), *headers]
    if body:
        sent.append((b"content-type", b"application/json"))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


def method_not_allowed(allowed: str) -> HttpError:
    """The refusal of a method at a path that has others."""
    return HttpError(405, UnsupportedError(f"use {allowed}"), [(b"allow", allowed.encode())])
