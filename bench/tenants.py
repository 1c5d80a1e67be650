"""Ten thousand tenants for measurements, stored in bulk with their seals, and calls on their behalf."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.gateway.conversation import Caller
from mcp_arangodb_async.gateway.door import Connect, Gateway, open_gateway
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.secrets import Owner
from mcp_arangodb_async.gateway.tenants.changes import row_of
from mcp_arangodb_async.gateway.tenants.document import read_document
from mcp_arangodb_async.gateway.tenants.model import Tenant
from mcp_arangodb_async.gateway.tenants.open import open_registry
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.sealing import marked, sealed_server
from mcp_arangodb_async.gateway.tenants.tables import (
    Tables,
    TenantConfig,
    TenantDataKey,
    TenantDirectory,
    TenantHistory,
)
from mcp_arangodb_async.gateway.upstreams import Result, open_upstream

KEY_FILE = "master.key"
AT = "2026-01-01T00:00:00.000+00:00"
ME = Caller()


def settings_file(directory: Path, tenants: Mapping[str, Any], **more: Any) -> Path:
    """A configuration file with tenants that reach this machine, and its key beside it."""
    key = directory / KEY_FILE
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32), encoding="ascii")
    document: dict[str, Any] = {
        "databases": {"main": {"url": "embedded::memory:"}},
        "tenants": {
            "enabled": True,
            "store": "tenants.db",
            "key_source": "file",
            "key_file": KEY_FILE,
            "allowed_schemes": ["https", "http"],
            "private_networks": ["127.0.0.0/8"],
            "rate": 1000,
            "rate_seconds": 0.01,  # everything that admission costs, and never a refusal
            **tenants,
        },
        **more,
    }
    path = directory / "bench.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def settings_of(directory: Path, tenants: Mapping[str, Any], **more: Any) -> Settings:
    """The settings that a server would read there."""
    path = settings_file(directory, tenants, **more)
    places = UserDirectories(config=directory, data=directory / "data")
    return load_settings(environ={}, cwd=directory, config_file=str(path), directories=places)


def named(number: int) -> str:
    """A tenant's id."""
    return f"tenant-{number:05}"


def identity(number: int) -> Identity:
    """Somebody who uses this tenant's servers."""
    return Identity(principal=f"user-{number}", role="end_user", tenant=named(number))


async def store_tenants(registry: TenantRegistry, urls: Sequence[str]) -> None:
    """One tenant for each address, as if each had registered it with a key of its own."""
    rows: dict[type[Tables], list[dict[str, Any]]] = {
        table: [] for table in (TenantDirectory, TenantConfig, TenantHistory, TenantDataKey)
    }
    for number, url in enumerate(urls):
        owner = Owner(tenant=named(number), incarnation=secrets.token_hex(8))
        key, wrapped = await registry.keys.new(owner, 1)
        submission = read_document(
            "postgres", {"url": url, "headers": {"Authorization": f"Bearer key-of-{number}-0123456789"}}
        )
        server = sealed_server("postgres", submission, None, {1: key}, owner=owner, version=1, at=AT)
        tenant = Tenant(
            id=owner.tenant, incarnation=owner.incarnation, version=1, servers={"postgres": server},
            created_at=AT, updated_at=AT, updated_by="bench",
        )  # fmt: skip
        row = asdict(marked(row_of(tenant, None), key))
        row["mcp_server_config"], row["tenant_id"] = row.pop("servers"), row.pop("tenant")
        rows[TenantDirectory].append({"tenant_id": owner.tenant, "created_at": AT})
        rows[TenantConfig].append(row)
        rows[TenantHistory].append({**row, "action": "register"})
        rows[TenantDataKey].append(
            {
                "tenant_id": owner.tenant, "version": 1, "incarnation": owner.incarnation,
                "master": wrapped.master, "wrapped": wrapped.blob, "created_at": AT,
            }
        )  # fmt: skip
        registry.keys.forget(owner.tenant)
    store: Any = registry.store
    async with store.connected(write=True) as connection:
        for table, values in rows.items():
            for start in range(0, len(values), 1000):
                await connection.execute(insert(table), values[start : start + 1000])


@asynccontextmanager
async def opened(
    settings: Settings, urls: Sequence[str], *, connect: Connect = open_upstream
) -> AsyncGenerator[Gateway]:
    """A gateway with one stored tenant for each address; those that are stored already stay."""
    async with open_registry(settings) as registry:
        if urls:
            await store_tenants(registry, urls)
        async with open_gateway(settings, registry=registry, connect=connect) as gateway:
            yield gateway


async def call(gateway: Gateway, number: int, tool: str = "postgres__echo") -> Result:
    """One call on behalf of a tenant, whose answer must be its own."""
    result = await gateway.call(identity(number), tool, {"text": named(number)}, ME)
    if result["content"][0]["text"] != named(number):
        raise AssertionError(f"{named(number)} was answered {result}")
    return result
