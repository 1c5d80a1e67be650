"""The manager: keys, opening once, closing what is idle, health."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import UnavailableError, UnknownDatabaseError
from tests.unit.connections.recording_server import (
    Answer,
    Recorded,
    RecordingServer,
    eventually,
    recording_server,
)


def test_importing_the_room_does_not_import_the_driver() -> None:
    program = (
        "import sys, mcp_arangodb_async.connections;"
        "print([name for name in ('arangoasync', 'aiohttp', 'yarl') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_who_only_talks_to_servers_elsewhere_does_not_import_the_engine() -> None:
    program = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from tests.unit.connections.recording_server import recording_server
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager

async def main():
    async with recording_server() as server:
        async with MultiDatabaseConnectionManager({"main": server.settings()}) as manager:
            await (await manager.get_database("main")).call("GET", "_api", "version")

asyncio.run(main())
print([name for name in sys.modules if name.startswith("mcp_arangodb_async.engine")])
"""
    here = str(Path(__file__).parent)
    found = subprocess.run([sys.executable, "-c", program, here], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_key_lists_the_configured_ones_and_the_closest() -> None:
    settings = RecordingServer(1).settings
    manager = MultiDatabaseConnectionManager({key: settings(key) for key in ("production", "staging")})

    async def run() -> UnknownDatabaseError:
        with pytest.raises(UnknownDatabaseError) as caught:
            await manager.get_database("prodction")
        return caught.value

    error = asyncio.run(run())
    assert error.message == "no database 'prodction'; configured: production, staging"
    assert error.did_you_mean == ("production",)
    assert error.field == "database"
    assert manager.keys == ("production", "staging")


def test_many_callers_at_once_get_one_handle() -> None:
    async def run() -> tuple[int, int]:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            handles = await asyncio.gather(*(manager.get_database("main") for _ in range(50)))
            assert await manager.get_database("main") is handles[0]
            return len({id(handle) for handle in handles}), server.connections

    assert asyncio.run(run()) == (1, 0)


def test_a_cancelled_caller_does_not_take_the_others_along() -> None:
    async def run() -> str:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            first = asyncio.create_task(manager.get_database("main"))
            second = asyncio.create_task(manager.get_database("main"))
            await asyncio.sleep(0)
            first.cancel()
            return (await second).key

    assert asyncio.run(run()) == "main"


def test_an_idle_client_is_closed_and_opens_again_for_the_same_handle() -> None:
    now = 0.0

    async def run() -> tuple[int, int, bool, int]:
        nonlocal now
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}, clock=lambda: now) as manager,
        ):
            database = await manager.get_database("main")
            await database.call("GET", "_api", "version")
            early = await manager.close_idle()
            now = 61.0
            async with manager.database("main"):
                while_held = await manager.close_idle()
            now = 122.0
            closed = await manager.close_idle()
            was_open = manager.statistics()[0].open
            await database.call("GET", "_api", "version")
            return early + while_held, closed, was_open, server.connections

    assert asyncio.run(run()) == (0, 1, False, 2)


def test_closing_ends_everything_and_later_calls_say_so() -> None:
    async def run() -> None:
        async with recording_server() as server:
            manager = MultiDatabaseConnectionManager({"main": server.settings(), "b": server.settings("b")})
            await (await manager.get_database("main")).call("GET", "_api", "version")
            await manager.close()
            await manager.close()
            await eventually(lambda: server.open_connections == 0)
            with pytest.raises(UnavailableError, match="the program is ending"):
                await manager.get_database("b")
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            assert [task for task in tasks if "serve" not in repr(task)] == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (Answer(body={"server": "arango", "version": "3.12.4", "license": "community"}), "up", None),
        (Answer(status=401, body={"error": True, "errorNum": 401}), "unauthorized", "denied"),
        (Answer(status=404, body={"error": True, "errorNum": 1228}), "missing", "not_found"),
        (Answer(status=503, body={"error": True, "errorNum": 38}), "down", "unavailable"),
        (Answer(status=500, body={"error": True, "errorNum": 4}), "error", "internal"),
        (Answer(body={"hello": "world"}), "error", None),
        (Answer(body=[1]), "error", None),
        (Answer(status=0, closes=True), "down", "unavailable"),
    ],
)
def test_a_probe_says_what_is_wrong_and_never_raises(answer: Answer, status: str, code: str | None) -> None:
    async def answers(_request: Recorded) -> Answer:
        return answer

    async def run() -> Any:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings()}) as manager,
        ):
            server.behaviour = answers
            return await manager.probe("main")

    health = asyncio.run(run())
    assert (health.key, health.status, health.error_code) == ("main", status, code)
    assert health.is_up is (status == "up")
    assert (health.version == "3.12.4") is health.is_up
    assert (health.latency_ms is not None) is (code is None)
    assert (health.error is None) is health.is_up


def test_all_databases_are_probed_in_order() -> None:
    async def run() -> list[tuple[str, str]]:
        async with recording_server() as server:
            settings = {key: server.settings(key) for key in ("a", "b", "c")}

            async def version(_request: Recorded) -> Answer:
                return Answer(body={"version": "3.12.4"})

            server.behaviour = version
            async with MultiDatabaseConnectionManager(settings) as manager:
                return [(health.key, health.status) for health in await manager.probe_all(at_once=2)]

    assert asyncio.run(run()) == [("a", "up"), ("b", "up"), ("c", "up")]
