"""Export, import and the doctor: what is sealed stays sealed, what was altered is named."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.errors import ConflictError, DeniedError, InputError, NotFoundError, SealError
from mcp_arangodb_async.gateway.api_keys import ApiKeys
from mcp_arangodb_async.gateway.roles import act_for
from mcp_arangodb_async.gateway.tenants import doctor
from mcp_arangodb_async.gateway.tenants.doctor import examine
from mcp_arangodb_async.gateway.tenants.open import open_registry
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.transfer import export_tenant, import_tenant
from tests.unit.gateway.tenants.backends import UBER, Backend, admin, sqlite_settings

pytestmark = pytest.mark.anyio
ACME = admin("acme")
DOCUMENT = {"url": "https://a/mcp", "password": "canary-1", "tools": {"a": "b"}, "allow_tools": ["b"]}


async def exported(registry: TenantRegistry) -> Any:
    await registry.register(ACME, {"postgres": DOCUMENT, "wiki": {"url": "https://w/mcp"}})
    return json.loads(json.dumps(await export_tenant(registry, ACME)))


async def test_a_tenant_moves_between_stores_of_either_kind(
    registry: TenantRegistry, backend: Backend, tmp_path: Path
) -> None:
    document = await exported(registry)
    assert "canary-1" not in json.dumps(document)
    there = tmp_path / "there"
    there.mkdir()
    settings = sqlite_settings(there)
    settings = replace(settings, variables=backend.settings.variables)
    async with open_registry(settings) as other:
        assert (await import_tenant(other, ACME, document, dry_run=True)).version == 1
        assert await other.current("acme") is None
        moved = await import_tenant(other, ACME, document)
        assert moved == await registry.read(ACME) == await other.current("acme")
        assert (await other.secrets(moved, "postgres"))["password"] == "canary-1"
        assert [line.action for line in await other.history(ACME)] == ["import"]
        assert (await other.update(ACME, "postgres", {"timeout": 3})).version == 2
        with pytest.raises(ConflictError, match="is registered already"):
            await import_tenant(other, ACME, document)


def altered(document: Any, place: str, value: object) -> Any:
    """The document with another value at a place; None takes it away."""
    copy = deepcopy(document)
    *path, last = place.split("/")
    inner: Any = copy
    for step in path:
        inner = inner[int(step) if step.isdigit() else step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return copy


PASSWORD = "servers/postgres/secrets/password"


async def test_a_document_that_was_altered_or_is_anothers_is_refused(registry: TenantRegistry) -> None:
    document = await exported(registry)
    await registry.delete(ACME)
    changes: list[tuple[str, object]] = [
        ("servers/postgres/section/url", "https://evil/mcp"),
        ("enabled", False),
        ("version", 9),
        ("mark", "0" * 64),
        ("incarnation", "0" * 16),
        ("data_keys/0/wrapped", "AAAA"),
        ("data_keys/0/master", "0" * 12),
        (f"{PASSWORD}/ciphertext", "AAAA"),
        ("key_version", 2),
        ("servers/wiki/secrets/headers.x", document["servers"]["postgres"]["secrets"]["password"]),
    ]
    for place, value in changes:
        with pytest.raises(SealError):
            await import_tenant(registry, ACME, altered(document, place, value))
    with pytest.raises(SealError, match="of another tenant than 'zeta'"):
        await import_tenant(registry, admin("zeta"), document)
    with pytest.raises(SealError):
        await import_tenant(registry, admin("zeta"), {**document, "tenant": "zeta"})
    assert await registry.current("acme") is None
    assert await registry.current("zeta") is None


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("format", "x", "format: must be mcp-arangodb-async tenant 1"),
        ("more", 1, "more: "),
        ("mark", None, "mark: is missing"),
        ("data_keys", [], "data_keys: "),
        ("version", "1", "version: must be a whole number"),
        ("servers/x", 5, "servers.x: must be keys and values"),
        ("servers/wiki/section/nonsense", 1, "a server or a key of it cannot be read"),
        ("servers/postgres/section/timeout", 30.0, "cannot be read"),
        ("data_keys/0/wrapped", "?", "cannot be read"),
    ],
)
async def test_what_is_no_export_is_refused(
    registry: TenantRegistry, place: str, value: object, message: str
) -> None:
    document = await exported(registry)
    await registry.delete(ACME)
    with pytest.raises(InputError, match="this is no exported tenant") as caught:
        await import_tenant(registry, ACME, altered(document, place, value))
    assert message in caught.value.message


async def test_only_those_who_may_move_tenants(registry: TenantRegistry) -> None:
    with pytest.raises(NotFoundError):
        await export_tenant(registry, ACME)
    document = await exported(registry)
    for work in (
        export_tenant(registry, None),
        export_tenant(registry, UBER),
        import_tenant(registry, UBER, document),
        examine(registry, ACME),
        examine(registry, act_for(UBER, "acme")),
    ):
        with pytest.raises(DeniedError):
            await work
    assert await export_tenant(registry, act_for(UBER, "acme")) == document


async def test_the_doctor_finds_nothing_in_a_store_that_is_well(registry: TenantRegistry) -> None:
    await exported(registry)
    await ApiKeys(registry).create(ACME, principal="x", role="end_user")
    await registry.approve(ACME, "postgres", {"b": "0" * 64})
    for number in range(doctor.PAGE // 100):
        await registry.register(admin(f"t{number}"), {"postgres": DOCUMENT})
    seen: list[int] = []
    found = await examine(registry, UBER, seen.append)
    assert (found.errors, found.findings, found.tenants, found.secrets) == (0, [], 6, 12)
    assert seen[-1] == 6


async def test_the_doctor_names_everything_that_was_altered(
    registry: TenantRegistry, backend: Backend
) -> None:
    await exported(registry)
    await registry.update(ACME, "postgres", {"timeout": 4})
    await ApiKeys(registry).create(ACME, principal="x", role="end_user")
    await registry.approve(ACME, "postgres", {"b": "0" * 64})
    for statement in (
        "UPDATE tenant_api_keys SET role = 'tenant_admin'",
        "UPDATE tenant_tool_pins SET sha256 = 'f'",
        "UPDATE tenant_config_history SET updated_by = 'x' WHERE version = 1",
        "DELETE FROM tenant_config_history WHERE version = 2",
    ):
        backend.run(f"{statement}; SELECT 1")
    found = await examine(registry, UBER)
    texts = [finding.text for finding in found.findings if finding.level == "error"]
    assert found.errors == len(texts) == 4
    for part in (
        "API key",
        "an approval of tenant",
        "version 1 of tenant 'acme' was altered",
        "is missing in the",
    ):
        assert any(part in text for text in texts), part
    backend.run("DELETE FROM tenant_data_keys; SELECT 1")
    registry.keys.forget("acme")
    assert (await examine(registry, UBER)).errors


async def test_the_doctor_sees_a_rotation_that_was_not_finished(
    registry: TenantRegistry, backend: Backend
) -> None:
    await exported(registry)
    backend.run(
        "INSERT INTO tenant_data_keys (tenant_id, version, incarnation, master, wrapped, created_at) "
        "SELECT tenant_id, 2, incarnation, 'older', wrapped, created_at FROM tenant_data_keys; SELECT 1"
    )
    texts = [finding.text for finding in (await examine(registry, UBER)).findings]
    assert "a rotation of its data key was not finished; run it again" in texts
    assert "1 data keys are wrapped by an older master key" in texts
