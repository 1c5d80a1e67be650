"""Queries that spend their time inside of one call end by their limit too, and nothing else is hurt."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Generator
from types import FrameType

import pytest

from mcp_arangodb_async.engine import ArangoError, Engine
from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.exec.interruption import is_leavable
from mcp_arangodb_async.engine.values import equal, ordered_places

RUNTIME = 0.4
#: What may come on top of one and a half times a limit: making the arrays, and taking them apart again.
GRACE = 0.6

LONG = (
    "RETURN HASH(1..3000000)",
    "RETURN LENGTH(UNIQUE(1..3000000))",
    "RETURN LENGTH(SORTED(REVERSE(1..3000000)))",
    "RETURN LENGTH(OUTERSECTION(1..2000000, 1..2000000))",
    "RETURN JACCARD(1..2000000, 1..2000000)",
    "RETURN LENGTH(ZIP(1..2000000, 1..2000000))",
    "RETURN STDDEV(1..3000000)",
    "RETURN LENGTH(JSON_STRINGIFY(1..3000000))",
    "RETURN (1..3000000) == (1..3000000)",
    "RETURN LENGTH(INTERLEAVE(1..2000000, 1..2000000))",
    "LET text = REPEAT('ö', 1000000) RETURN text < CONCAT(text, 'x')",
    "FOR i IN 1..10 SORT CONCAT(REPEAT('ö', 300000), i) RETURN i",
    "RETURN LENGTH(TOKENS(REPEAT('wörd ', 1000000), 'text_en'))",
    "RETURN LENGTH(TOKENS(REPEAT('ä', 3000000), 'text_en'))",
    "RETURN FNV64(REPEAT('a', 10000000))",
    "RETURN COSINE_SIMILARITY(1..2000000, 1..2000000)",
)


@pytest.fixture(scope="module")
def database() -> Generator[Database]:
    with Engine.open(None) as engine:
        database = engine.database("_system")
        database.catalog.create_collection({"name": "c"})
        yield database


@pytest.mark.parametrize("query", LONG)
def test_a_long_call_ends_by_the_time_limit(database: Database, query: str) -> None:
    started, waited = time.thread_time(), time.monotonic()
    with pytest.raises(ArangoError) as error:
        database.query(query, {}, {"maxRuntime": RUNTIME})
    assert error.value.num == 1500
    assert "maxRuntime" in error.value.message
    assert min(time.thread_time() - started, time.monotonic() - waited) < RUNTIME * 1.5 + GRACE
    assert database.current_queries() == []


def test_a_long_call_can_be_killed(database: Database) -> None:
    numbers: list[str] = []
    started = threading.Event()

    def on_start(number: str) -> None:
        numbers.append(number)
        started.set()

    def kill() -> None:
        assert started.wait(10)
        database.kill(numbers[0])

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ArangoError) as error:
        database.query("RETURN HASH(1..5000000)", on_start=on_start)
    killer.join()
    assert error.value.num == 1500


def test_only_code_that_keeps_nothing_open_is_left() -> None:
    frames: list[FrameType | None] = []

    class Item(int):
        """Notes who compares it."""

        __hash__ = None  # pyright: ignore[reportAssignmentType]

        def __eq__(self, other: object) -> bool:
            frames.append(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
            return True

    query = compile("equal(left, right)", "<query>", "eval")
    eval(query, {"equal": equal, "left": Item(), "right": Item()})
    assert frames, "not compared"
    assert is_leavable(frames[-1])
    assert equal(Item(), Item())
    assert not is_leavable(frames[-1]), "no query called it"
    assert not is_leavable(None)


def test_a_thread_whose_queries_are_interrupted_goes_on_to_work(database: Database) -> None:
    chance = random.Random(7)
    for round_ in range(60):
        limit = chance.choice((0.001, 0.02, 0.06, 0.1))
        query = chance.choice(
            (
                "RETURN HASH(1..300000)",
                "FOR i IN 1..200 INSERT {n: LENGTH(UNIQUE(1..3000)), round: @round} INTO c",
                "FOR d IN c FILTER HASH(d.n) != 0 AND d.round == @round RETURN LENGTH(SORTED(1..20000))",
            )
        )
        binds = {"round": round_} if "@round" in query else {}
        try:
            database.query(query, binds, {"maxRuntime": limit})
            num = 0
        except ArangoError as error:
            num = error.num
        assert num in {0, 1500}
        stored = list(database.query("FOR d IN c FILTER d.round == @r RETURN d.n", {"r": round_}).rows)
        assert stored == ([] if num or "INSERT" not in query else [3000] * 200)


def test_places_in_order_are_those_of_a_stable_sort() -> None:
    chance = random.Random(3)
    for size in (0, 1, 2, 1000, 100_000, 250_001):
        keys = [chance.randrange(1000) for _ in range(size)]
        for reverse in (False, True):
            expected = sorted(range(size), key=keys.__getitem__, reverse=reverse)
            assert ordered_places(keys, reverse=reverse) == expected
