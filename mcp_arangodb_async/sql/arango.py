"""An ArangoDB database as an environment: an AQL text instead of SQL, `@name` instead of `:name`."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from mcp_arangodb_async.config.environments import Access, EnvironmentSettings, StatementKind
from mcp_arangodb_async.connections import Page, QueryOptions, close_cursor, next_page, run_query
from mcp_arangodb_async.connections.limits import call_limits
from mcp_arangodb_async.connections.manager import MultiDatabaseConnectionManager
from mcp_arangodb_async.connections.sql.connection import Chunks, Column, Row
from mcp_arangodb_async.connections.statement import describe_statement
from mcp_arangodb_async.errors import DeniedError, MaaError, NotFoundError, UnavailableError, UnsupportedError
from mcp_arangodb_async.operations.reading import read_only_query
from mcp_arangodb_async.sql.environment import Answer, Environment, QueryLimits

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase
    from mcp_arangodb_async.sql.dialects.dialect import Dialect

MOST_HELD = 16
END_SECONDS = 2.0


class ArangoEnvironment(Environment):
    """A configured database under `databases:`; its connections are the manager's."""

    def __init__(self, settings: EnvironmentSettings, manager: MultiDatabaseConnectionManager) -> None:
        super().__init__(settings)
        self._manager = manager
        self._cursors: OrderedDict[str, tuple[str, list[Any]]] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()
        self._handles = 0
        self._version = ""

    def check(self) -> None:
        """Everything is part of the program."""

    @property
    def key(self) -> str:
        """The database's key."""
        assert self.settings.database_key is not None, "the configuration names it"
        return self.settings.database_key

    @property
    def dialect(self) -> Dialect:
        """There is none."""
        self._no_sql()

    async def query(
        self,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        limits: QueryLimits | None = None,
        confirm: str | None = None,
        hold: bool = False,
        granted: Access = "admin",
    ) -> Answer:
        """Run one AQL text; see `Environment.query`."""
        started = time.perf_counter()
        try:
            bound = self._bound(limits)
            kind: StatementKind = "dml" if describe_statement(text).writes else "read"
            self._permit(kind, text, parameters or {}, confirm)
            options = QueryOptions(batch_size=bound.rows + 1, max_runtime=bound.seconds)
            with call_limits(deadline_seconds=bound.seconds):
                database = await self._database()
                values = dict(parameters or {})
                if "read" in {self.settings.access, database.settings.access, granted}:
                    page = await read_only_query(database, text, values, options=options)
                else:
                    page = await run_query(database, text, values, options=options)
                return await self._told(database, page, bound, started, hold=hold)
        except MaaError as error:
            raise self.named(error, started) from error.__cause__

    async def inspect(self, *_: object, **__: object) -> Answer:
        """There are no catalogues to read by SQL."""
        self._no_sql()

    @asynccontextmanager
    async def stream(
        self, text: str, parameters: Mapping[str, Any] | None = None, *, chunk_rows: int = 1000
    ) -> AsyncGenerator[Chunks]:
        """The rows of an AQL text that reads, page by page."""
        limits = QueryLimits(rows=chunk_rows, bytes=2**62, seconds=self.settings.query_timeout)
        reading = replace(self.settings, access="read", max_rows=max(chunk_rows, self.settings.max_rows))
        reader = ArangoEnvironment(replace(reading, max_bytes=2**62), self._manager)
        first = await reader.query(text, parameters, limits=limits, hold=True)
        chunks = Pages(reader, first, limits)
        try:
            yield chunks
        finally:
            await chunks.close()

    async def more(self, rest: str, *, limits: QueryLimits | None = None) -> Answer:
        """More of an answer that was held."""
        started = time.perf_counter()
        cursor, ahead = self._cursors.pop(rest, ("", []))
        if not cursor and not ahead:
            raise NotFoundError(
                f"environment {self.name!r}: the rest of this answer is gone", hint="run the query again"
            )
        bound = self._bound(limits)
        try:
            with call_limits(deadline_seconds=bound.seconds):
                database = await self._database()
                rows = list(ahead)
                while cursor and len(rows) <= bound.rows:
                    page = await next_page(database, cursor)
                    rows += page.rows
                    cursor = page.cursor_id or ""
                return self._answered(rows, cursor, bound, started, hold=True)
        except MaaError as error:
            raise self.named(error, started) from error.__cause__
        except asyncio.CancelledError:
            self._end(cursor)
            raise

    def forget(self, rest: str) -> None:
        """Give up the rest of an answer; its cursor ends on the server."""
        cursor, _ = self._cursors.pop(rest, ("", []))
        self._end(cursor)

    async def start(self) -> None:
        """The manager opens databases when they are asked for."""

    @property
    def is_open(self) -> bool:
        """Whether it has answered anybody."""
        return bool(self._version)

    async def sign_of_life(self, seconds: float) -> float | None:
        """Seconds that asking for the version took."""
        found = await self._manager.probe(self.key, deadline_seconds=seconds)
        if found.is_up and found.latency_ms is not None:
            return found.latency_ms / 1000
        raise UnavailableError(found.error or f"{found.address}: {found.status}")

    def retire(self) -> None:
        """The manager keeps what is open for others."""
        for rest in list(self._cursors):
            self.forget(rest)

    async def close(self) -> None:
        """End the cursors; the manager closes the connections."""
        self.retire()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _database(self) -> ArangoDatabase:
        database = await self._manager.get_database(self.key)
        if not self._version:
            health = await self._manager.probe(self.key)
            self._version = health.version or ""
        return database

    def _permit(self, kind: StatementKind, text: str, values: Mapping[str, Any], confirm: str | None) -> None:
        """Raise unless the policy lets the statement run; the access is watched behind it."""
        ruling = self.settings.policy.rules.get(kind, "allow")
        word = self.confirmation(text, values)
        if ruling == "deny":
            raise DeniedError(f"its policy denies {kind} statements")
        if ruling == "confirm" and confirm != word:
            raise DeniedError(
                f"its policy asks for confirmation of {kind} statements",
                hint=f"if that is wanted, send the same query again with confirm: {word}",
            )

    async def _told(
        self, database: ArangoDatabase, page: Page, bound: QueryLimits, started: float, *, hold: bool
    ) -> Answer:
        answer = self._answered(page.rows, page.cursor_id or "", bound, started, hold=hold)
        if page.cursor_id and answer.rest is None:
            await close_cursor(database, page.cursor_id)
        return answer

    def _answered(
        self, rows: Sequence[Any], cursor: str, bound: QueryLimits, started: float, *, hold: bool
    ) -> Answer:
        shown, ahead = list(rows[: bound.rows]), list(rows[bound.rows :])
        truncated = bool(cursor or ahead)
        rest = None
        if truncated and hold:
            self._handles += 1
            rest = str(self._handles)
            self._cursors[rest] = (cursor, ahead)
            while len(self._cursors) > MOST_HELD:
                self.forget(next(iter(self._cursors)))
        columns, lines = table_of(shown)
        seconds = time.perf_counter() - started
        self.vitals.answered(seconds)
        return Answer(
            environment=self.name,
            engine="arangodb",
            version=self._version,
            access=self.settings.access,
            columns=columns,
            rows=lines,
            truncated=truncated,
            affected=None,
            ms=round(seconds * 1000, 3),
            rest=rest,
        )

    def _end(self, cursor: str) -> None:
        """End a cursor on the server, in the background."""
        if cursor:
            task = asyncio.get_running_loop().create_task(self._ended(cursor))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _ended(self, cursor: str) -> None:
        with suppress(MaaError), call_limits(deadline_seconds=END_SECONDS):  # it expires by itself as well
            await close_cursor(await self._manager.get_database(self.key), cursor)

    def _no_sql(self) -> NoReturn:
        raise UnsupportedError(
            f"environment {self.name!r} is an ArangoDB database: it has no SQL schema",
            database=self.name,
            hint="use the arango_ tools with its key, or AQL in a query",
        )


class Pages:
    """The pages of a query; see `Chunks`."""

    masked = frozenset[int]()

    def __init__(self, reader: ArangoEnvironment, first: Answer, limits: QueryLimits) -> None:
        self.columns = first.columns
        self._reader = reader
        self._answer: Answer | None = first
        self._limits = limits

    async def __aiter__(self) -> AsyncIterator[list[Row]]:
        names = [column.name for column in self.columns]
        async for answer in self.pages():
            yield realigned(answer, names)

    async def pages(self) -> AsyncIterator[Answer]:
        """The pages, each with the columns that its own documents have."""
        while self._answer is not None:
            answer = self._answer
            if answer.rows:
                yield answer
            self._answer = (
                await self._reader.more(answer.rest, limits=self._limits) if answer.rest is not None else None
            )

    async def close(self) -> None:
        """Give up what is left."""
        await self._reader.close()


def realigned(answer: Answer, names: Sequence[str]) -> list[Row]:
    """The rows of a later page in the columns of the first one."""
    here = [column.name for column in answer.columns]
    if here == list(names):
        return answer.rows
    places = [here.index(name) if name in here else None for name in names]
    return [tuple(None if at is None else row[at] for at in places) for row in answer.rows]


def table_of(rows: Sequence[Any]) -> tuple[tuple[Column, ...], list[Row]]:
    """Documents as rows: a column for each attribute; anything else is a column `value`."""
    if rows and all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        return tuple(Column(name=name, type="any") for name in names), [
            tuple(row.get(name) for name in names) for row in rows
        ]
    return (Column(name="value", type="any"),), [(row,) for row in rows]
