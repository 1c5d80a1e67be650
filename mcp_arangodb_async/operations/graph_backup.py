"""Backups of named graphs: one with its documents, or many graphs' definitions in one file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import orjson

from mcp_arangodb_async.errors import ConflictError, InputError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.dump import DumpOptions, dump
from mcp_arangodb_async.operations.folder import Folder, parts_below
from mcp_arangodb_async.operations.loading import UNIQUE_CONSTRAINT, OnConflict
from mcp_arangodb_async.operations.restore import RestoreOptions, graphs_of_backup, restore

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]


class GraphDumped(TypedDict):
    """What was written of one graph."""

    graph_name: str
    output_dir: str
    vertex_files: list[Json]
    edge_files: list[Json]
    total_vertex_collections: int
    total_edge_collections: int
    total_documents: int
    metadata_included: bool


class GraphRestored(TypedDict):
    """What became of a graph and its documents; `conflicts` are among `errors` too."""

    graph_name: str
    original_graph_name: str
    input_dir: str
    completed: bool
    restored_vertices: list[Json]
    restored_edges: list[Json]
    graph_created: bool
    conflicts: list[Json]
    errors: list[Json]
    error_count: int
    integrity_report: Json | None
    total_documents_restored: int
    dry_run: bool


class GraphsSaved(TypedDict):
    """Which graphs' definitions are in the file."""

    output_file: str
    graphs_backed_up: list[str]
    missing_graphs: list[str]
    backup_size_bytes: int


async def dump_graph(
    database: ArangoDatabase,
    root: Path,
    name: str,
    *,
    directory: str | None = None,
    document_limit: int | None = None,
    progress: Progress,
) -> GraphDumped:
    """Dump a graph: its definition, its collections with their indexes, and their documents."""
    options = DumpOptions(graphs=[name], directory=directory, document_limit=document_limit)
    dumped = await dump(database, root, options, progress=progress)
    files = {"document": list[Json](), "edge": list[Json]()}
    for one in dumped["written"]:
        files[one["type"]].append({key: one[key] for key in ("collection", "path", "count")})
    return GraphDumped(
        graph_name=name,
        output_dir=dumped["output_dir"],
        vertex_files=files["document"],
        edge_files=files["edge"],
        total_vertex_collections=len(files["document"]),
        total_edge_collections=len(files["edge"]),
        total_documents=dumped["total_documents"],
        metadata_included=True,
    )


async def restore_graph(
    database: ArangoDatabase,
    root: Path,
    given: str,
    *,
    graph_name: str | None = None,
    on_conflict: OnConflict = "error",
    check_integrity: bool = True,
    dry_run: bool = False,
    progress: Progress,
) -> GraphRestored:
    """Restore the graph of a backup, under another name if `graph_name` is none that the backup has."""
    names = await asyncio.to_thread(graphs_of_backup, root, given)
    if graph_name is not None and graph_name in names:
        original = graph_name
    elif len(names) == 1:
        original = names[0]
    else:
        raise InputError(
            f"the backup has {len(names)} graphs ({', '.join(names[:20]) or 'none'}); graph_name chooses one",
            field="graph_name",
        )
    options = RestoreOptions(
        graphs=[original],
        graph_name=graph_name,
        on_conflict=on_conflict,
        check_integrity=check_integrity,
        dry_run=dry_run,
    )
    result = await restore(database, root, given, options, progress=progress)
    told = {"document": list[Json](), "edge": list[Json]()}
    for one in result["collections"]:
        told[one["type"]].append({key: value for key, value in one.items() if key != "type"})
    return GraphRestored(
        graph_name=graph_name or original,
        original_graph_name=original,
        input_dir=result["input_dir"],
        completed=result["completed"],
        restored_vertices=told["document"],
        restored_edges=told["edge"],
        graph_created=result["completed"] and not dry_run and _made(result["graphs"], result["errors"]),
        conflicts=[one for one in result["errors"] if one.get("arango_error_num") == UNIQUE_CONSTRAINT],
        errors=result["errors"],
        error_count=result["error_count"],
        integrity_report=result["integrity_report"],
        total_documents_restored=result["total_documents_restored"],
        dry_run=dry_run,
    )


def _made(graphs: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, Any]]) -> bool:
    failed = {error["graph"] for error in errors if "graph" in error}
    return any(graph["action"] != "keep" and graph["name"] not in failed for graph in graphs)


async def save_graphs(
    database: ArangoDatabase, root: Path, *, file: str | None = None, names: Sequence[str] | None = None
) -> GraphsSaved:
    """Write the definitions of graphs into one new file; names that do not exist are told, not an error."""
    found = {str(graph.get("name") or graph["_key"]): graph for graph in await scan.graphs(database)}
    wanted = list(found) if names is None else list(dict.fromkeys(names))
    there = [name for name in wanted if name in found]
    now = datetime.now(UTC)
    called = file or f"named_graphs_backup_{now:%Y%m%d_%H%M%S_%f}.json"
    if not called.endswith(".json"):
        raise InputError("output_file: must end in .json", field="output_file")
    missing = [name for name in wanted if name not in found]
    content = {
        "backup_timestamp": now.isoformat(),
        "total_graphs": len(there),
        "graphs": [{"name": name, **_definition(found[name])} for name in there],
        "missing_graphs": missing,
    }
    encoded = orjson.dumps(content, option=orjson.OPT_INDENT_2)
    path = await asyncio.to_thread(_save, root, called, encoded)
    return GraphsSaved(
        output_file=path, graphs_backed_up=there, missing_graphs=missing, backup_size_bytes=len(encoded)
    )


def _definition(graph: Mapping[str, Any]) -> Json:
    return {key: value for key, value in graph.items() if key not in {"name", "_key", "_id", "_rev"}}


def _save(root: Path, called: str, content: bytes) -> str:
    parts = parts_below(root, called, field="output_file")
    folder = Folder.start(root, create=True)
    for part in parts[:-1]:
        with folder:
            inner = folder.enter(part, create=True)
        folder = inner
    with folder:
        if parts[-1] in folder.names():
            raise ConflictError(
                f"output_file: {called!r} exists; nothing is overwritten", field="output_file"
            )
        folder.write(parts[-1], content)
        return folder.path_of(parts[-1])
