"""Run the protocol's official conformance suite against our HTTP server.

    python -m bench.mcp_conformance [--cache DIR] [--requirements REVISION ...] [--scenario NAME]

The suite and the Node it needs come from npm into a cache outside the tree. The server is the product's own,
with the fixtures the suite asks for (`bench.mcp_fixtures`). Exit status: 0 everything passed but what
`bench/mcp_expected_failures.yml` lists, 1 not, 2 the suite could not be run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from bench.mcp_fixtures import add_fixtures
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.server.app import open_app
from mcp_arangodb_async.server.http import DrainingServer, listen_on, open_asgi

NEEDED = ("node@24", "@modelcontextprotocol/conformance@0.2.0-alpha.12")
EXPECTED_FAILURES = Path(__file__).parent.absolute() / "mcp_expected_failures.yml"
REVISIONS = ("2025-11-25", "2026-07-28")
INSTALL_SECONDS, RUN_SECONDS = 600, 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what is missing, run the suite for each revision, say whether it passed."""
    parser = argparse.ArgumentParser(prog="bench.mcp_conformance", description=__doc__)
    default = Path.home() / ".cache" / "mcp-arangodb-async" / "mcp-conformance"
    parser.add_argument(
        "--cache", type=Path, default=default, help=f"where the suite is kept (default {default})"
    )
    parser.add_argument(
        "--requirements", action="append", choices=REVISIONS, help="only this revision of the protocol"
    )
    parser.add_argument("--scenario", help="only this scenario")
    given = parser.parse_args(arguments)
    if not installed(given.cache):
        return 2
    return asyncio.run(run(given.cache, given.requirements or list(REVISIONS), given.scenario))


def entry(cache: Path) -> Path:
    return cache / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"


def installed(cache: Path) -> bool:
    """Whether the suite is there, after installing it if it was not."""
    if entry(cache).exists():
        return True
    npm = shutil.which("npm")
    if npm is None:
        sys.stderr.write("npm is needed to fetch the suite\n")
        return False
    cache.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(cache), *NEEDED]
    return subprocess.run(command, timeout=INSTALL_SECONDS, check=False).returncode == 0


@asynccontextmanager
async def serving() -> AsyncGenerator[int]:
    """Our server with the fixtures, on a port of this machine."""
    database = DatabaseSettings(key="memory", server=EmbeddedServer(directory=None))
    settings = Settings(databases={database.key: database})
    async with open_app(settings) as app, open_asgi(app) as (guard, mcp):
        add_fixtures(mcp)
        config = uvicorn.Config(guard, log_config=None, access_log=False, lifespan="off")
        server = DrainingServer(config, app, guard, mcp)
        listener = listen_on("127.0.0.1", 0)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


async def run(cache: Path, revisions: Sequence[str], scenario: str | None) -> int:
    """Run the suite for each revision; 1 if one failed."""
    failed = 0
    async with serving() as port:
        for revision in revisions:
            only = ["--scenario", scenario, "--spec-version", revision] if scenario else []
            wanted = only or ["--requirements", revision]
            process = await asyncio.create_subprocess_exec(
                str(cache / "node_modules" / "node" / "bin" / "node"),
                str(entry(cache)),
                *("server", "--url", f"http://localhost:{port}/mcp", *wanted),
                *("--expected-failures", str(EXPECTED_FAILURES)),
                *("-o", str(cache / "results" / revision)),
                cwd=cache,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(cache)},
            )
            try:
                failed |= await asyncio.wait_for(process.wait(), RUN_SECONDS) != 0
            except TimeoutError:
                process.kill()
                await process.wait()
                failed = 1
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
