"""What every store promises, asked of each kind."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_arangodb_async.engine.errors import ERROR_LOCK_TIMEOUT, ERROR_SHUTTING_DOWN, ArangoError
from mcp_arangodb_async.engine.storage.memory import MemoryStore
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore
from mcp_arangodb_async.engine.storage.store import Store, keyed, numbered

ROWS = numbered("rows")
NAMES = keyed("names")


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = SqliteStore(tmp_path / "a.sqlite") if request.param == "sqlite" else MemoryStore()
    with_spaces(made)
    yield made
    made.close()


def with_spaces(store: Store) -> None:
    tx = store.begin(write=True)
    tx.create_space(ROWS)
    tx.create_space(NAMES)
    tx.commit()


def fill(store: Store, count: int) -> None:
    tx = store.begin(write=True)
    tx.put_many(ROWS, ((number, b"%d" % number) for number in range(count)))
    tx.commit()


def test_keys_come_back_in_order_both_ways(store: Store) -> None:
    fill(store, 3000)
    tx = store.begin()
    assert [key for key, _ in tx.scan(ROWS)] == list(range(3000))
    assert [key for key, _ in tx.scan(ROWS, 10, 2990, reverse=True)] == list(range(2989, 9, -1))
    assert list(tx.scan(ROWS, 5, 5)) == []
    assert list(tx.scan(ROWS, 2999)) == [(2999, b"2999")]
    assert tx.get_many(ROWS, [*range(2000), 5000]) == {number: b"%d" % number for number in range(2000)}
    tx.rollback()


def test_some_are_the_first_of_a_scan_and_see_what_was_just_written(store: Store) -> None:
    fill(store, 20)
    tx = store.begin(write=True)
    tx.put(ROWS, 4, b"changed")
    tx.delete(ROWS, 5)
    assert tx.some(ROWS, 3, 18, 3) == [(3, b"3"), (4, b"changed"), (6, b"6")]
    assert tx.some(ROWS, 3, 18, 2, reverse=True) == [(17, b"17"), (16, b"16")]
    assert tx.some(ROWS, 19, 30, 8) == [(19, b"19")]
    tx.rollback()
    with pytest.raises(RuntimeError):
        tx.some(ROWS, 0, 1, 1)


def test_byte_keys_are_compared_byte_by_byte(store: Store) -> None:
    keys = [b"", b"\x00", b"a", b"a\x00", b"ab", b"b", b"\xff", b"\xff\xff"]
    tx = store.begin(write=True)
    tx.put_many(NAMES, [(key, b"") for key in reversed(keys)])
    tx.commit()
    tx = store.begin()
    assert [key for key, _ in tx.scan(NAMES)] == keys
    assert [key for key, _ in tx.scan(NAMES, b"a", b"b")] == keys[2:5]
    tx.commit()


def test_a_reader_keeps_its_snapshot_while_a_writer_commits(store: Store) -> None:
    fill(store, 10)
    reader = store.begin()
    scan = reader.scan(ROWS)
    assert next(scan) == (0, b"0")
    writer = store.begin(write=True)
    writer.delete_many(ROWS, range(5))
    writer.put(ROWS, 11, b"new")
    writer.commit()
    assert len(list(scan)) == 9
    assert reader.get(ROWS, 11) is None
    reader.rollback()
    assert [key for key, _ in store.begin().scan(ROWS)] == [5, 6, 7, 8, 9, 11]


def test_a_scan_of_a_writer_does_not_see_what_follows_it(store: Store) -> None:
    fill(store, 10)
    writer = store.begin(write=True)
    seen = 0
    for key, _ in writer.scan(ROWS):
        writer.put(ROWS, key + 1000, b"copy")
        writer.delete(ROWS, key + 1)
        seen += 1
    writer.commit()
    assert seen == 10
    tx = store.begin()
    assert len(list(tx.scan(ROWS))) == 11
    tx.rollback()


def test_a_writer_reads_its_own_writes_and_a_rollback_undoes_them(store: Store) -> None:
    fill(store, 3)
    writer = store.begin(write=True)
    writer.put(ROWS, 1, b"changed")
    writer.delete(ROWS, 2)
    assert writer.get(ROWS, 1) == b"changed"
    assert writer.get_many(ROWS, [0, 1, 2]) == {0: b"0", 1: b"changed"}
    assert [key for key, _ in writer.scan(ROWS)] == [0, 1]
    writer.rollback()
    writer.rollback()
    tx = store.begin()
    assert tx.get_many(ROWS, [0, 1, 2]) == {0: b"0", 1: b"1", 2: b"2"}
    tx.rollback()


def test_savepoints_nest(store: Store) -> None:
    tx = store.begin(write=True)
    tx.put(ROWS, 1, b"outer")
    outer = tx.savepoint()
    tx.put(ROWS, 1, b"middle")
    inner = tx.savepoint()
    tx.put(ROWS, 1, b"inner")
    tx.put(ROWS, 2, b"inner")
    tx.rollback_to(inner)
    assert tx.get_many(ROWS, [1, 2]) == {1: b"middle"}
    inner = tx.savepoint()
    tx.put(ROWS, 3, b"kept")
    tx.release(inner)
    assert tx.get(ROWS, 3) == b"kept"
    tx.rollback_to(outer)
    assert tx.get_many(ROWS, [1, 2, 3]) == {1: b"outer"}
    tx.commit()


def test_spaces_come_and_go_with_their_transaction(store: Store) -> None:
    other = keyed("other")
    tx = store.begin(write=True)
    tx.create_space(other)
    tx.put(other, b"a", b"1")
    with pytest.raises(ValueError, match="other"):
        tx.create_space(other)
    tx.rollback()
    reader = store.begin()
    assert reader.spaces() == ["names", "rows"]
    with pytest.raises(KeyError):
        reader.get(other, b"a")
    tx = store.begin(write=True)
    tx.drop_space(NAMES)
    tx.commit()
    assert reader.spaces() == ["names", "rows"]
    reader.rollback()
    reader = store.begin()
    assert reader.spaces() == ["rows"]
    reader.rollback()


def test_a_space_is_cleared_at_once(store: Store) -> None:
    fill(store, 2000)
    tx = store.begin(write=True)
    tx.clear_space(ROWS)
    assert list(tx.scan(ROWS)) == []
    tx.put(ROWS, 7, b"")
    tx.commit()
    tx = store.begin()
    assert list(tx.scan(ROWS)) == [(7, b"")]
    tx.rollback()


def test_an_ended_transaction_refuses_everything(store: Store) -> None:
    fill(store, 3)
    tx = store.begin()
    scan = tx.scan(ROWS)
    next(scan)
    tx.commit()
    with pytest.raises(RuntimeError):
        tx.get(ROWS, 1)
    with pytest.raises(RuntimeError):
        tx.scan(ROWS)
    with pytest.raises(RuntimeError):
        next(scan)
    with pytest.raises(RuntimeError):
        tx.commit()


def test_a_second_writer_waits_and_gives_up_with_a_lock_timeout(store: Store) -> None:
    first = store.begin(write=True)
    with pytest.raises(ArangoError) as raised:
        store.begin(write=True, timeout=0.05)
    assert raised.value.num == ERROR_LOCK_TIMEOUT
    first.commit()
    store.begin(write=True, timeout=0.05).rollback()


def test_a_waiting_writer_goes_on_when_the_first_ends(store: Store) -> None:
    first = store.begin(write=True)
    done: list[int] = []

    def second() -> None:
        tx = store.begin(write=True, timeout=30)
        tx.put(ROWS, 1, b"second")
        tx.commit()
        done.append(1)

    thread = threading.Thread(target=second)
    thread.start()
    first.put(ROWS, 1, b"first")
    assert not done
    first.commit()
    thread.join(30)
    assert done == [1]
    tx = store.begin()
    assert tx.get(ROWS, 1) == b"second"
    tx.rollback()


def test_a_forgotten_transaction_lets_the_next_writer_in(store: Store) -> None:
    tx = store.begin(write=True)
    tx.put(ROWS, 1, b"lost")
    del tx
    tx = store.begin(write=True, timeout=1)
    assert tx.get(ROWS, 1) is None
    tx.rollback()


def test_a_closed_store_starts_nothing(store: Store) -> None:
    store.close()
    store.close()
    for write in (False, True):
        with pytest.raises(ArangoError) as raised:
            store.begin(write=write, timeout=0.1)
        assert raised.value.num == ERROR_SHUTTING_DOWN


def test_the_size_grows_with_the_contents(store: Store) -> None:
    before = store.size()
    tx = store.begin(write=True)
    tx.put_many(ROWS, ((number, b"x" * 1000) for number in range(300)))
    tx.commit()
    assert store.size() - before > 250_000


def test_readers_in_many_threads_see_whole_commits(store: Store) -> None:
    """Each commit writes the same value to every row, so a reader that sees two values saw half a commit."""
    fill(store, 200)
    stop = threading.Event()
    mixed: list[set[bytes]] = []

    def read() -> None:
        while not stop.is_set():
            tx = store.begin()
            values = {value for _, value in tx.scan(ROWS)}
            tx.rollback()
            if len(values) != 1:
                mixed.append(values)

    tx = store.begin(write=True)
    tx.put_many(ROWS, ((number, b"start") for number in range(200)))
    tx.commit()
    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(60):
        tx = store.begin(write=True)
        tx.put_many(ROWS, ((number, b"%d" % turn) for number in range(200)))
        tx.commit()
    stop.set()
    for thread in threads:
        thread.join(30)
    assert mixed == []


def test_a_bad_name_makes_no_space() -> None:
    for name in ("", "A", "a b", "a;drop", "x" * 61):
        with pytest.raises(ValueError, match="space"):
            keyed(name)
