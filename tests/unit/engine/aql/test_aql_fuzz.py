"""Twenty thousand mutated queries: each is answered by a tree or by one of the parser's errors, and soon."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_mutated_queries_only_ever_raise_the_parsers_errors() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.fuzz_parser", "--count", "20000", "--seed", "20000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    accepted = re.search(r"'accepted': (\d+)", done.stdout)
    assert accepted is not None, done.stdout
    assert int(accepted[1]) > 1000
