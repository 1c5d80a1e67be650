"""Connections to MariaDB and MySQL, by asyncmy.

Reads are kept from writing by the server: the session's transactions are read-only, and each statement says
so again (`SET STATEMENT tx_read_only=1 FOR ...` on MariaDB, a read-only transaction on MySQL), so what one
does to the session does not help the next. Several statements in one text are switched off at the server.
Values become literals, in a form that no SQL mode or character set reads differently.
"""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from asyncmy import errors
from asyncmy.constants import SERVER_STATUS

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.connections.sql.connection import (
    MAXIMUM_ROW_BYTES,
    Column,
    Command,
    Engine,
    Fetched,
    Row,
    weight,
)
from mcp_arangodb_async.connections.sql.guarded import Guard
from mcp_arangodb_async.connections.sql.mysql_driver import Flow, MysqlDriver, decoders
from mcp_arangodb_async.connections.sql.mysql_text import PLAIN_CHANGES, column, first_word, rendered
from mcp_arangodb_async.connections.sql.tls import context_for
from mcp_arangodb_async.connections.sql.translate import from_mysql, made, too_large
from mcp_arangodb_async.errors import BackendError, InputError, LimitError, MaaError, UnavailableError

APPLICATION = "mcp-arangodb-async"
# What is left of an answer is read to its end up to here; beyond, the connection is closed.
WORTH_READING = 64 * 1024
CONTROL_SECONDS = 2.0
# Rows that are taken one piece after the other: each piece has its own deadline here, the server's limit for
# the whole statement is for what nobody stops any more, and so is its limit for readers who take their time.
LASTING_SECONDS = 3600
READER_SECONDS = 600
SLICE_ROWS = 64
REMEMBERED = 100
IN_TRANSACTION = int(SERVER_STATUS.SERVER_STATUS_IN_TRANS)
# The driver's numbers for a connection that is gone, although it does not say so itself.
LOST = ((2006,), (2013,))
DRIVER_ERRORS = (errors.MySQLError, OSError, UnicodeError, RuntimeError, AssertionError)


async def connect(
    settings: EnvironmentSettings, ends_at: float, session: Sequence[str] = ()
) -> MysqlConnection:
    """A new connection; `session` are statements that prepare it. Bounded by the caller."""
    mode = settings.tls.mode
    make: Any = MysqlDriver
    driver = make(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.password.reveal().encode(),
        database=settings.database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=max(1, math.ceil(ends_at - time.monotonic())),
        conv=decoders(),
        program_name=APPLICATION,
        ssl=None if mode == "off" else await context_for(settings.tls),
    )
    driver.tls_required = mode in {"require", "verify"}
    made_one = MysqlConnection(driver, settings, session)
    try:
        await driver.connect()
        driver.watch()
        await made_one.prepare()
    except TimeoutError:
        driver.cut()
        raise
    except DRIVER_ERRORS as error:
        driver.cut()
        raise translated(error, settings.address) from None
    except BaseException:
        driver.cut()
        raise
    return made_one


class MysqlConnection:
    """One connection; see `SqlConnection`."""

    def __init__(self, driver: Any, settings: EnvironmentSettings, session: Sequence[str]) -> None:
        self.driver = driver
        self.version = ""
        self.engine: Engine = "mariadb"
        self._settings = settings
        self._session = session
        self._address = settings.address
        self._changed = False
        self._abandoned = False
        self._known_columns: dict[tuple[Any, ...], tuple[Column, ...]] = {}
        self.guard = Guard(self, settings.address)

    async def prepare(self) -> None:
        """Make the session what statements may rely on."""
        driver = self.driver
        told = str(driver.get_server_info())
        self.engine = "mariadb" if "MariaDB" in told else "mysql"
        # MariaDB puts an old number in front, for clients that count on one.
        self.version = told.removeprefix("5.5.5-").split("-", 1)[0]
        await driver.one_statement_only()
        seconds = self._settings.query_timeout + 1
        limit = (
            f"SET SESSION max_statement_time={seconds:g}"
            if self.engine == "mariadb"
            else f"SET SESSION max_execution_time={int(seconds * 1000)}"
        )
        for statement in (f"{limit}, net_write_timeout={READER_SECONDS}", *self._session):
            await driver.run(statement)

    @property
    def encrypted(self) -> bool:
        """Whether the connection is inside TLS."""
        return self.driver.is_encrypted()

    @property
    def backend(self) -> int:
        """The server's number of this connection."""
        return int(self.driver.thread_id())

    @property
    def is_usable(self) -> bool:
        """Whether there is something left to do with it: a statement to send, or one to be stopped."""
        return bool(self.driver.connected) or self._abandoned

    @property
    def is_clean(self) -> bool:
        """Whether nothing is open or changed."""
        return not (self._changed or self._abandoned or self.driver.status & IN_TRANSACTION)

    async def fetch(self, command: Command, *, max_rows: int, max_bytes: int, ends_at: float) -> Fetched:
        """Run one statement; at most so many of its rows, the others are given up."""
        if command.small and command.read_only and self.engine == "mariadb":
            driver = self.driver
            before = driver.flow.allow()
            text = self._reading(rendered(command), left(ends_at))
            with self.guard.until(ends_at):
                await driver.query(text)
                return self._all(driver.flow.received - before, max_rows, max_bytes)
        with self.guard.until(ends_at):
            rows = await self._run(command, ends_at)
            taken, size = await rows.read(max_rows, max_bytes)
            truncated = not rows.done
        if truncated or rows.leaves_something:
            await rows.close(ends_at=ends_at)
        return Fetched(
            columns=rows.columns, rows=taken, truncated=truncated, affected=rows.affected, size=size
        )

    async def open(self, command: Command, *, ends_at: float) -> MysqlRows:
        """Run one statement; its rows are read as they are taken, and wait at the server until then."""
        with self.guard.until(ends_at):
            return await self._run(command, ends_at, lasting=True)

    def _all(self, size: int, max_rows: int, max_bytes: int) -> Fetched:
        """The whole answer, which was expected to be small and did fit into the memory of a row."""
        result = self.driver.result
        rows: list[Row] = list(result.rows or ())
        if result.has_next:
            self.driver.cut()  # more answers, of a procedure: nobody asked for them
        if len(rows) > max_rows or size > max_bytes:
            return cut(self._columns(result), rows, max_rows, max_bytes)
        return Fetched(columns=self._columns(result), rows=rows, size=size)

    def _columns(self, result: Any) -> tuple[Column, ...]:
        """The columns of a result; those of the last ones are remembered."""
        fields: list[Any] = result.fields or []
        known = tuple([(field.name, field.type_code, field.charsetnr, field.flags) for field in fields])
        found = self._known_columns.get(known)
        if found is None:
            if len(self._known_columns) >= REMEMBERED:
                self._known_columns.clear()
            found = self._known_columns[known] = tuple(column(field) for field in fields)
        return found

    def _reading(self, text: str, seconds: int) -> str:
        """MariaDB's statement that runs another one read-only and for so long."""
        return f"SET STATEMENT tx_read_only=1, max_statement_time={seconds} FOR {text}"

    async def _run(self, command: Command, ends_at: float, *, lasting: bool = False) -> MysqlRows:
        text = rendered(command)
        in_transaction = False
        if not command.read_only:
            if first_word(text) not in PLAIN_CHANGES:
                self._changed = True
        elif self.engine == "mariadb":
            text = self._reading(text, LASTING_SECONDS if lasting else left(ends_at))
        else:
            if lasting:
                await self.driver.run(f"SET SESSION max_execution_time={LASTING_SECONDS * 1000}")
                self._changed = True  # so that the connection is made as new before others get it
            await self.driver.run("START TRANSACTION READ ONLY")
            in_transaction = True
        result = await self.driver.run(text)
        columns = self._columns(result)
        return MysqlRows(self, result, columns, in_transaction=in_transaction)

    async def ping(self, *, ends_at: float) -> None:
        """Ask the server for a sign of life."""
        with self.guard.until(ends_at):
            await self.driver.ping(reconnect=False)

    async def settle(self) -> bool:
        """Stop what still runs, on the server, or make the session as new; False if it must be closed."""
        if not self.driver.connected:
            if self._abandoned:
                self._abandoned = False
                await stop(self._settings, self.backend)
            return False
        with self.guard.until(time.monotonic() + CONTROL_SECONDS):
            await self.driver.reset()
            await self.prepare()
            self._changed = False
        return self.is_clean

    async def close(self) -> None:
        """Say goodbye and close."""
        self.guard.close()
        try:
            if self._abandoned:
                await self.settle()
            await self.driver.ensure_closed()
        except (MaaError, *DRIVER_ERRORS):
            self.driver.cut()

    def abandon(self) -> None:
        """Close in the middle of an answer, of which the server is told when the connection is settled."""
        self._abandoned = True
        self.driver.cut()

    def stopped(self) -> None:
        """A statement was left in the middle: the connection is closed, the server is told by `settle`."""
        self.abandon()

    def ours(self, error: BaseException) -> MaaError | None:
        """The driver's error as one of ours."""
        if isinstance(error, LimitError):
            self.abandon()
        if isinstance(error, MaaError) or not isinstance(error, DRIVER_ERRORS):
            return None
        if self.driver.was_too_large:
            self.abandon()
            return too_large(MAXIMUM_ROW_BYTES)
        self._changed = True
        if not isinstance(error, errors.MySQLError) or error.args[:1] in LOST:
            self.driver.cut()
        return translated(error, self._address)


async def stop(settings: EnvironmentSettings, backend: int) -> None:
    """End a connection of ours on the server, with what runs on it; by a connection made for that."""
    other = await connect(settings, time.monotonic() + CONTROL_SECONDS)
    try:
        await other.driver.run(f"KILL {backend}")
    except errors.MySQLError as error:
        if error.args[:1] != (1094,):  # it has ended already
            raise translated(error, settings.address) from None
    finally:
        await other.close()


class MysqlRows:
    """Rows that the server sends when they are read; see `OpenRows`."""

    def __init__(
        self,
        owner: MysqlConnection,
        result: Any,
        columns: tuple[Column, ...],
        *,
        in_transaction: bool,
    ) -> None:
        self.columns = columns
        self._owner = owner
        self._result = result
        self._in_transaction = in_transaction
        self._ahead: list[Row] = []
        self._exhausted = not result.unbuffered_active
        self.affected: int | None = None if columns else int(result.affected_rows)

    @property
    def done(self) -> bool:
        """Whether the last row was taken."""
        return self._exhausted and not self._ahead

    @property
    def leaves_something(self) -> bool:
        """Whether there is more to end than these rows."""
        return self._in_transaction or bool(self._result.has_next)

    async def take(self, *, rows: int, size: int, ends_at: float) -> tuple[list[Row], int]:
        """The next rows; one more is read ahead, to know whether there are more."""
        with self._owner.guard.until(ends_at):
            return await self.read(rows, size)

    async def read(self, rows: int, size: int) -> tuple[list[Row], int]:
        """The same, inside a guarded block."""
        flow: Flow = self._owner.driver.flow
        result, found = self._result, self._ahead
        # The driver reads whole buffers into rows: a slice of them is weighed by its last one.
        total = sum(map(weight, found))
        # The reader looks at what has arrived, and asks for more as it needs it.
        following: Callable[[], Awaitable[Row | None]] = result._read_rowdata_packet_unbuffered
        while not self._exhausted and len(found) <= rows and total <= size:
            flow.allow()
            row = await following()
            if row is None:
                self._exhausted = True
                break
            found.append(row)
            total += weight(row)
            if len(found) <= rows and total <= size:
                more: list[Row] = result._take_pending_rows(min(SLICE_ROWS, rows + 1 - len(found)))
                found += more
                total += weight(more[-1]) * len(more) if more else 0
        self._ahead = found[rows:]
        return found[:rows], total

    async def close(self, *, ends_at: float) -> None:
        """Read a small rest to its end; a larger one ends with the connection."""
        owner = self._owner
        if not owner.driver.connected:
            return
        with suppress(MaaError), owner.guard.until(ends_at):
            if not await self._read_out(owner.driver.flow):
                owner.abandon()
            elif self._result.has_next:
                owner.driver.cut()  # more answers, of a procedure: nobody asked for them
            elif self._in_transaction:
                await owner.driver.run("ROLLBACK")

    async def _read_out(self, flow: Flow) -> bool:
        result, start = self._result, flow.received
        while not self._exhausted and flow.received - start < WORTH_READING:
            flow.allow()
            self._exhausted = await result._read_rowdata_packet_unbuffered() is None
            result._take_pending_rows()
        return self._exhausted


def left(ends_at: float) -> int:
    """The whole seconds a statement may take on the server: a little more than we give it."""
    return max(1, math.ceil(ends_at - time.monotonic()) + 1)


def cut(columns: tuple[Column, ...], rows: list[Row], max_rows: int, max_bytes: int) -> Fetched:
    """As many of the rows as fit."""
    kept, size = 0, 0
    for row in rows[:max_rows]:
        if size > max_bytes:
            break
        size += weight(row)
        kept += 1
    return Fetched(columns=columns, rows=rows[:kept], truncated=kept < len(rows), size=size)


def translated(error: BaseException, address: str) -> MaaError:
    """asyncmy's error as one of ours."""
    if isinstance(error, errors.InterfaceError):
        return UnavailableError(f"{address}: the connection is closed")
    if isinstance(error, errors.MySQLError):
        facts: tuple[Any, ...] = (*error.args, "", "")
        number, message = facts[0], facts[1]
        if number == 2003:
            return UnavailableError(f"{address}: {_why(error.__cause__)}")
        if isinstance(number, int):
            return from_mysql(number, f"{address}: {message}")
        return BackendError(f"{address}: {number}")
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnavailableError(f"{address}: the server's certificate is not trusted: {error.verify_message}")
    if isinstance(error, OSError):
        return UnavailableError(f"{address}: {_why(error)}")
    if isinstance(error, UnicodeError):
        return made(InputError, f"a text is not Unicode: {error}")
    return BackendError(f"{address}: {error}")


def _why(error: BaseException | None) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: is the server running there?"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted: {error.verify_message}"
    if isinstance(error, ConnectionError):
        return "the connection broke"
    return (error.strerror if isinstance(error, OSError) else None) or "no connection"
