"""What a storage backend offers: ordered byte keys to bytes, in named spaces, in transactions.

A store holds the data of one database. A *space* is a sorted map of its own (a table in SQLite, a tree in
memory); its name is made of lower-case letters, digits and `_`. Many transactions may read at a time, each on
a snapshot; one writes.

A transaction object is used by one thread at a time; different transactions may run in different threads.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

Pair = tuple[bytes, bytes]


@runtime_checkable
class StoreTransaction(Protocol):
    """One transaction of a store: reads see its own writes and a snapshot of everything else.

    A reader that never ends keeps its snapshot alive (in SQLite: the log cannot shrink), so end every
    transaction with `commit` or `rollback`. After either, every method raises `RuntimeError`.
    """

    @property
    def writable(self) -> bool:
        """Whether `put`, `delete` and the space operations are allowed."""
        ...

    def get(self, space: str, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        ...

    def get_many(self, space: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that exist; much cheaper than one `get` per key."""
        ...

    def scan(
        self, space: str, lower: bytes = b"", upper: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[Pair]:
        """Pairs with `lower <= key < upper` in key order (`upper=None`: to the end), or in reverse.

        A scan that starts before the transaction's first write to the space is a snapshot: later writes of
        the same transaction do not show. A scan that starts after one may or may not see writes ahead of it.
        """
        ...

    def put(self, space: str, key: bytes, value: bytes) -> None:
        """Set a key, whether or not it exists."""
        ...

    def put_many(self, space: str, pairs: Iterable[Pair]) -> None:
        """Set many keys."""
        ...

    def delete(self, space: str, key: bytes) -> None:
        """Remove a key; nothing happens when it does not exist."""
        ...

    def delete_many(self, space: str, keys: Iterable[bytes]) -> None:
        """Remove many keys."""
        ...

    def spaces(self) -> list[str]:
        """The names of all spaces, sorted."""
        ...

    def create_space(self, space: str) -> None:
        """Make an empty space; ValueError when it exists."""
        ...

    def drop_space(self, space: str) -> None:
        """Remove a space with everything in it; KeyError when it does not exist."""
        ...

    def clear_space(self, space: str) -> None:
        """Remove everything in a space, at once."""
        ...

    def savepoint(self) -> int:
        """Remember this point; give the number to `rollback_to` or `release`. Savepoints nest."""
        ...

    def rollback_to(self, savepoint: int) -> None:
        """Undo everything since the savepoint, and forget it and later ones."""
        ...

    def release(self, savepoint: int) -> None:
        """Keep what was done since the savepoint, and forget it and later ones."""
        ...

    def commit(self, *, sync: bool = False) -> None:
        """Make the writes visible and durable; with `sync`, wait until the disk has them.

        Without `sync` a commit survives the death of the process, not a power failure moments later.
        """
        ...

    def rollback(self) -> None:
        """Undo everything and end; harmless when the transaction has ended."""
        ...


class Store(Protocol):
    """The data of one database."""

    def begin(self, *, write: bool = False, timeout: float = 60.0) -> StoreTransaction:
        """Start a transaction.

        A writer waits up to `timeout` seconds for the writer before it, in this process or another, and then
        raises ArangoError 18 (lock timeout). A reader never waits.
        """
        ...

    def size(self) -> int:
        """Bytes used on disk, or in memory for a store without a file (approximate)."""
        ...

    def close(self) -> None:
        """Release files and memory; open transactions end with an error. Harmless when closed."""
        ...

    def destroy(self) -> None:
        """Close, and remove the data for good."""
        ...
