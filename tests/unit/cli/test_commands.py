"""What is true of every command, and what only a terminal or a signal shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mcp_arangodb_async.cli.main import ALIASES, COMMANDS, EXIT_CODE_OF, EXIT_CODES, exit_code, find
from mcp_arangodb_async.errors import MaaError

SECONDS = 60
FILE = "databases:\n  a: {url: 'http://127.0.0.1:9', password_env: A}\n"


def variables(directory: Path, **more: str) -> dict[str, str]:
    home = str(directory / "home")
    path = os.defpath
    return {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home, "PATH": path, **more}


def maa(*words: str) -> list[str]:
    return [sys.executable, "-m", "mcp_arangodb_async", *words]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "databases.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


def subclasses(kind: type[MaaError]) -> Iterator[type[MaaError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from subclasses(inner)


def test_every_error_has_its_exit_code() -> None:
    # Rooms have narrower errors of their own; each has the code of the class in the tree that it is one of.
    assert set(EXIT_CODE_OF) == {
        kind for kind in subclasses(MaaError) if kind.__module__ == MaaError.__module__
    }
    assert set(EXIT_CODE_OF.values()) <= set(EXIT_CODES)
    assert exit_code(MaaError("x")) == 1


def test_every_other_spelling_means_a_command() -> None:
    assert set(ALIASES.values()) <= set(COMMANDS)
    assert find(["db", "config", "rm", "x"]) == ("db remove", ["x"])
    assert find(["db", "rm", "x"]) == ("db remove", ["x"])
    assert find(["nothing"]) == (None, ["nothing"])


def test_the_server_starts_without_what_others_need(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "mcp_arangodb_async", "server"]
    done = subprocess.run(
        command, cwd=tmp_path, env=variables(tmp_path), stdin=subprocess.DEVNULL, capture_output=True,
        timeout=SECONDS, check=False, encoding="utf-8",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    imported = set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))
    for name in (
        "rich",
        "ruamel.yaml",
        "dotenv",
        "aiohttp",
        "arangoasync",
        "mcp_arangodb_async.engine.database",
    ):
        assert name not in imported


def test_a_reader_that_leaves_is_no_traceback(directory: Path) -> None:
    process = subprocess.Popen(
        maa("config", "show"),
        cwd=directory,
        env=variables(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait(SECONDS) in {0, 1}
    assert "Traceback" not in errors
    process.stderr.close()


def hear_interrupts() -> None:
    """A shell starts what runs in the background with interrupts ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent like this on Windows")
def test_an_interrupt_at_the_question_changes_nothing(directory: Path) -> None:
    process = subprocess.Popen(
        maa("db", "remove", "a"), cwd=directory, env=variables(directory),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - no thread runs here
    )  # fmt: skip
    assert process.stderr is not None
    asked = b""
    while b"[y/N]" not in asked:
        read = process.stderr.read(1)
        assert read, asked
        asked += read
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, errors.decode().strip()) == (130, "cancelled")
    assert (directory / "config" / "databases.yaml").read_text(encoding="utf-8") == FILE


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_a_terminal_gets_tables_and_colours_unless_told_otherwise(
    directory: Path, no_color: str, colored: bool
) -> None:
    import pty

    main, other = pty.openpty()
    process = subprocess.Popen(
        maa("db", "list"), cwd=directory, stdout=other, stderr=subprocess.PIPE,
        env=variables(directory, NO_COLOR=no_color, TERM="xterm-256color", COLUMNS="120"),
    )  # fmt: skip
    os.close(other)
    shown = b""
    while True:
        try:
            read = os.read(main, 4096)
        except OSError:  # Linux: the other end was closed
            break
        if not read:
            break
        shown += read
    os.close(main)
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    text = shown.decode()
    assert ("\x1b[" in text) is colored
    assert "──" in text
    assert "http://127.0.0.1:9" in text


def test_commands_at_once_lose_nothing(directory: Path) -> None:
    processes = [
        subprocess.Popen(
            maa("db", "add", f"n{number}", "--url", "http://n", "--yes"),
            cwd=directory, env=variables(directory), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]  # fmt: skip
    for process in processes:
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors
    listed = run_json(directory, "db", "list", "--json")
    databases = listed["databases"]
    assert isinstance(databases, list)
    assert {item["key"] for item in databases} == {"a", "n0", "n1", "n2", "n3"}  # pyright: ignore[reportUnknownVariableType]


def run_json(directory: Path, *words: str) -> Mapping[str, object]:
    done = subprocess.run(
        maa(*words),
        cwd=directory,
        env=variables(directory),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return {**answer, "exit": done.returncode}  # pyright: ignore[reportUnknownVariableType]


def test_the_schema_accepts_what_the_loader_accepts(directory: Path) -> None:
    schema = dict(run_json(directory, "config", "schema"))
    del schema["exit"]
    validator: Any = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"databases": {"a": {"url": ["http://a", "http://b"], "access": "read"}}})
    assert not validator.is_valid({"databases": {"a": {}}})
    assert not validator.is_valid({"databases": {"a": {"url": 1}}})
    assert not validator.is_valid({"nonsense": 1})
    assert not validator.is_valid({"http": {"port": -1}})


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("completion")
    made = subprocess.run(
        maa("completion", "bash"), cwd=directory, env=variables(directory), capture_output=True, check=True
    )
    return made.stdout.decode()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (("",), {name.split()[0] for name in COMMANDS}),
        (("d",), {"db", "demo"}),
        (("db", "r"), {"remove"}),
        (("db", "list", "--j"), {"--json"}),
        (("server", "--read"), {"--read-only"}),
    ],
)
def test_bash_completes(script: str, typed: tuple[str, ...], offered: set[str]) -> None:
    words = " ".join(f"'{word}'" for word in ("maa", *typed))
    asked = f'{script}\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _shtab_maa; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-c", asked], capture_output=True, timeout=SECONDS, check=True, encoding="utf-8"
    )
    assert set(done.stdout.split()) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_every_shell_gets_a_script_that_knows_every_command(directory: Path, shell: str) -> None:
    made = subprocess.run(
        maa("completion", shell), cwd=directory, env=variables(directory), capture_output=True, check=True
    )
    script = made.stdout.decode()
    assert all(name.split()[-1] in script for name in COMMANDS)
    if shutil.which(shell) is not None and shell != "tcsh":
        subprocess.run([shell, "-n"], input=made.stdout, check=True, timeout=SECONDS)
