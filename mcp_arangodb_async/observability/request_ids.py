"""A short number for each request, in every log line and error it causes."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_CURRENT: ContextVar[str | None] = ContextVar("request_id", default=None)


def new_request_id() -> str:
    """A new id: 12 hexadecimal digits, so that people can read it out."""
    return secrets.token_hex(6)


def current_request_id() -> str | None:
    """The id of the request that is being answered, if one is."""
    return _CURRENT.get()


@contextmanager
def request_id(identifier: str | None = None) -> Generator[str]:
    """Give the block a request id, a new one unless it is named."""
    identifier = identifier or new_request_id()
    token = _CURRENT.set(identifier)
    try:
        yield identifier
    finally:
        _CURRENT.reset(token)
