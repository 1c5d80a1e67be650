"""Tenants in PostgreSQL: row-level security, forced, under a role that owns nothing.

The owner role makes the tables (`maa tenant migrate up`). The server connects as another role, which is no
superuser, may not bypass row-level security, and sees the rows of the tenant that its transaction was opened
for. Outside such a transaction it sees none, and no statement fails for that.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mcp_arangodb_async.config.model import Secret, Settings
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.gateway.tenants.migrate import SCHEMA, SCOPE_SETTING, TENANT_SETTING, head, revision
from mcp_arangodb_async.gateway.tenants.sql import TENANT_TABLES, SqlTenantStore
from mcp_arangodb_async.gateway.tenants.tables import dump_json

CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 10_000
POOL_SECONDS = 5.0
RECYCLE_SECONDS = 1800

_ENTER = text("SELECT set_config(:name, :value, true)")
_ROLE = text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
_GUARDED = text(
    "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_has_role(c.relowner, 'MEMBER'), "
    "(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND EXISTS (SELECT 1 FROM pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)"
)


class PostgresTenantStore(SqlTenantStore):
    """All tenants in one database, kept apart by the database itself."""

    def __init__(self, engine: AsyncEngine, *, name: str) -> None:
        super().__init__(engine, kind="postgresql", name=name, locks=True)

    async def enter(self, connection: AsyncConnection, tenant: str) -> None:
        """From here to the end of the transaction only the tenant's rows exist."""
        await connection.execute(_ENTER, {"name": TENANT_SETTING, "value": tenant})

    async def enter_directory(self, connection: AsyncConnection) -> None:
        """From here to the end of the transaction the list of tenants can be read."""
        await connection.execute(_ENTER, {"name": SCOPE_SETTING, "value": "directory"})

    async def problems(self) -> Sequence[str]:
        """What is wrong with the role or the tables: each of these would let one tenant see another."""
        found: list[str] = []
        async with self.connected() as connection:
            superuser, bypasses = (await connection.execute(_ROLE)).one()
            if superuser:
                return [f"{self.name}: the role is a superuser, who sees the rows of every tenant"]
            if bypasses:
                found.append(f"{self.name}: the role has BYPASSRLS")
            now = await connection.run_sync(revision)
            if now != head():
                found.append(
                    f"{self.name}: its tables are of version {now or 'none'}, this program's are {head()}; "
                    "`maa tenant migrate up` as the owner"
                )
            rows = (await connection.execute(_GUARDED, {"schema": SCHEMA})).all()
        for table, enabled, forced, owned, policies in rows:
            if not enabled or not forced or not policies:
                found.append(f"{self.name}: table {table} is not under forced row-level security")
            if owned:
                found.append(f"{self.name}: the role owns table {table}, or may act as its owner")
        expected = {table.__tablename__ for table in TENANT_TABLES}
        if now == head() and expected - {row[0] for row in rows}:
            found.append(f"{self.name}: a table of tenants is missing")
        return found

    async def erased(self) -> None:
        """Nothing here: the server's own vacuum removes deleted rows, and its logs keep what they keep."""


async def open_postgresql(settings: Settings) -> PostgresTenantStore:
    """The store in this database; ConfigError unless tenants are kept apart in it."""
    tenants = settings.tenants
    engine = postgresql_engine(settings, tenants.store_username, settings.secret(tenants.store_password_env))
    store = PostgresTenantStore(engine, name=shown(settings))
    try:
        problems = await store.problems()
    except BaseException:
        await store.close()
        raise
    if problems:
        await store.close()
        raise ConfigError("tenants are not safe in this store:\n" + "\n".join(problems), problems=problems)
    return store


def open_as_owner(settings: Settings) -> PostgresTenantStore:
    """The store as the role that owns the tables, whatever tables it has; for migrations only."""
    tenants = settings.tenants
    password = settings.secret(tenants.owner_password_env)
    engine = postgresql_engine(settings, tenants.owner_username, password, connections=1)
    return PostgresTenantStore(engine, name=shown(settings))


def shown(settings: Settings) -> str:
    """What messages call the database: its address, without credentials."""
    parts = urlsplit(settings.tenants.store or "")
    return f"postgresql://{parts.netloc}{parts.path}"


def postgresql_engine(
    settings: Settings,
    username: str,
    password: Secret,
    *,
    connections: int | None = None,
    pool_seconds: float = POOL_SECONDS,
) -> AsyncEngine:
    """An engine for one role; the password is asked for at each connection, so that it may change."""
    parts = urlsplit(settings.tenants.store or "")
    host = unquote(parts.hostname or "") or "127.0.0.1"
    engine = create_async_engine(
        URL.create(
            "postgresql+asyncpg", username=username, host=host, port=parts.port or 5432,
            database=unquote(parts.path.strip("/")),
        ),
        pool_size=connections or settings.tenants.store_connections,
        max_overflow=0,
        pool_timeout=pool_seconds,
        pool_recycle=RECYCLE_SECONDS,
        pool_pre_ping=True,
        json_serializer=dump_json,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "ssl": _tls(settings, host),
            "server_settings": _session(),
        },
    )  # fmt: skip

    def connecting(_dialect: Any, _record: Any, _words: Any, options: dict[str, Any]) -> None:
        options["password"] = password.reveal()

    event.listen(engine.sync_engine, "do_connect", connecting)
    return engine


def _session() -> Mapping[str, str]:
    return {
        "application_name": "mcp-arangodb-async tenants",
        "search_path": SCHEMA,
        "statement_timeout": str(STATEMENT_MILLISECONDS),
        "lock_timeout": str(STATEMENT_MILLISECONDS),
        "idle_in_transaction_session_timeout": str(2 * STATEMENT_MILLISECONDS),
    }


def _tls(settings: Settings, host: str) -> ssl.SSLContext | bool:
    """Verified TLS; none where the settings say so, or to this machine itself unless they ask for it."""
    how = settings.tenants.store_tls
    if how == "off" or (how == "auto" and _here(host)):
        return False
    try:
        return ssl.create_default_context(cafile=settings.tenants.store_ca_file)
    except OSError as error:
        raise ConfigError(f"tenants.store_ca_file cannot be used: {error.strerror or error}") from None


def _here(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
