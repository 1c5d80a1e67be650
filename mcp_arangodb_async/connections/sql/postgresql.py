"""Connections to PostgreSQL, by asyncpg.

Reads are kept from writing by the server: the session's default is a read-only transaction, which the server
reports back and we check before each statement; what does not start with SELECT runs in an explicit one. Only
the extended protocol is used for callers' statements, so there is one statement in each.
"""

from __future__ import annotations

import base64
import binascii
import json
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.connections.sql.connection import (
    MAXIMUM_ROW_BYTES,
    Column,
    Command,
    Engine,
    Fetched,
    Row,
)
from mcp_arangodb_async.connections.sql.guarded import Guard
from mcp_arangodb_async.connections.sql.postgresql_driver import REMEMBERED, PostgresqlDriver
from mcp_arangodb_async.connections.sql.tls import context_for
from mcp_arangodb_async.connections.sql.translate import from_sqlstate, made, too_large
from mcp_arangodb_async.errors import (
    BackendError,
    InputError,
    MaaError,
    UnavailableError,
)

Driver: Any = asyncpg
APPLICATION = "mcp-arangodb-async"
# Types whose text is exact where the driver's own value would not be: infinite and ancient dates, months of
# intervals, single precision. The numbers are PostgreSQL's, the same in every database.
AS_TEXT = {
    "date": 1082, "time": 1083, "timestamp": 1114, "timestamptz": 1184, "timetz": 1266, "interval": 1186,
    "uuid": 2950, "inet": 869, "cidr": 650, "macaddr": 829, "macaddr8": 774, "bit": 1560, "varbit": 1562,
    "point": 600, "lseg": 601, "path": 602, "box": 603, "polygon": 604, "line": 628, "circle": 718,
}  # fmt: skip
FLOAT4 = 700
INTEGERS = frozenset({"int2", "int4", "int8", "oid"})
FLOATS = frozenset({"float4", "float8"})
DOCUMENTS = frozenset({"json", "jsonb"})
# Rows asked for before their size is known, afterwards about so many bytes of them, and never more.
FIRST_ROWS, CHUNK_BYTES, MOST_ROWS = 10, 1024 * 1024, 5000
SETTLE_SECONDS = 2.0
SIGN_OF_LIFE = "SELECT 1"
SELECT = "select"
# What the server says about statements that leave a session as it was.
PLAIN_CHANGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE")
CHANGED_SCHEMA = (Driver.exceptions.OutdatedSchemaCacheError, Driver.exceptions.InvalidCachedStatementError)
DRIVER_ERRORS = (
    Driver.PostgresError, Driver.InterfaceError, Driver.InternalClientError, OSError, OverflowError,
    UnicodeError, EOFError,
)  # fmt: skip


async def connect(
    settings: EnvironmentSettings, ends_at: float, session: Sequence[str] = ()
) -> PostgresqlConnection:
    """A new connection; `session` are statements that prepare it. Bounded by the caller."""
    told = {
        "application_name": APPLICATION,
        # A second end for what a lost cancel request would leave running.
        "statement_timeout": str(int(settings.query_timeout * 1000) + 1000),
        "idle_in_transaction_session_timeout": "600000",
    }
    if settings.access == "read":
        told["default_transaction_read_only"] = "on"
    try:
        driver = await Driver.connect(
            host=settings.host,
            port=settings.port,
            user=settings.user,
            password=settings.password.reveal(),
            database=settings.database,
            ssl=await _tls(settings),
            direct_tls=False,
            timeout=max(0.1, ends_at - time.monotonic()),
            statement_cache_size=REMEMBERED,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=32 * 1024,
            server_settings=told,
            connection_class=PostgresqlDriver,
        )
    except TimeoutError:
        raise
    except DRIVER_ERRORS as error:
        raise translated(error, settings.address) from None
    for name, number in AS_TEXT.items():
        driver.text_codec(number, name, str)
    driver.text_codec(FLOAT4, "float4", float)
    made_one = PostgresqlConnection(driver, settings, session)
    try:
        await made_one.prepare()
    except BaseException:
        driver.terminate()
        raise
    return made_one


async def _tls(settings: EnvironmentSettings) -> ssl.SSLContext | str:
    match settings.tls.mode:
        case "off":
            return "disable"
        case "prefer":
            return "prefer"
        case "require" | "verify":
            return await context_for(settings.tls)


class PostgresqlConnection:
    """One connection; see `SqlConnection`."""

    engine: Engine = "postgresql"

    def __init__(self, driver: Any, settings: EnvironmentSettings, session: Sequence[str]) -> None:
        self.driver = driver
        self._session = "; ".join(session)
        self.version = str(driver.get_settings().server_version).split(" ", 1)[0]
        self._address = settings.address
        self._read_only = settings.access == "read"
        self._changed = False
        self.guard = Guard(self, settings.address)
        # PostgreSQL 14 and later report the setting whenever it changes.
        self._reports = getattr(driver.get_settings(), "default_transaction_read_only", None) is not None

    async def prepare(self) -> None:
        """Make the session what statements may rely on."""
        if self._session:
            with self.guard.until(time.monotonic() + SETTLE_SECONDS):
                await self.driver.execute(self._session)

    @property
    def encrypted(self) -> bool:
        """Whether the connection is inside TLS."""
        return bool(self.driver.encrypted())

    @property
    def backend(self) -> int:
        """The server's number of this connection."""
        return int(self.driver.get_server_pid())

    @property
    def is_usable(self) -> bool:
        """Whether another statement can be sent."""
        return not self.driver.is_closed() and not self.driver.meter.exceeded

    @property
    def is_clean(self) -> bool:
        """Whether nothing is open or changed, and the server still says that it only reads."""
        if self._changed or self.driver.is_in_transaction():
            return False
        if not (self._read_only and self._reports):
            return True
        return bool(self.driver.get_settings().default_transaction_read_only == "on")

    async def fetch(self, command: Command, *, max_rows: int, max_bytes: int, ends_at: float) -> Fetched:
        """Run one statement; at most so many of its rows, the others are given up."""
        if not command.read_only or (command.small and self._in_one_trip(command.text)):
            with self.guard.until(ends_at):
                found = await self._at_once(command, max_rows)
            if not command.read_only or not (found.truncated or found.size > max_bytes):
                return found
        rows = await self.open(command, ends_at=ends_at)
        taken, size = await rows.take(rows=max_rows, size=max_bytes, ends_at=ends_at)
        await rows.close(ends_at=ends_at)
        return Fetched(columns=rows.columns, rows=taken, truncated=not rows.done, size=size)

    def _in_one_trip(self, text: str) -> bool:
        """Whether the session's default is enough: a SELECT cannot end its transaction and begin another."""
        return (
            self._read_only
            and self._reports
            and text[:6].lower() == SELECT
            and not text[6:7].isalnum()
            and self.is_clean
        )

    async def _at_once(self, command: Command, max_rows: int) -> Fetched:
        """One round trip, in the transaction that the server makes of it."""
        driver = self.driver
        before = driver.meter.allow(MAXIMUM_ROW_BYTES)
        try:
            columns, rows, status, complete = await driver.at_once(
                command.text, command.parameters, max_rows + 1, bindable
            )
        except CHANGED_SCHEMA:
            driver.forget()
            if not command.read_only:
                raise
            columns, rows, status, complete = await driver.at_once(
                command.text, command.parameters, max_rows + 1, bindable
            )
        if not (command.read_only or status.startswith(PLAIN_CHANGES)):
            self._changed = True
        return Fetched(
            columns=columns,
            rows=[tuple(row) for row in rows[:max_rows]],
            truncated=len(rows) > max_rows or not complete,
            affected=None if command.read_only else affected_rows(status),
            size=driver.meter.received - before,
        )

    async def open(self, command: Command, *, ends_at: float) -> PostgresqlRows:
        """Run one statement that reads, in a transaction; its rows wait in a portal of the server."""
        driver = self.driver
        driver.meter.allow(MAXIMUM_ROW_BYTES)
        with self.guard.until(ends_at):
            if driver.is_in_transaction():
                await driver.execute("ROLLBACK")
            # Written here, never by a caller: the one use of the protocol that takes several statements.
            await driver.execute("BEGIN READ ONLY" if command.read_only else "BEGIN")
            _, columns, types = await driver.prepared(command.text)
            cursor = await driver.cursor(command.text, *bindable(types, command.parameters))
        return PostgresqlRows(self, cursor, columns)

    async def ping(self, *, ends_at: float) -> None:
        """Ask the server for a sign of life."""
        with self.guard.until(ends_at):
            await self.driver.execute(SIGN_OF_LIFE)

    async def settle(self) -> bool:
        """Wait for the end of a cancelled statement, and reset the session."""
        self.driver.meter.allow(MAXIMUM_ROW_BYTES)
        with self.guard.until(time.monotonic() + SETTLE_SECONDS):
            # What waits for a cancel request under way is the driver's next statement, this one. A
            # transaction in which a statement failed takes no other than its end.
            await self.driver.execute("ROLLBACK" if self.driver.is_in_transaction() else SIGN_OF_LIFE)
            if self.driver.is_in_transaction():
                await self.driver.execute("ROLLBACK")
            await self.driver.reset()
        await self.prepare()
        self._changed = False
        return self.is_clean

    async def close(self) -> None:
        """Say goodbye and close."""
        self.guard.close()
        try:
            await self.driver.close(timeout=1.0)
        except (*DRIVER_ERRORS, TimeoutError):
            self.driver.terminate()

    def stopped(self) -> None:
        """A statement was left in the middle: the driver sends a cancel request, `settle` waits for it."""
        self._changed = True

    def ours(self, error: BaseException) -> MaaError | None:
        """The driver's error as one of ours."""
        if isinstance(error, MaaError):
            return None
        if not isinstance(error, DRIVER_ERRORS):
            return None
        self._changed = True
        return (
            too_large(MAXIMUM_ROW_BYTES) if self.driver.meter.exceeded else translated(error, self._address)
        )


class PostgresqlRows:
    """Rows in a portal; see `OpenRows`."""

    def __init__(self, owner: PostgresqlConnection, cursor: Any, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self._owner = owner
        self._cursor = cursor
        self._ahead: list[Any] = []
        self._exhausted = False
        self._row_bytes = 0.0

    @property
    def done(self) -> bool:
        """Whether the last row was taken."""
        return self._exhausted and not self._ahead

    async def take(self, *, rows: int, size: int, ends_at: float) -> tuple[list[Row], int]:
        """The next rows; one more is read ahead, to know whether there are more."""
        meter = self._owner.driver.meter
        found, start = self._ahead, meter.received
        with self._owner.guard.until(ends_at):
            while len(found) <= rows and meter.received - start <= size and not self._exhausted:
                wanted = min(self._chunk(size - (meter.received - start)), rows + 1 - len(found))
                before = meter.allow(MAXIMUM_ROW_BYTES)
                more = await self._cursor.fetch(wanted)
                found = [*found, *more] if found else more
                self._exhausted = len(more) < wanted
                if more:
                    self._row_bytes = (meter.received - before) / len(more)
        self._ahead = found[rows:]
        return [tuple(row) for row in found[:rows]], meter.received - start

    def _chunk(self, size: int) -> int:
        """How many rows to ask for: a chunk's bytes at most, as far as the last rows tell their size."""
        if not self._row_bytes:
            return FIRST_ROWS
        return max(1, min(MOST_ROWS, 1 + int(min(CHUNK_BYTES, size) / self._row_bytes)))

    async def close(self, *, ends_at: float) -> None:
        """End the transaction, and with it the portal."""
        with suppress(MaaError), self._owner.guard.until(ends_at):
            await self._owner.driver.execute("ROLLBACK")


def bindable(types: Sequence[str], values: Sequence[Any]) -> list[Any]:
    """The values as the driver takes them for these types; raises InputError.

    Texts are read as the numbers or bytes that results show as texts: big integers, base64.
    """
    if len(types) != len(values):
        raise InputError(f"the statement has {len(types)} parameters, {len(values)} values are bound")
    return [_bindable(kind, value) for kind, value in zip(types, values, strict=True)]


def _bindable(kind: str, value: Any) -> Any:
    if isinstance(value, str):
        try:
            if kind in INTEGERS:
                return int(value)
            if kind in FLOATS:
                return float(value)
            if kind == "bytea":
                return base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise InputError(
                f"a parameter of type {kind} cannot be {value[:40]!r}", field="parameters"
            ) from None
    elif kind in DOCUMENTS and value is not None:
        return json.dumps(value, ensure_ascii=False)
    elif isinstance(value, bool) and kind not in {"bool", "any"}:
        raise InputError(f"a parameter of type {kind} cannot be true or false", field="parameters")
    return value


def affected_rows(status: str) -> int | None:
    """The number at the end of the server's word; None for statements that only read, or have none."""
    words = status.split()
    if len(words) < 2 or words[0] in {"SELECT", "FETCH"} or not words[-1].isdigit():
        return None
    return int(words[-1])


def translated(error: BaseException, address: str) -> MaaError:
    """asyncpg's error as one of ours."""
    if isinstance(error, Driver.PostgresError):
        state = str(getattr(error, "sqlstate", None) or "XX000")
        return from_sqlstate(state, f"{address}: {error.args[0] if error.args else state}")
    if isinstance(error, Driver.DataError):
        return made(InputError, str(error))
    if isinstance(error, Driver.InterfaceError):
        if "connection" in str(error):
            return UnavailableError(f"{address}: the connection is closed")
        return made(InputError, str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return UnavailableError(f"{address}: the server's certificate is not trusted: {error.verify_message}")
    if isinstance(error, OSError):
        return UnavailableError(f"{address}: {_why(error)}")
    if isinstance(error, OverflowError | UnicodeError):
        return made(InputError, f"a value cannot be sent: {error}")
    return BackendError(f"{address}: {error}")


def _why(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: is the server running there?"
    if isinstance(error, ConnectionError):
        return "the connection broke"
    return error.strerror or "no connection"
