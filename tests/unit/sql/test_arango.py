"""ArangoDB databases as environments: streams and held rows leave no cursor behind."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager, next_page
from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.sql.answer import QueryLimits
from mcp_arangodb_async.sql.arango import ArangoEnvironment
from mcp_arangodb_async.sql.export import Exports

pytestmark = pytest.mark.anyio
RED = DatabaseSettings(key="red", server=EmbeddedServer(directory=None), database="red_data")
GRAPH = EnvironmentSettings(name="graph", kind="arangodb", database_key="red")
PAGE = QueryLimits(rows=10, bytes=1 << 20, seconds=10.0)


@pytest.fixture
async def manager() -> AsyncGenerator[MultiDatabaseConnectionManager]:
    """The embedded engine in memory."""
    async with MultiDatabaseConnectionManager({"red": RED}) as made:
        yield made


async def test_what_is_given_up_ends_on_the_server(manager: MultiDatabaseConnectionManager) -> None:
    environment = ArangoEnvironment(GRAPH, manager)
    answer = await environment.query("FOR i IN 1..5000 RETURN i", limits=PAGE, hold=True)
    assert answer.rest is not None
    (held,) = environment._cursors.values()  # pyright: ignore[reportPrivateUsage] - ids leave it nowhere else
    environment.forget(answer.rest)
    await environment.close()
    with pytest.raises(NotFoundError):
        await next_page(await manager.get_database("red"), held[0])
    with pytest.raises(NotFoundError, match="the rest of this answer is gone"):
        await environment.more(answer.rest)


async def test_documents_of_later_pages_keep_their_own_attributes(
    manager: MultiDatabaseConnectionManager, tmp_path: Path
) -> None:
    exports = Exports(tmp_path, max_bytes=1 << 24, total_bytes=1 << 24, keep=60.0)
    pages: list[int] = []

    async def grown(_chunks: int, rows: int) -> None:
        pages.append(rows)

    made = await exports.write(
        ArangoEnvironment(GRAPH, manager),
        "FOR i IN 1..6000 RETURN i < 5500 ? {i} : {i, late: true}",
        None,
        format="jsonl",
        owner="ada",
        grown=grown,
    )
    lines = made.path.read_bytes().splitlines()
    assert (made.rows, len(pages) > 1) == (6000, True)
    assert (lines[0], lines[-1]) == (b'{"i":1}', b'{"i":6000,"late":true}')
