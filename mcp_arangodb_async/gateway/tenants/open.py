"""Opening the registry that the settings describe: keys first, then the store; nothing has a default key."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError

if TYPE_CHECKING:
    from mcp_arangodb_async.gateway.tenants.decisions import Record
    from mcp_arangodb_async.gateway.tenants.postgresql import PostgresTenantStore
    from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry
    from mcp_arangodb_async.gateway.tenants.sqlite import SqliteTenantStore

STORE_FILE = "tenants.db"
_LIBRARIES = ("sqlalchemy", "alembic", "aiosqlite", "asyncpg", "cryptography")


@asynccontextmanager
async def open_registry(
    settings: Settings, *, record: Record | None = None
) -> AsyncGenerator[TenantRegistry]:
    """The registry of all tenants, for as long as the block lasts.

    ConfigError without a strong master key, for a store that others can read, and for a database that does
    not keep tenants apart; UnavailableError when the database does not answer. `record` writes audit rows.
    """
    require_libraries()
    # Here and not above: a process without tenants does not load these libraries.
    from mcp_arangodb_async.gateway.keys import key_source
    from mcp_arangodb_async.gateway.secrets import KeyRing
    from mcp_arangodb_async.gateway.tenants.registry import TenantRegistry

    keys = KeyRing(key_source(settings))
    store = await open_store(settings)
    registry = TenantRegistry(store=store, keys=keys, settings=settings.tenants, record=record)
    try:
        yield registry
    finally:
        await registry.close()


async def open_store(settings: Settings) -> SqliteTenantStore | PostgresTenantStore:
    """The store alone, without keys."""
    require_libraries()
    if is_postgresql(settings):
        from mcp_arangodb_async.gateway.tenants.postgresql import open_postgresql

        return await open_postgresql(settings)
    from mcp_arangodb_async.gateway.tenants.sqlite import open_sqlite

    return await open_sqlite(sqlite_path(settings), connections=settings.tenants.store_connections)


async def migrate_store(settings: Settings, target: str) -> tuple[str | None, str | None]:
    """Bring the tables to a version: `head` for this program's, `base` for none; what it was, and what it is.

    In PostgreSQL it connects as the owner. Going back loses what the later versions stored.
    """
    require_libraries()
    from mcp_arangodb_async.gateway.tenants.migrate import move

    if is_postgresql(settings):
        from mcp_arangodb_async.gateway.tenants.postgresql import open_as_owner

        store = open_as_owner(settings)
    else:
        from mcp_arangodb_async.gateway.tenants.sqlite import open_file

        store = open_file(sqlite_path(settings))
    try:
        async with store.connected(write=True) as connection:
            options = {"application_role": settings.tenants.store_username}
            return await connection.run_sync(move, target, options)
    finally:
        await store.close()


def is_postgresql(settings: Settings) -> bool:
    """Whether the store is a PostgreSQL database."""
    return (settings.tenants.store or "").startswith("postgresql://")


def sqlite_path(settings: Settings) -> Path:
    """The file of a store in SQLite."""
    return Path(settings.tenants.store) if settings.tenants.store else settings.data_directory / STORE_FILE


def require_libraries() -> None:
    """Return if the libraries of this feature are installed, else raise ConfigError that says how."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"tenants need libraries that are not installed: {', '.join(missing)}",
            hint='pip install "mcp-arangodb-async[tenants]"',
        )
