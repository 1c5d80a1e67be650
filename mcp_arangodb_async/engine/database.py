"""A database: its catalogue and its queries. The life of a query is `Database.query`, in one screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import lru_cache, partial
from itertools import chain
from typing import Any

from . import errors
from .catalog.analyzers import parse_analyzer
from .catalog.catalog import Catalog
from .catalog.records import Analyzer
from .catalog.streams import StreamTransactions
from .catalog.transaction import Transaction
from .errors import ArangoError, TakesLongerError
from .exec.computed import computed_value
from .exec.context import Access, QueryContext, Surroundings
from .exec.interruption import Watchdog
from .exec.options import QueryOptions
from .exec.phases import Phases
from .exec.planner import PlannedQuery, Planner
from .exec.result import QueryResult, in_block
from .exec.running import RunningQueries, RunningQuery
from .exec.tokenizers import check_query, tokenizer_of
from .functions import functions_of
from .plan.build.query import QueryPlan
from .plan.explain import describe_plan, describe_rules, explain_plan
from .plan.parsed import describe_query
from .plan.show import show_plan
from .search.segments import SearchIndexes

__all__ = ["Access", "Database", "QueryResult"]

REMEMBERED_USERS = 256


class Database:
    """One database. Thread-safe; `catalog` holds what the database holds, `streams` its open transactions."""

    def __init__(self, catalog: Catalog, streams: StreamTransactions, *, compat: str = "3.12") -> None:
        """Compose a catalogue with a planner."""
        self.catalog = catalog
        self.streams = streams
        self.compat = compat
        self._functions = functions_of(compat)
        self._planner = Planner(self._functions, compat)
        self._running = RunningQueries()
        self._watchdog = Watchdog()
        self._search_indexes = SearchIndexes()
        self._surroundings = lru_cache(maxsize=REMEMBERED_USERS)(self._surroundings_of)
        self._open_analyzer = partial(tokenizer_of, functions=self._functions, compat=compat)

    @property
    def name(self) -> str:
        """The database's name."""
        return self.catalog.name

    def query(
        self,
        text: str,
        bind_vars: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        transaction: Transaction | None = None,
        access: Access | None = None,
        user: str | None = None,
        on_start: Callable[[str], None] | None = None,
        at_once: bool = False,
    ) -> QueryResult:
        """Run a query: parse, plan, optimise, execute.

        Everything is computed before this returns, unless the option `stream` is set and the query only
        reads: then rows are computed as they are read. A query that fails has written nothing.

        With `at_once` it is run only if it was seen before, reads, and takes a moment; else it raises
        `TakesLongerError`.
        """
        binds = bind_vars or {}
        settings = QueryOptions.of(options, at_once=at_once)
        if at_once and settings.stream:
            raise TakesLongerError
        phases = Phases(is_wanted=settings.profile > 0)
        running = self._running.start(
            database=self.name, user=user or "", text=text, binds=binds, stream=settings.stream
        )
        tx = transaction
        planned: PlannedQuery | None = None
        try:
            if on_start is not None:
                on_start(running.id)
            if phases.is_wanted:
                phases.end("initializing")
            parsed = self._planner.parsed(text, at_once=at_once)
            writes = parsed.is_modification
            if writes and at_once:
                raise TakesLongerError
            if phases.is_wanted:
                phases.end("parsing")
            if tx is None:
                tx = self.catalog.begin(write=writes)
            if phases.is_wanted:
                phases.end("loading collections")
            planned = self._planner.planned(parsed, tx, binds, settings, phases)
            ask(planned.query, access)
            ctx = self._context(tx, settings, running, access)
            result = QueryResult(planned=planned, ctx=ctx, phases=phases, profile=settings.profile)
            if settings.profile > 1:
                result.plan = describe_plan(planned.query, planned.rules, tx)
            result.on_close = partial(self._end, running, tx if transaction is None else None)
            block = tx if transaction is None else tx.atomic() if writes else nullcontext()
            batches = planned.compiled.batches(ctx, binds)
            if settings.stream and not writes:
                rows = in_block(block, batches, result.finish)
                result.rows, result.stop = rows, rows.close
            else:
                with block:
                    rows = list(batches)
                result.rows = iter(rows[0]) if len(rows) == 1 else chain.from_iterable(rows)
                planned.note_time(result.finish(), had_moment=at_once)
        except BaseException as error:
            self._end(running, tx if transaction is None else None)
            if isinstance(error, TakesLongerError) and planned is not None:
                planned.given_up += 1
            if isinstance(error, RecursionError):
                raise ArangoError(errors.ERROR_QUERY_TOO_MUCH_NESTING) from None
            if isinstance(error, MemoryError):
                raise ArangoError(errors.ERROR_OUT_OF_MEMORY) from None
            raise
        return result

    def explain(
        self,
        text: str,
        bind_vars: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        access: Access | None = None,
    ) -> dict[str, Any]:
        """The plan of a query as `/_api/explain` shows it; the query does not run."""
        started = time.perf_counter()
        settings = QueryOptions.of(options)
        tree = self._planner.parsed(text).tree
        with self.catalog.begin() as tx:
            planned = self._planner.optimised(tree, tx, bind_vars or {}, settings)
            ask(planned.query, access)
            return explain_plan(
                planned.query,
                planned.rules,
                tx,
                binds=bind_vars or {},
                compat=self.compat,
                all_plans=settings.all_plans,
                started=started,
            )

    def show(
        self,
        text: str,
        bind_vars: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> str:
        """The plan of a query as a tree of lines, for people."""
        tree = self._planner.parsed(text).tree
        with self.catalog.begin() as tx:
            return show_plan(
                self._planner.optimised(tree, tx, bind_vars or {}, QueryOptions.of(options)).query.plan
            )

    def parse(self, text: str) -> dict[str, Any]:
        """Collections and bind parameters that a query names, and its tree."""
        return describe_query(self._planner.parsed(text).tree)

    def rules(self) -> list[dict[str, Any]]:
        """The optimiser's rules, as `/_api/query/rules` lists them."""
        return describe_rules()

    def current_queries(self) -> list[dict[str, Any]]:
        """The queries that run now."""
        return self._running.describe()

    def kill(self, number: str) -> None:
        """Stop a running query; 1591 when there is none with this number."""
        ctx = self._running.kill(number)
        if ctx is not None:
            self._watchdog.watch(ctx)
            if not self._running.is_running(number):  # it ended before it was watched
                self._watchdog.forget(ctx)

    def cached_plans(self) -> list[dict[str, Any]]:
        """The plans kept for queries seen before."""
        return [planned.describe() for planned in self._planner.remembered()]

    def clear_plans(self) -> None:
        """Forget the plans kept."""
        self._planner.forget()

    def create_analyzer(self, definition: Mapping[str, Any]) -> tuple[Analyzer, bool]:
        """See `Catalog.create_analyzer`; also 10 for a query of an `aql` analyzer that cannot run."""
        analyzer = parse_analyzer(definition, self.name)
        if analyzer.type == "aql":
            check_query(analyzer.properties["queryString"], self._functions, self.compat)
        return self.catalog.create_analyzer(definition)

    def _context(
        self, tx: Transaction, settings: QueryOptions, running: RunningQuery, access: Access | None
    ) -> QueryContext:
        ctx = QueryContext(
            transaction=tx,
            functions=self._functions,
            access=access,
            surroundings=self._surroundings(running.user),
            limits=settings.limits,
            stop=running.stop,
            search_indexes=self._search_indexes,
            open_analyzer=self._open_analyzer,
        )
        running.ctx = ctx
        if settings.limits.maximum_runtime > 0:
            self._watchdog.watch(ctx)
        return ctx

    def _surroundings_of(self, user: str) -> Surroundings:
        return Surroundings(database_name=self.name, user_name=user or None, compat=self.compat)

    def _end(self, running: RunningQuery, own: Transaction | None) -> None:
        self._running.end(running)
        if running.ctx is not None:
            self._watchdog.forget(running.ctx)
        if own is not None:
            own.rollback()


def compile_computed_value(
    text: str,
    fail_on_warning: bool,
    *,
    compat: str = "3.12",
) -> Callable[[dict[str, Any]], Any]:
    """The expression of a computed value as a function of the document (`@doc`); 10 for bad ones."""
    return computed_value(text, functions_of(compat), compat, fail_on_warning=fail_on_warning)


def ask(query: QueryPlan, access: Access | None) -> None:
    """Ask whether the caller may use every collection of a query."""
    if access is not None:
        for name, kind in query.accesses.items():
            access(name, kind != "read")
