"""Run the test suite of python-arango-async, unchanged, against `engine serve`, and say which share passes.

    python -m bench.driver_suites [--cache DIR] [--compat 3.12] [-k EXPRESSION]

The suite comes with the driver's source distribution, which is fetched from the package index into a cache
outside the tree; its tests run in an environment of their own. What needs a cluster, a license or JavaScript
is skipped with the suite's own flags. Exit status: 0 the suite ran, 1 it could not.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tarfile
import venv
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from bench.child import engine_server

VERSION = "1.2.7"
PACKAGE = "python-arango-async"
# The suite's own flags for what does not apply to a single server without JavaScript.
SKIPPED = ("backup", "enterprise", "foxx", "js-transactions", "task", "jwt-secret-keyfile")
NEEDED = (
    f"{PACKAGE}=={VERSION}",
    "pytest>=8.2",
    "pytest-asyncio>=0.23.8",
    "aiofiles>=24.1",
    "packaging>=23.1",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what is missing, run the suite, print what failed and the share."""
    parser = argparse.ArgumentParser(prog="bench.driver_suites", description=__doc__)
    default = Path.home() / ".cache" / "mcp-arangodb-async" / "driver-suites"
    parser.add_argument(
        "--cache", type=Path, default=default, help=f"where the suite is kept (default {default})"
    )
    parser.add_argument("--compat", default="3.12", help="the version the engine answers as (default 3.12)")
    parser.add_argument("-k", dest="expression", help="only tests that match, as for pytest")
    parser.add_argument("--verbose", action="store_true", help="show the suite's own output")
    given = parser.parse_args(arguments)
    given.cache.mkdir(parents=True, exist_ok=True)
    suite, python = _suite(given.cache), _environment(given.cache)
    report = given.cache / "report.xml"
    report.unlink(missing_ok=True)
    password, secret = secrets.token_hex(8), secrets.token_hex(24)
    with engine_server(compat=given.compat, password=password, jwt_secret=secret) as server:
        command = [str(python), "-m", "pytest", "tests", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command += [
            "--host",
            server.host,
            "--port",
            str(server.port),
            "--password",
            password,
            "--secret",
            secret,
        ]
        command += ["--skip", *SKIPPED]
        if given.expression:
            command += ["-k", given.expression]
        output = None if given.verbose else subprocess.DEVNULL
        subprocess.run(command, cwd=suite, check=False, stdout=output, stderr=output)
    if not report.is_file():
        print("the suite did not run; --verbose shows why", file=sys.stderr)
        return 1
    _print_share(report)
    return 0


def _suite(cache: Path) -> Path:
    """The unpacked source distribution."""
    folder = cache / f"{PACKAGE.replace('-', '_')}-{VERSION}"
    if not folder.is_dir():
        archive = folder.with_name(folder.name + ".tar.gz")
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
             "--dest", str(cache), f"{PACKAGE}=={VERSION}"],
            check=True,
        )  # fmt: skip
        with tarfile.open(archive) as packed:
            packed.extractall(cache, filter="data")
    return folder


def _environment(cache: Path) -> Path:
    """The interpreter of an environment with the driver and what its tests import."""
    folder = cache / "venv"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.is_file():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *NEEDED], check=True)
    return python


def _print_share(report: Path) -> None:
    passed, skipped, failed = 0, list[str](), list[str]()
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname', '').removeprefix('tests.')}.{case.get('name')}"
        problem = case.find("failure")
        if problem is None:
            problem = case.find("error")
        if problem is not None:
            failed.append(f"{name}: {(problem.get('message') or '').splitlines()[0][:160]}")
        elif case.find("skipped") is not None:
            skipped.append(name)
        else:
            passed += 1
    for line in failed:
        print(f"FAILED {line}")
    judged = passed + len(failed)
    share = 100 * passed / judged if judged else 0.0
    print(f"\n{PACKAGE} {VERSION}: {passed} of {judged} tests pass: {share:.1f} % ({len(skipped)} skipped)")


if __name__ == "__main__":
    sys.exit(main())
