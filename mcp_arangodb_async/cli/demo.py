"""`demo`: the main job, end to end: a real client, the real server, real data, nothing else installed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import mcp_types as types
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.demo_data import DemoData, build, read_data
from mcp_arangodb_async.cli.output import Output
from mcp_arangodb_async.config.model import EmbeddedServer
from mcp_arangodb_async.errors import BackendError, ConflictError

SECONDS = 60.0
START = "HNL"
BUSIEST = """\
FOR flight IN flights
  COLLECT airport = flight._from AGGREGATE departures = SUM(flight.count), routes = COUNT(1)
  SORT departures DESC
  LIMIT 5
  LET place = DOCUMENT(airport)
  RETURN { airport: place._key, name: place.name, city: place.city, routes, departures }"""
ORDERS = """\
FOR order IN orders
  COLLECT status = order.status AGGREGATE orders = COUNT(1), total = SUM(order.total)
  SORT orders DESC
  RETURN { status, orders, total: ROUND(total) }"""
CONFIGURATION = """\
# Two databases of the demo, kept by the embedded engine.
databases:
  airports:
    url: {url}
    database: airports
    description: US airports and the flights between them in 2008
  orders:
    url: {url}
    database: orders
    description: orders of a small travel shop
    access: read
"""


@dataclass(slots=True)
class Stage:
    """What the audience sees, and the client that does the work."""

    out: Output
    data: DemoData
    client: Client
    step: int = 0

    def title(self, text: str) -> None:
        """The heading of the next step."""
        self.step += 1
        self.out.line()
        self.out.styled(f"{self.step}. {text}", "bold cyan")

    async def call(self, tool: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a tool, show the call, give back its document; raises BackendError if it failed."""
        given = {name: "..." if name == "query" else json.dumps(value) for name, value in arguments.items()}
        shown = ", ".join(f"{name}={value}" for name, value in given.items())
        self.out.styled(f"   {tool}({shown})", "green")
        for line in str(arguments.get("query", "")).splitlines():
            self.out.styled(f"     {line}", "dim")
        result = await self.client.call_tool(tool, arguments, read_timeout_seconds=SECONDS)
        text = "".join(part.text for part in result.content if isinstance(part, types.TextContent))
        document: Any = (
            result.structured_content if result.structured_content is not None else json.loads(text)
        )
        if result.is_error or not isinstance(document, dict):
            raise BackendError(f"{tool} failed: {text[:500]}")
        return cast("dict[str, Any]", document)

    def rows(self, document: Mapping[str, Any], columns: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
        """Show the rows of a result, and where they came from."""
        rows = cast("list[dict[str, Any]]", document["rows"])
        self.out.records(columns, rows)
        self.out.line(f"   from {document['database']}, decided by the {document['resolved_by']}")
        return rows


def expect(what: str, *, got: object, wanted: object) -> None:
    """Raise BackendError if the server's answer is not what the data say."""
    if got != wanted:
        raise BackendError(f"{what}: the server answered {got!r}, the data say {wanted!r}")


async def show(stage: Stage) -> None:
    """The steps, each checked against the data without AQL."""
    data = stage.data
    stage.title("Which databases are there?")
    listed = await stage.call("arango_list_available_databases")
    databases = cast("list[dict[str, Any]]", listed["databases"])
    stage.out.records(
        {"key": "KEY", "database": "DATABASE", "access": "ACCESS", "description": "DESCRIPTION"}, databases
    )
    expect("the configured databases", got=[item["key"] for item in databases], wanted=["airports", "orders"])

    stage.title("Focus on one: every later call uses it")
    focused = await stage.call("arango_set_focused_database", database="airports")
    stage.out.line(f"   focused on {focused['focused_database']}")

    stage.title("The busiest airports, by AQL")
    document = await stage.call("arango_query", query=BUSIEST)
    columns = {
        "airport": "AIRPORT",
        "name": "NAME",
        "city": "CITY",
        "routes": "ROUTES",
        "departures": "DEPARTURES",
    }
    rows = stage.rows(document, columns)
    best = sorted(data.departures().items(), key=lambda pair: -pair[1])[:5]
    expect("the busiest airports", got=[(row["airport"], row["departures"]) for row in rows], wanted=best)

    stage.title(f"Where can one fly from {START}, by walking the graph?")
    document = await stage.call(
        "arango_traverse", start_vertex=f"airports/{START}", graph="routes", max_depth=1
    )
    found = cast("list[dict[str, Any]]", document["rows"])
    routes = [
        {
            "to": row["vertex"]["_key"],
            "name": row["vertex"]["name"],
            "state": row["vertex"]["state"],
            "flights": row["edge"]["count"],
        }
        for row in found
    ]
    top = sorted(routes, key=lambda route: -route["flights"])[:5]
    stage.rows(
        {**document, "rows": top}, {"to": "TO", "name": "NAME", "state": "STATE", "flights": "FLIGHTS"}
    )
    stage.out.line(f"   ... the 5 busiest of {len(routes)} routes")
    expect("the routes", got={route["to"] for route in routes}, wanted=data.reached_from(START))

    stage.title("Ask the other database once, without changing the focus")
    document = await stage.call("arango_query", query=ORDERS, database="orders")
    rows = stage.rows(document, {"status": "STATUS", "orders": "ORDERS", "total": "TOTAL"})
    expect("the orders", got={row["status"]: row["orders"] for row in rows}, wanted=data.order_counts())

    stage.title("Why did the calls go where they went?")
    resolution = await stage.call("arango_get_database_resolution")
    columns = {"level": "LEVEL", "description": "SAID BY", "value": "KEY", "status": "STATUS"}
    stage.out.records(columns, _levels(resolution["levels"]))
    stage.out.line(f"   so a call without `database` uses {resolution['resolved_database']}")
    expect("the resolved database", got=resolution["resolved_database"], wanted="airports")


def _levels(levels: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"level": name.replace("_", " "), **level} for name, level in levels.items()]


@asynccontextmanager
async def connected(configuration: Path, log: Path) -> AsyncGenerator[Client]:
    """The SDK's client, speaking to the server it started as a child process over stdio."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_arangodb_async", "server", "--config-file", str(configuration)],
        cwd=configuration.parent,
    )
    with log.open("w", encoding="utf-8") as errors:
        async with Client(stdio_client(server, errlog=errors), read_timeout_seconds=SECONDS) as client:
            yield client


async def _play(directory: Path, out: Output) -> Path:
    started = time.perf_counter()
    out.styled("mcp-arangodb-async: many databases behind one MCP server", "bold")
    data = read_data()
    out.line(
        f"building two databases: {len(data.airports)} airports with {len(data.flights)} routes, and "
        f"{len(data.orders)} orders ..."
    )
    out.flush()
    await build(data, directory / "engine")
    configuration = directory / "databases.yaml"
    configuration.write_text(
        CONFIGURATION.format(url=EmbeddedServer(directory=directory / "engine").url), encoding="utf-8"
    )
    log = directory / "server.log"
    try:
        async with connected(configuration, log) as client:
            built = time.perf_counter() - started
            out.line(
                f"built; the server answers over stdio after {built:.1f} s (MCP {client.protocol_version})"
            )
            await show(Stage(out=out, data=data, client=client))
    except Exception as error:
        said = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""
        raise BackendError(f"the demo failed: {_first(error)}\n{said}".rstrip()) from error
    out.line()
    out.line(f"Every answer agrees with the data. It took {time.perf_counter() - started:.1f} s.")
    return configuration


def _first(error: BaseException) -> str:
    """The innermost reason in a group of exceptions."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseException", error.exceptions[0])  # pyright: ignore[reportUnknownMemberType]
    return str(error) or type(error).__name__


def client_configuration(arguments: Sequence[str]) -> dict[str, Any]:
    """The block that MCP clients take; the interpreter's own path, so that it works from anywhere."""
    command = [sys.executable, "-m", "mcp_arangodb_async", "server", *arguments]
    return {"mcpServers": {"arangodb": {"command": command[0], "args": command[1:]}}}


def _run(invocation: Invocation) -> int:
    out = invocation.out
    keep = invocation.option("keep")
    if keep is None:
        with tempfile.TemporaryDirectory(
            prefix="mcp-arangodb-async-demo-", ignore_cleanup_errors=True
        ) as name:
            asyncio.run(_play(Path(name), out))
        arguments: list[str] = []
    else:
        directory = (invocation.cwd / keep).absolute()
        if directory.exists() and any(directory.iterdir()):
            raise ConflictError(f"{directory} is not empty; --keep wants a new directory")
        directory.mkdir(parents=True, exist_ok=True)
        arguments = ["--config-file", str(asyncio.run(_play(directory, out)))]
    out.line()
    out.styled("Paste this into your MCP client's configuration:", "bold")
    out.line(json.dumps(client_configuration(arguments), indent=2))
    if keep is None:
        out.line("(It starts with an empty embedded database; `maa demo --keep DIR` keeps this data.)")
    return 0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep", metavar="DIR", help="keep the databases and their configuration in this directory"
    )


DEMO = Command(
    description="Build two databases on the embedded engine, start the real server as a child process, and "
    "use it as an MCP client does: list, focus, query, walk a graph, ask another database once, explain. "
    "Every answer is checked. At the end it prints the configuration for your own client.",
    examples=(("demo", "about ten seconds"), ("demo --keep flights", "keep the data to play with")),
    arguments=_arguments,
    run=_run,
)
