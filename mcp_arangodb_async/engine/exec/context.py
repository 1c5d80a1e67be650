"""One running query: its limits, warnings and statistics, and what functions may ask of the database."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock, get_ident
from typing import Any

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.analyzers import Check, Tokenizer, open_analyzer, tokens_of
from mcp_arangodb_async.engine.catalog.analyzers import find_analyzer
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.records import Analyzer
from mcp_arangodb_async.engine.catalog.schema import Validator, describe_schema, parse_schema
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import ERRORS, ArangoError, TakesLongerError
from mcp_arangodb_async.engine.functions.registry import Function
from mcp_arangodb_async.engine.records import once, record
from mcp_arangodb_async.engine.search.segments import SearchIndexes
from mcp_arangodb_async.engine.values import Value

#: Asked with the name of a collection and whether it is written; raises 11 when the user may not.
Access = Callable[[str, bool], object]
#: Functions that may not be called by name.
DYNAMIC_CALLS = frozenset({"CALL", "APPLY"})
#: Rows or elements between two looks at the limits.
PACE = 1000
#: The same until the first look of a query that has a moment only.
SHORT_PACE = 100
#: Seconds between two looks at the limits while a query sleeps.
LONGEST_NAP = 0.05


@record(kw_only=True)
class Limits:
    """What one execution may use; 0 is no limit for time and memory."""

    maximum_runtime: float = 0.0
    memory: int = 0
    warnings: int = 10
    fail_on_warning: bool = False
    #: Seconds after which the query gives up with `TakesLongerError`, so that it may run elsewhere; 0: never.
    moment: float = 0.0


class Statistics:
    """What a query did, counted as ArangoDB counts it. Most stay as they are here, which costs nothing."""

    writes_executed: int = 0
    writes_ignored: int = 0
    document_lookups: int = 0
    scanned_full: int = 0
    scanned_index: int = 0
    filtered: int = 0
    full_count: int | None = None
    peak_memory: int = 0


class Stop:
    """Tells a query to stop, from any thread; it looks at `asked` now and then."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Who runs a query and where, as functions may ask."""

    database_name: str
    user_name: str | None = None
    compat: str = "3.12"


def plain_tokenizer(analyzer: Analyzer, check: Check) -> Tokenizer:
    """The tokenizer of an analyzer that runs no query of its own."""
    return open_analyzer(analyzer.type, analyzer.properties, check=check)


@dataclass(eq=False)
class QueryContext:
    """One execution of a query, used by one thread. Implements the functions' `FunctionContext`.

    One is made for every query, so what few queries need is made when it is asked for.
    """

    transaction: Transaction | None
    functions: Mapping[str, Function]
    surroundings: Surroundings
    limits: Limits = field(default_factory=Limits)
    stop: Stop = field(default_factory=Stop)
    #: Asked before a collection is read that the plan does not name; raises 11 when the user may not.
    access: Access | None = None
    search_indexes: SearchIndexes = field(default_factory=SearchIndexes)
    open_analyzer: Callable[[Analyzer, Check], Tokenizer] = plain_tokenizer
    stats: Statistics = field(default_factory=Statistics)
    warnings: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    #: Steps left until the next look at the limits.
    budget: int = field(default=PACE, init=False)
    #: Bytes held by operators, and those functions asked for since the last look at the limits.
    held: int = field(default=0, init=False)
    transient: int = field(default=0, init=False)
    #: The thread that runs the query now, 0 between batches; changed to 0 only under the guard.
    thread: int = field(default=0, init=False)
    guard: Lock = field(default_factory=Lock)
    _watched: tuple[Callable[[], int], ...] = field(default=(), init=False)
    _deadline: float = field(default=0.0, init=False)
    #: When the moment is over.
    _patience: float = field(default=0.0, init=False)
    _is_quiet: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.limits.maximum_runtime > 0:
            self._deadline = time.monotonic() + self.limits.maximum_runtime
        if self.limits.moment:
            self._patience = time.monotonic() + self.limits.moment
            self.budget = SHORT_PACE

    @once
    def node_items(self) -> dict[int, int]:
        """The rows of each node of a profiled plan."""
        return {}

    @once
    def node_seconds(self) -> dict[int, float]:
        """The time of each node of a profiled plan."""
        return {}

    @once
    def _allowed(self) -> set[str]:
        return set()

    @once
    def _tokenizers(self) -> dict[str, Tokenizer]:
        return {}

    @property
    def tx(self) -> Transaction:
        """The transaction; an expression of a computed value has none and may not ask for it (10)."""
        if self.transaction is None:
            raise ArangoError(
                errors.ERROR_BAD_PARAMETER, "the expression of a computed value cannot read the database"
            )
        return self.transaction

    @property
    def compat(self) -> str:
        """The version of ArangoDB that is imitated."""
        return self.surroundings.compat

    @property
    def database_name(self) -> str:
        """The current database."""
        return self.surroundings.database_name

    @property
    def user_name(self) -> str | None:
        """The current user."""
        return self.surroundings.user_name

    # Limits

    def remaining(self) -> float:
        """Seconds the query may still run; infinity without a limit."""
        return self._deadline - time.monotonic() if self._deadline else math.inf

    def enter(self) -> None:
        """This thread begins to work on the query."""
        self.thread = get_ident()

    def leave(self) -> None:
        """This thread is done for now."""
        with self.guard:
            self.thread = 0

    def is_late(self) -> bool:
        """Whether the query was killed or is out of time."""
        return self.stop.asked or (self._deadline > 0 and time.monotonic() > self._deadline)

    def check(self) -> None:
        """Raise 1500 when the query was killed or is out of time."""
        if self._patience and time.monotonic() > self._patience:
            raise TakesLongerError
        self.check_limits()

    def check_limits(self) -> None:
        """The same for a query that has all its rows: what is done needs no more than its moment."""
        if self.stop.asked:
            raise ArangoError(errors.ERROR_QUERY_KILLED)
        if self._deadline and time.monotonic() > self._deadline:
            raise ArangoError(
                errors.ERROR_QUERY_KILLED,
                f"query killed: it ran longer than maxRuntime ({self.limits.maximum_runtime:g} s)",
            )

    def need_time(self) -> None:
        """Give up a query that has a moment only, before something that may need more."""
        if self._patience:
            raise TakesLongerError

    def pace(self) -> None:
        """Look at all limits; operators call it every so many rows."""
        self.budget = PACE
        self.transient = 0
        self.check()
        if self._watched or self.limits.memory:
            self._measure(0)

    def tick(self, steps: int) -> None:
        """Account for steps of a loop; looks at the limits when enough have come together."""
        self.budget -= steps
        if self.budget < 0:
            self.pace()

    def charge(self, amount: int) -> None:
        """Bytes about to be used for a while: counted until the next look at the limits."""
        self.transient += amount
        if self.limits.memory or amount > 1_000_000:
            self._measure(self.transient)

    def hold(self, amount: int) -> None:
        """Bytes kept until the query ends, or until `release`."""
        self.held += amount
        if self.limits.memory or self._watched:
            self._measure(0)
        elif self.held > self.stats.peak_memory:
            self.stats.peak_memory = self.held

    def release(self, amount: int) -> None:
        """Bytes no longer kept."""
        self.held -= amount

    def watch(self, size: Callable[[], int]) -> None:
        """Have a growing buffer measured at every look at the limits."""
        self._watched = (*self._watched, size)

    def unwatch(self) -> None:
        """Forget the buffer watched last."""
        self._watched = self._watched[:-1]

    def _measure(self, more: int) -> None:
        used = self.held + more
        if self._watched:
            used += sum(size() for size in self._watched)
        self.stats.peak_memory = max(self.stats.peak_memory, used)
        if 0 < self.limits.memory < used:
            raise ArangoError(
                errors.ERROR_RESOURCE_LIMIT,
                f"query would use {used} bytes of memory, more than its memoryLimit of {self.limits.memory}",
            )

    # Warnings

    def warn(self, num: int, message: str | None = None) -> None:
        """Record a warning, up to the limit; with `failOnWarning` it is an error."""
        if self._is_quiet:
            return
        if self.limits.fail_on_warning:
            raise ArangoError(num, message)
        if len(self.warnings) < self.limits.warnings:
            self.warnings.append((num, message if message is not None else ERRORS[num].message))

    # Time and chance

    def now(self) -> float:
        """The time in seconds since the epoch."""
        return time.time()

    def random(self) -> float:
        """A random number in [0, 1)."""
        return random.random()

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than the query may run or is wanted."""
        self.need_time()
        end = time.monotonic() + seconds
        if self._deadline:
            end = min(end, self._deadline + 0.001)
        while (left := end - time.monotonic()) > 0 and not self.stop.asked:
            time.sleep(min(left, LONGEST_NAP))
        self.check()

    # The database

    def document(self, identifier: str) -> dict[str, Any] | None:
        """The document with this `_id`; 1203 for an unknown collection."""
        name, _, key = identifier.partition("/")
        self.stats.document_lookups += 1
        return self.readable(name).get(self.tx, key)

    def readable(self, name: str) -> Collection:
        """A collection that the user may read: 11 when not, 1203 when there is none."""
        collection = self.tx.collection(name)
        if self.access is not None and collection.name not in self._allowed:
            self.access(collection.name, False)
            self._allowed.add(collection.name)
        return collection

    def vertex(self, identifier: str) -> dict[str, Any] | None:
        """The document with this `_id`, None when it or its collection does not exist."""
        name, _, key = identifier.partition("/")
        if name not in self.tx.catalog.by_name:
            return None
        return self.readable(name).get(self.tx, key)

    def collection_names(self) -> Sequence[tuple[str, str]]:
        """(id, name) of every collection that the user may read."""
        return [(str(each.id), each.name) for each in self.tx.collections() if self._may_read(each.name)]

    def _may_read(self, name: str) -> bool:
        try:
            self.readable(name)
        except ArangoError as error:
            if error.num != errors.ERROR_FORBIDDEN:
                raise
            return False
        return True

    def collection_count(self, name: str) -> int:
        """The number of documents."""
        return self.readable(name).count(self.tx)

    def collection_documents(self, name: str) -> list[dict[str, Any]]:
        """All documents of a collection."""
        self.need_time()
        found = documents(self.tx, self.readable(name))
        self.stats.scanned_full += len(found)
        self.charge(8 * len(found))
        return found

    def schema(self, collection: str) -> dict[str, Any] | None:
        """The schema of a collection, None when it has none."""
        return describe_schema(self.readable(collection).properties.schema)

    def schema_violation(self, document: dict[str, Any], schema: dict[str, Any]) -> str | None:
        """How a document violates a schema, None when it does not; 1621 for a bad schema."""
        parsed = parse_schema(schema)
        if parsed is None or Validator(parsed).matches(document):
            return None
        return parsed.message or "the document does not match the schema"

    def tokens(self, text: str, analyzer: str) -> list[Any]:
        """The tokens an analyzer makes of a text; 10 for an unknown analyzer.

        Those of a `wildcard` analyzer are its n-grams here, while a search compares what it cuts up.
        """
        self.charge(20 * len(text))
        record = find_analyzer(self.tx.catalog, analyzer)
        is_wildcard = record.type == "wildcard"
        cut = plain_tokenizer(record, self.check) if is_wildcard else self.tokenizer(analyzer)
        return tokens_of(cut, text, self.check)

    def tokenizer(self, analyzer: str) -> Tokenizer:
        """The tokenizer of an analyzer; 10 for an unknown one."""
        found = self._tokenizers.get(analyzer)
        if found is None:
            record = find_analyzer(self.tx.catalog, analyzer)
            found = self._tokenizers[analyzer] = self.open_analyzer(record, self.check)
        return found

    def index_details(self, collection: str, kind: str, paths: Sequence[str]) -> dict[str, Any] | None:
        """The settings of an index of a kind over some attributes (none: over any), None without one."""
        for index in self.readable(collection).indexes:
            if index.type == kind and (not paths or index.fields == tuple(paths)):
                return {"fields": list(index.fields), **(index.details or {})}
        return None

    def quietly(self, name: str, arguments: Sequence[Value]) -> Value:
        """Call a function without its warnings: a search asks of documents that may hold anything."""
        self._is_quiet = True
        try:
            return self.call(name, arguments)
        finally:
            self._is_quiet = False

    def call(self, name: str, arguments: Sequence[Value]) -> Value:
        """Call a function by name; 1540 unknown, 1541 number of arguments, 1578 CALL and APPLY themselves."""
        function = self.functions.get(name.upper())
        if function is None:
            raise ArangoError(
                errors.ERROR_QUERY_FUNCTION_NAME_UNKNOWN, f"usage of unknown function '{name}()'"
            )
        if function.name in DYNAMIC_CALLS:
            raise ArangoError(
                errors.ERROR_QUERY_DISALLOWED_DYNAMIC_CALL,
                f"disallowed dynamic call to '{function.name}'",
            )
        most = function.maximum
        if len(arguments) < function.minimum or (most is not None and len(arguments) > most):
            raise ArangoError(
                errors.ERROR_QUERY_FUNCTION_ARGUMENT_NUMBER_MISMATCH,
                f"invalid number of arguments for function '{function.name}()'",
            )
        return function.call(self, *arguments) if function.context else function.call(*arguments)


def documents(tx: Transaction, collection: Collection) -> list[dict[str, Any]]:
    """All documents of a collection as a list of the caller's own."""
    found = collection.documents(tx)
    return list(collection.scan(tx) if found is None else found)
