"""Backups of graphs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcp_arangodb_async.errors import ConflictError, InputError, NotFoundError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.dump import DumpOptions, dump
from mcp_arangodb_async.operations.graph_backup import dump_graph, restore_graph, save_graphs
from mcp_arangodb_async.operations.restore import RestoreOptions, restore
from tests.unit.operations.databases import fill, opened, quiet, rows

pytestmark = pytest.mark.anyio


async def test_a_graph_comes_back_with_its_documents_only(tmp_path: Path) -> None:
    async with opened("one", "two") as (one, two):
        await fill(one, users=20)
        dumped = await dump_graph(one, tmp_path, "friends", progress=quiet)
        assert [file["collection"] for file in dumped["edge_files"]] == ["knows"]
        assert [file["collection"] for file in dumped["vertex_files"]] == ["towns", "users"]
        assert dumped["total_documents"] == 39
        result = await restore_graph(two, tmp_path, dumped["output_dir"], graph_name="pals", progress=quiet)
        assert (result["original_graph_name"], result["graph_name"]) == ("friends", "pals")
        assert result["graph_created"]
        assert result["integrity_report"] is not None
        assert result["integrity_report"]["valid"]
        assert await rows(two, "RETURN LENGTH(FOR v IN 1..50 OUTBOUND 'users/u0' GRAPH 'pals' RETURN v)") == [
            19
        ]
        names = {one["name"] for one in (await two.call("GET", "_api", "collection"))["result"]}
        assert "made keys" not in names


async def test_a_graph_of_a_whole_dump_is_chosen_by_its_name(tmp_path: Path) -> None:
    async with opened("one", "two") as (one, two):
        await fill(one, users=5)
        body = {"name": "other", "edgeDefinitions": [], "orphanCollections": ["made keys"]}
        await one.call("POST", "_api", "gharial", body=body)
        name = (await dump(one, tmp_path, DumpOptions(), progress=quiet))["output_dir"]
        with pytest.raises(InputError, match=r"2 graphs \(friends, other\)"):
            await restore_graph(two, tmp_path, name, progress=quiet)
        result = await restore_graph(two, tmp_path, name, graph_name="other", progress=quiet)
        assert result["total_documents_restored"] == 3
        with pytest.raises(ConflictError, match="other exists"):
            await restore_graph(two, tmp_path, name, graph_name="other", progress=quiet)
        kept = await restore_graph(
            two, tmp_path, name, graph_name="other", on_conflict="skip", progress=quiet
        )
        assert (kept["graph_created"], kept["restored_vertices"][0]["skipped"]) == (False, 3)


async def test_definitions_are_saved_in_one_file_and_come_back(tmp_path: Path) -> None:
    async with opened("one", "two") as (one, two):
        await fill(one, users=2)
        saved = await save_graphs(one, tmp_path, file="defs/graphs.json", names=["friends", "lost"])
        assert (saved["graphs_backed_up"], saved["missing_graphs"]) == (["friends"], ["lost"])
        content = (tmp_path / "defs" / "graphs.json").read_bytes()
        assert len(content) == saved["backup_size_bytes"]
        assert json.loads(content)["graphs"][0]["orphanCollections"] == ["towns"]
        with pytest.raises(ConflictError, match="exists"):
            await save_graphs(one, tmp_path, file="defs/graphs.json")
        with pytest.raises(InputError):
            await save_graphs(one, tmp_path, file="../graphs.json")
        await restore(two, tmp_path, saved["output_file"], RestoreOptions(), progress=quiet)
        assert [graph["name"] for graph in await scan.graphs(two)] == ["friends"]


async def test_an_unknown_graph_is_said_with_those_there_are(tmp_path: Path) -> None:
    async with opened("one") as (one,):
        await fill(one, users=2)
        with pytest.raises(NotFoundError, match="no graph 'frends'; there are: friends"):
            await dump_graph(one, tmp_path, "frends", progress=quiet)
