"""Schemas compared with each other, and with what was stored of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_arangodb_async.errors import InputError, NotFoundError
from mcp_arangodb_async.sql.router import Environments
from mcp_arangodb_async.sql.schema_report import examine, summary
from mcp_arangodb_async.sql.snapshots import Snapshots
from tests.sql_servers import sqlite_file
from tests.unit.sql.world import in_file


@pytest.mark.anyio
async def test_a_stored_schema_tells_what_changed_since(tmp_path: Path) -> None:
    for name, kind in (("a", "int"), ("b", "bigint")):
        sqlite_file(tmp_path / f"{name}.db", f"CREATE TABLE t (x {kind})")
    environments = Environments({name: in_file(tmp_path / f"{name}.db") for name in "ab"})
    store = Snapshots(tmp_path / "schemas")
    try:
        with pytest.raises(NotFoundError):
            await examine(environments, ["a"], store, since="latest")
        with pytest.raises(InputError):
            await examine(environments, ["a"], store)
        one, other = await examine(environments, ["a", "b"], store, save=True)
        assert [summary(found) for found in other.differences or ()] == [
            "column t.x changed type: INT -> bigint"
        ]
        assert one.saved is not None
        stored = store.folder("a") / f"{one.saved.name}.json"
        assert stored.stat().st_mode & 0o777 == 0o600
        sqlite_file(tmp_path / "a.db", "CREATE TABLE u (y int)")
        (later,) = await examine(environments, ["a"], store, since="latest")
        assert [summary(found) for found in later.differences or ()] == ["table u added"]
    finally:
        await environments.close()


def test_no_name_of_an_environment_leads_out_of_the_directory(tmp_path: Path) -> None:
    for name in ("..", ".", "a/b", "../x", "/etc"):
        assert Snapshots(tmp_path).folder(name).resolve().parent == tmp_path.resolve()
