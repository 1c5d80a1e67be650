"""A store that is away, closed, busy, or refuses: named in our words, and nothing hangs."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import (
    AuthenticationError,
    BackendError,
    ConfigError,
    ConflictError,
    MaaError,
    UnavailableError,
)
from mcp_arangodb_async.gateway.tenants.open import migrate_store, open_registry, open_store
from mcp_arangodb_async.gateway.tenants.postgresql import PostgresTenantStore, postgresql_engine
from mcp_arangodb_async.gateway.tenants.sqlite import open_sqlite
from tests.sql_servers import CERTIFICATE, SqlServer, free_port
from tests.unit.gateway.tenants.backends import (
    APPLICATION,
    OWNER,
    PASSWORDS,
    Backend,
    admin,
    make_backend,
    postgresql_settings,
    sqlite_settings,
)

pytestmark = pytest.mark.anyio
ACME = admin("acme")
DOCUMENT = {"postgres": {"url": "https://a/mcp", "password": "pw"}}


@pytest.fixture
def postgres(tmp_path: Path, request: pytest.FixtureRequest) -> Backend:
    return make_backend("postgresql", tmp_path, request)


def changed(backend: Backend, **tenants: object) -> Settings:
    return replace(backend.settings, tenants=replace(backend.settings.tenants, **tenants))  # pyright: ignore[reportArgumentType] - a table of options


@pytest.mark.server
async def test_a_database_that_is_not_there_or_refuses_is_named(postgres: Backend) -> None:
    store = postgres.settings.tenants.store
    assert store is not None
    for settings, error, words in (
        (postgres.with_variables(STORE_PASSWORD="wrong").settings, AuthenticationError, "refused the login"),
        (changed(postgres, store_username="nobody"), AuthenticationError, "refused the login"),
        (
            changed(postgres, store=store.rpartition("/")[0] + "/nothing"),
            BackendError,
            "there is no database at",
        ),
        (
            changed(postgres, store=f"postgresql://127.0.0.1:{free_port()}/x"),
            UnavailableError,
            "cannot be reached",
        ),
        (changed(postgres, store_tls="verify"), UnavailableError, "cannot be reached"),
        (
            changed(postgres, store_ca_file="/nowhere.pem", store_tls="verify"),
            ConfigError,
            "store_ca_file cannot",
        ),
    ):
        with pytest.raises(error, match=words) as caught:
            await open_store(settings)
        assert "battery" not in repr(caught.value)


@pytest.mark.server
async def test_tls_is_verified_against_the_authority_that_is_configured(postgres: Backend) -> None:
    authority = str(CERTIFICATE / "server.pem")
    store = await open_store(changed(postgres, store_tls="verify", store_ca_file=authority))
    assert await store.problems() == []
    await store.close()


@pytest.mark.server
async def test_after_a_restart_of_the_database_calls_work_again(
    tmp_path: Path, own_postgresql: SqlServer
) -> None:
    own_postgresql.run(
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORDS['OWNER_PASSWORD']}';"
        f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{PASSWORDS['STORE_PASSWORD']}';"
        f"CREATE DATABASE tenants OWNER {OWNER}",
        "postgres",
    )
    settings = postgresql_settings(tmp_path, own_postgresql, "tenants")
    await migrate_store(settings, "head")
    async with open_registry(settings) as registry:
        await registry.register(ACME, DOCUMENT)
        assert await registry.current("acme") is not None
        own_postgresql.stop()
        with pytest.raises(UnavailableError):
            await registry.read(ACME)
        known = await registry.current("acme")  # what is known is used for a while
        assert known is not None
        assert await registry.secrets(known, "postgres") == {"password": "pw"}
        own_postgresql.start()
        assert (await registry.update(ACME, "postgres", {"timeout": 3})).version == 2


@pytest.mark.server
async def test_a_busy_pool_is_said_to_be_busy(postgres: Backend) -> None:
    tenants = postgres.settings.tenants
    password = postgres.settings.secret(tenants.store_password_env)
    engine = postgresql_engine(
        postgres.settings, tenants.store_username, password, connections=1, pool_seconds=0.2
    )
    store = PostgresTenantStore(engine, name="here")
    async with store.transaction("acme"):
        with pytest.raises(UnavailableError, match="here is busy: no connection was free in time"):
            await store.tenants()
    assert await store.tenants() == []
    await store.close()


async def test_a_file_that_another_process_is_writing_is_waited_for(tmp_path: Path) -> None:
    settings = sqlite_settings(tmp_path)
    async with open_registry(settings) as registry:
        await registry.register(ACME, DOCUMENT)
        with closing(sqlite3.connect(tmp_path / "data" / "tenants.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert (await registry.read(ACME)).version == 1  # reading does not wait
            writing = asyncio.create_task(registry.update(ACME, "postgres", {"timeout": 3}))
            await asyncio.wait([writing], timeout=0.2)
            assert not writing.done()
            other.execute("COMMIT")
            assert (await writing).version == 2


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tenants.db"
    file.write_bytes(b"not a database at all" * 1000)
    file.chmod(0o600)
    with pytest.raises(MaaError, match="refused a statement: DatabaseError"):
        await open_sqlite(file)
    with pytest.raises(ConfigError, match="cannot be opened"):
        await open_sqlite(tmp_path)
    with pytest.raises(ConfigError, match="cannot be opened"):
        await open_sqlite(file / "below")


async def test_a_damaged_file_is_what_the_store_complains_of(tmp_path: Path) -> None:
    settings = sqlite_settings(tmp_path)
    async with open_registry(settings) as registry:
        await registry.register(ACME, DOCUMENT)
        (tmp_path / "data" / "tenants.db").chmod(0o644)
        assert any("can be used by others" in problem for problem in await registry.store.problems())


async def test_a_call_that_is_cancelled_changes_nothing_or_everything(backend: Backend) -> None:
    async with open_registry(backend.settings) as registry:
        await registry.register(ACME, DOCUMENT)
        for number in range(1, 12):
            before = await registry.read(ACME)
            task = asyncio.create_task(registry.update(ACME, "postgres", {"password": f"pw{number}"}))
            await asyncio.wait([task], timeout=number * 0.0015)
            task.cancel()
            await asyncio.wait([task])
            after = await registry.read(ACME)
            values = await registry.secrets(after, "postgres")
            if after.version == before.version:
                assert after == before
            else:
                assert values == {"password": f"pw{number}"}
        with pytest.raises(ConflictError):
            await registry.register(ACME, DOCUMENT)


async def test_a_cancelled_write_gives_the_file_back_before_it_leaves(tmp_path: Path) -> None:
    async with open_registry(sqlite_settings(tmp_path)) as registry:
        await registry.register(ACME, DOCUMENT)
        file = tmp_path / "data" / "tenants.db"
        with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as other:
            for number in range(40):
                task = asyncio.create_task(registry.update(ACME, "postgres", {"password": f"pw{number}"}))
                for _ in range(number):
                    await asyncio.sleep(0)
                await asyncio.wait([task], timeout=number % 8 * 0.001)
                task.cancel()
                await asyncio.wait([task])
                other.execute("BEGIN IMMEDIATE")  # fails at once while anybody holds the lock
                other.execute("ROLLBACK")
