"""Sessions that bypass the guard, and what a server's data and files look like before and after.

They are the product's own connections, with the statements that the dialect prepares a session with. A wall
can be left out, to see what the others stop.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from mcp_arangodb_async.config.environments import EnvironmentSettings, EnvironmentTls
from mcp_arangodb_async.config.secret import Secret
from mcp_arangodb_async.connections.sql import mysql, postgresql
from mcp_arangodb_async.connections.sql.connection import Command, SqlConnection
from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.dialects.sqlite import SQLITE, authorize, lock, uri
from tests.sql_servers import PASSWORDS, SqlServer
from tests.unit.sql.corpora import script

Walls = Literal["read only", "no gate", "none"]
PASSWORD_OF = {
    "postgres": "SQL_ADMIN_PASSWORD", "root": "SQL_ADMIN_PASSWORD", "writer": "SQL_WRITER_PASSWORD",
    "reader": "SQL_READER_PASSWORD",
}  # fmt: skip
SECONDS = 5.0


class RefusedError(Exception):
    """The engine did not run it."""


class Session(Protocol):
    async def run(self, text: str) -> Sequence[Sequence[Any]]:
        """The rows of one statement; raises RefusedError."""
        ...


def settings_of(
    server: SqlServer, database: str, user: str, walls: Walls = "read only"
) -> EnvironmentSettings:
    """The settings of an environment on one of the servers."""
    return EnvironmentSettings(
        name=database,
        kind=server.kind,
        host="127.0.0.1",
        port=server.port,
        user=user,
        password=Secret.held(PASSWORDS[PASSWORD_OF[user]]),
        database=database,
        query_timeout=2.0,
        access="admin" if walls == "none" else "read",
        tls=EnvironmentTls(mode="off"),
    )


class ServerSession:
    """A session on a server; it is opened again when a statement closed it."""

    def __init__(self, settings: EnvironmentSettings, walls: Walls) -> None:
        self._settings = settings
        self._walls = walls
        self._dialect = DIALECTS[settings.kind]
        self._connection: SqlConnection | None = None

    async def open(self) -> SqlConnection:
        if self._connection is None:
            statements = (*self._dialect.session, *(self._dialect.read_only if self._walls != "none" else ()))
            ends_at = time.monotonic() + SECONDS
            connect = postgresql.connect if self._settings.kind == "postgresql" else mysql.connect
            self._connection = await connect(self._settings, ends_at, statements)
        return self._connection

    async def run(self, text: str) -> Sequence[Sequence[Any]]:
        if self._walls == "read only" and not self._dialect.passes_gate(text):
            raise RefusedError("the gate")
        connection = await self.open()
        command = Command(text=text, pieces=(text,), read_only=self._walls != "none")
        try:
            found = await connection.fetch(
                command, max_rows=1000, max_bytes=1_000_000, ends_at=time.monotonic() + SECONDS
            )
        except MaaError as error:
            raise RefusedError(str(error)) from None
        finally:
            await self.settle(connection)
        return found.rows

    async def settle(self, connection: SqlConnection) -> None:
        with contextlib.suppress(MaaError):
            if connection.is_usable and (connection.is_clean or await connection.settle()):
                return
        await connection.close()
        self._connection = None

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class SqliteSession:
    """`without` names a wall to leave out: `mode`, `query_only`, `attach` or `authorizer`."""

    def __init__(self, path: Path, *, without: str = "") -> None:
        self._connection = sqlite3.connect(
            uri(path, read_only=without != "mode"), uri=True, isolation_level=None
        )
        for text in SQLITE.session:
            self._connection.execute(text)
        lock(self._connection)
        if without == "query_only":
            self._connection.set_authorizer(None)
            self._connection.execute("PRAGMA query_only = OFF")
            self._connection.set_authorizer(authorize)
        if without == "attach":
            self._connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 10)
        if without == "authorizer":
            self._connection.set_authorizer(None)

    async def run(self, text: str) -> Sequence[Sequence[Any]]:
        try:
            return self._connection.execute(text).fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise RefusedError(str(error)) from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    async def close(self) -> None:
        self._connection.close()


@contextlib.asynccontextmanager
async def closing(one: ServerSession | SqliteSession) -> AsyncGenerator[Session]:
    try:
        yield one
    finally:
        await one.close()


def session(
    server: SqlServer, database: str, user: str, walls: Walls = "read only"
) -> contextlib.AbstractAsyncContextManager[Session]:
    """A session on one of the servers."""
    return closing(ServerSession(settings_of(server, database, user, walls), walls))


def state(server: SqlServer, database: str) -> str:
    """What a server's database holds; equal before and after if nothing was written."""
    return server.run(script(f"{server.kind}_state"), database)


def files(*directories: Path) -> dict[str, str]:
    """Every file below the directories by its contents."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for directory in directories
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
