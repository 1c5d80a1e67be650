"""Run the test suites of ArangoDB's Python drivers, unchanged, against `engine serve`: which share passes?

    python -m bench.driver_suites [python-arango | python-arango-async] [--compat 3.12] [-k EXPRESSION]

python-arango-async's suite comes with its source distribution, from the package index; python-arango's is
in its repository only, of which one commit is fetched with git. Both are kept in a cache outside the tree,
and run in an environment of their own. What needs a cluster, a license or JavaScript is skipped with the
suites' own flags; replication, for which there is no flag, by the tests' names. Exit status: 0 the suites
ran, 1 one could not.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import tarfile
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from bench.child import engine_server

REPOSITORY = "https://github.com/arangodb/python-arango"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A driver's test suite: how it is fetched, what it imports, what of it does not apply."""

    name: str
    version: str
    fetch: Callable[[Suite, Path, str], Path]
    needed: tuple[str, ...]
    # The suite's own flags for what does not apply to a single server without JavaScript.
    skipped: tuple[str, ...]
    # Tests that do not apply and that no flag skips.
    deselected: tuple[str, ...] = ()


def _from_index(suite: Suite, cache: Path, _: str) -> Path:
    """The unpacked source distribution."""
    folder = cache / f"{suite.name.replace('-', '_')}-{suite.version}"
    if not folder.is_dir():
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
             "--dest", str(cache), f"{suite.name}=={suite.version}"],
            check=True,
        )  # fmt: skip
        with tarfile.open(folder.with_name(folder.name + ".tar.gz")) as packed:
            packed.extractall(cache, filter="data")
    return folder


def _from_repository(suite: Suite, cache: Path, repository: str) -> Path:
    """The files of one commit."""
    folder = cache / f"{suite.name}-{suite.version[:12]}"
    if not folder.is_dir():
        unfinished = folder.with_suffix(".part")
        git = ["git", "-C", str(unfinished)]
        subprocess.run(["git", "init", "-q", str(unfinished)], check=True)
        subprocess.run([*git, "fetch", "-q", "--depth", "1", repository, suite.version], check=True)
        subprocess.run([*git, "checkout", "-q", suite.version], check=True)
        unfinished.rename(folder)
    return folder


SUITES = (
    Suite(
        name="python-arango-async",
        version="1.2.7",
        fetch=_from_index,
        needed=(
            "python-arango-async==1.2.7",
            "pytest>=8.2",
            "pytest-asyncio>=0.23.8",
            "aiofiles>=24.1",
            "packaging>=23.1",
        ),
        skipped=("backup", "enterprise", "foxx", "js-transactions", "task", "jwt-secret-keyfile"),
    ),
    Suite(
        name="python-arango",
        version="ea9c3864cd7915c3c1174763d1c4e11b59f5f5fb",
        fetch=_from_repository,
        needed=(
            "pytest>=8.2",
            "requests",
            "requests_toolbelt",
            "urllib3>=1.26",
            "PyJWT>=2.10",
            "packaging>=23.1",
            "importlib_metadata>=4.7.1",
            "setuptools>=42",
        ),
        skipped=("backup", "enterprise", "foxx", "js-transactions", "task", "jwt-secret-keyfile"),
        deselected=(
            "tests/test_replication.py::test_replication_dump_methods",
            "tests/test_replication.py::test_replication_inventory",
            "tests/test_replication.py::test_replication_applier",
            "tests/test_wal.py::test_wal_tail",
        ),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what is missing, run the suites, print what failed and the shares."""
    parser = argparse.ArgumentParser(
        prog="bench.driver_suites", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path.home() / ".cache" / "mcp-arangodb-async" / "driver-suites"
    names = [suite.name for suite in SUITES]
    parser.add_argument("suite", nargs="?", choices=names, help="one of the suites (default all)")
    parser.add_argument(
        "--cache", type=Path, default=default, help=f"where the suites are kept (default {default})"
    )
    parser.add_argument(
        "--repository", default=REPOSITORY, help=f"where python-arango is fetched from (default {REPOSITORY})"
    )
    parser.add_argument("--compat", default="3.12", help="the version the engine answers as (default 3.12)")
    parser.add_argument("-k", dest="expression", help="only tests that match, as for pytest")
    parser.add_argument("--verbose", action="store_true", help="show the suites' own output")
    given = parser.parse_args(arguments)
    given.cache.mkdir(parents=True, exist_ok=True)
    ran = True
    for suite in SUITES:
        if given.suite not in (None, suite.name):
            continue
        try:
            report = _run(suite, given)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            print(f"{suite.name}: the suite could not be fetched: {error}", file=sys.stderr)
            ran = False
            continue
        if report.is_file():
            _print_share(suite, report)
        else:
            print(f"{suite.name}: the suite did not run; --verbose shows why", file=sys.stderr)
            ran = False
    return 0 if ran else 1


def _run(suite: Suite, given: argparse.Namespace) -> Path:
    """Run one suite against a server of its own; its report, which is missing when it did not start."""
    folder = suite.fetch(suite, given.cache, given.repository)
    python = _environment(suite, given.cache)
    report: Path = given.cache / f"{suite.name}.xml"
    report.unlink(missing_ok=True)
    password, secret = secrets.token_hex(8), secrets.token_hex(24)
    with engine_server(compat=given.compat, password=password, jwt_secret=secret) as server:
        command = [str(python), "-m", "pytest", "tests", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command += ["--host", server.host, "--port", str(server.port)]
        command += ["--password", password, "--secret", secret]
        command += [f"--deselect={test}" for test in suite.deselected]
        command += ["-k", given.expression] if given.expression else []
        command += ["--skip", *suite.skipped]
        output = None if given.verbose else subprocess.DEVNULL
        subprocess.run(command, cwd=folder, check=False, stdout=output, stderr=output)
    return report


def _environment(suite: Suite, cache: Path) -> Path:
    """The interpreter of an environment with what the suite imports."""
    folder = cache / f"venv-{suite.name}"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.is_file():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *suite.needed], check=True)
    return python


def _print_share(suite: Suite, report: Path) -> None:
    passed, skipped, failed = 0, len(suite.deselected), list[str]()
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname', '').removeprefix('tests.')}.{case.get('name')}"
        problem = case.find("failure")
        if problem is None:
            problem = case.find("error")
        if problem is not None:
            failed.append(f"{name}: {(problem.get('message') or '').splitlines()[0][:160]}")
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    for line in failed:
        print(f"FAILED {line}")
    judged = passed + len(failed)
    share = 100 * passed / judged if judged else 0.0
    version = suite.version if len(suite.version) < 12 else f"at {suite.version[:12]}"
    print(f"{suite.name} {version}: {passed} of {judged} tests pass: {share:.1f} % ({skipped} do not apply)")


if __name__ == "__main__":
    sys.exit(main())
