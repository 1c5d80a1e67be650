"""Disks that fail or fill up under an engine that writes: errors are clear, nothing that was acknowledged is
lost, and writing goes on, without a restart, when the disk is well again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.engine import Engine
from mcp_arangodb_async.engine.catalog.verify import problems
from tests.faults.disk_writer import difference, stored_documents

ROOT = Path(__file__).parent.parent.parent
FULL, IO_ERROR = 1104, 1305
READS, WRITES = "pread64", "pwrite64,fsync,fdatasync,ftruncate,fallocate"


class Program:
    """The program that writes, and what it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def tell(self, command: str, number: int = 0) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command} {number}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the program ended at {command!r}"
        return json.loads(answer)

    def writes_well(self) -> None:
        assert set(self.tell("write", 40)) == {0}
        assert self.tell("make") == [0, 0, 0]
        assert set(self.tell("read", 20)) == {0}
        assert self.tell("check") == []


@contextmanager
def running(directory: Path, before: Sequence[str] = ()) -> Generator[Program]:
    command = [*before, sys.executable, "-m", "tests.faults.disk_writer", str(directory)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


@contextmanager
def failing(process: int, calls: str, error: str) -> Generator[None]:
    """A block in which these system calls of a process fail, by strace."""
    command = [
        "strace",
        "-f",
        "-o",
        os.devnull,
        "-e",
        f"trace={calls}",
        "-e",
        f"inject={calls}:error={error}",
    ]
    with subprocess.Popen([*command, "-p", str(process)], stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        first = tracer.stderr.readline()
        if "attached" not in first:
            pytest.skip(f"strace may not trace here: {first.strip()}")
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)


def lost(directory: Path, expected: dict[str, Any]) -> list[str]:
    """What a fresh process finds wrong, after the one that wrote was killed."""
    with Engine.open(directory) as engine:
        wrong = difference(expected, stored_documents(engine))
        with engine.database("_system").catalog.begin() as tx:
            return [*wrong, *problems(tx)]


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


@needs_strace
@pytest.mark.parametrize(("error", "number"), [("EIO", IO_ERROR), ("ENOSPC", FULL)])
def test_nothing_is_lost_when_the_disk_refuses_writes(tmp_path: Path, error: str, number: int) -> None:
    with running(tmp_path) as program:
        program.writes_well()
        with failing(program.process.pid, WRITES, error):
            assert set(program.tell("write", 16)) == {number}
            assert set(program.tell("make")) == {number}
            assert set(program.tell("read", 20)) == {0}
            assert program.tell("check") == []
        program.writes_well()
        with failing(program.process.pid, WRITES, error):
            assert set(program.tell("write", 16)) == {number}
            expected = program.tell("expected")
            program.process.kill()
            program.process.wait(10)
    assert lost(tmp_path, expected) == []


@needs_strace
def test_a_write_is_whole_or_not_there_when_calls_fail_now_and_then(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        program.writes_well()
        with failing(program.process.pid, WRITES, "EIO:when=5+37"):
            outcomes = [*program.tell("write", 80), *program.tell("make")]
            assert set(outcomes) == {0, IO_ERROR}
            assert program.tell("check") == []
            assert set(program.tell("write", 40)) == {0, IO_ERROR}
            expected = program.tell("expected")
            program.process.kill()
            program.process.wait(10)
    assert lost(tmp_path, expected) == []


@needs_strace
def test_reads_that_fail_are_errors_and_never_wrong_documents(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        program.writes_well()
        with failing(program.process.pid, READS, "EIO"):
            outcomes = {*program.tell("read", 60), *program.tell("write", 16)}
            assert IO_ERROR in outcomes
            assert outcomes <= {0, IO_ERROR}
        program.writes_well()


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_writing_goes_on_when_a_full_disk_has_room_again(tmp_path: Path) -> None:
    """The disk is a small one in memory that only the program sees, so it is started again there."""
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    mount = 'mount -t tmpfs -o size=32m tmpfs "$0" && { "$@" || exec "$@"; }'
    unshare = ("unshare", "--mount", *as_root, "sh", "-c", mount, str(tmp_path))
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, timeout=10, check=False)
    if tried.returncode:
        pytest.skip(f"a disk cannot be mounted here: {tried.stderr.strip()}")
    with running(tmp_path, before=unshare) as program:
        program.writes_well()
        for _ in range(2):
            assert program.tell("fill") > 0
            outcomes = set(program.tell("write", 60)) | set(program.tell("make"))
            assert FULL in outcomes
            assert outcomes <= {0, FULL}
            assert set(program.tell("read", 20)) == {0}
            assert program.tell("check") == []
            program.tell("free")
            program.writes_well()
        expected = program.tell("expected")
        program.tell("die")
        assert difference(expected, program.tell("found")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of file sizes")
def test_writing_goes_on_when_files_may_grow_again(tmp_path: Path) -> None:
    with running(tmp_path) as program:
        program.writes_well()
        program.tell("limit", 1_000_000)
        outcomes = set(program.tell("write", 200))
        assert outcomes & {FULL, IO_ERROR}
        assert outcomes <= {0, FULL, IO_ERROR}
        assert program.tell("check") == []
        program.tell("limit", 0)
        program.writes_well()
        expected = program.tell("expected")
    assert lost(tmp_path, expected) == []
