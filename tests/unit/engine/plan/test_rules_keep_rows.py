"""Whatever the optimiser does, the same rows come out."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.values import Value, json_text
from tests.unit.engine.plan.random_queries import documents, random_query

INDEXES: tuple[dict[str, Any], ...] = (
    {"type": "persistent", "fields": ["a"]},
    {"type": "persistent", "fields": ["b", "c"]},
    {"type": "persistent", "fields": ["s"], "sparse": True},
    {"type": "persistent", "fields": ["x.y"]},
    {"type": "persistent", "fields": ["tags[*]"]},
    {"type": "persistent", "fields": ["u"], "unique": True},
)
UNOPTIMISED = {"optimizer": {"rules": ["-all"]}}


def canonical(value: Value) -> str:
    """Text that is equal for equal values, arrays taken as bags: their order may be that of the rows."""
    if isinstance(value, list):
        return "[" + ",".join(sorted(map(canonical, value))) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{name}:{canonical(each)}" for name, each in value.items())) + "}"
    return json_text(value)


def outcome(engine: Engine, text: str, options: dict[str, Any]) -> list[str] | int:
    """The rows as a bag, or the number of the error."""
    try:
        rows = list(engine.database("_system").query(text, {}, {"maxRuntime": 20, **options}).rows)
    except ArangoError as error:
        return error.num
    return sorted(map(canonical, rows))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_optimised_and_unoptimised_plans_give_the_same_rows(seed: int) -> None:
    random = Random(seed)
    with Engine.open(None) as engine:
        catalog = engine.database("_system").catalog
        for name, size in (("one", 12), ("two", 8)):
            catalog.create_collection({"name": name})
            for index in INDEXES:
                catalog.create_index(name, index)
            with catalog.begin(write=True) as tx:
                tx.collection(name).insert_many(tx, documents(random, size))
        for _ in range(42):
            text = random_query(random)
            assert outcome(engine, text, {}) == outcome(engine, text, UNOPTIMISED), text


PATH_CONDITIONS = (
    "p.vertices[1].x == 1",
    "p.edges[0].y == 1",
    "p.edges[1].y != 1",
    "p.edges[0].y IN [o, 1]",
    "p.edges[5].y == null",
    "p.vertices[1].x == o",
    "p.vertices[2].x == 1 OR p.vertices[2].x == null",
    "p.vertices[1].x == 1 AND p.edges[1].y < 2 AND v.x > 0",
    "NOT (p.vertices[1].x == 1)",
    "p.vertices[*] ALL != null",
    "p.vertices[*].x ALL != 2",
    "p.edges[*].y NONE == 1",
    "p.edges[*].y ANY == 1",
    "p.edges[*].y ALL IN [0, 1]",
    "p.edges[*].y NONE IN [0]",
    "p.edges[*].y ALL IN 5",
    "p.edges[*].y NONE IN 5",
)
WAYS = (
    "",
    "OPTIONS {order: 'bfs'}",
    "OPTIONS {order: 'bfs', uniqueVertices: 'global'}",
    "OPTIONS {uniqueVertices: 'path'}",
    "OPTIONS {order: 'weighted', weightAttribute: 'y'}",
)


def test_conditions_on_paths_keep_their_rows_when_checked_on_the_way() -> None:
    random = Random(4)
    edges = [[random.randrange(20), random.randrange(20), random.randrange(3)] for _ in range(45)]
    with Engine.open(None) as engine:
        database = engine.database("_system")
        database.catalog.create_collection({"name": "n"})
        database.catalog.create_collection({"name": "e", "type": 3})
        list(database.query("FOR i IN 0..19 INSERT {_key: TO_STRING(i), x: i % 3} INTO n").rows)
        insert = "FOR k IN @k INSERT {_from: CONCAT('n/', k[0]), _to: CONCAT('n/', k[1]), y: k[2]} INTO e"
        list(database.query(insert, {"k": edges}).rows)
        used = 0
        for condition in PATH_CONDITIONS:
            for depth in ("0..2", "1..3", "2"):
                for way in WAYS:
                    text = (
                        f"FOR o IN 0..1 FOR s IN ['n/0', 'n/missing'] FOR v, ed, p IN {depth} ANY s e {way} "
                        f"FILTER {condition} RETURN [o, s, p.edges[*]._key, v._key]"
                    )
                    assert outcome(engine, text, {}) == outcome(engine, text, UNOPTIMISED), text
                    used += "optimize-traversals" in database.explain(text)["plan"]["rules"]
    assert used > 100


def test_ranges_of_keys_keep_their_rows_when_looked_up() -> None:
    conditions = (
        "d._key > 'a'",
        "d._key >= 'a' AND d._key < 'z'",
        "d._key < 5",
        "d._key > null",
        "d._id >= 'c/b'",
        "d._id < 'd'",
        "d._id > 'b/z'",
        "d._key > '9' AND d._key != 'b'",
        "'a' < d._key",
        "d._key IN ['a', 'q', 'a', 1]",
        "d._key > 'a' || d._key == '9'",
    )
    with Engine.open(None) as engine:
        database = engine.database("_system")
        database.catalog.create_collection({"name": "c"})
        keys = ["a", "B", "b", "_x", "10", "9", "Z", "z9"]
        list(database.query("FOR k IN @k INSERT {_key: k} INTO c", {"k": keys}).rows)
        for condition in conditions:
            text = f"FOR d IN c FILTER {condition} RETURN d._key"
            assert outcome(engine, text, {}) == outcome(engine, text, UNOPTIMISED), text
