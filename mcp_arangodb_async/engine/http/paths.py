"""A request's path, decoded exactly once, segment by segment.

A segment is decoded after the path was cut at its slashes, so an encoded slash, question mark or dot stays
inside the name it belongs to. Segments that mean something to file systems and proxies (`.` and `..`, however
they are encoded) are refused, as are empty ones in the middle of a path.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mcp_arangodb_async.engine.errors import ERROR_HTTP_BAD_PARAMETER, ArangoError

SYSTEM = "_system"
# ArangoDB 3.12 and later accept a version in front of the path; all versions mean the same API here.
_VERSIONED = "_arango"
_LONGEST_PATH = 16 * 1024
_REFUSED = frozenset({"", ".", ".."})
_REFUSED_BYTES = frozenset({b"", b".", b".."})


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a request points: the database, and the decoded segments behind it."""

    database: str
    segments: tuple[str, ...]

    @property
    def path(self) -> str:
        """The path below the database, for messages."""
        return "/" + "/".join(self.segments)


def locate(path: str) -> Location:
    """Decode a raw path; `/_db/<name>` in front chooses the database, `_system` is the default."""
    if len(path) > _LONGEST_PATH:
        raise ArangoError(
            ERROR_HTTP_BAD_PARAMETER, f"the path has {len(path)} characters, at most {_LONGEST_PATH}"
        )
    raw = path.split("/")
    if raw[0]:
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, f"a path starts with a slash, not {path[:40]!r}")
    if raw[-1] == "":
        raw.pop()
    segments = tuple(_decode(part) for part in raw[1:]) if "%" in path else tuple(raw[1:])
    if not _REFUSED.isdisjoint(segments):
        part = next(part for part in raw[1:] if unquote_to_bytes(part) in _REFUSED_BYTES)
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, f"path segment {part[:60]!r} is not allowed")
    database = SYSTEM
    if segments[:1] == ("_db",) and len(segments) > 1:
        database, segments = segments[1], segments[2:]
    if segments[:1] == (_VERSIONED,) and len(segments) > 1:
        segments = segments[2:]
        if segments[:1] == ("_db",) and len(segments) > 1:
            database, segments = segments[1], segments[2:]
    return Location(database=database, segments=segments)


def _decode(part: str) -> str:
    try:
        text = unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, f"path segment {part[:60]!r} is not UTF-8") from None
    if "\0" in text:
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, f"path segment {part[:60]!r} is not allowed")
    return text


def quote(text: str) -> str:
    """Encode a name for a `location` header: everything but ArangoDB's own key characters."""
    return "".join(
        chr(byte)
        if byte < 128 and (chr(byte).isalnum() or chr(byte) in "_-.~:@()+,=;$!*'")
        else f"%{byte:02X}"
        for byte in text.encode("utf-8")
    )
