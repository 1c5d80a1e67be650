"""Pools of SQL connections, by the kind of environment; drivers are loaded when the first one opens.

Loading asyncpg or asyncmy takes tens of milliseconds: it is done on a thread, and a server that never talks
to such a database does without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.connections.sql.connection import SqlConnection
from mcp_arangodb_async.connections.sql.pool import Hear, SqlPool, unheard
from mcp_arangodb_async.errors import ConfigError, UnsupportedError

HERE = "mcp_arangodb_async.connections.sql"
# Kind -> (the driver's package, our module).
DRIVERS: Mapping[str, tuple[str, str]] = {
    "postgresql": ("asyncpg", f"{HERE}.postgresql"),
    "mysql": ("asyncmy", f"{HERE}.mysql"),
    "mariadb": ("asyncmy", f"{HERE}.mysql"),
    "sqlite": ("sqlite3", f"{HERE}.sqlite"),
}
Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


def check_installed(kind: str, name: str) -> None:
    """ConfigError unless the driver of this kind, and the parser of statements, are installed."""
    for package in (DRIVERS[kind][0], "sqlglot"):
        if find_spec(package) is None:
            raise ConfigError(
                f"environment {name!r} of kind {kind} needs the package {package}, which is not installed",
                hint='pip install "mcp-arangodb-async[sql]"',
            )


def open_pool(
    settings: EnvironmentSettings,
    *,
    session: Sequence[str],
    authorizer: Authorizer | None = None,
    hear: Hear = unheard,
) -> SqlPool:
    """The pool of an environment; it opens no connection before one is asked for.

    `session` are statements that prepare each connection; `authorizer` watches those of SQLite; `hear` is
    told what happens to connections.
    """
    if settings.kind not in DRIVERS:
        raise UnsupportedError(f"environment {settings.name!r} of kind {settings.kind} has no SQL")
    connector = Connector(settings, session, authorizer)
    return SqlPool(
        name=settings.name,
        address=settings.address,
        settings=settings.pool,
        connect_timeout=settings.connect_timeout,
        opener=connector.connect,
        hear=hear,
    )


class Connector:
    """Opens the connections of one environment."""

    def __init__(
        self, settings: EnvironmentSettings, session: Sequence[str], authorizer: Authorizer | None
    ) -> None:
        self._settings = settings
        self._session = tuple(session)
        self._authorizer = authorizer
        self._module: ModuleType | None = None

    async def connect(self, ends_at: float) -> SqlConnection:
        """A new connection."""
        if self._module is None:
            self._module = await asyncio.to_thread(import_module, DRIVERS[self._settings.kind][1])
        if self._settings.kind != "sqlite":
            made: SqlConnection = await self._module.connect(self._settings, ends_at, self._session)
            return made
        opened: SqlConnection = await self._module.connect(
            self._settings, ends_at, self._session, authorizer=self._authorizer
        )
        return opened
