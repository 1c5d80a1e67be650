"""A short number for each request, in every log line and error it causes."""

from __future__ import annotations

import secrets
from contextvars import ContextVar, Token

_CURRENT: ContextVar[str | None] = ContextVar("request_id", default=None)


def new_request_id() -> str:
    """A new id: 12 hexadecimal digits, so that people can read it out."""
    return secrets.token_hex(6)


def current_request_id() -> str | None:
    """The id of the request that is being answered, if one is."""
    return _CURRENT.get()


# A class, as every call passes through one and a generator costs five times as much.
class request_id:  # noqa: N801 - used like a function
    """Give the block a request id, a new one unless it is named."""

    __slots__ = ("_token", "identifier")

    def __init__(self, identifier: str | None = None) -> None:
        self.identifier = identifier or new_request_id()

    def __enter__(self) -> str:
        self._token: Token[str | None] = _CURRENT.set(self.identifier)
        return self.identifier

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)
