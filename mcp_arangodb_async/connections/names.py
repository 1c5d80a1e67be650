"""Names that callers supply: checked by ArangoDB's rules, and encoded where they become part of a URL.

The rules are ArangoDB's extended naming constraints (https://docs.arangodb.com/3.12/concepts/data-structure/)
as far as they decide what may be asked for; whether a name may be *created* is the server's to say. None of
them allows a slash, so a checked name always stays one segment of a path.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from mcp_arangodb_async.errors import InputError

_SHOWN = 60
MAXIMUM_SEGMENT_BYTES = 1024
MAXIMUM_NAME_BYTES = 256
MAXIMUM_DATABASE_BYTES = 128
MAXIMUM_KEY_BYTES = 254
_KEY = re.compile(r"[A-Za-z0-9_\-:.@()+,=;$!*'%]{1,254}\Z")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_\-]{0,127}\Z")
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_\-]{1,256}\Z")
KEY_RULE = "1 to 254 letters a-z, digits and _ - : . @ ( ) + , = ; $ ! * ' %, other than . and .."


def encode_segment(name: str) -> str:
    """One segment of a URL's path: everything but letters a-z, digits and - . _ ~ is percent-encoded.

    Every path is made of these. Raises InputError for what cannot be one segment: nothing, `.` and `..`
    (which clients and proxies resolve even when they are encoded), a slash, control characters, more than
    1,024 bytes.
    """
    if _PLAIN_SEGMENT.match(name):
        return name
    if not name:
        raise InputError("an empty name cannot be part of a request's path")
    if name in {".", ".."}:
        raise InputError(f"{name!r} cannot be part of a request's path")
    if "/" in name or _has_control_characters(name):
        raise InputError(f"{_shown(name)} cannot be one segment of a path: no slashes, no control characters")
    try:
        encoded = quote(name, safe="")
    except UnicodeEncodeError:
        raise InputError(f"{_shown(name)} is not valid Unicode text") from None
    if len(encoded) > MAXIMUM_SEGMENT_BYTES * 3 or len(name.encode()) > MAXIMUM_SEGMENT_BYTES:
        raise InputError(f"{_shown(name)} is too long: at most {MAXIMUM_SEGMENT_BYTES} bytes")
    return encoded


def quote_name(name: str, *, field: str | None = None) -> str:
    """A name as AQL text, in backticks; for names that cannot be bind parameters.

    Raises InputError for names that hold a backtick or a backslash: no escape for them is portable.
    """
    _check_text(name, "a name in a query", maximum=MAXIMUM_NAME_BYTES, field=field)
    if any(character in "`´\\" for character in name):
        raise InputError(
            f"{_shown(name)} cannot be quoted in a query: backticks and backslashes are not allowed",
            field=field,
        )
    return f"`{name}`"


def validate_database_name(value: str, *, field: str = "database") -> str:
    """The name of a database on its server, `_system` included."""
    if _PLAIN.match(value) or value == "_system":
        return value
    return _extended(value, "a database name", field, maximum=MAXIMUM_DATABASE_BYTES, forbidden="/:_")


def validate_collection_name(value: str, *, field: str = "collection") -> str:
    """The name of a collection, system collections included; numeric ids are not names."""
    if _PLAIN.match(value):
        return value
    return _extended(value, "a collection name", field, maximum=MAXIMUM_NAME_BYTES, forbidden="/")


def validate_view_name(value: str, *, field: str = "view") -> str:
    """The name of a view."""
    if _PLAIN.match(value):
        return value
    return _extended(value, "a view name", field, maximum=MAXIMUM_NAME_BYTES, forbidden="/")


def validate_analyzer_name(value: str, *, field: str = "analyzer") -> str:
    """The name of an analyzer, with or without its database's name in front (`db::name`)."""
    return _extended(value, "an analyzer name", field, maximum=MAXIMUM_NAME_BYTES * 2, forbidden="/")


def validate_graph_name(value: str, *, field: str = "graph") -> str:
    """The name of a graph: it is the key of a document in `_graphs`."""
    return _key(value, "a graph name", field)


def validate_document_key(value: str, *, field: str = "key") -> str:
    """A document's `_key`."""
    return _key(value, "a document key", field)


def validate_document_id(value: str, *, field: str = "id") -> str:
    """A document's `_id`: collection, slash, key."""
    collection, slash, key = value.partition("/")
    if not slash:
        raise InputError(f"{_shown(value)} is not a document id; it is collection/key", field=field)
    validate_collection_name(collection, field=field)
    validate_document_key(key, field=field)
    return value


def validate_index_id(value: str, *, field: str = "index") -> str:
    """An index's id, with or without its collection in front, or its name."""
    collection, slash, index = value.rpartition("/")
    if slash:
        validate_collection_name(collection, field=field)
    _check_text(index, "an index id", maximum=MAXIMUM_NAME_BYTES, field=field)
    return value


def validate_user_name(value: str, *, field: str = "user") -> str:
    """The name of a user of a server."""
    return _check_text(value, "a user name", maximum=MAXIMUM_NAME_BYTES, field=field)


def validate_attribute_path(value: str, *, field: str = "attribute") -> tuple[str, ...]:
    """The parts of a dotted attribute path, each fit for `quote_name`."""
    parts = tuple(value.split("."))
    for part in parts:
        quote_name(part, field=field)
    return parts


def _key(value: str, what: str, field: str) -> str:
    if not _KEY.match(value) or value in {".", ".."}:
        raise InputError(f"{_shown(value)} is not {what}; it is {KEY_RULE}", field=field)
    return value


def _extended(value: str, what: str, field: str, *, maximum: int, forbidden: str) -> str:
    _check_text(value, what, maximum=maximum, field=field)
    first = value[0]
    if first in "0123456789." or value != value.strip(" ") or ("_" in forbidden and first == "_"):
        start = "_, a digit, a dot or a space" if "_" in forbidden else "a digit, a dot or a space"
        raise InputError(
            f"{_shown(value)} is not {what}; it does not start with {start}, nor end with a space",
            field=field,
        )
    if any(character in value for character in forbidden if character != "_"):
        raise InputError(f"{_shown(value)} is not {what}; it holds none of / :", field=field)
    if not unicodedata.is_normalized("NFC", value):
        raise InputError(f"{_shown(value)} is not {what}; its characters are not NFC-normalized", field=field)
    return value


def _check_text(value: str, what: str, *, maximum: int, field: str | None) -> str:
    if not value:
        raise InputError(f"{what} is empty", field=field)
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InputError(f"{_shown(value)} is not {what}: not valid Unicode text", field=field) from None
    if size > maximum:
        raise InputError(f"{_shown(value)} is not {what}: {size} bytes, at most {maximum}", field=field)
    if value in {".", ".."} or "/" in value or _has_control_characters(value):
        raise InputError(
            f"{_shown(value)} is not {what}; it holds no slash and no control character, and is not . or ..",
            field=field,
        )
    return value


def _has_control_characters(value: str) -> bool:
    return any(ord(character) < 32 or 127 <= ord(character) < 160 for character in value)


def _shown(value: str) -> str:
    """The text shortened and escaped, so that an error message cannot carry control characters on."""
    return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
