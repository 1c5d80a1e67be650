"""Rows and their seals: a tenant's data keys, whether a row is what was stored, what a change seals."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace

from mcp_arangodb_async.errors import SealError
from mcp_arangodb_async.gateway.secrets import DataKey, KeyRing, Owner, Place, associated
from mcp_arangodb_async.gateway.tenants.codec import marked_bytes, read_tenant
from mcp_arangodb_async.gateway.tenants.document import Submission
from mcp_arangodb_async.gateway.tenants.model import SealedSecret, Server, Tenant
from mcp_arangodb_async.gateway.tenants.store import ConfigRow, KeyRow, PinRow, TenantRows


async def read_row(keys: KeyRing, rows: TenantRows, row: ConfigRow, key: KeyRow | None = None) -> Tenant:
    """The tenant that a row describes; SealError unless it is what was stored for this tenant and version."""
    # The tenant that was asked for, not the one that the row names: another's row does not open with its key.
    owner = Owner(tenant=rows.tenant, incarnation=row.incarnation)
    opened = keys.kept(owner, row.key_version)
    if opened is None:
        found = key or next((one for one in await rows.keys() if one.version == row.key_version), None)
        if found is None:
            raise SealError(
                f"data key {row.key_version} of tenant {rows.tenant!r}, which marked version {row.version}, "
                "is not there"
            )
        opened = await keys.open(owner, row.key_version, found.wrapped)
    opened.check(row.version, marked_bytes(row), row.mark)
    return read_tenant(row)


async def data_keys(keys: KeyRing, rows: TenantRows, owner: Owner) -> dict[int, DataKey]:
    """Every data key of the tenant, opened, by its version."""
    return {
        one.version: await keys.open(owner, one.version, one.wrapped)
        for one in await rows.keys()
        if one.incarnation == owner.incarnation
    }


async def newest_key(keys: KeyRing, rows: TenantRows, owner: Owner, *, at: str) -> DataKey:
    """The data key that seals now; the tenant's first one is made here."""
    stored = [one for one in await rows.keys() if one.incarnation == owner.incarnation]
    if stored:
        newest = max(stored, key=lambda one: one.version)
        return await keys.open(owner, newest.version, newest.wrapped)
    return await add_key(keys, rows, owner, 1, at=at)


async def add_key(keys: KeyRing, rows: TenantRows, owner: Owner, version: int, *, at: str) -> DataKey:
    """A new data key, stored."""
    key, wrapped = await keys.new(owner, version)
    await rows.put_key(KeyRow(version=version, incarnation=owner.incarnation, wrapped=wrapped, created_at=at))
    return key


def marked(row: ConfigRow, key: DataKey) -> ConfigRow:
    """The row with its mark."""
    return replace(row, key_version=key.version, mark=key.mark(row.version, marked_bytes(row)))


def sealed_server(
    name: str,
    submission: Submission,
    before: Server | None,
    keys: Mapping[int, DataKey],
    *,
    owner: Owner,
    version: int,
    at: str,
) -> Server:
    """The server after a submission; the one before, untouched, when nothing of it is different.

    `version` is the tenant's next one. A secret that is given again as it is keeps its seal and its date.
    """
    newest = keys[max(keys)]
    kept = before.secrets if before is not None else dict[str, SealedSecret]()
    secrets = {field: secret for field, secret in kept.items() if field not in submission.removed}
    for field, plaintext in submission.secrets.items():
        place = Place(owner=owner, server=name, field=field)
        old = secrets.get(field)
        if (
            old is not None
            and old.key_version in keys
            and keys[old.key_version].open(place, old) == plaintext
        ):
            continue
        secrets[field] = newest.seal(place, plaintext, version=version, at=at)
    if before is not None and before.section == submission.section and before.secrets == secrets:
        return before
    same_secrets = before is not None and before.secrets == secrets
    return Server(
        name=name,
        section=submission.section,
        secrets=secrets,
        version=version,
        credential_version=before.credential_version if before is not None and same_secrets else version,
    )


def resealed(
    name: str, secrets: Mapping[str, SealedSecret], keys: Mapping[int, DataKey], newest: DataKey, owner: Owner
) -> dict[str, SealedSecret]:
    """The same secrets under the newest data key; version and date stay."""
    found: dict[str, SealedSecret] = {}
    for field, secret in secrets.items():
        if secret.key_version == newest.version:
            found[field] = secret
            continue
        place = Place(owner=owner, server=name, field=field)
        key = keys.get(secret.key_version)
        if key is None:
            raise SealError(
                f"the secret of {place} was sealed with data key {secret.key_version}, which is gone"
            )
        found[field] = newest.seal(place, key.open(place, secret), version=secret.version, at=secret.set_at)
    return found


def marked_pin(pin: PinRow, key: DataKey) -> PinRow:
    """The approval, bound to the tenant's data key: nobody approves a tool by writing into the database."""
    return replace(pin, key_version=key.version, mark=key.mark(0, _pin_bytes(pin)))


def check_pin(pin: PinRow, keys: Mapping[int, DataKey], tenant: str) -> PinRow:
    """The approval, if it is what was stored for the tenant; SealError if not."""
    key = keys.get(pin.key_version)
    if key is None or not hmac.compare_digest(key.mark(0, _pin_bytes(pin)), pin.mark):
        raise SealError(f"an approval of tenant {tenant!r} was altered, or belongs to another tenant")
    return pin


def _pin_bytes(pin: PinRow) -> bytes:
    return associated("pin", pin.server, pin.tool, pin.sha256, pin.approved_at, pin.approved_by)
