"""Joins of environments: exact types, bounded in rows, bytes, memory and time, and nothing else in reach."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.errors import (
    DeadlineError,
    DeniedError,
    InputError,
    LimitError,
    MaaError,
    UnknownDatabaseError,
)
from mcp_arangodb_async.sql import join as joining
from mcp_arangodb_async.sql.answer import QueryLimits
from mcp_arangodb_async.sql.join import Joined, JoinInput, join
from tests.sql_servers import sqlite_file
from tests.unit.sql.world import World, in_file, world

arrow: Any = pyarrow
PEOPLE = "CREATE TABLE people (id int, name text, paid real); INSERT INTO people VALUES {rows};"
LIMITS = QueryLimits(rows=1000, bytes=1 << 20, seconds=20.0)
# Everything a statement could try to reach beyond the tables; `{file}` exists and holds a secret.
ATTEMPTS = (
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM '{file}'",
    "FROM '{file}'",
    "SELECT * FROM glob('{directory}/*')",
    "SELECT * FROM query('SELECT * FROM read_text(''{file}'')')",
    "WITH s AS MATERIALIZED (FROM read_text('{file}')) SELECT * FROM s",
    "SELECT (SELECT content FROM read_text('{file}')) FROM a",
    "SELECT * FROM read_csv('https://127.0.0.1/x.csv')",
    "SELECT * FROM read_csv('s3://bucket/x.csv')",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM sqlite_scan('{file}', 't')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_extensions()",
    "SELECT getenv('HOME')",
    "SELECT * FROM secret",
    "SELECT * FROM environments",
    "SELECT * FROM loaded",
    "COPY a TO '{directory}/out.csv'",
    "COPY (SELECT 1) TO '{directory}/out.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{directory}/out'",
    "ATTACH '{directory}/out.db'",
    "ATTACH '{file}' AS other (TYPE sqlite)",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET memory_limit = '64GB'",
    "RESET memory_limit",
    "PRAGMA enable_external_access",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "INSERT INTO a VALUES (1)",
    "DROP TABLE a",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY a TO '{directory}/out.csv'",
    "CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')",
    "EXPLAIN ANALYZE SELECT 1",
    "",
    ";",
    "SELECT",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two files with people."""
    directory = tmp_path_factory.mktemp("files")
    rows = {"dev": "(1, 'Ada', 1.5), (2, 'Grace', 2)", "prod": "(1, 'Ada', 1.5), (2, 'Grace Hopper', NULL)"}
    told = {
        name: in_file(sqlite_file(directory / f"{name}.db", PEOPLE.format(rows=some)), name=name, eager=False)
        for name, some in rows.items()
    }
    with world(told) as one:
        yield one


def of(environment: str, text: str = "SELECT * FROM people", **parameters: Any) -> JoinInput:
    return JoinInput(environment=environment, text=text, parameters=parameters or None)


def joined(
    made: World, text: str, *, limits: QueryLimits = LIMITS, input_rows: int = 10_000, **inputs: JoinInput
) -> Joined:
    told = inputs or {"a": of("dev"), "b": of("prod")}
    return made.run(join(made.environments, told, text, limits=limits, input_rows=input_rows))


def test_results_are_joined_and_counted(made: World) -> None:
    found = joined(
        made, "SELECT a.id, a.name, b.name AS other FROM a JOIN b USING (id) WHERE a.name <> b.name"
    )
    assert found.rows == [(2, "Grace", "Grace Hopper")]
    assert [column.name for column in found.columns] == ["id", "name", "other"]
    assert found.inputs == {"a": 2, "b": 2}
    assert not found.truncated


def test_values_of_parameters_are_bound_in_each_environment(made: World) -> None:
    some = of("dev", "SELECT name FROM people WHERE id = :id", id=2)
    assert joined(made, "SELECT upper(name) AS n FROM one", one=some).rows == [("GRACE",)]


def test_the_answer_is_cut_and_says_so(made: World) -> None:
    limits = QueryLimits(rows=3, bytes=1 << 20, seconds=20.0)
    found = joined(made, "SELECT i FROM range(10) AS r(i)", limits=limits)
    assert (found.rows, found.truncated) == ([(0,), (1,), (2,)], True)
    found = joined(made, "SELECT i FROM range(3) AS r(i)", limits=limits)
    assert (len(found.rows), found.truncated) == (3, False)
    small = QueryLimits(rows=10_000, bytes=4096, seconds=20.0)
    found = joined(made, "SELECT repeat('x', 100) FROM range(5000)", limits=small)
    assert found.truncated
    assert len(found.rows) < 1000


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nothing_but_the_inputs_can_be_reached(made: World, attempt: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("secret\nhidden\n", encoding="ascii")
    secret = arrow.table({"secret": ["hidden"]})
    assert secret.num_rows == 1  # a variable that a search through frames would find
    with pytest.raises((DeniedError, InputError)):
        joined(made, attempt.format(file=file, directory=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_a_part_is_never_joined(made: World) -> None:
    with pytest.raises(LimitError, match=r"input '[ab]' is more than 1 rows"):
        joined(made, "SELECT 1", input_rows=1)
    wide = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 9000) SELECT {} FROM s"
    with pytest.raises(LimitError, match="more than 32 MiB"):
        joined(made, "SELECT 1", a=of("dev", wide.format("printf('%04096d', i)")), b=of("prod"))
    assert joined(made, "SELECT count(*) AS n FROM a", a=of("dev", wide.format("i"))).rows == [(9000,)]


def test_memory_and_time_are_bounded(made: World) -> None:
    with pytest.raises(LimitError, match="more than the 256MB"):
        joined(made, "SELECT list(repeat('x', 1000) || i) FROM range(10000000) AS r(i)")
    limits = QueryLimits(rows=10, bytes=1 << 20, seconds=0.5)
    started = time.monotonic()
    with pytest.raises(DeadlineError, match=r"longer than 0\.5 seconds"):
        joined(made, "SELECT count(*) FROM range(1000000000) a, range(1000000) b", limits=limits)
    assert time.monotonic() - started < 3


def test_a_cancelled_join_stops_working(made: World) -> None:
    async def work() -> float:
        slow = "SELECT count(*) FROM range(1000000000) a, range(1000000) b"
        inputs = {"a": of("dev")}
        running = asyncio.ensure_future(join(made.environments, inputs, slow, limits=LIMITS, input_rows=10))
        await asyncio.wait({running}, timeout=0.3)
        started = time.monotonic()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return time.monotonic() - started

    assert made.run(work()) < 2


def test_an_input_that_fails_fails_the_join_with_its_environment(made: World) -> None:
    with pytest.raises(MaaError, match=r"environment 'prod'.*no such column"):
        joined(made, "SELECT 1", a=of("dev"), b=of("prod", "SELECT nme FROM people"))
    with pytest.raises(MaaError, match=r"environment 'prod'.*may only be read"):
        joined(made, "SELECT 1", a=of("dev"), b=of("prod", "DELETE FROM people"))
    with pytest.raises(UnknownDatabaseError):
        joined(made, "SELECT 1", a=of("nowhere"))
    for name in ("dev", "prod"):
        pool = made.environments.get(name).pool
        assert pool is not None
        assert pool.counters().in_use == 0


EXACT = st.one_of(
    st.lists(st.none() | st.booleans()),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.none() | st.integers(-(10**30), 10**30)),
    st.lists(st.none() | st.decimals(-(10**12), 10**12, places=6) | st.integers(-5, 5)),
    st.lists(st.none() | st.floats(allow_nan=False) | st.integers(-9, 9)),
    st.lists(st.none() | st.binary(max_size=9)),
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
)


@settings(max_examples=60, deadline=None)
@given(values=EXACT)
def test_a_column_has_a_type_that_changes_no_value(values: list[Any]) -> None:
    found: list[Any] = joining.typed(arrow, values).to_pylist()
    assert found == values
    assert len({type(value).__name__ for value in found if value is not None}) <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "one", None], ["1", "one", None]),
        ([Decimal("1E+40"), Decimal("1E-10")], ["1" + "0" * 40, "0.0000000001"]),
        ([Decimal("NaN"), Decimal(1)], ["NaN", "1"]),
        ([{"a": 1}, [1, 2]], ['{"a":1}', "[1,2]"]),
        ([0.5, 2**60], ["0.5", str(2**60)]),
    ],
)
def test_what_no_type_holds_exactly_becomes_text(values: list[Any], expected: list[Any]) -> None:
    assert joining.typed(arrow, values).to_pylist() == expected
