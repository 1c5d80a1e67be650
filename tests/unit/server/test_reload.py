"""A changed configuration: applied when it is good, kept out when it is not, however it is written."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.server.reload import Reloading, fingerprint, waiting_for_restart
from tests.unit.connections.recording_server import eventually

Steps = Callable[[Path, list[Settings], Reloading], Awaitable[None]]

ONE = "databases:\n  a: {url: 'embedded::memory:'}\n"
TWO = ONE + "  b: {url: 'embedded::memory:', database: other}\n"


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path, text: str) -> None:
    other = path.with_suffix(".new")
    write(other, text)
    other.replace(path)


def watched(tmp_path: Path, steps: Steps) -> list[Settings]:
    """Run steps beside a watcher of a file; what was applied."""
    path = tmp_path / "databases.yaml"
    write(path, ONE)
    applied: list[Settings] = []

    def load() -> Settings:
        return load_settings({}, environ={}, cwd=tmp_path, config_file=str(path))

    async def run() -> None:
        reloading = Reloading(load(), load=load, apply=applied.append, look_seconds=0.01)
        watching = asyncio.create_task(reloading.watch())
        await asyncio.sleep(0)
        try:
            await steps(path, applied, reloading)
        finally:
            watching.cancel()

    asyncio.run(run())
    return applied


def test_a_changed_file_is_applied_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    async def steps(path: Path, applied: list[Settings], reloading: Reloading) -> None:
        write(path, TWO)
        await eventually(lambda: len(applied) == 1)
        await asyncio.sleep(0.1)

    (settings,) = watched(tmp_path, steps)
    assert list(settings.databases) == ["a", "b"]


def test_a_bad_file_keeps_the_last_good_one_and_says_what_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps(path: Path, applied: list[Settings], reloading: Reloading) -> None:
        write(path, ONE + "  b: {urll: 'x'}\n")
        await eventually(lambda: "configuration.kept" in caplog.text)
        assert applied == []
        write(path, TWO)
        await eventually(lambda: len(applied) == 1)

    watched(tmp_path, steps)
    (record,) = [record for record in caplog.records if record.message == "configuration.kept"]
    assert "databases.yaml:3: databases.b.urll: unknown key" in str(record.__dict__["fields"]["problems"])


@pytest.mark.parametrize("how", ["truncated", "vanished", "replaced"])
def test_however_a_file_is_written_the_last_good_one_stays_until_the_next_good_one(
    tmp_path: Path, how: str
) -> None:
    async def steps(path: Path, applied: list[Settings], reloading: Reloading) -> None:
        if how == "truncated":
            write(path, ONE[:-4])
            await asyncio.sleep(0.05)
            assert applied == []
            write(path, TWO)
        elif how == "vanished":
            remove(path)
            await asyncio.sleep(0.05)
            assert applied == []
            write(path, TWO)
        else:
            replace(path, TWO)
        await eventually(lambda: len(applied) == 1)

    (settings,) = watched(tmp_path, steps)
    assert "b" in settings.databases


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this platform has no SIGHUP")
def test_sighup_reloads_even_an_unchanged_file(tmp_path: Path) -> None:
    async def steps(path: Path, applied: list[Settings], reloading: Reloading) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: len(applied) == 1)

    assert len(watched(tmp_path, steps)) == 1


def test_what_waits_for_a_restart_is_named_by_its_option(tmp_path: Path) -> None:
    def load(text: str) -> Settings:
        path = tmp_path / "databases.yaml"
        write(path, text)
        return load_settings({}, environ={}, cwd=tmp_path, config_file=str(path))

    before = load(ONE)
    after = load(TWO + "http: {port: 81}\nlimits: {max_rows: 7}\n")
    assert waiting_for_restart(before, after) == ["http.port", "limits.max_rows"]
    assert waiting_for_restart(before, load(TWO)) == []
    assert fingerprint(None) is None
