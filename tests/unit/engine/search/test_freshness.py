"""A search sees what was written, at once and in its own transaction only."""

from __future__ import annotations

import random
from typing import Any

from mcp_arangodb_async.engine.search.postings import TermIndex
from mcp_arangodb_async.engine.search.segments import SearchIndexes

from .conftest import Searched

QUERY = "FOR d IN v SEARCH d.n == @n SORT d._key RETURN d._key"


def test_a_write_is_found_at_once(searched: Searched) -> None:
    searched.fill("c", [{"_key": "a", "n": 1}])
    searched.view("v", c={"includeAllFields": True})
    assert searched.rows(QUERY, n=1) == ["a"]
    searched.write("c", [{"_key": "b", "n": 1}])
    assert searched.rows(QUERY, n=1) == ["a", "b"]
    searched.rows("UPDATE 'a' WITH {n: 2} IN c")
    assert (searched.rows(QUERY, n=1), searched.rows(QUERY, n=2)) == (["b"], ["a"])
    searched.rows("REMOVE 'b' IN c")
    assert searched.rows(QUERY, n=1) == []
    searched.database.catalog.truncate_collection("c")
    assert searched.rows("FOR d IN v RETURN d") == []


def test_a_transaction_finds_its_own_writes_alone(searched: Searched) -> None:
    searched.fill("c", [{"_key": "a", "n": 1}, {"_key": "b", "n": 1}])
    searched.view("v", c={"includeAllFields": True})
    assert searched.rows(QUERY, n=1) == ["a", "b"]
    tx = searched.database.catalog.begin_stream()
    tx.collection("c").insert(tx, {"_key": "new", "n": 1})
    tx.collection("c").remove(tx, "b")
    inside = searched.database.query(QUERY, {"n": 1}, transaction=tx)
    assert list(inside.rows) == ["a", "new"]
    assert searched.rows(QUERY, n=1) == ["a", "b"]
    tx.rollback()
    assert searched.rows(QUERY, n=1) == ["a", "b"]


def test_an_old_snapshot_finds_what_it_saw(searched: Searched) -> None:
    searched.fill("c", [{"_key": "a", "n": 1}])
    searched.view("v", c={"includeAllFields": True})
    before = searched.database.catalog.begin()
    searched.rows("UPDATE 'a' WITH {n: 2} IN c")
    searched.write("c", [{"_key": "b", "n": 1}])
    assert searched.rows(QUERY, n=1) == ["b"]
    assert list(searched.database.query(QUERY, {"n": 1}, transaction=before).rows) == ["a"]
    before.rollback()
    assert searched.rows(QUERY, n=1) == ["b"]


def test_a_search_may_write_to_what_it_finds(searched: Searched) -> None:
    searched.fill("c", [{"n": 1} for _ in range(1200)])
    searched.view("v", c={"includeAllFields": True})
    searched.rows("FOR d IN v SEARCH d.n >= 1 UPDATE d WITH {n: d.n + 1} IN c")
    assert searched.rows("FOR d IN c COLLECT n = d.n WITH COUNT INTO count RETURN [n, count]") == [[2, 1200]]
    searched.rows("FOR d IN v SEARCH d.n == 2 REMOVE d IN c")
    assert searched.rows("FOR d IN v COLLECT WITH COUNT INTO count RETURN count") == [0]


def test_searches_agree_with_filters_whatever_is_written(searched: Searched) -> None:
    chance = random.Random(5)
    searched.fill("c", [])
    searched.view("v", c={"includeAllFields": True})
    conditions = ("d.n == @n", "d.n >= @n AND d.n < 5", "d.s == 'x' OR d.n == @n", "d.n == @n AND d.s != 'y'")
    for _ in range(120):
        with searched.database.catalog.begin(write=True) as tx:
            for _ in range(chance.choice((1, 1, 5, 40))):
                _write(searched, tx, chance)
            condition = chance.choice(conditions)
            binds = {"n": chance.randrange(8)}
            _compare(searched, condition, binds, tx)
        _compare(searched, condition, binds, None)


def _write(searched: Searched, tx: Any, chance: random.Random) -> None:
    collection = tx.collection("c")
    key = str(chance.randrange(150))
    document = {"_key": key, "n": chance.randrange(8), "s": chance.choice("xyz")}
    if collection.get(tx, key) is None:
        collection.insert(tx, document)
    elif chance.random() < 0.5:
        collection.replace(tx, key, document)
    else:
        collection.remove(tx, key)


def _compare(searched: Searched, condition: str, binds: dict[str, Any], tx: Any) -> None:
    search = f"FOR d IN v SEARCH {condition} SORT d._key RETURN d._key"
    filters = f"FOR d IN c FILTER {condition} SORT d._key RETURN d._key"
    found = [list(searched.database.query(text, binds, transaction=tx).rows) for text in (search, filters)]
    assert found[0] == found[1]


def test_memory_for_indexes_is_bounded(searched: Searched) -> None:
    searched.fill("c", [{"n": place} for place in range(50)])
    indexes = SearchIndexes(limit=60_000)
    with searched.database.catalog.begin() as tx:
        contents = indexes.contents(tx, tx.collection("c"), lambda: None)
        ((segment, gone),) = contents.segments
        for number in range(20):
            indexes.index(segment, number, gone, lambda: TermIndex(cost=7_000))
            assert 0 < indexes.size <= 60_000
        assert set(segment.indexes) == set(range(12, 20))


def test_segments_are_as_few_as_the_logarithm_of_the_documents(searched: Searched) -> None:
    searched.fill("c", [])
    indexes = SearchIndexes()
    for place in range(400):
        searched.write("c", [{"n": place}] * (1 + place % 3))
        with searched.database.catalog.begin() as tx:
            contents = indexes.contents(tx, tx.collection("c"), lambda: None)
            assert len(contents.segments) <= 8
            assert sum(len(each.keys) - len(gone) for each, gone in contents.segments) == len(contents.places)
    searched.rows("FOR d IN c FILTER d.n % 4 REMOVE d IN c")
    with searched.database.catalog.begin() as tx:
        contents = indexes.contents(tx, tx.collection("c"), lambda: None)
        assert len(contents.places) == searched.database.catalog.state().by_name["c"].count(tx)
        assert sum(len(each.keys) for each, _ in contents.segments) < 400
