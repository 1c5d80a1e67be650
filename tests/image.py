"""The image without a Docker daemon: its instructions are read, and its commands run in a directory.

`tests/test_docker.py` runs them with what is installed already, `bench/image.py` as the image is built.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
TOKEN = "a-token-of-sixteen-characters"
READY_SECONDS, STOP_SECONDS = 60.0, 20.0
PORT = "8000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction, its continued lines joined; `stage` counts from 0."""

    word: str
    rest: str
    stage: int

    @property
    def words(self) -> list[str]:
        """The words of an instruction in exec form."""
        return json.loads(self.rest[self.rest.index("[") :])


def instructions(path: Path = DOCKERFILE) -> list[Instruction]:
    """The instructions of a Dockerfile, without comments."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found: list[Instruction] = []
    stage = -1
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            stage += word == "FROM"
            found.append(Instruction(word=word, rest=rest.strip(), stage=stage))
    return found


def last(word: str) -> Instruction:
    """The last instruction of this kind, which is the one that counts."""
    return [one for one in instructions() if one.word == word][-1]


def variables(home: Path, venv: Path) -> dict[str, str]:
    """The variables that the image sets, its directories moved."""
    found = {"HOME": str(home)}
    for one in instructions():
        if one.word == "ENV":
            found |= dict(word.split("=", 1) for word in shlex.split(one.rest))
    moved = {name: value.replace("/data", str(home / "data")) for name, value in found.items()}
    return {**moved, "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def build(directory: Path) -> Path:
    """What the first stage does: copy, make a virtual environment, install into it; its directory."""
    source, venv = directory / "source", directory / "opt"
    source.mkdir()
    for one in instructions():
        if one.stage != 0 or one.word not in {"COPY", "RUN"}:
            continue
        if one.word == "COPY":
            *names, to = one.rest.split()
            for name in names:
                copy(ROOT / name, source / to if len(names) == 1 else source / to / name)
        else:
            command = one.rest.replace("/opt/maa", str(venv)).replace("python -m", f"{sys.executable} -m", 1)
            subprocess.run(command, shell=True, cwd=source, check=True)
    return venv


def copy(here: Path, there: Path) -> None:
    if here.is_dir():
        shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here, there)


def moved(words: Sequence[str], directory: Path, port: int) -> list[str]:
    """A command of the image with its port and its directories replaced."""
    places = {f":{PORT}/": f":{port}/", "/config/": f"{directory / 'config'}/", "0.0.0.0": "127.0.0.1"}
    found: list[str] = []
    for word in words:
        for here, there in places.items():
            word = word.replace(here, there)  # noqa: PLW2901 - each place in its turn
        found.append(str(port) if word == PORT else word)
    return found


def run(directory: Path, venv: Path, *, configuration: str) -> None:
    """Start the image's command, ask its health check until it is well, end it, and ask once more."""
    for name in ("config", "data"):
        (directory / name).mkdir()
    text = configuration.replace("/data/", f"{directory / 'data'}/")
    (directory / "config" / "databases.yaml").write_text(text, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environ = variables(directory, venv)
    command = moved([*last("ENTRYPOINT").words, *last("CMD").words], directory, port)
    check = moved(last("HEALTHCHECK").words, directory, port)
    server = subprocess.Popen(
        command, cwd=directory / "data", env={**environ, "MCP_HTTP_TOKENS": f"agent={TOKEN}"}
    )
    try:
        until_healthy(server, check, environ)
        server.terminate()
        assert server.wait(STOP_SECONDS) == 0, "the server did not end cleanly"
        assert not is_healthy(check, environ), "the health check passes without a server"
    finally:
        server.kill()
        server.wait()


def until_healthy(server: subprocess.Popen[bytes], check: Sequence[str], environ: Mapping[str, str]) -> None:
    ends_at = time.monotonic() + READY_SECONDS
    while not is_healthy(check, environ):
        assert server.poll() is None, f"the server ended with {server.returncode}"
        assert time.monotonic() < ends_at, f"not healthy within {READY_SECONDS:g} s"
        time.sleep(0.1)


def is_healthy(check: Sequence[str], environ: Mapping[str, str]) -> bool:
    """What Docker would take from the check's exit code."""
    done = subprocess.run(check, env=environ, capture_output=True, timeout=30, check=False)
    return done.returncode == 0
