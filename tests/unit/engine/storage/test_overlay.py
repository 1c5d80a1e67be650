"""Transactions that stay open: their own writes over a snapshot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_CONFLICT,
    ERROR_LOCK_TIMEOUT,
    ERROR_RESOURCE_LIMIT,
    ArangoError,
)
from mcp_arangodb_async.engine.storage.memory import MemoryStore
from mcp_arangodb_async.engine.storage.overlay import OverlayTransaction
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore
from mcp_arangodb_async.engine.storage.store import Store, numbered

ROWS = numbered("rows")


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = SqliteStore(tmp_path / "a.sqlite") if request.param == "sqlite" else MemoryStore()
    tx = made.begin(write=True)
    tx.create_space(ROWS)
    tx.put_many(ROWS, ((number, b"%d" % number) for number in range(0, 10, 2)))
    tx.commit()
    yield made
    made.close()


def opened(store: Store, max_bytes: int = 1_000_000) -> OverlayTransaction:
    return OverlayTransaction(store, max_bytes=max_bytes, timeout=0.1)


def rows(store: Store) -> dict[int, bytes]:
    tx = store.begin()
    result = dict(tx.scan(ROWS))
    tx.rollback()
    return result


def test_its_writes_are_its_own_until_it_commits(store: Store) -> None:
    overlay = opened(store)
    overlay.put(ROWS, 3, b"three")
    overlay.put(ROWS, 4, b"four")
    overlay.delete(ROWS, 8)
    assert list(overlay.scan(ROWS)) == [(0, b"0"), (2, b"2"), (3, b"three"), (4, b"four"), (6, b"6")]
    assert list(overlay.scan(ROWS, 2, 6, reverse=True)) == [(4, b"four"), (3, b"three"), (2, b"2")]
    assert overlay.get_many(ROWS, [0, 3, 8]) == {0: b"0", 3: b"three"}
    assert rows(store) == {0: b"0", 2: b"2", 4: b"4", 6: b"6", 8: b"8"}
    overlay.commit()
    assert rows(store) == {0: b"0", 2: b"2", 3: b"three", 4: b"four", 6: b"6"}


def test_others_write_while_it_is_open(store: Store) -> None:
    overlay = opened(store)
    overlay.put(ROWS, 1, b"mine")
    other = store.begin(write=True, timeout=0.1)
    other.put(ROWS, 5, b"theirs")
    other.commit()
    assert overlay.get(ROWS, 5) is None
    overlay.commit()
    assert rows(store)[1] == b"mine"
    assert rows(store)[5] == b"theirs"


@pytest.mark.parametrize("what", ["changed", "removed", "created"])
def test_the_same_key_written_by_another_is_a_conflict(store: Store, what: str) -> None:
    overlay = opened(store)
    overlay.put(ROWS, 3 if what == "created" else 4, b"mine")
    overlay.put(ROWS, 99, b"mine too")
    other = store.begin(write=True)
    if what == "changed":
        other.put(ROWS, 4, b"theirs")
    elif what == "removed":
        other.delete(ROWS, 4)
    else:
        other.put(ROWS, 3, b"theirs")
    other.commit()
    with pytest.raises(ArangoError) as raised:
        overlay.commit()
    assert raised.value.num == ERROR_ARANGO_CONFLICT
    assert 99 not in rows(store)


def test_a_rollback_to_a_savepoint_restores_what_it_had_written_before(store: Store) -> None:
    overlay = opened(store)
    overlay.put(ROWS, 1, b"first")
    outer = overlay.savepoint()
    overlay.put(ROWS, 1, b"second")
    overlay.delete(ROWS, 0)
    inner = overlay.savepoint()
    overlay.delete(ROWS, 1)
    overlay.put(ROWS, 11, b"eleven")
    overlay.release(inner)
    overlay.rollback_to(outer)
    assert overlay.get_many(ROWS, [0, 1, 11]) == {0: b"0", 1: b"first"}
    overlay.commit()
    assert rows(store) == {0: b"0", 1: b"first", 2: b"2", 4: b"4", 6: b"6", 8: b"8"}


def test_a_scan_is_a_snapshot_of_the_moment_it_starts(store: Store) -> None:
    overlay = opened(store)
    overlay.put(ROWS, 1, b"one")
    seen: list[int] = []
    for key, _ in overlay.scan(ROWS):
        seen.append(key)
        overlay.delete(ROWS, 4)
        overlay.put(ROWS, key + 100, b"")
    assert seen == [0, 1, 2, 4, 6, 8]
    overlay.rollback()


def test_some_are_the_first_of_a_scan(store: Store) -> None:
    overlay = opened(store)
    assert overlay.some(ROWS, 1, 9, 2) == [(2, b"2"), (4, b"4")]
    overlay.put(ROWS, 3, b"own")
    overlay.delete(ROWS, 4)
    assert overlay.some(ROWS, 1, 9, 3) == [(2, b"2"), (3, b"own"), (6, b"6")]
    assert overlay.some(ROWS, 1, 9, 1, reverse=True) == [(8, b"8")]
    overlay.rollback()


def test_clearing_counts_every_key_as_written(store: Store) -> None:
    overlay = opened(store)
    overlay.clear_space(ROWS)
    assert list(overlay.scan(ROWS)) == []
    other = store.begin(write=True)
    other.put(ROWS, 4, b"theirs")
    other.commit()
    with pytest.raises(ArangoError) as raised:
        overlay.commit()
    assert raised.value.num == ERROR_ARANGO_CONFLICT


def test_it_grows_to_its_limit_and_no_further(store: Store) -> None:
    overlay = opened(store, max_bytes=10_000)
    with pytest.raises(ArangoError) as raised:
        overlay.put_many(ROWS, ((number, b"x" * 500) for number in range(100)))
    assert raised.value.num == ERROR_RESOURCE_LIMIT
    overlay.rollback()


def test_it_gives_up_when_another_keeps_writing(store: Store) -> None:
    overlay = opened(store)
    overlay.put(ROWS, 1, b"mine")
    writer = store.begin(write=True)
    with pytest.raises(ArangoError) as raised:
        overlay.commit()
    assert raised.value.num == ERROR_LOCK_TIMEOUT
    writer.rollback()
    assert 1 not in rows(store)


def test_spaces_cannot_be_made_or_dropped_in_it(store: Store) -> None:
    overlay = opened(store)
    with pytest.raises(RuntimeError):
        overlay.create_space(numbered("other"))
    with pytest.raises(RuntimeError):
        overlay.drop_space(ROWS)
    with pytest.raises(KeyError):
        overlay.put(numbered("other"), 1, b"")
    overlay.rollback()
