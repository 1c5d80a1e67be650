"""Environments of a changed configuration: only what changed is opened anew, and what runs goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.build import build_server
from mcp_arangodb_async.server.passage import Incoming
from mcp_arangodb_async.server.reload import Reloading, waiting_for_restart
from mcp_arangodb_async.sql.health import DOWN_AFTER
from tests.sql_servers import sqlite_file
from tests.unit.connections.recording_server import eventually
from tests.unit.server.test_doors import Place

pytestmark = pytest.mark.anyio
BARE = "databases:\n  red: {url: 'embedded::memory:'}\n"
SOME = """
environments:
  one: {kind: sqlite, path: one.db, max_rows: 7}
  two: {kind: sqlite, path: two.db}
"""
# Longer than a reload takes.
SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000)"
    " SELECT max(i) AS last FROM n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Three files that hold their own names."""
    for name in ("one", "two", "three"):
        sqlite_file(tmp_path / f"{name}.db", f"CREATE TABLE t (name text); INSERT INTO t VALUES ('{name}')")
    return tmp_path


def read(directory: Path, text: str) -> Settings:
    path = directory / "databases.yaml"
    path.write_text(BARE + text, encoding="utf-8")
    return load_settings({}, environ={}, cwd=directory, config_file=str(path))


async def call(app: App, name: str, **arguments: Any) -> Mapping[str, Any]:
    result = await app.dispatcher.answer(
        Incoming(name=name, arguments=arguments, transport="stdio", era="handshake")
    )
    return json.loads(result["content"][0]["text"])


def listed(app: App) -> object:
    """The names that a client can choose from; None where the tool is not listed."""
    tool = app.around.tools.get("execute_query_env")
    return None if tool is None else list(tool.choices["environment"])


async def test_what_is_added_removed_or_changed_takes_effect_and_the_rest_stays(files: Path) -> None:
    async with open_app(read(files, SOME)) as app:
        assert listed(app) == ["one", "two"]
        environments = app.around.environments
        assert environments is not None
        kept = environments.get("one")
        assert (await call(app, "execute_query_env", environment="two", sql="SELECT name FROM t"))["rows"]
        app.apply(
            read(
                files,
                SOME.replace("two: {kind: sqlite, path: two.db}", "two: {kind: sqlite, path: three.db}"),
            )
        )
        answer = await call(app, "execute_query_env", environment="two", sql="SELECT name FROM t")
        assert answer["rows"] == [{"name": "three"}]
        assert environments.get("one") is kept
        app.apply(read(files, SOME.replace("  two:", "  three:")))
        assert listed(app) == ["one", "three"]
        gone = await call(app, "execute_query_env", environment="two", sql="SELECT 1")
        assert gone["error"]["code"] in {"invalid_argument", "unknown_database"}
        assert "one, three" in gone["error"]["message"]


async def test_environments_come_to_a_server_without_and_leave_it(files: Path) -> None:
    async with open_app(read(files, "")) as app:
        assert listed(app) is None
        app.apply(read(files, SOME))
        answer = await call(app, "execute_query_multi_env", sql="SELECT name FROM t")
        assert {name: one["rows"] for name, one in answer["results"].items()} == {
            name: [{"name": name}] for name in ("one", "two")
        }
        app.apply(read(files, ""))
        assert listed(app) is None
        assert app.around.environments is None
        assert (await call(app, "execute_query", sql="SELECT 1"))["error"]["code"] == "not_found"


async def test_a_statement_that_runs_ends_as_it_began_and_its_connection_with_it(files: Path) -> None:
    async with open_app(read(files, SOME)) as app:
        environments = app.around.environments
        assert environments is not None
        leaving = environments.get("one")
        running = asyncio.create_task(call(app, "execute_query_env", environment="one", sql=SLOW))
        await eventually(lambda: leaving.pool is not None and leaving.pool.counters().in_use > 0)
        app.apply(
            read(
                files,
                SOME.replace(
                    "one: {kind: sqlite, path: one.db, max_rows: 7}", "new: {kind: sqlite, path: one.db}"
                ),
            )
        )
        assert not running.done()
        assert (await running)["rows"] == [{"last": 2000000}]
        pool = leaving.pool
        assert pool is not None
        await eventually(lambda: pool.counters().opened == pool.counters().closed)
        # Whoever still holds it is served, and keeps nothing open.
        assert (await leaving.query("SELECT name FROM t")).rows == [("one",)]
        assert pool.counters().idle == 0


async def test_a_configuration_that_cannot_be_taken_on_changes_nothing_and_says_why(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_app(read(files, SOME)) as app:
        environments, tools, before = app.around.environments, app.tools, app.settings
        bad = "environments:\n  one: {kind: sqlite}\n  two: {kind: oracle, host: x}\n"

        def load() -> Settings:
            return read(files, bad)

        assert not await Reloading(app.settings, load=load, apply=app.apply).reload()
        assert (app.around.environments, app.tools, app.settings) == (environments, tools, before)
        answer = await call(app, "execute_query_env", environment="two", sql="SELECT name FROM t")
        assert answer["rows"] == [{"name": "two"}]
        (kept,) = [record for record in caplog.records if record.message == "configuration.kept"]
        problems = str(kept.__dict__["fields"]["problems"])
        assert "environments.one" in problems
        assert "environments.two" in problems


async def test_what_an_application_refuses_when_it_is_applied_is_kept_out_as_well(
    files: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Settings) -> None:
        raise ConfigError("environment 'one' needs a package that is not installed")

    settings = read(files, SOME)
    assert not await Reloading(settings, load=lambda: settings, apply=refuse).reload()
    assert "configuration.kept" in caplog.text


def test_environments_do_not_wait_for_a_restart(files: Path) -> None:
    before = read(files, SOME)
    after = read(files, "default_environment: two\nmonitoring: {interval: 5}" + SOME.replace("7", "8"))
    assert waiting_for_restart(before, after) == []


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
async def test_clients_are_told_that_other_environments_can_be_named(files: Path, era: str) -> None:
    told = asyncio.Event()

    async def hear(message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            told.set()

    async with (
        open_app(read(files, SOME)) as app,
        Client(build_server(app, transport="stdio"), mode=era, message_handler=hear) as client,
        AsyncExitStack() as stack,
    ):
        assert await named(client) == ["one", "two"]
        changes: AsyncIterator[object] | None = None
        if era != "legacy":
            changes = aiter(await stack.enter_async_context(client.listen(tools_list_changed=True)))
        app.apply(read(files, SOME.replace("  two:", "  three:")))
        async with asyncio.timeout(5):
            await (told.wait() if changes is None else anext(changes))
        assert await named(client) == ["one", "three"]


async def named(client: Client) -> list[str]:
    """The environments that the listed tools take."""
    tools = (await client.list_tools()).tools
    (tool,) = (one for one in tools if one.name == "execute_query_env")
    return list(tool.input_schema["properties"]["environment"]["enum"])


async def test_ready_names_what_does_not_answer_and_fails_when_nothing_does(files: Path) -> None:
    text = "environments:\n  one: {kind: sqlite, path: one.db}\n  gone: {kind: sqlite, path: gone.db}\n"
    async with Place(read(files, text)) as place:
        place.app.apply(read(files, text))
        for _ in range(DOWN_AFTER):
            await call(place.app, "execute_query_multi_env", sql="SELECT name FROM t")
        ready = await place.ask("/ready")
        assert (ready.status, json.loads(ready.body)) == (
            200,
            {"status": "ready", "environments_not_answering": ["gone"]},
        )
        figures = (await place.ask("/metrics")).body.decode()
        assert 'mcp_environment_state{environment="gone",state="down"} 1.0' in figures
        assert 'mcp_environment_answers_total{environment="one"}' in figures
        assert 'mcp_environment_alerts_total{alert="state",environment="gone"}' in figures
        report = await call(place.app, "get_monitoring_report")
        assert (report["overall"], report["states"]) == ("down", {"down": 1, "healthy": 1})
