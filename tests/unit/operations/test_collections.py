"""Collections listed, counted and dropped, and one error where several requests fail."""

from __future__ import annotations

import pytest

from mcp_arangodb_async.errors import ConflictError, NotFoundError, UnavailableError
from mcp_arangodb_async.operations import bulk, collections, describing, documents
from mcp_arangodb_async.operations.together import for_each
from tests.unit.operations.databases import WAYS, fill, opened, quiet

pytestmark = pytest.mark.anyio


async def test_several_failures_are_one_error_of_our_own() -> None:
    async def work(number: int) -> None:
        if number % 2:
            raise UnavailableError(f"server {number} is down")

    with pytest.raises(UnavailableError, match=r"server \d is down"):
        await for_each(range(10), work)


@pytest.mark.parametrize("way", WAYS)
async def test_a_collection_that_a_graph_uses_is_not_dropped(way: str) -> None:
    async with opened("a", way=way) as (database,):
        await fill(database, users=3)
        shown = await collections.drop_collection(database, "users", dry_run=True)
        assert (shown["dropped"], shown["graphs"], shown["views"]) == (False, ["friends"], ["people"])
        with pytest.raises(ConflictError, match="friends"):
            await collections.drop_collection(database, "users")
        assert (await collections.drop_collection(database, "made keys"))["dropped"]
        with pytest.raises(NotFoundError):
            await collections.drop_collection(database, "made keys")


@pytest.mark.parametrize("way", WAYS)
async def test_an_insert_that_overwrites_tells_new_documents_from_old(way: str) -> None:
    modes: dict[documents.OverwriteMode, str] = {
        "update": "updated",
        "replace": "replaced",
        "ignore": "ignored",
    }
    async with opened("a", way=way) as (database,):
        await collections.create_collection(database, "c")
        await documents.insert(database, "c", {"_key": "old", "n": 0})
        for mode, count in modes.items():
            some = [{"_key": "old", "n": 1}, {"_key": mode}, {"_key": mode}]
            options = bulk.BulkOptions(overwrite_mode=mode, on_error="continue")
            done = await bulk.insert(database, "c", some, options=options, progress=quiet)
            # The same key twice in one batch: the second finds the first.
            assert (done["inserted_count"], done[f"{count}_count"]) == (1, 2)
            assert done["inserted_ids"] == [f"c/{mode}"]
            others = {"updated_count", "replaced_count", "ignored_count"} - {f"{count}_count"}
            assert all(done[other] is None for other in others)


async def test_documents_come_in_the_order_asked_for_and_missing_ones_are_named() -> None:
    async with opened("a") as (database,):
        await fill(database, users=20)
        wanted = ["u7", "users/u3", "nobody", "u7", "u19"]
        found = await documents.get_many(database, "users", wanted)
        assert [one["_key"] for one in found.documents] == ["u7", "u3", "u19"]
        assert found.missing == ["users/nobody"]
        both = await documents.get_many(database, None, ["knows/3", "users/u1"])
        assert [one["_id"] for one in both.documents] == ["knows/3", "users/u1"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_description_stays_within_its_bytes_and_says_what_it_left_out(way: str) -> None:
    async with opened("a", way=way) as (database,):
        await fill(database, users=300)
        whole = await describing.describe(database, describing.DescribeOptions(), progress=quiet)
        assert whole["left_out"] is None
        users = next(one for one in whole["collections"] if one["name"] == "users")
        # Half of the sample is the end of the collection.
        assert users["sampled"] == 100
        size = describing.size(whole)
        for maximum in (size, size - 1, size // 2, size // 4, 400):
            options = describing.DescribeOptions(bytes=maximum)
            shown = await describing.describe(database, options, progress=quiet)
            assert describing.size(shown) <= maximum
            assert bool(shown["left_out"]) == (maximum < size)


async def test_large_documents_are_described_by_their_types_alone() -> None:
    async with opened("a") as (database,):
        await collections.create_collection(database, "c")
        await documents.insert(database, "c", {"text": "x" * 50_000, "n": 1})
        options = describing.DescribeOptions()
        (row,) = (await describing.describe(database, options, progress=quiet))["collections"]
        assert row["attributes"]["text"] == {"types": {"string": 1}}
        assert row["attributes"]["n"] == {"types": {"number": 1}}
