"""Plans are remembered as long as they hold."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError


def hits(database: Database) -> list[int]:
    return [plan["hits"] for plan in database.cached_plans()]


def run(database: Database, text: str, binds: dict[str, Any] | None = None, **options: Any) -> list[Any]:
    return list(database.query(text, binds, options).rows)


def test_the_same_text_uses_its_plan_again(database: Database) -> None:
    for number in range(3):
        assert run(database, "RETURN @a + 1", {"a": number}) == [number + 1]
    assert hits(database) == [2]
    database.clear_plans()
    assert database.cached_plans() == []


def test_another_kind_of_value_is_another_plan(database: Database) -> None:
    values: list[Any] = [1, "a", None, True, [1], {"a": 1}, 0, 1.0]
    text = "RETURN [@v == 1, @v == true, @v == 'a', @v < 'a', @v IN [1, 'a'], @v ? 1 : 0]"
    found = [run(database, text, {"v": value})[0] for value in values]
    assert found == [
        [True, False, False, True, True, 1],
        [False, False, True, False, True, 1],
        [False, False, False, True, False, 0],
        [False, True, False, True, False, 1],
        [False, False, False, False, False, 1],
        [False, False, False, False, False, 1],
        [False, False, False, True, False, 0],
        [True, False, False, True, True, 1],
    ]


def test_values_that_shape_a_plan_make_another(database: Database) -> None:
    for name in ("one", "two"):
        database.catalog.create_collection({"name": name})
        run(database, "FOR i IN 1..3 INSERT {a: i, b: @n} INTO @@c", {"@c": name, "n": name})
    text = "FOR d IN @@c SORT d.a LIMIT @n RETURN d.@name"
    assert run(database, text, {"@c": "one", "n": 2, "name": "a"}) == [1, 2]
    assert run(database, text, {"@c": "two", "n": 1, "name": "b"}) == ["two"]
    assert run(database, text, {"@c": "one", "n": 3, "name": "a"}) == [1, 2, 3]


def test_a_plan_does_not_outlive_its_index(database: Database) -> None:
    database.catalog.create_collection({"name": "c"})
    run(database, "FOR i IN 1..5 INSERT {a: i} INTO c")
    text = "FOR d IN c FILTER d.a == 3 RETURN d.a"
    assert "EnumerateCollectionNode" in database.show(text)
    assert run(database, text) == [3]
    index, _ = database.catalog.create_index("c", {"type": "persistent", "fields": ["a"]})
    assert "IndexNode" in database.show(text)
    assert run(database, text) == [3]
    database.catalog.drop_index("c", index.full_id)
    assert run(database, text) == [3]
    database.catalog.drop_collection("c")
    with pytest.raises(ArangoError) as caught:
        run(database, text)
    assert caught.value.num == 1203


def test_comments_before_a_query_do_not_count(database: Database) -> None:
    for number in range(4):
        run(database, f"/* request {number} */ // more\n RETURN 1")
    assert hits(database) == [3]
    assert run(database, "/* only */ /* these */RETURN '/* kept */'") == ["/* kept */"]


def test_switches_of_the_optimiser_make_another_plan(database: Database) -> None:
    text = "FOR x IN [3, 1, 2] SORT x LIMIT 1 RETURN x"
    assert run(database, text) == run(database, text, optimizer={"rules": ["-all"]}) == [1]
    assert len(database.cached_plans()) == 2


def test_many_texts_are_forgotten_in_turn(database: Database) -> None:
    for number in range(1100):
        database.query(f"RETURN {number}")
    assert len(database.cached_plans()) == 1000
