"""Both stores of tenants for the same tests: a SQLite file, and a database in a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.gateway.roles import Identity
from mcp_arangodb_async.gateway.tenants.open import migrate_store
from mcp_arangodb_async.observability.audit_record import AuditRecord
from tests.sql_servers import SqlServer

KINDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.server))
OWNER, APPLICATION = "maa_owner", "maa_application"
PASSWORDS = {"OWNER_PASSWORD": "owner-correct-horse", "STORE_PASSWORD": "battery-staple"}
TEMPLATE = "tenants_template"
UBER = Identity(principal="root", role="uber_admin")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A store that a test owns: the settings that open it, and a way past every guard."""

    kind: str
    settings: Settings
    server: SqlServer | None
    database: str

    def run(self, script: str) -> list[list[str]]:
        """Run statements as the database's administrator; the rows of the last one, as text."""
        if self.server is not None:
            answer = self.server.run(f"SET search_path = maa_tenants; {script}", self.database)
            return [line.split("|") for line in answer.splitlines()]
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            *first, last = [part for part in script.split(";") if part.strip()]
            for part in first:
                connection.execute(part)
            rows = [[str(cell) for cell in row] for row in connection.execute(last)]
            connection.commit()
            return rows

    def dump(self) -> bytes:
        """Everything that is stored, as bytes."""
        if self.server is None:
            file = Path(self.database)
            return b"".join(path.read_bytes() for path in sorted(file.parent.glob(f"{file.name}*")))
        tables = self.run("SELECT tablename FROM pg_tables WHERE schemaname = 'maa_tenants'")
        rows = [self.run(f"SELECT t::text FROM {table} t") for (table,) in tables]
        return repr(rows).encode()

    def with_variables(self, **variables: str) -> Backend:
        """The same store for a process with other variables."""
        changed = {**self.settings.variables, **variables}
        return replace(self, settings=replace(self.settings, variables=changed))


def settings_of(directory: Path, text: str, **variables: str) -> Settings:
    """Settings as a process would load them."""
    path = directory / "databases.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(
        environ={"MCP_TENANTS_MASTER_KEY": secrets.token_hex(32), **PASSWORDS, **variables},
        cwd=directory,
        config_file=str(path),
        directories=UserDirectories(config=directory, data=directory / "data"),
    )


def postgresql_settings(directory: Path, server: SqlServer, database: str) -> Settings:
    """Settings of a store in that database."""
    text = f"""\
tenants:
  enabled: true
  store: postgresql://127.0.0.1:{server.port}/{database}
  store_username: {APPLICATION}
  store_password_env: STORE_PASSWORD
  owner_username: {OWNER}
  owner_password_env: OWNER_PASSWORD
  store_connections: 4
  stale_seconds: 0
"""
    return settings_of(directory, text)


def sqlite_settings(directory: Path) -> Settings:
    """Settings of a store in a file."""
    return settings_of(directory, "tenants: {enabled: true, stale_seconds: 0}\n")


@pytest.fixture(scope="session")
def tenants_template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SqlServer:
    """A PostgreSQL that has the two roles, and a database with the tables to copy."""
    server: SqlServer = request.getfixturevalue("postgresql")
    if server.run(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'", "postgres").strip():
        return server  # each module that imports this fixture has one of its own
    server.run(
        f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORDS['OWNER_PASSWORD']}';"
        f"CREATE ROLE {APPLICATION} LOGIN PASSWORD '{PASSWORDS['STORE_PASSWORD']}';",
        "postgres",
    )
    server.run(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}", "postgres")
    settings = postgresql_settings(tmp_path_factory.mktemp("template"), server, TEMPLATE)
    with ThreadPoolExecutor() as other:  # here a loop may be running already
        other.submit(asyncio.run, migrate_store(settings, "head")).result()
    return server


def make_backend(kind: str, directory: Path, request: pytest.FixtureRequest) -> Backend:
    """A new, empty store."""
    if kind == "sqlite":
        settings = sqlite_settings(directory)
        return Backend(
            kind=kind, settings=settings, server=None, database=str(directory / "data" / "tenants.db")
        )
    server: SqlServer = request.getfixturevalue("tenants_template")
    database = f"tenants{next(_numbers)}"
    server.run(f"CREATE DATABASE {database} TEMPLATE {TEMPLATE} OWNER {OWNER}", "postgres")
    settings = postgresql_settings(directory, server, database)
    return Backend(kind=kind, settings=settings, server=server, database=database)


def admin(tenant: str) -> Identity:
    """A tenant's administrator."""
    return Identity(principal=f"admin@{tenant}", role="tenant_admin", tenant=tenant)


class Written:
    """An audit log's `record` that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    async def __call__(self, record: AuditRecord) -> None:
        self.records.append(record)
