"""A process that is killed while it writes leaves whole operations, and all that it acknowledged."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CYCLES = 500


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork to start hundreds of processes")
def test_five_hundred_kills_lose_nothing_and_leave_nothing_half() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bench.kill", "--cycles", str(CYCLES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.match(r"500 cycles .*: (\d+) operations acknowledged", run.stdout)
    assert found is not None, run.stdout
    assert int(found.group(1)) > CYCLES
