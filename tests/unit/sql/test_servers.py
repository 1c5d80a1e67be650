"""The servers that the tests of SQL environments talk to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql_servers import SqlServer, sqlite_file


@pytest.mark.server
@pytest.mark.parametrize("name", ["postgresql", "mariadb"])
def test_a_server_has_databases_for_three_users(name: str, request: pytest.FixtureRequest) -> None:
    server: SqlServer = request.getfixturevalue(name)
    one = server.create_database("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (2)")
    other = server.create_database("CREATE TABLE t (id int)")
    assert server.run("SELECT count(*) FROM t", one).strip() == "2"
    assert server.run("SELECT count(*) FROM t", other).strip() == "0"
    assert server.url(one).startswith(f"{name}://writer@127.0.0.1:")


@pytest.mark.server
@pytest.mark.parametrize("name", ["own_postgresql", "own_mariadb"])
def test_a_server_of_its_own_keeps_its_data_when_killed(name: str, request: pytest.FixtureRequest) -> None:
    server: SqlServer = request.getfixturevalue(name)
    database = server.create_database("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    port = server.port
    server.kill()
    assert not server.running
    server.start()
    assert server.port == port
    server.pause()
    server.resume()
    assert server.run("SELECT count(*) FROM t", database).strip() == "1"


def test_a_file_is_a_database(tmp_path: Path) -> None:
    assert sqlite_file(tmp_path / "one.sqlite", "CREATE TABLE t (id int)").stat().st_size > 0
