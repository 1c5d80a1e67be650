"""One environment: its statements go through its policy, its limits and its read-only session.

    environment = environments.get("staging")
    answer = await environment.query("SELECT * FROM users WHERE id = :id", {"id": 7})

A statement is judged (`policy.py`), its values are bound (`parameters.py`), a connection is lent
(`connections/sql/pool.py`), and what comes back is masked. Whatever goes wrong names the environment.
"""

from __future__ import annotations

import hashlib
import json
import time
from asyncio import to_thread
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.config.environments import Access, EnvironmentSettings
from mcp_arangodb_async.connections.single import SingleFlight
from mcp_arangodb_async.connections.sql.connection import (
    Chunks,
    Column,
    Command,
    OpenRows,
    Row,
    SqlConnection,
)
from mcp_arangodb_async.connections.sql.opening import check_installed
from mcp_arangodb_async.connections.sql.pool import Lease, SqlPool
from mcp_arangodb_async.errors import BackendError, DeniedError, MaaError, NotFoundError
from mcp_arangodb_async.observability.logs import get_logger
from mcp_arangodb_async.sql.answer import Answer, QueryLimits
from mcp_arangodb_async.sql.chunks import CHUNK_BYTES, ServerChunks
from mcp_arangodb_async.sql.held import HeldRows, finish
from mcp_arangodb_async.sql.loading import Plain, Tools, load
from mcp_arangodb_async.sql.vitals import Vitals

__all__ = ["Answer", "Environment", "QueryLimits"]

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.dialects.dialect import Dialect
    from mcp_arangodb_async.sql.masking import Masking
    from mcp_arangodb_async.sql.policy import Judged

log = get_logger(__name__)

# An answer up to this is small: the same text is asked for in one round trip the next time.
SMALL_ROWS, SMALL_BYTES = 100, 64 * 1024
# The classes of statements that a caller's own access lets pass, whatever the environment's lets.
GRANTED: Mapping[Access, frozenset[str]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"read", "dml"}),
    "admin": frozenset({"read", "dml", "ddl", "admin", "unknown"}),
}
NO_VALUES: Mapping[str, Any] = {}


class Environment:
    """A named environment; nothing is loaded or connected before a statement needs it."""

    def __init__(self, settings: EnvironmentSettings) -> None:
        self.settings = settings
        self._caps = QueryLimits(
            rows=settings.max_rows, bytes=settings.max_bytes, seconds=settings.query_timeout
        )
        self.vitals = Vitals(settings.name)
        self._tools: Tools | None = None
        self._loading = SingleFlight(self._load)
        self._held = HeldRows(max(1, settings.pool.max_connections // 2))
        self._closed = False
        self.check()

    def check(self) -> None:
        """ConfigError unless what this kind needs is installed."""
        check_installed(self.settings.kind, self.settings.name)

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.settings.name

    @property
    def dialect(self) -> Dialect:
        """Its dialect; UnsupportedError for an environment without SQL."""
        from mcp_arangodb_async.sql.dialects import DIALECTS

        return DIALECTS[self.settings.kind]

    @property
    def pool(self) -> SqlPool | None:
        """Its connections; None before the first statement."""
        return self._tools.pool if self._tools else None

    @property
    def is_open(self) -> bool:
        """Whether anybody has used it."""
        return self._tools is not None

    @property
    def is_resting(self) -> bool:
        """Whether the server failed lately and is not asked now."""
        return self._tools is not None and self._tools.pool.is_resting

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
        """Run one statement of a caller: refused, or run as policy and access say.

        `confirm` is the word that an earlier refusal gave for exactly this statement. With `hold`, rows
        beyond the limit wait on the server: `more` takes them. `granted` is the most this caller may do.
        """
        started = time.perf_counter()
        values = parameters or NO_VALUES
        try:
            tools = self._tools or await self._loading.run()
            plain = tools.plain.get(text)
            if plain is not None:
                # What was let pass before, whatever its values, and answered little.
                command = plain.known.template.command(values, read_only=True, small=True)
                lease = tools.pool.take_now()
                if lease is not None:
                    bound = self._bound(limits)
                    ends_at = time.monotonic() + bound.seconds
                    answer = await self._fetched(lease, command, bound, ends_at, started, plain.masking)
                    if not (hold and answer.truncated):
                        return answer
                    # It has grown since: asked anew, what is left can wait on the server.
                    plain.known.small = False
                    tools.plain.pop(text, None)
            judged = tools.read(text) if tools.guard.is_cheap(text) else await to_thread(tools.read, text)
            self._allow(judged, tools, text, values, confirm)
            statement = judged.statement
            if statement.kind not in GRANTED[granted]:
                raise DeniedError(f"it is {statement.shown_kind}, and this call may {granted} at most")
            return await self._judged(tools, judged, text, values, self._bound(limits), started, hold)
        except MaaError as error:
            raise self.named(error, started) from error.__cause__

    async def _judged(
        self,
        tools: Tools,
        judged: Judged,
        text: str,
        values: Mapping[str, Any],
        bound: QueryLimits,
        started: float,
        hold: bool,
    ) -> Answer:
        """The answer to a statement that may run; what is short and small is remembered for the next time."""
        statement, masking = judged.statement, judged.decision.masking
        known = tools.know(statement.text)
        reads = statement.kind == "read"
        read_only = self.settings.access == "read" or reads
        command = known.template.command(values, read_only=read_only, small=known.small)
        ends_at = time.monotonic() + bound.seconds
        is_capped = self.settings.policy.max_cost is not None
        if is_capped:
            await self._check_cost(tools, statement.text, values, ends_at)
        answer = await self._run(tools, command, bound, ends_at, started, masking, hold and read_only)
        if read_only:
            known.small = not answer.truncated and len(answer.rows) <= SMALL_ROWS
        if known.small and reads and not is_capped and tools.guard.is_cheap(text):
            if judged.decision.ruling == "allow":
                tools.remember(text, Plain(known=known, masking=masking))
        return answer

    async def inspect(
        self, text: str, parameters: Mapping[str, Any] | None = None, *, max_rows: int = 100_000
    ) -> Answer:
        """Run a statement of our own that reads catalogues: policy is not asked, the session is read-only."""
        started = time.perf_counter()
        try:
            tools = self._tools or await self._loading.run()
            command = tools.know(text).template.command(parameters or {}, read_only=True)
            bound = QueryLimits(rows=max_rows, bytes=256 * CHUNK_BYTES, seconds=self.settings.query_timeout)
            ends_at = time.monotonic() + bound.seconds
            return await self._run(tools, command, bound, ends_at, started, None, hold=False)
        except MaaError as error:
            raise self.named(error, started) from error.__cause__

    @asynccontextmanager
    async def stream(
        self, text: str, parameters: Mapping[str, Any] | None = None, *, chunk_rows: int = 1000
    ) -> AsyncGenerator[Chunks]:
        """The rows of a statement that reads, in chunks from a server-side cursor; policy is asked first.

        Each chunk has the environment's `query_timeout` to come. A consumer who does not ask holds the
        server back; no chunk is fetched before it is asked for.
        """
        started = time.perf_counter()
        try:
            tools = self._tools or await self._loading.run()
            judged = await to_thread(tools.read, text)
            self._allow(judged, tools, text, parameters or {}, None)
            if judged.statement.kind != "read":
                raise DeniedError(f"only a statement that reads can be streamed: {judged.statement.why}")
            command = tools.know(judged.statement.text).template.command(parameters or {}, read_only=True)
            ends_at = time.monotonic() + self.settings.query_timeout
            if self.settings.policy.max_cost is not None:
                await self._check_cost(tools, judged.statement.text, parameters or {}, ends_at)
            lease = await self._lease(tools, ends_at)
        except MaaError as error:
            raise self.named(error, started) from error.__cause__
        failure: BaseException | None = None
        rows: OpenRows | None = None
        try:
            try:
                rows = await lease.connection.open(command, ends_at=ends_at)
            except MaaError as error:
                raise self.named(error, started) from error.__cause__
            self.vitals.answered(time.perf_counter() - started)
            yield ServerChunks(self, rows, judged.decision.masking, chunk_rows)
        except BaseException as error:
            failure = error
            raise
        finally:
            await finish(lease, rows, failure)

    async def more(self, rest: str, *, limits: QueryLimits | None = None) -> Answer:
        """More of an answer that was held; NotFoundError if the server no longer has it."""
        started = time.perf_counter()
        held = self._held.take(rest)
        if held is None:
            raise NotFoundError(
                f"environment {self.name!r}: the rest of this answer is gone", hint="run the statement again"
            )
        bound = self._bound(limits)
        failure: BaseException | None = None
        kept = None
        try:
            rows, _ = await held.rows.take(
                rows=bound.rows, size=bound.bytes, ends_at=time.monotonic() + bound.seconds
            )
            if not held.rows.done:
                kept = self._held.hold(held.lease, held.rows, held.masking)
            return self._answer(
                held.lease.connection, held.rows.columns, rows, held.masking, started, rest=kept
            )
        except BaseException as error:
            failure = error
            if isinstance(error, MaaError):
                raise self.named(error, started) from error.__cause__
            raise
        finally:
            if kept is None:
                await finish(held.lease, held.rows, failure)

    def forget(self, rest: str) -> None:
        """Give up the rest of an answer."""
        self._held.forget(rest)

    async def start(self) -> None:
        """Load what is needed and open connections in the background."""
        tools = self._tools or await self._loading.run()
        tools.pool.start()

    async def sign_of_life(self, seconds: float) -> float | None:
        """Seconds that one round trip took; None where every connection is busy, which is a sign as well."""
        pool = self.pool
        if pool is None or pool.is_busy:
            return None
        ends_at = time.monotonic() + seconds
        async with pool.lend(ends_at=ends_at) as connection:
            started = time.perf_counter()
            await connection.ping(ends_at=ends_at)
            return time.perf_counter() - started

    def retire(self) -> None:
        """Let those who hold it finish, without keeping anything open for others."""
        self._held.forget_all()
        if self._tools is not None:
            self._tools.pool.retire()

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        await self._loading.stop()
        await self._held.close()
        if self._tools is not None:
            await self._tools.pool.close()

    async def fresh(self, ends_at: float) -> SqlConnection:
        """A connection beside the pool's, for those who try what connecting takes; theirs to close."""
        tools = self._tools or await self._loading.run()
        return await tools.pool.fresh(ends_at)

    def confirmation(self, text: str, parameters: Mapping[str, Any]) -> str:
        """The word that confirms exactly this statement with these values here."""
        told = json.dumps([self.name, text, parameters], sort_keys=True, default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    def named(self, error: MaaError, started: float) -> MaaError:
        """The error with the environment's name in it, and a line in the log."""
        prefix = f"environment {self.name!r}"
        if not error.message.startswith(prefix):
            error.message = f"{prefix}: {error.message}"
            error.args = (error.message,)
            error.database = self.name
            self.vitals.failed(error)
            ms = round((time.perf_counter() - started) * 1000, 2)
            # What a caller can mend is no news to an operator.
            tell = log.warning if isinstance(error, BackendError) else log.info
            tell("environment.failed", environment=self.name, code=error.code, ms=ms)
        return error

    async def _load(self) -> Tools:
        self._tools = await load(self.settings, self.vitals.heard)
        return self._tools

    def _allow(
        self, judged: Judged, tools: Tools, text: str, parameters: Mapping[str, Any], confirm: str | None
    ) -> None:
        """Raise unless the policy lets the statement run."""
        decision = judged.decision
        if decision.ruling == "deny":
            raise tools.guard.refusal(judged)
        if decision.ruling == "confirm" and confirm != (word := self.confirmation(text, parameters)):
            raise DeniedError(
                f"environment {self.name!r} asks for confirmation: {decision.why}",
                database=self.name,
                hint=f"if that is wanted, send the same statement again with confirm: {word}",
            )
        if self.settings.access == "read" and not tools.dialect.passes_gate(judged.statement.text):
            raise tools.guard.refusal(judged)

    def _bound(self, limits: QueryLimits | None) -> QueryLimits:
        settings = self.settings
        if limits is None:
            return self._caps
        return QueryLimits(
            rows=min(limits.rows, settings.max_rows),
            bytes=min(limits.bytes, settings.max_bytes),
            seconds=min(limits.seconds, settings.query_timeout),
        )

    async def _check_cost(
        self, tools: Tools, text: str, parameters: Mapping[str, Any], ends_at: float
    ) -> None:
        """Ask the planner first, where the policy caps the cost."""
        explain = tools.know(tools.dialect.explain(text)).template
        command = explain.command(parameters, read_only=True)
        lease = await self._lease(tools, ends_at)
        failure: BaseException | None = None
        try:
            plan = await lease.connection.fetch(
                command, max_rows=10_000, max_bytes=CHUNK_BYTES, ends_at=ends_at
            )
        except BaseException as error:
            failure = error
            raise
        finally:
            lease.give_back(failure)
        why = tools.guard.over_cost(plan.rows)
        if why is not None:
            raise DeniedError(f"environment {self.name!r} refuses it: {why}", database=self.name)

    async def _lease(self, tools: Tools, ends_at: float) -> Lease:
        """A connection; answers that wait for nobody make room first."""
        while tools.pool.is_busy and self._held:
            await self._held.make_room()
        return await tools.pool.take(ends_at=ends_at)

    async def _run(
        self,
        tools: Tools,
        command: Command,
        bound: QueryLimits,
        ends_at: float,
        started: float,
        masking: Masking | None,
        hold: bool,
    ) -> Answer:
        lease = tools.pool.take_now() or await self._lease(tools, ends_at)
        if not hold:
            return await self._fetched(lease, command, bound, ends_at, started, masking)
        connection = lease.connection
        failure: BaseException | None = None
        rest = None
        try:
            rows = await connection.open(command, ends_at=ends_at)
            taken, _ = await rows.take(rows=bound.rows, size=bound.bytes, ends_at=ends_at)
            if rows.done:
                await rows.close(ends_at=ends_at)
            else:
                rest = self._held.hold(lease, rows, masking)
            return self._answer(connection, rows.columns, taken, masking, started, rest=rest)
        except BaseException as error:
            failure = error
            raise
        finally:
            if rest is None:
                lease.give_back(failure)

    async def _fetched(
        self,
        lease: Lease,
        command: Command,
        bound: QueryLimits,
        ends_at: float,
        started: float,
        masking: Masking | None,
    ) -> Answer:
        """As many rows as are allowed; the others are given up, and the connection given back."""
        connection = lease.connection
        try:
            found = await connection.fetch(
                command, max_rows=bound.rows, max_bytes=bound.bytes, ends_at=ends_at
            )
        except BaseException as error:
            lease.give_back(error)
            raise
        lease.give_back()
        return self._answer(
            connection,
            found.columns,
            found.rows,
            masking,
            started,
            truncated=found.truncated,
            affected=found.affected,
        )

    def _answer(
        self,
        connection: SqlConnection,
        columns: tuple[Column, ...],
        rows: list[Row],
        masking: Masking | None,
        started: float,
        *,
        truncated: bool = False,
        affected: int | None = None,
        rest: str | None = None,
    ) -> Answer:
        if masking is not None:
            rows = masking.apply([column.name for column in columns], rows)
        seconds = time.perf_counter() - started
        self.vitals.answered(seconds)
        return Answer(
            environment=self.name,
            engine=connection.engine,
            version=connection.version,
            access=self.settings.access,
            columns=columns,
            rows=rows,
            truncated=truncated or rest is not None,
            affected=affected,
            ms=round(seconds * 1000, 3),
            rest=rest,
        )
