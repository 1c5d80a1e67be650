"""API keys: who gets in, who does not, and that nobody writes one into the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mcp_arangodb_async.errors import DeniedError, InputError, NotFoundError
from mcp_arangodb_async.gateway.api_keys import ApiKeys
from mcp_arangodb_async.gateway.roles import Identity, act_for
from mcp_arangodb_async.gateway.tenants.open import open_registry
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from tests.unit.gateway.tenants.backends import UBER, Backend, Written, admin

pytestmark = pytest.mark.anyio
ACME = admin("acme")
SECTION = {"postgres": {"url": "https://a.example/mcp"}}


@pytest.fixture
async def keys(registry: TenantRegistry) -> ApiKeys:
    await registry.register(ACME, SECTION)
    return ApiKeys(registry)


async def refused(keys: ApiKeys, text: str) -> None:
    with pytest.raises(DeniedError) as caught:
        await keys.identity(text)
    assert (caught.value.message, caught.value.hint) == (
        "the API key is not valid",
        "it may be mistyped, revoked or over",
    )


async def test_a_key_is_shown_once_and_lets_in_as_whoever_it_was_made_for(
    keys: ApiKeys, backend: Backend, written: Written
) -> None:
    made = await keys.create(ACME, principal="robot", role="end_user")
    assert made.text.startswith("maak_acme.")
    for _ in range(2):  # proved, then remembered
        identity = await keys.identity(made.text)
        assert identity == Identity(principal="robot", role="end_user", tenant="acme", way="api_key")
    (listed,) = await keys.list(ACME)
    assert listed == made.key
    secret = made.text.rpartition(".")[2]
    assert len(secret) == 43
    for place in (repr(made), repr(listed), repr(written.records), backend.dump().decode("latin-1")):
        assert secret not in place


async def test_what_is_no_valid_key_is_refused_alike(keys: ApiKeys) -> None:
    made = await keys.create(ACME, principal="robot", role="end_user")
    tenant, key_id, secret = made.text.removeprefix("maak_").split(".")
    for text in (
        "", "maak_", "maak_..", "maak_acme.x", made.text[:-1], f"{made.text}x", made.text.upper(),
        f" {made.text}",
        f"maak_zeta.{key_id}.{secret}", f"maak_{tenant}.{'0' * 12}.{secret}", f"maak_{tenant}.{key_id}.",
        f"maak_-.{key_id}.{secret}", f"maak_@platform.{key_id}.{secret}", "maak_" + "a" * 5000, "maak_é.é.é",
        f"maak_'; DROP TABLE x.{key_id}.{secret}", secret, f"{tenant}.{key_id}.{secret}",
    ):  # fmt: skip
        await refused(keys, text)


async def test_a_revoked_key_lets_nobody_in_in_any_process(keys: ApiKeys, backend: Backend) -> None:
    made = await keys.create(ACME, principal="robot", role="end_user")
    async with open_registry(backend.settings) as other:
        elsewhere = ApiKeys(other)
        assert (await elsewhere.identity(made.text)).principal == "robot"
        revoked = await keys.revoke(ACME, made.key.key_id)
        assert revoked.revoked_at is not None
        await refused(elsewhere, made.text)
    await refused(keys, made.text)
    assert await keys.revoke(ACME, made.key.key_id) == revoked
    with pytest.raises(NotFoundError, match="there is no API key 'nothing'"):
        await keys.revoke(ACME, "nothing")


async def test_a_key_that_is_over_lets_nobody_in(backend: Backend) -> None:
    now = [1_800_000_000.0]
    async with open_registry(backend.settings) as opened:
        registry = TenantRegistry(
            store=opened.store, keys=opened.keys, settings=opened.settings, clock=lambda: now[0]
        )
        keys = ApiKeys(registry)
        await registry.register(ACME, SECTION)
        made = await keys.create(ACME, principal="robot", role="end_user", days=2)
        assert made.key.expires_at == datetime.fromtimestamp(now[0] + 2 * 86_400, UTC).isoformat(
            timespec="milliseconds"
        )
        await keys.identity(made.text)
        now[0] += 2 * 86_400
        await refused(keys, made.text)


async def test_a_key_that_was_written_or_altered_in_the_database_lets_nobody_in(
    keys: ApiKeys, backend: Backend
) -> None:
    made = await keys.create(ACME, principal="robot", role="end_user")
    for change, undo in (
        ("role = 'tenant_admin'", "role = 'end_user'"),
        ("principal = 'boss'", "principal = 'robot'"),
        ("key_version = 7", "key_version = 1"),
        ("expires_at = '2099'", "expires_at = NULL"),
    ):
        backend.run(f"UPDATE tenant_api_keys SET {change}; SELECT 1")
        await refused(ApiKeys(keys._registry), made.text)  # pyright: ignore[reportPrivateUsage] - nothing remembered
        backend.run(f"UPDATE tenant_api_keys SET {undo}; SELECT 1")
    assert (await keys.identity(made.text)).role == "end_user"


async def test_a_key_of_the_platform_is_an_uber_admins(keys: ApiKeys) -> None:
    made = await keys.create(UBER, principal="ops", role="uber_admin", days=30)
    assert made.text.startswith("maak_-.")
    assert await keys.identity(made.text) == Identity(principal="ops", role="uber_admin", way="api_key")
    assert [key.principal for key in await keys.list(UBER)] == ["ops"]
    assert await keys.list(act_for(UBER, "acme")) == []
    for who, role in ((UBER, "end_user"), (ACME, "uber_admin"), (act_for(UBER, "acme"), "uber_admin")):
        with pytest.raises(InputError, match="keys of the platform have role uber_admin"):
            await keys.create(who, principal="x", role=role)  # pyright: ignore[reportArgumentType] - a table of roles


async def test_nobody_makes_a_key_of_a_stronger_role_or_for_others(keys: ApiKeys) -> None:
    assert (await keys.create(ACME, principal="deputy", role="tenant_admin")).key.role == "tenant_admin"
    for role in ("project_admin", "end_user"):
        who = replace(ACME, role=role)
        for call in (
            keys.create(who, principal="x", role="end_user"),
            keys.list(who),
            keys.revoke(who, "x"),
        ):
            with pytest.raises(DeniedError, match=f"role {role} may not do api_keys.manage"):
                await call
    with pytest.raises(NotFoundError, match="tenant 'zeta' has no configuration"):
        await keys.create(admin("zeta"), principal="x", role="end_user")


@pytest.mark.parametrize(
    ("principal", "days"), [("", None), ("x" * 129, None), ("a\nb", None), ("a", 0), ("a", 4000)]
)
async def test_a_wish_that_cannot_be_is_refused(keys: ApiKeys, principal: str, days: int | None) -> None:
    with pytest.raises(InputError):
        await keys.create(ACME, principal=principal, role="end_user", days=days)


async def test_keys_go_with_their_tenant(keys: ApiKeys, registry: TenantRegistry) -> None:
    made = await keys.create(ACME, principal="robot", role="end_user")
    await registry.delete(ACME)
    await refused(keys, made.text)
    await registry.register(ACME, SECTION)
    await refused(keys, made.text)
