"""Conversations with the command line, as people and scripts have them: real processes, kept as text.

A golden is `tests/goldens/cli/<name>.txt`: comments, files (`[file NAME]` ... `[end]`), variables
(`[set NAME=VALUE]`), and commands (`$ maa ...`) with what they print, up to a line `---`. Lines of standard
error start with `2> `, a last line `[exit N]` gives an exit code other than 0, the working directory is DIR.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GOLDENS = Path(__file__).parents[2] / "goldens" / "cli"
SECONDS = 60
END = "---"


def _until(end: str, lines: Iterator[str]) -> list[str]:
    return list(iter(lambda: next(lines), end))


def goldens() -> list[Path]:
    return sorted(GOLDENS.glob("*.txt"))


class Conversation:
    """Runs a golden's commands one after the other in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.variables = {
            "HOME": str(self.directory / "home"),
            "XDG_CONFIG_HOME": str(self.directory / "home" / "config"),
            "XDG_DATA_HOME": str(self.directory / "home" / "data"),
            "PATH": "",
        }

    def play(self, script: str) -> str:
        """The script again, with what the commands print now."""
        lines = iter(script.splitlines())
        played: list[str] = []
        for line in lines:
            played.append(line)
            if line.startswith("$ "):
                played += [*self.run(line.removeprefix("$ ")), END]
                _until(END, lines)
            elif line.startswith("[file "):
                body = _until("[end]", lines)
                self.write(line.removeprefix("[file ").removesuffix("]"), body)
                played += [*body, "[end]"]
            elif line.startswith("[set "):
                name, _, value = line.removeprefix("[set ").removesuffix("]").partition("=")
                self.variables[name] = value
            elif line and not line.startswith("#"):
                raise ValueError(f"stray line {line!r}")
        return "\n".join(played) + "\n"

    def write(self, name: str, body: list[str]) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in body), encoding="utf-8")

    def run(self, command: str) -> list[str]:
        typed, _, answer = command.partition(" <<< ")
        words = shlex.split(typed)
        if words[0] == "cat":
            return self.shown((self.directory / words[1]).read_text(encoding="utf-8"))
        assert words[0] == "maa", command
        done = subprocess.run(
            [sys.executable, "-m", "mcp_arangodb_async", *words[1:]],
            cwd=self.directory,
            env=self.variables,
            input=f"{answer}\n" if answer else "",
            capture_output=True,
            timeout=SECONDS,
            check=False,
            encoding="utf-8",
        )
        output = self.shown(done.stdout) + [f"2> {line}".rstrip() for line in self.shown(done.stderr)]
        return [*output, f"[exit {done.returncode}]"] if done.returncode else output

    def shown(self, text: str) -> list[str]:
        text = text.replace(str(self.directory), "DIR")
        return re.sub(r"\d+(\.\d+)? ms\b", "N ms", text).splitlines()


@pytest.mark.parametrize("path", goldens(), ids=lambda path: path.stem)
def test_the_command_line_answers_as_written(path: Path, tmp_path: Path, update: bool) -> None:
    script = path.read_text(encoding="utf-8")
    played = Conversation(tmp_path).play(script)
    if update:
        path.write_text(played, encoding="utf-8")
        return
    assert played == script


def test_there_are_goldens() -> None:
    assert goldens()
