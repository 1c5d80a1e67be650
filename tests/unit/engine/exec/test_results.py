"""What a result says about its query: statistics, warnings, profile; and rows that come as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError


@pytest.fixture
def filled(database: Database) -> Database:
    """A collection of a hundred documents, with an index."""
    database.catalog.create_collection({"name": "things"})
    database.catalog.create_index("things", {"type": "persistent", "fields": ["n"]})
    list(
        database.query("FOR i IN 1..100 INSERT {_key: TO_STRING(i), n: i, even: i % 2 == 0} INTO things").rows
    )
    return database


def statistics(database: Database, text: str, options: dict[str, Any] | None = None) -> dict[str, Any]:
    result = database.query(text, {}, options)
    list(result.rows)
    return result.extra["stats"]


def test_statistics_count_what_was_scanned_and_filtered(filled: Database) -> None:
    found = statistics(filled, "FOR t IN things FILTER t.even RETURN t")
    assert (found["scannedFull"], found["scannedIndex"], found["filtered"]) == (100, 0, 50)
    found = statistics(filled, "FOR t IN things FILTER t.n > 90 && t.even RETURN t")
    assert (found["scannedFull"], found["scannedIndex"], found["filtered"]) == (0, 10, 5)
    assert found["executionTime"] > 0
    assert found["peakMemoryUsage"] > 0


def test_a_limit_stops_the_scan(filled: Database) -> None:
    found = statistics(filled, "FOR t IN things LIMIT 3 RETURN t")
    assert found["scannedFull"] == 3


def test_writes_are_counted(filled: Database) -> None:
    found = statistics(
        filled, "FOR i IN 1..3 INSERT {_key: TO_STRING(i * 60)} INTO things OPTIONS {ignoreErrors: true}"
    )
    assert (found["writesExecuted"], found["writesIgnored"]) == (2, 1)


def test_full_count_is_of_the_last_limit(filled: Database) -> None:
    text = "FOR t IN things LIMIT 50 FILTER t.even LIMIT 1, 2 RETURN t.n"
    result = filled.query(text, {}, {"fullCount": True})
    assert len(list(result.rows)) == 2
    assert result.extra["stats"]["fullCount"] == 25
    assert "fullCount" not in statistics(filled, text)
    assert "fullCount" not in statistics(filled, "RETURN 1", {"fullCount": True})


def test_a_profile_names_phases_and_nodes(filled: Database) -> None:
    text = "FOR t IN things FILTER t.even SORT -t.n LIMIT 3 RETURN t.n"
    result = filled.query(text, {}, {"profile": 2})
    assert list(result.rows) == [100, 98, 96]
    extra = result.extra
    assert all(seconds > 0 for seconds in extra["profile"].values())
    types = {node["id"]: node["type"] for node in extra["plan"]["nodes"]}
    items = {types[each["id"]]: each["items"] for each in extra["stats"]["nodes"]}
    assert items["FilterNode"] == 50
    assert items["LimitNode"] == 3
    assert filled.query(text, {}, {"profile": 1}).extra.keys() == {"stats", "warnings", "profile"}


def test_streamed_rows_come_as_they_are_read(filled: Database) -> None:
    result = filled.query("FOR i IN 1..1000000000000 RETURN i", {}, {"stream": True})
    assert [next(result.rows) for _ in range(3)] == [1, 2, 3]
    assert len(filled.current_queries()) == 1
    result.close()
    assert filled.current_queries() == []


def test_a_streamed_query_fails_where_its_rows_are_read(filled: Database) -> None:
    result = filled.query("FOR i IN 1..5000 RETURN ASSERT(i < 4000, 'too far')", {}, {"stream": True})
    with pytest.raises(ArangoError) as caught:
        list(result.rows)
    assert caught.value.num == 1593
    assert filled.current_queries() == []


def test_a_query_that_writes_is_done_before_its_rows_are_read(filled: Database) -> None:
    filled.query("FOR i IN 1..5 INSERT {} INTO things RETURN NEW", {}, {"stream": True})
    assert list(filled.query("RETURN LENGTH(things)").rows) == [105]


def test_a_result_tells_whether_it_may_be_cached(filled: Database) -> None:
    assert filled.query("FOR t IN things RETURN t").cacheable
    assert not filled.query("RETURN RAND()").cacheable
    assert not filled.query("RETURN 1 / 0").cacheable
    assert not filled.query("INSERT {} INTO things").cacheable
