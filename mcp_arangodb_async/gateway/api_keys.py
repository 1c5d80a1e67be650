"""API keys of tenants and of the platform: 256 random bits, of which only the hash is stored.

    maak_acme.1f2e3d4c5b6a.<43 characters>

The key names its tenant so that the store need look at that tenant's rows only; it proves it by its secret
part. Whose it is and what it may do is bound to the tenant's data key: a row that somebody wrote into the
database does not let anybody in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from mcp_arangodb_async.config.tenancy import Role
from mcp_arangodb_async.errors import DeniedError, InputError, NotFoundError
from mcp_arangodb_async.gateway.roles import ROLES, Identity
from mcp_arangodb_async.gateway.secrets import DataKey, Owner
from mcp_arangodb_async.gateway.tenants.changes import no_tenant
from mcp_arangodb_async.gateway.tenants.decisions import Facts
from mcp_arangodb_async.gateway.tenants.model import TENANT_ID, check_tenant
from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
from mcp_arangodb_async.gateway.tenants.sealing import data_keys, newest_key
from mcp_arangodb_async.gateway.tenants.store import ApiKeyRow, TenantRows
from mcp_arangodb_async.gateway.tenants.tables import PLATFORM

PREFIX = "maak_"
SECRET_BYTES = 32
KEPT_IDENTITIES = 10_000
MAXIMUM_KEYS = 200
LONGEST_KEY = 256
_PLATFORM_WORD = "-"
_PLATFORM_LIFE = "platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key as it may be shown."""

    key_id: str
    prefix: str
    principal: str
    role: str
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A key that was just made; `text` is shown once and is not stored anywhere."""

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Presented:
    tenant: str
    key_id: str
    digest: str = field(repr=False)


class ApiKeys:
    """The API keys of all tenants; keeps identities that were proved lately until anything changes."""

    def __init__(self, registry: TenantRegistry) -> None:
        self._registry = registry
        self._known: OrderedDict[bytes, tuple[Identity, int, str | None]] = OrderedDict()

    async def identity(self, text: str) -> Identity:
        """Who presents this key; DeniedError, always the same one, for any that is not valid now."""
        presented = _read(text)
        if presented is None:
            raise _invalid()
        generation = await self._registry.cache.refresh()
        fingerprint = hashlib.sha256(text.encode()).digest()
        known = self._known.get(fingerprint)
        if known is not None and known[1] == generation and not self._is_over(known[2]):
            self._known.move_to_end(fingerprint)
            return known[0]
        async with self._registry.store.transaction(presented.tenant) as rows:
            row = await rows.api_key(presented.key_id)
            stored = row.digest if row is not None else "0" * 64
            matches = hmac.compare_digest(stored, presented.digest)
            if row is None or not matches or row.revoked_at is not None or self._is_over(row.expires_at):
                raise _invalid()
            await self._check(rows, row)
        is_platform = presented.tenant == PLATFORM
        identity = Identity(
            principal=row.principal,
            role=_role(row.role),
            tenant=None if is_platform else presented.tenant,
            way="api_key",
        )
        self._known[fingerprint] = (identity, generation, row.expires_at)
        while len(self._known) > KEPT_IDENTITIES:
            self._known.popitem(last=False)
        return identity

    async def create(
        self, identity: Identity | None, *, principal: str, role: Role, days: int | None = None
    ) -> NewApiKey:
        """A new key of the caller's tenant, or of the platform for an Uber Admin who acts for none.

        Nobody makes a key of a stronger role than the own; keys of the platform are Uber Admins' ones.
        """
        facts: Facts = {"step": "create", "for": principal[:128], "key_role": role}
        async with self._registry.decisions.anywhere(identity, "api_keys.manage", facts) as tenant:
            assert identity is not None
            _check_wish(identity, tenant, principal, role, days)
            now = self._registry.now()
            key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES)
            async with self._registry.writing(tenant or PLATFORM) as rows:
                kept = [key for key in await rows.api_keys() if key.revoked_at is None]
                if len(kept) >= MAXIMUM_KEYS:
                    raise InputError(f"there are {len(kept)} API keys already, at most {MAXIMUM_KEYS}")
                row = ApiKeyRow(
                    key_id=key_id,
                    digest=_digest(secret),
                    principal=principal,
                    role=role,
                    created_at=now,
                    created_by=identity.principal[:256],
                    expires_at=None if days is None else self._after(days),
                    revoked_at=None,
                    key_version=0,
                    mark="",
                )
                key = await newest_key(self._registry.keys, rows, await owner_of(rows), at=now)
                await rows.put_api_key(marked_api_key(row, key))
        shown = _shown(row, tenant)
        return NewApiKey(key=shown, text=f"{shown.prefix}.{secret}")

    async def list(self, identity: Identity | None) -> Sequence[ApiKey]:
        """The keys of the caller's tenant, or of the platform."""
        async with (
            self._registry.decisions.anywhere(identity, "api_keys.manage", quiet=True) as tenant,
            self._registry.store.transaction(tenant or PLATFORM) as rows,
        ):
            return [_shown(row, tenant) for row in await rows.api_keys()]

    async def revoke(self, identity: Identity | None, key_id: str) -> ApiKey:
        """Let this key in no more; known to every process after `stale_seconds` at the latest."""
        facts: Facts = {"step": "revoke", "key": key_id[:32]}
        async with self._registry.decisions.anywhere(identity, "api_keys.manage", facts) as tenant:
            now = self._registry.now()
            async with self._registry.writing(tenant or PLATFORM) as rows:
                row = await rows.api_key(key_id)
                if row is None:
                    raise NotFoundError(f"there is no API key {key_id[:32]!r}", hint="list shows them")
                if row.revoked_at is None:
                    key = await newest_key(self._registry.keys, rows, await owner_of(rows), at=now)
                    row = replace(row, revoked_at=now)
                    await rows.put_api_key(marked_api_key(row, key))
            self._known.clear()
        return _shown(row, tenant)

    async def _check(self, rows: TenantRows, row: ApiKeyRow) -> None:
        keys = await data_keys(self._registry.keys, rows, await owner_of(rows))
        check_api_key(row, keys.get(row.key_version), rows.tenant)

    def _is_over(self, expires_at: str | None) -> bool:
        return expires_at is not None and expires_at <= self._registry.now()

    def _after(self, days: int) -> str:
        end = datetime.fromisoformat(self._registry.now()) + timedelta(days=days)
        return end.astimezone(UTC).isoformat(timespec="milliseconds")


def marked_api_key(row: ApiKeyRow, key: DataKey) -> ApiKeyRow:
    """The row, bound to the tenant's data key."""
    return replace(row, key_version=key.version, mark=key.mark(0, _content(row)))


def check_api_key(row: ApiKeyRow, key: DataKey | None, tenant: str) -> None:
    """Return if the row is what was stored for the tenant; DeniedError, as for a wrong key, if not."""
    if key is None or key.owner.tenant != tenant:
        raise _invalid()
    if not hmac.compare_digest(key.mark(0, _content(row)), row.mark):
        raise _invalid()


async def owner_of(rows: TenantRows) -> Owner:
    """Whose data key binds the keys; NotFoundError for a tenant that nobody registered."""
    if rows.tenant == PLATFORM:
        return Owner(tenant=PLATFORM, incarnation=_PLATFORM_LIFE)
    row = await rows.config()
    if row is None:
        raise no_tenant(rows.tenant)
    return Owner(tenant=rows.tenant, incarnation=row.incarnation)


def _content(row: ApiKeyRow) -> bytes:
    facts = [
        "api key", row.key_id, row.digest, row.principal, row.role, row.created_at, row.created_by,
        row.expires_at, row.revoked_at,
    ]  # fmt: skip
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":")).encode()


def _read(text: str) -> _Presented | None:
    """The parts of a key's text; None for what cannot be a key."""
    if not text.startswith(PREFIX) or len(text) > LONGEST_KEY or not text.isascii():
        return None
    tenant, _, rest = text.removeprefix(PREFIX).rpartition(".")
    tenant, _, key_id = tenant.rpartition(".")
    if tenant == _PLATFORM_WORD:
        tenant = PLATFORM
    elif not TENANT_ID.match(tenant):
        return None
    if not key_id or not rest:
        return None
    return _Presented(tenant=tenant, key_id=key_id, digest=_digest(rest))


def _digest(secret: str) -> str:
    # One round is enough: the secret is 256 random bits, not a word.
    return hashlib.sha256(secret.encode()).hexdigest()


def _check_wish(identity: Identity, tenant: str | None, principal: str, role: Role, days: int | None) -> None:
    if not 1 <= len(principal) <= 128 or not principal.isprintable():
        raise InputError("a principal is 1 to 128 printable characters", field="principal")
    if days is not None and not 1 <= days <= 3650:
        raise InputError(f"a key is valid for 1 to 3650 days, not {days}", field="days")
    if (role == "uber_admin") != (tenant is None):
        raise InputError(
            "keys of the platform have role uber_admin, keys of a tenant another one", field="role"
        )
    if ROLES.index(role) < ROLES.index(identity.role):
        raise DeniedError(f"role {identity.role} cannot make a key of role {role}")


def _role(word: str) -> Role:
    known: dict[str, Role] = {role: role for role in ROLES}
    if word not in known:
        raise _invalid()
    return known[word]


def _shown(row: ApiKeyRow, tenant: str | None) -> ApiKey:
    owner = _PLATFORM_WORD if tenant is None else check_tenant(tenant)
    return ApiKey(
        key_id=row.key_id,
        prefix=f"{PREFIX}{owner}.{row.key_id}",
        principal=row.principal,
        role=row.role,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _invalid() -> DeniedError:
    return DeniedError("the API key is not valid", hint="it may be mistyped, revoked or over")
