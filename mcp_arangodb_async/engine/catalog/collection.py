"""A collection: its properties and indexes, and every operation on its documents.

A `Collection` is a value of one version of the catalogue: take it from the transaction you use it with
(`tx.collection(name)`), never keep it.
"""

import random
from collections.abc import Generator, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import chain, islice
from typing import Any, Final

import orjson

from mcp_arangodb_async.engine.errors import ERROR_ARANGO_INDEX_NOT_FOUND, ArangoError
from mcp_arangodb_async.engine.storage.keys import encode_key, successor
from mcp_arangodb_async.engine.storage.store import Space, keyed, numbered

from . import documents
from .bulk import insert_many, store_many
from .cache import ALL
from .computed import Computation
from .entries import EntryWriter, keeps_entries, key_range
from .index import Bounds, Index
from .options import DocumentChange, WriteOptions
from .properties import EDGE, CollectionProperties
from .revisions import revision_text
from .schema import Validator
from .transaction import Touched, Transaction

Document = dict[str, Any]

_FIRST_BATCH: Final = 8
_LAST_BATCH: Final = 500
_SCAN_BATCH: Final = 1000
#: After as much JSON in one batch of a scan, the next is a small one.
_LARGE: Final = 2 * 1024 * 1024
_SAMPLE: Final = 5000
_OUTBOUND: Final = "outbound"
_INBOUND: Final = "inbound"


class Collection:
    """One collection of one version of the catalogue. Documents it returns are shared: never mutate them."""

    __slots__ = (
        "_writers",
        "bodies",
        "computation",
        "from_edges",
        "id",
        "indexes",
        "is_edge",
        "is_plain",
        "keys",
        "name",
        "properties",
        "selectivities",
        "to_edges",
        "validator",
        "writers",
    )

    def __init__(
        self, properties: CollectionProperties, indexes: tuple[Index, ...], computation: Computation
    ) -> None:
        """Made by the catalogue only."""
        self.properties = properties
        #: The primary index first, then the edge index of an edge collection, then the others as created.
        self.indexes = indexes
        self.name: Final = properties.name
        #: The number that stays when the name changes.
        self.id: Final = properties.id
        #: Whether documents need `_from` and `_to`.
        self.is_edge: Final = properties.type == EDGE
        #: Where documents are, by number; their numbers by key; their numbers by vertex.
        self.bodies: Space[int] = numbered(f"d{properties.id}")
        self.keys: Space[bytes] = keyed(f"k{properties.id}")
        self.from_edges: Space[bytes] = keyed(f"f{properties.id}")
        self.to_edges: Space[bytes] = keyed(f"t{properties.id}")
        self.writers = tuple(EntryWriter(properties.id, index) for index in indexes if keeps_entries(index))
        self._writers = {writer.index.id: writer for writer in self.writers}
        self.validator = None if properties.schema is None else Validator(properties.schema)
        self.computation = computation
        #: Whether documents are stored as they come, with nothing computed and no schema.
        self.is_plain = not properties.computed_values and self.validator is None
        self.selectivities: dict[int, tuple[int, float]] = {}

    # Reading

    def get(self, tx: Transaction, key: str) -> Document | None:
        """The document with this key, or None."""
        if tx.touched(self.id) is not None:
            stored = tx.store.get(self.keys, key.encode("utf-8", "replace"))
            return None if stored is None else self.load(tx, int.from_bytes(stored, "big"))
        segment, stamp = tx.segment(self.id), tx.state(self.id).stamp
        found = tx.cache.keys(segment, stamp).get(key)
        if found is None:
            stored = tx.store.get(self.keys, key.encode("utf-8", "replace"))
            if stored is not None:
                number = int.from_bytes(stored, "big")
                found = self.load(tx, number)
                tx.cache.add_keys(segment, stamp, (found,), (number,))
        return found

    def get_many(self, tx: Transaction, keys: Sequence[str]) -> list[Document | None]:
        """The documents with these keys, None where there is none."""
        if tx.touched(self.id) is not None:
            return self._stored(tx, keys)[0]
        segment, stamp = tx.segment(self.id), tx.state(self.id).stamp
        known = tx.cache.keys(segment, stamp).get
        found = [known(key) for key in keys]
        if None in found:
            places = [place for place, document in enumerate(found) if document is None]
            stored, numbers = self._stored(tx, [keys[place] for place in places])
            for place, document in zip(places, stored, strict=True):
                found[place] = document
            tx.cache.add_keys(segment, stamp, [each for each in stored if each is not None], numbers)
        return found

    def all_keys(self, tx: Transaction) -> Iterator[str]:
        """The keys of all documents, in the order of their bytes; no document is read."""
        return (key.decode() for key, _ in tx.store.scan(self.keys))

    def _stored(self, tx: Transaction, keys: Sequence[str]) -> tuple[list[Document | None], list[int]]:
        """The documents with these keys, found in the store, and the numbers of those that there are."""
        encoded = [key.encode("utf-8", "replace") for key in keys]
        stored = tx.store.get_many(self.keys, encoded)
        numbers = [int.from_bytes(stored[key], "big") for key in encoded if key in stored]
        found = iter(self.load_many(tx, numbers))
        return [next(found) if key in stored else None for key in encoded], numbers

    def count(self, tx: Transaction) -> int:
        """How many documents the transaction sees."""
        touched = tx.touched(self.id)
        return tx.state(self.id).count + (touched.count if touched else 0)

    def documents(self, tx: Transaction) -> Sequence[Document] | None:
        """All documents at once when the whole collection is in the cache, else None: use `scan`."""
        if tx.touched(self.id) is not None:
            return None
        return tx.cache.everything(tx.segment(self.id), tx.state(self.id).stamp)

    def scan(self, tx: Transaction, *, reverse: bool = False) -> Iterator[Document]:
        """All documents, in the order of their last write; a snapshot as `StoreTransaction.scan` describes
        it.
        """
        cached = self.documents(tx)
        if cached is not None:
            return reversed(cached) if reverse else iter(cached)
        limit = None
        if tx.writable:  # numbers grow: what the transaction itself writes from now on lies above the limit
            tx.revisions.at_least(tx.state(self.id).stamp)
            limit = tx.revisions.next()
        if reverse or tx.touched(self.id) is not None:
            pairs = tx.store.scan(self.bodies, None, limit, reverse=reverse)
            return (self._decoded(tx, number, body) for number, body in pairs)
        beginning, begin = tx.cache.beginning(tx.segment(self.id), tx.state(self.id).stamp)
        rest = self._filling(tx, begin, tx.store.scan(self.bodies, begin, limit))
        return chain(beginning, chain.from_iterable(rest))

    def numbered(self, tx: Transaction) -> Iterator[tuple[int, Document]]:
        """All documents with their numbers, past the cache."""
        return ((number, self._decode(body)) for number, body in tx.store.scan(self.bodies))

    def _filling(
        self, tx: Transaction, begin: int, pairs: Iterator[tuple[int, bytes]]
    ) -> Iterator[Iterable[Document]]:
        """The stored documents from a number on, in batches; they stay in the cache while there is room."""
        segment, stamp = tx.segment(self.id), tx.state(self.id).stamp
        decode = self._decode
        is_kept = True
        size = _FIRST_BATCH
        while batch := list(islice(pairs, size)):
            whole, loose = segment.whole.get, segment.loose.get
            found = {number: whole(number) or loose(number) or decode(body) for number, body in batch}
            end = batch[-1][0] + 1 if len(batch) == size else ALL
            length = sum(len(body) for _, body in batch)
            if is_kept:
                is_kept = tx.cache.extend(segment, stamp, found, length, begin, end)
            begin = end
            yield found.values()
            size = min(size * 4, _SCAN_BATCH) if length < _LARGE else _FIRST_BATCH
        if is_kept and begin != ALL:
            tx.cache.extend(segment, stamp, {}, 0, begin, ALL)

    def any(self, tx: Transaction) -> Document | None:
        """A random document, or None when empty."""
        cached = self.documents(tx)
        if cached is not None:
            return random.choice(cached) if cached else None
        first = next(tx.store.scan(self.bodies), None)
        last = next(tx.store.scan(self.bodies, reverse=True), None)
        if first is None or last is None:
            return None
        number, body = next(tx.store.scan(self.bodies, random.randint(first[0], last[0])), last)
        return self._decoded(tx, number, body)

    def lookup(
        self, tx: Transaction, index: Index, bounds: Bounds, *, reverse: bool = False
    ) -> Iterable[Document]:
        """Documents within the bounds of a sorted index, in index order; ties are in the order of writing.

        Each document comes once, also when an array index holds several of its elements in the range. A
        primary index answers one equal `_key` or `_id` only; for edge indexes see `edges`.
        """
        if index.type == "primary":
            (value,) = bounds.equal
            document = self._by_key_or_id(tx, value)
            return () if document is None else (document,)
        return self._between(tx, self._writer(index), *key_range(bounds), reverse)

    def lookup_equal(
        self, tx: Transaction, index: Index, values: Sequence[Any], *, reverse: bool = False
    ) -> Iterable[Document]:
        """The same for bounds that only fix the first fields."""
        lower = encode_key(values)
        return self._between(tx, self._writer(index), lower, successor(lower), reverse)

    def _between(
        self, tx: Transaction, writer: EntryWriter, lower: bytes, upper: bytes | None, reverse: bool
    ) -> Iterable[Document]:
        """The documents of a range of entries."""
        if upper is None:
            return self._found(tx, writer, tx.store.scan(writer.space, lower, upper, reverse=reverse))
        first = tx.store.some(writer.space, lower, upper, _FIRST_BATCH, reverse=reverse)
        if len(first) < _FIRST_BATCH:
            numbers = _numbers(writer, first)
            return [document for document in self.load_many(tx, list(numbers)) if document is not None]
        last = first[-1][0]
        bounds_left = (lower, last) if reverse else (last + b"\0", upper)
        rest = tx.store.scan(writer.space, *bounds_left, reverse=reverse)
        return self._found(tx, writer, chain(first, rest))

    def lookup_in(
        self, tx: Transaction, index: Index, values: Iterable[Any], *, reverse: bool = False
    ) -> Iterable[Document]:
        """Documents whose first index field equals one of the values (`IN`): each once, in index order."""
        if index.type == "primary":
            distinct = dict.fromkeys(value for value in values if isinstance(value, str))
            found = [self._by_key_or_id(tx, value) for value in distinct]
            return [document for document in found if document is not None]
        ranges = sorted({key_range(Bounds(equal=(value,))) for value in values}, reverse=reverse)
        writer = self._writer(index)
        scan = tx.store.scan
        return self._found(
            tx,
            writer,
            (pair for lower, upper in ranges for pair in scan(writer.space, lower, upper, reverse=reverse)),
        )

    def _found(
        self, tx: Transaction, writer: EntryWriter, pairs: Iterable[tuple[bytes, bytes]]
    ) -> Generator[Document]:
        numbers = iter(_numbers(writer, pairs))
        size = _FIRST_BATCH
        while batch := list(islice(numbers, size)):
            for document in self.load_many(tx, batch):
                if document is not None:
                    yield document
            size = min(size * 4, _LAST_BATCH)

    def edges(self, tx: Transaction, vertex_id: str, direction: str) -> Sequence[Document]:
        """Edges of a vertex: `outbound` (it is `_from`), `inbound` (`_to`) or `any`; a loop comes once."""
        if tx.touched(self.id) is not None:
            return self._at(tx, self._edge_numbers(tx, vertex_id, direction))
        segment = tx.segment(self.id)
        stamp = tx.state(self.id).stamp
        key = (direction, vertex_id)
        found = tx.cache.edges(segment, stamp).get(key)
        if found is None:
            numbers = self._edge_numbers(tx, vertex_id, direction)
            found = self._at(tx, numbers)
            tx.cache.add_edges(segment, stamp, key, found, numbers)
        return found

    def _at(self, tx: Transaction, numbers: Sequence[int]) -> tuple[Document, ...]:
        return tuple(document for document in self.load_many(tx, numbers) if document is not None)

    def _edge_numbers(self, tx: Transaction, vertex_id: str, direction: str) -> list[int]:
        prefix = vertex_id.encode("utf-8", "replace")
        numbers: list[int] = []
        for space, wanted in ((self.from_edges, _OUTBOUND), (self.to_edges, _INBOUND)):
            if direction in (wanted, "any"):
                pairs = tx.store.scan(space, prefix + b"\x00", prefix + b"\x01")
                numbers += [int.from_bytes(key[-8:], "big") for key, _ in pairs]
        if direction == "any":
            numbers = list(dict.fromkeys(numbers))
        return numbers

    # Loading by number

    def load(self, tx: Transaction, number: int) -> Document:
        """The document with a number that was found in an index of the same transaction."""
        segment = tx.segment(self.id)
        found = segment.whole.get(number) or segment.loose.get(number) or _own(tx.touched(self.id), number)
        if found is None:
            body = tx.store.get(self.bodies, number)
            if body is None:
                raise KeyError(number)
            found = self._decoded(tx, number, body)
        return found

    def load_many(self, tx: Transaction, numbers: Sequence[int]) -> list[Document | None]:
        """The documents with these numbers, in the same order; None for one removed since the number was
        found.
        """
        segment = tx.segment(self.id)
        whole, loose = segment.whole.get, segment.loose.get
        found = [whole(number) or loose(number) for number in numbers]
        missing = [number for number, document in zip(numbers, found, strict=True) if document is None]
        if not missing:
            return found
        touched = tx.touched(self.id)
        bodies = tx.store.get_many(self.bodies, missing)
        for place, number in enumerate(numbers):
            if found[place] is None and number in bodies:
                found[place] = _own(touched, number) or self._decoded(tx, number, bodies[number])
        return found

    def _decoded(self, tx: Transaction, number: int, body: bytes) -> Document:
        segment = tx.segment(self.id)
        found = segment.whole.get(number) or segment.loose.get(number)
        if found is None:
            found = self._decode(body)
            if number < tx.first_number:
                tx.cache.add(segment, number, found, len(body))
        return found

    def _decode(self, body: bytes) -> Document:
        document: Document = orjson.loads(body)
        if self.properties.renamed:
            document["_id"] = f"{self.name}/{document['_key']}"
        return document

    def _by_key_or_id(self, tx: Transaction, value: Any) -> Document | None:
        if not isinstance(value, str):
            return None
        collection, slash, key = value.partition("/")
        if not slash:
            return self.get(tx, value)
        return self.get(tx, key) if collection == self.name else None

    def _writer(self, index: Index) -> EntryWriter:
        writer = self._writers.get(index.id)
        if writer is not None:
            return writer
        raise ValueError(f"index {index.full_id} of type {index.type} has no sorted entries")

    # Writing

    def insert(
        self, tx: Transaction, document: Document, options: WriteOptions | None = None
    ) -> DocumentChange:
        """Store a copy of a new document; make `_key` when it has none.

        Raises 1210 (key or unique index), 1221 (bad key), 1233 (edge without `_from`/`_to`), 1620 (schema).
        When it raises, nothing was written.
        """
        return documents.insert(self, tx, document, options or documents.DEFAULTS)

    def insert_many(
        self, tx: Transaction, items: Sequence[Any], options: WriteOptions | None = None
    ) -> list[DocumentChange | ArangoError]:
        """Store many; an item that cannot be stored gives its error, the others are stored. The fast way in
        bulk.
        """
        return insert_many(self, tx, items, options or documents.DEFAULTS)

    def store_many(
        self, tx: Transaction, items: Sequence[Any], options: WriteOptions | None = None
    ) -> dict[int, DocumentChange | ArangoError]:
        """As `insert_many`, but gives the outcomes, by place, of those items only that were not simply
        created.
        """
        return store_many(self, tx, items, options or documents.DEFAULTS)

    def update(
        self, tx: Transaction, key: str, patch: Document, options: WriteOptions | None = None
    ) -> DocumentChange:
        """Merge a patch into a document. Raises 1202 (unknown), 1200 (revision), and as `insert`."""
        return documents.update(self, tx, key, patch, options or documents.DEFAULTS)

    def replace(
        self, tx: Transaction, key: str, document: Document, options: WriteOptions | None = None
    ) -> DocumentChange:
        """Put another document in a document's place. Raises as `update`."""
        return documents.replace(self, tx, key, document, options or documents.DEFAULTS)

    def remove(self, tx: Transaction, key: str, options: WriteOptions | None = None) -> DocumentChange:
        """Remove a document. Raises 1202 (unknown) or 1200 (revision)."""
        return documents.remove(self, tx, key, options or documents.DEFAULTS)

    def truncate(self, tx: Transaction) -> int:
        """Remove all documents; how many there were."""
        return documents.truncate(self, tx)

    def spaces(self) -> list[Space[bytes]]:
        """All spaces but `bodies`."""
        edge = [self.from_edges, self.to_edges] if self.is_edge else []
        return [self.keys, *edge, *(writer.space for writer in self.writers)]

    # Descriptions

    def index(self, handle: str) -> Index:
        """The index with this name, number or `collection/number`; 1212 when there is none."""
        collection, slash, rest = handle.partition("/")
        wanted = rest if slash else collection
        if not slash or collection in (self.name, str(self.id)):
            for index in self.indexes:
                if wanted in (index.name, str(index.id)):
                    return index
        raise ArangoError(
            ERROR_ARANGO_INDEX_NOT_FOUND,
            f"index not found: {handle} - {self.name} has {', '.join(index.name for index in self.indexes)}",
        )

    def selectivity(self, tx: Transaction, index: Index) -> float:
        """Distinct entries divided by entries, from a sample; 1.0 for unique and for empty indexes."""
        if index.unique:
            return 1.0
        stamp = tx.state(self.id).stamp
        known = self.selectivities.get(index.id)
        if known is not None and known[0] == stamp and tx.touched(self.id) is None:
            return known[1]
        if index.type == "edge" or keeps_entries(index):
            space = self.from_edges if index.type == "edge" else self._writer(index).space
            keys = [key[:-8] for key, _ in islice(tx.store.scan(space), _SAMPLE)]
        else:
            made = EntryWriter(self.id, index).keys
            keys = [key for _, document in islice(self.numbered(tx), _SAMPLE) for key in made(document)]
        share = len(set(keys)) / len(keys) if keys else 1.0
        self.selectivities[index.id] = (stamp, share)
        return share

    def revision(self, tx: Transaction) -> str:
        """A revision that changes with every commit to the collection, in any process; `0` at first."""
        stamp = tx.state(self.id).stamp
        return revision_text(stamp) if stamp else "0"

    def checksum(self, tx: Transaction, *, with_revisions: bool = False, with_data: bool = False) -> str:
        """A number over keys (and revisions, and contents) that does not depend on their order."""
        total = 0
        for document in self.scan(tx):
            parts: dict[str, Any] = {"_key": document["_key"]}
            if with_data:
                parts |= document
            parts.pop("_rev", None)
            parts.pop("_id", None)
            if with_revisions:
                parts["_rev"] = document["_rev"]
            digest = blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=8).digest()
            total += int.from_bytes(digest, "big")
        return str(total % 2**64)

    def figures(self, tx: Transaction) -> dict[str, Any]:
        """Sizes, as `/_api/collection/{name}/figures` shows them."""
        size = sum(len(body) + 8 for _, body in tx.store.scan(self.bodies))
        entries = sum(len(key) + len(value) for space in self.spaces() for key, value in tx.store.scan(space))
        segment = tx.segment(self.id)
        return {
            "indexes": {"count": len(self.indexes), "size": entries},
            "documentsSize": size,
            "cacheInUse": bool(segment.cost),
            "cacheSize": segment.cost,
            "cacheUsage": segment.whole_cost + segment.loose_cost,
        }


def _own(touched: Touched | None, number: int) -> Document | None:
    """A document that the transaction itself has written."""
    if touched is None:
        return None
    found = touched.added.get(number)
    return None if found is None else found[0]


def _numbers(writer: EntryWriter, pairs: Iterable[tuple[bytes, bytes]]) -> Iterable[int]:
    """The numbers of documents in entries; each once, where a document may have several entries."""
    numbers = (int.from_bytes(value or key[-8:], "big") for key, value in pairs)
    return _once(numbers) if writer.has_expansion else numbers


def _once(numbers: Iterable[int]) -> Generator[int]:
    seen: set[int] = set()
    for number in numbers:
        if number not in seen:
            seen.add(number)
            yield number
