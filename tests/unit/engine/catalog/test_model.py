"""SQLite, memory and a dictionary, stepped side by side: whatever is done, all three agree."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mcp_arangodb_async.engine.catalog.cache import DocumentCache
from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.index import Bound, Bounds
from mcp_arangodb_async.engine.catalog.options import OverwriteMode, WriteOptions
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.catalog.verify import problems
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.storage.memory import MemoryStore
from mcp_arangodb_async.engine.storage.sqlite import SqliteStore
from mcp_arangodb_async.engine.storage.store import Store
from mcp_arangodb_async.engine.values import compare

KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
VALUES = st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["x", "y", 0.5, True]))
CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "n": VALUES,
        "u": st.integers(0, 6),
        "tags": st.lists(VALUES, max_size=2),
        "o": st.just({"x": 1}),
    },
)
MODES: st.SearchStrategy[OverwriteMode] = st.sampled_from(["conflict", "ignore", "replace", "update"])

Contents = dict[str, dict[str, Any]]


def no_computed_values(expression: str, fail_on_warning: bool) -> Callable[[dict[str, Any]], Any]:
    raise NotImplementedError(expression, fail_on_warning)


def opened(store: Store, limit: int) -> Catalog:
    return Catalog("test", store, DocumentCache(limit), cache_number=1, compiler=no_computed_values)


def stripped(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in {"_id", "_key", "_rev"}}


def shown(document: dict[str, Any] | None) -> tuple[str, dict[str, Any]] | None:
    return None if document is None else (document["_key"], stripped(document))


class Model:
    """What the collection ought to hold: documents by key, in the order of their last write."""

    def __init__(self, documents: Contents, *, is_edge: bool) -> None:
        self.documents = dict(documents)
        self.is_edge = is_edge

    def put(self, key: str, contents: dict[str, Any]) -> int:
        taken = {each.get("u") for other, each in self.documents.items() if other != key}
        if contents.get("u") is not None and contents["u"] in taken:
            return 1210
        self.documents.pop(key, None)
        self.documents[key] = contents
        return 0


class Machine(RuleBasedStateMachine):
    """Each step is done to a catalogue on SQLite and one in memory, and to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.memory = MemoryStore()
        self.model: Contents = {}
        self.before: Contents = {}
        self.is_edge = False
        self.as_stream = False
        self.catalogs: list[Catalog] = []
        self.open: list[Transaction] = []

    @initialize(is_edge=st.booleans(), limit=st.sampled_from([0, 2_000, 20_000, 10_000_000]))
    def start(self, is_edge: bool, limit: int) -> None:
        self.is_edge = is_edge
        self.limit = limit
        self.catalogs = [opened(SqliteStore(self.directory / "a"), limit), opened(self.memory, limit)]
        for catalog in self.catalogs:
            catalog.create_collection({"name": "c", "type": 3 if is_edge else 2})
            catalog.create_index("c", {"type": "persistent", "fields": ["u"], "unique": True, "sparse": True})
            catalog.create_index("c", {"type": "persistent", "fields": ["n"], "name": "by_n"})

    # Transactions

    @precondition(lambda self: not self.open)
    @rule(as_stream=st.booleans())
    def begin(self, as_stream: bool) -> None:
        self.as_stream = as_stream
        self.before = dict(self.model)
        self.open = [each.begin_stream() if as_stream else each.begin(write=True) for each in self.catalogs]

    @precondition(lambda self: bool(self.open))
    @rule()
    def commit(self) -> None:
        for tx in self.open:
            tx.commit()
        self.open = []

    @precondition(lambda self: bool(self.open))
    @rule()
    def roll_back(self) -> None:
        for tx in self.open:
            tx.rollback()
        self.open = []
        self.model = self.before

    @precondition(lambda self: bool(self.open))
    @rule(steps=st.lists(st.tuples(KEYS, CONTENTS), max_size=3))
    def fail_in_a_block(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        for tx in self.open:
            with contextlib.suppress(ZeroDivisionError), tx.atomic():
                collection = tx.collection("c")
                for key, contents in steps:
                    with contextlib.suppress(ArangoError):
                        collection.insert(
                            tx, self.filled(key, contents), WriteOptions(overwrite_mode="replace")
                        )
                raise ZeroDivisionError

    # Documents

    def filled(self, key: str, contents: dict[str, Any]) -> dict[str, Any]:
        ends = {"_from": f"v/{key}", "_to": f"v/{contents.get('u', 0)}"} if self.is_edge else {}
        return {"_key": key, **ends, **contents}

    def both(self, step: Callable[[Transaction], Any]) -> Any:
        """Do a step to both catalogues; their one answer, or the number of their one error."""

        def attempt(tx: Transaction) -> Any:
            try:
                return step(tx)
            except ArangoError as error:
                return error.num

        if self.open:
            answers = [attempt(tx) for tx in self.open]
        else:
            answers: list[Any] = []
            for catalog in self.catalogs:
                with catalog.begin(write=True) as tx:
                    answers.append(attempt(tx))
        assert answers[0] == answers[1]
        return answers[0]

    @rule(key=KEYS, contents=CONTENTS, mode=MODES)
    def insert(self, key: str, contents: dict[str, Any], mode: OverwriteMode) -> None:
        given = self.filled(key, contents)
        answer = self.both(
            lambda tx: shown(tx.collection("c").insert(tx, given, WriteOptions(overwrite_mode=mode)).new)
        )
        new = stripped(given)
        if key in self.model:
            if mode == "conflict":
                assert answer == 1210
                return
            if mode == "ignore" or (mode == "update" and not new):
                assert answer == (key, self.model[key])
                return
            if mode == "update":
                new = self.model[key] | new
        self.expect(answer, key, new)

    def expect(self, answer: Any, key: str, new: dict[str, Any]) -> None:
        model = Model(self.model, is_edge=self.is_edge)
        assert answer == (model.put(key, new) or (key, new))
        self.model = model.documents

    @rule(items=st.lists(st.tuples(KEYS, CONTENTS), max_size=6))
    def insert_many(self, items: list[tuple[str, dict[str, Any]]]) -> None:
        given = [self.filled(key, contents) for key, contents in items]
        answer = self.both(
            lambda tx: [
                each.num if isinstance(each, ArangoError) else 0
                for each in tx.collection("c").insert_many(tx, given)
            ]
        )
        for number, document in zip(answer, given, strict=True):
            model = Model(self.model, is_edge=self.is_edge)
            expected = (
                1210 if document["_key"] in self.model else model.put(document["_key"], stripped(document))
            )
            assert number == expected
            if not expected:
                self.model = model.documents

    @rule(key=KEYS, patch=CONTENTS, keep_null=st.booleans())
    def update(self, key: str, patch: dict[str, Any], keep_null: bool) -> None:
        options = WriteOptions(keep_null=keep_null)
        answer = self.both(lambda tx: shown(tx.collection("c").update(tx, key, patch, options).new))
        if key not in self.model:
            assert answer == 1202
            return
        if not patch:  # keeps its revision, and so its place
            assert answer == (key, self.model[key])
            return
        new = self.model[key] | patch
        if not keep_null:
            new = {name: value for name, value in new.items() if value is not None or name not in patch}
        self.expect(answer, key, new)

    @rule(key=KEYS, contents=CONTENTS)
    def replace(self, key: str, contents: dict[str, Any]) -> None:
        given = self.filled(key, contents)
        answer = self.both(lambda tx: shown(tx.collection("c").replace(tx, key, given).new))
        if key not in self.model:
            assert answer == 1202
            return
        self.expect(answer, key, stripped(given))

    @rule(key=KEYS)
    def remove(self, key: str) -> None:
        answer = self.both(lambda tx: shown(tx.collection("c").remove(tx, key).old))
        assert answer == ((key, self.model.pop(key)) if key in self.model else 1202)

    @rule()
    def truncate(self) -> None:
        assert self.both(lambda tx: tx.collection("c").truncate(tx)) == len(self.model)
        self.model = {}

    # Reading

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        answer = self.both(lambda tx: shown(tx.collection("c").get(tx, key)))
        assert answer == ((key, self.model[key]) if key in self.model else None)

    @rule(value=VALUES, inclusive=st.booleans())
    def look_up(self, value: Any, inclusive: bool) -> None:
        def found(tx: Transaction) -> list[Any]:
            collection = tx.collection("c")
            bounds = Bounds(lower=Bound(value=value, inclusive=inclusive))
            return [shown(each) for each in collection.lookup(tx, collection.index("by_n"), bounds)]

        def fits(document: dict[str, Any]) -> bool:
            order = compare(document.get("n"), value)
            return order > 0 or (order == 0 and inclusive)

        answer = self.both(found)
        expected = [(key, document) for key, document in self.model.items() if fits(document)]
        assert sorted(answer, key=lambda each: each[0]) == sorted(expected, key=lambda each: each[0])
        values = [document.get("n") for _, document in answer]
        assert all(compare(one, other) <= 0 for one, other in pairwise(values))

    @precondition(lambda self: self.is_edge)
    @rule(key=KEYS)
    def follow(self, key: str) -> None:
        answer = self.both(
            lambda tx: [shown(each) for each in tx.collection("c").edges(tx, f"v/{key}", "outbound")]
        )
        assert answer == [each for each in self.model.items() if each[1]["_from"] == f"v/{key}"]

    # The catalogue

    @precondition(lambda self: not self.open)
    @rule()
    def change_indexes(self) -> None:
        for catalog in self.catalogs:
            if "tags" in {index.name for index in catalog.state().by_name["c"].indexes}:
                catalog.drop_index("c", "tags")
            else:
                catalog.create_index("c", {"type": "persistent", "fields": ["tags[*]", "n"], "name": "tags"})

    @precondition(lambda self: not self.open)
    @rule()
    def reopen(self) -> None:
        self.catalogs[0].close()
        self.catalogs = [
            opened(SqliteStore(self.directory / "a"), self.limit),
            opened(self.memory, self.limit),
        ]

    @invariant()
    def all_agree(self) -> None:
        transactions = self.open or [catalog.begin() for catalog in self.catalogs]
        for tx in transactions:
            collection = tx.collection("c")
            assert [shown(each) for each in collection.scan(tx)] == list(self.model.items())
            assert collection.count(tx) == len(self.model)
            assert list(problems(tx)) == []
            if not self.open:
                tx.commit()

    def teardown(self) -> None:
        for tx in self.open:
            tx.rollback()
        for catalog in self.catalogs:
            catalog.close()
        shutil.rmtree(self.directory)


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
