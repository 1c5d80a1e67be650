"""Whatever the optimiser does, the same rows come out."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.values import json_text
from tests.unit.engine.plan.query_strategies import documents, queries

INDEXES: tuple[dict[str, Any], ...] = (
    {"type": "persistent", "fields": ["a"]},
    {"type": "persistent", "fields": ["b", "c"]},
    {"type": "persistent", "fields": ["s"], "sparse": True},
    {"type": "persistent", "fields": ["x.y"]},
    {"type": "persistent", "fields": ["tags[*]"]},
    {"type": "persistent", "fields": ["u"], "unique": True},
)
UNOPTIMISED = {"optimizer": {"rules": ["-all"]}}


def canonical(value: Any) -> str:
    """Text that is equal for equal values, arrays taken as bags: their order may be that of the rows."""
    if isinstance(value, list):
        return "[" + ",".join(sorted(map(canonical, value))) + "]"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{name}:{canonical(each)}" for name, each in value.items())) + "}"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return json_text(value)


def outcome(engine: Engine, text: str, options: dict[str, Any]) -> list[str] | int:
    """The rows as a bag, or the number of the error."""
    try:
        rows = list(engine.database("_system").query(text, {}, {"maxRuntime": 20, **options}).rows)
    except ArangoError as error:
        return error.num
    return sorted(map(canonical, rows))


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(one=documents(12), two=documents(8), texts=st.lists(queries(), min_size=20, max_size=20))
def test_optimised_and_unoptimised_plans_give_the_same_rows(
    one: list[dict[str, Any]], two: list[dict[str, Any]], texts: list[str]
) -> None:
    with Engine.open(None) as engine:
        catalog = engine.database("_system").catalog
        for name, rows in (("one", one), ("two", two)):
            catalog.create_collection({"name": name})
            for index in INDEXES:
                catalog.create_index(name, index)
            with catalog.begin(write=True) as tx:
                tx.collection(name).insert_many(tx, rows)
        for text in texts:
            assert outcome(engine, text, {}) == outcome(engine, text, UNOPTIMISED), text
