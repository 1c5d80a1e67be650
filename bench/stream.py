"""Large results streamed by the whole server: how much its memory grows, on each engine.

    python -m bench.stream [--mib N]

The server runs in a process of its own and is asked by the real client; its idle memory is taken after it has
exported something small. Growth is the highest resident memory during the stream, less that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client
from mcp_types import TextContent

from bench.sql import servers
from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.config.exports import ExportSettings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.config.monitoring import MonitoringSettings
from mcp_arangodb_async.server.app import open_app
from mcp_arangodb_async.server.build import build_server
from tests.sql_servers import sqlite_file
from tests.unit.sql.world import on_server

MOST_GROWTH = 100.0
MIB = 1024 * 1024
# A kibibyte of text for each row, made by the server as it is asked for.
STATEMENTS: Mapping[str, str] = {
    "postgresql": "SELECT i, repeat(md5(i::text), 32) AS t FROM generate_series(1, {rows}) AS s(i)",
    "mariadb": "SELECT seq AS i, repeat(md5(seq), 32) AS t FROM seq_1_to_{rows}",
    "sqlite": "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {rows}) "
    "SELECT i, printf('%01024d', i) AS t FROM s",
}
KEPT = ("export jsonl", "export csv", "export parquet", "pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one stream took: resident memory in MiB, bytes of the rows, seconds."""

    what: str
    engine: str
    idle: float
    highest: float
    streamed: float
    seconds: float

    @property
    def growth(self) -> float:
        """How much more than when it was idle."""
        return self.highest - self.idle


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say whether the budget holds."""
    parser = argparse.ArgumentParser(prog="bench.stream", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="MiB of each result (default 1024)")
    parser.add_argument("--place", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.place:
        asyncio.run(serve(given.place, given.mib))
        return 0
    kept = True
    print(f"{given.mib} MiB streamed by the server (MiB of resident memory; growth at most {MOST_GROWTH:g})")
    with servers() as (postgresql, mariadb), tempfile.TemporaryDirectory() as directory:
        found: dict[str, EnvironmentSettings] = {
            server.kind: on_server(server, server.create_database()) for server in (postgresql, mariadb)
        }
        file = sqlite_file(Path(directory) / "empty.db", "CREATE TABLE t (i int)")
        places = {name: {"port": one.port, "database": one.database} for name, one in found.items()}
        places["sqlite"] = {"path": str(file)}
        for what in KEPT:
            for engine, place in places.items():
                if what in {"export csv", "export parquet"} and engine != "postgresql":
                    continue
                one = child({"what": what, "engine": engine, "directory": directory, **place}, given.mib)
                kept &= one.growth <= MOST_GROWTH
                print(
                    f"  {one.what:15} {one.engine:11} idle {one.idle:6.1f}  highest {one.highest:6.1f}  "
                    f"growth {one.growth:6.1f}  {one.streamed:7.1f} MiB in {one.seconds:6.1f} s"
                )
    print("budget of streams kept" if kept else "the budget of streams was missed")
    return 0 if kept else 1


def child(place: Mapping[str, Any], mib: int) -> Measured:
    """The measurement in a process of its own."""
    told = [sys.executable, "-m", "bench.stream", "--mib", str(mib), "--place", json.dumps(place)]
    done = subprocess.run(told, check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def environment_at(place: Mapping[str, Any]) -> EnvironmentSettings:
    """The environment that the parent made."""
    from mcp_arangodb_async.config.secret import Secret
    from tests.sql_servers import PASSWORDS
    from tests.unit.sql.world import NO_TLS, in_file

    if place["engine"] == "sqlite":
        return in_file(Path(place["path"]), name="sqlite", query_timeout=300.0, eager=False)
    return EnvironmentSettings(
        name=place["engine"],
        kind=place["engine"],
        host="127.0.0.1",
        port=place["port"],
        user="writer",
        password=Secret(("SQL_WRITER_PASSWORD",), PASSWORDS),
        database=place["database"],
        access="read",
        tls=NO_TLS,
        query_timeout=300.0,
        eager=False,
    )


async def serve(place: Mapping[str, Any], mib: int) -> None:
    """Stream once as a small result and once as a large one, and print what that took."""
    engine, what = str(place["engine"]), str(place["what"])
    settings = Settings(
        databases={},
        environments={engine: environment_at(place)},
        monitoring=MonitoringSettings(interval=0),
        exports=ExportSettings(max_bytes=4096 * MIB, total_bytes=8192 * MIB),
        data_directory=Path(place["directory"]),
    )
    async with (
        open_app(settings) as app,
        Client(build_server(app, transport="stdio"), mode="legacy") as client,
    ):
        await streamed(client, what, STATEMENTS[engine].format(rows=2000))
        idle = memory("VmRSS")
        forget_highest()
        started = time.perf_counter()
        size = await streamed(client, what, STATEMENTS[engine].format(rows=mib * 1024))
        seconds = time.perf_counter() - started
    found = {"what": what, "engine": engine, "idle": idle, "highest": memory("VmHWM")}
    print(json.dumps({**found, "streamed": size / MIB, "seconds": seconds}))


async def streamed(client: Client, what: str, statement: str) -> float:
    """The whole result by way of a tool; the bytes that came, or that the file has."""
    if what.startswith("export"):
        document, size = await called(client, {"sql": statement, "export": what.split()[1]})
        (one,) = document["environments"].values()
        assert one["status"] == "ok", one
        remove(one["path"])
        return float(one["bytes"])
    document, total = await called(client, {"sql": statement, "chunk_rows": 1000})
    while "next" in document:
        document, size = await called(client, {"next": document["next"], "chunk_rows": 1000})
        total += size
    (one,) = document["environments"].values()
    assert one["status"] == "ok", one
    return float(total)


async def called(client: Client, arguments: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The document of a call, and the bytes of its text."""
    result = await client.call_tool("execute_streaming_query_env", arguments)
    block = result.content[0]
    assert isinstance(block, TextContent)
    assert not result.is_error, block.text
    return json.loads(block.text), len(block.text)


def remove(path: str) -> None:
    """Make room for the next one."""
    Path(path).unlink()


def forget_highest() -> None:
    """Let the highest resident memory be that from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def memory(name: str) -> float:
    """A line of the process's own status, in MiB."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
