"""What every HTTP request passes before anybody reads it: who may ask, from where, how much, how many.

The guard is a plain ASGI wrapper: it knows paths, headers and sizes, nothing of MCP.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from mcp_arangodb_async.config.model import Access, Settings
from mcp_arangodb_async.errors import (
    ConfigError,
    DeniedError,
    InputError,
    LimitError,
    NotFoundError,
    UnavailableError,
)
from mcp_arangodb_async.observability import new_request_id
from mcp_arangodb_async.server.authentication import Authenticator
from mcp_arangodb_async.server.bodies import Bodies, until
from mcp_arangodb_async.server.endpoint import KEY, Endpoint
from mcp_arangodb_async.server.refusal import (
    CLOSE,
    AsgiApp,
    HttpError,
    Message,
    Receive,
    Scope,
    Send,
    respond,
)
from mcp_arangodb_async.server.render import error_document
from mcp_arangodb_async.sessions import Principal
from mcp_arangodb_async.tools.call import RANK
from mcp_arangodb_async.workflows.definitions import WORKFLOWS

MAXIMUM_HEADER_BYTES = 32 * 1024
MAXIMUM_PATH_BYTES = 2048
CONCURRENT_REQUESTS = 1024
ORIGIN = "mcp_arangodb_async.origin"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
# Two of these, and two readers of one request could see different ones.
ONCE = frozenset(
    {
        "host", "authorization", "origin", "content-length", "content-type", "transfer-encoding",
        "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id",
    }
)  # fmt: skip
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,255})(?::([0-9]{1,5}))?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Whom and what the guard lets in.

    `hosts` are names without port, `*` for any; with `addresses` any IP address is one of them, which no web
    page can make its own name stand for. `origins` are whole origins, `*` for any.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    toolsets: frozenset[str]
    max_body_bytes: int
    body_seconds: float = 8.0
    addresses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One HTTP request when its answer has begun or was refused; for those who count and write down."""

    route: str
    method: str
    status: int
    code: str | None = None
    principal: Principal | None = None
    client: str | None = None
    request_id: str | None = None


def rules_of(settings: Settings) -> Rules:
    """The guard's rules; ConfigError for an address open to others without authentication."""
    http = settings.http
    # Tenants bring API keys: with them, nobody is let in who presents nothing.
    authenticated = bool(http.tokens) or settings.oauth.issuer is not None or settings.tenants.enabled
    if not is_loopback(http.host) and not authenticated and not http.allow_anonymous:
        raise ConfigError(
            f"http.host: {http.host} can be reached by others, and no token is required",
            hint="set http.tokens (MCP_HTTP_TOKENS) or oauth.issuer, listen on 127.0.0.1, or pass "
            "--allow-anonymous",
        )
    hosts = {host.lower() for host in http.allowed_hosts}
    addresses = False
    if is_loopback(http.host):
        hosts |= LOOPBACK_NAMES
    elif http.host in {"0.0.0.0", "::"} and not hosts:  # noqa: S104 - compared, not bound
        if authenticated:
            # Every address of this machine: its names are not known here, and callers authenticate.
            hosts.add("*")
        else:
            # Nobody authenticates, so a page that makes its own name stand for us must not get in.
            hosts |= {*LOOPBACK_NAMES, socket.gethostname().lower()}
            addresses = True
    else:
        hosts |= {http.host.lower(), f"[{http.host.lower()}]"}
    return Rules(
        hosts=frozenset(hosts),
        origins=frozenset(http.allowed_origins),
        toolsets=frozenset(WORKFLOWS),
        max_body_bytes=http.max_body_bytes,
        body_seconds=http.header_deadline,
        addresses=addresses,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether the name is an IP address."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def without_port(host: str) -> str | None:
    """`name` of `name:port`; an IPv6 address keeps its brackets; None for what is no host at all."""
    found = _HOST.match(host.lower())
    if found is None or (found[2] is not None and int(found[2]) > 65_535):
        return None
    return found[1]


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name, without surrounding blanks; HttpError for doubled or oversized ones."""
    found: dict[str, str] = {}
    size = 0
    for raw_name, raw_value in scope["headers"]:
        size += len(raw_name) + len(raw_value)
        name = raw_name.decode("latin-1").lower()
        if name in found and name in ONCE:
            raise HttpError(400, InputError(f"header {name} appears more than once"))
        found[name] = raw_value.decode("latin-1").strip()
    if size > MAXIMUM_HEADER_BYTES:
        raise HttpError(431, LimitError(f"the headers are more than {MAXIMUM_HEADER_BYTES} bytes"))
    return found


def check_host(headers: Mapping[str, str], rules: Rules) -> None:
    """Refuse a Host that is not ours: a web page must not reach a local server under its own name."""
    host = without_port(headers.get("host", ""))
    if host is not None and (
        host in rules.hosts or "*" in rules.hosts or (rules.addresses and is_address(host))
    ):
        return
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


def ignored(_answered: Answered) -> None:
    """For guards whose answers nobody counts."""


def nothing_more(_body: bytes) -> Access | None:
    """For guards that know nothing of what stands in bodies."""
    return None


class Guard:
    """The ASGI application's outermost layer.

    `mcp` gets requests for `/mcp...` with their `Endpoint` in the scope, `other` every other path that passed
    the Host and Origin checks. `accept` is called with the principal to mark the request for the SDK.
    `needed` tells from a body the access its request needs beyond reading. `observe` is told of every answer.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        authenticator: Authenticator,
        mcp: AsgiApp,
        other: AsgiApp,
        accept: Callable[[Scope, Principal], None],
        lifespan: AsgiApp,
        needed: Callable[[bytes], Access | None] = nothing_more,
        observe: Callable[[Answered], None] = ignored,
    ) -> None:
        self._rules = rules
        self._authenticator = authenticator
        self._mcp = mcp
        self._other = other
        self._accept = accept
        self._lifespan = lifespan
        self._needed = needed
        self._observe = observe
        self._bodies = Bodies(rules.max_body_bytes, rules.body_seconds)
        self.in_flight = 0
        self.draining = asyncio.Event()

    def drain(self) -> None:
        """Take no more requests; end what would never end."""
        self.draining.set()
        self._bodies.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        seen = Answered(route="other", method=scope["method"], status=0, client=peer_of(scope))

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._observe(
                    replace(seen, route=route_name(scope), status=message["status"], principal=caller(scope))
                )
            await send(message)

        try:
            await self._guarded(scope, receive, watched)
        except HttpError as refused:
            number = new_request_id()
            document = error_document(refused.error, request_id=number)
            headers = [*refused.headers, CLOSE] if scope["method"] == "POST" else refused.headers
            self._observe(
                replace(
                    seen,
                    route=route_name(scope),
                    status=refused.status,
                    code=refused.error.code,
                    principal=caller(scope),
                    request_id=number,
                )
            )
            origin: str | None = scope.get(ORIGIN)
            answer = send if origin is None else with_cors(send, origin)
            await respond(answer, refused.status, document, headers)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        check_host(headers, self._rules)
        origin = check_origin(headers, self._rules)
        if origin is not None:
            scope[ORIGIN] = origin
            if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
                await respond(with_cors(send, origin), 204, None, PREFLIGHT)
                return
            send = with_cors(send, origin)
        endpoint = route(raw_path(scope), self._rules)
        if endpoint is None:
            await self._other(scope, receive, send)
            return
        principal = await self._authenticator.principal(headers)
        if principal is not None:
            self._accept(scope, principal)
        scope[KEY] = replace(endpoint, principal=principal)
        # Some servers hand on blanks around a value, which the SDK would take for a mismatch.
        scope["headers"] = [(name, value.strip()) for name, value in scope["headers"]]
        if scope["method"] == "GET":
            await self._stream(scope, receive, send, principal)
            return
        if self.draining.is_set() or self.in_flight >= CONCURRENT_REQUESTS:
            raise HttpError(503, UnavailableError("the server is busy or stopping"), [(b"retry-after", b"1")])
        self.in_flight += 1
        try:
            body, receive = await self._bodies.whole(headers, scope, receive)
            self._check_scope(principal, body)
            await self._mcp(scope, receive, send)
        finally:
            self.in_flight -= 1

    def _check_scope(self, principal: Principal | None, body: bytes) -> None:
        """HttpError 403 where the token's scopes do not reach, so that the client can ask for more of them.

        A static token cannot be exchanged for a stronger one: its caller gets the tool's own refusal.
        """
        if principal is None or principal.issuer is None or principal.access in {None, "admin"}:
            return
        needed = self._needed(body)
        if needed is not None and RANK[needed] > RANK[principal.access or "read"]:
            raise self._authenticator.forbidden(needed, f"the token's scopes do not allow to {needed}")

    async def _stream(self, scope: Scope, receive: Receive, send: Send, principal: Principal | None) -> None:
        """A stream that would never end, ended in order when the server stops or the token is over."""
        open_body = False
        limit = None
        if principal is not None and principal.expires is not None:
            limit = asyncio.get_running_loop().time() + max(0.0, principal.expires - time.time())

        async def watched(message: Message) -> None:
            nonlocal open_body
            open_body = message["type"] == "http.response.start" or bool(message.get("more_body"))
            await send(message)

        await self._mcp(scope, until(self.draining, receive, limit=limit), watched)
        if open_body:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def raw_path(scope: Scope) -> str:
    """The path as it was sent, still percent-encoded, without the query."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.split(b"?", 1)[0].decode("latin-1") if raw else str(scope["path"])
    if len(path) > MAXIMUM_PATH_BYTES:
        raise HttpError(414, LimitError(f"the path is longer than {MAXIMUM_PATH_BYTES} bytes"))
    return path


def route_name(scope: Scope) -> str:
    """The route in a word of a closed set, for figures."""
    path = str(scope["path"])
    if path == "/mcp" or path.startswith("/mcp/"):
        return "mcp"
    if path in {"/live", "/ready", "/health", "/metrics"}:
        return path[1:]
    return "metadata" if path.startswith("/.well-known/") else "other"


def peer_of(scope: Scope) -> str | None:
    """The address at the other end of the connection, which may be a proxy's."""
    client = scope.get("client")
    return str(client[0]) if client else None


def caller(scope: Scope) -> Principal | None:
    """Who was authenticated for this request, if anybody was by now."""
    endpoint: Endpoint | None = scope.get(KEY)
    return None if endpoint is None else endpoint.principal


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
