"""Properties of comparing rows, and of streams at the same time, on real servers.

The numbers are those of the plan for several environments.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.environments import EnvironmentSettings, PolicySettings
from mcp_arangodb_async.sql.row_compare import Comparison, Request, compare_rows
from mcp_arangodb_async.sql.row_compare_answers import equal_answers
from mcp_arangodb_async.sql.row_compare_plan import Choice
from mcp_arangodb_async.sql.row_compare_report import differences_of, facts_of
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.edited import TABLE, Table, edited, expected, fill
from tests.unit.sql.world import World, in_file, nowhere, on_server, world

pytestmark = pytest.mark.server
PAIRS = [("postgresql", "mariadb"), ("mariadb", "postgresql")]
QUERY: dict[str, Any] = {"text": "SELECT * FROM t", "choice": Choice(key=("id",))}
WHOLE: dict[str, Any] = {"table": "t"}
NAMES = ("postgresql1", "postgresql2", "mariadb1", "mariadb2", "sqlite1", "sqlite2")


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two SQLite files with an empty table."""
    directory = tmp_path_factory.mktemp("rows")
    paths = [sqlite_file(directory / f"{name}.db", TABLE["sqlite"]) for name in ("one", "other")]
    with world({path.stem: in_file(path, access="write") for path in paths}) as made:
        yield made


@pytest.fixture(scope="module")
def servers(postgresql: SqlServer, mariadb: SqlServer) -> Iterator[World]:
    """The same on PostgreSQL and MariaDB."""
    found = {
        server.kind: on_server(server, server.create_database(TABLE[server.kind]), access="write")
        for server in (postgresql, mariadb)
    }
    with world(found) as made:
        yield made


async def compared(
    made: World, names: Sequence[str], tables: tuple[Table, Table], **wanted: Any
) -> Comparison:
    """The second table compared with the first, each in an environment."""
    for name, table in zip(names, tables, strict=True):
        await fill(made.environments.get(name), table)
    return await compare_rows(made.environments, Request(names=tuple(names), most=1000, **wanted))


def is_exactly(found: Comparison, before: Table, after: Table) -> None:
    """The comparison found what was made: every count, every row, every cell."""
    truth = expected(before, after)
    (_, side) = found.sides.values()
    tally = side.tally
    assert tally is not None
    assert (side.rows, tally.same, tally.repeated) == (len(after), truth.same, 0)
    listed: dict[str, dict[int, frozenset[str]]] = {"added": {}, "removed": {}, "changed": {}}
    for one in differences_of(found, 1000):
        listed[one["kind"]][int(one["key"]["id"])] = frozenset(one.get("cells", ()))
    assert listed["added"].keys() == truth.added
    assert listed["removed"].keys() == truth.removed
    assert listed["changed"] == truth.changed
    counted = {"added": tally.added, "removed": tally.removed, "changed": tally.changed}
    assert counted == {kind: len(keys) for kind, keys in listed.items()}
    assert tally.columns == Counter(name for names in truth.changed.values() for name in names)
    assert found.is_identical is (before == after)


@examples(200)
@given(tables=edited(), in_memory=st.sampled_from([1, 100]), wanted=st.sampled_from([QUERY, QUERY, WHOLE]))
def test_property_8_whatever_was_edited_in_a_file_is_found_exactly(
    files: World, tables: tuple[Table, Table], in_memory: int, wanted: dict[str, Any]
) -> None:
    found = files.run(compared(files, ("one", "other"), tables, in_memory=in_memory, **wanted))
    is_exactly(found, *tables)


@examples(100)
@given(tables=edited(), names=st.sampled_from(PAIRS), wanted=st.sampled_from([QUERY, WHOLE]))
def test_property_8_whatever_was_edited_is_found_exactly_between_engines(
    servers: World, tables: tuple[Table, Table], names: tuple[str, str], wanted: dict[str, Any]
) -> None:
    is_exactly(servers.run(compared(servers, names, tables, **wanted)), *tables)


@examples(100)
@given(tables=edited(), names=st.sampled_from(PAIRS))
def test_property_8_without_a_key_rows_are_counted_exactly_between_engines(
    servers: World, tables: tuple[Table, Table], names: tuple[str, str]
) -> None:
    found = servers.run(compared(servers, names, tables, text="SELECT yes, exact FROM t"))
    before, after = (Counter((row["yes"], row["exact"]) for row in table.values()) for table in tables)
    tally = found.sides[names[1]].tally
    assert tally is not None
    assert (tally.same, tally.changed) == ((before & after).total(), 0)
    assert (tally.removed, tally.added) == ((before - after).total(), (after - before).total())
    told: Counter[str] = Counter(removed=0, added=0)
    for one in differences_of(found, 1000):
        told[one["kind"]] += one.get("times", 1)
    assert told == Counter(removed=tally.removed, added=tally.added)
    outcomes = servers.run(servers.environments.run_many(names, "SELECT yes, exact FROM t"))
    groups = equal_answers({name: one.answer for name, one in outcomes.items() if one.answer is not None})
    assert groups == ([[*names]] if before == after else [[name] for name in names])


NUMBERS = 40
LINES = "CREATE TABLE numbers (i integer PRIMARY KEY, owner varchar(40)); INSERT INTO numbers VALUES {};"


@pytest.fixture(scope="module")
def six(
    postgresql: SqlServer, mariadb: SqlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Two environments of each kind with a table of their own, one that is down, one that refuses."""
    directory = tmp_path_factory.mktemp("numbers")
    found: dict[str, EnvironmentSettings] = {}
    for name in NAMES:
        rows = ", ".join(f"({number}, '{name}')" for number in range(NUMBERS))
        script = LINES.format(rows)
        match name[:-1]:
            case "sqlite":
                found[name] = in_file(sqlite_file(directory / f"{name}.db", script))
            case kind:
                server = postgresql if kind == "postgresql" else mariadb
                found[name] = on_server(server, server.create_database(script), name=name)
    refusing = PolicySettings(tables=("something_else",))
    found["refusing"] = replace(found["sqlite1"], name="refusing", policy=refusing)
    found["nowhere"] = nowhere()
    with world(found) as made:
        yield made


ANYWHERE = st.lists(st.sampled_from([*NAMES, "refusing", "nowhere", "unknown"]), unique=True, max_size=4)
WHAT: list[dict[str, Any]] = [
    {"table": "numbers"},
    {"text": "SELECT i, owner FROM numbers WHERE i < 3", "choice": Choice(key=("i",))},
    {"text": "SELECT owner FROM numbers WHERE i < 5"},
    {"text": "SELECT i FROM numbers WHERE i < 0"},
]


@examples(100)
@given(baseline=st.sampled_from(NAMES), others=ANYWHERE, what=st.sampled_from(WHAT))
def test_property_8_a_comparison_always_has_the_same_structure(
    six: World, baseline: str, others: list[str], what: dict[str, Any]
) -> None:
    names = tuple(dict.fromkeys([baseline, *others]))
    assume(len(names) > 1)
    found = six.run(compare_rows(six.environments, Request(names=names, **what)))
    facts = facts_of(found)
    assert list(facts) == [
        "baseline", "identical", "groups", "key", "columns", "types", "masked", "environments", "ms",
    ]  # fmt: skip
    assert list(facts["environments"]) == list(names)
    for name, side in facts["environments"].items():
        failed = name in {"refusing", "nowhere", "unknown"}
        members = ["error"] if failed else ["rows", "only_here"]
        if not failed and name != baseline:
            members += ["same", "changed", "removed", "added", "changed_columns", "repeated_keys"]
        assert list(side) == ["status", "engine", *members]
    grouped = [name for group in facts["groups"] for name in group]
    assert sorted(grouped) == sorted(name for name in names if name in NAMES)
    alike = what is WHAT[3]
    assert len(facts["groups"]) == (1 if alike else len(grouped))
    for one in differences_of(found, 3):
        wanted = {"cells"} if one["kind"] == "changed" else {"row"}
        assert set(one) - {"times", "key"} == {"environment", "kind", *wanted}
        assert ("key" in one) is bool(facts["key"])


@examples(100)
@given(asked=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 60)), min_size=2, max_size=5))
def test_property_20_streams_at_the_same_time_each_bring_their_own_rows(
    six: World, asked: list[tuple[str, int]]
) -> None:
    begun = 0

    async def one(name: str, size: int, all_begun: asyncio.Event) -> None:
        nonlocal begun
        expected_rows = iter(range(NUMBERS))
        query = "SELECT i, owner FROM numbers ORDER BY i"
        async with six.environments.get(name).stream(query, chunk_rows=size) as chunks:
            async for rows in chunks:
                assert 1 <= len(rows) <= size
                assert rows == [(next(expected_rows), name) for _ in rows]
                if not all_begun.is_set():
                    # Nobody goes on before everybody has something: they all are open together.
                    begun += 1
                    if begun == len(asked):
                        all_begun.set()
                    await asyncio.wait_for(all_begun.wait(), 20)
        assert next(expected_rows, None) is None

    async def every() -> None:
        all_begun = asyncio.Event()
        await asyncio.gather(*(one(name, size, all_begun) for name, size in asked))
        for name, _ in asked:
            pool = six.environments.get(name).pool
            assert pool is not None
            assert pool.counters().in_use == 0

    six.run(every())
