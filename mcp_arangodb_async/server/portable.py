"""Sessions of handshake-era HTTP clients that any process of the server may answer.

The SDK keeps such sessions inside one process. With a store that several processes share, the SDK serves
each request by itself and the session is ours: `Mcp-Session-Id` is a random number with a signature over it
and its principal, and what the client chose is in the store. What is lost is what needs the process that the
client shook hands with: pushed notifications (GET answers 405) and questions to the user.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import replace
from typing import Any, Protocol, cast

import orjson

from mcp_arangodb_async.errors import NotFoundError, UnavailableError
from mcp_arangodb_async.server.endpoint import KEY, Endpoint
from mcp_arangodb_async.server.refusal import (
    AsgiApp,
    HttpError,
    Message,
    Receive,
    Scope,
    Send,
    method_not_allowed,
    respond,
)
from mcp_arangodb_async.sessions import SessionRequest, SessionStore, session_of

HEADER = b"mcp-session-id"
_NONCE_BYTES = 18
_SEAL_BYTES = 24
_SECRET_BYTES = 32


class SharedStore(SessionStore, Protocol):
    """A session store of several processes."""

    async def agreed(self, kind: str, value: bytes) -> bytes:
        """The value that all processes share under this name: the first one's to ask."""
        ...


class PortableSessions:
    """An ASGI layer between the guard and the SDK; it gives out session ids and takes them back."""

    def __init__(self, store: SharedStore, mcp: AsgiApp) -> None:
        self._store = store
        self._mcp = mcp
        self._secret: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint: Endpoint = scope[KEY]
        principal = None if endpoint.principal is None else endpoint.principal.id
        given = next((value for name, value in scope["headers"] if name == HEADER), None)
        if scope["method"] == "GET":
            raise method_not_allowed("POST, DELETE")
        if given is not None:
            token = given.decode("latin-1")
            await self._check(token, principal)
            if scope["method"] == "DELETE":
                await self._store.end(stored_id(token, principal))
                await respond(send, 200, None)
                return
            scope[KEY] = replace(endpoint, transport_session=token)
        elif scope["method"] == "POST":
            body, receive = await peeked(receive)
            if is_initialize(body):
                send = await self._introduced(send, principal)
        await self._mcp(scope, receive, send)

    async def _check(self, token: str, principal: str | None) -> None:
        """HttpError 404, the specification's word for start anew, unless the session is this caller's."""
        try:
            known = signed(token, principal, await self._key()) and (
                await self._store.peek(stored_id(token, principal)) is not None
            )
        except UnavailableError:
            return  # the call itself says what it could not do without the store
        if not known:
            raise HttpError(404, NotFoundError("no such session", hint="send initialize again"))

    async def _introduced(self, send: Send, principal: str | None) -> Send:
        """A `send` that gives a new session's id with a good answer; without the store there is none."""
        try:
            token = minted(principal, await self._key())
            async with self._store.turn(stored_id(token, principal)):
                pass
        except UnavailableError:
            return send

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                message["headers"] = [*message.get("headers", ()), (HEADER, token.encode())]
            await send(message)

        return sending

    async def _key(self) -> bytes:
        if self._secret is None:
            self._secret = await self._store.agreed("secret", secrets.token_bytes(_SECRET_BYTES))
        return self._secret


def stored_id(token: str, principal: str | None) -> str:
    """The session's name in the store, the same that its calls use."""
    request = SessionRequest(transport="http", era="handshake", transport_session=token, principal=principal)
    chosen = session_of(request).id
    assert chosen is not None
    return chosen


def minted(principal: str | None, key: bytes) -> str:
    """A new session id that only this principal can present."""
    nonce = text(secrets.token_bytes(_NONCE_BYTES))
    return f"{nonce}.{seal(nonce, principal, key)}"


def signed(token: str, principal: str | None, key: bytes) -> bool:
    """Was the id minted here, for this principal?"""
    nonce, _, given = token.partition(".")
    return hmac.compare_digest(given.encode(), seal(nonce, principal, key).encode())


def seal(nonce: str, principal: str | None, key: bytes) -> str:
    """The signature of a session id."""
    bound = orjson.dumps([nonce, principal])
    return text(hmac.new(key, bound, hashlib.sha256).digest()[:_SEAL_BYTES])


def text(data: bytes) -> str:
    """Bytes as characters that a header may hold."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def is_initialize(body: bytes) -> bool:
    """Does the body open a session?"""
    try:
        message: Any = orjson.loads(body)
    except ValueError:
        return False
    return isinstance(message, dict) and cast("dict[str, Any]", message).get("method") == "initialize"


async def peeked(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body, and a `receive` that hands it on; the guard has bounded it."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            message = {"type": "http.request", "body": b"".join(parts), "more_body": False}
            break
    waiting: list[Message] = [message]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return b"".join(parts), again
