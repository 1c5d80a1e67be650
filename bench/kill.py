"""Kill a process while it writes to the embedded engine, again and again, and look at what it left.

    python -m bench.kill --cycles 10000

Each cycle forks a child that opens the data directory, tells what is stored there, and then writes
documents, edges and index entries, by plain and by stream transactions, now and then making and dropping
indexes or closing the files and opening them again. It tells the parent what it is about to do and what was
acknowledged. The parent ends it with SIGKILL some moment after a few operations, or while it still opens
the directory. The next child shows what that left: all that was acknowledged is there, and of the one
operation under way either everything or nothing. Every third child also checks that documents, keys, edges,
index entries and counts agree; nothing repairs them, so what one misses the next finds.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from mcp_arangodb_async.engine.catalog.cache import DocumentCache
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.catalog.verify import problems
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore

Contents = dict[str, dict[str, Any]]  # by _id, without _id, _key and _rev
Operation = dict[str, dict[str, Any] | None]  # by _id, what is stored then; None: nothing

_WHILE_OPENING = 0.2
_MOST_OPERATIONS = 6
_CHECKED = 1 / 3
_LONGEST = 0.004
_LONGEST_OPENING = 0.015
_KEPT = 50


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
    """The child: tells what it finds, and writes until it is killed."""

    def __init__(self, directory: Path, pipe: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._directory = directory
        self._pipe = pipe
        self._catalog = opened(directory)
        self._known = tell_found(self._catalog, pipe, check=self._random.random() < _CHECKED)
        for name, kind in (("docs", 2), ("edges", 3)):
            if name not in self._catalog.state().by_name:
                self._catalog.create_collection({"name": name, "type": kind})
        if not self._indexes(unique=True):
            self._catalog.create_index("docs", {"type": "persistent", "fields": ["n"], "unique": True})
        used = [int(handle.split("/")[1]) for handle in self._known]
        used += [document["n"] for document in self._known.values() if "n" in document]
        self._next = max(used, default=0)

    def run(self) -> None:
        while True:
            what = self._random.random()
            if what < 0.03:
                self._change_indexes()
            elif what < 0.08:  # the log moves into the file and is removed
                self._catalog.close()
                self._catalog = opened(self._directory)
            self._write(self._plan(), self._random.random() < 0.25)

    def _change_indexes(self) -> None:
        """No documents change, so there is nothing to announce."""
        extra = self._indexes(unique=False)
        if extra:
            self._catalog.drop_index("docs", extra[0])
        else:
            self._catalog.create_index("docs", {"type": "persistent", "fields": ["tags[*]", "n"]})

    def _indexes(self, *, unique: bool) -> list[str]:
        indexes = self._catalog.state().by_name["docs"].indexes
        return [index.name for index in indexes if index.type == "persistent" and index.unique is unique]

    def _plan(self) -> Operation:
        documents = [handle for handle in self._known if handle.startswith("docs/")]
        edges = [handle for handle in self._known if handle.startswith("edges/")]
        plan: Operation = {}
        for _ in range(self._random.choice((1, 1, 2, 6))):
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
            plan.update(dict.fromkeys(documents[:30]))
        return plan

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _document(self) -> dict[str, Any]:
        text = "x" * self._random.choice((10, 200, 3000))
        return {"n": self._number(), "tags": [self._random.choice("abc") for _ in range(3)], "text": text}

    def _write(self, plan: Operation, as_stream: bool) -> None:
        tell(self._pipe, {"will": plan})
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
        tell(self._pipe, {"did": True})
        apply(self._known, plan)


def tell(pipe: int, message: dict[str, Any]) -> None:
    data = orjson.dumps(message) + b"\n"
    while data:
        data = data[os.write(pipe, data) :]


def tell_found(catalog: Catalog, pipe: int, *, check: bool) -> Contents:
    """Tell what is stored and, when asked to check, what does not agree in it."""
    with catalog.begin() as tx:
        found = contents(tx)
        tell(pipe, {"found": found, "problems": list(problems(tx)) if check else []})
    return found


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
            tell(writer, {"failed": traceback.format_exc()})
        os._exit(0)
    os.close(writer)
    return process, reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When to kill: so many seconds after so many operations were acknowledged; -1 is the start."""

    operations: int
    seconds: float


def read_all(reader: int, process: int, moment: Moment | None) -> bytes:
    """What the child writes until it ends or is killed."""
    received: list[bytes] = []
    kill_at = None
    acknowledged = -1
    while True:
        if kill_at is None and moment is not None and acknowledged >= moment.operations:
            kill_at = time.monotonic() + moment.seconds
        wait = None if kill_at is None else max(kill_at - time.monotonic(), 0.0)
        ready, _, _ = select.select([reader], [], [], wait)
        if not ready:
            os.kill(process, signal.SIGKILL)
            kill_at = moment = None
            continue
        data = os.read(reader, 1 << 20)
        if not data:
            break
        received.append(data)
        acknowledged = max(acknowledged, 0) + data.count(b'{"did"')
    os.close(reader)
    os.waitpid(process, 0)
    return b"".join(received)


def messages(data: bytes) -> Iterator[dict[str, Any]]:
    """Whole lines only: the last may have been cut off."""
    for line in data.split(b"\n")[:-1]:
        yield orjson.loads(line)


class Cycles:
    """The parent: knows what has to be there."""

    def __init__(self, directory: Path, seed: int) -> None:
        self._directory = directory
        self._random = random.Random(seed)
        self._known: Contents = {}
        self._under_way: Operation | None = None
        self.acknowledged = 0
        self.interrupted = 0

    def run_one(self) -> list[str]:
        """One child, killed; what is wrong with what the one before it left."""
        seed = self._random.getrandbits(32)
        if self._random.random() < _WHILE_OPENING:
            moment = Moment(operations=-1, seconds=self._random.uniform(0.0, _LONGEST_OPENING))
        else:
            operations = self._random.randint(0, _MOST_OPERATIONS)
            moment = Moment(operations=operations, seconds=self._random.uniform(0.0, _LONGEST))
        process, reader = in_child(lambda pipe: Writer(self._directory, pipe, seed).run())
        return self._heard(read_all(reader, process, moment))

    def look(self) -> list[str]:
        """What is wrong with what the last child left."""
        process, reader = in_child(self._tell_found)
        return self._heard(read_all(reader, process, None))

    def _tell_found(self, pipe: int) -> None:
        catalog = opened(self._directory)
        tell_found(catalog, pipe, check=True)
        catalog.close()

    def _heard(self, data: bytes) -> list[str]:
        for message in messages(data):
            if "failed" in message:
                return [message["failed"]]
            if "found" in message:
                wrong = self._compare(message["found"], message["problems"])
                if wrong:
                    return wrong
            elif "will" in message:
                self._under_way = message["will"]
            elif self._under_way is not None:
                apply(self._known, self._under_way)
                self._under_way = None
                self.acknowledged += 1
        return []

    def _compare(self, there: Contents, wrong: list[str]) -> list[str]:
        """The child before may have died in an operation; nobody wrote since."""
        with_it = dict(self._known)
        if self._under_way is not None:
            apply(with_it, self._under_way)
        if there == with_it:
            self.interrupted += self._under_way is not None
        elif there != self._known:
            lost = {handle for handle, document in self._known.items() if there.get(handle) != document}
            wrong = [
                *wrong,
                f"neither before nor after the last operation: {sorted(lost)[:3]} of {len(lost)} differ",
            ]
        self._known, self._under_way = there, None
        return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cycles", type=int, default=500, help="how often to kill (default 500)")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run, as far as timing allows")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    gc.freeze()  # what the children do not touch they need not copy
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        cycles = Cycles(Path(directory), seed)
        for number in range(options.cycles + 1):
            wrong = cycles.run_one() if number < options.cycles else cycles.look()
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
