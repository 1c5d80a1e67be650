"""What may be a name or a key.

Rules: https://docs.arangodb.com/3.12/concepts/data-structure/databases/#database-names, the same chapter of
collections, views, indexes and graphs, and "User-specified keys" of documents. Since 3.12 extended names
are on by default: most of Unicode is allowed, in normal form C.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DATABASE_NAME_INVALID,
    ERROR_ARANGO_DOCUMENT_HANDLE_BAD,
    ERROR_ARANGO_DOCUMENT_KEY_BAD,
    ERROR_ARANGO_ILLEGAL_NAME,
    ArangoError,
)

_MAXIMUM_NAME: Final = 256
_MAXIMUM_DATABASE_NAME: Final = 128
_MAXIMUM_KEY: Final = 254

_TRADITIONAL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_SYSTEM: Final = re.compile(r"_[A-Za-z0-9_-]+\Z")
_KEY: Final = re.compile(r"[A-Za-z0-9_:.@()+,=;$!*'%-]{1,254}\Z")
_KEYS: Final = re.compile(r"(?:[A-Za-z0-9_:.@()+,=;$!*'%-]{1,254}+\n)*+\Z")
_HANDLE: Final = re.compile(r"(?:_?[A-Za-z][A-Za-z0-9_-]*|[0-9]+)/[A-Za-z0-9_:.@()+,=;$!*'%-]{1,254}\Z")


def _is_extended(name: str, maximum: int) -> bool:
    first = name[:1]
    return (
        bool(first)
        and first not in "._0123456789"
        and name == name.strip(" ")
        and not any(letter in "/:" or ord(letter) < 32 or ord(letter) == 127 for letter in name)
        and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in name)
        and len(name.encode("utf-8", "surrogatepass")) <= maximum
        and unicodedata.is_normalized("NFC", name)
    )


def is_collection_name(name: str, *, allow_system: bool = False) -> bool:
    """Whether a collection (or view) may have this name; `_` at the beginning is for system collections."""
    if len(name) > _MAXIMUM_NAME:
        return False
    if name.startswith("_"):
        return allow_system and _SYSTEM.match(name) is not None
    return _TRADITIONAL.match(name) is not None or _is_extended(name, _MAXIMUM_NAME)


def check_collection_name(name: object, *, allow_system: bool = False) -> str:
    """The name, or 1208 with what is allowed."""
    if isinstance(name, str) and is_collection_name(name, allow_system=allow_system):
        return name
    raise ArangoError(
        ERROR_ARANGO_ILLEGAL_NAME,
        f"illegal name: {shown(name)} - use letters, digits, _ and - (and most of Unicode), up to 256 bytes; "
        "the first character may not be a digit, _ or .",
    )


def is_index_name(name: str) -> bool:
    """Whether an index may have this name."""
    return (
        bool(name)
        and (_TRADITIONAL.match(name) is not None or _is_extended(name, _MAXIMUM_NAME))
        and len(name) <= _MAXIMUM_NAME
    )


def check_database_name(name: object) -> str:
    """The name, or 1229 with what is allowed; `_system` is the only one that begins with `_`."""
    if isinstance(name, str):
        if name == "_system":
            return name
        if not name.isdigit() and _is_extended(name, _MAXIMUM_DATABASE_NAME):
            return name
    raise ArangoError(
        ERROR_ARANGO_DATABASE_NAME_INVALID,
        f"database name invalid: {shown(name)} - up to 128 bytes of most of Unicode, without / and :; "
        "the first character may not be a digit, _ or .",
    )


def is_key(key: str) -> bool:
    """Whether a document may have this `_key`."""
    return _KEY.match(key) is not None


def are_keys(keys: Iterable[str]) -> bool:
    """Whether documents may have these `_key`s, all of them."""
    return _KEYS.match("".join(f"{key}\n" for key in keys)) is not None


def check_key(key: object) -> str:
    """The key, or 1221."""
    if isinstance(key, str) and _KEY.match(key) is not None:
        return key
    raise ArangoError(
        ERROR_ARANGO_DOCUMENT_KEY_BAD,
        f"illegal document key: {shown(key)} - use 1 to 254 of: letters, digits and _-:.@()+,=;$!*'%",
    )


def is_handle(handle: object) -> bool:
    """Whether a value is a well-formed `_id`."""
    if not isinstance(handle, str):
        return False
    if _HANDLE.match(handle) is not None:
        return True
    collection, slash, key = handle.partition("/")
    return bool(slash) and is_collection_name(collection, allow_system=True) and is_key(key)


def split_handle(handle: str) -> tuple[str, str]:
    """Collection and key of an `_id`; 1205 when it is malformed."""
    collection, slash, key = handle.partition("/")
    if not slash or not collection or not key or "/" in key:
        raise ArangoError(
            ERROR_ARANGO_DOCUMENT_HANDLE_BAD,
            f"illegal document identifier: {shown(handle)} - write collection/key",
        )
    return collection, key


def shown(value: object) -> str:
    """A wrong value for an error's text, cut to a bearable length."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
