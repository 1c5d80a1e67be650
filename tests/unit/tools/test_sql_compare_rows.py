"""compare_data as a client calls it: pages of differences, progress, and a call that is given up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.server.app import open_app
from mcp_arangodb_async.server.passage import Incoming
from tests.sql_servers import sqlite_file
from tests.unit.sql.world import in_file

ROWS = 4000
SCRIPT = f"""
    CREATE TABLE t (id integer PRIMARY KEY, name text);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
    INSERT INTO t SELECT i, 'name ' || i FROM n;
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Two files whose rows all differ."""
    sqlite_file(tmp_path / "one.db", SCRIPT)
    sqlite_file(tmp_path / "two.db", f"{SCRIPT} UPDATE t SET name = upper(name);")
    environments = {name: in_file(tmp_path / f"{name}.db") for name in ("one", "two")}
    return Settings(databases={}, environments=environments)


def incoming(**arguments: Any) -> Incoming:
    return Incoming(name="compare_data", arguments=arguments, transport="stdio", era="handshake")


@pytest.mark.anyio
async def test_differences_that_do_not_fit_follow_page_by_page(settings: Settings) -> None:
    found: list[int] = []
    async with open_app(settings) as app:
        arguments: dict[str, Any] = {"table": "t", "max_differences": ROWS}
        pages = 0
        while arguments:
            result = await app.dispatcher.answer(incoming(**arguments))
            text = result["content"][-1]["text"]
            assert len(text) < 300 * 1024
            document = json.loads(text)
            found += [one["key"]["id"] for one in document["differences"]]
            arguments = {"next": document["next"]} if "next" in document else {}
            pages += 1
        again = await app.dispatcher.answer(incoming(next="nxt_nothing"))
    assert found == list(range(1, ROWS + 1))
    assert pages > 1
    assert json.loads(again["content"][-1]["text"])["error"]["code"] == "not_found"


@pytest.mark.anyio
async def test_a_comparison_that_is_given_up_costs_the_next_one_nothing(settings: Settings) -> None:
    async with open_app(settings) as app:
        with anyio.move_on_after(0.02):
            await app.dispatcher.answer(incoming(table="t"))
        result = await app.dispatcher.answer(incoming(table="t", max_differences=1))
    document = json.loads(result["content"][-1]["text"])
    assert (document["total_differences"], document["omitted"]) == (ROWS, ROWS - 1)
