"""The cache of decoded documents: bounded, and never stale."""

import gc
import threading
import tracemalloc
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog.cache import DocumentCache
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.footprint import cost_of
from mcp_arangodb_async.engine.storage.memory import MemoryStore


def with_cache(cache: DocumentCache) -> Catalog:
    def refuse(expression: str, fail_on_warning: bool) -> Any:
        raise NotImplementedError(expression, fail_on_warning)

    catalog = Catalog("test", MemoryStore(), cache, cache_number=1, compiler=refuse)
    for name in ("a", "b"):
        catalog.create_collection({"name": name})
    return catalog


def insert(catalog: Catalog, name: str, count: int) -> None:
    with catalog.begin(write=True) as tx:
        tx.collection(name).insert_many(tx, [{"n": number} for number in range(count)])


def scan(catalog: Catalog, name: str) -> list[int]:
    with catalog.begin() as tx:
        return [each["n"] for each in tx.collection(name).scan(tx)]


def is_complete(catalog: Catalog, name: str) -> bool:
    with catalog.begin() as tx:
        return tx.collection(name).documents(tx) is not None


def beginning(catalog: Catalog, name: str) -> list[int]:
    """What is cached of the beginning of a collection."""
    with catalog.begin() as tx:
        collection = tx.collection(name)
        found, _ = tx.cache.beginning(tx.segment(collection.id), tx.state(collection.id).stamp)
        return [each["n"] for each in found]


def test_a_scanned_collection_is_complete_and_stays_so_through_writes() -> None:
    catalog = with_cache(DocumentCache(10_000_000))
    insert(catalog, "a", 100)
    scan(catalog, "a")
    assert is_complete(catalog, "a")
    with catalog.begin(write=True) as tx:
        collection = tx.collection("a")
        first, second, *_ = collection.scan(tx)
        collection.update(tx, first["_key"], {"n": 1000})
        collection.remove(tx, second["_key"])
        collection.insert(tx, {"n": 2000})
        assert collection.documents(tx) is None
    assert is_complete(catalog, "a")
    assert scan(catalog, "a") == [*range(2, 100), 1000, 2000]
    catalog.truncate_collection("a")
    assert is_complete(catalog, "a")
    assert scan(catalog, "a") == []


def test_a_rolled_back_write_is_not_remembered() -> None:
    catalog = with_cache(DocumentCache(10_000_000))
    insert(catalog, "a", 3)
    scan(catalog, "a")
    tx = catalog.begin(write=True)
    collection = tx.collection("a")
    made = collection.insert(tx, {"n": 99}).document
    assert collection.get(tx, made["_key"]) == made
    assert len(list(collection.scan(tx))) == 4
    tx.rollback()
    assert scan(catalog, "a") == [0, 1, 2]
    with catalog.begin() as tx:
        assert tx.collection("a").get(tx, made["_key"]) is None


@pytest.mark.parametrize("limit", [0, 5_000, 50_000, 200_000])
def test_it_stays_within_its_limit_and_answers_stay_right(limit: int) -> None:
    cache = DocumentCache(limit)
    catalog = with_cache(cache)
    for turn in range(4):
        insert(catalog, "a", 60)
        insert(catalog, "b", 40)
        assert len(scan(catalog, "a")) == 60 * (turn + 1)
        assert len(scan(catalog, "b")) == 40 * (turn + 1)
        with catalog.begin() as tx:
            for document in list(tx.collection("a").scan(tx))[::7]:
                assert tx.collection("a").get(tx, document["_key"]) == document
        assert cache.size <= limit
    assert cost_of(100) > 100


def test_what_does_not_fit_is_cached_from_its_beginning_and_stays_so_through_writes() -> None:
    cache = DocumentCache(40_000)
    catalog = with_cache(cache)
    insert(catalog, "a", 300)
    assert scan(catalog, "a") == list(range(300))
    assert not is_complete(catalog, "a")
    kept = beginning(catalog, "a")
    assert 20 < len(kept) < 200
    assert kept == list(range(len(kept)))
    with catalog.begin(write=True) as tx:
        collection = tx.collection("a")
        first, second, *_, last = collection.scan(tx)
        collection.update(tx, first["_key"], {"n": 1000})
        collection.remove(tx, second["_key"])
        collection.remove(tx, last["_key"])
    still = beginning(catalog, "a")
    assert len(still) > 0.8 * len(kept)
    assert still == list(range(2, 2 + len(still)))
    assert scan(catalog, "a") == [*range(2, 299), 1000]
    assert cache.size <= cache.limit


def test_collections_in_use_share_the_room_evenly() -> None:
    cache = DocumentCache(100_000)
    catalog = with_cache(cache)
    insert(catalog, "a", 400)
    insert(catalog, "b", 400)
    scan(catalog, "a")
    alone = len(beginning(catalog, "a"))
    for _ in range(3):
        assert scan(catalog, "b") == scan(catalog, "a") == list(range(400))
    shares = [len(beginning(catalog, name)) for name in ("a", "b")]
    assert all(0.35 * alone < share < 0.65 * alone for share in shares), (alone, shares)
    assert cache.size <= cache.limit


def test_documents_found_by_key_get_a_place_beside_a_large_collection() -> None:
    cache = DocumentCache(40_000)
    catalog = with_cache(cache)
    with catalog.begin(write=True) as tx:
        tx.collection("a").insert_many(tx, [{"_key": str(number), "n": number} for number in range(300)])
    scan(catalog, "a")
    with catalog.begin() as tx:
        collection = tx.collection("a")
        found = collection.get(tx, "290")
        assert found is not None
        assert found["n"] == 290
        assert collection.get(tx, "290") is found
        assert collection.get_many(tx, ["289", "no", "290", "0"])[2] is found
        assert collection.get_many(tx, ["289", "no"])[0] is collection.get(tx, "289")
    assert cache.size <= cache.limit


def test_a_stream_transaction_that_commits_late_comes_in_its_place() -> None:
    """It took its numbers before those of another commit, so that its document is not the last one."""
    catalog = with_cache(DocumentCache(10_000_000))
    insert(catalog, "a", 3)
    scan(catalog, "a")
    stream = catalog.begin_stream()
    stream.collection("a").insert(stream, {"n": 100})
    insert(catalog, "a", 2)
    assert is_complete(catalog, "a")
    stream.commit()
    assert scan(catalog, "a") == [0, 1, 2, 100, 0, 1]


def test_a_large_write_is_not_kept_but_what_was_there_is() -> None:
    cache = DocumentCache(10_000_000)
    catalog = with_cache(cache)
    insert(catalog, "a", 100)
    assert is_complete(catalog, "a")
    insert(catalog, "a", 2000)
    assert beginning(catalog, "a") == list(range(100))
    with catalog.begin(write=True) as tx:
        collection = tx.collection("a")
        for document in list(collection.scan(tx))[:2000]:
            collection.update(tx, document["_key"], {"n": -document["n"]})
        assert sum(each["n"] for each in collection.scan(tx)) < 0
    assert beginning(catalog, "a") == list(range(1900, 2000))
    assert scan(catalog, "a") == [*range(1900, 2000), *range(0, -100, -1), *range(0, -1900, -1)]
    assert is_complete(catalog, "a")


@pytest.mark.parametrize(
    "shape",
    [
        {"name": "Ada", "tags": ["x", "yy"], "address": {"street": "Long Street", "zip": 12345}},
        {"vector": [place / 7 for place in range(60)]},
        {"numbers": list(range(300, 400))},
        {"pairs": [{"a": 1000, "b": "x"} for _ in range(40)]},
        {"text": "x" * 2000},
        {},
    ],
    ids=["person", "vector", "numbers", "pairs", "text", "nothing"],
)
def test_the_memory_it_takes_is_what_it_says(shape: dict[str, Any]) -> None:
    limit = 500_000
    cache = DocumentCache(limit)
    catalog = with_cache(cache)
    with catalog.begin(write=True) as tx:
        for start in range(0, 2000, 1000):
            items = [{**shape, "n": number} for number in range(start, start + 1000)]
            tx.collection("a").insert_many(tx, items)
    cache.drop(1)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(2):
            with catalog.begin() as tx:
                assert sum(1 for _ in tx.collection("a").scan(tx)) == 2000
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 0.8 * limit < cache.size <= limit
    assert 0.6 * limit < taken < 1.1 * limit


def test_a_dropped_collection_is_forgotten() -> None:
    cache = DocumentCache(10_000_000)
    catalog = with_cache(cache)
    insert(catalog, "a", 50)
    scan(catalog, "a")
    assert cache.size > 0
    catalog.drop_collection("a")
    assert cache.size == 0


def test_readers_never_see_half_a_commit() -> None:
    """Each commit sets the same value everywhere; readers scan, fetch and look at edges meanwhile."""
    catalog = with_cache(DocumentCache(10_000_000))
    catalog.create_collection({"name": "e", "type": 3})
    with catalog.begin(write=True) as tx:
        for number in range(20):
            tx.collection("a").insert(tx, {"_key": str(number), "n": 0})
            tx.collection("e").insert(tx, {"_key": str(number), "_from": "a/0", "_to": f"a/{number}", "n": 0})
    wrong: list[set[int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with catalog.begin() as tx:
                collection, edges = tx.collection("a"), tx.collection("e")
                seen = {each["n"] for each in collection.scan(tx)}
                seen |= {each["n"] for each in edges.edges(tx, "a/0", "outbound")}
                found = collection.get(tx, "7")
                seen.add(found["n"] if found else -1)
                if len(seen) != 1:
                    wrong.append(seen)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(1, 60):
        with catalog.begin(write=True) as tx:
            for number in range(20):
                tx.collection("a").update(tx, str(number), {"n": turn})
                tx.collection("e").update(tx, str(number), {"n": turn})
    stop.set()
    for thread in threads:
        thread.join(30)
    assert wrong == []
