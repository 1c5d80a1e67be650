"""Putting a backup back: collections, indexes, documents, views, graphs; and what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from mcp_arangodb_async.connections import closest
from mcp_arangodb_async.connections.names import validate_collection_name, validate_graph_name
from mcp_arangodb_async.errors import ConflictError, InputError, MaaError, NotFoundError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.collections import DOCUMENT, DUPLICATE_NAME, EDGE
from mcp_arangodb_async.operations.dump import collections_of
from mcp_arangodb_async.operations.dump_format import collection_body, index_body, view_body
from mcp_arangodb_async.operations.dump_reading import (
    Line,
    Source,
    SourceCollection,
    find_collection,
    open_named_graphs,
    open_source,
    read_batches,
    verify,
)
from mcp_arangodb_async.operations.folder import Folder, open_folder, parts_below
from mcp_arangodb_async.operations.integrity import check_graph
from mcp_arangodb_async.operations.loading import Loaded, OnConflict, load_batch

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
SHOWN = 50
# Indexes that learn from the documents are made after them.
_AFTERWARDS = {"vector"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """What is restored, and what happens to what exists already.

    `on_conflict` is about documents of the same key, and graphs and views of the same name: `skip` keeps what
    is there, `overwrite` replaces it, `error` stops. `graph_name` gives the backup's only graph another name.
    """

    collections: Sequence[str] | None = None
    graphs: Sequence[str] | None = None
    graph_name: str | None = None
    on_conflict: OnConflict = "error"
    indexes: bool = True
    views: bool = True
    verify: bool = True
    check_integrity: bool = True
    dry_run: bool = False


class Restored(TypedDict):
    """What became of everything in the backup. `completed` is false when an error stopped it early."""

    input_dir: str
    layout: str
    verified: Literal["checksums", "none"]
    completed: bool
    collections: list[Json]
    total_documents_restored: int
    error_count: int
    errors: list[Json]
    graphs: list[Json]
    views: list[Json]
    analyzers: list[Json]
    left_out: list[str]
    integrity_report: Json | None
    dry_run: bool


@dataclass(slots=True, kw_only=True)
class Tally:
    """The counts and the first errors while a restore runs."""

    errors: list[Json] = field(default_factory=list[Json])
    error_count: int = 0
    stopped: bool = False

    def fail(self, **facts: Any) -> None:
        """Count an error; its details are kept while there is room for them."""
        self.error_count += 1
        if len(self.errors) < SHOWN:
            self.errors.append({key: value for key, value in facts.items() if value is not None})


async def restore(
    database: ArangoDatabase, root: Path, given: str, options: RestoreOptions, *, progress: Progress
) -> Restored:
    """Restore the backup `given` below `root`; everything is checked before anything is changed."""
    folder, source = await asyncio.to_thread(_open, root, given, options)
    with folder:
        collections, graphs, views = _chosen(source, options)
        existing = await _existing(database)
        _refuse_other_types(collections, existing, database.key)
        made_graphs = await _look(graphs, await scan.graphs(database), "graph", options)
        made_views = await _look(views, await scan.views(database) if views else [], "view", options)
        tally = Tally()
        told: list[Json] = []
        analyzers: list[Json] = []
        report: Json | None = None
        if options.dry_run:
            told = [_planned(one, existing) for one in collections]
        else:
            analyzers = await _restore_analyzers(database, source.analyzers, tally)
            told = await _restore_collections(database, folder, source, collections, options, tally, progress)
            if not tally.stopped:
                await _restore_views(database, made_views, tally)
                await _restore_graphs(database, made_graphs, tally)
                if options.check_integrity:
                    report = await _integrity(database, collections, graphs, told)
    return Restored(
        input_dir=folder.name or given,
        layout=source.layout,
        verified="checksums" if source.manifest is not None and options.verify else "none",
        completed=not tally.stopped,
        collections=told,
        total_documents_restored=sum(one.get("inserted", 0) + one.get("updated", 0) for one in told),
        error_count=tally.error_count,
        errors=tally.errors,
        graphs=[{"name": body["name"], "action": action} for body, action in made_graphs],
        views=[{"name": body["name"], "action": action} for body, action in made_views],
        analyzers=analyzers or [{"name": one["name"], "action": "create"} for one in source.analyzers],
        left_out=list(source.left_out),
        integrity_report=report,
        dry_run=options.dry_run,
    )


def graphs_of_backup(root: Path, given: str) -> list[str]:
    """The names of the graphs in a backup; its files are not verified."""
    folder, source = _open(root, given, RestoreOptions(verify=False))
    folder.close()
    return [str(graph["name"]) for graph in source.graphs]


def _open(root: Path, given: str, options: RestoreOptions) -> tuple[Folder, Source]:
    """The backup's directory, held open, and what it holds."""
    parts = parts_below(root, given, field="input_dir")
    if parts[-1].endswith(".json"):
        folder = Folder.start(root) if len(parts) == 1 else open_folder(root, "/".join(parts[:-1]))
    else:
        folder = open_folder(root, "/".join(parts))
    try:
        if parts[-1].endswith(".json"):
            return folder, open_named_graphs(folder, parts[-1])
        source = open_source(folder)
        if source.manifest is not None and options.verify:
            verify(folder, source.manifest)
    except BaseException:
        folder.close()
        raise
    return folder, source


def _chosen(source: Source, options: RestoreOptions) -> tuple[list[SourceCollection], list[Json], list[Json]]:
    """What of the backup is restored; every name in it is checked, for it comes from a file."""
    graphs = list(source.graphs)
    if options.graphs is not None:
        known = [str(graph["name"]) for graph in graphs]
        for name in options.graphs:
            if name not in known:
                raise NotFoundError(
                    f"the backup has no graph {name[:80]!r}; it has: {', '.join(known[:20]) or 'none'}",
                    field="graphs",
                    did_you_mean=closest(name, known),
                )
        graphs = [graph for graph in graphs if graph["name"] in options.graphs]
    collections = list(source.collections)
    if options.collections is not None:
        collections = [find_collection(source, name) for name in options.collections]
        names = {one.name for one in collections}
        graphs = [graph for graph in graphs if set(collections_of(graph)) <= names]
    elif options.graphs is not None:
        needed = {name for graph in graphs for name in collections_of(graph)}
        collections = [one for one in collections if one.name in needed]
    if options.graph_name is not None:
        if len(graphs) != 1:
            raise InputError(
                f"graph_name renames the backup's only graph; it has {len(graphs)}", field="graph_name"
            )
        graphs = [{**graphs[0], "name": options.graph_name}]
    for one in collections:
        validate_collection_name(one.name, field="input_dir")
    for graph in graphs:
        validate_graph_name(str(graph["name"]), field="input_dir")
        for name in collections_of(graph):
            validate_collection_name(str(name), field="input_dir")
    wanted = options.views and options.collections is None and options.graphs is None
    views = [view_body(view) for view in source.views] if wanted else []
    # A collection that is sharded like another one is made after it.
    collections.sort(key=lambda one: bool(_parameters(one).get("distributeShardsLike")))
    return collections, graphs, views


def _parameters(collection: SourceCollection) -> Json:
    return collection.structure["parameters"] if collection.structure is not None else {}


async def _existing(database: ArangoDatabase) -> Mapping[str, int]:
    listed = await database.call("GET", "_api", "collection")
    return {row["name"]: row["type"] for row in listed["result"]}


def _refuse_other_types(
    collections: Sequence[SourceCollection], existing: Mapping[str, int], key: str
) -> None:
    words = {DOCUMENT: "documents", EDGE: "edges"}
    wrong = [
        f"{one.name} (it holds {words[existing[one.name]]})"
        for one in collections
        if one.name in existing and (existing[one.name] == EDGE) != one.is_edge
    ]
    if wrong:
        raise ConflictError(
            f"these collections exist with another type: {', '.join(wrong[:20])}",
            field="collections",
            database=key,
        )


async def _look(
    wanted: Sequence[Json], there: Sequence[Json], what: str, options: RestoreOptions
) -> list[tuple[Json, str]]:
    """What to do about each graph or view: create, replace or keep; ConflictError in mode `error`."""
    names = {str(one.get("name") or one.get("_key")) for one in there}
    taken = sorted(str(one["name"]) for one in wanted if one["name"] in names)
    if taken and options.on_conflict == "error":
        raise ConflictError(
            f"{what} {', '.join(taken[:20])} exists already",
            field="on_conflict",
            hint="on_conflict skip keeps what is there, overwrite replaces it",
        )
    present = "replace" if options.on_conflict == "overwrite" else "keep"
    return [(one, present if one["name"] in names else "create") for one in wanted]


def _planned(collection: SourceCollection, existing: Mapping[str, int]) -> Json:
    indexes = (collection.structure or {}).get("indexes", ())
    planned: Json = {
        "collection": collection.name,
        "type": "edge" if collection.is_edge else "document",
        "exists": collection.name in existing,
        "indexes": len(indexes),
    }
    return planned | ({"documents": collection.documents} if collection.documents is not None else {})


async def _restore_analyzers(database: ArangoDatabase, analyzers: Sequence[Json], tally: Tally) -> list[Json]:
    told: list[Json] = []
    for analyzer in analyzers:
        body = {key: analyzer[key] for key in ("name", "type", "properties", "features") if key in analyzer}
        try:
            await database.call("POST", "_api", "analyzer", body=body)
            told.append({"name": body.get("name"), "action": "create"})
        except MaaError as error:
            tally.fail(
                analyzer=body.get("name"), error=error.message, arango_error_num=error.arango_error_num
            )
            told.append({"name": body.get("name"), "action": "failed"})
    return told


async def _restore_collections(
    database: ArangoDatabase,
    folder: Folder,
    source: Source,
    collections: Sequence[SourceCollection],
    options: RestoreOptions,
    tally: Tally,
    progress: Progress,
) -> list[Json]:
    """All collections first, so that graphs find them; then the documents, a collection after the other."""
    made = {one.name: await _make(database, one) for one in collections}
    total = sum(one.documents or 0 for one in collections) or None
    told: list[Json] = []
    done = 0
    for collection in collections:
        await progress(done, total, collection.name)
        indexes = await _make_indexes(database, collection, options, tally, afterwards=False)
        loaded = Loaded()
        batches = read_batches(folder, collection, source)
        while (batch := await asyncio.to_thread(_next, batches)) is not None:
            await _load(database, collection.name, batch, loaded, options, tally)
            await progress(done + loaded.total, total, collection.name)
            if tally.stopped:
                break
        done += loaded.total
        if not tally.stopped:
            indexes += await _make_indexes(database, collection, options, tally, afterwards=True)
        told.append(
            {
                "collection": collection.name,
                "type": "edge" if collection.is_edge else "document",
                "created": made[collection.name],
                "inserted": loaded.inserted,
                "updated": loaded.updated,
                "skipped": loaded.skipped,
                "errors": loaded.errors,
                "total_processed": loaded.total,
                "indexes": indexes,
            }
        )
        if tally.stopped:
            break
    return told


def _next(batches: Iterator[list[Line]]) -> list[Line] | None:
    return next(batches, None)


async def _load(
    database: ArangoDatabase,
    collection: str,
    batch: Sequence[Line],
    loaded: Loaded,
    options: RestoreOptions,
    tally: Tally,
) -> None:
    positions = [line.position for line in batch if line.document is not None]
    documents = [line.document for line in batch if line.document is not None]
    for line in batch:
        if line.document is None:
            loaded.fail()
            tally.fail(collection=collection, position=line.position, error=line.problem)
    for failure in await load_batch(database, collection, documents, loaded, on_conflict=options.on_conflict):
        tally.fail(
            collection=collection,
            position=positions[failure.index],
            _key=failure.key,
            error=failure.message,
            arango_error_num=failure.number,
        )
    if loaded.errors and options.on_conflict == "error":
        tally.stopped = True


async def _make(database: ArangoDatabase, collection: SourceCollection) -> bool:
    """Create the collection as it was; false if it exists."""
    parameters = {**_parameters(collection), "type": EDGE if collection.is_edge else DOCUMENT}
    try:
        await database.call("POST", "_api", "collection", body=collection_body(collection.name, parameters))
    except MaaError as error:
        if error.arango_error_num != DUPLICATE_NAME:
            raise
        return False
    return True


async def _make_indexes(
    database: ArangoDatabase,
    collection: SourceCollection,
    options: RestoreOptions,
    tally: Tally,
    *,
    afterwards: bool,
) -> int:
    """Create its indexes and count those that exist now; unique ones come before the documents they judge."""
    if collection.structure is None or not options.indexes:
        return 0
    made = 0
    for index in collection.structure.get("indexes", ()):
        if (index.get("type") in _AFTERWARDS) is not afterwards or index.get("type") in {"primary", "edge"}:
            continue
        body = index_body(index)
        try:
            await database.call("POST", "_api", "index", params={"collection": collection.name}, body=body)
            made += 1
        except MaaError as error:
            name = index.get("name")
            tally.fail(
                collection=collection.name,
                index=name,
                error=error.message,
                arango_error_num=error.arango_error_num,
            )
    return made


async def _restore_views(database: ArangoDatabase, views: Sequence[tuple[Json, str]], tally: Tally) -> None:
    for view, action in views:
        try:
            if action == "create":
                await database.call("POST", "_api", "view", body=view)
            elif action == "replace":
                facts = {key: value for key, value in view.items() if key not in {"name", "type"}}
                await database.call("PUT", "_api", "view", str(view["name"]), "properties", body=facts)
        except MaaError as error:
            tally.fail(view=view["name"], error=error.message, arango_error_num=error.arango_error_num)


async def _restore_graphs(database: ArangoDatabase, graphs: Sequence[tuple[Json, str]], tally: Tally) -> None:
    for graph, action in graphs:
        try:
            if action == "replace":
                await database.call(
                    "DELETE", "_api", "gharial", graph["name"], params={"dropCollections": False}
                )
            if action != "keep":
                await database.call("POST", "_api", "gharial", body=graph)
        except MaaError as error:
            tally.fail(graph=graph["name"], error=error.message, arango_error_num=error.arango_error_num)


async def _integrity(
    database: ArangoDatabase,
    collections: Sequence[SourceCollection],
    graphs: Sequence[Json],
    told: Sequence[Json],
) -> Json:
    """Whether the database holds what the backup does: counts, and edges that lead nowhere."""
    counts: list[Json] = []
    for one, result in zip(collections, told, strict=False):
        found = await scan.count(database, one.name)
        expected = one.documents if one.documents is not None else result["total_processed"]
        counts.append({"collection": one.name, "in_backup": expected, "in_database": found})
    checked: list[Json] = []
    for graph in graphs:
        described = {
            "name": graph["name"],
            "edge_definitions": [
                {
                    "edge_collection": one["collection"],
                    "from_collections": one["from"],
                    "to_collections": one["to"],
                }
                for one in graph["edgeDefinitions"]
            ],
        }
        checked.append(await check_graph(database, described, orphaned=True, constraints=True, details=False))
    short = [one["collection"] for one in counts if one["in_database"] < one["in_backup"]]
    return {
        "valid": not short and all(one["valid"] for one in checked),
        "counts": counts,
        "collections_with_fewer_documents": short,
        "graphs": checked,
    }
