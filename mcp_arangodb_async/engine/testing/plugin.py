"""Fixtures for pytest: a server in memory for the whole run, and a database of its own for each test.

Put `pytest_plugins = ["mcp_arangodb_async.engine.testing.plugin"]` into the topmost conftest.py. Nothing
is registered by installing the package: a run of pytest that does not ask for the engine does not load it.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from dataclasses import dataclass, replace

import pytest

from mcp_arangodb_async.engine.http.serve import running
from mcp_arangodb_async.engine.instance import Compat, Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class ArangoServer:
    """Where a server listens and how to log in; `engine` is the same server from inside."""

    url: str
    host: str
    port: int
    user: str
    password: str
    database: str
    engine: Engine


@pytest.fixture(scope="session")
def arangodb_compat() -> Compat:
    """The ArangoDB version to be like; override it in conftest.py to test against 4.0."""
    return "3.12"


@pytest.fixture(scope="session")
def arangodb_server(arangodb_compat: Compat) -> Generator[ArangoServer]:
    """A server on a free port of this machine, with everything in memory, for the whole run.

    Users and rights are enforced: log in as `user` with `password`. What a test leaves in `_system` the next
    one finds there; `arangodb_database` is for tests that want to start empty.
    """
    password = secrets.token_urlsafe(16)
    with (
        Engine.open(None, compat=arangodb_compat, root_password=password) as engine,
        running(engine, authentication=True) as listening,
    ):
        yield ArangoServer(
            url=listening.url,
            host=listening.host,
            port=listening.port,
            user="root",
            password=password,
            database="_system",
            engine=engine,
        )


@pytest.fixture
def arangodb_database(arangodb_server: ArangoServer) -> Generator[ArangoServer]:
    """The same server with an empty `database` made for one test and dropped after it."""
    name = f"test_{secrets.token_hex(8)}"
    arangodb_server.engine.create_database(name)
    try:
        yield replace(arangodb_server, database=name)
    finally:
        if arangodb_server.engine.has_database(name):
            arangodb_server.engine.drop_database(name)
