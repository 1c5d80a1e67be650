"""What a directory of a backup holds, whichever program wrote it, and its documents batch by batch.

Layouts: ours and arangodump's (`dump_format.py`); and those of release 0.5.4: a JSON array for each
collection, the same for a graph under `vertices` and `edges` with `graph_metadata.json`, and one file with
named graphs.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from typing import Any, Literal, cast

import orjson

from mcp_arangodb_async.errors import InputError, LimitError, NotFoundError
from mcp_arangodb_async.operations.dump import ANALYZERS, GRAPHS, checksum
from mcp_arangodb_async.operations.dump_format import (
    DUMP,
    ENCRYPTION,
    MANIFEST,
    PROGRESS,
    STRUCTURE,
    VIEW,
    WRITER,
    Manifest,
    data_stem,
    decode_manifest,
)
from mcp_arangodb_async.operations.folder import Folder

Json = dict[str, Any]
Layout = Literal["dump", "collections", "graph", "named_graphs"]
METADATA = "graph_metadata.json"
BATCH_ROWS, BATCH_BYTES = 1000, 8 * 1024 * 1024
LONGEST_DOCUMENT = 64 * 1024 * 1024
LARGEST_DEFINITION = 16 * 1024 * 1024
MOST_GRAPHS = 10_000
_CHUNK = 1 << 20
# arangodump until 3.7 wraps each document: 2300 holds one, 2302 says that a key was removed.
_DOCUMENT, _EDGE, _REMOVAL = 2300, 2301, 2302
SAMPLE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCollection:
    """A collection in a backup: its files, and its structure where the layout has one."""

    name: str
    files: tuple[tuple[str, ...], ...]
    is_edge: bool
    structure: Json | None = None
    documents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A backup that was recognised. `manifest` is None for backups of other programs."""

    layout: Layout
    collections: tuple[SourceCollection, ...]
    graphs: tuple[Json, ...] = ()
    views: tuple[Json, ...] = ()
    analyzers: tuple[Json, ...] = ()
    left_out: tuple[str, ...] = ()
    manifest: Manifest | None = None
    envelope: bool | None = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One document of a backup with its position from 1, or why there is none."""

    position: int
    document: Json | None
    size: int
    problem: str = ""


def open_source(folder: Folder) -> Source:
    """Recognise a backup; InputError for a half-written one and for what is none."""
    names = folder.names()
    if METADATA in names:
        return _graph_layout(folder)
    if DUMP in names or MANIFEST in names or any(name.endswith(STRUCTURE) for name in names):
        return _dump_layout(folder, names)
    arrays = [name for name in names if name.endswith(".json") and name != "backup_report.json"]
    if not arrays:
        raise InputError(f"{folder.name!r} holds no backup: neither {DUMP} nor files of collections")
    collections = tuple(_array(folder, name.removesuffix(".json"), (name,)) for name in arrays)
    return Source(layout="collections", collections=collections)


def verify(folder: Folder, manifest: Manifest) -> None:
    """InputError naming what is missing or is not as it was written."""
    names = set(folder.names())
    missing = sorted(set(manifest.files) - names)
    if missing:
        raise InputError(f"the backup {folder.name!r} lacks {', '.join(missing[:10])}")
    changed = [name for name, facts in manifest.files.items() if checksum(folder, name) != facts]
    if changed:
        raise InputError(
            f"the backup {folder.name!r} was changed after it was written: {', '.join(changed[:10])}"
        )


def _definition(folder: Folder, name: str) -> Any:
    with folder.read(name) as file:
        content = file.read(LARGEST_DEFINITION + 1)
    if len(content) > LARGEST_DEFINITION:
        raise LimitError(f"{folder.path_of(name)!r} is too large for a definition")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise InputError(f"{folder.path_of(name)!r} is not JSON: it is damaged or incomplete") from None


def _object(folder: Folder, name: str) -> Json:
    found = _definition(folder, name)
    if not isinstance(found, dict):
        raise InputError(f"{folder.path_of(name)!r} is not a JSON object")
    return cast("Json", found)


def _dump_layout(folder: Folder, names: Sequence[str]) -> Source:
    manifest = None
    head = _object(folder, DUMP) if DUMP in names else {}
    if MANIFEST in names:
        with folder.read(MANIFEST) as file:
            manifest = decode_manifest(file.read(LARGEST_DEFINITION))
    elif PROGRESS in names or head.get("writer") == WRITER:
        raise InputError(
            f"the backup {folder.name!r} is incomplete: it was interrupted while it was written",
            hint="resume it, or restore another one",
        )
    if ENCRYPTION in names:
        with folder.read(ENCRYPTION) as file:
            kind = file.read(64).strip()
        if kind not in {b"none", b""}:
            raise InputError(f"the backup {folder.name!r} is encrypted, which is not read")
    if head.get("useVPack") is True:
        raise InputError(
            "the dump holds VelocyPack, which is not read", hint="dump again with --dump-vpack false"
        )
    data: dict[str, list[str]] = {}
    for name in names:
        stem = data_stem(name)
        if stem is not None:
            data.setdefault(stem, []).append(name)
    collections = [_structured(folder, name, data, manifest) for name in names if name.endswith(STRUCTURE)]
    envelope = head.get("useEnvelope")
    by_name = {one.name: one for one in collections}
    definitions = {
        name: tuple(_rows(folder, by_name[name], envelope)) if name in by_name else ()
        for name in (GRAPHS, ANALYZERS)
    }
    return Source(
        layout="dump",
        collections=tuple(one for one in collections if not one.name.startswith("_")),
        graphs=tuple(_named(graph) for graph in definitions[GRAPHS]),
        views=tuple(_object(folder, name) for name in names if name.endswith(VIEW)),
        analyzers=definitions[ANALYZERS],
        left_out=tuple(sorted(name for name in by_name if name.startswith("_") and name not in definitions)),
        manifest=manifest,
        envelope=envelope if isinstance(envelope, bool) else None,
    )


def _structured(
    folder: Folder, name: str, data: Mapping[str, list[str]], manifest: Manifest | None
) -> SourceCollection:
    structure = _object(folder, name)
    parameters = structure.get("parameters")
    called = cast("Json", parameters).get("name") if isinstance(parameters, dict) else None
    if not isinstance(called, str) or not isinstance(structure.get("indexes", []), list):
        raise InputError(f"{folder.path_of(name)!r} does not describe a collection")
    stem = name.removesuffix(STRUCTURE)
    # Cluster dumps have the checksum in the names of data files only.
    alike = [other for other in data if stem in (other, other.rpartition("_")[0])]
    files = data[min(alike, key=len)] if alike else []
    counted = (
        next((one.documents for one in manifest.collections if one.name == called), None)
        if manifest
        else None
    )
    return SourceCollection(
        name=called,
        files=tuple((file,) for file in sorted(files)),
        is_edge=cast("Json", parameters).get("type") == 3,
        structure=structure,
        documents=counted,
    )


def _rows(folder: Folder, collection: SourceCollection, envelope: Any) -> list[Json]:
    source = Source(layout="dump", collections=(), envelope=envelope if isinstance(envelope, bool) else None)
    lines = islice(read_lines(folder, collection, source), MOST_GRAPHS)
    return [line.document for line in lines if line.document is not None]


def _named(graph: Mapping[str, Any]) -> Json:
    """A graph as ArangoDB's HTTP API takes it, from its document, or as 0.5.4 wrote it down."""
    definitions: list[Json] = graph.get("edgeDefinitions") or graph.get("edge_definitions") or []
    return {
        "name": graph.get("name") or graph.get("_key") or graph.get("graph_name"),
        "edgeDefinitions": [
            {
                "collection": one.get("collection") or one.get("edge_collection"),
                "from": one.get("from")
                or one.get("from_vertex_collections")
                or one.get("from_collections")
                or [],
                "to": one.get("to") or one.get("to_vertex_collections") or one.get("to_collections") or [],
            }
            for one in definitions
        ],
        "orphanCollections": graph.get("orphanCollections") or graph.get("orphan_collections") or [],
    }


def _graph_layout(folder: Folder) -> Source:
    metadata = _object(folder, METADATA)
    properties: Json = metadata.get("graph_properties") or {}
    collections: list[SourceCollection] = []
    for kind in ("vertices", "edges"):
        if kind not in folder.names():
            continue
        with folder.enter(kind) as inner:
            names = [name for name in inner.names() if name.endswith(".json")]
        collections += [
            SourceCollection(name=name.removesuffix(".json"), files=((kind, name),), is_edge=kind == "edges")
            for name in names
        ]
    graph = _named({**properties, "name": metadata.get("graph_name") or properties.get("name")})
    return Source(layout="graph", collections=tuple(collections), graphs=(graph,))


def open_named_graphs(folder: Folder, name: str) -> Source:
    """The file of `arango_backup_named_graphs`, ours and that of 0.5.4."""
    found = _object(folder, name).get("graphs")
    if not isinstance(found, list):
        raise InputError(f"{folder.path_of(name)!r} holds no graphs")
    graphs = [_named(cast("Json", graph)) for graph in cast("list[Any]", found) if isinstance(graph, dict)]
    return Source(layout="named_graphs", collections=(), graphs=tuple(graphs))


def _array(folder: Folder, name: str, file: tuple[str, ...]) -> SourceCollection:
    """A collection of 0.5.4, which noted no type: one of edges if its first documents all have ends."""
    source = Source(layout="collections", collections=())
    collection = SourceCollection(name=name, files=(file,), is_edge=False)
    first = [line.document for line in islice(read_lines(folder, collection, source), SAMPLE)]
    is_edge = bool(first) and all(one is not None and "_from" in one and "_to" in one for one in first)
    return SourceCollection(name=name, files=(file,), is_edge=is_edge)


def read_batches(folder: Folder, collection: SourceCollection, source: Source) -> Iterator[list[Line]]:
    """The documents of a collection, so many at a time that memory stays bounded."""
    batch: list[Line] = []
    size = 0
    for line in read_lines(folder, collection, source):
        batch.append(line)
        size += line.size
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def read_lines(folder: Folder, collection: SourceCollection, source: Source) -> Iterator[Line]:
    """The documents of a collection one by one; what is no document is a line with a problem."""
    position = 0
    for file in collection.files:
        with ExitStack() as stack:
            where = folder
            for part in file[:-1]:
                where = stack.enter_context(where.enter(part))
            opened = stack.enter_context(where.read(file[-1]))
            values = _values(opened, file[-1], source, where.path_of(file[-1]))
            for value, size in values:
                position += 1
                line = _line(position, value, size, source)
                if line is not None:
                    yield line


def _line(position: int, value: Any, size: int, source: Source) -> Line | None:
    if isinstance(value, ValueError):
        return Line(position=position, document=None, size=size, problem=str(value))
    if not isinstance(value, dict):
        return Line(position=position, document=None, size=size, problem="is not a JSON object")
    document = cast("Json", value)
    kind: object = document.get("type")
    members = {"type", "data", "key", "rev"}
    # A document may have a `type` of its own, whatever value it holds.
    wrapped = isinstance(kind, int) and kind in {_DOCUMENT, _EDGE, _REMOVAL} and set(document) <= members
    if source.envelope is True or (source.envelope is None and wrapped):
        if kind == _REMOVAL:
            return None
        inner = document.get("data")
        if not isinstance(inner, dict):
            return Line(
                position=position, document=None, size=size, problem="has an envelope without a document"
            )
        document = cast("Json", inner)
    return Line(position=position, document=document, size=size)


def _values(file: BufferedReader, name: str, source: Source, called: str) -> Iterator[tuple[Any, int]]:
    """Every value of a file with its length; a ValueError in place of one that is no JSON."""
    try:
        if source.layout != "dump":
            yield from _array_values(file, called)
            return
        lines = gzip.GzipFile(fileobj=file) if name.endswith(".gz") else file
        while line := lines.readline(LONGEST_DOCUMENT + 1):
            if len(line) > LONGEST_DOCUMENT:
                raise LimitError(f"{called!r} has a line longer than {LONGEST_DOCUMENT} bytes")
            if line.strip():
                yield _parsed(line), len(line)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(
            f"{called!r} is damaged or incomplete: its compressed data ends in the middle"
        ) from None


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return ValueError(f"is not JSON: {error.msg}")


def _array_values(file: BufferedReader, called: str) -> Iterator[tuple[Any, int]]:
    """The items of a JSON array, however it is laid out, without ever holding more than one."""
    decoder = json.JSONDecoder()
    text, at, ended = "", 0, False
    damaged = InputError(f"{called!r} is not a JSON array: it is damaged or incomplete")
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    started = False
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at < len(text) and not started:
            if text[at] != "[":
                raise damaged
            started, at = True, at + 1
            continue
        if at < len(text) and text[at] == "]":
            return
        if at < len(text):
            try:
                value, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError:
                if ended:
                    raise damaged from None
            else:
                yield value, end - at
                at = end
                continue
        if ended:
            raise damaged
        chunk = file.read(max(_CHUNK, len(text) - at))
        ended = not chunk
        text, at = text[at:] + decode(chunk, ended), 0
        if len(text) > 2 * LONGEST_DOCUMENT:
            raise LimitError(f"{called!r} has a document longer than {LONGEST_DOCUMENT} bytes")


def find_collection(source: Source, name: str) -> SourceCollection:
    """A collection of the backup; NotFoundError listing those there are."""
    for one in source.collections:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in source.collections[:20]) or "none"
    raise NotFoundError(f"the backup has no collection {name[:80]!r}; it has: {known}", field="collections")
