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
