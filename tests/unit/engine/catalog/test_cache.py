"""The cache of decoded documents: bounded, and never stale."""

import threading
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog.cache import DocumentCache, cost_of
from mcp_arangodb_async.engine.catalog.catalog import Catalog
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


def test_the_collection_used_longest_ago_makes_room() -> None:
    cache = DocumentCache(150 * cost_of(70))
    catalog = with_cache(cache)
    insert(catalog, "a", 60)
    insert(catalog, "b", 60)
    scan(catalog, "a")
    scan(catalog, "b")
    assert is_complete(catalog, "b")
    scan(catalog, "b")
    insert(catalog, "b", 60)
    scan(catalog, "b")
    assert cache.size <= cache.limit


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
