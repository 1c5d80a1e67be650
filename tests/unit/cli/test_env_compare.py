"""`env compare` and `env schema` as people and scripts call them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sql_servers import sqlite_file

CONFIGURATION = """\
environments:
  dev: {kind: sqlite, path: dev.db}
  prod: {kind: sqlite, path: prod.db, template: production, policy: {masked_columns: [people.email]}}
  gone: {kind: sqlite, path: gone.db}
"""
PEOPLE = """
    CREATE TABLE people (id integer PRIMARY KEY, name text, email text);
    INSERT INTO people VALUES (1, 'Ada', 'a@x'), (2, 'Grace', 'g@x'), (3, 'Edsger', 'e@x');
"""
EDITS = """
    UPDATE people SET name = 'Grace Hopper', email = 'h@x' WHERE id = 2;
    DELETE FROM people WHERE id = 3;
    CREATE TABLE orders (id integer PRIMARY KEY);
"""
ROWS = """\
ENVIRONMENT  STATUS  ROWS  SAME  CHANGED  REMOVED  ADDED
dev          ok         3  -     -        -        -
prod         ok         2  1     1        1        0

ENVIRONMENT  KIND     id  COLUMN  BEFORE              AFTER
prod         changed   2  name    Grace               Grace Hopper
prod         removed   3  -       {"name": "Edsger"}  -
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a configuration of two files that differ, and one that is not there."""
    directory = tmp_path_factory.mktemp("site")
    (directory / "databases.yaml").write_text(CONFIGURATION, encoding="utf-8")
    sqlite_file(directory / "dev.db", PEOPLE)
    sqlite_file(directory / "prod.db", PEOPLE + EDITS)
    return directory


def maa(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_arangodb_async", *words, "--config-file", "databases.yaml"],
        cwd=site,
        env={"HOME": str(site), "XDG_DATA_HOME": str(site / "data"), "PATH": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_rows_that_differ_are_a_table_and_an_exit_code(site: Path) -> None:
    done = maa(site, "env", "compare", "--table", "people", "--env", "dev", "--env", "prod")
    assert (done.returncode, done.stdout) == (10, ROWS)
    assert "masked, and not compared: email" in done.stderr
    assert "2 differences; compared by id" in done.stderr


def test_for_programs_there_is_one_document_and_what_cannot_be_read_decides_the_exit_code(site: Path) -> None:
    query = "SELECT id, name FROM people WHERE id < :most"
    words = ("--env", "prod", "--env", "gone", "--baseline", "dev", "--key", "id", "--max-differences", "1")
    done = maa(site, "env", "compare", query, "--param", "most=9", *words, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["environments"]["gone"]["error"]["code"] == "unavailable"
    assert (found["baseline"], found["total_differences"], found["omitted"]) == ("dev", 2, 1)
    assert found["differences"][0]["cells"] == {"name": {"baseline": "Grace", "other": "Grace Hopper"}}


def test_schemas_are_compared_with_each_other_and_with_what_was_stored(site: Path) -> None:
    done = maa(site, "env", "schema", "--env", "prod", "--env", "dev", "--ddl", "--save")
    assert done.returncode == 10
    assert "dev          breaking  table orders removed" in done.stdout
    assert "CREATE TABLE" in done.stdout
    since = maa(site, "env", "schema", "--env", "prod", "--since", "latest", "--json")
    assert since.returncode == 0
    assert json.loads(since.stdout)["environments"]["prod"]["differences"] == {
        "breaking": 0,
        "warning": 0,
        "info": 0,
    }
