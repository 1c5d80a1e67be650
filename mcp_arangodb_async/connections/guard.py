"""The last look at a request's path before it leaves: encoded, below its database, and on the list.

Paths are made of encoded segments (`names.encode_segment`). The guard does not trust that: it reads the
finished text again and refuses whatever is not exactly such a path, so that a mistake anywhere above
becomes an error here and never a request to another endpoint.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from mcp_arangodb_async.connections.endpoints import LOGIN, READING, Endpoints, is_allowed
from mcp_arangodb_async.connections.names import encode_segment
from mcp_arangodb_async.errors import DeniedError, InputError, ReadOnlyError

MAXIMUM_PATH = 4096
_ENCODED = re.compile(r"(?:/(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})+)+\Z")
# What the driver writes when every name in it is plain: nothing to encode.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_\-]+)+\Z")


def encode_path(endpoint: str) -> str:
    """The driver's endpoint, into which it has written names as they are, with every segment encoded.

    The driver puts no query string into an endpoint, so `?`, `#` and `%` in it belong to names. A slash
    in a name cannot be told from one between segments: names are checked before the driver sees them
    (`database.py`).
    """
    if _PLAIN.match(endpoint):
        return endpoint
    if not endpoint.startswith("/"):
        raise InputError("a request's path starts with a slash")
    return "".join(f"/{encode_segment(segment)}" for segment in endpoint[1:].split("/"))


def check_path(endpoints: Endpoints, method: str, path: str, *, database: str | None) -> None:
    """Raise DeniedError unless this encoded path is one endpoint of the database, or the login.

    `database` is the encoded name of the database the request belongs to, None for a request outside any.
    """
    if len(path) > MAXIMUM_PATH or not _ENCODED.match(path):
        raise DeniedError(f"a {method} request was not sent: its path is not a plainly encoded one")
    segments = _segments(method, path)
    if database is not None:
        if not path.startswith(f"/_db/{database}/"):
            raise DeniedError(f"a {method} request was not sent: its path is outside its database")
        segments = segments[2:]
    allowed = endpoints if database is not None else LOGIN
    if not is_allowed(allowed, method, segments):
        # Names are left out: only the first two segments say which API it was.
        api = "/".join(segments[:2]) if segments[:1] in {("_api",), ("_admin",), ("_open",)} else "..."
        raise DeniedError(f"this client does not use {method} /{ascii(api)[1:-1][:80]}")


def check_reading(method: str, path: str, *, database: str) -> None:
    """Raise ReadOnlyError unless this encoded path, without its database's prefix, only reads.

    `database` is the key of the database, for the message.
    """
    if not is_allowed(READING, method, _segments(method, path)):
        raise read_only(database)


def read_only(database: str) -> ReadOnlyError:
    """The error for a change of a database, named by its key, that may only be read."""
    return ReadOnlyError(
        f"database {database!r} may only be read (access: read), and this would change it",
        database=database,
    )


def _segments(method: str, path: str) -> tuple[str, ...]:
    return tuple(
        segment if "%" not in segment and segment[:1] != "." else _decoded(method, segment)
        for segment in path[1:].split("/")
    )


def _decoded(method: str, segment: str) -> str:
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise DeniedError(f"a {method} request was not sent: its path is not valid Unicode text") from None
    if text in {".", ".."} or any(character == "/" or ord(character) < 32 for character in text):
        raise DeniedError(f"a {method} request was not sent: its path would leave its place")
    return text
