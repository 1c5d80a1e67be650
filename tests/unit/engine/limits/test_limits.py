"""Queries that would never end, or take all memory, end by their limits, and the engine goes on.

Time is measured as the processor time of this thread: other programs on the machine do not count.
"""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest

from mcp_arangodb_async.engine import ArangoError, Engine
from mcp_arangodb_async.engine.database import Database

RUNTIME = 0.4
MEMORY = 16_000_000
#: What may come on top of one and a half times a limit: the last look at it, and cleaning up.
GRACE = 0.3


GRAMS = {
    "name": "grams",
    "type": "ngram",
    "properties": {"min": 2, "max": 9, "preserveOriginal": False, "streamType": "utf8"},
}
# Of thirty: the number of paths grows thirtyfold with every step.
EVERYBODY_KNOWS_EVERYBODY = (
    "FOR a IN 1..30 FOR b IN 1..30 FILTER a != b "
    "INSERT {_from: CONCAT('people/', a), _to: CONCAT('people/', b)} INTO knows"
)


@pytest.fixture(scope="module")
def database() -> Generator[Database]:
    with Engine.open(None) as engine:
        database = engine.database("_system")
        catalog = database.catalog
        database.create_analyzer(GRAMS)
        catalog.create_collection({"name": "people"})
        catalog.create_collection({"name": "knows", "type": 3})
        for query in (
            "FOR i IN 1..2000 INSERT {_key: TO_STRING(i), n: i, text: REPEAT('x', 50)} INTO people",
            EVERYBODY_KNOWS_EVERYBODY,
        ):
            database.query(query).close()
        yield database


def run(database: Database, query: str, binds: dict[str, Any] | None = None, **options: object) -> list[Any]:
    return list(database.query(query, binds or {}, options).rows)


def error_of(database: Database, query: str, binds: dict[str, Any] | None = None, **options: object) -> int:
    with pytest.raises(ArangoError) as caught:
        run(database, query, binds, **options)
    assert run(database, "RETURN LENGTH(people)") == [2000], "the engine is of no use any more"
    assert database.current_queries() == []
    return caught.value.num


ENDLESS = (
    "FOR i IN 1..1e12 RETURN i",
    "FOR i IN 1..1e12 FILTER i < 0 RETURN i",
    "FOR i IN 1..1e12 COLLECT WITH COUNT INTO n RETURN n",
    "FOR i IN 1..1e12 LIMIT 1e11, 1 RETURN i",
    "FOR i IN 1..1e12 RETURN DISTINCT i % 7",
    "FOR a IN 1..1e5 FOR b IN 1..1e5 FOR c IN 1..1e5 FILTER a + b + c < 0 RETURN a",
    "FOR a IN people FOR b IN people FOR c IN people FILTER a.n + b.n + c.n < 0 RETURN 1",
    "LET ns = (FOR p IN people RETURN p.n) FOR a IN ns FOR b IN ns FOR c IN ns FILTER a < b - 9999 RETURN c",
    "FOR i IN 1..1e12 LET s = (FOR j IN 1..10 RETURN i + j) FILTER s == [] RETURN 1",
    "FOR i IN 1..1e12 SORT i DESC RETURN i",
    "FOR i IN 1..1e12 SORT i DESC LIMIT 3 RETURN i",
    "FOR i IN 1..1e12 COLLECT k = i % 10 INTO group RETURN {k, group}",
    "FOR i IN 1..1e12 COLLECT AGGREGATE u = UNIQUE(i), s = SUM(i) RETURN u",
    "FOR i IN 1..1e12 WINDOW {preceding: 'unbounded'} AGGREGATE m = MAX(i) RETURN m",
    "FOR i IN 1..1e12 WINDOW {preceding: 500, following: 500} AGGREGATE m = SUM(i) RETURN m",
    "FOR i IN 1..1e12 WINDOW i WITH {preceding: 500, following: 500} AGGREGATE m = AVG(i) RETURN m",
    "FOR v IN 20..20 ANY 'people/1' knows OPTIONS {uniqueVertices: 'none', uniqueEdges: 'none'} RETURN v",
    "FOR v, e, p IN 1..20 OUTBOUND 'people/1' knows OPTIONS {uniqueVertices: 'path'} FILTER v.n < 0 RETURN p",
    "FOR v IN 20 OUTBOUND 'people/1' knows OPTIONS {order: 'bfs', uniqueEdges: 'none'} RETURN v",
    "FOR p IN 1..20 OUTBOUND K_PATHS 'people/1' TO 'people/2' knows RETURN p",
    "FOR p IN OUTBOUND K_SHORTEST_PATHS 'people/1' TO 'people/2' knows RETURN p",
    "RETURN SLEEP(1000)",
    "FOR i IN 1..1e12 RETURN REGEX_TEST(REPEAT('a', 30), '(a+)+b')",
    "RETURN REGEX_TEST(CONCAT(REPEAT('a', 60), '!'), '^(a|aa)+$')",
    "RETURN REGEX_MATCHES(CONCAT(REPEAT('xy', 60), '!'), '^(xy|(xy)*xy|x|y)+$')",
    "RETURN REGEX_REPLACE(REPEAT('a', 100000), '(.*a){25}b', '')",
    "RETURN TOKENS(REPEAT('word ', 1000000), 'text_en')",
    "RETURN TOKENS(REPEAT('ab', 1000000), 'grams')",
    "RETURN LEVENSHTEIN_DISTANCE(REPEAT('ab', 3000), REPEAT('ba', 3000))",
    "RETURN NGRAM_SIMILARITY(REPEAT('ab', 20000), REPEAT('ba', 20000), 3)",
    "LET a = (FOR i IN 1..20000 RETURN [i]) RETURN a NONE IN (FOR i IN 1..20000 RETURN [-i])",
    "RETURN (1..3000000)[* FILTER (1..3)[* FILTER CURRENT > 5] != [] RETURN CURRENT]",
)


@pytest.mark.parametrize("query", ENDLESS)
def test_what_never_ends_is_stopped_in_time(database: Database, query: str) -> None:
    started = time.thread_time()
    waited = time.monotonic()
    num = error_of(database, query, maxRuntime=RUNTIME)
    assert num == 1500
    # Asleep or awake: neither the clock nor the processor ran for much longer than allowed.
    assert min(time.thread_time() - started, time.monotonic() - waited) < RUNTIME * 1.5 + GRACE


@pytest.mark.parametrize("query", ENDLESS[:6])
def test_what_never_ends_can_be_killed(database: Database, query: str) -> None:
    started = threading.Event()
    numbers: list[str] = []

    def on_start(number: str) -> None:
        numbers.append(number)
        started.set()

    def kill() -> None:
        assert started.wait(10)
        database.kill(numbers[0])

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ArangoError) as error:
        list(database.query(query, {}, on_start=on_start).rows)
    killer.join()
    assert error.value.num == 1500
    with pytest.raises(ArangoError) as error:
        database.kill(numbers[0])
    assert error.value.num == 1591


HUGE = (
    "FOR i IN 1..1e12 RETURN i",
    "FOR i IN 1..1e12 SORT i DESC RETURN i",
    "FOR i IN 1..1e12 COLLECT k = i RETURN k",
    "FOR i IN 1..1e12 COLLECT k = i % 10 INTO group RETURN {k, group}",
    "FOR i IN 1..1e12 COLLECT AGGREGATE u = UNIQUE(i) RETURN u",
    "FOR i IN 1..1e12 RETURN DISTINCT i",
    "FOR x IN (FOR i IN 1..1e12 RETURN DISTINCT i) COLLECT WITH COUNT INTO n RETURN n",
    "FOR i IN 1..1e12 RETURN REPEAT('x', 1000)",
    "FOR i IN 1..1e12 RETURN {i, more: [i, i, i], text: CONCAT('number ', i)}",
    "LET ns = (FOR i IN 1..1e12 RETURN i) RETURN LENGTH(ns) + FIRST(ns)",
    "FOR v, e, p IN 1..20 OUTBOUND 'people/1' knows RETURN p",
    "FOR i IN 1..1e12 WINDOW {preceding: 'unbounded', following: 'unbounded'} AGGREGATE m = MAX(i) RETURN m",
    "RETURN 1..5000000",
    "RETURN RANGE(1, 5000000)",
    "RETURN SPLIT(REPEAT('a,', 5000000), ',')",
    "RETURN CONCAT_SEPARATOR(REPEAT('x', 100000), 1..10000)",
    "RETURN CONCAT(FOR i IN 1..100 RETURN REPEAT('x', 1000000))",
    "RETURN SUBSTITUTE(REPEAT('a', 1000000), 'a', REPEAT('b', 1000))",
    "RETURN LEVENSHTEIN_DISTANCE(REPEAT('ab', 20000), REPEAT('ba', 20000))",
    "RETURN TOKENS(REPEAT('word ', 1000000), 'text_en')",
    "RETURN MERGE(FOR i IN 1..1000000 RETURN {[i]: i})",
)


@pytest.mark.parametrize("query", HUGE)
def test_what_takes_too_much_memory_is_stopped(database: Database, query: str) -> None:
    tracemalloc.start()
    try:
        num = error_of(database, query, memoryLimit=MEMORY, maxRuntime=60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert num == 32
    assert peak < MEMORY * 1.5 + 8_000_000


TOO_MUCH = (
    ("RETURN LENGTH(1..1e12)", 32),
    ("RETURN RANGE(1, 1e12)", 32),
    ("RETURN (1..1e12)[5]", 32),
    ("RETURN " + "(" * 10_000 + "1" + ")" * 10_000, 1524),
    ("RETURN " + "[" * 10_000 + "]" * 10_000, 1524),
    ("RETURN " + "NOT " * 10_000 + "1", 1524),
    ("RETURN " + "1 + " * 10_000 + "1", 1524),
    ("FOR a IN [1] " * 10 + "RETURN " + "(RETURN " * 1000 + "1" + ")" * 1000, 1524),
    ("RETURN '" + "x" * 5_000_000 + "'", 1524),
    ("RETURN [" + "1," * 600_000 + "1]", 1524),
)


@pytest.mark.parametrize(("query", "num"), TOO_MUCH, ids=[query[:40] for query, _ in TOO_MUCH])
def test_what_is_too_much_is_refused_at_once(database: Database, query: str, num: int) -> None:
    assert error_of(database, query, maxRuntime=20) == num


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "query",
    [
        "RETURN @value",
        "RETURN TO_STRING(@value)",
        "RETURN FLATTEN(@value, 100000)",
        "RETURN @value == @value",
        "INSERT {value: @value} INTO people",
        "RETURN JSON_STRINGIFY(@value)",
        "FOR v IN [@value, @value] SORT v RETURN 1",
        "FOR v IN [@value, @value] RETURN DISTINCT v",
        "RETURN HASH(@value)",
    ],
)
def test_a_deep_value_is_refused_or_answered(database: Database, query: str) -> None:
    with suppress(ArangoError):
        run(database, query, {"value": nested(100_000)})
    assert run(database, "RETURN LENGTH(people)") == [2000]


BENIGN = (
    ("RETURN REGEX_TEST(REPEAT('a', 5000), '(a|a)*b')", False),
    ("RETURN REGEX_TEST(REPEAT('a', 40), '(a+)+b')", False),
    ("RETURN REGEX_REPLACE(REPEAT('a', 5000), '(a*)*$x', 'b')", None),
    ("RETURN LIKE(REPEAT('a', 100000), '%a%a%a%a%a%a%a%a%a%b')", False),
)


@pytest.mark.parametrize(("query", "expected"), BENIGN)
def test_a_catastrophic_pattern_ends(database: Database, query: str, expected: bool | None) -> None:
    started = time.thread_time()
    (found,) = run(database, query, maxRuntime=20)
    assert expected is None or found in {expected, None}  # null: the search was given up, with a warning
    assert time.thread_time() - started < 3


def test_writes_of_a_stopped_query_are_undone(database: Database) -> None:
    query = "FOR i IN 1..1e12 INSERT {stopped: true} INTO people"
    assert error_of(database, query, maxRuntime=RUNTIME) == 1500
    assert run(database, "FOR p IN people FILTER p.stopped RETURN 1") == []


def test_a_stream_ends_by_its_limit_too(database: Database) -> None:
    result = database.query("FOR i IN 1..1e12 RETURN i", {}, {"stream": True, "maxRuntime": RUNTIME})
    with pytest.raises(ArangoError) as error:
        for _ in result.rows:
            pass
    result.close()
    assert error.value.num == 1500
    assert database.current_queries() == []
