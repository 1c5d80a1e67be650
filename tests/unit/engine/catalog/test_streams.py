"""Stream transactions."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.streams import StreamOptions, StreamTransactions
from mcp_arangodb_async.engine.errors import ArangoError


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def streams(catalog: Catalog, clock: Clock) -> Iterator[StreamTransactions]:
    catalog.create_collection({"name": "c"})
    catalog.create_collection({"name": "other"})
    catalog.create_index("c", {"type": "persistent", "fields": ["u"], "unique": True, "sparse": True})
    made = StreamTransactions(catalog, clock=clock)
    yield made
    made.close()


def write(streams: StreamTransactions, number: str, *documents: dict[str, Any]) -> None:
    with streams.use(number) as tx:
        for document in documents:
            tx.collection("c").insert(tx, document)


def keys(catalog: Catalog) -> set[str]:
    with catalog.begin() as tx:
        return {each["_key"] for each in tx.collection("c").scan(tx)}


def num_of(error: pytest.ExceptionInfo[ArangoError]) -> int:
    return error.value.num


def test_writes_are_seen_inside_only_until_the_commit(catalog: Catalog, streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"])
    write(streams, number, {"_key": "a", "u": 1})
    with streams.use(number) as tx:
        collection = tx.collection("c")
        assert [each["_key"] for each in collection.scan(tx)] == ["a"]
        assert collection.count(tx) == 1
        assert collection.get(tx, "a") is not None
    assert keys(catalog) == set()
    assert streams.status(number) == "running"
    assert streams.running() == [number]
    assert streams.commit(number) == "committed"
    assert keys(catalog) == {"a"}
    with catalog.begin() as tx:
        assert tx.collection("c").count(tx) == 1
    assert streams.running() == []


def test_an_aborted_transaction_leaves_nothing(catalog: Catalog, streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"])
    write(streams, number, {"_key": "a"})
    assert streams.abort(number) == "aborted"
    assert streams.abort(number) == "aborted"
    assert streams.status(number) == "aborted"
    assert keys(catalog) == set()
    with pytest.raises(ArangoError) as raised:
        streams.commit(number)
    assert num_of(raised) == 1653
    with pytest.raises(ArangoError) as raised:
        write(streams, number, {})
    assert num_of(raised) == 1655


def test_two_writers_of_different_documents_commit(catalog: Catalog, streams: StreamTransactions) -> None:
    one, two = streams.begin(write=["c"]), streams.begin(write=["c"])
    write(streams, one, {"_key": "a"}, {})
    write(streams, two, {"_key": "b"}, {})
    streams.commit(one)
    streams.commit(two)
    assert len(keys(catalog)) == 4
    with catalog.begin() as tx:
        assert tx.collection("c").count(tx) == 4


@pytest.mark.parametrize("field", ["_key", "u"])
def test_two_that_write_the_same_conflict(catalog: Catalog, streams: StreamTransactions, field: str) -> None:
    one, two = streams.begin(write=["c"]), streams.begin(write=["c"])
    write(streams, one, {field: "same"})
    write(streams, two, {field: "same"})
    streams.commit(one)
    with pytest.raises(ArangoError) as raised:
        streams.commit(two)
    assert num_of(raised) == 1200
    assert streams.status(two) == "aborted"
    assert len(keys(catalog)) == 1


def test_a_document_changed_meanwhile_is_a_conflict(catalog: Catalog, streams: StreamTransactions) -> None:
    with catalog.begin(write=True) as tx:
        tx.collection("c").insert(tx, {"_key": "a", "n": 1})
    number = streams.begin(write=["c"])
    with streams.use(number) as tx:
        tx.collection("c").update(tx, "a", {"n": 2})
    with catalog.begin(write=True) as tx:
        tx.collection("c").update(tx, "a", {"n": 3})
    with streams.use(number) as tx:
        document = tx.collection("c").get(tx, "a")
        assert document is not None
        assert document["n"] == 2
    with pytest.raises(ArangoError) as raised:
        streams.commit(number)
    assert num_of(raised) == 1200


def test_a_new_index_is_a_conflict(catalog: Catalog, streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"])
    write(streams, number, {"_key": "a", "n": 1})
    catalog.create_index("c", {"type": "persistent", "fields": ["n"]})
    with pytest.raises(ArangoError) as raised:
        streams.commit(number)
    assert num_of(raised) == 1200


def test_a_failed_statement_is_undone_alone(catalog: Catalog, streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"])
    write(streams, number, {"_key": "a"})
    with pytest.raises(ArangoError):
        write(streams, number, {"_key": "b"}, {"_key": "a"})
    write(streams, number, {"_key": "c"})
    streams.commit(number)
    assert keys(catalog) == {"a", "c"}


def test_only_named_collections_are_written(streams: StreamTransactions) -> None:
    number = streams.begin(read=["other"], write=["c"])
    with pytest.raises(ArangoError) as raised, streams.use(number) as tx:
        tx.collection("other").insert(tx, {})
    assert num_of(raised) == 1652
    strict = streams.begin(read=["other"], options=StreamOptions(allow_implicit=False))
    with streams.use(strict) as tx:
        assert list(tx.collection("other").scan(tx)) == []
        with pytest.raises(ArangoError) as raised:
            tx.collection("c")
    assert num_of(raised) == 1652
    with pytest.raises(ArangoError) as raised:
        streams.begin(write=["nowhere"])
    assert num_of(raised) == 1203


def test_an_idle_transaction_is_aborted(streams: StreamTransactions, clock: Clock) -> None:
    number = streams.begin(write=["c"], options=StreamOptions(idle_timeout=10))
    clock.now += 9
    write(streams, number, {})
    clock.now += 9
    assert streams.expire() == 0
    clock.now += 2
    assert streams.expire() == 1
    with pytest.raises(ArangoError) as raised:
        write(streams, number, {})
    assert num_of(raised) == 1655
    assert streams.status(number) == "aborted"


def test_a_transaction_belongs_to_its_user(streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"], user="ada")
    for call in (streams.commit, streams.abort, streams.status):
        with pytest.raises(ArangoError) as raised:
            call(number, user="bob")
        assert num_of(raised) == 1655
    assert streams.running(user="bob") == []
    assert streams.running(user="ada") == [number]
    assert streams.commit(number, user="ada") == "committed"


def test_a_large_transaction_is_stopped(streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"], options=StreamOptions(max_bytes=20_000))
    with pytest.raises(ArangoError) as raised:
        write(streams, number, *({"text": "x" * 1000} for _ in range(50)))
    assert num_of(raised) == 32


def test_a_request_waits_for_the_one_before_it(streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"])
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with streams.use(number):
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(30)
    with pytest.raises(ArangoError) as raised, streams.use(number, timeout=0.05):
        pass
    assert num_of(raised) == 18
    leave.set()
    thread.join(30)
    with streams.use(number, timeout=5):
        pass


def test_others_are_not_locked_out(catalog: Catalog, streams: StreamTransactions) -> None:
    number = streams.begin(write=["c"], exclusive=["other"])
    write(streams, number, {"_key": "a"})
    with catalog.begin(write=True, timeout=0.1) as tx:
        tx.collection("c").insert(tx, {"_key": "b"})
    streams.commit(number)
    assert keys(catalog) == {"a", "b"}
