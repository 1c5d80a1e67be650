"""`make compare-rows`: many rows of PostgreSQL compared with those of MariaDB, checked against what was made.

    python -m bench.compare_rows [--rows N] [--memory MIB]

Both servers are started for this, filled with the same generated rows but for edits that are known, and
compared in a process of its own, whose peak of resident memory, CPU and wall time are told. Exit status: 0 if
every count and sample is as generated and the memory was enough.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.sql import servers
from tests.sql_servers import PASSWORDS, SqlServer
from tests.unit.sql.orders import filled, mistakes, truth

ROWS, MEMORY_MIB = 1_000_000, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the process answered, and what it took."""

    facts: dict[str, Any]
    mebibytes: float
    cpu: float
    wall: float
    progress: list[str]


def configuration(directory: Path, databases: dict[str, tuple[SqlServer, str]]) -> Path:
    """A configuration file with the databases as environments."""
    lines = ["environments:"]
    for kind, (server, database) in databases.items():
        lines += [f"  {kind}:", f"    url: {server.url(database)}", "    password_env: SQL_WRITER_PASSWORD"]
        lines += ["    tls: {mode: 'off'}", "    eager: false"]
    path = directory / "databases.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def compare(path: Path, most: int) -> Measured:
    """`maa env compare` in a process of its own, its progress shown on a terminal."""
    words = [sys.executable, "-m", "mcp_arangodb_async", "env", "compare", "--config-file", str(path)]
    words += ["--table", "orders", "--env", "postgresql", "--env", "mariadb"]
    words += ["--max-differences", str(most), "--json"]
    terminal, end = os.openpty()
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out, ThreadPoolExecutor(1) as reading:
        process = subprocess.Popen(words, stdout=out, stderr=end, env={**os.environ, **PASSWORDS})
        os.close(end)
        notes = reading.submit(everything, terminal)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        out.seek(0)
        text = out.read().decode()
    shown = notes.result().replace("\x1b[K", "").split("\r")
    if process.returncode != 10:
        raise RuntimeError(f"env compare ended with {process.returncode}: {shown[-20:]}")
    return Measured(
        facts=json.loads(text),
        mebibytes=used.ru_maxrss / 1024,
        cpu=used.ru_utime + used.ru_stime,
        wall=wall,
        progress=[line for line in shown if " rows postgresql " in line],
    )


def everything(terminal: int) -> str:
    """What a process writes on its terminal, until it ends."""
    found = b""
    with contextlib.suppress(OSError):  # how Linux says that nobody writes there any more
        while more := os.read(terminal, 65_536):
            found += more
    os.close(terminal)
    return found.decode(errors="replace")


def main(arguments: list[str] | None = None) -> int:
    """Fill, compare, check, and say whether the budget holds."""
    parser = argparse.ArgumentParser(prog="bench.compare_rows", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of each server (default {ROWS:,})")
    parser.add_argument("--memory", type=int, default=MEMORY_MIB, help=f"MiB at most (default {MEMORY_MIB})")
    given = parser.parse_args(arguments)
    expected = truth(given.rows)
    with servers() as (postgresql, mariadb), tempfile.TemporaryDirectory() as directory:
        databases = {
            "postgresql": (postgresql, filled(postgresql, given.rows, edited=False)),
            "mariadb": (mariadb, filled(mariadb, given.rows, edited=True)),
        }
        most = len(expected.added | expected.removed | expected.changed)
        found = compare(configuration(Path(directory), databases), most)
    wrong = mistakes(found.facts, expected)
    print(f"Rows compared: PostgreSQL {expected.rows[0]:,} with MariaDB {expected.rows[1]:,}")
    print(f"  peak of resident memory {found.mebibytes:.0f} MiB, at most {given.memory}")
    print(f"  CPU {found.cpu:.1f} s, wall {found.wall:.1f} s, progress shown {len(found.progress)} times")
    for line in found.progress[-1:]:
        print(f"  its last line: {line}")
    print(f"  {most} differences, {'exactly as made' if not wrong else 'NOT as made'}")
    for line in wrong:
        print(f"  {line[:500]}")
    kept = not wrong and found.mebibytes <= given.memory and (bool(found.progress) or found.wall < 2)
    print("budgets of comparing kept" if kept else "a budget of comparing was missed")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
