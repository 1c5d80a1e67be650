"""No query runs for ever or takes all memory, whatever it asks for."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError

ENDLESS = (
    "FOR i IN 1..1000000000000 FILTER i < 0 RETURN i",
    "FOR a IN 1..1000 FOR b IN 1..1000 FOR c IN 1..1000 FILTER a + b + c < 0 RETURN 1",
    "RETURN SLEEP(60)",
    "RETURN (1..9000000)[* FILTER CURRENT < 0][* RETURN CURRENT + 1]",
    "FOR a IN 1..30000 WINDOW {preceding: 15000, following: 15000} AGGREGATE s = SUM(a) RETURN s",
    "FOR i IN 1..100 LET s = (FOR a IN 1..1000 FOR b IN 1..1000 FILTER a + b < i RETURN a) RETURN s",
    "FOR i IN 1..1000000000 COLLECT x = i % 3 RETURN x",
    "FOR i IN 1..1000000000 LIMIT 999999999, 1 RETURN i",
)
HUNGRY = (
    "FOR a IN 1..1000 FOR b IN 1..1000 FOR c IN 1..1000 RETURN {a, b, c}",
    "FOR a IN 1..10000000 SORT -a RETURN a",
    "FOR a IN 1..10000000 COLLECT x = a RETURN x",
    "FOR a IN 1..10000000 COLLECT x = a % 7 INTO g RETURN g",
    "FOR a IN 1..10000000 COLLECT AGGREGATE x = PUSH(a) RETURN x",
    "FOR a IN 1..10000000 COLLECT AGGREGATE x = UNIQUE(a) RETURN x",
    "FOR a IN 1..10000000 RETURN DISTINCT a",
    "RETURN 1..9999999",
)


@pytest.mark.parametrize("text", ENDLESS)
def test_a_query_ends_when_its_time_is_over(database: Database, text: str) -> None:
    started = time.monotonic()
    with pytest.raises(ArangoError) as caught:
        list(database.query(text, {}, {"maxRuntime": 0.3}).rows)
    assert caught.value.num == 1500
    assert "maxRuntime" in caught.value.message
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("text", HUNGRY)
def test_a_query_ends_when_it_takes_too_much_memory(database: Database, text: str) -> None:
    with pytest.raises(ArangoError) as caught:
        list(database.query(text, {}, {"memoryLimit": 5_000_000}).rows)
    assert caught.value.num == 32
    assert "5000000" in caught.value.message


def test_a_range_too_long_for_an_array_is_refused_at_once(database: Database) -> None:
    with pytest.raises(ArangoError) as caught:
        database.query("RETURN 1..1000000000000")
    assert caught.value.num == 32


def test_a_long_range_is_walked_lazily(database: Database) -> None:
    text = "FOR i IN 1..1000000000000 FOR j IN -1..-1000000000000 LIMIT 2 RETURN [i, j]"
    assert list(database.query(text).rows) == [[1, -1], [1, -2]]


def test_a_running_query_is_listed_and_can_be_killed(database: Database) -> None:
    numbers: list[str] = []
    problems: list[int] = []

    def run() -> None:
        try:
            database.query("RETURN SLEEP(60)", on_start=numbers.append, user="ada")
        except ArangoError as error:
            problems.append(error.num)

    thread = Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 10
    while not database.current_queries() and time.monotonic() < deadline:
        thread.join(0.01)
    (entry,) = database.current_queries()
    assert (entry["id"], entry["user"], entry["query"]) == (numbers[0], "ada", "RETURN SLEEP(60)")
    database.kill(entry["id"])
    thread.join(10)
    assert problems == [1500]
    assert database.current_queries() == []


def test_killing_a_query_that_is_not_there_says_so(database: Database) -> None:
    with pytest.raises(ArangoError) as caught:
        database.kill("17")
    assert caught.value.num == 1591


def test_warnings_are_capped(database: Database) -> None:
    result = database.query("FOR i IN 1..50 RETURN i / 0")
    assert len(result.extra["warnings"]) == 10
    few = database.query("FOR i IN 1..50 RETURN i / 0", {}, {"maxWarningCount": 3})
    assert [each["code"] for each in few.extra["warnings"]] == [1562] * 3


def test_the_first_warning_may_be_an_error(database: Database) -> None:
    with pytest.raises(ArangoError) as caught:
        database.query("RETURN 1 / 0", {}, {"failOnWarning": True})
    assert caught.value.num == 1562


def test_subqueries_nest_only_so_deeply(database: Database) -> None:
    fine = "RETURN " + "(RETURN " * 50 + "1" + ")" * 50
    assert list(database.query(fine).rows)
    with pytest.raises(ArangoError) as caught:
        database.query("RETURN " + "(RETURN " * 90 + "1" + ")" * 90)
    assert caught.value.num == 1524
