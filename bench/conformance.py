"""Run the conformance kit against `engine serve`, and say which share of its cases passes.

    python -m bench.conformance --kit DIR [--set docs,js,...] [--only GLOB] [--json OUT]

The server is a child process with its data in memory, started for this run. Exit status: 0 the kit ran, 1 it
could not be carried out, 2 there is no kit at DIR.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.child import engine_server


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(prog="bench.conformance", description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="folder with run.py and its cases")
    parser.add_argument(
        "--set", default="all", help="docs, inline, js, stateful, http (comma-separated) or all"
    )
    parser.add_argument("--only", help="cases whose id, file or test function matches this pattern")
    parser.add_argument("--json", type=Path, help="write the outcome of every case to this file")
    parser.add_argument("--jobs", type=int, default=2, help="connections at a time (default 2)")
    parser.add_argument("--compat", default="3.12", help="the version the engine answers as (default 3.12)")
    parser.add_argument("--show-failures", type=int, default=0, help="print the first N failures")
    given = parser.parse_args(arguments)
    script = given.kit / "run.py"
    if not script.is_file():
        print(f"no conformance kit at {given.kit}: run.py is missing", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, engine_server(compat=given.compat) as server:
        outcome = given.json or Path(folder) / "outcome.json"
        command = [
            sys.executable,
            str(script),
            "--url",
            server.url,
            "--set",
            given.set,
            "--jobs",
            str(given.jobs),
        ]
        command += ["--show-failures", str(given.show_failures), "--json", str(outcome)]
        if given.only:
            command += ["--only", given.only]
        status = subprocess.run(command, check=False).returncode
        if status not in {0, 1}:
            return 1
        cases = json.loads(outcome.read_text(encoding="utf-8"))["cases"]
    counts = Counter(case["status"] for case in cases.values())
    judged = counts["passed"] + counts["failed"]
    share = 100 * counts["passed"] / judged if judged else 0.0
    print(f"\n{counts['passed']} of {judged} cases pass: {share:.1f} % ({counts['skipped']} do not apply)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
