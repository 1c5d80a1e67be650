"""A transaction on one database: a snapshot of the catalogue and of the documents, and the writes made so
far.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.engine.storage.store import StoreTransaction

if TYPE_CHECKING:
    from .collection import Collection
    from .state import CatalogState


class Transaction:
    """One transaction; used by one thread at a time. Made by `Catalog.begin`.

    Use it as a context manager: it commits when the block ends well and rolls back when it raises.
    """

    @property
    def writable(self) -> bool:
        """Whether documents may be written."""
        raise NotImplementedError

    @property
    def catalog(self) -> "CatalogState":
        """The version of the catalogue this transaction sees."""
        raise NotImplementedError

    @property
    def store(self) -> StoreTransaction:
        """The transaction of the store below."""
        raise NotImplementedError

    def collection(self, name: str) -> "Collection":
        """The collection with this name (or number as text); 1203 with the closest names when there is
        none.
        """
        raise NotImplementedError

    def collections(self) -> list["Collection"]:
        """All collections, system ones too, sorted by name."""
        raise NotImplementedError

    def document(self, handle: str) -> dict[str, Any] | None:
        """The document with this `_id`, or None when it or its collection does not exist; 1205 for a
        malformed one.
        """
        raise NotImplementedError

    @contextmanager
    def atomic(self) -> Generator[None]:
        """A block whose writes are all undone when it raises; blocks nest."""
        raise NotImplementedError
        yield

    def require_sync(self) -> None:
        """Make the commit wait for the disk (`waitForSync`)."""
        raise NotImplementedError

    def commit(self) -> None:
        """Make the writes visible and durable, and end."""
        raise NotImplementedError

    def rollback(self) -> None:
        """Undo everything and end; harmless when ended."""
        raise NotImplementedError

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(self, *exception: object) -> None:
        raise NotImplementedError
