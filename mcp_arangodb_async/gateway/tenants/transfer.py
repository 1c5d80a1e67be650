"""A tenant as a document, to be kept or moved to another store: everything sealed as it is stored.

The document opens with the same master key only, and only as this tenant: whoever finds it learns addresses
and names of tools, no secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mcp_arangodb_async.config.check import problems_of
from mcp_arangodb_async.config.place import shown_place
from mcp_arangodb_async.errors import ConflictError, InputError, SealError
from mcp_arangodb_async.gateway.keys import WrappedKey
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.secrets import Owner, open_all
from mcp_arangodb_async.gateway.tenants.changes import no_tenant
from mcp_arangodb_async.gateway.tenants.codec import read_tenant, server_json
from mcp_arangodb_async.gateway.tenants.model import MAXIMUM_SERVERS, Tenant
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.sealing import data_keys, read_row
from mcp_arangodb_async.gateway.tenants.store import ConfigRow, KeyRow, TenantRows

FORMAT = "mcp-arangodb-async tenant 1"
MAXIMUM_BYTES = 8 * 1024 * 1024
_Short = Annotated[str, Field(max_length=256)]


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Secret(_Part):
    version: Annotated[int, Field(ge=1)]
    key: Annotated[int, Field(ge=1)]
    nonce: _Short
    ciphertext: Annotated[str, Field(max_length=64 * 1024)]
    fingerprint: _Short
    set_at: _Short


class _Server(_Part):
    type: _Short
    section: dict[str, Any]
    secrets: Annotated[dict[str, _Secret], Field(max_length=64)]
    version: Annotated[int, Field(ge=1)]
    credential_version: Annotated[int, Field(ge=1)]


class _Key(_Part):
    version: Annotated[int, Field(ge=1)]
    master: _Short
    wrapped: _Short
    created_at: _Short


class _Document(_Part):
    format: Literal["mcp-arangodb-async tenant 1"]
    tenant: _Short
    incarnation: Annotated[str, Field(max_length=32)]
    version: Annotated[int, Field(ge=1)]
    enabled: bool
    servers: Annotated[dict[str, _Server], Field(max_length=MAXIMUM_SERVERS)]
    key_version: Annotated[int, Field(ge=1)]
    mark: _Short
    created_at: Annotated[str, Field(max_length=32)]
    updated_at: Annotated[str, Field(max_length=32)]
    updated_by: _Short
    data_keys: Annotated[list[_Key], Field(min_length=1, max_length=64)]


async def export_tenant(registry: TenantRegistry, identity: Identity | None) -> dict[str, Any]:
    """The caller's tenant as a document of ciphertext; API keys and history stay."""
    async with (
        registry.decisions.tenant(identity, "config.export") as tenant,
        registry.store.transaction(tenant) as rows,
    ):
        row = await rows.config()
        if row is None:
            raise no_tenant(tenant)
        await read_row(registry.keys, rows, row)  # nothing that was altered leaves as if it were right
        keys = [key for key in await rows.keys() if key.incarnation == row.incarnation]
    return {
        "format": FORMAT,
        "tenant": row.tenant,
        "incarnation": row.incarnation,
        "version": row.version,
        "enabled": row.enabled,
        "servers": dict(row.servers),
        "key_version": row.key_version,
        "mark": row.mark,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "updated_by": row.updated_by,
        "data_keys": [
            {
                "version": key.version,
                "master": key.wrapped.master,
                "wrapped": base64.b64encode(key.wrapped.blob).decode(),
                "created_at": key.created_at,
            }
            for key in keys
        ],
    }


async def import_tenant(
    registry: TenantRegistry, identity: Identity | None, document: object, *, dry_run: bool = False
) -> Tenant:
    """Store an exported tenant; ConflictError if it is there, SealError unless all of it opens here."""
    async with registry.decisions.tenant(identity, "config.import", {"dry_run": int(dry_run)}) as tenant:
        row, keys = _read(document, tenant)
        found: Tenant | None = None
        try:
            async with registry.writing(tenant) as rows:
                if await rows.config() is not None:
                    raise ConflictError(
                        f"tenant {tenant!r} is registered already", hint="remove it first, or keep it"
                    )
                for key in keys:
                    await rows.put_key(key)
                found = await _checked(registry, rows, row)
                await rows.put_config(row, action="import", keep=registry.settings.history, new=True)
                if dry_run:
                    raise _RehearsedError
        except _RehearsedError:
            assert found is not None
            return found
        registry.cache.forget(tenant)
        return found


class _RehearsedError(Exception):
    """Ends the transaction of a dry run."""


async def _checked(registry: TenantRegistry, rows: TenantRows, row: ConfigRow) -> Tenant:
    """The tenant of the row, when its mark and every secret are what they were."""
    tenant = await read_row(registry.keys, rows, row)
    owner = Owner(tenant=rows.tenant, incarnation=row.incarnation)
    keys = await data_keys(registry.keys, rows, owner)
    for name, server in tenant.servers.items():
        open_all(keys, owner, name, server.secrets)
    return tenant


def _read(document: object, tenant: str) -> tuple[ConfigRow, Sequence[KeyRow]]:
    """The rows of a document; InputError for one that is no export, SealError for another tenant's."""
    try:
        read = _Document.model_validate(document)
    except ValidationError as error:
        lines = [f"{shown_place(place) or 'the document'}: {what}" for place, what in problems_of(error)[:5]]
        raise InputError("this is no exported tenant: " + "; ".join(lines), field="document") from None
    if read.tenant != tenant:
        raise SealError(
            f"the document is of another tenant than {tenant!r}", hint="a tenant is imported under its own id"
        )
    row = ConfigRow(
        tenant=tenant,
        incarnation=read.incarnation,
        version=read.version,
        enabled=read.enabled,
        servers={name: server.model_dump() for name, server in read.servers.items()},
        key_version=read.key_version,
        mark=read.mark,
        created_at=read.created_at,
        updated_at=read.updated_at,
        updated_by=read.updated_by,
    )
    try:
        _same(row)
        keys = [
            KeyRow(
                version=key.version,
                incarnation=read.incarnation,
                wrapped=WrappedKey(master=key.master, blob=base64.b64decode(key.wrapped, validate=True)),
                created_at=key.created_at,
            )
            for key in read.data_keys
        ]
    except (ValidationError, binascii.Error, ValueError):
        raise InputError("this is no exported tenant: a server or a key of it cannot be read") from None
    return row, keys


def _same(row: ConfigRow) -> None:
    """Nothing is stored that does not come out as it went in."""
    servers: Mapping[str, Any] = {
        name: server_json(server) for name, server in read_tenant(row).servers.items()
    }
    if servers != dict(row.servers):
        raise ValueError
