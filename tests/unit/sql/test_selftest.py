"""The self-test of an environment: is a write refused, and what else could its login do?"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.selftest import SelfTest, granted, self_test, try_write
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.walls import settings_of


@asynccontextmanager
async def opened(settings: EnvironmentSettings) -> AsyncGenerator[Environment]:
    environment = Environment(settings)
    try:
        yield environment
    finally:
        await environment.close()


async def checked(settings: EnvironmentSettings) -> SelfTest:
    async with opened(settings) as environment:
        return await self_test(environment)


@pytest.mark.server
@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_a_login_that_only_reads_is_safe(kind: str, request: pytest.FixtureRequest) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    database = server.create_database("CREATE TABLE t (a int)")
    found = await checked(settings_of(server, database, "reader"))
    assert (found.write_refused, found.by, found.excess) == (True, "session", ())
    assert found.is_safe


@pytest.mark.server
@pytest.mark.anyio
async def test_a_write_that_goes_through_is_told(mariadb: SqlServer) -> None:
    """An environment that should only be read, over connections that are made for writing."""
    database = mariadb.create_database("CREATE TABLE t (a int)")
    async with opened(replace(settings_of(mariadb, database, "writer"), access="write")) as environment:
        assert await try_write(environment) == (False, "nobody")


@pytest.mark.server
@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_an_administrator_in_a_read_only_environment_is_told(
    kind: str, request: pytest.FixtureRequest
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    database = server.create_database("CREATE TABLE t (a int)")
    found = await checked(settings_of(server, database, server.admin))
    assert found.write_refused
    assert not found.is_safe
    told = " ".join(found.excess)
    if kind == "postgresql":
        assert "is a superuser" in found.excess
        assert "pg_execute_server_program" in told
        assert "may change the rows of 1 tables" in found.excess
    else:
        assert "ALL PRIVILEGES on *.*" in told
        assert "may pass on its rights on *.*" in found.excess


@pytest.mark.server
@pytest.mark.anyio
async def test_a_file_has_no_login_to_look_at(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "a.sqlite")
    found = await checked(EnvironmentSettings(name="a", kind="sqlite", path=path, access="read"))
    assert (found.write_refused, found.excess) == (True, ())


@pytest.mark.server
@pytest.mark.anyio
async def test_a_writer_may_write_but_not_reach_files(mariadb: SqlServer) -> None:
    database = mariadb.create_database("CREATE TABLE t (a int)")
    writing = replace(settings_of(mariadb, database, "writer"), access="write")
    found = await checked(writing)
    assert found.write_refused is None
    assert f"has ALL PRIVILEGES on `{database}`.*" in found.excess


@pytest.mark.parametrize(
    ("line", "excess"),
    [
        ("GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*AB'", []),
        ("GRANT SELECT, SHOW VIEW ON `d`.* TO `a`@`%`", []),
        ("GRANT SELECT (`x`, `y`) ON `d`.`t` TO `a`@`%`", []),
        ("GRANT FILE ON *.* TO `a`@`%`", ["has FILE on *.*"]),
        ("GRANT SELECT, INSERT ON `d`.* TO `a`@`%`", ["has INSERT on `d`.*"]),
        (
            "GRANT SELECT ON *.* TO `a`@`%` WITH GRANT OPTION",
            ["may pass on its rights on *.*"],
        ),
        ("GRANT `boss` TO `a`@`%`", ["has the rights of role `boss`"]),
        ("GRANT PROXY ON ''@'%' TO 'root'@'localhost'", ["has PROXY on ''@'%'"]),
    ],
)
def test_grants_are_read(line: str, excess: list[str]) -> None:
    assert granted([line], writes=False) == excess
