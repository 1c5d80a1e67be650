"""What keeps tenants apart, each wall by itself: the database, the application, the seals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import ColumnElement, text, true

from mcp_arangodb_async.errors import ConfigError, MaaError, SealError
from mcp_arangodb_async.gateway.secrets import DataKey, Place
from mcp_arangodb_async.gateway.tenants.migrate import SCHEMA, TENANT_SETTING
from mcp_arangodb_async.gateway.tenants.open import open_registry, open_store
from mcp_arangodb_async.gateway.tenants.postgresql import PostgresTenantStore
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.sql import TENANT_TABLES, SqlTenantRows, SqlTenantStore
from mcp_arangodb_async.gateway.tenants.tables import Tables
from tests.sql_servers import SqlServer
from tests.unit.gateway.tenants.backends import APPLICATION, OWNER, Backend, admin, make_backend

pytestmark = pytest.mark.anyio
CALLS = 120
DOCUMENT = {"url": "https://a.example/mcp"}
NAMES = ("acme", "zeta")


async def filled(registry: TenantRegistry) -> None:
    for name in NAMES:
        document = {**DOCUMENT, "password": f"canary-{name}", "headers": {"X-Canary": f"canary-{name}"}}
        await registry.register(admin(name), {"postgres": document})
        await registry.approve(admin(name), "postgres", {f"canary-{name}": "0" * 64})


@pytest.fixture
async def postgres(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[PostgresTenantStore]:
    backend = make_backend("postgresql", tmp_path, request)
    async with open_registry(backend.settings) as registry:
        await filled(registry)
    store = await open_store(backend.settings)
    assert isinstance(store, PostgresTenantStore)
    yield store
    await store.close()


@pytest.mark.server
async def test_each_table_with_a_tenant_column_has_forced_row_security(postgres: PostgresTenantStore) -> None:
    question = text(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, "
        "(SELECT bool_and(qual LIKE '%NULLIF%' ) FROM pg_policies p WHERE p.tablename = c.relname) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE n.nspname = :schema AND c.relkind = 'r' AND a.attname = 'tenant_id'"
    )
    async with postgres.connected() as connection:
        rows = (await connection.execute(question, {"schema": SCHEMA})).all()
        every = (
            await connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = :schema"), {"schema": SCHEMA}
            )
        ).scalars()
    assert {row[0] for row in rows} == {table.__tablename__ for table in TENANT_TABLES}
    assert all(forced and guarded for _, forced, guarded in rows)
    assert set(every) == {*Tables.metadata.tables, "alembic_version"}


@pytest.mark.server
async def test_a_connection_outside_a_tenant_sees_nothing_and_does_not_fail(
    postgres: PostgresTenantStore,
) -> None:
    for _ in range(3):  # the pool lends the connections again that were a tenant's before
        async with postgres.transaction("acme") as rows:
            assert await rows.config() is not None
        async with postgres.connected() as connection:
            for table in TENANT_TABLES:
                found = await connection.execute(text(f"SELECT * FROM {table.__tablename__}"))
                assert found.all() == []
            setting = await connection.execute(text(f"SELECT current_setting('{TENANT_SETTING}', true)"))
            assert setting.scalar_one() in (None, "")


@pytest.mark.server
async def test_inside_a_tenant_no_statement_reaches_another(postgres: PostgresTenantStore) -> None:
    async with postgres.connected() as connection:
        await postgres.enter(connection, "acme")
        for table in TENANT_TABLES:
            name = table.__tablename__
            found = await connection.execute(text(f"SELECT DISTINCT tenant_id FROM {name}"))
            assert set(found.scalars()) <= {"acme"}
            changed = await connection.execute(text(f"DELETE FROM {name} WHERE tenant_id = 'zeta'"))
            assert changed.rowcount == 0
    for statement in (
        "INSERT INTO tenant_directory VALUES ('zeta2', 'now')",
        "UPDATE tenant_configs SET tenant_id = 'zeta2'",
    ):
        with pytest.raises(MaaError, match="refused a statement"):
            await inside(postgres, "acme", statement)
    async with postgres.transaction("zeta") as rows:
        assert await rows.config() is not None


async def inside(store: PostgresTenantStore, tenant: str, statement: str) -> None:
    async with store.connected() as connection:
        await store.enter(connection, tenant)
        await connection.execute(text(statement))


@pytest.mark.server
async def test_a_hostile_tenant_id_is_only_a_value(postgres: PostgresTenantStore) -> None:
    for hostile in (
        "', true); RESET ROLE; --",
        "zeta' OR '1'='1",
        "%",
        "",
        "zeta\x1b",
        "'; SET maa.tenant='zeta",
    ):
        async with postgres.transaction(hostile) as rows:
            assert await rows.config() is None
            assert await rows.keys() == []


@pytest.mark.server
async def test_the_owner_sees_no_row_without_a_tenant_either(
    postgres: PostgresTenantStore, request: pytest.FixtureRequest
) -> None:
    server: SqlServer = request.getfixturevalue("postgresql")
    database = postgres.engine.url.database or ""
    counted = "; ".join(f"SELECT count(*) FROM {SCHEMA}.{table.__tablename__}" for table in TENANT_TABLES)
    answer = server.run(f"SET ROLE {OWNER}; {counted}", database)
    assert set(answer.split()) == {"0"}
    superuser = server.run(f"SELECT count(*) FROM {SCHEMA}.tenant_configs", database)
    assert superuser.split() == ["2"]  # which is why the server refuses to be one


@pytest.mark.server
@pytest.mark.parametrize(
    ("change", "undo", "problem"),
    [
        ("ALTER TABLE tenant_configs NO FORCE ROW LEVEL SECURITY", "", "tenant_configs is not under"),
        ("ALTER TABLE tenant_data_keys DISABLE ROW LEVEL SECURITY", "", "tenant_data_keys is not"),
        ("DROP POLICY own_tenant ON tenant_api_keys", "", "tenant_api_keys is not under"),
        ("DROP TABLE tenant_tool_pins", "", "a table of tenants is missing"),
        (f"ALTER ROLE {APPLICATION} BYPASSRLS", f"ALTER ROLE {APPLICATION} NOBYPASSRLS", "BYPASSRLS"),
        (f"ALTER ROLE {APPLICATION} SUPERUSER", f"ALTER ROLE {APPLICATION} NOSUPERUSER", "superuser"),
        (f"GRANT {OWNER} TO {APPLICATION}", f"REVOKE {OWNER} FROM {APPLICATION}", "may act as its owner"),
        ("UPDATE alembic_version SET version_num = '0001'", "", "of version 0001"),
    ],
)
async def test_a_database_that_does_not_keep_tenants_apart_is_refused(
    tmp_path: Path, request: pytest.FixtureRequest, change: str, undo: str, problem: str
) -> None:
    backend = make_backend("postgresql", tmp_path, request)
    backend.run(f"{change}; SELECT 1")
    try:
        with pytest.raises(ConfigError, match=problem):
            await open_store(backend.settings)
    finally:
        if undo:
            backend.run(f"{undo}; SELECT 1")


class WithoutApplicationCheck(SqlTenantRows):
    """The rows without the condition that names the tenant, and without a second look."""

    def mine(self, table: Any) -> ColumnElement[bool]:
        return true()

    def checked(self, found: Sequence[Any]) -> Sequence[Any]:
        return found


class Unbound(DataKey):
    """A data key that binds a secret to no place."""

    def _associated(self, place: Place, version: int) -> bytes:
        return b""


def no_application_check(registry: TenantRegistry, _backend: Backend) -> None:
    assert isinstance(registry.store, SqlTenantStore)
    registry.store.rows = WithoutApplicationCheck


def no_row_security(_registry: TenantRegistry, backend: Backend) -> None:
    if backend.kind == "postgresql":
        for table in TENANT_TABLES:
            backend.run(f"ALTER TABLE {table.__tablename__} DISABLE ROW LEVEL SECURITY; SELECT 1")


def no_associated_data(registry: TenantRegistry, _backend: Backend) -> None:
    registry.keys.key_type = Unbound


def nothing(_registry: TenantRegistry, _backend: Backend) -> None:
    pass


@pytest.mark.parametrize(
    "switch_off",
    [nothing, no_application_check, no_row_security, no_associated_data],
    ids=lambda f: f.__name__,
)
async def test_with_any_one_wall_switched_off_no_tenant_sees_another(
    registry: TenantRegistry, backend: Backend, switch_off: Callable[[TenantRegistry, Backend], None]
) -> None:
    names = ("acme", "zeta", "Acme", "acme-2")
    if switch_off is no_associated_data:
        switch_off(registry, backend)
    for name in names:
        document = {**DOCUMENT, "password": f"canary<{name}>", "headers": {"X-Canary": f"canary<{name}>"}}
        document["database"] = f"canary<{name}>"
        await registry.register(admin(name), {"postgres": document, "minio": {"mode": "inherit"}})
        await registry.approve(admin(name), "postgres", {f"canary<{name}>": "0" * 64})
    switch_off(registry, backend)
    random = Random(7)
    answered = 0
    for _ in range(CALLS):
        name = random.choice(names)
        registry.keys.forget(name)
        seen: list[str] = []
        try:
            await operate(registry, name, random, seen)
            answered += 1
        except MaaError as error:
            seen.append(f"{error.message} {error.hint}")
        for other in set(names) - {name}:
            assert f"canary<{other}>" not in repr(seen), (name, other)
    if switch_off is not no_application_check or backend.kind == "postgresql":
        assert answered == CALLS


async def operate(registry: TenantRegistry, name: str, random: Random, seen: list[str]) -> None:
    """One call of a tenant, and everything that it got to see."""
    who = admin(name)
    match random.randrange(7):
        case 0:
            seen.append(repr(await registry.read(who)))
        case 1:
            tenant = await registry.current(name)
            assert tenant is not None
            seen.append(repr(tenant))
            seen.append(repr(await registry.secrets(tenant, "postgres")))
        case 2:
            seen.append(repr(await registry.history(who)))
        case 3:
            seen.append(repr(await registry.pins(name, "postgres")))
        case 4:
            await registry.update(who, "postgres", {"timeout": random.randint(1, 100)})
        case 5:
            await registry.update(who, "postgres", {"password": f"canary<{name}>{random.random()}"})
        case _:
            seen.append(repr((await registry.prepare(who, "postgres", {"timeout": 2})).secrets))


async def test_a_thousand_interleaved_tasks_see_their_own_tenant(backend: Backend) -> None:
    settings = replace(backend.settings, tenants=replace(backend.settings.tenants, stale_seconds=0.1))
    async with open_registry(settings) as registry:
        await interleave(registry)


async def interleave(registry: TenantRegistry) -> None:
    names = [f"tenant{number}" for number in range(20)]
    for name in names:
        await registry.register(admin(name), {"postgres": {**DOCUMENT, "password": f"canary-{name}"}})

    async def look(number: int) -> bool:
        name = names[number % len(names)]
        if number % 50 == 0:
            await registry.approve(admin(name), "postgres", {f"t{number}": "0" * 64})
        if number % 11 == 0:
            registry.keys.forget(name)
            tenant = await registry.read(admin(name))
        else:
            tenant = await registry.current(name)
        assert tenant is not None
        values = await registry.secrets(tenant, "postgres")
        return tenant.id == name and values == {"password": f"canary-{name}"}

    assert all(await asyncio.gather(*(look(number) for number in range(1000))))


async def test_rows_that_were_moved_or_altered_are_refused_and_named(
    registry: TenantRegistry, backend: Backend
) -> None:
    await filled(registry)
    for statement in (
        "UPDATE tenant_configs SET updated_by = 'somebody else' WHERE tenant_id = 'acme'",
        "UPDATE tenant_configs SET version = 2 WHERE tenant_id = 'acme'",
        (
            "UPDATE tenant_configs SET mcp_server_config = (SELECT mcp_server_config FROM tenant_configs "
            "WHERE tenant_id = 'zeta') WHERE tenant_id = 'acme'"
        ),
    ):
        kept = backend.run(
            "SELECT updated_by, version, mcp_server_config FROM tenant_configs WHERE tenant_id = 'acme'"
        )
        backend.run(f"{statement}; SELECT 1")
        with pytest.raises(SealError, match="of tenant 'acme' was altered, or belongs to another row"):
            await registry.read(admin("acme"))
        by, version, config = kept[0]
        backend.run(
            f"UPDATE tenant_configs SET updated_by = '{by}', version = {version}, "
            f"mcp_server_config = '{config}' WHERE tenant_id = 'acme'; SELECT 1"
        )
        assert (await registry.read(admin("acme"))).id == "acme"
