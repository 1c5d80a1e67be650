"""Commands that talk to a database: our server on a real socket, and ports where nobody listens."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

SECONDS = 100
PASSWORD = "correct-horse"
CONFIGURATION = """\
default_database: up
databases:
  up: {{url: "{url}", password_env: RIGHT}}
  refused: {{url: "{url}", password_env: WRONG}}
  missing: {{url: "{url}", password_env: RIGHT, database: nowhere}}
  down: {{url: "http://127.0.0.1:{closed}"}}
  memory: {{url: "embedded::memory:", database: made}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A working directory with a configuration, and a server that it names."""

    directory: Path
    url: str

    def variables(self) -> dict[str, str]:
        """The variables of its commands."""
        return variables(self.directory, RIGHT=PASSWORD, WRONG="guessed")

    def maa(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mcp_arangodb_async", *words],
            cwd=self.directory,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            encoding="utf-8",
        )

    def json(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = self.maa(*words)
        return done.returncode, cast("dict[str, Any]", json.loads(done.stdout))


def variables(directory: Path, **more: str) -> dict[str, str]:
    home = str(directory / "home")
    return {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "PATH": os.defpath, **more}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_engine(directory: Path, *words: str, **more: str) -> tuple[subprocess.Popen[str], str]:
    """A running `engine serve` and its address, as its first line says it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_arangodb_async", "engine", "serve", "--port", "0", *words],
        cwd=directory,
        env=variables(directory, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on http://127.0.0.1:"), (line, process.stderr and process.stderr.read())
    return process, line.split()[2].rstrip(",")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    return process.returncode


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    process, url = start_engine(directory, "--data", ":memory:", ARANGO_ROOT_PASSWORD=PASSWORD)
    (directory / "config").mkdir()
    text = CONFIGURATION.format(url=url, closed=closed_port())
    (directory / "config" / "databases.yaml").write_text(text, encoding="utf-8")
    yield Site(directory=directory, url=url)
    assert stop(process) in {0, -signal.SIGTERM}


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("up", "up", 0),
        ("memory", "up", 0),
        ("refused", "unauthorized", 3),
        ("missing", "missing", 1),
        ("down", "down", 4),
    ],
)
def test_one_database_is_tried_and_the_exit_code_says_why(
    site: Site, key: str, status: str, code: int
) -> None:
    exit_code, answer = site.json("db", "test", key, "--json")
    assert (exit_code, answer["key"], answer["status"]) == (code, key, status)
    assert ("version" in answer, "error" in answer) == (True, status != "up")


def test_the_status_of_all_is_that_of_the_worst_and_no_password_is_shown(site: Site) -> None:
    started = time.monotonic()
    exit_code, answer = site.json("db", "status", "--json")
    assert time.monotonic() - started < 30
    statuses = {item["key"]: item["status"] for item in answer["databases"]}
    assert exit_code == 4
    assert statuses == {
        "up": "up", "refused": "unauthorized", "missing": "missing", "down": "down", "memory": "up",
    }  # fmt: skip
    decided = [level for level in answer["resolution"] if level["status"] == "decides"]
    assert decided == [{"level": 3, "source": "default_database", "key": "up", "status": "decides"}]
    text = site.maa("db", "status")
    assert "the first configured" in text.stdout
    assert PASSWORD not in text.stdout + text.stderr + json.dumps(answer)


def test_health_prints_a_document_whatever_the_answer(site: Site) -> None:
    exit_code, answer = site.json("health")
    assert exit_code == 0
    assert (answer["ok"], answer["status"], answer["key"], answer["username"]) == (
        True,
        "healthy",
        "up",
        "root",
    )
    assert answer["info"]["version"]
    exit_code, answer = site.json("health", "--database", "down")
    assert (exit_code, answer["ok"], answer["status"], answer["code"]) == (
        4,
        False,
        "unhealthy",
        "unavailable",
    )
    done = site.maa("health", "--database", "nope")
    assert done.returncode == 1
    assert "up, refused, missing, down, memory" in done.stderr


def test_an_unknown_key_lists_the_configured_ones(site: Site) -> None:
    done = site.maa("db", "test", "upp")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no database 'upp'; configured: up, refused, missing, down, memory" in done.stderr


def test_the_engine_refuses_what_would_let_everybody_in(tmp_path: Path) -> None:
    site = Site(directory=tmp_path, url="")
    assert site.maa("engine", "serve", "--no-authentication", "--host", "0.0.0.0").returncode == 5
    assert site.maa("engine", "serve", "--host", "0.0.0.0").returncode == 5
    assert site.maa("engine", "serve", "--port", "99999").returncode == 2


def test_the_engine_says_that_its_port_is_taken(site: Site) -> None:
    port = site.url.rpartition(":")[2]
    done = site.maa("engine", "serve", "--port", port, "--data", ":memory:")
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_engine_keeps_its_data(tmp_path: Path) -> None:
    for status in (201, 409):  # the collection is made the first time, and there the second
        process, url = start_engine(tmp_path, "--data", "kept", "--no-authentication")
        request = Request(f"{url}/_api/collection", data=b'{"name": "kept"}', method="POST")
        try:
            with urlopen(request, timeout=SECONDS) as answer:
                got = 201 if answer.status == 200 else answer.status
        except HTTPError as error:
            got = error.code
            error.close()
        assert got == status
        assert stop(process) in {0, -signal.SIGTERM}


def test_the_demo_runs_checks_its_answers_and_cleans_up(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "mcp_arangodb_async", "demo"],
        cwd=tmp_path, env=variables(tmp_path, TMPDIR=str(temporary)), stdin=subprocess.DEVNULL,
        capture_output=True, timeout=SECONDS, check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for heading in (
        "1. Which databases",
        "2. Focus",
        "3. The busiest",
        "4. Where can",
        "5. Ask the other",
        "6. Why",
    ):
        assert heading in done.stdout
    assert "Every answer agrees with the data." in done.stdout
    block = json.loads(done.stdout[done.stdout.index('{\n  "mcpServers"') : done.stdout.rindex("}") + 1])
    server = block["mcpServers"]["arangodb"]
    assert Path(server["command"]).exists()
    assert server["args"][-1] == "server"
    assert list(temporary.iterdir()) == []
    assert "\x1b[" not in done.stdout


def test_the_kept_demo_works_from_anywhere_and_is_not_overwritten(tmp_path: Path) -> None:
    site = Site(directory=tmp_path, url="")
    assert site.maa("demo", "--keep", "flights").returncode == 0
    exit_code, answer = site.json("db", "list", "--json", "-C", "flights/databases.yaml")
    assert (exit_code, [item["key"] for item in answer["databases"]]) == (0, ["airports", "orders"])
    again = site.maa("demo", "--keep", "flights")
    assert again.returncode == 1
    assert "is not empty" in again.stderr
