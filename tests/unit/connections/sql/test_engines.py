"""Connections to real servers: values, limits, deadlines, and what the servers say has ended."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncmy.connection
import asyncpg
import pytest

from mcp_arangodb_async.config.environments import EnvironmentPool, EnvironmentSettings, EnvironmentTls
from mcp_arangodb_async.connections.sql.connection import Command, Fetched, SqlConnection
from mcp_arangodb_async.connections.sql.mysql_text import literal
from mcp_arangodb_async.connections.sql.opening import open_pool
from mcp_arangodb_async.connections.sql.pool import SqlPool
from mcp_arangodb_async.errors import (
    AuthenticationError,
    ConflictError,
    DeadlineError,
    InputError,
    LimitError,
    MaaError,
    NotFoundError,
    ReadOnlyError,
    UnavailableError,
)
from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.dialects.sqlite import authorize
from mcp_arangodb_async.sql.parameters import template_of
from tests.sql_servers import CERTIFICATE, SqlServer, sqlite_file
from tests.unit.sql.world import in_file, on_server

pytestmark = [pytest.mark.anyio, pytest.mark.server]
KINDS = ("postgresql", "mariadb", "sqlite")
FILL: dict[str, str] = {
    "postgresql": """
        CREATE TABLE n (id int PRIMARY KEY, name text); GRANT ALL ON n TO writer;
        INSERT INTO n SELECT i, 'n' || i FROM generate_series(1, 5000) i;""",
    "mariadb": """
        CREATE TABLE n (id int PRIMARY KEY, name text);
        INSERT INTO n SELECT seq, concat('n', seq) FROM seq_1_to_5000;""",
    "sqlite": """
        CREATE TABLE n (id int PRIMARY KEY, name text);
        WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000)
        INSERT INTO n SELECT i, 'n' || i FROM s;""",
}
# A statement that takes an hour, on each engine.
SLOW: dict[str, str] = {
    "postgresql": "SELECT pg_sleep(3600)",
    "mariadb": "SELECT SLEEP(3600)",
    "sqlite": "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT max(i) FROM s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A database on one engine, and the server that has it."""

    kind: str
    settings: EnvironmentSettings
    server: SqlServer | None

    @asynccontextmanager
    async def pool(self, **changes: Any) -> AsyncGenerator[SqlPool]:
        """A pool of connections to it."""
        settings = replace(self.settings, **changes)
        dialect = DIALECTS[settings.kind]
        reads = settings.access == "read"
        pool = open_pool(
            settings,
            session=(*dialect.session, *(dialect.read_only if reads else ())),
            authorizer=authorize if reads and settings.kind == "sqlite" else None,
        )
        try:
            yield pool
        finally:
            await pool.close()
            counters = pool.counters()
            assert (counters.opened - counters.closed, counters.in_use) == (0, 0)

    def running(self) -> list[str]:
        """The statements of `writer` that run on the server now."""
        if self.server is None:
            return []
        if self.kind == "postgresql":
            text = "SELECT query FROM pg_stat_activity WHERE usename = 'writer' AND state = 'active'"
            return self.server.run(text, "postgres").splitlines()
        text = "SELECT info FROM information_schema.processlist WHERE user = 'writer' AND info IS NOT NULL"
        return self.server.run(text, "mysql").splitlines()

    def connections(self) -> int:
        """How many connections `writer` has on the server."""
        assert self.server is not None
        if self.kind == "postgresql":
            text = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer'"
            return int(self.server.run(text, "postgres"))
        text = "SELECT count(*) FROM information_schema.processlist WHERE user = 'writer'"
        return int(self.server.run(text, "mysql"))


@pytest.fixture(scope="module", params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Each engine, with a table of 5,000 rows."""
    kind: str = request.param
    if kind == "sqlite":
        path = sqlite_file(tmp_path_factory.mktemp("site") / "n.db", FILL[kind])
        return Site(kind=kind, settings=in_file(path), server=None)
    server: SqlServer = request.getfixturevalue(kind)
    return Site(kind=kind, settings=on_server(server, server.create_database(FILL[kind])), server=server)


def command(site: Site, text: str, values: dict[str, Any] | None = None, **more: Any) -> Command:
    template = template_of(text, DIALECTS[site.settings.kind])
    return template.command(values or {}, read_only=more.pop("read_only", True), **more)


async def fetched(
    pool: SqlPool, made: Command, *, rows: int = 100, size: int = 10**6, seconds: float = 10.0
) -> Fetched:
    ends_at = time.monotonic() + seconds
    async with pool.lend(ends_at=ends_at) as connection:
        return await connection.fetch(made, max_rows=rows, max_bytes=size, ends_at=ends_at)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - a server has no event
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("small", [False, True])
async def test_rows_stop_at_the_limit_and_it_is_said(site: Site, small: bool) -> None:
    async with site.pool() as pool:
        text = "SELECT id, name FROM n WHERE id <= :n ORDER BY id"
        for count, rows, truncated in ((3, 5, False), (5, 5, False), (6, 5, True), (0, 5, False)):
            found = await fetched(pool, command(site, text, {"n": count}, small=small), rows=rows)
            assert found.rows == [(i, f"n{i}") for i in range(1, min(count, rows) + 1)]
            assert found.truncated is truncated
            assert [column.name for column in found.columns] == ["id", "name"]


async def test_rows_stop_soon_after_the_bytes(site: Site) -> None:
    async with site.pool() as pool:
        found = await fetched(pool, command(site, "SELECT id, name FROM n"), rows=5000, size=2000)
        assert found.truncated
        assert 0 < len(found.rows) < 5000


async def test_rows_can_be_taken_piece_by_piece(site: Site) -> None:
    async with site.pool(pool=EnvironmentPool(max_connections=1)) as pool:
        ends_at = time.monotonic() + 20
        lease = await pool.take(ends_at=ends_at)
        rows = await lease.connection.open(command(site, "SELECT id FROM n ORDER BY id"), ends_at=ends_at)
        seen: list[int] = []
        while not rows.done:
            taken, _ = await rows.take(rows=1999, size=10**6, ends_at=ends_at)
            seen += [row[0] for row in taken]
        assert seen == list(range(1, 5001))
        await rows.close(ends_at=ends_at)
        rows = await lease.connection.open(command(site, "SELECT id FROM n ORDER BY id"), ends_at=ends_at)
        await rows.take(rows=10, size=10**6, ends_at=ends_at)
        await rows.close(ends_at=ends_at)
        lease.give_back()
        assert (await fetched(pool, command(site, "SELECT count(*) FROM n"))).rows == [(5000,)]


async def test_rows_left_in_the_middle_disturb_no_later_statement(site: Site) -> None:
    async with site.pool(pool=EnvironmentPool(max_connections=1)) as pool:
        ends_at = time.monotonic() + 20
        lease = await pool.take(ends_at=ends_at)
        rows = await lease.connection.open(command(site, "SELECT id FROM n ORDER BY id"), ends_at=ends_at)
        await rows.take(rows=10, size=10**6, ends_at=ends_at)

        async def left() -> None:
            await rows.take(rows=4000, size=10**6, ends_at=ends_at)

        task = asyncio.create_task(left())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():  # the rows had come already
            await rows.close(ends_at=ends_at)
        lease.give_back()
        for _ in range(3):
            assert (await fetched(pool, command(site, "SELECT count(*) FROM n"))).rows == [(5000,)]
        assert rows.columns  # it was held until here


HOSTILE = [
    "", "'", "\\", "\\'", "'' OR 1=1 --", "x\\' OR '1'='1", ":a", "%s", "$1", "?", "\n\t\x1a\x7f",
    "naïve 𝄞 \u2028",
    "Robert'); DROP TABLE n; --", "/* x */", "`", '"', "a" * 20_000,
]  # fmt: skip


async def test_a_value_stays_a_value(site: Site) -> None:
    async with site.pool() as pool:
        for small in (False, True):
            for text in HOSTILE:
                found = await fetched(
                    pool, command(site, "SELECT COALESCE(:v, '') AS v", {"v": text}, small=small)
                )
                assert found.rows == [(text,)]
        found = await fetched(
            pool, command(site, "SELECT count(*) FROM n WHERE id = :a OR id = :a", {"a": 7})
        )
        assert found.rows == [(1,)]


EXACT: dict[str, list[tuple[str, Any]]] = {
    "postgresql": [
        ("12345678901234567890.1234567890::numeric", Decimal("12345678901234567890.1234567890")),
        ("'NaN'::numeric", "NaN"), ("9223372036854775807::int8", 2**63 - 1), ("0.1::real", 0.1),
        ("'infinity'::date", "infinity"), ("'0044-03-15 BC'::date", "0044-03-15 BC"),
        ("interval '1 mon 2 days 03:04:05'", "P1M2DT3H4M5S"), ("'\\x00ff'::bytea", b"\x00\xff"),
        ("'24:00'::time", "24:00:00"), ("'{1,NULL,3}'::int[]", [1, None, 3]),
        ("'{2020-01-01,infinity}'::date[]", ["2020-01-01", "infinity"]), ("'{\"a\": 1}'::jsonb", '{"a": 1}'),
        ("timestamp '2020-01-01 00:00:00.123456'", "2020-01-01 00:00:00.123456"), ("B'101'", "101"),
        ("true", True), ("NULL::int", None), ("'a'::char(3)", "a  "), ("point(1,2)", "(1,2)"),
    ],
    "mariadb": [
        ("CAST('12345678901234567890.1234567890' AS DECIMAL(40,10))",
         Decimal("12345678901234567890.1234567890")),
        ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63)), ("CAST(0.1 AS DOUBLE)", 0.1),
        ("CAST('-838:59:59' AS TIME)", "-838:59:59"), ("DATE '2020-02-29'", "2020-02-29"),
        ("X'00FF'", b"\x00\xff"),
        ("TIMESTAMP '2020-01-01 00:00:00.120'", "2020-01-01 00:00:00.120"), ("CAST('x' AS CHAR)", "x"),
        ("NULL", None), ("1.10", Decimal("1.10")), ("STR_TO_DATE('00,00,0000', '%d,%m,%Y')", "0000-00-00"),
    ],
    "sqlite": [
        ("9223372036854775807", 2**63 - 1), ("0.1", 0.1), ("1e999", float("inf")), ("x'00ff'", b"\x00\xff"),
        ("CAST(x'ff' AS TEXT)", b"\xff"), ("NULL", None), ("'ä'", "ä"),
    ],
}  # fmt: skip


async def test_values_come_back_exactly(site: Site) -> None:
    async with site.pool() as pool:
        for expression, value in EXACT[site.kind]:
            found = await fetched(pool, command(site, f"SELECT {expression} AS v"))
            got = found.rows[0][0]
            assert str(got) == str(value), expression
            assert value == "NaN" or type(got) is type(value), expression


async def test_numbers_and_bytes_can_be_written_as_text(site: Site) -> None:
    if site.kind != "postgresql":
        pytest.skip("the others convert texts themselves")
    async with site.pool() as pool:
        types = {"a": "int8", "b": "bytea", "c": "date", "d": "jsonb", "e": "int[]"}
        text = f"SELECT {', '.join(f'CAST(:{name} AS {kind})' for name, kind in types.items())}"
        values = {"a": "9007199254740993", "b": "/wA=", "c": "2020-02-29", "d": {"x": [1]}, "e": [1, 2]}
        found = await fetched(pool, command(site, text, values))
        assert found.rows == [(9007199254740993, b"\xff\x00", "2020-02-29", '{"x": [1]}', [1, 2])]
        for wrong in (
            {**values, "a": "x"},
            {**values, "b": "?"},
            {**values, "c": "2020-02-30"},
            {**values, "e": 3},
        ):
            with pytest.raises(InputError):
                await fetched(pool, command(site, text, wrong))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELCT 1", InputError),
        ("SELECT * FROM nowhere", NotFoundError),
        ("SELECT not_there FROM n", NotFoundError),
        ("SELECT 1; SELECT 2", InputError),
    ],
)
async def test_mistakes_are_told_as_such_and_the_connection_lives_on(
    site: Site, text: str, kind: type[MaaError]
) -> None:
    async with site.pool(pool=EnvironmentPool(max_connections=1)) as pool:
        for _ in range(2):
            with pytest.raises(kind):
                await fetched(pool, command(site, text))
        assert (await fetched(pool, command(site, "SELECT 1"))).rows == [(1,)]
        counters = pool.counters()
        assert (counters.opened, counters.closed, counters.failed) == (1, 0, 0)


async def test_writes_count_and_conflicts_are_told(site: Site) -> None:
    async with site.pool(access="write") as pool:
        insert = command(site, "INSERT INTO n VALUES (:i, 'x')", {"i": -1}, read_only=False)
        assert (await fetched(pool, insert)).affected == 1
        with pytest.raises(ConflictError):
            await fetched(pool, insert)
        delete = command(site, "DELETE FROM n WHERE id < 0", read_only=False)
        assert (await fetched(pool, delete)).affected == 1
        read = command(site, "SELECT count(*) FROM n", read_only=False)
        found = await fetched(pool, read)
        assert (found.rows, found.affected) == ([(5000,)], None)


async def test_the_engine_itself_refuses_to_write_whatever_came_before(site: Site) -> None:
    before = {
        "postgresql": [
            "SELECT set_config('default_transaction_read_only', 'off', false)",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
            "BEGIN READ WRITE",
            "SET default_transaction_read_only = off",
            "DO $$ BEGIN PERFORM set_config('default_transaction_read_only', 'off', false); COMMIT; END $$",
        ],
        "mariadb": [
            "SET SESSION TRANSACTION READ WRITE", "START TRANSACTION READ WRITE", "SET autocommit = 0",
        ],
        "sqlite": ["PRAGMA query_only = 0", "BEGIN", "SAVEPOINT x"],
    }[site.kind]  # fmt: skip
    writes = ["INSERT INTO n VALUES (-1, 'x')", "CREATE TABLE made (a int)", "DELETE FROM n", "DROP TABLE n"]
    for small in (False, True):
        async with site.pool(pool=EnvironmentPool(max_connections=1)) as pool:
            for opening in before:
                for write in writes:
                    for text in (opening, write):
                        try:
                            await fetched(pool, Command(text=text, small=small))
                        except MaaError:
                            continue
                        assert text != write, (opening, write)
            assert (await fetched(pool, command(site, "SELECT count(*) FROM n"))).rows == [(5000,)]


async def test_a_write_over_a_reading_connection_is_said_to_be_one(site: Site) -> None:
    if site.kind == "sqlite":
        pytest.skip("the authorizer calls it denied")
    async with site.pool() as pool:
        with pytest.raises(ReadOnlyError):
            await fetched(pool, command(site, "DELETE FROM n"))


@pytest.mark.parametrize("small", [False, True])
async def test_a_statement_ends_in_time_here_and_on_the_server(site: Site, small: bool) -> None:
    async with site.pool(pool=EnvironmentPool(max_connections=1)) as pool:
        started = time.monotonic()
        with pytest.raises(DeadlineError, match="was stopped on the server"):
            await fetched(pool, command(site, SLOW[site.kind], small=small), seconds=0.3)
        assert 0.25 < time.monotonic() - started < 0.3 * 1.1 + 0.2
        await until(lambda: site.running() == [])
        assert (await fetched(pool, command(site, "SELECT 1"))).rows == [(1,)]
        assert not pool.is_resting


async def test_a_cancelled_caller_ends_the_statement_on_the_server(site: Site) -> None:
    async with site.pool(pool=EnvironmentPool(max_connections=1)) as pool:
        task = asyncio.create_task(fetched(pool, command(site, SLOW[site.kind]), seconds=60))
        await until(lambda: site.server is None or site.running() != [])
        await until(lambda: pool.counters().in_use == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: site.running() == [])
        assert (await fetched(pool, command(site, "SELECT 1"))).rows == [(1,)]


# Fifty rows, each of which takes a while: two and a half seconds together.
LASTING = {
    "postgresql": "SELECT pg_sleep(0.05), repeat('x', 20000) FROM generate_series(1, 50)",
    "mariadb": "SELECT SLEEP(0.05), repeat('x', 20000) FROM seq_1_to_50",
}


async def test_rows_may_last_longer_than_a_statement_if_each_piece_comes_in_time(site: Site) -> None:
    if site.kind == "sqlite":
        return  # every piece is a statement of its own there
    async with site.pool(query_timeout=0.4) as pool:
        ends_at = time.monotonic() + 10
        async with pool.lend(ends_at=ends_at) as connection:
            command = Command(text=LASTING[site.kind])
            rows = await connection.open(command, ends_at=time.monotonic() + 0.8)
            found = 0
            while not rows.done:
                found += len((await rows.take(rows=10, size=1 << 20, ends_at=time.monotonic() + 5))[0])
            await rows.close(ends_at=ends_at)
        assert found == 50


async def test_rows_that_are_too_large_are_stopped(site: Site) -> None:
    if site.kind == "sqlite":
        text, kind = "SELECT zeroblob(70000000)", (LimitError, InputError)
    else:
        text, kind = "SELECT repeat('x', 15000000), repeat('y', 15000000)", ()
        if site.kind == "postgresql":
            text, kind = "SELECT repeat('x', 80000000)", (LimitError,)
    async with site.pool() as pool:
        if not kind:
            found = await fetched(pool, command(site, text), size=10**9, seconds=60)
            assert len(found.rows[0][1]) == 15_000_000
            return
        with pytest.raises(kind):
            await fetched(pool, command(site, text), seconds=60)
        assert (await fetched(pool, command(site, "SELECT 1"))).rows == [(1,)]


async def test_connections_idle_out_on_the_server_too(site: Site) -> None:
    if site.server is None:
        pytest.skip("a file has no server")
    await until(lambda: site.connections() == 0)
    limits = EnvironmentPool(max_connections=3, idle_timeout=0.2)
    async with site.pool(pool=limits) as pool:
        leases = [await pool.take(ends_at=time.monotonic() + 10) for _ in range(3)]
        assert await asyncio.to_thread(site.connections) == 3
        for lease in leases:
            lease.give_back()
        await until(lambda: site.connections() == 0)


@pytest.mark.parametrize("mode", ["off", "prefer", "require", "verify"])
async def test_tls_is_as_it_was_asked_for(site: Site, mode: str, tmp_path: Path) -> None:
    if site.server is None:
        pytest.skip("a file has no server")
    told: dict[str, Any] = {"mode": mode}
    if mode == "verify":
        told["ca_file"] = str(CERTIFICATE / "server.pem")
    ends_at = time.monotonic() + 10
    async with site.pool(tls=EnvironmentTls(**told)) as pool, pool.lend(ends_at=ends_at) as connection:
        assert connection.encrypted is (mode != "off")
    if mode == "verify":
        async with site.pool(tls=EnvironmentTls(mode="verify")) as pool:
            with pytest.raises(UnavailableError, match="certificate is not trusted"):
                await fetched(pool, command(site, "SELECT 1"))


async def test_a_refused_login_and_a_missing_place_are_told_apart(site: Site) -> None:
    if site.server is None:
        async with site.pool(path=Path("/nowhere/n.db")) as pool:
            with pytest.raises(UnavailableError, match="no such file"):
                await fetched(pool, command(site, "SELECT 1"))
        return
    async with site.pool(user="nobody") as pool:
        with pytest.raises(AuthenticationError):
            await fetched(pool, command(site, "SELECT 1"))
    if site.kind == "postgresql":
        async with site.pool(database="nowhere") as pool:
            with pytest.raises(NotFoundError):
                await fetched(pool, command(site, "SELECT 1"))


async def test_the_engine_and_its_version_are_known(site: Site) -> None:
    async with site.pool() as pool, pool.lend(ends_at=time.monotonic() + 10) as connection:
        assert connection.engine == site.kind
        assert connection.version.split(".")[0].isdigit()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"), (True, "TRUE"), (-3, "-3"), (Decimal("1.10"), "1.10"), (0.5, "0.5e0"),
        (1e300, "1e+300"),
        ("plain", "'plain'"), ("it's", "_utf8mb4 X'69742773'"), ("\\", "_utf8mb4 X'5c'"), (b"\x00", "X'00'"),
        ({"a": 1}, '\'{"a": 1}\''),
    ],
)  # fmt: skip
def test_a_literal_needs_no_escapes(value: Any, text: str) -> None:
    assert literal(value) == text


def test_the_drivers_still_have_what_is_used_of_their_insides() -> None:
    """A new version of a driver that moved one of these fails here, and not at somebody's."""
    connection = vars(asyncpg.Connection)
    assert {"_get_statement", "_drop_local_statement_cache"} <= set(connection)
    parameters = list(inspect.signature(asyncpg.Connection.__init__).parameters)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - asyncpg has no types
    assert parameters[:3] == ["self", "protocol", "transport"]
    protocol = set(dir(import_module("asyncpg.protocol.protocol").BaseProtocol))
    assert {"bind_execute", "data_received", "get_settings"} <= protocol
    mysql = set(dir(asyncmy.connection.Connection))
    assert {"_fill_buffer", "_request_authentication", "_execute_command", "read_packet"} <= mysql
    assert {"_proto", "_transport", "_result", "server_status"} <= mysql
    result = set(dir(asyncmy.connection.MySQLResult))
    assert {"_read_rowdata_packet_unbuffered", "_take_pending_rows", "unbuffered_active", "fields"} <= result


async def test_connections_are_what_the_protocol_says(site: Site) -> None:
    async with site.pool() as pool, pool.lend(ends_at=time.monotonic() + 10) as connection:
        told: SqlConnection = connection
        assert (told.is_usable, told.is_clean) == (True, True)
        await told.ping(ends_at=time.monotonic() + 5)
        assert await told.settle()
