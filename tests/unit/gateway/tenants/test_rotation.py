"""Rotation of keys: everything opens afterwards, readers go on, and it may be interrupted anywhere."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mcp_arangodb_async.errors import DeniedError, NotFoundError, SealError, UnavailableError
from mcp_arangodb_async.gateway.api_keys import ApiKeys
from mcp_arangodb_async.gateway.roles import act_for
from mcp_arangodb_async.gateway.rotation import rotate_data_key, rotate_master_key
from mcp_arangodb_async.gateway.tenants.open import open_registry, open_store
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.sql import SqlTenantRows
from mcp_arangodb_async.gateway.tenants.sqlite import SqliteTenantStore
from tests.unit.gateway.tenants.backends import UBER, Backend, admin, sqlite_settings

pytestmark = pytest.mark.anyio
ACME, ZETA = admin("acme"), admin("zeta")
SECTION = {"url": "https://a.example/mcp", "password": "pw-1"}


async def filled(registry: TenantRegistry) -> str:
    """A tenant with three versions, an API key and an approval; the key's text."""
    await registry.register(
        ACME, {"postgres": SECTION, "minio": {"url": "https://b/mcp", "secret_key": "SK"}}
    )
    await registry.update(ACME, "postgres", {"password": "pw-2"})
    await registry.update(ACME, "postgres", {"password": "pw-3"})
    await registry.approve(ACME, "postgres", {"query": "0" * 64})
    return (await ApiKeys(registry).create(ACME, principal="robot", role="end_user")).text


async def check(registry: TenantRegistry, text: str) -> None:
    """Everything that `filled` stored is there and opens."""
    tenant = await registry.current("acme")
    assert tenant is not None
    assert (await registry.secrets(tenant, "postgres"))["password"] == "pw-3"
    assert (await registry.secrets(tenant, "minio"))["secret_key"] == "SK"
    assert (await ApiKeys(registry).identity(text)).principal == "robot"
    assert await registry.pins("acme", "postgres") == {"query": "0" * 64}
    assert len(await registry.history(ACME)) == 3


async def test_a_data_key_is_replaced_and_the_old_one_destroyed(
    registry: TenantRegistry, backend: Backend
) -> None:
    text = await filled(registry)
    before = await registry.read(ACME)
    done = await rotate_data_key(registry, ACME)
    assert (done.key_version, done.versions, done.api_keys, done.destroyed, done.resumed) == (
        2,
        3,
        1,
        1,
        False,
    )
    assert backend.run("SELECT version FROM tenant_data_keys") == [["2"]]
    await check(registry, text)
    after = await registry.read(ACME)
    assert after.client_key("postgres") == before.client_key("postgres")
    assert (
        after.servers["postgres"].secrets["password"].set_at
        == before.servers["postgres"].secrets["password"].set_at
    )
    assert (await registry.secrets(await registry.rollback(ACME, 1), "postgres"))["password"] == "pw-1"
    again = await rotate_data_key(registry, act_for(UBER, "acme"))
    assert (again.key_version, again.versions) == (3, 4)


async def test_who_holds_a_tenant_from_before_still_opens_its_secrets(
    registry: TenantRegistry, backend: Backend
) -> None:
    await filled(registry)
    async with open_registry(backend.settings) as other:
        held = await other.current("acme")
        assert held is not None
        await rotate_data_key(registry, ACME)
        other.keys.forget("acme")
        assert (await other.secrets(held, "postgres"))["password"] == "pw-3"
        await registry.update(ACME, "postgres", {"password": "pw-4"})
        await rotate_data_key(registry, ACME)
        other.keys.forget("acme")
        with pytest.raises(SealError, match="were replaced meanwhile"):
            await other.secrets(held, "postgres")


async def test_readers_and_writers_go_on_during_rotations(registry: TenantRegistry, backend: Backend) -> None:
    text = await filled(registry)
    over = asyncio.Event()
    reads = 0

    async def read() -> None:
        nonlocal reads
        async with open_registry(backend.settings) as other:
            while not over.is_set():
                tenant = await other.read(ACME)
                assert (await other.secrets(tenant, "postgres"))["password"] == "pw-3"
                other.keys.forget("acme")
                reads += 1

    async def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            await registry.update(ACME, "minio", {"timeout": 1 + number % 60})
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(work) for work in (read(), write())]
    try:
        for _ in range(4):
            await rotate_data_key(registry, ACME)
    finally:
        over.set()
        await asyncio.gather(*tasks)
    assert reads > 4
    assert (await registry.secrets(await registry.read(ACME), "postgres"))["password"] == "pw-3"
    assert (await ApiKeys(registry).identity(text)).principal == "robot"


class Failing(SqliteTenantStore):
    """A store that fails at the n-th transaction that writes, before or after its work, and from then on."""

    left = 0
    after_work = False

    @asynccontextmanager
    async def transaction(self, tenant: str, *, write: bool = False) -> AsyncGenerator[SqlTenantRows]:
        if write:
            self.left -= 1
            if self.left <= 0 and not self.after_work:
                raise UnavailableError("interrupted")
        async with super().transaction(tenant, write=write) as rows:
            yield rows
            if write and self.left <= 0 and self.after_work:
                raise UnavailableError("interrupted")


@pytest.mark.parametrize("after_work", [False, True])
async def test_a_rotation_that_is_interrupted_anywhere_is_finished_by_the_next(
    tmp_path: Path, after_work: bool
) -> None:
    interrupted = 0
    for number in range(1, 9):
        directory = tmp_path / str(number)
        directory.mkdir()
        settings = sqlite_settings(directory)
        async with open_registry(settings) as registry:
            text = await filled(registry)
            whole = await open_store(settings)
            assert isinstance(whole, SqliteTenantStore)
            failing = Failing(whole.path, whole.engine)
            failing.left, failing.after_work = number, after_work
            broken = TenantRegistry(store=failing, keys=registry.keys, settings=registry.settings)
            try:
                await rotate_data_key(broken, ACME)
            except UnavailableError:
                interrupted += 1
                registry.keys.forget("acme")
                await check(registry, text)
                assert (await registry.secrets(await registry.read(ACME), "postgres"))["password"] == "pw-3"
                done = await rotate_data_key(registry, ACME)
                assert done.key_version == (2 if done.resumed else done.key_version)
            await check(registry, text)
            await whole.close()
    assert interrupted >= 4


async def test_the_master_key_is_replaced_for_all_tenants(backend: Backend) -> None:
    old = backend.settings.variables["MCP_TENANTS_MASTER_KEY"]
    new = secrets.token_hex(32)
    async with open_registry(backend.settings) as registry:
        text = await filled(registry)
        await registry.register(ZETA, {"postgres": SECTION})
        platform = (await ApiKeys(registry).create(UBER, principal="ops", role="uber_admin")).text
    both = backend.with_variables(MCP_TENANTS_MASTER_KEY=f"{new},{old}")
    async with open_registry(both.settings) as registry:
        seen: list[int] = []
        done = await rotate_master_key(registry, UBER, seen.append)
        assert (done.tenants, done.wrapped, len(done.others), seen) == (2, 3, 1, [1, 2])
        assert (await rotate_master_key(registry, UBER)).wrapped == 0
        await check(registry, text)
    only_new = backend.with_variables(MCP_TENANTS_MASTER_KEY=new)
    async with open_registry(only_new.settings) as registry:
        await check(registry, text)
        assert (await ApiKeys(registry).identity(platform)).role == "uber_admin"
    async with open_registry(backend.settings) as registry:
        with pytest.raises(
            SealError, match=r"data key 1 of tenant 'acme': it was wrapped by master key [0-9a-f]{12}"
        ):
            await registry.read(ACME)


async def test_only_an_uber_admin_replaces_the_master_key(registry: TenantRegistry) -> None:
    for who in (ACME, act_for(UBER, "acme"), None):
        with pytest.raises(DeniedError):
            await rotate_master_key(registry, who)
    with pytest.raises(NotFoundError, match="tenant 'acme' has no configuration"):
        await rotate_data_key(registry, ACME)
