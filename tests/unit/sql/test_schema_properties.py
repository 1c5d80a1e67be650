"""Properties of comparing schemas, on real servers: whatever the table, one change is one difference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.sql.schema import DatabaseSchema, schema_hash
from mcp_arangodb_async.sql.schema_compare import SchemaDifference, compare_schemas
from mcp_arangodb_async.sql.schema_reading import reflect
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.tables import ENGINES, Engine, Mutation, TableSpec, mutated, statements, tables
from tests.unit.sql.world import World, in_file, on_server, world

pytestmark = pytest.mark.server
SIDES = ("baseline", "other")


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@pytest.fixture(scope="module")
def places(
    postgresql: SqlServer, mariadb: SqlServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Two empty databases on each engine that their user may change in any way."""
    files = tmp_path_factory.mktemp("schemas")
    found: dict[str, EnvironmentSettings] = {}
    for side in SIDES:
        for server in (postgresql, mariadb):
            name = f"{server.kind}_{side}"
            found[name] = on_server(server, server.create_database(), name=name, access="admin")
        path = sqlite_file(Path(files) / f"{side}.db")
        found[f"sqlite_{side}"] = in_file(path, name=f"sqlite_{side}", access="admin")
    with world(found) as made:
        yield made


async def made(places: World, engine: Engine, side: str, table: TableSpec) -> DatabaseSchema:
    """The database with this table alone, as it is read back."""
    environment = places.environments.get(f"{engine}_{side}")
    # `parents` goes last: others refer to it.
    for one in sorted((await reflect(environment)).tables, key=lambda one: one.name == "parents"):
        await environment.query(f"DROP TABLE {environment.dialect.quote(one.name)}")
    for statement in statements(table, engine):
        await environment.query(statement)
    return await reflect(environment)


def told(differences: tuple[SchemaDifference, ...]) -> list[tuple[str, str, str | None, str]]:
    """What a test looks at."""
    return [(one.object, one.kind, one.field, one.name.split(".", 1)[-1]) for one in differences]


def expected(mutation: Mutation, engine: Engine) -> list[tuple[str, str, str | None, str]]:
    at = mutation.at or mutation.table.name
    if mutation.object == "foreign_key":
        at = "parent" if engine == "sqlite" else "to_parent"
    return [(mutation.object, mutation.kind, mutation.field, at)]


@pytest.mark.parametrize("engine", ENGINES)
def test_property_19_one_change_of_a_table_is_exactly_one_difference(engine: Engine, places: World) -> None:
    @examples(34)
    @given(case=mutated())
    def holds(case: tuple[TableSpec, Mutation]) -> None:
        table, mutation = case
        places.run(one_change(places, engine, table, mutation))

    holds()


async def one_change(places: World, engine: Engine, table: TableSpec, mutation: Mutation) -> None:
    baseline = await made(places, engine, "baseline", table)
    other = await made(places, engine, "other", mutation.table)
    differences = compare_schemas(baseline, other)
    if engine == "sqlite" and mutation.object == "primary_key":
        # A single INTEGER key is numbered by SQLite, a longer one is not: that is a difference as well.
        differences = tuple(one for one in differences if one.field != "identity")
    assert told(differences) == expected(mutation, engine)
    back = {"added": "removed", "removed": "added", "changed": "changed"}
    mirrored = [one.kind for one in compare_schemas(other, baseline) if one.field != "identity"]
    assert mirrored == [back[one.kind] for one in differences]
    assert schema_hash(baseline) != schema_hash(other)
    assert compare_schemas(other, other) == ()
    if engine != "sqlite" and mutation.field != "name":
        await undone(places, engine, baseline, differences)


async def undone(
    places: World, engine: Engine, baseline: DatabaseSchema, differences: tuple[SchemaDifference, ...]
) -> None:
    """What is suggested makes the two alike."""
    environment = places.environments.get(f"{engine}_other")
    for difference in differences:
        assert difference.ddl is not None
        for statement in re.split(r";\n", difference.ddl):
            await environment.query(statement)
    after = await reflect(environment)
    assert not [one for one in compare_schemas(baseline, after) if one.field != "order"]


@examples(30)
@given(table=tables(), pair=st.permutations(ENGINES))
def test_property_19_the_same_table_on_two_engines_does_not_differ(
    places: World, table: TableSpec, pair: list[Engine]
) -> None:
    async def both() -> tuple[SchemaDifference, ...]:
        one = await made(places, pair[0], "baseline", lowered(table))
        other = await made(places, pair[1], "other", lowered(table))
        return compare_schemas(one, other)

    assert places.run(both()) == ()


def lowered(table: TableSpec) -> TableSpec:
    """MariaDB has no NO ACTION of its own, and nothing in SQLite tells ascending from no order."""
    return replace(table, reference=None if table.reference == "NO ACTION" else table.reference)
