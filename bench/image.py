"""`make image-check`: build as the Dockerfile says, in a fresh virtual environment, and run its commands.

    python -m bench.image

What a Docker daemon would do with the same instructions, but for the base image and its users.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.image import DOCKER, build, run


def main() -> int:
    """Build, start, ask the health check, stop."""
    with tempfile.TemporaryDirectory(prefix="maa-image-") as name:
        directory = Path(name)
        started = time.monotonic()
        venv = build(directory)
        files = [path for path in venv.rglob("*") if path.is_file() and not path.is_symlink()]
        size = sum(path.stat().st_size for path in files) / 2**20
        print(f"built in {time.monotonic() - started:.0f} s: {size:.0f} MiB beside the base image")
        started = time.monotonic()
        run(directory, venv, configuration=(DOCKER / "config" / "single.yaml").read_text(encoding="utf-8"))
        print(f"healthy, and ended cleanly, in {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
