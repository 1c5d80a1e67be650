"""Writing a database, or a part of it, into a directory that arangorestore can read."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict

import orjson

from mcp_arangodb_async.connections import closest
from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import ConflictError, InputError, NotFoundError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.collections import EDGE
from mcp_arangodb_async.operations.dump_format import (
    DUMP,
    ENCRYPTION,
    MANIFEST,
    PROGRESS,
    WRITER,
    Manifest,
    StoredCollection,
    StoredFile,
    data_file,
    encode_manifest,
    stem_of,
    structure_of,
    view_file,
)
from mcp_arangodb_async.operations.folder import Folder, make_folder

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase, ArangoTransaction

Json = dict[str, Any]
GRAPHS, ANALYZERS = "_graphs", "_analyzers"
# Higher levels of gzip save a tenth of the space and cost three times the processor time.
PACKING = 3
MOST_COLLECTIONS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpOptions:
    """What is dumped, and where to.

    Without `collections` it is everything but system collections. Graphs come along whose collections all do;
    `graphs` names those that must. `directory` is a name in the backup directory; by default a new one.
    `resume` goes on with a dump that was interrupted, of which `directory` is the name.
    """

    collections: Sequence[str] | None = None
    graphs: Sequence[str] | None = None
    document_limit: int | None = None
    data: bool = True
    packed: bool = True
    directory: str | None = None
    resume: bool = False


class Dumped(TypedDict):
    """What was written. `consistent`: the documents of all collections are of one moment."""

    output_dir: str
    written: list[Json]
    total_collections: int
    total_documents: int
    graphs: list[str]
    views: list[str]
    analyzers: list[str]
    consistent: bool
    resumed: bool
    complete: bool


@dataclass(slots=True, kw_only=True)
class Plan:
    """What will be dumped: structures by the names of their collections, and all that belongs to them."""

    structures: dict[str, Json]
    counts: dict[str, int]
    graphs: list[Json]
    views: list[Json]
    analyzers: list[Json]
    limit: int | None
    files: dict[str, StoredFile] = field(default_factory=dict[str, StoredFile])
    done: dict[str, StoredCollection] = field(default_factory=dict[str, StoredCollection])

    @property
    def total(self) -> int:
        """How many documents there are to write."""
        return sum(
            self.limit if self.limit is not None and self.limit < n else n for n in self.counts.values()
        )


async def plan_dump(database: ArangoDatabase, options: DumpOptions) -> Plan:
    """Everything a dump with these options would hold; nothing is written."""
    listed = await database.call("GET", "_api", "collection", params={"excludeSystem": True})
    existing = sorted(row["name"] for row in listed["result"] if not row["name"].startswith("_"))
    all_graphs = await scan.graphs(database)
    chosen = list(options.collections) if options.collections is not None else None
    if options.graphs is not None:
        wanted = [graph_named(all_graphs, name, database.key) for name in options.graphs]
        chosen = [*(chosen or ()), *(name for graph in wanted for name in collections_of(graph))]
    names = existing if chosen is None else sorted(set(chosen))
    for name in names:
        validate_collection_name(name, field="collections")
    missing = sorted(set(names) - set(existing))
    if missing:
        raise NotFoundError(
            f"no collection {', '.join(map(repr, missing[:20]))} to dump",
            field="collections",
            database=database.key,
            did_you_mean=[near for name in missing[:5] for near in closest(name, existing)],
        )
    if len(names) > MOST_COLLECTIONS:
        raise InputError(f"{len(names)} collections; one dump holds at most {MOST_COLLECTIONS}")
    structures = {
        name: structure_of(await scan.properties(database, name), await scan.indexes(database, name))
        for name in names
    }
    return Plan(
        structures=structures,
        counts={name: await scan.count(database, name) if options.data else 0 for name in names},
        graphs=[graph for graph in all_graphs if set(collections_of(graph)) <= set(names) and names],
        views=[view for view in await scan.views(database) if linked_collections(view) <= set(names)],
        analyzers=await scan.analyzers(database),
        limit=options.document_limit,
    )


def graph_named(graphs: Sequence[Json], name: str, key: str) -> Json:
    """The graph of that name; NotFoundError listing those there are."""
    known = [str(graph.get("name") or graph["_key"]) for graph in graphs]
    if name not in known:
        raise NotFoundError(
            f"no graph {name[:80]!r}; there are: {', '.join(known[:20]) or 'none'}",
            field="graph_name",
            database=key,
            did_you_mean=closest(name, known),
        )
    return graphs[known.index(name)]


def collections_of(graph: Mapping[str, Any]) -> list[str]:
    """The names of all collections a graph uses, its edges first."""
    found: dict[str, None] = {one["collection"]: None for one in graph.get("edgeDefinitions", ())}
    for one in graph.get("edgeDefinitions", ()):
        found |= dict.fromkeys([*one["from"], *one["to"]])
    return list(found | dict.fromkeys(graph.get("orphanCollections", ())))


def linked_collections(view: Mapping[str, Any]) -> set[str]:
    """The names of the collections a view is about."""
    return set(view.get("links") or ()) | {one["collection"] for one in view.get("indexes") or ()}


async def dump(database: ArangoDatabase, root: Path, options: DumpOptions, *, progress: Progress) -> Dumped:
    """Write a dump below `root`. What was interrupted stays, and `resume` goes on with it."""
    plan = await plan_dump(database, options)
    with await asyncio.to_thread(_folder, database, root, options) as folder:
        if options.resume:
            await asyncio.to_thread(_take_up, folder, plan)
        resumed = bool(plan.done)
        await asyncio.to_thread(_write_head, database, folder, plan)
        await _write_collections(database, folder, plan, options, progress)
        await asyncio.to_thread(_write_definitions, folder, plan, options)
        version = (await database.call("GET", "_api", "version")).get("version")
        manifest = Manifest(
            database=database.settings.database,
            created_at=datetime.now(UTC).isoformat(),
            server_version=version,
            consistent=not resumed,
            collections=[plan.done[name] for name in plan.structures],
            graphs=[str(graph.get("name") or graph["_key"]) for graph in plan.graphs],
            views=[view["name"] for view in plan.views],
            analyzers=[analyzer["name"] for analyzer in plan.analyzers],
            files=plan.files,
        )
        await asyncio.to_thread(folder.write, MANIFEST, encode_manifest(manifest))
        await asyncio.to_thread(folder.remove, PROGRESS)
        return described(folder, manifest, resumed=resumed)


def described(folder: Folder, manifest: Manifest, *, resumed: bool) -> Dumped:
    """A finished dump as it is told to its caller."""
    return Dumped(
        output_dir=folder.name,
        written=[
            {
                "collection": one.name,
                "path": folder.path_of(one.data),
                "count": one.documents,
                "type": one.type,
                "indexes": one.indexes,
                **({"limited": True} if one.limited else {}),
            }
            for one in manifest.collections
        ],
        total_collections=len(manifest.collections),
        total_documents=sum(one.documents for one in manifest.collections),
        graphs=manifest.graphs,
        views=manifest.views,
        analyzers=manifest.analyzers,
        consistent=manifest.consistent,
        resumed=resumed,
        complete=True,
    )


def _folder(database: ArangoDatabase, root: Path, options: DumpOptions) -> Folder:
    if options.directory is not None:
        return make_folder(root, options.directory, resume=options.resume)
    if options.resume:
        raise InputError("resume needs output_dir, the directory of the interrupted dump", field="output_dir")
    readable = re.sub(r"[^A-Za-z0-9_\-]+", "-", database.settings.database).strip("-") or "database"
    with Folder.start(root, create=True) as start:
        return new_folder(start, readable[:100])


def new_folder(start: Folder, prefix: str) -> Folder:
    """A new directory named for this microsecond, or for the next one that nobody else took."""
    while True:
        name = f"{prefix}_{datetime.now(UTC):%Y%m%d_%H%M%S_%f}"
        try:
            return start.enter(name, new=True)
        except FileExistsError:
            continue


def _take_up(folder: Folder, plan: Plan) -> None:
    """Take over the collections that an interrupted dump had finished, each checked by its checksum."""
    names = folder.names()
    if MANIFEST in names:
        raise ConflictError(f"the dump {folder.name!r} is complete; there is nothing to resume")
    if PROGRESS not in names:
        return
    with folder.read(PROGRESS) as file:
        kept = orjson.loads(file.read())
    if kept["limit"] != plan.limit or kept["collections"] != sorted(plan.structures):
        raise ConflictError(
            f"the dump {folder.name!r} was begun with other collections or another limit",
            hint="resume it with the same arguments, or begin a new one",
        )
    for name, stored in kept["done"].items():
        one = StoredCollection.model_validate(stored["collection"])
        files = {file: StoredFile.model_validate(facts) for file, facts in stored["files"].items()}
        if all(file in names and checksum(folder, file) == facts for file, facts in files.items()):
            plan.done[name] = one
            plan.files |= files


def checksum(folder: Folder, name: str) -> StoredFile:
    """A file's length and SHA-256."""
    with folder.read(name) as file:
        digest = hashlib.file_digest(file, "sha256")
        return StoredFile(bytes=file.tell(), sha256=digest.hexdigest())


def _write(folder: Folder, plan: Plan, name: str, content: object) -> None:
    encoded = content if isinstance(content, bytes) else orjson.dumps(content)
    folder.write(name, encoded)
    plan.files[name] = StoredFile(bytes=len(encoded), sha256=hashlib.sha256(encoded).hexdigest())


def _write_head(database: ArangoDatabase, folder: Folder, plan: Plan) -> None:
    _note_progress(folder, plan)
    head = {
        "database": database.settings.database,
        "createdAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "lastTickAtDumpStart": "0",  # no tick of a replication: arangorestore only tells it
        "useEnvelope": False,
        "useVPack": False,
        "properties": {"name": database.settings.database},
        "writer": WRITER,
    }
    _write(folder, plan, DUMP, head)
    _write(folder, plan, ENCRYPTION, b"none")


def _note_progress(folder: Folder, plan: Plan) -> None:
    done = {
        name: {
            "collection": one.model_dump(),
            "files": {file: plan.files[file].model_dump() for file in (one.structure, one.data)},
        }
        for name, one in plan.done.items()
    }
    noted = {"limit": plan.limit, "collections": sorted(plan.structures), "done": done}
    folder.write(PROGRESS, orjson.dumps(noted))


async def _write_collections(
    database: ArangoDatabase, folder: Folder, plan: Plan, options: DumpOptions, progress: Progress
) -> None:
    left = [name for name in plan.structures if name not in plan.done]
    written = sum(one.documents for one in plan.done.values())
    if not left:
        return
    # One transaction sees all collections as they were at one moment (on a single server).
    async with database.transaction(read=left) as transaction:
        for name in left:
            await progress(written, plan.total, name)
            rows = await scan.page_rows(database, name, plan.counts[name]) if options.data else 0
            stored = await _write_collection(
                transaction, folder, plan, name, options, rows=rows, progress=progress, before=written
            )
            written += stored.documents
            plan.done[name] = stored
            await asyncio.to_thread(_note_progress, folder, plan)
    await progress(written, plan.total, None)


async def _write_collection(
    transaction: ArangoTransaction,
    folder: Folder,
    plan: Plan,
    name: str,
    options: DumpOptions,
    *,
    rows: int,
    progress: Progress,
    before: int,
) -> StoredCollection:
    structure = plan.structures[name]
    parameters = structure["parameters"]
    stem = stem_of(name, parameters["id"])
    await asyncio.to_thread(_write, folder, plan, f"{stem}.structure.json", structure)
    file_name = data_file(stem, packed=options.packed)
    with folder.replacing(file_name) as file:
        writer = DocumentWriter(file, packed=options.packed)
        if options.data:
            found = scan.documents(transaction, name, limit=plan.limit, batch_size=rows)
            async with aclosing(found):
                async for page in found:
                    await asyncio.to_thread(writer.add, page)
                    await progress(before + writer.documents, plan.total, name)
        plan.files[file_name] = await asyncio.to_thread(writer.finish)
    return StoredCollection(
        name=name,
        type="edge" if parameters["type"] == EDGE else "document",
        documents=writer.documents,
        indexes=len(structure["indexes"]),
        limited=plan.limit is not None and writer.documents < plan.counts[name],
        structure=f"{stem}.structure.json",
        data=file_name,
    )


def _write_definitions(folder: Folder, plan: Plan, options: DumpOptions) -> None:
    """Views, and graphs and analyzers as the system collections that hold them."""
    for view in plan.views:
        _write(folder, plan, view_file(view["name"], str(view.get("id", ""))), view)
    graphs = [
        {
            "_key": graph.get("name") or graph["_key"],
            **{key: value for key, value in graph.items() if key not in {"name", "_id", "_key", "_rev"}},
        }
        for graph in plan.graphs
    ]
    analyzers = [{"_key": one["name"], "revision": 0, **one} for one in plan.analyzers]
    for name, rows in ((GRAPHS, graphs), (ANALYZERS, analyzers)):
        if not rows:
            continue
        stem = stem_of(name, name)
        parameters = {"name": name, "type": 2, "isSystem": True, "id": name, "cid": name, "deleted": False}
        _write(folder, plan, f"{stem}.structure.json", {"indexes": [], "parameters": parameters})
        file_name = data_file(stem, packed=options.packed)
        with folder.replacing(file_name) as file:
            writer = DocumentWriter(file, packed=options.packed)
            writer.add(rows)
            plan.files[file_name] = writer.finish()


class DocumentWriter:
    """Writes documents a line each, and knows the checksum of what reached the file."""

    def __init__(self, file: BinaryIO, *, packed: bool) -> None:
        self._out = CountingFile(file)
        # The time is left out: the same documents make the same file.
        self._lines = (
            gzip.GzipFile(filename="", mode="wb", compresslevel=PACKING, fileobj=self._out, mtime=0)
            if packed
            else None
        )
        self.documents = 0

    def add(self, documents: Sequence[Json]) -> None:
        """Write some documents."""
        lines = b"".join(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE) for document in documents)
        if self._lines is None:
            self._out.write(lines)
        else:
            self._lines.write(lines)
        self.documents += len(documents)

    def finish(self) -> StoredFile:
        """End the file; its length and checksum."""
        if self._lines is not None:
            self._lines.close()
        return StoredFile(bytes=self._out.bytes, sha256=self._out.digest.hexdigest())


class CountingFile:
    """A file that counts and digests what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> int:
        """Write to the file."""
        self.digest.update(data)
        self.bytes += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Write out what is buffered."""
        self._file.flush()
