"""From a document to its entries in an index, and from a range to the keys that bound it.

Entries of a non-unique index are the encoded values followed by the document's number; those of a unique
index are the encoded values alone, with the number as their value, so that two documents cannot have the
same.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from mcp_arangodb_async.engine.errors import ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED, ArangoError
from mcp_arangodb_async.engine.storage.keys import NULL, encode_key, encode_value, successor
from mcp_arangodb_async.engine.storage.store import Space, keyed

from .index import Bounds, Index

Document = dict[str, Any]

#: Types that keep entries. The others are definitions only: whoever needs them reads the collection.
_KEPT: Final = frozenset({"persistent", "hash", "skiplist", "ttl"})
_UNIQUE_ONLY: Final = frozenset({"mdi", "mdi-prefixed", "zkd"})


#: A document's number as eight bytes.
packed: Final[Callable[[int], bytes]] = struct.Struct(">q").pack


def keeps_entries(index: Index) -> bool:
    """Whether the index has a space of entries."""
    return index.type in _KEPT or (index.type in _UNIQUE_ONLY and index.unique)


def space_of(collection: int, index: Index) -> Space[bytes]:
    """Where the entries of an index are."""
    return keyed(f"i{collection}_{index.id}")


class EntryWriter:
    """Makes the entries of one index. Built once for each version of a collection."""

    __slots__ = ("has_expansion", "index", "is_unique", "keys", "space")

    def __init__(self, collection: int, index: Index) -> None:
        """For an index that keeps entries."""
        self.index = index
        self.space = space_of(collection, index)
        self.is_unique = index.unique
        self.has_expansion = index.has_expansion
        #: The encoded values of a document: one key, or several for an array index, or none for a sparse one.
        self.keys: Callable[[Document], Sequence[bytes]] = _keys_of(index)

    def entry(self, key: bytes, number: int) -> tuple[bytes, bytes]:
        """The stored pair of an encoded value."""
        return (key, packed(number)) if self.is_unique else (key + packed(number), b"")

    def entries(self, document: Document, number: int) -> list[tuple[bytes, bytes]]:
        """All stored pairs of a document."""
        return [self.entry(key, number) for key in self.keys(document)]

    def violated(self, conflicting: str) -> ArangoError:
        """The error for a value that another document has already."""
        return ArangoError(
            ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED,
            f"unique constraint violated - in index {self.index.name} of type {self.index.type} over "
            f"'{', '.join(self.index.fields)}'; conflicting key: {conflicting}",
        )


def _keys_of(index: Index) -> Callable[[Document], Sequence[bytes]]:
    if index.type == "ttl":
        return lambda document: _ttl_keys(index, document)
    if index.has_expansion:
        return lambda document: _expanded_keys(index, document)
    prefix = tuple((index.details or {}).get("prefixFields", ()))
    paths = (*(tuple(field.split(".")) for field in prefix), *index.paths)
    if len(paths) == 1 and len(paths[0]) == 1:
        return _single(paths[0][0], sparse=index.sparse)
    return lambda document: _plain_keys(paths, document, sparse=index.sparse)


def _single(name: str, *, sparse: bool) -> Callable[[Document], Sequence[bytes]]:
    """The most frequent case: one attribute at the top."""
    nothing: tuple[bytes, ...] = () if sparse else (NULL,)

    def keys(document: Document) -> Sequence[bytes]:
        value = document.get(name)
        return nothing if value is None else (encode_value(value),)

    return keys


def _plain_keys(paths: tuple[tuple[str, ...], ...], document: Document, *, sparse: bool) -> Sequence[bytes]:
    values = [value_at(document, path) for path in paths]
    if sparse and any(value is None for value in values):
        return ()
    return (encode_key(values),)


def _expanded_keys(index: Index, document: Document) -> Sequence[bytes]:
    """Entries of an array index: all combinations of elements; an empty or missing array counts as null."""
    columns: list[list[bytes]] = []
    for path, step in zip(index.paths, index.expanded, strict=True):
        values = [value_at(document, path)] if step is None else _elements(document, path, step)
        if index.sparse:
            values = [value for value in values if value is not None]
        columns.append([encode_value(value) for value in values])
    keys = [b""]
    for column in columns:
        keys = [key + part for key in keys for part in column]
    if index.deduplicate or not index.unique:
        return list(dict.fromkeys(keys))
    return keys


def _elements(document: Document, path: tuple[str, ...], step: int) -> list[Any]:
    array = value_at(document, path[:step])
    if not isinstance(array, list) or not array:
        return [None]
    items = cast("list[Any]", array)
    rest = path[step:]
    return [value_at(item, rest) for item in items] if rest else items


def _ttl_keys(index: Index, document: Document) -> Sequence[bytes]:
    moment = timestamp(value_at(document, index.paths[0]))
    return () if moment is None else (encode_value(moment),)


def timestamp(value: Any) -> float | None:
    """The seconds since 1970 that a TTL attribute means: a number of seconds, or an ISO 8601 text (UTC unless
    it says).
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def value_at(value: Any, path: Sequence[str]) -> Any:
    """The value at an attribute path; None when a step is missing."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("Document", value).get(name)
    return value


def key_range(bounds: Bounds) -> tuple[bytes, bytes | None]:
    """The first key within the bounds, and the first above them (None: none is)."""
    prefix = encode_key(bounds.equal)
    lower = prefix
    upper = successor(prefix)
    if bounds.lower is not None:
        start = prefix + encode_value(bounds.lower.value)
        lower = start if bounds.lower.inclusive else successor(start) or start
    if bounds.upper is not None:
        end = prefix + encode_value(bounds.upper.value)
        upper = successor(end) if bounds.upper.inclusive else end
    return lower, upper
