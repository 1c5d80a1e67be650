"""A program that writes to the embedded engine while somebody else breaks and repairs the disk under it.

    python -m tests.faults.disk_writer DIRECTORY

It reads commands from its standard input, a word each with a number behind some, and answers every one with
a line of JSON. The requests go through the HTTP API in this process. What was acknowledged is remembered;
`check` compares that with all that is stored, `expected` tells it, for whoever looks afterwards.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp_arangodb_async.engine import Api, Engine, Request
from mcp_arangodb_async.engine.catalog.verify import problems

Documents = dict[str, dict[str, Any]]

_TEXT = 6_000


class DiskWriter:
    """The engine, its API, and what it has acknowledged."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._engine = Engine.open(directory, cache_bytes=1_000_000)
        self._api = Api(self._engine, authentication=False)
        self._documents: Documents = {}
        self._next = 0
        self._random = random.Random(7)
        self._commands: dict[str, Callable[[int], Any]] = {
            "write": self.write,
            "make": self.make,
            "read": self.read,
            "check": self.check,
            "expected": self.expected,
            "found": self.found,
            "die": self.die,
            "fill": self.fill,
            "free": self.free,
            "limit": self.limit,
        }
        for path, body in (
            ("/_api/collection", {"name": "c"}),
            ("/_api/index?collection=c", {"type": "persistent", "fields": ["n"], "unique": True}),
        ):
            status, answer = self._ask("POST", path, body)
            assert status in {200, 201, 409}, answer  # 409: it is there already

    def run(self) -> None:
        for line in sys.stdin:
            name, _, number = line.strip().partition(" ")
            sys.stdout.write(json.dumps(self._commands[name](int(number or 0))) + "\n")
            sys.stdout.flush()

    # ---- commands

    def write(self, count: int) -> list[int]:
        """Write so many times in turn in four ways; the number of each error, 0 where there was none."""
        ways = (self._insert, self._query, self._import, self._stream)
        return [ways[number % len(ways)](self._fresh()) for number in range(count)]

    def make(self, _: int) -> list[int]:
        """Make a collection, an index and a database, and drop what was made; the numbers of the errors."""
        outcomes = list[int]()
        for path, body, made in (
            ("/_api/collection", {"name": "d"}, "/_api/collection/d"),
            (
                "/_api/index?collection=c",
                {"type": "persistent", "fields": ["x"], "name": "x"},
                "/_api/index/c/x",
            ),
            ("/_api/database", {"name": "e"}, "/_api/database/e"),
        ):
            status, answer = self._ask("POST", path, body)
            outcomes.append(answer["errorNum"] if status >= 400 else 0)
            if status < 400:
                status, answer = self._ask("DELETE", made)
                assert status < 400, answer
            else:
                status, _ = self._ask("GET", made if "database" not in made else "/_db/e/_api/version")
                outcomes += [] if status == 404 else [-status]  # half of it is there
        return outcomes

    def read(self, count: int) -> list[int]:
        """Read documents that were acknowledged; the numbers of the errors, -1 for a wrong document."""
        outcomes = list[int]()
        for key in self._random.choices(sorted(self._documents), k=count):
            status, answer = self._ask("GET", f"/_api/document/c/{key}")
            if status == 200:
                outcomes.append(0 if answer["n"] == self._documents[key]["n"] else -1)
            else:
                outcomes.append(answer["errorNum"])
        return outcomes

    def check(self, _: int) -> list[str]:
        """What is wrong with what is stored, through the open engine."""
        wrong = difference(self._documents, stored_documents(self._engine))
        with self._engine.database("_system").catalog.begin() as tx:
            return [*wrong, *problems(tx)]

    def expected(self, _: int) -> Documents:
        """What has to be there."""
        return self._documents

    def found(self, _: int) -> Documents:
        """What is there."""
        return stored_documents(self._engine)

    def die(self, _: int) -> None:
        """End as if killed, once this is answered: nothing is closed or written any more."""
        sys.stdout.write("null\n")
        sys.stdout.flush()
        os._exit(1)

    def fill(self, _: int) -> int:
        """Leave no room on the disk; how much there was."""
        taken = 0
        with self._filler.open("ab", buffering=0) as filler:
            for size in (65_536, 4_096, 512):
                try:
                    while True:
                        taken += filler.write(b"x" * size)
                except OSError:
                    continue
        return taken

    def free(self, _: int) -> int:
        """Make room again."""
        self._filler.unlink()
        return 0

    def limit(self, size: int) -> int:
        """Forbid files that are longer; 0 allows all again."""
        import resource  # there is none on Windows

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size or hard, hard))
        return 0

    # ---- ways to write

    def _insert(self, document: dict[str, Any]) -> int:
        return self._tried([document], *self._ask("POST", "/_api/document/c", document))

    def _query(self, document: dict[str, Any]) -> int:
        """Two documents, and a change to one that was there."""
        documents = [document, self._fresh()]
        if self._documents:
            older = self._documents[self._random.choice([*self._documents])]
            documents.append({**older, "changed": document["n"]})
        query = "FOR d IN @all UPSERT {_key: d._key} INSERT d UPDATE d IN c"
        body = {"query": query, "bindVars": {"all": documents}}
        return self._tried(documents, *self._ask("POST", "/_api/cursor", body))

    def _import(self, document: dict[str, Any]) -> int:
        documents = [document, *(self._fresh() for _ in range(4))]
        path = "/_api/import?collection=c&type=list&complete=true"
        return self._tried(documents, *self._ask("POST", path, documents))

    def _stream(self, document: dict[str, Any]) -> int:
        status, begun = self._ask("POST", "/_api/transaction/begin", {"collections": {"write": "c"}})
        if status >= 400:
            return begun["errorNum"]
        number = begun["result"]["id"]
        documents = [document, self._fresh()]
        for each in documents:
            status, answer = self._ask("POST", "/_api/document/c", each, **{"x-arango-trx-id": number})
            if status >= 400:
                self._ask("DELETE", f"/_api/transaction/{number}")
                return answer["errorNum"]
        return self._tried(documents, *self._ask("PUT", f"/_api/transaction/{number}"))

    def _tried(self, documents: list[dict[str, Any]], status: int, answer: dict[str, Any]) -> int:
        if status >= 400:
            return answer["errorNum"]
        self._documents.update({document["_key"]: document for document in documents})
        return 0

    def _fresh(self) -> dict[str, Any]:
        self._next += 1
        text = self._random.choice("abc") * self._random.randrange(_TEXT)
        return {"_key": str(self._next), "n": self._next, "text": text}

    def _ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        data = b"" if body is None else json.dumps(body).encode()
        answer = self._api.handle(Request(method=method, path=path, query=query, headers=headers, body=data))
        return answer.status, json.loads(answer.body)

    @property
    def _filler(self) -> Path:
        return self._directory / "filler"


def stored_documents(engine: Engine) -> Documents:
    """All documents of the collection."""
    with engine.database("_system").catalog.begin() as tx:
        return {
            document["_key"]: {name: value for name, value in document.items() if name not in {"_id", "_rev"}}
            for document in tx.collection("c").scan(tx)
        }


def difference(expected: Documents, found: Documents) -> list[str]:
    """How what is there differs from what has to be, a sentence each."""
    lost = sorted(expected.keys() - found.keys(), key=int)
    more = sorted(found.keys() - expected.keys(), key=int)
    other = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    counted = ((lost, "acknowledged, not stored"), (more, "stored, refused"), (other, "stored differently"))
    return [f"{len(keys)} are {what}: {keys[:5]}" for keys, what in counted if keys]


if __name__ == "__main__":
    DiskWriter(Path(sys.argv[1])).run()
    os._exit(0)  # the disk may be broken, and nobody waits for a tidy end
