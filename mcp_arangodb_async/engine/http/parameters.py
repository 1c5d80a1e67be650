"""Typed reading of query parameters and JSON bodies, with ArangoDB's errors for what does not fit."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote_plus

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.values import decode_json

Json = dict[str, Any]

_YES = {"true", "yes", "on", "y", "1"}
# What a compressed body may grow to; the uncompressed limit is the caller's (`asgi`).
_LARGEST_BODY = 1 << 30


class Parameters:
    """Query parameters by name; of a repeated name the last one counts."""

    __slots__ = ("_values",)

    def __init__(self, query: str) -> None:
        self._values: dict[str, str] = {}
        for pair in query.split("&") if query else ():
            name, _, value = pair.partition("=")
            if name:
                self._values[unquote_plus(name)] = unquote_plus(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def as_dict(self) -> dict[str, str]:
        return dict(self._values)

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """A truth value as ArangoDB reads it: true, yes, on, y, 1 in any case; everything else is false."""
        value = self._values.get(name)
        return default if value is None else value.lower() in _YES

    def maybe_flag(self, name: str) -> bool | None:
        return self.flag(name) if name in self._values else None

    def integer(self, name: str, default: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            raise ArangoError(
                ERROR_BAD_PARAMETER, f"parameter '{name}' must be a whole number, not {value[:40]!r}"
            ) from None


def read_body(headers: Mapping[str, str], body: bytes) -> bytes:
    """The body without its content encoding; what inflates beyond the limit is refused."""
    encoding = headers.get("content-encoding", "")
    if not body or not encoding:
        return body
    encoding = encoding.lower()
    if encoding == "identity":
        return body
    if encoding not in {"deflate", "gzip", "x-gzip"}:
        raise ArangoError(
            ERROR_BAD_PARAMETER, f"content-encoding '{encoding[:40]}': known are gzip and deflate"
        )
    inflate = zlib.decompressobj(wbits=47 if "gzip" in encoding else zlib.MAX_WBITS)
    try:
        data = inflate.decompress(body, _LARGEST_BODY)
    except zlib.error as error:
        raise ArangoError(ERROR_BAD_PARAMETER, f"the body is not valid {encoding}: {error}") from None
    if inflate.unconsumed_tail:
        raise ArangoError(ERROR_BAD_PARAMETER, f"the body inflates to more than {_LARGEST_BODY} bytes")
    if not inflate.eof:
        raise ArangoError(ERROR_BAD_PARAMETER, f"the body is not valid {encoding}: it ends too early")
    return data


def parse_json(body: bytes) -> Any:
    """The body's JSON value; `None` for an empty body. 600 when it is not valid."""
    return decode_json(body) if body and not body.isspace() else None


def as_object(value: Any, *, missing: str = "expecting a JSON object in the body") -> Json:
    """The value as an object; anything else is a bad parameter."""
    if not isinstance(value, dict):
        raise ArangoError(ERROR_BAD_PARAMETER, missing)
    return cast("Json", value)


def text_field(body: Json, name: str, *, num: int = ERROR_BAD_PARAMETER) -> str:
    """A required, non-empty string attribute of a body."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ArangoError(num, f"attribute '{name}' must be a non-empty string")
    return value


def flag_field(body: Json, name: str, default: bool = False) -> bool:
    """A boolean attribute of a body; null counts as missing, as drivers send it for what was not given."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ArangoError(ERROR_BAD_PARAMETER, f"attribute '{name}' must be a boolean")
    return value


def number_field(body: Json, name: str, default: float | None = None) -> float | None:
    value = body.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArangoError(ERROR_BAD_PARAMETER, f"attribute '{name}' must be a number")
    return value


def names_field(body: Json, name: str) -> list[str]:
    """A list of names; a single string stands for a list of one, as in ArangoDB's transactions."""
    value = body.get(name)
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in cast("list[Any]", value)):
        raise ArangoError(ERROR_BAD_PARAMETER, f"attribute '{name}' must be a string or a list of strings")
    return cast("list[str]", value)
