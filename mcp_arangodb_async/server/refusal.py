"""Requests refused at the door, and whole answers: what every HTTP route of ours sends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

import orjson

from mcp_arangodb_async.errors import LimitError, MaaError, UnsupportedError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

# Whoever is refused is not listened to any longer: what they still send is no request of ours.
CLOSE: Header = (b"connection", b"close")


class HttpError(Exception):
    """A request refused at the door: an HTTP status with the error's usual shape."""

    def __init__(self, status: int, error: MaaError, headers: Sequence[Header] = ()) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = tuple(headers)


def too_large(maximum: int) -> HttpError:
    """The refusal of a body beyond the limit."""
    return HttpError(413, LimitError(f"the request's body is more than {maximum} bytes"))


def method_not_allowed(allowed: str) -> HttpError:
    """The refusal of a method at a path that has others."""
    return HttpError(405, UnsupportedError(f"use {allowed}"), [(b"allow", allowed.encode())])


async def respond(
    send: Send,
    status: int,
    document: object | None,
    headers: Iterable[Header] = (),
    *,
    body: bytes | None = None,
    content_type: bytes = b"application/json",
) -> None:
    """A whole response: a JSON document, or the bytes of another type, or nothing."""
    if body is None:
        body = b"" if document is None else orjson.dumps(document)
    sent = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"), *headers]
    if body:
        sent += [(b"content-type", content_type), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
