"""Kill a process while it writes to the embedded engine, again and again, and look at what it left.

    python -m bench.kill --cycles 10000

Each cycle forks a child that opens the data directory and writes documents, edges and index entries, by plain
and by stream transactions, now and then making and dropping indexes. It tells the parent what it is about to
do and what was acknowledged. The parent ends it with SIGKILL at a random moment, which may be while it opens
the directory, and then checks in a fresh process: all that was acknowledged is there, of the one operation
under way either everything or nothing, and documents, keys, edges, index entries and counts agree.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mcp_arangodb_async.engine.catalog.cache import DocumentCache
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.catalog.verify import problems
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore

Contents = dict[str, dict[str, Any]]  # by _id, without _id, _key and _rev
Operation = dict[str, dict[str, Any] | None]  # by _id, what is stored then; None: nothing

_LONGEST = 0.060
_WHILE_OPENING = 0.25
_KEPT = 150


def no_computed_values(expression: str, fail_on_warning: bool) -> Callable[[dict[str, Any]], Any]:
    raise NotImplementedError(expression, fail_on_warning)


def opened(directory: Path) -> Catalog:
    return Catalog(
        "crash",
        SqliteStore(directory / "crash.sqlite"),
        DocumentCache(4_000_000),
        cache_number=1,
        compiler=no_computed_values,
        lock_timeout=5.0,
    )


def contents(tx: Transaction) -> Contents:
    """All documents of the two collections."""
    return {
        document["_id"]: {
            name: value for name, value in document.items() if name not in {"_id", "_key", "_rev"}
        }
        for collection in tx.collections()
        if not collection.name.startswith("_")
        for document in collection.scan(tx)
    }


class Writer:
    """The child: writes until it is killed."""

    def __init__(self, directory: Path, pipe: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._pipe = pipe
        self._catalog = opened(directory)
        for name, kind in (("docs", 2), ("edges", 3)):
            if name not in self._catalog.state().by_name:
                self._catalog.create_collection({"name": name, "type": kind})
        self._catalog.create_index("docs", {"type": "persistent", "fields": ["n"], "unique": True})
        with self._catalog.begin() as tx:
            self._known = contents(tx)
        used = [int(handle.split("/")[1]) for handle in self._known]
        used += [document["n"] for document in self._known.values() if "n" in document]
        self._next = max(used, default=0)
        self._tell({"opened": True})

    def run(self) -> None:
        while True:
            if self._random.random() < 0.04:
                self._change_indexes()
            self._write(self._plan(), self._random.random() < 0.25)

    def _change_indexes(self) -> None:
        """No documents change, so there is nothing to announce."""
        with self._catalog.begin() as tx:
            extra = [
                index
                for index in tx.collection("docs").indexes
                if index.type != "primary" and not index.unique
            ]
        if extra:
            self._catalog.drop_index("docs", extra[0].name)
        else:
            self._catalog.create_index("docs", {"type": "persistent", "fields": ["tags[*]", "n"]})

    def _plan(self) -> Operation:
        documents = [handle for handle in self._known if handle.startswith("docs/")]
        edges = [handle for handle in self._known if handle.startswith("edges/")]
        plan: Operation = {}
        for _ in range(self._random.choice((1, 1, 2, 12))):
            what = self._random.random()
            if what < 0.45 or not documents:
                plan[f"docs/{self._number()}"] = self._document()
            elif what < 0.65:
                ends = {"_from": self._random.choice(documents), "_to": self._random.choice(documents)}
                plan[f"edges/{self._number()}"] = {**ends, "w": self._random.random()}
            elif what < 0.85:
                plan[self._random.choice(documents)] = self._document()
            else:
                plan[self._random.choice(edges or documents)] = None
        if len(documents) > _KEPT:
            plan.update(dict.fromkeys(documents[:60]))
        return plan

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _document(self) -> dict[str, Any]:
        text = "x" * self._random.choice((10, 200, 3000))
        return {"n": self._number(), "tags": [self._random.choice("abc") for _ in range(3)], "text": text}

    def _write(self, plan: Operation, as_stream: bool) -> None:
        self._tell({"will": plan})
        with self._catalog.begin_stream() if as_stream else self._catalog.begin(write=True) as tx:
            for handle, document in plan.items():
                name, key = handle.split("/")
                collection = tx.collection(name)
                if document is None:
                    collection.remove(tx, key)
                elif handle in self._known:
                    collection.replace(tx, key, document)
                else:
                    collection.insert(tx, {"_key": key, **document})
        self._tell({"did": True})
        apply(self._known, plan)

    def _tell(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._pipe, data) :]


def apply(known: Contents, plan: Operation) -> None:
    for handle, document in plan.items():
        if document is None:
            known.pop(handle, None)
        else:
            known[handle] = document


def in_child(work: Callable[[int], None]) -> tuple[int, int]:
    """Run something in a forked process that can write to the pipe whose other end is returned."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        os.close(reader)
        try:
            work(writer)
        except BaseException:  # noqa: BLE001  # the parent has to hear of everything
            os.write(writer, json.dumps({"failed": traceback.format_exc()}).encode() + b"\n")
        os._exit(0)
    os.close(writer)
    return process, reader


def read_all(reader: int, process: int, patience: float | None, *, from_start: bool = False) -> bytes:
    """What the child writes until it ends, or is killed so long after it was started or has opened the
    directory.
    """
    received: list[bytes] = []
    kill_at = time.monotonic() + patience if from_start and patience is not None else None
    while True:
        wait = None if kill_at is None else max(kill_at - time.monotonic(), 0.0)
        ready, _, _ = select.select([reader], [], [], wait)
        if not ready:
            os.kill(process, signal.SIGKILL)
            kill_at = patience = None
            continue
        data = os.read(reader, 1 << 20)
        if not data:
            break
        received.append(data)
        if kill_at is None and patience is not None:
            kill_at = time.monotonic() + patience
    os.close(reader)
    os.waitpid(process, 0)
    return b"".join(received)


def messages(data: bytes) -> Iterator[dict[str, Any]]:
    """Whole lines only: the last may have been cut off."""
    for line in data.split(b"\n")[:-1]:
        yield json.loads(line)


class Cycles:
    """The parent: knows what has to be there."""

    def __init__(self, directory: Path, seed: int) -> None:
        self._directory = directory
        self._random = random.Random(seed)
        self._known: Contents = {}
        self.acknowledged = 0
        self.interrupted = 0

    def run_one(self) -> list[str]:
        """One child, killed; what is wrong with what it left."""
        seed = self._random.getrandbits(32)
        patience, from_start = self._random.uniform(0.0, _LONGEST), self._random.random() < _WHILE_OPENING
        process, reader = in_child(lambda pipe: Writer(self._directory, pipe, seed).run())
        under_way: Operation | None = None
        for message in messages(read_all(reader, process, patience, from_start=from_start)):
            if "failed" in message:
                return [message["failed"]]
            if "will" in message:
                under_way = message["will"]
            elif "did" in message and under_way is not None:
                apply(self._known, under_way)
                under_way = None
                self.acknowledged += 1
        return self._look(under_way)

    def _look(self, under_way: Operation | None) -> list[str]:
        process, reader = in_child(lambda pipe: _tell_contents(self._directory, pipe))
        (found,) = messages(read_all(reader, process, None))
        if "failed" in found:
            return [found["failed"]]
        wrong: list[str] = found["problems"]
        with_it = dict(self._known)
        if under_way is not None:
            apply(with_it, under_way)
        there: Contents = found["contents"]
        if there == with_it:
            self.interrupted += under_way is not None
        elif there != self._known:
            lost = {handle for handle, document in self._known.items() if there.get(handle) != document}
            wrong.append(
                f"neither before nor after the last operation: {sorted(lost)[:3]} of {len(lost)} differ"
            )
        self._known = there
        return wrong


def _tell_contents(directory: Path, pipe: int) -> None:
    catalog = opened(directory)
    with catalog.begin() as tx:
        found = {"contents": contents(tx), "problems": list(problems(tx))}
    catalog.close()
    data = json.dumps(found).encode() + b"\n"
    while data:
        data = data[os.write(pipe, data) :]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cycles", type=int, default=200, help="how often to kill (default 200)")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run, as far as timing allows")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        cycles = Cycles(Path(directory), seed)
        for number in range(options.cycles):
            wrong = cycles.run_one()
            if wrong:
                print(f"cycle {number}, seed {seed}:", *wrong, sep="\n  ")
                return 1
    print(
        f"{options.cycles} cycles in {time.monotonic() - started:.1f} s, seed {seed}: "
        f"{cycles.acknowledged} operations acknowledged and kept, "
        f"{cycles.interrupted} stored whole before they could be acknowledged"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
