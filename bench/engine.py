"""The engine's speed and memory, each number beside what it is measured against in the same run.

    python -m bench.engine [--documents N] [--only NAME]

CPU seconds, taken in turns with the thing compared with, the fastest turn of each: other programs on the
machine make a turn slower, never faster. What is short is measured in many short turns, some of which find
the processor to themselves. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from arangoasync.auth import Auth

from mcp_arangodb_async.engine import Api, Engine, Request
from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.exec.options import QueryOptions
from mcp_arangodb_async.engine.exec.phases import Phases
from mcp_arangodb_async.engine.exec.planner import Planner
from mcp_arangodb_async.engine.functions import functions_of
from mcp_arangodb_async.engine.testing import python_arango, python_arango_async

DOCUMENTS = 100_000
CITIES = ("Berlin", "Paris", "Rome", "Oslo", "Madrid", "Vienna", "Prague", "Lisbon")
FILTER = (
    "FOR u IN users FILTER u.age >= 30 && u.age < 60 && u.city == @city RETURN {name: u.name, age: u.age}"
)
GROUP = "FOR u IN users COLLECT city = u.city AGGREGATE n = COUNT(), mean = AVG(u.age) RETURN {city, n, mean}"
POINT = "FOR u IN users FILTER u.number == @number RETURN u.name"
HOPS = "FOR v IN 2..2 OUTBOUND @start flights RETURN v._key"
TYPICAL = (
    "FOR u IN users FILTER u.city == @city AND u.age > @age LET d = u.age * 2 "
    "SORT u.age DESC LIMIT 10 RETURN {name: u.name, d}"
)
CACHE = 32 * 1024 * 1024
#: How often what is short is measured: some turns find the processor to themselves.
SHORT_TURNS = 400
Work = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measurement and its target."""

    name: str
    measured: str
    target: str
    met: bool


def turns(*works: Work, rounds: int = 5) -> list[float]:
    """The CPU seconds of each, the fastest of several turns."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for at, work in enumerate(works):
            gc.collect()
            started = time.process_time()
            work()
            best[at] = min(best[at], time.process_time() - started)
    return best


def seconds(work: Work, *, rounds: int = SHORT_TURNS) -> float:
    """The CPU seconds of one short piece of work, the fastest of many turns."""
    best = float("inf")
    gc.collect()
    for _ in range(rounds):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def at_most(name: str, value: float, limit: float, unit: str) -> Result:
    """A result that must not be above its target."""
    return Result(
        name=name, measured=f"{value:.2f} {unit}", target=f"<= {limit:g} {unit}", met=value <= limit
    )


def at_least(name: str, value: float, limit: float, unit: str) -> Result:
    """A result that must not be below its target."""
    text = f"{value:,.0f}" if limit >= 100 else f"{value:.2f}"
    return Result(name=name, measured=f"{text} {unit}", target=f">= {limit:,g} {unit}", met=value >= limit)


def for_information(name: str, value: float, unit: str) -> Result:
    """A result that has no target."""
    return Result(name=name, measured=f"{value:.2f} {unit}", target="", met=True)


def people(count: int) -> list[dict[str, Any]]:
    """Documents of a usual size."""
    return [
        {
            "_key": f"u{number}",
            "number": number,
            "name": f"Person {number}",
            "age": number * 7 % 90,
            "city": CITIES[number * 31 % 8],
            "tags": ["red", "green", "blue"][: number % 4],
            "address": {"street": f"Street {number % 1000}", "zip": 10_000 + number % 5000},
        }
        for number in range(count)
    ]


def run(database: Database, query: str, **binds: object) -> list[Any]:
    """All rows of a query."""
    return list(database.query(query, binds).rows)


def scans(database: Database) -> Iterator[Result]:
    """Filter with projection, and a grouped aggregate, beside loops a person would write."""
    documents = run(database, "FOR u IN users RETURN u")

    def filtered() -> list[dict[str, Any]]:
        return [
            {"name": u["name"], "age": u["age"]}
            for u in documents
            if 30 <= u["age"] < 60 and u["city"] == "Oslo"
        ]

    def grouped() -> list[dict[str, Any]]:
        groups: dict[str, list[int]] = {}
        for u in documents:
            group = groups.setdefault(u["city"], [0, 0])
            group[0] += 1
            group[1] += u["age"]
        return [{"city": city, "n": n, "mean": total / n} for city, (n, total) in groups.items()]

    assert run(database, FILTER, city="Oslo") == filtered()
    assert len(run(database, GROUP)) == len(grouped())
    ours, loop = turns(lambda: run(database, FILTER, city="Oslo"), filtered)
    yield at_most("filter and projection, of a Python loop", ours / loop, 3, "x")
    ours, loop = turns(lambda: run(database, GROUP), grouped)
    yield at_most("grouped aggregate, of a Python loop", ours / loop, 3, "x")


def points(engine: Engine, database: Database, *, calls: int = 25) -> Iterator[Result]:
    """Point queries over an index, from the inside outwards."""
    number = 0

    def direct() -> None:
        nonlocal number
        for _ in range(calls):
            number = (number + 7919) % 1000
            run(database, POINT, number=number)

    yield at_least("point queries, Database.query", calls / seconds(direct), 5000, "/s")
    with python_arango.in_process(engine) as client:
        db: Any = client.db("_system")

        def through_driver() -> None:
            nonlocal number
            for _ in range(calls):
                number = (number + 7919) % 1000
                list(db.aql.execute(POINT, bind_vars={"number": number}))

        yield at_least("point queries, python-arango in process", calls / seconds(through_driver), 5000, "/s")
    yield asyncio.run(async_points(engine, calls=calls))


async def async_points(engine: Engine, *, calls: int) -> Result:
    """Point queries through python-arango-async, which hands every request to a thread."""
    async with python_arango_async.in_process(engine) as client:
        db: Any = await client.db("_system", auth=Auth("root", ""))
        best = float("inf")
        for _ in range(SHORT_TURNS):
            started = time.process_time()
            for number in range(calls):
                cursor = await db.aql.execute(POINT, bind_vars={"number": number % 1000})
                [_ async for _ in cursor]
            best = min(best, time.process_time() - started)
    return at_least("point queries, python-arango-async in process", calls / best, 5000, "/s")


def imports(directory: Path, documents: Sequence[dict[str, Any]]) -> Iterator[Result]:
    """Bulk import through the API beside `executemany`: of rows that are bytes already, which is what is
    promised, and of documents that it encodes first, as any import has to.
    """
    bodies = [orjson.dumps(documents[at : at + 10_000]) for at in range(0, len(documents), 10_000)]
    rows = encoded(documents)
    turn = 0
    with Engine.open(directory / "imports") as engine, Api(engine, authentication=False) as api:
        catalog = engine.database("_system").catalog

        def ours() -> None:
            nonlocal turn
            turn += 1
            catalog.create_collection({"name": f"people{turn}"})
            for body in bodies:
                answer = api.handle(
                    Request(
                        method="POST",
                        path="/_api/import",
                        query=f"collection=people{turn}&type=list",
                        body=body,
                    )
                )
                assert answer.status == 201, answer.body

        def bare(rows: Sequence[tuple[str, bytes]]) -> None:
            path = directory / f"bare{turn}.sqlite"
            path.unlink(missing_ok=True)
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("CREATE TABLE d (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID")
            for at in range(0, len(rows), 10_000):
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO d VALUES (?, ?)", rows[at : at + 10_000])
                connection.execute("COMMIT")
            connection.close()

        mine, theirs, encoding = turns(ours, lambda: bare(rows), lambda: bare(encoded(documents)))
    yield at_least("bulk import, of sqlite3.executemany", 100 * theirs / mine, 35, "%")
    yield for_information("... of one that encodes its documents", 100 * encoding / mine, "%")


def encoded(documents: Sequence[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """Documents as rows of a table."""
    return [(document["_key"], orjson.dumps(document)) for document in documents]


def flights() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Airports and flights as documents."""
    data = files("mcp_arangodb_async.data") / "flights"
    airports = list(csv.DictReader(data.joinpath("airports.csv").read_text("utf-8").splitlines()))
    routes = list(csv.DictReader(data.joinpath("flights-airport.csv").read_text("utf-8").splitlines()))
    yield "airports", [{"_key": row["iata"], "name": row["name"], "city": row["city"]} for row in airports]
    yield (
        "flights",
        [
            {
                "_from": f"airports/{row['origin']}",
                "_to": f"airports/{row['destination']}",
                "count": int(row["count"]),
            }
            for row in routes
        ],
    )


def traversals(database: Database) -> Iterator[Result]:
    """Two hops on the graph of flights, beside a walk over dicts of lists."""
    catalog = database.catalog
    for name, documents in flights():
        catalog.create_collection({"name": name, "type": 3 if name == "flights" else 2})
        database.query(f"FOR d IN @documents INSERT d INTO {name}", {"documents": documents}).close()
    vertices: dict[str, dict[str, Any]] = {v["_id"]: v for v in run(database, "FOR v IN airports RETURN v")}
    edges: dict[str, list[dict[str, Any]]] = {}
    for edge in run(database, "FOR e IN flights RETURN e"):
        edges.setdefault(edge["_from"], []).append(edge)
    starts = sorted(edges)[::10]

    def walk() -> list[int]:
        counts: list[int] = []
        for start in starts:
            found: list[str] = []
            for first in edges.get(start, ()):
                for second in edges.get(first["_to"], ()):
                    if second is not first:
                        vertex = vertices.get(second["_to"])
                        found.append(vertex["_key"] if vertex else "")
            counts.append(len(found))
        return counts

    def ours() -> list[int]:
        return [len(run(database, HOPS, start=start)) for start in starts]

    assert ours() == walk()
    mine, theirs = turns(ours, walk)
    yield at_most("two hops over flights, of a walk over dicts", mine / theirs, 6, "x")


def plans(engine: Engine, database: Database, *, calls: int = 10) -> Iterator[Result]:
    """From text to a plan ready to run, new and remembered."""
    options = QueryOptions()
    functions = functions_of(engine.compat)
    binds = {"city": "Oslo", "age": 5}
    with database.catalog.begin() as tx:
        known = Planner(functions, engine.compat)
        known.planned(known.parsed(TYPICAL), tx, binds, options, Phases())

        def fresh() -> None:
            for _ in range(calls):
                planner = Planner(functions, engine.compat)
                planner.optimised(planner.parsed(TYPICAL).tree, tx, binds, options)

        def whole() -> None:
            for _ in range(calls):
                planner = Planner(functions, engine.compat)
                planner.plan(planner.parsed(TYPICAL), tx, binds, options, Phases())

        def remembered() -> None:
            for _ in range(calls):
                known.planned(known.parsed(TYPICAL), tx, binds, options, Phases())

        yield at_most("parse and plan a new text", 1e6 * seconds(fresh) / calls, 300, "us")
        yield for_information("... and make its code", 1e6 * seconds(whole) / calls, "us")
        yield at_most("find a remembered plan", 1e6 * seconds(remembered) / calls, 30, "us")


def memory(directory: Path) -> Iterator[Result]:
    """How much a process grows that reads all documents many times with a small cache."""
    command = [sys.executable, "-m", "bench.engine", "--read", str(directory), "--cache", str(CACHE)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024
    # The rows of one batch, SQLite's own cache and the interpreter's free lists come on top.
    limit = CACHE / 2**20 * 1.5 + 32
    yield at_most("growth when reading all, cache of 32 MiB", grown, limit, "MiB")


def read_all(directory: Path, cache: int) -> int:
    """The growth of this process in KiB when it reads a directory's documents again and again."""

    def resident() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))

    with Engine.open(directory, cache_bytes=cache) as engine:
        database = engine.database("_system")
        run(database, "RETURN 1")
        before = resident()
        for city in CITIES:
            for _ in database.query(FILTER, {"city": city}, {"stream": True}).rows:
                pass
        return resident() - before


def measure(count: int, only: str | None) -> Iterator[Result]:
    """All measurements, one after the other."""
    documents = people(count)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        with Engine.open(directory / "data") as engine:
            database = engine.database("_system")
            database.catalog.create_collection({"name": "users"})
            database.catalog.create_index("users", {"type": "persistent", "fields": ["number"]})
            for at in range(0, count, 10_000):
                chunk = documents[at : at + 10_000]
                database.query("FOR d IN @documents INSERT d INTO users", {"documents": chunk}).close()
            parts: dict[str, Callable[[], Iterator[Result]]] = {
                "scans": lambda: scans(database),
                "points": lambda: points(engine, database),
                "imports": lambda: imports(directory, documents),
                "traversals": lambda: traversals(database),
                "plans": lambda: plans(engine, database),
            }
            for name, part in parts.items():
                if only in {None, name}:
                    yield from part()
        if only in {None, "memory"}:
            yield from memory(directory / "data")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(prog="bench.engine", description=__doc__)
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="documents (default 100,000)")
    parser.add_argument("--only", choices=("scans", "points", "imports", "traversals", "plans", "memory"))
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=int, default=CACHE, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.read:
        print(read_all(given.read, given.cache))
        return 0
    print(f"{'':48} {'measured':>16} {'target':>14}")
    kept = True
    for result in measure(given.documents, given.only):
        verdict = "" if not result.target else "met" if result.met else "MISSED"
        print(f"{result.name:48} {result.measured:>16} {result.target:>14}  {verdict}", flush=True)
        kept = kept and result.met
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
