"""Nothing is written and no file is reached through a read-only environment, whichever one wall is missing.

The walls: the guard (parser and policy), the session (read-only by the engine), the login (without
privileges). With the guard in place nothing reaches the server, so a missing session or login changes
nothing: the first test. Without the guard, the attempts run on real servers: the others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.environments import Access, EnvironmentSettings
from mcp_arangodb_async.sql.dialects import DIALECTS
from mcp_arangodb_async.sql.policy import Guard
from mcp_arangodb_async.sql.statement import classify
from tests.sql_servers import SqlServer, sqlite_file
from tests.unit.sql.attempts import attempts
from tests.unit.sql.corpora import script
from tests.unit.sql.reads import reads
from tests.unit.sql.walls import RefusedError, Session, SqliteSession, closing, files, session, state

SECRET = "a-secret-line-of-a-file-of-the-server"


@pytest.fixture
def places() -> Iterator[tuple[Path, Path]]:
    """A directory that every user may write to, and a file in it that every user may read."""
    with tempfile.TemporaryDirectory(prefix="maa-") as name:
        directory = Path(name)
        directory.chmod(0o777)
        secret = directory / "secret"
        secret.write_text(SECRET, encoding="utf-8")
        secret.chmod(0o644)
        yield directory, secret


def texts(kind: str, places: tuple[Path, Path], count: int | None = None) -> list[str]:
    """All attempts, or so many of them, spread evenly."""
    directory, secret = places
    found = attempts(kind, out=str(directory / "evil"), secret=str(secret))
    return found if count is None else [found[index * len(found) // count] for index in range(count)]


async def run_all(session: Session, texts: Sequence[str]) -> tuple[int, list[str]]:
    """How many statements the engine ran, and those that answered with the secret."""
    ran, told = 0, list[str]()
    for text in texts:
        try:
            rows = await session.run(text)
        except RefusedError:
            continue
        ran += 1
        if SECRET in shown(rows):
            told.append(text)
    return ran, told


def shown(rows: Sequence[Sequence[Any]]) -> str:
    values = [value for row in rows for value in row]
    return " ".join(
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values
    )


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "mysql", "sqlite"])
def test_the_guard_alone_refuses_every_attempt(kind: Any, places: tuple[Path, Path]) -> None:
    guard = Guard(EnvironmentSettings(name="production", kind=kind, access="read"))
    tried = texts("mariadb" if kind == "mysql" else kind, places)
    let_through = [text for text in tried if guard.judge(text).decision.ruling != "deny"]
    assert not let_through
    assert len(tried) >= 500


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite"])
def test_genuine_reads_are_accepted(kind: Any) -> None:
    guard = Guard(EnvironmentSettings(name="production", kind=kind, access="read"))
    refused = {
        text: judged.decision.why
        for text in reads(kind, 1010)
        if (judged := guard.judge(text)).decision.ruling != "allow"
    }
    assert not refused


@pytest.mark.server
@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_without_the_guard_nothing_is_written(
    kind: str, places: tuple[Path, Path], request: pytest.FixtureRequest
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    database = server.create_database(script(kind))
    tried = texts(kind, places, 520)
    before = state(server, database), files(places[0])
    async with session(server, database, "reader") as reader:
        _, told = await run_all(reader, tried)
    assert (state(server, database), files(places[0])) == before
    assert not told


@pytest.mark.server
@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_without_guard_and_gate_nothing_is_written(
    kind: str, places: tuple[Path, Path], request: pytest.FixtureRequest
) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    database = server.create_database(script(kind))
    tried = texts(kind, places, 250)
    before = state(server, database), files(places[0])
    async with session(server, database, "reader", "no gate") as reader:
        _, told = await run_all(reader, tried)
    assert (state(server, database), files(places[0])) == before
    assert not told


@pytest.mark.server
@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "least"), [("postgresql", 80), ("mariadb", 80)])
async def test_without_any_wall_the_attempts_succeed(
    kind: str, least: int, places: tuple[Path, Path], request: pytest.FixtureRequest
) -> None:
    """The attempts are real: an administrator's session runs hundreds of them, and reaches files."""
    server: SqlServer = request.getfixturevalue(f"own_{kind}")
    database = server.create_database(script(kind))
    harmful = ("shutdown", "pg_promote", "stop slave", "kill ")
    tried = [text for text in texts(kind, places, 300) if not any(word in text.lower() for word in harmful)]
    admin = "postgres" if kind == "postgresql" else "root"
    async with session(server, database, admin, "none") as unguarded:
        ran, told = await run_all(unguarded, tried)
    assert ran >= least
    assert told
    assert (places[0] / "evil").exists()


@pytest.mark.anyio
@pytest.mark.parametrize("without", ["", "mode", "query_only", "attach", "authorizer"])
async def test_without_the_guard_and_one_more_wall_sqlite_writes_nothing(
    without: str, places: tuple[Path, Path], tmp_path: Path
) -> None:
    path = sqlite_file(tmp_path / "shop.sqlite", script("sqlite"))
    before = files(tmp_path, places[0])
    # A limit of the heap holds for the whole process, and only the guard and the authorizer keep it away.
    tried = [text for text in texts("sqlite", places) if "heap_limit" not in text.lower()]
    async with closing(SqliteSession(path, without=without)) as reader:
        _, told = await run_all(reader, tried)
    assert files(tmp_path, places[0]) == before
    assert not told


@pytest.mark.server
@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_genuine_reads_run_in_a_read_only_session(kind: str, request: pytest.FixtureRequest) -> None:
    server: SqlServer = request.getfixturevalue(kind)
    database = server.create_database(script(kind))
    dialect = DIALECTS["postgresql" if kind == "postgresql" else "mariadb"]
    async with session(server, database, "reader") as reader:
        for text in reads(kind, 150):
            await reader.run(classify(text, dialect).text.replace(":id", "1").replace(":name", "'x'"))


@pytest.mark.anyio
async def test_genuine_reads_run_within_all_walls_of_sqlite(tmp_path: Path) -> None:
    path = sqlite_file(
        tmp_path / "shop.sqlite",
        script("sqlite") + "CREATE VIRTUAL TABLE words USING fts5(text);"
        "CREATE VIRTUAL TABLE places USING rtree(id, low, high);",
    )
    places = ("SELECT id FROM places WHERE low > 1", "SELECT bm25(words) FROM words WHERE words MATCH 'x'")
    async with closing(SqliteSession(path)) as reader:
        for text in (*places, *reads("sqlite", 300)):
            await reader.run(text.replace(":id", "1").replace(":name", "'x'"))


@pytest.mark.parametrize("access", ["write", "admin"])
def test_what_cannot_be_read_is_denied_whatever_the_access(access: Access) -> None:
    guard = Guard(EnvironmentSettings(name="development", kind="mariadb", access=access))
    for text in ("SELECT 1 /*! + 1 */", "SELECT 'open", "", "SELECT 1; SELECT 2", "FROBNICATE"):
        assert guard.judge(text).decision.ruling == "deny", text
