"""What a storage backend offers: ordered keys to bytes, in named spaces, in transactions.

A store holds the data of one database. A *space* is a sorted map of its own (a table in SQLite, a tree in
memory). Many transactions may read at a time, each on a snapshot; one writes.

A transaction object is used by one thread at a time; different transactions may run in different threads.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

K = TypeVar("K", int, bytes)

_NAME: Final = re.compile(r"[a-z0-9_]{1,60}\Z")


@dataclass(frozen=True, slots=True)
class Space(Generic[K]):
    """The name of a space and the kind of its keys: made by `numbered` and `keyed`."""

    name: str
    is_numbered: bool

    def __post_init__(self) -> None:
        """Names become names of tables: lower-case letters, digits and `_` only."""
        if _NAME.match(self.name) is None:
            raise ValueError(f"a space's name is lower-case letters, digits and _; not {self.name!r}")


def numbered(name: str) -> Space[int]:
    """A space whose keys are whole numbers from 0 to 2**63 - 1: the cheapest for large values."""
    return Space(name, True)


def keyed(name: str) -> Space[bytes]:
    """A space whose keys are bytes, compared byte by byte: for small values."""
    return Space(name, False)


class StoreTransaction(Protocol):
    """One transaction of a store: reads see its own writes and a snapshot of everything else.

    A reader that never ends keeps its snapshot alive (in SQLite: the log cannot shrink), so end every
    transaction with `commit` or `rollback`. After either, every method raises `RuntimeError`. A space that
    does not exist raises `KeyError`, whichever the method.
    """

    @property
    def writable(self) -> bool:
        """Whether `put`, `delete` and the space operations are allowed."""
        ...

    def get(self, space: Space[K], key: K) -> bytes | None:
        """The value of a key, or None."""
        ...

    def get_many(self, space: Space[K], keys: Sequence[K]) -> dict[K, bytes]:
        """The values of those keys that exist; much cheaper than one `get` per key."""
        ...

    def scan(
        self, space: Space[K], lower: K | None = None, upper: K | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[K, bytes]]:
        """Pairs with `lower <= key < upper` in key order, or in reverse; None is no limit.

        A scan that starts before the transaction's first write to the space is a snapshot: later writes of
        the same transaction do not show. A scan that starts after one may or may not see writes ahead of it.
        """
        ...

    def some(
        self, space: Space[K], lower: K, upper: K, count: int, *, reverse: bool = False
    ) -> list[tuple[K, bytes]]:
        """The first `count` pairs that `scan` would give, read at once: for a few much cheaper."""
        ...

    def put(self, space: Space[K], key: K, value: bytes) -> None:
        """Set a key, whether or not it exists."""
        ...

    def put_many(self, space: Space[K], pairs: Iterable[tuple[K, bytes]]) -> None:
        """Set many keys."""
        ...

    def insert_many(self, space: Space[K], pairs: Sequence[tuple[K, bytes]]) -> bool:
        """Set many new keys, each given once; False, and nothing set, when one of them exists."""
        ...

    def delete(self, space: Space[K], key: K) -> None:
        """Remove a key; nothing happens when it does not exist."""
        ...

    def delete_many(self, space: Space[K], keys: Iterable[K]) -> None:
        """Remove many keys."""
        ...

    def spaces(self) -> list[str]:
        """The names of all spaces, sorted."""
        ...

    def create_space(self, space: Space[K]) -> None:
        """Make an empty space; ValueError when it exists."""
        ...

    def drop_space(self, space: Space[K]) -> None:
        """Remove a space with everything in it."""
        ...

    def clear_space(self, space: Space[K]) -> None:
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
        """Make the writes visible and durable, and end; with `sync`, wait until the disk has them.

        Without `sync` a commit survives the death of the process, not a power failure moments later. When it
        raises, nothing was written (but for a flush that failed: then the disk may not have it), and the
        transaction has ended.
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
        raises ArangoError 18 (lock timeout). A reader does not wait for writers; its snapshot is taken by its
        first read at the latest.
        """
        ...

    def size(self) -> int:
        """Bytes used on disk, or in memory for a store without a file (approximate)."""
        ...

    def close(self) -> None:
        """Start no more transactions, and release everything once the open ones have ended."""
        ...

    def destroy(self) -> None:
        """Close, and remove the data for good."""
        ...
