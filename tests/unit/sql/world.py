"""Environments on real servers, for tests that ask many questions of the same ones.

A `World` has a loop of its own that lasts as long as the test module: pools belong to their loop, and
Hypothesis calls synchronous functions.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from mcp_arangodb_async.config.environments import (
    Access,
    EnvironmentSettings,
    EnvironmentTls,
)
from mcp_arangodb_async.config.secret import Secret
from mcp_arangodb_async.sql.router import Environments
from tests.sql_servers import PASSWORDS, SqlServer, sqlite_file

T = TypeVar("T")
NO_TLS = EnvironmentTls(mode="off")
VARIABLES = {"writer": "SQL_WRITER_PASSWORD", "reader": "SQL_READER_PASSWORD"}


class World:
    """A loop, and what was opened in it."""

    def __init__(self, settings: Mapping[str, EnvironmentSettings]) -> None:
        self.settings = dict(settings)
        self._runner = asyncio.Runner()
        self.environments = Environments(self.settings)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, in the loop of this world."""
        return self._runner.run(work)

    def close(self) -> None:
        """Close everything."""
        self.run(self.environments.close())
        self._runner.close()


@contextmanager
def world(settings: Mapping[str, EnvironmentSettings]) -> Generator[World]:
    """A world of these environments."""
    made = World(settings)
    try:
        yield made
    finally:
        made.close()


def on_server(
    server: SqlServer,
    database: str,
    *,
    name: str | None = None,
    user: str = "writer",
    access: Access = "read",
    password: Secret | None = None,
    tls: EnvironmentTls = NO_TLS,
    **more: Any,
) -> EnvironmentSettings:
    """The settings of a database on a server of the tests."""
    if password is None:
        password = Secret((VARIABLES.get(user, "SQL_ADMIN_PASSWORD"),), PASSWORDS)
    return EnvironmentSettings(
        name=name or server.kind,
        kind=server.kind,
        host="127.0.0.1",
        port=server.port,
        user=user,
        password=password,
        database=database,
        access=access,
        tls=tls,
        **more,
    )


def in_file(
    path: Path, *, name: str | None = None, access: Access = "read", **more: Any
) -> EnvironmentSettings:
    """The settings of a SQLite file."""
    return EnvironmentSettings(name=name or path.stem, kind="sqlite", path=path, access=access, **more)


def nowhere(name: str = "nowhere", **more: Any) -> EnvironmentSettings:
    """The settings of a server that is not there."""
    return EnvironmentSettings(
        name=name, kind="postgresql", host="127.0.0.1", port=closed_port(), user="x", database="x", **more
    )


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


MARK = "CREATE TABLE mark (name varchar(40)); INSERT INTO mark VALUES ('{name}');"


def marked(
    directory: Path, *servers: SqlServer, each: int = 2, **more: Any
) -> dict[str, EnvironmentSettings]:
    """So many environments on each server and in files; each holds its own name in `mark`."""
    found: dict[str, EnvironmentSettings] = {}
    for server in servers:
        for number in range(1, each + 1):
            name = f"{server.kind}{number}"
            database = server.create_database(MARK.format(name=name))
            found[name] = on_server(server, database, name=name, **more)
    for number in range(1, each + 1):
        name = f"sqlite{number}"
        path = sqlite_file(directory / f"{name}.db", MARK.format(name=name))
        found[name] = in_file(path, name=name, **more)
    return found


def renamed(settings: EnvironmentSettings, name: str, **more: Any) -> EnvironmentSettings:
    """The same under another name."""
    return replace(settings, name=name, **more)
