"""Tenants in one SQLite file: what runs with nothing installed.

There is no row-level security in SQLite. What keeps tenants apart here: every statement names the tenant,
every row is looked at again, and a row or secret of another tenant does not open with this one's key.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.gateway.tenants.migrate import head, revision, upgrade
from mcp_arangodb_async.gateway.tenants.sql import SqlTenantStore
from mcp_arangodb_async.gateway.tenants.tables import dump_json

MOST_CONNECTIONS = 4  # each is a thread; one writes, the others read
BUSY_MILLISECONDS = 5000
SECRET_MODE = 0o600
DIRECTORY_MODE = 0o700


class SqliteTenantStore(SqlTenantStore):
    """All tenants in one file that only its owner can read."""

    def __init__(self, path: Path, engine: AsyncEngine) -> None:
        super().__init__(engine, kind="sqlite", name=str(path), locks=False)
        self.path = path

    async def problems(self) -> Sequence[str]:
        """What is wrong with the file."""
        found: list[str] = []
        async with self.connected() as connection:
            result = (await connection.execute(text("PRAGMA quick_check(10)"))).scalars().all()
            found += [f"{self.path}: {line}" for line in result if line != "ok"]
            now = await connection.run_sync(revision)
        if now != head():
            found.append(
                f"{self.path}: its tables are of version {now or 'none'}, this program's are {head()}"
            )
        for file in (self.path, *self.path.parent.glob(f"{self.path.name}-*")):
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & 0o077:
                found.append(f"{file}: can be used by others (mode {mode:o}); chmod 600 it")
        return found

    async def erased(self) -> None:
        """Take deleted rows out of the write-ahead log too; in the file itself they are overwritten."""
        async with self.engine.connect() as connection:
            driver = await connection.get_raw_connection()
            cursor = await driver.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # pyright: ignore[reportOptionalMemberAccess] - an open connection has a driver's one
            await cursor.close()


async def open_sqlite(path: Path, *, connections: int = MOST_CONNECTIONS) -> SqliteTenantStore:
    """The store in this file, made if it is not there; ConfigError if it is of another version."""
    store = open_file(path, connections=connections)
    try:
        async with store.connected(write=True) as connection:
            now = await connection.run_sync(revision)
            if now is None:
                await connection.run_sync(upgrade, head(), {})
            elif now != head():
                raise ConfigError(
                    f"the store of tenants {path} is of version {now}, this program needs {head()}",
                    hint="`maa tenant migrate up` brings it up to date",
                )
    except BaseException:
        await store.close()
        raise
    return store


def open_file(path: Path, *, connections: int = MOST_CONNECTIONS) -> SqliteTenantStore:
    """The store in this file, whatever tables it has; ConfigError for a file that others can use."""
    _prepare(path)
    return SqliteTenantStore(path, sqlite_engine(path, connections=connections))


def sqlite_engine(path: Path, *, connections: int = MOST_CONNECTIONS) -> AsyncEngine:
    """An engine whose transactions are SQLite's own, and whose commits are on the disk when they return."""
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=min(connections, MOST_CONNECTIONS),
        max_overflow=0,
        pool_timeout=BUSY_MILLISECONDS / 1000,
        json_serializer=dump_json,
        hide_parameters=True,
    )

    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # no transaction but the one that `began` opens
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_MILLISECONDS}", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON",
            "trusted_schema=OFF", "foreign_keys=ON",
        ):  # fmt: skip
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def began(connection: Any) -> None:
        write = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    def given_up(connection: Any, _record: Any, _error: BaseException | None) -> None:
        # The caller was cancelled while the driver's thread worked. Closing alone keeps the lock for as long
        # as a cursor lives in the error's traceback; the thread rolls back after what it is doing.
        if connection is not None:
            connection.rollback()

    event.listen(engine.sync_engine, "connect", connected)
    event.listen(engine.sync_engine, "begin", began)
    event.listen(engine.sync_engine, "invalidate", given_up)
    return engine


def _prepare(path: Path) -> None:
    """The file, its owner's only before anything is in it; ConfigError for a link or an open one."""
    try:
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        handle = os.open(
            path,
            os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0),
            SECRET_MODE,
        )
    except OSError as error:
        raise ConfigError(f"the store of tenants {path} cannot be opened: {error.strerror}") from None
    try:
        facts = os.fstat(handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        raise ConfigError(f"the store of tenants {path} must be a regular file with one name")
    if facts.st_mode & 0o077:
        raise ConfigError(
            f"the store of tenants {path} can be used by others (mode {stat.S_IMODE(facts.st_mode):o})",
            hint=f"chmod 600 {path}",
        )
