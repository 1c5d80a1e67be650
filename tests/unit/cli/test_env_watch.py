"""`env watch` as people and scripts call it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sql_servers import sqlite_file

CONFIGURATION = """\
environments:
  dev: {kind: sqlite, path: dev.db}
  gone: {kind: sqlite, path: gone.db}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with a configuration of a file that is there, and one that is not."""
    (tmp_path / "databases.yaml").write_text(CONFIGURATION, encoding="utf-8")
    sqlite_file(tmp_path / "dev.db", "CREATE TABLE t (a int)")
    return tmp_path


def watching(site: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mcp_arangodb_async", "env", "watch", *words, "--interval", "0.05"],
        cwd=site,
        env={"HOME": str(site), "PATH": "", "ARANGO_DATABASES_CONFIG_FILE": "databases.yaml"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_so_many_looks_are_lines_of_json_and_the_exit_code_tells_of_the_last(site: Path) -> None:
    with watching(site, "--count", "4", "--json") as process:
        out, err = process.communicate(timeout=60)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["name"] for row in rows] == ["dev", "gone"] * 4
    states = [(row["name"], row["state"]) for row in rows[-2:]]
    assert states == [("dev", "healthy"), ("gone", "down")]
    assert (rows[-2]["trials"], rows[-2]["error"]) == (4, None)
    assert 0 < rows[-2]["ms"] <= rows[-2]["p99_ms"] * 1.3
    assert "gone.db" in rows[-1]["error"]
    assert process.returncode == 4, err


def test_control_c_ends_a_table_without_a_traceback(site: Path) -> None:
    with watching(site, "dev") as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[:3] == ["NAME", "KIND", "STATE"]
        assert process.stdout.readline().split()[:3] == ["dev", "sqlite", "healthy"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "cancelled\n"
