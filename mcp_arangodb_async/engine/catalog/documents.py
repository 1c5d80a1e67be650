"""Writing documents: what insert, update, replace and remove check and change.

Every operation checks all it can before it writes anything, so an operation that raises has written nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_CONFLICT,
    ERROR_ARANGO_DOCUMENT_KEY_BAD,
    ERROR_ARANGO_DOCUMENT_NOT_FOUND,
    ERROR_ARANGO_DOCUMENT_TYPE_INVALID,
    ERROR_ARANGO_INVALID_EDGE_ATTRIBUTE,
    ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED,
    ERRORS,
    ArangoError,
)
from mcp_arangodb_async.engine.values import encode_json, has_whole_float

from .cache import ALL
from .entries import EntryWriter, packed
from .keygen import KeyGenerator
from .names import is_handle
from .options import DocumentChange, WriteOptions
from .properties import ComputeOn
from .revisions import revision_text
from .transaction import Touched, Transaction

if TYPE_CHECKING:
    from .collection import Collection

Document = dict[str, Any]

DEFAULTS: Final = WriteOptions()
_NOTHING: Final = ""


class _Ready(NamedTuple):
    """A document about to be stored, with all its index entries."""

    number: int
    key: bytes
    document: Document
    body: bytes
    entries: list[tuple[EntryWriter, Sequence[bytes]]]


def insert(
    collection: "Collection", tx: Transaction, document: Document, options: WriteOptions
) -> DocumentChange:
    """See `Collection.insert`."""
    touched = tx.touch(collection.id)
    generator = KeyGenerator(collection.properties, touched, tx.counters)
    key, is_made = key_for(generator, document, options)
    encoded = key.encode()
    number = None if is_made else tx.store.get(collection.keys, encoded)
    if number is not None:
        return _insert_over(collection, tx, key, document, options)
    new = composed(collection, key, document, options)
    finish(collection, "insert", new, None, options)
    ready = _ready(collection, tx, new, encoded)
    _check_unique(collection, tx, ready, replaced=None)
    _store(collection, tx, touched, ready)
    touched.count += 1
    note_sync(collection, tx, options)
    return DocumentChange(old=None, new=new)


def _insert_over(
    collection: "Collection", tx: Transaction, key: str, document: Document, options: WriteOptions
) -> DocumentChange:
    match options.overwrite_mode:
        case "replace":
            return replace(collection, tx, key, document, options)
        case "update":
            return update(collection, tx, key, document, options)
        case "ignore":
            old = collection.get(tx, key)
            return DocumentChange(old=old, new=old, ignored=True)
        case "conflict":
            raise _key_taken(key)


def update(
    collection: "Collection", tx: Transaction, key: str, patch: Document, options: WriteOptions
) -> DocumentChange:
    """See `Collection.update`."""
    if not isinstance(patch, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers pass any JSON
        raise ArangoError(ERROR_ARANGO_DOCUMENT_TYPE_INVALID)
    old, number = _existing(collection, tx, key, patch, options)
    if _is_older(patch, old, options):
        return DocumentChange(old=old, new=old, ignored=True)
    if patch.keys() <= {"_key"}:  # nothing to do, not even a new revision
        return DocumentChange(old=old, new=old)
    merged = _merged(old, patch, options)
    return _exchange(collection, tx, "update", old, number, merged, options)


def replace(
    collection: "Collection", tx: Transaction, key: str, document: Document, options: WriteOptions
) -> DocumentChange:
    """See `Collection.replace`."""
    if not isinstance(document, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers pass any JSON
        raise ArangoError(ERROR_ARANGO_DOCUMENT_TYPE_INVALID)
    old, number = _existing(collection, tx, key, document, options)
    if _is_older(document, old, options):
        return DocumentChange(old=old, new=old, ignored=True)
    return _exchange(collection, tx, "replace", old, number, document, options)


def _exchange(
    collection: "Collection",
    tx: Transaction,
    moment: ComputeOn,
    old: Document,
    number: int,
    contents: Document,
    options: WriteOptions,
) -> DocumentChange:
    """Put a document with other contents in the place of `old`, which is stored under `number`."""
    touched = tx.touch(collection.id)
    new = composed(collection, old["_key"], contents, options)
    finish(collection, moment, new, old, options)
    ready = _ready(collection, tx, new, old["_key"].encode())
    _check_unique(collection, tx, ready, replaced=number)
    _erase(collection, tx, touched, old, number, keep_key=True)
    _store(collection, tx, touched, ready)
    note_sync(collection, tx, options)
    return DocumentChange(old=old, new=new)


def remove(collection: "Collection", tx: Transaction, key: str, options: WriteOptions) -> DocumentChange:
    """See `Collection.remove`."""
    old, number = _existing(collection, tx, key, {}, options)
    touched = tx.touch(collection.id)
    _erase(collection, tx, touched, old, number, keep_key=False)
    touched.count -= 1
    note_sync(collection, tx, options)
    return DocumentChange(old=old, new=None)


def truncate(collection: "Collection", tx: Transaction) -> int:
    """See `Collection.truncate`."""
    touched = tx.touch(collection.id)
    count = collection.count(tx)
    tx.store.clear_space(collection.bodies)
    for space in collection.spaces():
        tx.store.clear_space(space)
    touched.count -= count
    touched.emptied = True
    touched.added = {}
    touched.removed = []
    touched.cost = 0
    touched.forgotten = ALL
    note_sync(collection, tx, DEFAULTS)
    return count


# What the operations are made of


def key_for(generator: KeyGenerator, document: Any, options: WriteOptions) -> tuple[str, bool]:
    """The key of a new document, and whether it was made just now, so that no other has it."""
    if not isinstance(document, dict):
        raise ArangoError(ERROR_ARANGO_DOCUMENT_TYPE_INVALID)
    fields = cast("Document", document)
    if "_key" not in fields:
        return generator.make(), True
    key = fields["_key"]
    if not isinstance(key, str):
        raise ArangoError(ERROR_ARANGO_DOCUMENT_KEY_BAD)
    return generator.accept(key, is_restore=options.is_restore), False


def _existing(
    collection: "Collection", tx: Transaction, key: str, given: Document, options: WriteOptions
) -> tuple[Document, int]:
    """The stored document and its number; 1202 when there is none, 1200 when its revision is another."""
    stored = tx.store.get(collection.keys, key.encode("utf-8", "replace"))
    if stored is None:
        raise ArangoError(ERROR_ARANGO_DOCUMENT_NOT_FOUND)
    number = int.from_bytes(stored, "big")
    old = collection.load(tx, number)
    expected = options.expected_rev
    if expected is None and not options.ignore_revs:
        expected = given.get("_rev")
    if expected is not None and expected != old["_rev"]:
        raise ArangoError(ERROR_ARANGO_CONFLICT, "conflict, _rev values do not match")
    return old, number


def _is_older(new: Document, old: Document, options: WriteOptions) -> bool:
    """Whether `versionAttribute` says that the write comes too late."""
    if not options.version_attribute:
        return False
    ours, theirs = new.get(options.version_attribute), old.get(options.version_attribute)
    if not _is_version(ours) or not _is_version(theirs):
        return False
    return cast("float", ours) <= cast("float", theirs)


def _is_version(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def composed(collection: "Collection", key: str, contents: Document, options: WriteOptions) -> Document:
    """A document with its system attributes first, as ArangoDB orders them, and a new revision."""
    new: Document = {"_key": key, "_id": _NOTHING}
    if collection.is_edge:
        new["_from"] = new["_to"] = _NOTHING
    new["_rev"] = _NOTHING
    new.update(contents)
    new["_key"] = key
    new["_id"] = f"{collection.name}/{key}"
    if collection.is_edge:
        for name in ("_from", "_to"):
            if not is_handle(new[name]):
                raise ArangoError(ERROR_ARANGO_INVALID_EDGE_ATTRIBUTE)
    else:
        new.pop("_from", None)
        new.pop("_to", None)
    revision = contents.get("_rev") if options.is_restore else None
    new["_rev"] = revision if isinstance(revision, str) and revision else _NOTHING
    return new


def _merged(old: Document, patch: Document, options: WriteOptions) -> Document:
    """The old document with the patch merged in; a `_rev` or `_key` in the patch says nothing here."""
    merged = _merge(old, patch, keep_null=options.keep_null, merge_objects=options.merge_objects)
    if not options.is_restore:
        merged.pop("_rev", None)
    return merged


def _merge(old: Document, patch: Document, *, keep_null: bool, merge_objects: bool) -> Document:
    merged = dict(old)
    for name, value in patch.items():
        if value is None and not keep_null:
            merged.pop(name, None)
        elif isinstance(value, dict) and (merge_objects or not keep_null):
            before = old.get(name) if merge_objects else None
            base = cast("Document", before) if isinstance(before, dict) else {}
            merged[name] = _merge(
                base, cast("Document", value), keep_null=keep_null, merge_objects=merge_objects
            )
        else:
            merged[name] = value
    return merged


def finish(
    collection: "Collection", moment: ComputeOn, new: Document, old: Document | None, options: WriteOptions
) -> None:
    """Compute what is computed, then ask the schema."""
    collection.computation.apply(moment, new)
    if options.validate and collection.validator is not None and not collection.properties.is_system:
        collection.validator.check(new, old)


def _ready(collection: "Collection", tx: Transaction, new: Document, key: bytes) -> _Ready:
    """Give the document its number and revision, and find its entries."""
    number = tx.revisions.next()
    if not new["_rev"]:
        new["_rev"] = revision_text(number)
    return _Ready(
        number, key, new, encoded(new), [(writer, writer.keys(new)) for writer in collection.writers]
    )


def encoded(document: Document) -> bytes:
    """A document as JSON. Only few hold what `encode_json` has to look at twice."""
    try:
        body = orjson.dumps(document)
    except TypeError:
        return encode_json(document)
    return encode_json(document) if b".0" in body else body


def encoded_many(documents: Sequence[Document]) -> list[bytes]:
    """The same for many."""
    try:
        bodies = list(map(orjson.dumps, documents))
    except TypeError:
        return list(map(encoded, documents))
    if has_whole_float(b"".join(bodies)):
        return list(map(encoded, documents))
    return bodies


def _check_unique(
    collection: "Collection",
    tx: Transaction,
    ready: _Ready,
    *,
    replaced: int | None,
) -> None:
    """Raise 1210 when another document has one of the values; `replaced` is the one that makes place."""
    for writer, keys in ready.entries:
        if not writer.is_unique:
            continue
        if len(set(keys)) < len(keys):
            raise writer.violated(ready.document["_key"])
        for key in keys:
            stored = tx.store.get(writer.space, key)
            if stored is not None and int.from_bytes(stored, "big") != replaced:
                raise writer.violated(collection.load(tx, int.from_bytes(stored, "big"))["_key"])


def _store(collection: "Collection", tx: Transaction, touched: Touched, ready: _Ready) -> None:
    store = tx.store
    store.put(collection.bodies, ready.number, ready.body)
    store.put(collection.keys, ready.key, packed(ready.number))
    if collection.is_edge:
        start, end = edge_keys(ready.document, ready.number)
        store.put(collection.from_edges, start, b"")
        store.put(collection.to_edges, end, b"")
    for writer, keys in ready.entries:
        for key in keys:
            store.put(writer.space, *writer.entry(key, ready.number))
    tx.note_added(touched, ready.number, ready.document, len(ready.body))


def _erase(
    collection: "Collection", tx: Transaction, touched: Touched, old: Document, number: int, *, keep_key: bool
) -> None:
    store = tx.store
    store.delete(collection.bodies, number)
    if not keep_key:
        store.delete(collection.keys, old["_key"].encode())
    if collection.is_edge:
        start, end = edge_keys(old, number)
        store.delete(collection.from_edges, start)
        store.delete(collection.to_edges, end)
    for writer in collection.writers:
        for key, _ in writer.entries(old, number):
            store.delete(writer.space, key)
    tx.note_removed(touched, number)


def edge_keys(document: Document, number: int) -> tuple[bytes, bytes]:
    """Where an edge is listed at its two vertices."""
    end = b"\x00" + packed(number)
    return document["_from"].encode() + end, document["_to"].encode() + end


def note_sync(collection: "Collection", tx: Transaction, options: WriteOptions) -> None:
    if options.wait_for_sync or collection.properties.wait_for_sync:
        tx.require_sync()


def _key_taken(key: str) -> ArangoError:
    return ArangoError(
        ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED,
        f"{ERRORS[ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED].message} - in index primary of type primary over "
        f"'_key'; conflicting key: {key}",
    )
