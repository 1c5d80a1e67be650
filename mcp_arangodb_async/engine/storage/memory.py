"""The store in memory: sorted trees of two levels, copied where they change.

A snapshot is a reference to the roots of the moment. A writer copies the root and the leaves it touches, once
each, and its commit replaces the roots; readers never wait and never see half of it.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from mcp_arangodb_async.engine.errors import ERROR_LOCK_TIMEOUT, ERROR_SHUTTING_DOWN, ArangoError

from .store import K, Space

_LEAF: Final = 512
_PAIR_OVERHEAD: Final = 130  # two bytes objects and their places in the lists, measured


class _Leaf:
    """Keys in order, and their values."""

    __slots__ = ("keys", "values")

    def __init__(self, keys: list[Any], values: list[bytes]) -> None:
        self.keys = keys
        self.values = values


class _Root:
    """The leaves of a space in order, and the first key of each but the first (which has no lower limit)."""

    __slots__ = ("is_numbered", "leaves", "size", "splits")

    def __init__(self, splits: list[Any], leaves: list[_Leaf], size: int, *, is_numbered: bool) -> None:
        self.splits = splits
        self.leaves = leaves
        self.size = size
        self.is_numbered = is_numbered

    def get(self, key: Any) -> bytes | None:
        leaf = self.leaves[bisect_right(self.splits, key)]
        at = bisect_left(leaf.keys, key)
        return leaf.values[at] if at < len(leaf.keys) and leaf.keys[at] == key else None

    def pairs(self, lower: Any, upper: Any) -> Iterator[tuple[Any, bytes]]:
        first = 0 if lower is None else bisect_right(self.splits, lower)
        for number in range(first, len(self.leaves)):
            leaf = self.leaves[number]
            start = bisect_left(leaf.keys, lower) if lower is not None and number == first else 0
            end = len(leaf.keys) if upper is None else bisect_left(leaf.keys, upper)
            yield from zip(leaf.keys[start:end], leaf.values[start:end], strict=True)
            if end < len(leaf.keys):
                return

    def pairs_down(self, lower: Any, upper: Any) -> Iterator[tuple[Any, bytes]]:
        last = len(self.leaves) - 1 if upper is None else bisect_right(self.splits, upper)
        for number in range(last, -1, -1):
            leaf = self.leaves[number]
            end = len(leaf.keys) if upper is None else bisect_left(leaf.keys, upper)
            start = 0 if lower is None else bisect_left(leaf.keys, lower)
            yield from zip(leaf.keys[start:end][::-1], leaf.values[start:end][::-1], strict=True)
            if start > 0:
                return


class MemoryStore:
    """A store that is gone when it is closed."""

    def __init__(self) -> None:
        """Make an empty store."""
        self._writer = threading.Lock()
        self._closed = False
        self.roots: Mapping[str, _Root] = {}

    def begin(self, *, write: bool = False, timeout: float = 60.0) -> "MemoryTransaction":
        """See `Store.begin`."""
        if write and not self._writer.acquire(timeout=max(timeout, 0.0)):
            raise ArangoError(
                ERROR_LOCK_TIMEOUT,
                f"lock timeout: another transaction has been writing to the database for {timeout:g} seconds",
            )
        if self._closed:
            if write:
                self._writer.release()
            raise ArangoError(ERROR_SHUTTING_DOWN, "the database has been closed")
        return MemoryTransaction(self, writable=write)

    def replace(self, roots: Mapping[str, _Root]) -> None:
        """Make a writer's state the current one."""
        if not self._closed:
            self.roots = roots

    def let_go(self) -> None:
        """Let the next writer in."""
        self._writer.release()

    def size(self) -> int:
        """See `Store.size`."""
        return sum(root.size for root in self.roots.values())

    def close(self) -> None:
        """See `Store.close`."""
        self._closed = True
        self.roots = {}

    def destroy(self) -> None:
        """See `Store.destroy`."""
        self.close()


class MemoryTransaction:
    """One transaction: the roots as they were when it began, or its own."""

    def __init__(self, store: MemoryStore, *, writable: bool) -> None:
        """Made by `MemoryStore.begin`."""
        self._store = store
        self._writable = writable
        self._spaces: dict[str, _Root] | None = dict(store.roots)
        self._own: set[int] = set()  # roots and leaves that no snapshot shares, by identity
        self._savepoints: list[dict[str, _Root]] = []

    @property
    def writable(self) -> bool:
        """See `StoreTransaction.writable`."""
        return self._writable

    def get(self, space: Space[K], key: K) -> bytes | None:
        """See `StoreTransaction.get`."""
        return self._root(space).get(key)

    def get_many(self, space: Space[K], keys: Sequence[K]) -> dict[K, bytes]:
        """See `StoreTransaction.get_many`."""
        root = self._root(space)
        return {key: value for key in keys if (value := root.get(key)) is not None}

    def scan(
        self, space: Space[K], lower: K | None = None, upper: K | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[K, bytes]]:
        """See `StoreTransaction.scan`."""
        root = self._root(space)
        self._own.clear()  # what the scan walks over is copied before it changes
        return self._while_open(root.pairs_down(lower, upper) if reverse else root.pairs(lower, upper))

    def some(
        self, space: Space[K], lower: K, upper: K, count: int, *, reverse: bool = False
    ) -> list[tuple[K, bytes]]:
        """See `StoreTransaction.some`."""
        root = self._root(space)
        return list(islice(root.pairs_down(lower, upper) if reverse else root.pairs(lower, upper), count))

    def put(self, space: Space[K], key: K, value: bytes) -> None:
        """See `StoreTransaction.put`."""
        root = self._own_root(space)
        number = bisect_right(root.splits, key)
        leaf = self._own_leaf(root, number)
        at = bisect_left(leaf.keys, key)
        if at < len(leaf.keys) and leaf.keys[at] == key:
            root.size += len(value) - len(leaf.values[at])
            leaf.values[at] = value
            return
        root.size += len(value) + (8 if isinstance(key, int) else len(key)) + _PAIR_OVERHEAD
        leaf.keys.insert(at, key)
        leaf.values.insert(at, value)
        if len(leaf.keys) > _LEAF:
            self._split(root, number, leaf)

    def put_many(self, space: Space[K], pairs: Iterable[tuple[K, bytes]]) -> None:
        """See `StoreTransaction.put_many`."""
        for key, value in pairs:
            self.put(space, key, value)

    def insert_many(self, space: Space[K], pairs: Sequence[tuple[K, bytes]]) -> bool:
        """See `StoreTransaction.insert_many`."""
        root = self._root(space)
        if any(root.get(key) is not None for key, _ in pairs):
            return False
        self.put_many(space, pairs)
        return True

    def delete(self, space: Space[K], key: K) -> None:
        """See `StoreTransaction.delete`."""
        if self._root(space).get(key) is None:
            self._own_root(space)
            return
        root = self._own_root(space)
        number = bisect_right(root.splits, key)
        leaf = self._own_leaf(root, number)
        at = bisect_left(leaf.keys, key)
        root.size -= len(leaf.values[at]) + (8 if isinstance(key, int) else len(key)) + _PAIR_OVERHEAD
        del leaf.keys[at]
        del leaf.values[at]
        if not leaf.keys and len(root.leaves) > 1:
            del root.leaves[number]
            del root.splits[max(number - 1, 0)]

    def delete_many(self, space: Space[K], keys: Iterable[K]) -> None:
        """See `StoreTransaction.delete_many`."""
        for key in keys:
            self.delete(space, key)

    def spaces(self) -> list[str]:
        """See `StoreTransaction.spaces`."""
        return sorted(self._open())

    def create_space(self, space: Space[K]) -> None:
        """See `StoreTransaction.create_space`."""
        self._require_writable()
        if space.name in self._open():
            raise ValueError(f"space {space.name} exists")
        self._open()[space.name] = _empty(is_numbered=space.is_numbered)

    def drop_space(self, space: Space[K]) -> None:
        """See `StoreTransaction.drop_space`."""
        self._require_writable()
        self._root(space)
        del self._open()[space.name]

    def clear_space(self, space: Space[K]) -> None:
        """See `StoreTransaction.clear_space`."""
        self._require_writable()
        self._open()[space.name] = _empty(is_numbered=self._root(space).is_numbered)

    def savepoint(self) -> int:
        """See `StoreTransaction.savepoint`."""
        self._savepoints.append(dict(self._open()))
        self._own.clear()
        return len(self._savepoints)

    def rollback_to(self, savepoint: int) -> None:
        """See `StoreTransaction.rollback_to`."""
        self._open()
        self._spaces = self._savepoints[savepoint - 1]
        del self._savepoints[savepoint - 1 :]
        self._own.clear()

    def release(self, savepoint: int) -> None:
        """See `StoreTransaction.release`."""
        self._open()
        del self._savepoints[savepoint - 1 :]

    def commit(self, *, sync: bool = False) -> None:  # noqa: ARG002  # there is no disk to wait for
        """See `StoreTransaction.commit`."""
        spaces = self._open()
        if self._writable:
            self._store.replace(spaces)
        self._end()

    def rollback(self) -> None:
        """See `StoreTransaction.rollback`."""
        if self._spaces is not None:
            self._end()

    def __del__(self) -> None:
        """Let a transaction that was forgotten not keep the others waiting."""
        self.rollback()

    def _end(self) -> None:
        self._spaces = None
        if self._writable:
            self._store.let_go()

    def _open(self) -> dict[str, _Root]:
        if self._spaces is None:
            raise RuntimeError("the transaction has ended")
        return self._spaces

    def _root(self, space: Space[K]) -> _Root:
        return self._open()[space.name]

    def _while_open(self, pairs: Iterator[Any]) -> Iterator[Any]:
        for pair in pairs:
            self._open()
            yield pair

    def _require_writable(self) -> None:
        if not self._writable:
            raise RuntimeError("the transaction only reads")

    def _own_root(self, space: Space[K]) -> _Root:
        self._require_writable()
        root = self._root(space)
        if id(root) in self._own:
            return root
        copy = _Root(root.splits.copy(), root.leaves.copy(), root.size, is_numbered=root.is_numbered)
        self._open()[space.name] = copy
        self._own.add(id(copy))
        return copy

    def _own_leaf(self, root: _Root, number: int) -> _Leaf:
        leaf = root.leaves[number]
        if id(leaf) in self._own:
            return leaf
        copy = _Leaf(leaf.keys.copy(), leaf.values.copy())
        root.leaves[number] = copy
        self._own.add(id(copy))
        return copy

    def _split(self, root: _Root, number: int, leaf: _Leaf) -> None:
        """Cut a full leaf in two; when keys come in order, leave the left one nearly full."""
        cut = _LEAF if number == len(root.leaves) - 1 else _LEAF // 2
        right = _Leaf(leaf.keys[cut:], leaf.values[cut:])
        del leaf.keys[cut:]
        del leaf.values[cut:]
        root.leaves.insert(number + 1, right)
        root.splits.insert(number, right.keys[0])
        self._own.add(id(right))


def _empty(*, is_numbered: bool) -> _Root:
    return _Root([], [_Leaf([], [])], 0, is_numbered=is_numbered)
