"""A transaction that stays open: a snapshot, and writes kept in memory until it commits.

It locks nothing while it is open. Committing compares each key it wrote with what the snapshot had there:
when another transaction has changed one meanwhile, the commit fails with 1200 and nothing is written.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from mcp_arangodb_async.engine.errors import ERROR_ARANGO_CONFLICT, ERROR_RESOURCE_LIMIT, ArangoError

from .store import K, Space, Store, StoreTransaction

_PAIR_OVERHEAD: Final = 200
_MISSING: Final = object()


class _Changes:
    """What was written to one space: the new value of each key, None for a removed one."""

    __slots__ = ("keys", "space", "values")

    def __init__(self, space: Space[Any]) -> None:
        self.space = space
        self.keys: list[Any] = []
        self.values: dict[Any, bytes | None] = {}


class OverlayTransaction:
    """Reads a snapshot through its own writes. Spaces cannot be created or dropped in it."""

    def __init__(self, store: Store, *, max_bytes: int, timeout: float = 60.0) -> None:
        """Take the snapshot now; `timeout` is how long `commit` waits to become the writer."""
        self._store = store
        self._timeout = timeout
        self._base: StoreTransaction = store.begin()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._changes: dict[str, _Changes] = {}
        self._journal: list[tuple[_Changes, Any, object]] = []
        self._savepoints: list[int] = []

    @property
    def writable(self) -> bool:
        """Always."""
        return True

    def get(self, space: Space[K], key: K) -> bytes | None:
        """See `StoreTransaction.get`."""
        changes = self._changes.get(space.name)
        if changes is not None and key in changes.values:
            return changes.values[key]
        return self._base.get(space, key)

    def get_many(self, space: Space[K], keys: Sequence[K]) -> dict[K, bytes]:
        """See `StoreTransaction.get_many`."""
        changes = self._changes.get(space.name)
        if changes is None:
            return self._base.get_many(space, keys)
        found = self._base.get_many(space, [key for key in keys if key not in changes.values])
        for key in keys:
            value = changes.values.get(key)
            if value is not None:
                found[key] = value
        return found

    def scan(
        self, space: Space[K], lower: K | None = None, upper: K | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[K, bytes]]:
        """See `StoreTransaction.scan`; always a snapshot of the moment it starts."""
        base = self._base.scan(space, lower, upper, reverse=reverse)
        changes = self._changes.get(space.name)
        if changes is None:
            return base
        start = 0 if lower is None else bisect_left(changes.keys, lower)
        end = len(changes.keys) if upper is None else bisect_left(changes.keys, upper)
        own = [(key, changes.values[key]) for key in changes.keys[start:end]]
        if not own:
            return base
        return _merged(base, own[::-1] if reverse else own, reverse=reverse)

    def some(
        self, space: Space[K], lower: K, upper: K, count: int, *, reverse: bool = False
    ) -> list[tuple[K, bytes]]:
        """See `StoreTransaction.some`."""
        if space.name not in self._changes:
            return self._base.some(space, lower, upper, count, reverse=reverse)
        return list(islice(self.scan(space, lower, upper, reverse=reverse), count))

    def put(self, space: Space[K], key: K, value: bytes) -> None:
        """See `StoreTransaction.put`. Raises 32 when the transaction has grown too large."""
        self._set(space, key, value)

    def put_many(self, space: Space[K], pairs: Iterable[tuple[K, bytes]]) -> None:
        """See `StoreTransaction.put_many`."""
        for key, value in pairs:
            self._set(space, key, value)

    def insert_many(self, space: Space[K], pairs: Sequence[tuple[K, bytes]]) -> bool:
        """See `StoreTransaction.insert_many`."""
        if self.get_many(space, [key for key, _ in pairs]):
            return False
        self.put_many(space, pairs)
        return True

    def delete(self, space: Space[K], key: K) -> None:
        """See `StoreTransaction.delete`."""
        self._set(space, key, None)

    def delete_many(self, space: Space[K], keys: Iterable[K]) -> None:
        """See `StoreTransaction.delete_many`."""
        for key in keys:
            self._set(space, key, None)

    def spaces(self) -> list[str]:
        """See `StoreTransaction.spaces`."""
        return self._base.spaces()

    def create_space(self, space: Space[K]) -> None:
        """Not here: an overlay changes what is in spaces only."""
        raise RuntimeError(f"space {space.name} cannot be created in a transaction that stays open")

    def drop_space(self, space: Space[K]) -> None:
        """Not here: an overlay changes what is in spaces only."""
        raise RuntimeError(f"space {space.name} cannot be dropped in a transaction that stays open")

    def clear_space(self, space: Space[K]) -> None:
        """See `StoreTransaction.clear_space`; each key counts as written."""
        for key, _ in self.scan(space):
            self._set(space, key, None)

    def savepoint(self) -> int:
        """See `StoreTransaction.savepoint`."""
        self._savepoints.append(len(self._journal))
        return len(self._savepoints)

    def rollback_to(self, savepoint: int) -> None:
        """See `StoreTransaction.rollback_to`."""
        mark = self._savepoints[savepoint - 1]
        del self._savepoints[savepoint - 1 :]
        while len(self._journal) > mark:
            changes, key, before = self._journal.pop()
            self._bytes -= _cost(key, changes.values[key])
            if before is _MISSING:
                del changes.values[key]
                del changes.keys[bisect_left(changes.keys, key)]
            else:
                value = before if isinstance(before, bytes) else None
                changes.values[key] = value
                self._bytes += _cost(key, value)

    def release(self, savepoint: int) -> None:
        """See `StoreTransaction.release`."""
        del self._savepoints[savepoint - 1 :]
        if not self._savepoints:
            self._journal.clear()

    def written(self) -> list[str]:
        """The names of the spaces written to."""
        return [name for name, changes in self._changes.items() if changes.values]

    def apply(self, target: StoreTransaction) -> None:
        """Check for conflicts (1200) and write everything to another transaction, which the caller then
        commits.
        """
        for changes in self._changes.values():
            before = self._base.get_many(changes.space, changes.keys)
            now = target.get_many(changes.space, changes.keys)
            if before != now:
                raise ArangoError(
                    ERROR_ARANGO_CONFLICT,
                    "write-write conflict: another transaction has changed the same documents",
                )
            target.delete_many(changes.space, [key for key in before if changes.values[key] is None])
            target.put_many(
                changes.space,
                ((key, value) for key in changes.keys if (value := changes.values[key]) is not None),
            )

    def commit(self, *, sync: bool = False) -> None:
        """See `StoreTransaction.commit`. Raises 1200 on conflict and 18 when it cannot become the writer."""
        try:
            if self._changes:
                target = self._store.begin(write=True, timeout=self._timeout)
                try:
                    self.apply(target)
                except BaseException:
                    target.rollback()
                    raise
                target.commit(sync=sync)
        finally:
            self.rollback()

    def rollback(self) -> None:
        """See `StoreTransaction.rollback`."""
        self._base.rollback()
        self._changes = {}
        self._journal = []

    def _set(self, space: Space[K], key: K, value: bytes | None) -> None:
        changes = self._changes.get(space.name)
        if changes is None:
            self._base.get(space, key)  # an unknown space raises here, not at commit
            changes = self._changes[space.name] = _Changes(space)
        before = changes.values.get(key, _MISSING)
        grown = self._bytes + _cost(key, value)
        if before is _MISSING:
            if grown > self._max_bytes:
                raise ArangoError(
                    ERROR_RESOURCE_LIMIT,
                    f"the transaction has written more than {self._max_bytes} bytes: commit in smaller parts",
                )
            if changes.keys and key < changes.keys[-1]:
                insort(changes.keys, key)
            else:
                changes.keys.append(key)
        else:
            grown -= _cost(key, changes.values[key])
        self._bytes = grown
        changes.values[key] = value
        if self._savepoints:
            self._journal.append((changes, key, before))


def _cost(key: Any, value: bytes | None) -> int:
    return (8 if isinstance(key, int) else len(key)) + len(value or b"") + _PAIR_OVERHEAD


def _merged(
    base: Iterator[tuple[Any, bytes]], own: list[tuple[Any, bytes | None]], *, reverse: bool
) -> Iterator[tuple[Any, bytes]]:
    """The pairs of the snapshot with those of the transaction in between or in their place."""
    at = 0
    for pair in base:
        key = pair[0]
        while at < len(own) and (own[at][0] > key if reverse else own[at][0] < key):
            mine, value = own[at]
            at += 1
            if value is not None:
                yield mine, value
        if at < len(own) and own[at][0] == key:
            mine, value = own[at]
            at += 1
            if value is not None:
                yield mine, value
        else:
            yield pair
    for mine, value in own[at:]:
        if value is not None:
            yield mine, value
