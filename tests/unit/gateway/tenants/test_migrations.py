"""Tables are made and taken back, step by step, on both stores; models and migrations say the same."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from mcp_arangodb_async.errors import ConfigError, InputError
from mcp_arangodb_async.gateway.tenants.migrate import head, versions
from mcp_arangodb_async.gateway.tenants.open import migrate_store, open_registry, open_store
from mcp_arangodb_async.gateway.tenants.tables import Tables
from tests.unit.gateway.tenants.backends import Backend, admin, sqlite_settings

pytestmark = pytest.mark.anyio
DOCUMENT = {"postgres": {"url": "https://a/mcp", "password": "pw"}}
ACME = admin("acme")


def difference(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), Tables.metadata))


async def test_models_and_migrations_say_the_same(backend: Backend) -> None:
    store = await open_store(backend.settings)
    try:
        async with store.connected() as connection:
            assert await connection.run_sync(difference) == []
    finally:
        await store.close()


async def test_the_tables_go_down_and_up_again_one_version_at_a_time(backend: Backend) -> None:
    steps = [None, *versions()]
    assert steps[-1] == head()
    if backend.kind == "sqlite":
        await migrate_store(backend.settings, "head")
    async with open_registry(backend.settings) as registry:
        await registry.register(ACME, DOCUMENT)
    for before, after in zip(steps[:0:-1], steps[-2::-1], strict=True):
        assert await migrate_store(backend.settings, after or "base") == (before, after)
    for before, after in pairwise(steps):
        assert await migrate_store(backend.settings, after or "base") == (before, after)
    async with open_registry(backend.settings) as registry:
        assert await registry.current("acme") is None
        await registry.register(ACME, DOCUMENT)
        assert await registry.store.problems() == []


async def test_what_an_older_version_has_survives_a_step_back_and_forth(backend: Backend) -> None:
    async with open_registry(backend.settings) as registry:
        await registry.register(ACME, DOCUMENT)
        await registry.approve(ACME, "postgres", {"query": "0" * 64})
    await migrate_store(backend.settings, "0001")
    await migrate_store(backend.settings, "head")
    assert await migrate_store(backend.settings, "head") == (head(), head())
    async with open_registry(backend.settings) as registry:
        tenant = await registry.read(ACME)
        assert await registry.secrets(tenant, "postgres") == {"password": "pw"}
        assert await registry.pins("acme", "postgres") == {}


async def test_a_store_of_another_version_is_not_opened(backend: Backend) -> None:
    async with open_registry(backend.settings):
        pass
    await migrate_store(backend.settings, "0001")
    with pytest.raises(ConfigError, match="of version 0001"):
        await open_store(backend.settings)
    with pytest.raises(InputError, match="there is no version '0007'; possible are 0001, 0002, head, base"):
        await migrate_store(backend.settings, "0007")
    backend.run("UPDATE alembic_version SET version_num = 'later'; SELECT 1")
    with pytest.raises(ConfigError, match="of version later, which this program does not know"):
        await migrate_store(backend.settings, "head")


async def test_a_migration_that_fails_changes_nothing(backend: Backend) -> None:
    async with open_registry(backend.settings) as registry:
        await registry.register(ACME, DOCUMENT)
    await migrate_store(backend.settings, "0001")
    # The second table of the step is in the way: the first must not stay.
    if backend.kind == "sqlite":
        backend.run("CREATE TABLE tenant_tool_pins (x int); SELECT 1")
    else:
        backend.run(
            "CREATE TABLE tenant_tool_pins (x int); ALTER TABLE tenant_tool_pins OWNER TO maa_owner; SELECT 1"
        )
    with pytest.raises(Exception, match="tenants"):
        await migrate_store(backend.settings, "head")
    backend.run("DROP TABLE tenant_tool_pins; SELECT 1")
    assert await migrate_store(backend.settings, "head") == ("0001", head())
    async with open_registry(backend.settings) as registry:
        assert (await registry.read(ACME)).version == 1


async def test_a_file_that_others_can_use_or_that_is_a_link_is_refused(tmp_path: Path) -> None:
    settings = sqlite_settings(tmp_path)
    async with open_registry(settings):
        pass
    file = tmp_path / "data" / "tenants.db"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="can be used by others"):
        await open_store(settings)
    file.chmod(0o600)
    file.rename(tmp_path / "moved.db")
    file.symlink_to(tmp_path / "moved.db")
    with pytest.raises(ConfigError, match="cannot be opened"):
        await open_store(settings)
    file.unlink()
    file.hardlink_to(tmp_path / "moved.db")
    with pytest.raises(ConfigError, match="regular file with one name"):
        await open_store(settings)
