"""Guides of the manual are run as they stand: a reader types these commands and sees these answers.

A block of a guide is run if it is marked `sh`, all of them in one shell in one empty directory. A block
marked `text` right after it is what the commands print; `...` stands for what differs from run to run.
A command that is meant to fail says so itself, as in `maa ... || echo "exit code $?"`.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"^```sh\n(?P<commands>.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?", re.DOTALL | re.MULTILINE
)
BOUNDARY = "--- end of block %d: "
SECONDS = 220


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The commands of one block, and what they print if the guide says it."""

    commands: str
    printed: str | None


def steps_of(guide: Path, *, replace: Mapping[str, str] | None = None) -> list[Step]:
    """The steps of a guide; `replace` puts the addresses of this machine's servers in."""
    text = guide.read_text(encoding="utf-8")
    for written, here in (replace or {}).items():
        assert written in text, f"{guide.name} does not hold {written!r}"
        text = text.replace(written, here)
    return [Step(commands=found["commands"], printed=found["printed"]) for found in BLOCK.finditer(text)]


def run(
    steps: list[Step],
    directory: Path,
    environ: Mapping[str, str] | None = None,
    *,
    seconds: float = SECONDS,
) -> None:
    """Run the steps one after another; AssertionError with the commands at the first that differs."""
    script = "".join(f'{step.commands}echo "{BOUNDARY % at}$?"\n' for at, step in enumerate(steps))
    home = {name: str(directory / ".home") for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=directory,
        env={"PATH": path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"} | home | dict(environ or {}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", timeout=seconds, check=False,
    )  # fmt: skip
    rest = done.stdout
    for at, step in enumerate(steps):
        printed, found, rest = rest.partition(BOUNDARY % at)
        code, _, rest = rest.partition("\n")
        assert found, f"the guide ended at:\n{step.commands}\n{printed}"
        assert code == "0", f"exit code {code} of:\n{step.commands}\n{printed}"
        if step.printed is not None:
            same = doctest.OutputChecker().check_output(step.printed, printed, doctest.ELLIPSIS)
            assert same, f"the guide says:\n{step.commands}\n{step.printed}\nand it printed:\n{printed}"
