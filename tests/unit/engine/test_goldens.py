"""The scripts in `tests/goldens/aql/*/`: queries with their answers, run in order on fresh sample data.

`> query` is followed by `---` and the rows; `[plan]>`, `[rules]>` and `[warnings]>` by what explain or
the run says; `!> query` by its error. A query goes on until `---`; a line `@ {...}` in it gives bind
values. An answer goes on until the next query. Lines that start with `#` between answers are comments.
`--update` rewrites the answers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.engine.catalog import graphs
from mcp_arangodb_async.engine.catalog.records import EdgeDefinition
from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.values import Value, encode_json

FOLDER = Path(__file__).parents[2] / "goldens" / "aql"
SCRIPTS = sorted(FOLDER.glob("*/*.txt"))
QUERY = re.compile(r"(?P<tag>|!|\[(?:plan|rules|warnings)\])> (?P<text>.*)")
NARROW = 100


@dataclass(slots=True)
class Entry:
    """A query of a script with its answer, and the comment lines before it."""

    before: list[str]
    tag: str
    query: list[str]
    answer: list[str] = field(default_factory=list[str])

    def text(self) -> str:
        return "\n".join(line for line in self.query if not line.startswith("@ "))

    def binds(self) -> dict[str, Any]:
        given = [json.loads(line[2:]) for line in self.query if line.startswith("@ ")]
        return given[0] if given else {}


def read_script(path: Path) -> tuple[list[Entry], list[str]]:
    """The entries of a script and what follows the last one; a stray line is an error."""
    entries: list[Entry] = []
    before: list[str] = []
    state = "between"
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = QUERY.fullmatch(line)
        if state != "query" and match is not None:
            if entries:
                before = _trailing(entries[-1].answer) + before
            entries.append(Entry(before=before, tag=match["tag"], query=[match["text"]]))
            before, state = [], "query"
        elif state == "query" and line == "---":
            state = "answer"
        elif state == "query":
            entries[-1].query.append(line)
        elif state == "answer":
            entries[-1].answer.append(line)
        elif line and not line.startswith("#"):
            pytest.fail(f"{path.name}:{number}: stray line {line!r}")
        else:
            before.append(line)
    if state == "query":
        pytest.fail(f"{path.name}: the last query has no '---'")
    return entries, _trailing(entries[-1].answer) if entries else before


def _trailing(answer: list[str]) -> list[str]:
    """Take blank and comment lines off the end of an answer."""
    taken: list[str] = []
    while answer and (not answer[-1] or answer[-1].startswith("#")):
        taken.insert(0, answer.pop())
    return taken


def write_script(path: Path, entries: list[Entry], end: list[str]) -> None:
    lines: list[str] = []
    for entry in entries:
        first, *rest = entry.query
        lines += [*entry.before, f"{entry.tag}> {first}", *rest, "---", *entry.answer]
    path.write_text("\n".join([*lines, *end]).rstrip("\n") + "\n", encoding="utf-8")


def sample(engine: Engine) -> Database:
    """A database with the sample data."""
    data = json.loads((FOLDER / "data.json").read_text(encoding="utf-8"))
    database = engine.database("_system")
    catalog = database.catalog
    for analyzer in data["analyzers"]:
        database.create_analyzer(analyzer)
    for name, collection in data["collections"].items():
        catalog.create_collection({"name": name, "type": collection.get("type", 2)})
        for index in collection.get("indexes", []):
            catalog.create_index(name, index)
        with catalog.begin(write=True) as tx:
            tx.collection(name).insert_many(tx, collection["documents"])
    for view in data["views"]:
        catalog.create_view(view)
    for graph in data["graphs"]:
        definitions = [
            EdgeDefinition(collection=each["collection"], sources=each["from"], targets=each["to"])
            for each in graph["edges"]
        ]
        graphs.create_graph(catalog, graph["name"], definitions)
    return database


def answer(database: Database, entry: Entry) -> list[str]:
    """What the engine says now."""
    text, binds = entry.text(), entry.binds()
    match entry.tag:
        case "[plan]":
            return database.show(text, binds).splitlines()
        case "[rules]":
            return database.explain(text, binds)["plan"]["rules"]
        case "!":
            try:
                rows = list(database.query(text, binds).rows)
            except ArangoError as error:
                return [f"Error: {error.num} {error.message}"]
            return ["No error", *_rows(rows)]
        case "[warnings]":
            result = database.query(text, binds)
            list(result.rows)
            return [f"{each['code']} {each['message']}" for each in result.extra["warnings"]]
        case _:
            return _rows(list(database.query(text, binds).rows))


def _rows(rows: list[Any]) -> list[str]:
    plain = [json.dumps(_masked(json.loads(encode_json(row))), ensure_ascii=False) for row in rows]
    whole = f"[{', '.join(plain)}]"
    return (
        [whole]
        if len(whole) <= NARROW
        else ["[", *(f"  {row}," for row in plain[:-1]), f"  {plain[-1]}", "]"]
    )


def _masked(value: Value) -> Value:
    """Without revisions, which are never the same."""
    if isinstance(value, dict):
        return {name: "..." if name == "_rev" else _masked(each) for name, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_script_gets_its_answers(path: Path, *, update: bool) -> None:
    entries, end = read_script(path)
    assert entries, f"{path.name} holds no query"
    with Engine.open(None) as engine:
        database = sample(engine)
        found = [answer(database, entry) for entry in entries]
    if update:
        for entry, lines in zip(entries, found, strict=True):
            entry.answer = lines
        write_script(path, entries, end)
        return
    for entry, lines in zip(entries, found, strict=True):
        assert lines == entry.answer, f"{path.name}: {entry.tag}> {entry.text()}"


def test_every_folder_holds_scripts() -> None:
    empty = [path.name for path in FOLDER.iterdir() if path.is_dir() and not list(path.glob("*.txt"))]
    assert not empty
