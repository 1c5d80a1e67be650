"""Marks in front of queries: found again in the server's list, and invisible everywhere else."""

from __future__ import annotations

import asyncio

import pytest

from mcp_arangodb_async.connections import kill_query, marked, run_query, running, running_queries
from mcp_arangodb_async.errors import MaaError
from tests.unit.operations.databases import WAYS, opened

MARK = "0123456789ab"


@pytest.mark.parametrize(
    ("text", "shown", "mark"),
    [
        (f"/*{MARK}*/RETURN 1", "RETURN 1", MARK),
        (f"/*{MARK}{'f' * 16}*/RETURN 1", "RETURN 1", MARK),
        (f"/*{'f' * 16}*/RETURN 1", "RETURN 1", ""),
        ("/* of somebody else */ RETURN 1", "/* of somebody else */ RETURN 1", ""),
        ("RETURN '/*0123456789ab*/'", "RETURN '/*0123456789ab*/'", ""),
    ],
)
def test_a_mark_is_taken_apart_from_the_text(text: str, shown: str, mark: str) -> None:
    found = running({"id": 7, "query": text, "runTime": 1.5, "state": "executing", "user": "root"})
    assert (found.id, found.text, found.mark, found.seconds) == ("7", shown, mark, 1.5)


@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
async def test_a_marked_query_is_found_and_killed(way: str) -> None:
    async with opened("one", way=way) as (database,):

        async def sleeping() -> None:
            with marked(MARK):
                await run_query(database, "RETURN SLEEP(30)")

        task = asyncio.create_task(sleeping())
        listed: list[dict[str, object]] = []
        for _ in range(1000):
            listed = await running_queries(database)
            if listed:
                break
            await asyncio.sleep(0.01)
        (found,) = [running(one) for one in listed]
        assert (found.text, found.mark) == ("RETURN SLEEP(30)", MARK)
        assert await kill_query(database, found.id)
        with pytest.raises(MaaError) as caught:
            await task
        assert caught.value.code in {"cancelled", "timeout"}


@pytest.mark.anyio
@pytest.mark.parametrize("way", WAYS)
async def test_positions_in_errors_do_not_count_the_mark(way: str) -> None:
    async with opened("one", way=way) as (database,):
        with marked(MARK), pytest.raises(MaaError, match="position 1:8"):
            await run_query(database, "RETURN )")
