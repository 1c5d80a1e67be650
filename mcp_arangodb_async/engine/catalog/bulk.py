"""Inserting many documents: prepared one by one, written space by space.

The keys and unique values of a batch are inserted on the assumption that they are new. When one is not, the
batch is undone and gone through document by document, so that each failure is reported for its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from mcp_arangodb_async.engine.collector import uncollected
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.storage.store import Space
from mcp_arangodb_async.engine.values import encode_json

from .documents import composed, edge_keys, encoded, encoded_many, finish, insert, key_for, note_sync
from .entries import EntryWriter, packed
from .index import Index
from .keygen import KeyGenerator
from .options import DocumentChange, WriteOptions
from .revisions import revision_texts
from .transaction import Touched, Transaction

if TYPE_CHECKING:
    from .collection import Collection

Document = dict[str, Any]
#: What became of an item: the stored document, a change of another kind, or why it was not stored.
Outcome = Document | DocumentChange | ArangoError

_BATCH: Final = 1000
_OF_THE_SYSTEM: Final = frozenset({"_id", "_rev", "_from", "_to"})
_ADDED: Final = frozenset({"_key", "_id", "_rev"})
#: How the JSON of a document begins whose first attribute is its key.
_KEY_FIRST: Final = b'{"_key":"'


@dataclass(slots=True)
class _Batch:
    """Documents ready to be stored, column by column: that is how they are written."""

    numbers: list[int] = field(default_factory=list[int])
    keys: list[bytes] = field(default_factory=list[bytes])
    documents: list[Document] = field(default_factory=list[Document])
    bodies: list[bytes] = field(default_factory=list[bytes])
    #: False when `documents` are without what the engine adds, because nobody will read it from them.
    is_complete: bool = True


def insert_many(
    collection: "Collection", tx: Transaction, items: Sequence[Any], options: WriteOptions
) -> list[DocumentChange | ArangoError]:
    """See `Collection.insert_many`."""
    results: list[DocumentChange | ArangoError] = []
    with uncollected():
        for _, outcomes, is_plain in _batches(collection, tx, items, options, wanted=True):
            if is_plain:
                results += map(DocumentChange._make, zip(repeat(None), outcomes, repeat(False)))
            else:
                results += [
                    DocumentChange(None, each) if isinstance(each, dict) else each for each in outcomes
                ]
    return results


def store_many(
    collection: "Collection", tx: Transaction, items: Sequence[Any], options: WriteOptions
) -> dict[int, DocumentChange | ArangoError]:
    """See `Collection.store_many`."""
    unusual: dict[int, DocumentChange | ArangoError] = {}
    with uncollected():
        for start, outcomes, is_plain in _batches(collection, tx, items, options, wanted=False):
            if not is_plain:
                unusual |= {at: each for at, each in enumerate(outcomes, start) if not isinstance(each, dict)}
    return unusual


def _batches(
    collection: "Collection", tx: Transaction, items: Sequence[Any], options: WriteOptions, *, wanted: bool
) -> Iterator[tuple[int, Sequence[Outcome], bool]]:
    """Write batch by batch: where each starts, what became of its items, and whether all were created.

    Where they were, the outcomes are the documents only if these are `wanted`.
    """
    touched = tx.touch(collection.id)
    for start in range(0, len(items), _BATCH):
        part = items[start : start + _BATCH]
        batch = _prepare_plain(collection, tx, touched, part, wanted=wanted)
        outcomes: Sequence[Outcome] = batch.documents if batch else ()
        if batch is None:
            batch, outcomes = _prepare(collection, tx, touched, part, options)
        if _claim(collection, tx, batch):
            _write(collection, tx, touched, batch)
            yield start, outcomes, len(batch.documents) == len(outcomes)
        else:
            if not batch.is_complete:
                outcomes = [{"_key": key.decode()} for key in batch.keys]
            yield start, _insert_each(collection, tx, part, outcomes, options), False
    note_sync(collection, tx, options)


def _prepare_plain(
    collection: "Collection", tx: Transaction, touched: Touched, items: Sequence[Any], *, wanted: bool
) -> _Batch | None:
    """The usual batch, column by column: objects with nothing to compute or check but their keys."""
    if not collection.is_plain or collection.is_edge or set(map(type, items)) != {dict}:
        return None
    names = set[str]().union(*items)
    if not names.isdisjoint(_OF_THE_SYSTEM):
        return None
    generator = KeyGenerator(collection.properties, touched, tx.counters)
    keys = generator.accept_many(items) if "_key" in names else generator.make_many(len(items))
    if keys is None:
        return None
    prefix = f"{collection.name}/"
    numbers = tx.revisions.block(len(items))
    revisions = revision_texts(numbers)
    try:
        bodies = _bodies(prefix, keys, revisions, items, has_keys="_key" in names)
    except ArangoError:
        return None
    is_complete = (
        wanted
        or tx.keeps_added(touched, list(map(len, bodies)))
        or any(_reads_added(writer.index) for writer in collection.writers)
    )
    documents: list[Document] = list(items)
    if is_complete:
        documents = [
            {"_key": key, "_id": prefix + key, "_rev": revision, **item}
            for key, revision, item in zip(keys, revisions, items, strict=True)
        ]
    return _Batch(
        numbers=list(numbers),
        keys=[key.encode() for key in keys],
        documents=documents,
        bodies=bodies,
        is_complete=is_complete,
    )


def _reads_added(index: Index) -> bool:
    """Whether an index is over something that the engine adds."""
    prefix: Sequence[str] = (index.details or {}).get("prefixFields", ())
    return not _ADDED.isdisjoint(field.partition(".")[0] for field in (*prefix, *index.fields))


def _bodies(
    prefix: str, keys: Sequence[str], revisions: Sequence[str], items: Sequence[Document], *, has_keys: bool
) -> list[bytes]:
    """The JSON of documents: that of what was given, with what the engine adds put in front of it.

    A key's characters stand for themselves in JSON, and `_key` comes first, given or not.
    """
    name = encode_json(prefix)[1:-1].decode()
    bodies = encoded_many(items)
    if has_keys:
        rests = [
            body[len(_KEY_FIRST) + len(key) + 1 :]
            if body.startswith(_KEY_FIRST)
            else _continued(encoded({name: value for name, value in item.items() if name != "_key"}))
            for key, body, item in zip(keys, bodies, items, strict=True)
        ]
    else:
        rests = list(map(_continued, bodies))
    return [
        f'{{"_key":"{key}","_id":"{name}{key}","_rev":"{revision}"'.encode() + rest
        for key, revision, rest in zip(keys, revisions, rests, strict=True)
    ]


def _continued(body: bytes) -> bytes:
    """An object's JSON as it goes on behind other attributes."""
    return b"," + body[1:] if len(body) > 2 else b"}"


def _prepare(
    collection: "Collection", tx: Transaction, touched: Touched, items: Sequence[Any], options: WriteOptions
) -> tuple[_Batch, list[Outcome]]:
    """Everything that concerns one document alone; the document or the error of each item."""
    generator = KeyGenerator(collection.properties, touched, tx.counters)
    batch = _Batch()
    outcomes: list[Outcome] = []
    made: Iterator[str] = iter(())
    if all(isinstance(item, dict) and "_key" not in item for item in items):
        made = iter(generator.make_many(len(items)))
    numbers = tx.revisions.block(len(items))
    for item, number, revision in zip(items, numbers, revision_texts(numbers), strict=True):
        try:
            key = next(made, None) or key_for(generator, item, options)[0]
            new = composed(collection, key, item, options)
            finish(collection, "insert", new, None, options)
            new["_rev"] = new["_rev"] or revision
            body = encoded(new)
        except ArangoError as error:
            outcomes.append(error)
            continue
        batch.numbers.append(number)
        batch.keys.append(key.encode())
        batch.documents.append(new)
        batch.bodies.append(body)
        outcomes.append(new)
    return batch, outcomes


def _claim(collection: "Collection", tx: Transaction, batch: _Batch) -> bool:
    """Insert the keys and unique values; False when one is in the store already or twice in the batch."""
    keys = sorted(zip(batch.keys, map(packed, batch.numbers), strict=True))
    unique = [writer for writer in collection.writers if writer.is_unique]
    if not unique:
        return _insert_new(tx, collection.keys, keys)
    savepoint = tx.store.savepoint()
    if _insert_new(tx, collection.keys, keys) and all(
        _insert_new(tx, writer.space, _entries(writer, batch)) for writer in unique
    ):
        tx.store.release(savepoint)
        return True
    tx.store.rollback_to(savepoint)
    return False


def _insert_new(tx: Transaction, space: Space[bytes], pairs: list[tuple[bytes, bytes]]) -> bool:
    """Insert sorted pairs; False, and nothing inserted, when one is there already or twice among them."""
    return len(dict(pairs)) == len(pairs) and tx.store.insert_many(space, pairs)


def _entries(writer: EntryWriter, batch: _Batch) -> list[tuple[bytes, bytes]]:
    entries = [
        writer.entry(key, number)
        for number, document in zip(batch.numbers, batch.documents, strict=True)
        for key in writer.keys(document)
    ]
    entries.sort()  # neighbours are written together
    return entries


def _write(collection: "Collection", tx: Transaction, touched: Touched, batch: _Batch) -> None:
    """Everything but what `_claim` has written."""
    store = tx.store
    store.put_many(collection.bodies, zip(batch.numbers, batch.bodies, strict=True))
    if collection.is_edge:
        ends = [edge_keys(*each) for each in zip(batch.documents, batch.numbers, strict=True)]
        store.put_many(collection.from_edges, sorted((start, b"") for start, _ in ends))
        store.put_many(collection.to_edges, sorted((end, b"") for _, end in ends))
    for writer in collection.writers:
        if not writer.is_unique:
            store.put_many(writer.space, _entries(writer, batch))
    tx.note_many_added(touched, batch.numbers, batch.documents, list(map(len, batch.bodies)))
    touched.count += len(batch.numbers)


def _insert_each(
    collection: "Collection",
    tx: Transaction,
    items: Sequence[Any],
    outcomes: Sequence[Outcome],
    options: WriteOptions,
) -> list[Outcome]:
    """One by one, with the keys made before: where some conflict or overwrite others."""
    results: list[Outcome] = []
    for item, outcome in zip(items, outcomes, strict=True):
        if not isinstance(outcome, dict):
            results.append(outcome)
            continue
        try:
            results.append(insert(collection, tx, {**item, "_key": outcome["_key"]}, options))
        except ArangoError as error:
            results.append(error)
    return results
