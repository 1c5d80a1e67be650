"""Backups through a client."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interaction.conversation import Places, Talk, Way

pytestmark = pytest.mark.anyio
MEMORY = Way(carrier="memory", era="stateless")
READ_ONLY = """
databases:
  red: {url: "embedded::memory:", database: red_data, access: read}
"""


async def filled(client: Talk) -> None:
    await client.call("create_collection", name="users", database="red")
    documents: list[dict[str, Any]] = [{"_key": str(n), "n": n} for n in range(30)]
    await client.call("bulk_insert", collection="users", documents=documents, database="red")
    definition = {"edge_collection": "knows", "from_collections": ["users"], "to_collections": ["users"]}
    await client.call("create_graph", name="friends", edge_definitions=[definition], database="red")
    edges = [{"_from": "users/1", "_to": "users/2"}]
    await client.call("bulk_insert", collection="knows", documents=edges, database="red")


async def test_a_database_moves_through_a_backup(way: Way, places: Places) -> None:
    async with places.open(way) as talk, talk() as client:
        await filled(client)
        # The spellings of 0.5.4.
        made = await client.call("backup", outputDir="first", docLimit=1000, database="red")
        assert (made["output_dir"], made["total_documents"], made["database"]) == ("first", 31, "red")
        planned = await client.call("restore", input_dir="first", dry_run=True, database="blue")
        assert planned["total_documents_restored"] == 0
        back = await client.call("restore", input_dir="first", database="blue")
        assert (back["total_documents_restored"], back["verified"]) == (31, "checksums")
        error = await client.fail("restore", inputDir="first", database="blue")
        assert error["code"] == "conflict"
        graph = await client.call("backup_graph", graph_name="friends", database="blue")
        again = await client.call(
            "restore_graph", inputDir=graph["output_dir"], graphName="pals", conflictResolution="skip",
            database="blue",
        )  # fmt: skip
        assert again["restored_vertices"][0]["skipped"] == 30
        names = await client.call("backup_named_graphs", database="blue")
        assert names["graphs_backed_up"] == ["friends", "pals"]


async def test_a_backup_stays_in_its_directory(places: Places) -> None:
    async with places.open(MEMORY) as talk, talk() as client:
        await filled(client)
        for name in ("../out", "/tmp/out", "a/../../out"):
            error = await client.fail("backup", output_dir=name, database="red")
            assert (error["code"], error["field"]) == ("invalid_argument", "output_dir")
            assert str(places.directory) not in error["message"]
        assert not (places.directory.parent / "out").exists()


async def test_a_database_to_be_read_can_be_backed_up_but_not_restored(places: Places) -> None:
    async with places.open(MEMORY, READ_ONLY) as talk, talk() as client:
        made = await client.call("backup")
        assert made["total_collections"] == 0
        error = await client.fail("restore", input_dir=made["output_dir"])
        assert error["code"] == "read_only"
