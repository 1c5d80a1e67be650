"""A collection: its properties and indexes, and every operation on its documents.

A `Collection` is a value of one version of the catalogue: take it from the transaction you use it with
(`tx.collection(name)`), never keep it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mcp_arangodb_async.engine.errors import ArangoError

from .index import Bounds, Index
from .options import DocumentChange, WriteOptions
from .properties import CollectionProperties
from .transaction import Transaction

Document = dict[str, Any]


class Collection:
    """One collection of one version of the catalogue. Documents it returns are shared: never mutate them."""

    __slots__ = ("indexes", "properties")

    def __init__(self, properties: CollectionProperties, indexes: tuple[Index, ...]) -> None:
        """Made by the catalogue only."""
        self.properties = properties
        self.indexes = indexes

    @property
    def name(self) -> str:
        """The name."""
        return self.properties.name

    @property
    def id(self) -> int:
        """The number that stays when the name changes."""
        return self.properties.id

    @property
    def is_edge(self) -> bool:
        """Whether documents need `_from` and `_to`."""
        return self.properties.type == 3

    # Reading

    def get(self, tx: Transaction, key: str) -> Document | None:
        """The document with this key, or None."""
        raise NotImplementedError

    def get_many(self, tx: Transaction, keys: Sequence[str]) -> list[Document | None]:
        """The documents with these keys, None where there is none."""
        raise NotImplementedError

    def count(self, tx: Transaction) -> int:
        """How many documents the transaction sees."""
        raise NotImplementedError

    def scan(self, tx: Transaction, *, reverse: bool = False) -> Iterator[Document]:
        """All documents, in the order of their last write; a snapshot as of the call (see
        `StoreTransaction.scan`).
        """
        raise NotImplementedError

    def documents(self, tx: Transaction) -> list[Document] | None:
        """All documents as one list when the whole collection is in the cache, else None: use `scan`.

        The list is the caller's own; the documents are shared.
        """
        raise NotImplementedError

    def any(self, tx: Transaction) -> Document | None:
        """A random document, or None when empty."""
        raise NotImplementedError

    def lookup(
        self, tx: Transaction, index: Index, bounds: Bounds, *, reverse: bool = False
    ) -> Iterator[Document]:
        """Documents within the bounds of a sorted index, in index order.

        Each document comes once, also when an array index holds several of its elements in the range. Ties
        are in the order of writing. For `edge` indexes the fields are `_from` and `_to` as two indexes: see
        `edges`.
        """
        raise NotImplementedError

    def lookup_in(self, tx: Transaction, index: Index, values: Sequence[Any]) -> Iterator[Document]:
        """Documents whose first index field equals one of the values (`IN`): each once, in index order."""
        raise NotImplementedError

    def edges(self, tx: Transaction, vertex_id: str, direction: str) -> Sequence[Document]:
        """Edges of a vertex: direction `outbound` (`_from`), `inbound` (`_to`) or `any`; a loop comes
        once.
        """
        raise NotImplementedError

    # Writing

    def insert(
        self, tx: Transaction, document: Document, options: WriteOptions | None = None
    ) -> DocumentChange:
        """Store a copy of a new document; make `_key` when it has none.

        Raises 1210 (key or unique index), 1221 (bad key), 1233 (edge without `_from`/`_to`), 1620 (schema).
        When it raises, nothing was written.
        """
        raise NotImplementedError

    def insert_many(
        self, tx: Transaction, documents: Sequence[Any], options: WriteOptions | None = None
    ) -> list[DocumentChange | ArangoError]:
        """Store many; an item that cannot be stored gives its error, the others are stored. The fast way in
        bulk.
        """
        raise NotImplementedError

    def update(
        self, tx: Transaction, key: str, patch: Document, options: WriteOptions | None = None
    ) -> DocumentChange:
        """Merge a patch into a document. Raises 1202 (unknown), 1200 (revision), and as `insert`."""
        raise NotImplementedError

    def replace(
        self, tx: Transaction, key: str, document: Document, options: WriteOptions | None = None
    ) -> DocumentChange:
        """Put another document in a document's place. Raises as `update`."""
        raise NotImplementedError

    def remove(self, tx: Transaction, key: str, options: WriteOptions | None = None) -> DocumentChange:
        """Remove a document. Raises 1202 (unknown) or 1200 (revision)."""
        raise NotImplementedError

    def truncate(self, tx: Transaction) -> int:
        """Remove all documents; how many there were."""
        raise NotImplementedError

    # Descriptions

    def index(self, handle: str) -> Index:
        """The index with this name, number or `collection/number`; 1212 when there is none."""
        raise NotImplementedError

    def selectivity(self, tx: Transaction, index: Index) -> float:
        """Distinct entries divided by entries, approximately; 1.0 for unique and for empty indexes."""
        raise NotImplementedError

    def revision(self, tx: Transaction) -> str:
        """A revision that changes with every write to the collection."""
        raise NotImplementedError

    def checksum(self, tx: Transaction, *, with_revisions: bool = False, with_data: bool = False) -> str:
        """A number over keys (and revisions, and contents) that does not depend on their order."""
        raise NotImplementedError

    def figures(self, tx: Transaction) -> dict[str, Any]:
        """Sizes, as `/_api/collection/{name}/figures` shows them."""
        raise NotImplementedError
