"""Writes are all or nothing, and a query does not see its own, but for UPSERT."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError


@pytest.fixture
def things(database: Database) -> Database:
    """Two collections, one with three documents."""
    for name in ("things", "others"):
        database.catalog.create_collection({"name": name})
    database.catalog.create_index("things", {"type": "persistent", "fields": ["n"], "unique": True})
    rows(database, "FOR i IN 1..3 INSERT {_key: TO_STRING(i), n: i} INTO things")
    return database


def rows(database: Database, text: str, binds: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    return list(database.query(text, binds, options).rows)


def all_numbers(database: Database) -> list[Any]:
    return rows(database, "FOR t IN things SORT t.n RETURN t.n")


@pytest.mark.parametrize(
    "text",
    [
        "FOR i IN 10..2000 INSERT {n: i == 1900 ? 1 : i} INTO things",
        "FOR t IN things UPDATE t WITH {n: 7} IN things",
        "FOR t IN things REMOVE t IN things RETURN ASSERT(t.n < 3, 'no')",
        "FOR t IN things INSERT {n: t.n + 10} INTO things LET x = NEW.n RETURN ASSERT(x < 12, 'no')",
        "FOR i IN [10, 11, 1] UPSERT {n: -1} INSERT {n: i} UPDATE {} IN things",
        "FOR i IN 10..5000 INSERT {n: i} INTO things RETURN i / (i - 4000)",
    ],
)
def test_a_query_that_fails_has_written_nothing(things: Database, text: str) -> None:
    with pytest.raises(ArangoError):
        rows(things, text, failOnWarning=True)
    assert all_numbers(things) == [1, 2, 3]


def test_a_failing_query_in_a_transaction_leaves_what_was_before(things: Database) -> None:
    with things.catalog.begin(write=True) as tx:
        list(things.query("INSERT {n: 50} INTO things", transaction=tx).rows)
        with pytest.raises(ArangoError):
            list(things.query("FOR i IN [60, 50] INSERT {n: i} INTO things", transaction=tx).rows)
        assert list(things.query("FOR t IN things FILTER t.n > 40 RETURN t.n", transaction=tx).rows) == [50]
    assert all_numbers(things) == [1, 2, 3, 50]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FOR t IN things INSERT {n: t.n + 10} INTO things", [1, 2, 3, 11, 12, 13]),
        ("FOR t IN things FILTER t.n > 0 INSERT {n: t.n + 10} INTO things", [1, 2, 3, 11, 12, 13]),
        (
            "FOR i IN 1..2 FOR t IN things INSERT {n: t.n + 10 * i} INTO things",
            [1, 2, 3, 11, 12, 13, 21, 22, 23],
        ),
        ("FOR t IN things LET s = (INSERT {n: t.n + 10} INTO things) RETURN s", [1, 2, 3, 11, 12, 13]),
        (
            "FOR t IN things LET d = DOCUMENT('things/3') INSERT {n: t.n + d.n * 10} INTO things",
            [1, 2, 3, 31, 32, 33],
        ),
    ],
)
def test_a_query_does_not_read_what_it_writes(things: Database, text: str, expected: list[int]) -> None:
    rows(things, text)
    assert all_numbers(things) == expected


def test_an_upsert_reads_what_it_wrote(things: Database) -> None:
    upsert = "UPSERT {n} INSERT {n, hits: 1} UPDATE {hits: OLD.hits + 1} IN things RETURN NEW.hits"
    assert rows(things, f"FOR n IN [9, 9, 2, 9] {upsert}") == [1, 2, 1, 3]


def test_an_upsert_over_the_collection_it_fills_ends(things: Database) -> None:
    rows(things, "FOR t IN things UPSERT {n: t.n + 100} INSERT {n: t.n + 100} UPDATE {} IN things")
    assert all_numbers(things) == [1, 2, 3, 101, 102, 103]


def test_several_writes_in_one_query_need_several_collections(things: Database) -> None:
    text = (
        "FOR t IN things INSERT {of: t._key} INTO others LET o = NEW REMOVE t IN things RETURN [OLD.n, o.of]"
    )
    assert sorted(rows(things, text)) == [[1, "1"], [2, "2"], [3, "3"]]
    assert rows(things, "RETURN [LENGTH(things), LENGTH(others)]") == [[0, 3]]


def test_ignored_errors_skip_their_rows(things: Database) -> None:
    text = "FOR i IN 2..5 INSERT {n: i} INTO things OPTIONS {ignoreErrors: true} RETURN NEW.n"
    assert rows(things, text) == [4, 5]
    update = "UPDATE k WITH {seen: true} IN things OPTIONS {ignoreErrors: true} RETURN OLD.n"
    assert rows(things, f"FOR k IN ['1', 'nobody', '2'] {update}") == [1, 2]


def test_revisions_are_compared_when_asked_for(things: Database) -> None:
    old = rows(things, "FOR t IN things FILTER t.n == 1 RETURN t")[0]
    rows(things, "UPDATE @old WITH {seen: 1} IN things", {"old": old})
    rows(things, "UPDATE @old WITH {seen: 2} IN things", {"old": old})
    for text in (
        "UPDATE @old IN things OPTIONS {ignoreRevs: false}",
        "REPLACE @old IN things OPTIONS {ignoreRevs: false}",
        "REMOVE @old IN things OPTIONS {ignoreRevs: false}",
    ):
        with pytest.raises(ArangoError) as caught:
            rows(things, text, {"old": old})
        assert caught.value.num == 1200


def test_computed_values_are_expressions_of_the_document(database: Database) -> None:
    body = {
        "name": "people",
        "computedValues": [
            {"name": "full", "expression": "RETURN CONCAT(@doc.first, ' ', @doc.last)", "overwrite": True},
            {
                "name": "parts",
                "expression": "RETURN (FOR p IN [@doc.first, @doc.last] SORT p RETURN p)",
                "overwrite": True,
            },
        ],
    }
    database.catalog.create_collection(body)
    found = rows(
        database, "INSERT {first: 'Grace', last: 'Hopper'} INTO people RETURN KEEP(NEW, 'full', 'parts')"
    )
    assert found[0]["full"] == "Grace Hopper"
    assert {"Grace", "Hopper"} <= set(found[0]["parts"])


@pytest.mark.parametrize(
    "expression",
    [
        "FOR i IN 1..3 RETURN i",
        "RETURN @other",
        "RETURN DOCUMENT('people/1')",
        "RETURN (FOR p IN people RETURN p)",
        "RETURN (INSERT {} INTO people)",
    ],
)
def test_computed_values_see_nothing_but_the_document(database: Database, expression: str) -> None:
    body = {"name": "people", "computedValues": [{"name": "x", "expression": expression, "overwrite": True}]}
    with pytest.raises(ArangoError):  # noqa: PT012  # when defined, or when first used
        database.catalog.create_collection(body)
        rows(database, "INSERT {} INTO people")
