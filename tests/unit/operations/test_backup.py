"""Backups come back whole, or it is said why not."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_arangodb_async.errors import ConflictError, InputError, MaaError, NotFoundError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.dump import DumpOptions, dump
from mcp_arangodb_async.operations.restore import Restored, RestoreOptions, restore
from tests.unit.operations.databases import WAYS, fill, opened, quiet, rows

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

pytestmark = pytest.mark.anyio
ways = pytest.mark.parametrize("way", WAYS)


async def restored(database: ArangoDatabase, root: Path, name: str, **options: Any) -> Restored:
    return await restore(database, root, name, RestoreOptions(**options), progress=quiet)


@ways
async def test_a_restored_database_is_like_the_one_that_was_dumped(way: str, tmp_path: Path) -> None:
    seen: list[tuple[float, float | None]] = []

    async def progress(done: float, total: float | None, _message: str | None) -> None:
        seen.append((done, total))

    async with opened("one", "two", way=way) as (one, two):
        await fill(one)
        dumped = await dump(one, tmp_path, DumpOptions(), progress=progress)
        assert dumped["total_documents"] == 2500 + 2499 + 3
        assert (dumped["graphs"], dumped["views"], dumped["analyzers"]) == (
            ["friends"],
            ["people"],
            ["words"],
        )
        assert seen[-1] == (5002, 5002)
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)

        result = await restored(two, tmp_path, dumped["output_dir"])
        assert (result["completed"], result["error_count"], result["verified"]) == (True, 0, "checksums")
        assert result["total_documents_restored"] == 5002
        assert result["integrity_report"] is not None
        assert result["integrity_report"]["valid"]
        for name in ("users", "knows", "made keys", "towns"):
            query = f"FOR d IN `{name}` SORT d._key RETURN d"
            assert await rows(one, query) == await rows(two, query)
            assert kept(await scan.properties(one, name)) == kept(await scan.properties(two, name))
            assert [index_facts(index) for index in await scan.indexes(one, name)] == [
                index_facts(index) for index in await scan.indexes(two, name)
            ]
        assert [graph["edgeDefinitions"] for graph in await scan.graphs(two)] == [
            graph["edgeDefinitions"] for graph in await scan.graphs(one)
        ]
        assert (await scan.graphs(two))[0]["orphanCollections"] == ["towns"]
        assert (await scan.views(two))[0]["links"]["users"]["fields"]["name"]["analyzers"] == ["words"]
        assert (await scan.analyzers(two))[0]["properties"] == (await scan.analyzers(one))[0]["properties"]


def kept(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What of a collection's properties is not the server's own."""
    own = {"id", "globallyUniqueId", "objectId"}
    facts = {key: value for key, value in properties.items() if key not in own}
    facts["keyOptions"] = {key: value for key, value in facts["keyOptions"].items() if key != "lastValue"}
    return facts


def index_facts(index: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in index.items() if key not in {"id", "selectivityEstimate"}}


async def test_a_dump_has_the_files_of_arangodump(tmp_path: Path) -> None:
    async with opened("one") as (one,):
        await fill(one, users=3)
        dumped = await dump(one, tmp_path, DumpOptions(directory="d"), progress=quiet)
    folder = tmp_path / "d"
    assert dumped["output_dir"] == "d"
    # The MD5 of "users", as md5sum prints it.
    stem = "users_9bc65c2abec141778ffaa729489f3e87"
    structure = json.loads((folder / f"{stem}.structure.json").read_bytes())
    assert structure["parameters"]["name"] == "users"
    assert structure["parameters"]["cid"] == structure["parameters"]["id"]
    assert [index["name"] for index in structure["indexes"]] == ["by_age", "one_mail", "forget"]
    lines = gzip.decompress((folder / f"{stem}.data.json.gz").read_bytes()).splitlines()
    assert sorted(json.loads(line)["_id"] for line in lines) == ["users/u0", "users/u1", "users/u2"]
    head = json.loads((folder / "dump.json").read_bytes())
    assert (head["database"], head["useEnvelope"]) == ("one", False)
    assert (folder / "ENCRYPTION").read_bytes() == b"none"
    assert json.loads((folder / "people.view.json").read_bytes())["type"] == "arangosearch"
    # A name with a space does not become part of a file's name.
    assert not list(folder.glob("* *"))
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_backups_in_the_same_instant_have_their_own_directories(tmp_path: Path) -> None:
    async with opened("one") as (one,):
        await fill(one, users=2)
        several = await asyncio.gather(
            *(dump(one, tmp_path, DumpOptions(), progress=quiet) for _ in range(5))
        )
    assert len({result["output_dir"] for result in several}) == 5


async def test_a_limit_and_a_choice_of_collections_hold(tmp_path: Path) -> None:
    async with opened("one", "two") as (one, two):
        await fill(one, users=50)
        options = DumpOptions(collections=["users"], document_limit=10)
        dumped = await dump(one, tmp_path, options, progress=quiet)
        assert dumped["written"][0]["count"] == 10
        assert dumped["written"][0]["limited"] is True
        assert dumped["graphs"] == []
        result = await restored(two, tmp_path, dumped["output_dir"])
        assert result["total_documents_restored"] == 10
        with pytest.raises(NotFoundError) as raised:
            await dump(one, tmp_path, DumpOptions(collections=["usrs"]), progress=quiet)
        assert raised.value.did_you_mean == ("users",)


@ways
async def test_conflicts_are_kept_replaced_or_stop(way: str, tmp_path: Path) -> None:
    async with opened("one", way=way) as (one,):
        await fill(one, users=10)
        name = (await dump(one, tmp_path, DumpOptions(), progress=quiet))["output_dir"]
        await rows(one, "FOR d IN users FILTER d.age < 5 UPDATE d WITH {name: 'changed'} IN users")
        await rows(one, "FOR d IN users FILTER d.age >= 8 REMOVE d IN users")
        await rows(one, "INSERT {_key: 'other', age: 1, mail: '9@example.com'} INTO users")

        with pytest.raises(ConflictError, match="graph friends exists already"):
            await restored(one, tmp_path, name)
        stopped = await restored(one, tmp_path, name, collections=["users"], views=False)
        assert not stopped["completed"]
        assert stopped["errors"][0]["arango_error_num"] == 1210

        skipped = await restored(one, tmp_path, name, on_conflict="skip")
        users = next(told for told in skipped["collections"] if told["collection"] == "users")
        # u8 came back with the attempt that stopped; u9's mail belongs to somebody else by now.
        assert (users["inserted"], users["updated"], users["skipped"], users["errors"]) == (0, 0, 9, 1)
        assert [error["_key"] for error in skipped["errors"]] == ["u9"]
        assert "one_mail" in skipped["errors"][0]["error"]
        assert (await rows(one, "RETURN DOCUMENT('users/u1').name")) == ["changed"]

        replaced = await restored(one, tmp_path, name, on_conflict="overwrite")
        users = next(told for told in replaced["collections"] if told["collection"] == "users")
        assert (users["inserted"], users["updated"], users["errors"]) == (0, 9, 1)
        assert (await rows(one, "RETURN DOCUMENT('users/u1').name")) == ["Zoë 1"]
        assert replaced["integrity_report"] is not None


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    async with opened("one", "two") as (one, two):
        await fill(one, users=5)
        name = (await dump(one, tmp_path, DumpOptions(), progress=quiet))["output_dir"]
        planned = await restored(two, tmp_path, name, dry_run=True)
        assert planned["dry_run"]
        assert {told["collection"]: told["documents"] for told in planned["collections"]} == {
            "knows": 4, "made keys": 3, "towns": 0, "users": 5,
        }  # fmt: skip
        listed = await two.call("GET", "_api", "collection", params={"excludeSystem": True})
        assert listed["result"] == []


async def test_documents_that_look_like_what_wraps_them_come_back_as_they_are(tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [
        {"_key": "1", "type": {"a": 1}},
        {"_key": "2", "type": [2300], "data": {"x": 1}, "key": "k"},
        {"_key": "3", "type": 2300, "data": {"x": 1}, "key": "k", "rev": "r"},
        {"_key": "4", "type": 2302, "key": "k"},
    ]
    async with opened("one", "two") as (one, two):
        await one.call("POST", "_api", "collection", body={"name": "odd"})
        await one.call("POST", "_api", "document", "odd", body=odd)
        await dump(one, tmp_path, DumpOptions(directory="b"), progress=quiet)
        await restored(two, tmp_path, "b")
        query = "FOR d IN odd SORT d._key RETURN UNSET(d, '_id', '_rev')"
        assert await rows(two, query) == odd
        # Without the header that says so, each document decides.
        (tmp_path / "b" / "dump.json").write_text('{"database": "x"}')
        (tmp_path / "b" / "manifest.json").unlink()
        await two.call("PUT", "_api", "collection", "odd", "truncate")
        await restored(two, tmp_path, "b")
        assert await rows(two, query) == odd


# ---- damaged and unfinished backups


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    async with opened("one") as (one,):
        await fill(one, users=100)
        await dump(one, tmp_path, DumpOptions(directory="b"), progress=quiet)
    return tmp_path / "b"


def data_of(folder: Path, name: str) -> Path:
    (path,) = folder.glob(f"{name}_*.data.json.gz")
    return path


async def refused(root: Path, expected: str, *, verify: bool = True) -> None:
    async with opened("two") as (two,):
        with pytest.raises(MaaError, match=expected):
            await restored(two, root, "b", verify=verify)
        listed = await two.call("GET", "_api", "collection", params={"excludeSystem": True})
        assert listed["result"] == []


async def test_a_changed_file_is_noticed_before_anything_is_restored(backup: Path) -> None:
    path = data_of(backup, "users")
    lines = gzip.decompress(path.read_bytes()).replace(b'"age":1,', b'"age":2,')
    path.write_bytes(gzip.compress(lines))
    await refused(backup.parent, "was changed after it was written: users_")


async def test_a_missing_file_is_noticed(backup: Path) -> None:
    data_of(backup, "users").unlink()
    await refused(backup.parent, "lacks users_")


async def test_a_changed_manifest_is_noticed(backup: Path) -> None:
    path = backup / "manifest.json"
    path.write_text(path.read_text().replace('"documents": 100', '"documents": 99'))
    await refused(backup.parent, "changed after it was written")
    path.write_text("{")
    await refused(backup.parent, "damaged")


async def test_a_half_written_backup_is_noticed(backup: Path) -> None:
    (backup / "manifest.json").unlink()
    await refused(backup.parent, "incomplete")


async def test_a_cut_off_file_of_another_program_stops_with_its_name(backup: Path) -> None:
    (backup / "manifest.json").unlink()
    (backup / "dump.json").write_text('{"database": "x", "useEnvelope": false}')
    path = data_of(backup, "users")
    path.write_bytes(path.read_bytes()[:-30])
    async with opened("two") as (two,):
        with pytest.raises(InputError, match="damaged or incomplete"):
            await restored(two, backup.parent, "b")


class InterruptedDumpError(Exception):
    """Stands for a process that ends."""


async def test_an_interrupted_backup_is_resumed(tmp_path: Path) -> None:
    async def interrupt(done: float, _total: float | None, message: str | None) -> None:
        if message == "users" and done > 1000:
            raise InterruptedDumpError

    async with opened("one", "two") as (one, two):
        await fill(one)
        with pytest.raises(InterruptedDumpError):
            await dump(one, tmp_path, DumpOptions(directory="b"), progress=interrupt)
        assert (tmp_path / "b" / "progress.json").exists()
        assert not list((tmp_path / "b").glob("*.part"))
        with pytest.raises(InputError, match="incomplete"):
            await restored(two, tmp_path, "b")
        with pytest.raises(ConflictError, match="not empty"):
            await dump(one, tmp_path, DumpOptions(directory="b"), progress=quiet)
        before = data_of(tmp_path / "b", "knows").stat().st_mtime_ns
        resumed = await dump(one, tmp_path, DumpOptions(directory="b", resume=True), progress=quiet)
        assert (resumed["resumed"], resumed["consistent"], resumed["total_documents"]) == (True, False, 5002)
        assert data_of(tmp_path / "b", "knows").stat().st_mtime_ns == before
        assert (await restored(two, tmp_path, "b"))["total_documents_restored"] == 5002
        with pytest.raises(ConflictError, match="nothing to resume"):
            await dump(one, tmp_path, DumpOptions(directory="b", resume=True), progress=quiet)


async def test_a_cancelled_backup_leaves_no_cursor_and_no_half_file(tmp_path: Path) -> None:
    async with opened("one", way="http") as (one,):
        await fill(one)
        started = asyncio.Event()

        async def wait(done: float, _total: float | None, _message: str | None) -> None:
            if done:
                started.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(dump(one, tmp_path, DumpOptions(directory="b"), progress=wait))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not list((tmp_path / "b").glob("*.part"))
        assert (await one.call("GET", "_api", "transaction"))["transactions"] == []


# ---- confinement


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../x",
        "a/../../x",
        "/etc",
        "/",
        "",
        ".",
        "a/./..",
        "x\0y",
        "a\\..\\b",
        "a/b/c/d/e/f/g/h/i",
        "n" * 300,
    ],
)
async def test_nothing_outside_the_directory_is_named(name: str, tmp_path: Path) -> None:
    root = tmp_path / "backups"
    root.mkdir()
    async with opened("one") as (one,):
        for attempt in (
            dump(one, root, DumpOptions(directory=name), progress=quiet),
            restored(one, root, name),
        ):
            with pytest.raises(InputError):
                await attempt
    assert names_in(tmp_path) == ["backups"]


async def test_links_lead_nowhere(backup: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    root = backup.parent
    (root / "link").symlink_to(outside)
    (root / "loop").symlink_to(backup)
    async with opened("two") as (two,):
        await fill(two, users=2)
        for name in ("link", "link/new", "loop"):
            with pytest.raises(InputError, match="links are not followed"):
                await dump(two, root, DumpOptions(directory=name), progress=quiet)
            with pytest.raises(MaaError):
                await restored(two, root, name)
    assert not list(outside.iterdir())
    secret = outside / "secret.json"
    secret.write_text('[{"_key": "password"}]')
    (root / "old").mkdir()
    (root / "old" / "things.json").symlink_to(secret)
    os.mkfifo(root / "old" / "pipe.json")
    async with opened("two") as (two,):
        with pytest.raises(InputError):
            await restored(two, root, "old")


async def test_an_absolute_path_is_taken_below_the_directory(tmp_path: Path) -> None:
    async with opened("one") as (one,):
        await fill(one, users=2)
        dumped = await dump(one, tmp_path, DumpOptions(directory=str(tmp_path / "x" / "y")), progress=quiet)
        assert dumped["output_dir"] == "x/y"


# ---- backups of other programs


def structure(name: str, kind: int = 2) -> str:
    return json.dumps({"parameters": {"name": name, "type": kind, "cid": "7"}, "indexes": []})


async def test_dumps_with_envelopes_and_split_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "dump.json").write_text('{"database": "x", "lastTickAtDumpStart": "1"}')
    (folder / "ENCRYPTION").write_text("none")
    (folder / "old.structure.json").write_text(structure("old"))
    (folder / "old.data.json").write_text(
        '{"type": 2300, "data": {"_key": "a", "n": 1}}\n'
        '{"type": 2302, "data": {"_key": "b"}}\n\n'
        "not json\n"
        '{"type": 2300, "data": {"_key": "c"}}\n'
    )
    # As a cluster's dump names them, in two files.
    (folder / "split.structure.json").write_text(structure("split"))
    stem = "split_eefec303079ad17405c889e092e105b0"
    for number in (0, 1):
        content = gzip.compress(f'{{"_key": "{number}", "type": 2300}}\n'.encode())
        (folder / f"{stem}.{number}.data.json.gz").write_bytes(content)
    async with opened("two") as (two,):
        result = await restored(two, tmp_path, "b", on_conflict="skip")
        assert (result["verified"], result["error_count"]) == ("none", 1)
        assert result["errors"][0]["position"] == 3
        assert await rows(two, "FOR d IN old SORT d._key RETURN d._key") == ["a", "c"]
        assert await rows(two, "FOR d IN split SORT d._key RETURN UNSET(d, '_id', '_rev')") == [
            {"_key": "0", "type": 2300}, {"_key": "1", "type": 2300},
        ]  # fmt: skip


async def test_encrypted_and_packed_dumps_are_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "dump.json").write_text('{"database": "x", "useEnvelope": false}')
    (folder / "ENCRYPTION").write_text("aes-256-ctr")
    await refused(tmp_path, "encrypted")
    (folder / "ENCRYPTION").write_text("none")
    (folder / "c.data.vpack.gz").write_bytes(b"")
    await refused(tmp_path, "VelocyPack")


async def test_backups_of_0_5_4_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "20240131_120000"
    folder.mkdir()
    documents = [
        {"_id": f"users/{n}", "_key": str(n), "_rev": "_abc", "name": f"Zoë {n} ]}}"} for n in range(3)
    ]
    text = "[\n" + ",\n".join("  " + json.dumps(one, ensure_ascii=False) for one in documents) + "\n]"
    (folder / "users.json").write_text(text, encoding="utf-8")
    edges = [{"_key": "1", "_from": "users/0", "_to": "users/1"}]
    (folder / "knows.json").write_text(json.dumps(edges, indent=4))
    (folder / "empty.json").write_text("[\n]")
    async with opened("two") as (two,):
        result = await restored(two, tmp_path, "20240131_120000")
        assert (result["layout"], result["total_documents_restored"]) == ("collections", 4)
        assert (await scan.properties(two, "knows"))["type"] == 3
        assert await rows(two, "FOR d IN users SORT d._key RETURN d.name") == [
            one["name"] for one in documents
        ]
    (folder / "users.json").write_text(text[:-8], encoding="utf-8")
    async with opened("two") as (two,):
        with pytest.raises(InputError, match="damaged or incomplete"):
            await restored(two, tmp_path, "20240131_120000")


async def test_graph_backups_of_0_5_4_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "friends_20240131_120000"
    (folder / "vertices").mkdir(parents=True)
    (folder / "edges").mkdir()
    (folder / "vertices" / "users.json").write_text('[\n  {"_key": "a"},\n  {"_key": "b"}\n]')
    (folder / "edges" / "knows.json").write_text(
        '[\n  {"_key": "1", "_from": "users/a", "_to": "users/b"},\n'
        '  {"_key": "2", "_from": "users/a", "_to": "users/z"}\n]'
    )
    definition = {
        "edge_collection": "knows",
        "from_vertex_collections": ["users"],
        "to_vertex_collections": ["users"],
    }
    properties = {"name": "friends", "edge_definitions": [definition], "orphan_collections": []}
    metadata = {"graph_name": "friends", "graph_properties": properties, "vertex_collections": ["users"]}
    (folder / "graph_metadata.json").write_text(json.dumps(metadata, indent=2))
    (folder / "backup_report.json").write_text("{}")
    async with opened("two") as (two,):
        result = await restored(two, tmp_path, folder.name, graph_name="pals")
        assert result["graphs"] == [{"name": "pals", "action": "create"}]
        assert [graph["name"] for graph in await scan.graphs(two)] == ["pals"]
        assert result["integrity_report"] is not None
        assert result["integrity_report"]["graphs"][0]["orphaned_edges_count"] == 1
        assert not result["integrity_report"]["valid"]
    named = {"backup_timestamp": "2024-01-31", "graphs": [properties], "missing_graphs": []}
    (tmp_path / "named.json").write_text(json.dumps(named))
    async with opened("two") as (two,):
        result = await restored(two, tmp_path, "named.json")
        assert (result["layout"], result["graphs"]) == (
            "named_graphs",
            [{"name": "friends", "action": "create"}],
        )
