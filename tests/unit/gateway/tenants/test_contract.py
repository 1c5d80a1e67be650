"""What every store of tenants does: versions, history, conflicts, partial updates, deletion."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mcp_arangodb_async.errors import ConflictError, DeniedError, InputError, NotFoundError
from mcp_arangodb_async.gateway.roles import act_for
from mcp_arangodb_async.gateway.tenants.model import shown_tenant
from mcp_arangodb_async.gateway.tenants.open import open_registry
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from tests.unit.gateway.tenants.backends import UBER, Backend, Written, admin

pytestmark = pytest.mark.anyio
POSTGRES = {
    "url": "https://pg.example.com/mcp",
    "password": "pw-1",
    "headers": {"Authorization": "Bearer t-1"},
}
MINIO = {"url": "https://s3.example.com/mcp", "access_key": "AK", "secret_key": "SK"}
ACME, ZETA = admin("acme"), admin("zeta")


async def test_a_tenant_is_registered_read_and_its_secrets_open(registry: TenantRegistry) -> None:
    made = await registry.register(ACME, {"postgres": POSTGRES, "minio": MINIO})
    assert (made.version, made.enabled, list(made.servers)) == (1, True, ["postgres", "minio"])
    read = await registry.read(ACME)
    assert read == made == await registry.current("acme")
    assert await registry.secrets(read, "postgres") == {
        "password": "pw-1",
        "headers.authorization": "Bearer t-1",
    }
    assert await registry.secrets(read, "minio") == {"access_key": "AK", "secret_key": "SK"}


async def test_nobody_registered_is_none_and_not_found(registry: TenantRegistry) -> None:
    assert await registry.current("acme") is None
    with pytest.raises(NotFoundError, match="tenant 'acme' has no configuration"):
        await registry.read(ACME)
    with pytest.raises(NotFoundError, match="tenant 'acme' has no configuration"):
        await registry.update(ACME, "postgres", {"timeout": 3})


async def test_an_update_of_one_server_leaves_the_others_byte_for_byte(
    registry: TenantRegistry, backend: Backend
) -> None:
    await registry.register(ACME, {"postgres": POSTGRES, "minio": MINIO, "wiki": {"url": "https://w/mcp"}})

    def stored() -> str:
        return backend.run("SELECT mcp_server_config FROM tenant_configs")[0][0]

    before = stored()
    changed = await registry.update(ACME, "minio", {"region": "eu", "secret_key": "SK-2"})
    after = stored()
    start, end = before.index('"minio"'), before.index('"wiki"')
    assert before[:start] == after[: after.index('"minio"')]
    assert before[end:] == after[after.index('"wiki"') :]
    assert changed.servers["postgres"].version == changed.servers["wiki"].version == 1
    assert (changed.servers["minio"].version, changed.servers["minio"].credential_version) == (2, 2)


async def test_unmentioned_fields_and_secrets_stay_and_null_removes(registry: TenantRegistry) -> None:
    await registry.register(ACME, {"postgres": {**POSTGRES, "timeout": 7, "tools": {"a": "x", "b": "y"}}})
    changed = await registry.update(
        ACME, "postgres", {"tools": {"a": None, "c": "z"}, "headers": {"X-More": "m"}, "timeout": None}
    )
    section = changed.servers["postgres"].section
    assert dict(section.tools) == {"b": "y", "c": "z"}
    assert section.timeout == 30.0
    assert await registry.secrets(changed, "postgres") == {
        "password": "pw-1", "headers.authorization": "Bearer t-1", "headers.x-more": "m",
    }  # fmt: skip
    without = await registry.update(ACME, "postgres", {"password": None, "headers": {"AUTHORIZATION": None}})
    assert await registry.secrets(without, "postgres") == {"headers.x-more": "m"}


async def test_a_change_that_changes_nothing_makes_no_version(registry: TenantRegistry) -> None:
    made = await registry.register(ACME, {"postgres": POSTGRES})
    same = await registry.update(ACME, "postgres", {"url": POSTGRES["url"], "password": "pw-1"})
    assert same == made
    assert len(await registry.history(ACME)) == 1


async def test_a_secret_that_changes_has_a_new_credential_version(registry: TenantRegistry) -> None:
    made = await registry.register(ACME, {"postgres": POSTGRES})
    changed = await registry.update(ACME, "postgres", {"password": "pw-2"})
    section = await registry.update(ACME, "postgres", {"timeout": 3})
    keys = [tenant.client_key("postgres") for tenant in (made, changed, section)]
    assert [key[3:] for key in keys] == [(1, 1), (2, 2), (3, 2)]


async def test_a_conflict_names_both_versions(registry: TenantRegistry) -> None:
    await registry.register(ACME, {"postgres": POSTGRES}, expected_version=0)
    await registry.update(ACME, "postgres", {"timeout": 3}, expected_version=1)
    with pytest.raises(ConflictError, match="is at version 2, and version 1 was expected"):
        await registry.update(ACME, "postgres", {"timeout": 4}, expected_version=1)
    with pytest.raises(ConflictError, match="is at version 2, and version 0 was expected"):
        await registry.register(ACME, {"minio": MINIO}, expected_version=0)
    with pytest.raises(ConflictError, match=r"not registered \(version 0\), and version 4 was expected"):
        await registry.register(ZETA, {"minio": MINIO}, expected_version=4)
    assert (await registry.read(ACME)).version == 2


async def test_concurrent_updates_of_different_servers_are_all_kept(registry: TenantRegistry) -> None:
    names = [f"s{number}" for number in range(8)]
    await registry.register(ACME, {name: {"url": "https://a/mcp"} for name in names})
    await asyncio.gather(
        *(registry.update(ACME, name, {"timeout": number + 1}) for number, name in enumerate(names))
    )
    now = await registry.read(ACME)
    assert now.version == 9
    assert [now.servers[name].section.timeout for name in names] == [float(n + 1) for n in range(8)]


async def test_of_updates_that_expect_the_same_version_one_is_kept(
    registry: TenantRegistry,
) -> None:
    await registry.register(ACME, {"postgres": POSTGRES})
    answers = await asyncio.gather(
        *(registry.update(ACME, "postgres", {"timeout": n}, expected_version=1) for n in range(2, 8)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers].count(ConflictError) == 5
    assert (await registry.read(ACME)).version == 2


async def test_of_concurrent_registrations_one_makes_the_tenant(registry: TenantRegistry) -> None:
    answers = await asyncio.gather(
        *(registry.register(ACME, {"postgres": {**POSTGRES, "timeout": n}}) for n in range(1, 6)),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == [*["ConflictError"] * 4, "Tenant"]


async def test_register_refuses_a_server_that_is_there_and_adds_others(registry: TenantRegistry) -> None:
    await registry.register(ACME, {"postgres": POSTGRES})
    with pytest.raises(ConflictError, match="registered already: postgres"):
        await registry.register(ACME, {"postgres": POSTGRES, "minio": MINIO})
    added = await registry.register(ACME, {"minio": MINIO})
    assert (added.version, list(added.servers)) == (2, ["postgres", "minio"])


async def test_history_and_rollback_bring_back_section_and_secrets(registry: TenantRegistry) -> None:
    await registry.register(ACME, {"postgres": POSTGRES})
    await registry.update(ACME, "postgres", {"password": "pw-2", "timeout": 5})
    await registry.register(ACME, {"minio": MINIO})
    await registry.set_enabled(ACME, False)
    back = await registry.rollback(ACME, 1)
    assert (back.version, back.enabled, list(back.servers)) == (5, True, ["postgres"])
    assert (await registry.secrets(back, "postgres"))["password"] == "pw-1"
    assert back.client_key("postgres")[3:] == (5, 5)
    lines = await registry.history(ACME)
    assert [(line.version, line.action) for line in lines] == [
        (5, "rollback"), (4, "disable"), (3, "register"), (2, "update"), (1, "register"),
    ]  # fmt: skip
    assert lines[2].servers == ("postgres", "minio")
    with pytest.raises(NotFoundError, match="there is no version 9; kept: 1 to 5"):
        await registry.rollback(ACME, 9)
    forward = await registry.rollback(ACME, 3)
    assert (await registry.secrets(forward, "postgres"))["password"] == "pw-2"


async def test_a_rollback_to_the_same_changes_nothing(registry: TenantRegistry) -> None:
    made = await registry.register(ACME, {"postgres": POSTGRES})
    assert await registry.rollback(ACME, 1) == made


async def test_only_so_many_versions_are_kept(backend: Backend) -> None:
    settings = replace(backend.settings, tenants=replace(backend.settings.tenants, history=3))
    async with open_registry(settings) as registry:
        await registry.register(ACME, {"postgres": POSTGRES})
        for number in range(2, 9):
            await registry.update(ACME, "postgres", {"timeout": number})
        assert [line.version for line in await registry.history(ACME)] == [8, 7, 6, 5]


async def test_a_removed_server_is_gone_and_comes_back_by_rollback(registry: TenantRegistry) -> None:
    await registry.register(ACME, {"postgres": POSTGRES, "minio": MINIO})
    left = await registry.remove(ACME, "minio", expected_version=1)
    assert list(left.servers) == ["postgres"]
    with pytest.raises(NotFoundError, match="has no server 'minio'; it has postgres"):
        await registry.remove(ACME, "minio")
    with pytest.raises(NotFoundError, match="has no server 'minio'"):
        await registry.update(ACME, "minio", {})
    assert (await registry.secrets(await registry.rollback(ACME, 1), "minio"))["secret_key"] == "SK"


async def test_a_dry_run_tells_and_keeps_nothing(registry: TenantRegistry, backend: Backend) -> None:
    shown = await registry.register(ACME, {"postgres": POSTGRES}, dry_run=True)
    assert shown_tenant(shown)["servers"]["postgres"]["url"] == POSTGRES["url"]
    assert await registry.current("acme") is None
    assert backend.run("SELECT count(*) FROM tenant_data_keys") == [["0"]]
    made = await registry.register(ACME, {"postgres": POSTGRES})
    assert (await registry.update(ACME, "postgres", {"timeout": 3}, dry_run=True)).version == 2
    assert (await registry.remove(ACME, "postgres", dry_run=True)).servers == {}
    await registry.delete(ACME, dry_run=True)
    assert await registry.read(ACME) == made


async def test_deletion_erases_every_row_and_the_keys(registry: TenantRegistry, backend: Backend) -> None:
    await registry.register(ACME, {"postgres": POSTGRES})
    await registry.register(ZETA, {"postgres": POSTGRES})
    await registry.update(ACME, "postgres", {"password": "pw-2"})
    await registry.approve(ACME, "postgres", {"query": "0" * 64})
    blob = backend.run("SELECT mcp_server_config FROM tenant_configs WHERE tenant_id = 'acme'")[0][0]
    with pytest.raises(ConflictError):
        await registry.delete(ACME, expected_version=1)
    await registry.delete(ACME, expected_version=2)
    assert await registry.current("acme") is None
    for table in ("configs", "config_history", "data_keys", "directory", "api_keys", "tool_pins"):
        assert backend.run(f"SELECT count(*) FROM tenant_{table} WHERE tenant_id = 'acme'") == [["0"]]
    if backend.kind == "sqlite":
        ciphertext = blob.split('"ciphertext":"')[1].split('"')[0]
        assert ciphertext.encode() not in backend.dump()
    assert (await registry.read(ZETA)).version == 1
    with pytest.raises(NotFoundError):
        await registry.delete(ACME)


async def test_a_tenant_registered_anew_shares_nothing_with_the_one_before(registry: TenantRegistry) -> None:
    first = await registry.register(ACME, {"postgres": POSTGRES})
    await registry.delete(ACME)
    second = await registry.register(ACME, {"postgres": POSTGRES})
    assert first.client_key("postgres") != second.client_key("postgres")
    assert len(await registry.history(ACME)) == 1


async def test_pins_are_the_tenants_own(registry: TenantRegistry) -> None:
    await registry.register(ACME, {"postgres": POSTGRES})
    await registry.register(ZETA, {"postgres": POSTGRES})
    await registry.approve(ACME, "postgres", {"query": "a" * 64, "list": "b" * 64})
    await registry.approve(ACME, "postgres", {"query": "c" * 64})
    assert await registry.pins("acme", "postgres") == {"query": "c" * 64}
    assert await registry.pins("zeta", "postgres") == await registry.pins("acme", "minio") == {}
    with pytest.raises(InputError, match="more than 1000"):
        await registry.approve(ACME, "postgres", {f"t{n}": "a" * 64 for n in range(1001)})
    with pytest.raises(NotFoundError):
        await registry.approve(admin("nobody"), "postgres", {})


async def test_all_tenants_are_listed_for_the_platform_only(registry: TenantRegistry) -> None:
    for name in ("b", "a", "c", "B"):
        await registry.register(admin(name), {"postgres": POSTGRES})
    listed = list(await registry.tenants(UBER, limit=3))
    listed += await registry.tenants(UBER, after=listed[-1], limit=3)
    assert sorted(listed) == ["B", "a", "b", "c"]
    for other in (admin("a"), act_for(UBER, "a"), None):
        with pytest.raises(DeniedError):
            await registry.tenants(other)


async def test_a_candidate_holds_what_would_be_stored(registry: TenantRegistry) -> None:
    await registry.register(ACME, {"postgres": POSTGRES})
    candidate = await registry.prepare(ACME, "postgres", {"password": "pw-9", "headers": {"X": "y"}})
    assert candidate.secrets == {
        "password": "pw-9", "headers.authorization": "Bearer t-1", "headers.x": "y",
    }  # fmt: skip
    assert "pw-9" not in repr(candidate)
    assert (await registry.prepare(ZETA, "minio", MINIO)).secrets == {"access_key": "AK", "secret_key": "SK"}
    assert (await registry.read(ACME)).version == 1


async def test_every_change_and_refusal_is_written_down(registry: TenantRegistry, written: Written) -> None:
    await registry.register(ACME, {"postgres": POSTGRES})
    await registry.read(ACME)  # reading one's own is not
    await registry.read(act_for(UBER, "acme"))
    user = replace(ACME, role="end_user", principal="eve")
    with pytest.raises(DeniedError):
        await registry.update(user, "postgres", {"password": "pw-9"})
    facts = [record.facts() for record in written.records]
    assert [(fact["who"], fact["action"], fact["outcome"], fact["tenant"]) for fact in facts] == [
        ("admin@acme", "config.write", "ok", "acme"),
        ("root", "config.read", "ok", "acme"),
        ("eve", "config.write", "denied", "acme"),
    ]
    assert facts[1]["acting_for"] == "acme"
    assert facts[2]["decision"] == "denied"
    assert "pw-" not in repr(facts)


async def test_another_process_sees_a_change(backend: Backend) -> None:
    async with open_registry(backend.settings) as one, open_registry(backend.settings) as other:
        seen: list[str] = []
        other.on_change(seen.append)
        await one.register(ACME, {"postgres": POSTGRES})
        assert (await other.read(ACME)).version == 1
        first = await other.current("acme")
        assert first is not None
        await one.update(ACME, "postgres", {"password": "pw-2"})
        second = await other.current("acme")
        assert second is not None
        assert second.version == 2
        assert seen == ["acme"]
        assert (await other.secrets(second, "postgres"))["password"] == "pw-2"
        await one.delete(ACME)
        assert await other.current("acme") is None


async def test_too_many_servers_are_refused(registry: TenantRegistry) -> None:
    with pytest.raises(InputError, match="33 servers are more than 32"):
        await registry.register(ACME, {f"s{n}": {"mode": "inherit"} for n in range(33)})
