"""Rows of environments compared: what counts, what is refused, and what is left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.environments import EnvironmentSettings, PolicySettings
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer
from mcp_arangodb_async.connections.manager import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import (
    DeadlineError,
    DeniedError,
    InputError,
    LimitError,
    NotFoundError,
    UnavailableError,
)
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.row_compare import Comparison, Request, compare_rows
from mcp_arangodb_async.sql.row_compare_plan import Choice
from mcp_arangodb_async.sql.row_compare_report import differences_of, facts_of, lines_of, total_of
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.orders import filled, mistakes, truth
from tests.unit.sql.world import World, in_file, nowhere, on_server, world

PEOPLE = """
    CREATE TABLE people (id integer PRIMARY KEY, name text, email text, score real);
    INSERT INTO people VALUES (1, 'Ada', 'ada@example.com', 1.5), (2, 'Grace', NULL, 2),
        (3, 'Edsger', 'e@x', 3);
    CREATE TABLE visits (person int, page text);
    INSERT INTO visits VALUES (1, 'a'), (1, 'a'), (2, 'b');
    CREATE VIEW names AS SELECT name FROM people;
"""
EDITS = """
    UPDATE people SET name = 'Grace Hopper', score = 2.01 WHERE id = 2;
    DELETE FROM people WHERE id = 3;
    INSERT INTO people VALUES (4, 'Barbara', NULL, 4);
    INSERT INTO visits VALUES (1, 'a'), (3, 'c');
    DELETE FROM visits WHERE person = 2;
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EnvironmentSettings]:
    """`a` and `same` are alike, `b` was edited; `masked` is `b` with a column hidden."""
    directory = tmp_path_factory.mktemp("people")
    found: dict[str, EnvironmentSettings] = {}
    for name in ("a", "same", "b"):
        script = PEOPLE + (EDITS if name == "b" else "")
        found[name] = in_file(sqlite_file(directory / f"{name}.db", script), name=name)
    policy = PolicySettings(masked_columns=("people.email",))
    found["masked"] = replace(found["b"], name="masked", policy=policy)
    found["nowhere"] = nowhere()
    return found


@pytest.fixture(scope="module")
def steady(files: dict[str, EnvironmentSettings]) -> Iterator[World]:
    """Them, open for the whole module."""
    with world(files) as made:
        yield made


def compared(steady: World, *names: str, **wanted: Any) -> Comparison:
    choice = Choice(**{name: wanted.pop(name) for name in ("key", "columns", "ignore") if name in wanted})
    return steady.run(compare_rows(steady.environments, Request(names=names, choice=choice, **wanted)))


def counts(found: Comparison, name: str) -> tuple[int, int, int, int]:
    tally = found.sides[name].tally
    assert tally is not None
    return tally.same, tally.changed, tally.removed, tally.added


def test_rows_of_a_table_are_matched_by_its_key(steady: World) -> None:
    found = compared(steady, "a", "b", "same", table="people")
    assert counts(found, "b") == (1, 1, 1, 1)
    assert counts(found, "same") == (3, 0, 0, 0)
    assert found.groups == [["a", "same"], ["b"]]
    assert found.plan.layout.key == ("id",)
    assert differences_of(found, 10) == [
        {
            "environment": "b",
            "kind": "changed",
            "key": {"id": 2},
            "cells": {
                "name": {"baseline": "Grace", "other": "Grace Hopper"},
                "score": {"baseline": 2, "other": 2.01},
            },
        },
        {
            "environment": "b",
            "kind": "removed",
            "key": {"id": 3},
            "row": {"id": 3, "name": "Edsger", "email": "e@x", "score": 3},
        },
        {
            "environment": "b",
            "kind": "added",
            "key": {"id": 4},
            "row": {"id": 4, "name": "Barbara", "email": None, "score": 4},
        },
    ]
    assert total_of(found) == 3
    assert [one["column"] for one in lines_of(differences_of(found, 10))] == ["name", "score", None, None]


@pytest.mark.parametrize(
    "wanted", [{"table": "people", "columns": ("name",)}, {"text": "SELECT page FROM visits"}]
)
def test_environments_with_the_same_rows_are_one_group(steady: World, wanted: dict[str, Any]) -> None:
    found = compared(steady, "a", "b", "same", "masked", "unknown", **wanted)
    assert found.groups == [["a", "same"], ["b", "masked"]]


def test_few_differences_are_listed_of_each_kind_and_all_are_counted(steady: World) -> None:
    found = compared(steady, "a", "b", table="people", most=2)
    assert [one["kind"] for one in differences_of(found, 2)] == ["changed", "removed"]
    assert total_of(found) == 3


def test_without_a_key_rows_are_counted_as_they_are(steady: World) -> None:
    found = compared(steady, "a", "b", table="visits")
    assert found.plan.layout.key == ()
    assert counts(found, "b") == (2, 0, 1, 2)
    told = {(one["kind"], one["row"]["page"]): one.get("times", 1) for one in differences_of(found, 10)}
    assert told == {("removed", "b"): 1, ("added", "a"): 1, ("added", "c"): 1}


def test_rows_of_a_key_that_is_none_are_compared_as_they_are(steady: World) -> None:
    found = compared(steady, "a", "b", table="visits", key=("person",))
    assert counts(found, "b") == (2, 0, 1, 2)
    assert facts_of(found)["environments"]["b"]["repeated_keys"] == 1


def test_a_key_of_thousands_of_rows_is_refused_with_its_value(steady: World) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
    with pytest.raises(InputError, match="more than 1000 rows have k=7"):
        compared(steady, "a", "b", text=f"{numbers} SELECT 7 AS k, i FROM n", key=("k",))


def test_columns_are_chosen_left_out_and_forgiven_a_little(steady: World) -> None:
    assert counts(compared(steady, "a", "b", table="people", columns=("SCORE",)), "b") == (1, 1, 1, 1)
    assert counts(compared(steady, "a", "b", table="people", ignore=("name", "score")), "b") == (2, 0, 1, 1)
    found = compared(steady, "a", "b", table="people", columns=("score",), tolerance=0.01)
    assert counts(found, "b") == (2, 0, 1, 1)
    assert counts(compared(steady, "a", "b", table="names"), "b") == (1, 0, 2, 2)


def test_what_is_masked_anywhere_is_compared_nowhere(steady: World) -> None:
    found = compared(steady, "a", "masked", table="people")
    assert found.plan.masked == ("email",)
    assert "email" not in found.plan.readings
    assert "@" not in str(differences_of(found, 10))
    with pytest.raises(DeniedError, match="masked"):
        compared(steady, "masked", "a", table="people", key=("email",))


def test_one_that_fails_costs_the_others_nothing_unless_it_is_the_baseline(steady: World) -> None:
    found = compared(steady, "a", "nowhere", "b", "unknown", table="people")
    assert {name: one.status for name, one in found.sides.items()} == {
        "a": "ok",
        "nowhere": "error",
        "b": "ok",
        "unknown": "unknown",
    }
    assert counts(found, "b") == (1, 1, 1, 1)
    assert not found.is_identical
    with pytest.raises(UnavailableError):
        compared(steady, "nowhere", "a", table="people")


REFUSED: list[tuple[tuple[str, ...], dict[str, Any], type[Exception], str]] = [
    (("a",), {"table": "people"}, InputError, "2 to 16"),
    (("a", "b"), {}, InputError, "name a table"),
    (("a", "b"), {"table": "people", "text": "SELECT 1"}, InputError, "not both"),
    (("a", "b"), {"text": "SELECT 1", "texts": {"c": "SELECT 1"}}, InputError, "statements for c"),
    (("a", "b"), {"table": "peple"}, NotFoundError, "no table"),
    (("a", "b"), {"table": "people", "key": ("di",)}, InputError, "no column 'di'"),
    (("a", "b"), {"table": "visits", "tolerance": 1.0}, InputError, "name a key"),
    (("a", "b"), {"text": "DELETE FROM people"}, DeniedError, "read"),
    (("a", "b"), {"text": "SELECT 1 AS x", "texts": {"b": "SELECT 1 AS y"}}, InputError, "none in common"),
    (("a", "b"), {"table": "people", "disk_bytes": 10}, LimitError, "MiB of disk"),
    (("a", "b"), {"table": "people", "seconds": 1e-6}, DeadlineError, "was not done after"),
]


@pytest.mark.parametrize(("names", "wanted", "error", "told"), REFUSED)
def test_what_cannot_be_compared_is_refused_and_leaves_nothing(
    steady: World, names: tuple[str, ...], wanted: dict[str, Any], error: type[Exception], told: str
) -> None:
    before = unnamed_files()
    with pytest.raises(error, match=told):
        compared(steady, *names, **wanted)
    assert nothing_left(before)


def nothing_left(before: int) -> bool:
    """Whether there are no more such files than before; a thread that was given up may take a moment."""
    ends = time.monotonic() + 5
    while unnamed_files() > before and time.monotonic() < ends:
        time.sleep(0.005)
    return unnamed_files() <= before


def unnamed_files() -> int:
    """How many files without a name this process has open; pytest has some."""
    links = Path("/proc/self/fd")
    found = [str(link.readlink()) for link in links.iterdir() if link.is_symlink()] if links.exists() else []
    return sum("(deleted)" in target for target in found)


def test_a_cancelled_comparison_ends_at_once_and_leaves_nothing(steady: World) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"

    async def cancelled() -> list[str]:
        told: list[str] = []
        reading = asyncio.Event()

        async def progress(done: float, total: float | None, message: str | None) -> None:
            told.append(message or "")
            reading.set()

        wanted = Request(names=("a", "b"), text=f"{numbers} SELECT i FROM n")
        task = asyncio.create_task(compare_rows(steady.environments, wanted, progress=progress))
        await asyncio.wait_for(reading.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
        return told

    before = unnamed_files()
    assert steady.run(cancelled())[0].startswith(("a ", "b "))
    assert nothing_left(before)
    assert counts(compared(steady, "a", "same", table="people"), "same") == (3, 0, 0, 0)


def test_long_texts_are_shown_where_they_differ(steady: World) -> None:
    text = "SELECT 1 AS id, replace(hex(zeroblob(5000)), '0', 'x') || '{}' || 'end' AS t"
    found = compared(steady, "a", "b", text=text.format("one"), texts={"b": text.format("two")}, key=("id",))
    (difference,) = differences_of(found, 10)
    cell = difference["cells"]["t"]
    assert cell["baseline"] == "..." + "x" * 40 + "oneend (10,006 characters)"
    assert cell["other"] == "..." + "x" * 40 + "twoend (10,006 characters)"


def test_values_of_different_kinds_say_so(steady: World) -> None:
    found = compared(
        steady, "a", "b", text="SELECT 1 AS id, 5 AS v", texts={"b": "SELECT 1 AS id, '5' AS v"}, key=("id",)
    )
    (difference,) = differences_of(found, 10)
    assert difference["cells"]["v"] == {"baseline": 5, "other": "5", "kinds": ["number", "text"]}


LATE = "FOR i IN 1..2500 RETURN i == 2400 ? {_key: TO_STRING(i), late: 1} : {_key: TO_STRING(i)}"
PLAIN = "FOR i IN 1..2500 RETURN {_key: TO_STRING(i)}"
SOME = "FOR p IN [{id: 1, name: 'Ada'}, {id: 2.0, name: 'Grace', age: 85}, {id: 3}] RETURN p"


@pytest.mark.anyio
async def test_documents_are_rows_whose_late_attributes_count(
    files: dict[str, EnvironmentSettings],
) -> None:
    engine = EmbeddedServer(directory=None)
    databases = {key: DatabaseSettings(key=key, server=engine, database=key) for key in ("x", "y")}
    graphs = {key: EnvironmentSettings(name=key, kind="arangodb", database_key=key) for key in databases}
    async with MultiDatabaseConnectionManager(databases) as manager:
        environments = Environments({**graphs, "a": files["a"]}, manager=manager)
        wanted = Request(names=("x", "y"), text=PLAIN, texts={"y": LATE}, choice=Choice(key=("_key",)))
        found = await compare_rows(environments, wanted)
        assert counts(found, "y") == (2499, 1, 0, 0)
        assert differences_of(found, 5)[0]["cells"] == {"late": {"baseline": None, "other": 1}}
        found = await compare_rows(
            environments, replace(wanted, choice=Choice(key=("_key",), ignore=("late",)))
        )
        assert found.is_identical
        query = "SELECT id, name FROM people"
        wanted = Request(names=("a", "x"), text=query, texts={"x": SOME}, choice=Choice(key=("id",)))
        found = await compare_rows(environments, wanted)
        assert counts(found, "x") == (2, 1, 0, 0)
        await environments.close()


@pytest.mark.server
def test_twenty_thousand_rows_of_two_engines_differ_exactly_as_made(
    postgresql: SqlServer, mariadb: SqlServer
) -> None:
    rows = 20_000
    found = {
        server.kind: on_server(server, filled(server, rows, edited=server is mariadb))
        for server in (postgresql, mariadb)
    }
    with world(found) as made:
        compared_now = compared(made, "postgresql", "mariadb", table="orders", most=rows, in_memory=20)
    facts = facts_of(compared_now)
    differences = differences_of(compared_now, rows)
    told = {"differences": differences, "omitted": total_of(compared_now) - len(differences)}
    assert mistakes({**facts, **told}, truth(rows)) == []
