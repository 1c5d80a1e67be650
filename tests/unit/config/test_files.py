"""The file on disk: whole or not at all, several writers at once, permissions."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_arangodb_async.config.environment import UserDirectories
from mcp_arangodb_async.config.files import Edit, add_database, edit_file
from mcp_arangodb_async.config.load import ConfigFileLoader
from mcp_arangodb_async.errors import ConfigError

WRITER = """
import sys
from pathlib import Path
from mcp_arangodb_async.config.files import add_database, edit_file
from mcp_arangodb_async.config.load import ConfigFileLoader
path, name, edits = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
loader = ConfigFileLoader(environ={}, cwd=path.parent)
for number in range(edits):
    key = f"{name}{number}"
    change = lambda text: add_database(text, key, {"url": "http://h"})
    edit_file(loader, path, change, touches=("databases", key))
    print(key, flush=True)
"""


def loader(tmp_path: Path) -> ConfigFileLoader:
    directories = UserDirectories(config=tmp_path / "user", data=tmp_path / "data")
    return ConfigFileLoader(environ={}, cwd=tmp_path, directories=directories)


def add(tmp_path: Path, path: Path, key: str, *, dry_run: bool = False, **values: object) -> Edit:
    def change(text: str) -> str:
        return add_database(text, key, values)

    return edit_file(loader(tmp_path), path, change, touches=("databases", key), dry_run=dry_run)


def start(path: Path, name: str, edits: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(edits)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def test_a_new_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config" / "databases.yaml"
    add(tmp_path, path, "a", url="http://a")
    assert path.read_text(encoding="utf-8") == "databases:\n  a:\n    url: http://a\n"
    if sys.platform != "win32":
        modes = [stat.S_IMODE(item.stat().st_mode) for item in (path, path.parent, path.parent.parent)]
        assert modes == [0o600, 0o700, 0o700]


def test_four_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "databases.yaml"
    path.write_text("# kept\ndatabases: {}\n", encoding="utf-8")
    writers = [start(path, name, 10) for name in "abcd"]
    for writer in writers:
        writer.communicate(timeout=100)
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    config = loader(tmp_path).read(path)
    assert sorted(config.databases) == sorted(f"{name}{number}" for name in "abcd" for number in range(10))
    assert path.read_text(encoding="utf-8").startswith("# kept\n")
    assert not list(tmp_path.glob("*.new"))


def test_a_writer_killed_at_work_leaves_a_whole_file_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "databases.yaml"
    acknowledged: set[str] = set()
    for round_number in range(4):
        writer = start(path, f"w{round_number}x", 1000)
        assert writer.stdout is not None
        acknowledged |= {writer.stdout.readline().strip() for _ in range(1 + round_number)}
        writer.kill()
        acknowledged |= set(writer.communicate(timeout=30)[0].split())
        assert acknowledged <= set(loader(tmp_path).read(path).databases)
    last = start(path, "last", 1)
    last.communicate(timeout=30)
    assert "last0" in loader(tmp_path).read(path).databases


def test_a_dry_run_writes_nothing_and_shows_the_change(tmp_path: Path) -> None:
    path = tmp_path / "c" / "databases.yaml"
    edit = add(tmp_path, path, "a", url="http://a", dry_run=True)
    assert not path.parent.exists()
    assert edit.diff.splitlines()[1:] == ["+databases:", "+  a:", "+    url: http://a"]


def test_an_edit_that_would_be_wrong_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "databases.yaml"
    path.write_text("databases: {}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        add(tmp_path, path, "a/b", url="ftp://x", timeout=0)
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "databases.a/b",
        "databases.a/b.url",
        "databases.a/b.timeout",
    ]
    assert path.read_text(encoding="utf-8") == "databases: {}\n"


def test_what_a_newer_version_wrote_is_kept_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "databases.yaml"
    path.write_text("future: {x: 1}\ndatabases:\n  a: {url: http://a, shards: 3}\n", encoding="utf-8")
    edit = add(tmp_path, path, "b", url="http://b")
    assert len(edit.problems) == 2
    text = path.read_text(encoding="utf-8")
    assert text == "future: {x: 1}\ndatabases:\n  a: {url: http://a, shards: 3}\n  b:\n    url: http://b\n"


def test_an_unreadable_file_is_not_edited(tmp_path: Path) -> None:
    path = tmp_path / "databases.yaml"
    path.write_text("databases: [\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be edited"):
        edit_file(
            loader(tmp_path), path, lambda text: add_database(text, "b", {"url": "http://b"}), touches=()
        )
    assert path.read_text(encoding="utf-8") == "databases: [\n"


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text("databases: {}\n", encoding="utf-8")
    link = tmp_path / "databases.yaml"
    link.symlink_to(real)
    add(tmp_path, link, "b", url="http://b")
    assert link.is_symlink()
    assert "http://b" in real.read_text(encoding="utf-8")
