"""SQL environments through a client: listed where configured, focused per session, stopped when cancelled."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ResourceLink, TextContent, TextResourceContents

from tests.interaction.conversation import WAYS, Places, Way
from tests.sql_servers import PASSWORDS, SqlServer, sqlite_file

pytestmark = pytest.mark.anyio
MEMORY = Way(carrier="memory", era="stateless")
FILES = """
default_environment: dev
databases:
  red: {url: "embedded::memory:", database: red_data}
environments:
  dev: {kind: sqlite, path: dev.db, access: admin}
  prod: {kind: sqlite, path: prod.db, template: production, labels: [eu]}
  old: {kind: sqlite, path: dev.db, enabled: false}
"""
USERS = "CREATE TABLE users (id integer PRIMARY KEY, name text); INSERT INTO users VALUES (1, '{name}');"

MANY = """
    WITH RECURSIVE s(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM s WHERE i < 500)
    INSERT INTO users SELECT i, 'n' || i FROM s
"""


def files(directory: Path) -> None:
    for name in ("dev", "prod"):
        sqlite_file(directory / f"{name}.db", USERS.format(name=name))


async def test_environments_are_asked_alone_and_together(way: Way, places: Places) -> None:
    files(places.directory)
    async with places.open(way, FILES) as talk, talk() as client:
        listed = await client.client.list_tools()
        names = [one.name for one in listed.tools]
        assert {"execute_query", "execute_query_env", "list_environments"} <= set(names)
        (env,) = (one for one in listed.tools if one.name == "execute_query_env")
        assert env.input_schema["properties"]["environment"]["enum"] == ["dev", "prod"]
        answer = await client.call(
            "/execute_query", sql="SELECT * FROM users WHERE id = :id", parameters={"id": 1}
        )
        assert (answer["rows"], answer["environment"]) == ([{"id": 1, "name": "dev"}], "dev")
        answer = await client.call("/execute_query_env", sql="SELECT name FROM users", environment="prod")
        assert (answer["rows"], answer["resolved_by"]) == ([{"name": "prod"}], "argument")
        many = await client.call("/execute_query_multi_env", sql="SELECT name FROM users")
        assert {name: one["rows"] for name, one in many["results"].items()} == {
            "dev": [{"name": "dev"}],
            "prod": [{"name": "prod"}],
        }
        error = await client.fail("/execute_query_env", sql="DELETE FROM users", environment="prod")
        assert (error["code"], error["database"]) == ("read_only", "prod")
        error = await client.fail("/execute_query_env", sql="SELECT 1", environment="pord")
        assert (error["code"], error["did_you_mean"]) == ("unknown_database", ["prod"])
        error = await client.fail("/execute_query_env", sql="SELECT 1", environment="old")
        assert "switched off" in error["message"]
        found = await client.call("/list_environments", labels="eu", include_disabled=True)
        assert [one["name"] for one in found["environments"]] == ["prod"]


async def test_the_focus_of_a_session_is_its_own(way: Way, places: Places) -> None:
    files(places.directory)
    async with places.open(way, FILES) as talk, talk() as one, talk() as other:
        focused = await one.call("set_focused_database", database="prod")
        assert focused["focused_environment"] == "prod"
        answer = await one.call("/execute_query", sql="SELECT name FROM users")
        assert (answer["rows"], answer["resolved_by"]) == ([{"name": "prod"}], "focus")
        tables = await one.call("/list_tables")
        assert (tables["environment"], tables["rows"][0]["name"]) == ("prod", "users")
        answer = await other.call("/execute_query", sql="SELECT name FROM users")
        assert (answer["rows"], answer["resolved_by"]) == ([{"name": "dev"}], "default_environment")
        assert (await one.call("query", query="RETURN 1"))["database"] == "red"
        await one.call("set_focused_database", database=None)
        assert (await one.call("/execute_query", sql="SELECT name FROM users"))["environment"] == "dev"


async def test_a_long_answer_is_continued_and_belongs_to_its_caller(places: Places) -> None:
    files(places.directory)
    sqlite_file(places.directory / "dev.db", MANY)
    way = Way(carrier="http", era="handshake")
    async with places.open(way, FILES) as talk, talk() as one, talk() as other:
        seen: list[int] = []
        answer = await one.call("/execute_query", sql="SELECT id FROM users ORDER BY id", max_rows=150)
        while True:
            seen += [row["id"] for row in answer["rows"]]
            if "next" not in answer:
                break
            refused = await other.fail("/execute_query", next=answer["next"])
            assert refused["code"] == "not_found"
            answer = await one.call("/execute_query", next=answer["next"], max_rows=150)
        assert seen == list(range(1, 501))
        mixed = await one.call("query", query="FOR i IN 1..2000 RETURN i", max_rows=10)
        error = await one.fail("/execute_query", next=mixed["next"])
        assert error["field"] == "next"


# A child that loads SQL takes seconds: once is enough.
FEW = [way for way in WAYS if way.carrier != "stdio" or way.era == "handshake"]


@pytest.mark.parametrize("way", FEW, ids=str)
async def test_results_are_streamed_in_pages_and_into_files(way: Way, places: Places) -> None:
    files(places.directory)
    directory = places.directory / "exports"
    sqlite_file(places.directory / "dev.db", MANY)
    async with places.open(way, FILES, {"MCP_EXPORT_DIRECTORY": str(directory)}) as talk, talk() as client:
        told: list[str | None] = []

        async def heard(progress: float, total: float | None, message: str | None) -> None:
            told.append(message)

        arguments = {"sql": "SELECT id FROM users ORDER BY id", "chunk_rows": 100, "max_rows": 300}
        name = "execute_streaming_query_multi_env"
        result = await client.client.call_tool(name, arguments, progress_callback=heard)
        document = json.loads(text_of(result))
        seen = [row["id"] for row in rows_of(document, "dev")]
        assert rows_of(document, "prod") == [{"id": 1}]
        while "next" in document:
            document = await client.call("/execute_streaming_query_multi_env", next=document["next"])
            seen += [row["id"] for row in rows_of(document, "dev")]
        assert seen == list(range(1, 501))
        assert "dev: chunk 0, " in "".join(message or "" for message in told)
        result = await client.client.call_tool(
            "execute_streaming_query_env", {"sql": "SELECT * FROM users ORDER BY id", "export": "jsonl"}
        )
        (link,) = (block for block in result.content if isinstance(block, ResourceLink))
        assert json.loads(text_of(result))["environments"]["dev"].get("path") == (
            None if way.carrier == "http" else str(directory / link.name)
        )
        (content,) = (await client.client.read_resource(str(link.uri))).contents
        assert isinstance(content, TextResourceContents)
        assert [json.loads(line)["id"] for line in content.text.splitlines()] == list(range(1, 501))
        templates = (await client.client.list_resource_templates()).resource_templates
        assert "export://{name}{?offset}" in {template.uri_template for template in templates}


def rows_of(document: dict[str, Any], environment: str) -> list[dict[str, Any]]:
    """The rows of an environment's chunks on one page."""
    return [
        row for chunk in document["chunks"] if chunk["environment"] == environment for row in chunk["rows"]
    ]


def text_of(result: CallToolResult) -> str:
    """The first block of an answer."""
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text


async def test_a_file_is_read_by_the_client_it_was_made_for_alone(places: Places) -> None:
    files(places.directory)
    environ = {"MCP_EXPORT_DIRECTORY": str(places.directory / "exports")}
    way = Way(carrier="http", era="handshake")
    async with places.open(way, FILES, environ) as talk, talk() as one, talk() as other:
        made = await one.call("/execute_streaming_query_env", sql="SELECT name FROM users", export="csv")
        uri = made["environments"]["dev"]["uri"]
        (content,) = (await one.client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        assert content.text == '"name"\r\n"dev"\r\n'
        piece = (await one.client.read_resource(f"{uri}?offset=8")).contents[0]
        assert isinstance(piece, TextResourceContents)
        assert (piece.text, piece.meta) == ('"dev"\r\n', {"offset": 8, "bytes": 7, "size": 15})
        for client, asked in (
            (other, uri),
            (one, uri.replace("dev", "prod", 1).replace("-", "_", 1)),
            (one, "export://../databases.yaml"),
            (one, f"{uri}?offset=x"),
            (one, f"{uri}?path=/etc/passwd"),
        ):
            with pytest.raises(MCPError) as refused:
                await client.client.read_resource(asked)
            assert "export" in refused.value.message


async def test_read_only_makes_every_environment_read(places: Places) -> None:
    files(places.directory)
    async with places.open(MEMORY, FILES, {"MCP_READ_ONLY": "true"}) as talk, talk() as client:
        error = await client.fail("/execute_query", sql="DELETE FROM users")
        assert error["code"] == "read_only"
        assert (await client.call("/execute_query", sql="SELECT name FROM users"))["access"] == "read"


async def test_a_write_that_needs_confirmation_takes_exactly_that_word(places: Places) -> None:
    files(places.directory)
    asking = FILES.replace("access: admin", "template: staging")
    async with places.open(MEMORY, asking) as talk, talk() as client:
        error = await client.fail("/execute_query", sql="DROP TABLE users")
        word = error["hint"].rpartition(" ")[2]
        for arguments in (
            {"sql": "DROP TABLE other", "confirm": word},
            {"sql": "DROP TABLE users", "confirm": "yes"},
        ):
            assert (await client.fail("/execute_query", **arguments))["code"] == "denied"
        done = await client.call("/execute_query", sql="DROP TABLE users", confirm=word)
        assert done["rows"] == []
        assert (await client.call("/list_tables"))["rows"] == []


async def test_nothing_of_sql_is_listed_or_loaded_without_environments(places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        names = {one.name for one in (await client.client.list_tools()).tools}
        assert not {name for name in names if not name.startswith("arango_")}
        error = await client.fail("/execute_query", sql="SELECT 1")
        assert error["code"] == "not_found"


SERVERS = """
environments:
  postgresql: {{url: "{postgresql}", password_env: SQL_WRITER_PASSWORD, tls: {{mode: require}}}}
  mariadb: {{url: "{mariadb}", password_env: SQL_WRITER_PASSWORD}}
"""
SLOW = {
    "postgresql": "SELECT count(*) AS endless FROM generate_series(1, 10000000000)",
    "mariadb": "SELECT count(*) AS endless FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
}
# How many of those run now, on each server.
RUNNING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND usename = 'writer'"
    " AND query LIKE '%endless%'",
    "mariadb": "SELECT count(*) FROM information_schema.processlist WHERE user = 'writer'"
    " AND info LIKE '%endless%'",
}


@pytest.mark.server
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_a_client_that_gives_up_ends_its_statement_on_the_server(
    places: Places, postgresql: SqlServer, mariadb: SqlServer, kind: str
) -> None:
    servers = {"postgresql": postgresql, "mariadb": mariadb}
    yaml = SERVERS.format(**{name: one.url(one.create_database()) for name, one in servers.items()})
    system = "postgres" if kind == "postgresql" else "mysql"

    async def running(wanted: int) -> None:
        async with asyncio.timeout(20):
            while int(await asyncio.to_thread(servers[kind].run, RUNNING[kind], system)) != wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async with places.open(MEMORY, yaml, PASSWORDS) as talk, talk() as client:
        asking: asyncio.Task[dict[str, Any]] = asyncio.create_task(
            client.call("/execute_query_env", sql=SLOW[kind], environment=kind)
        )
        await running(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await running(0)
        answer = await client.call("/execute_query_env", sql="SELECT 1 AS one", environment=kind)
        assert answer["rows"] == [{"one": 1}]
