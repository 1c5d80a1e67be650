"""The files of a dump: their names as arangodump has them, and our own list of what belongs to it.

A dump is a directory (ArangoDB's client-tools/Dump/DumpFeature.cpp and manual, "arangodump Examples"):

    dump.json                               which database, and whether lines have an envelope
    ENCRYPTION                              "none"
    <collection>_<md5 of its name>.structure.json   {parameters, indexes}
    <collection>_<md5 of its name>.data.json.gz     a document per line
    <view>.view.json                        a view's definition
    manifest.json                           ours, written last: counts, and every file's length and SHA-256

A name with other characters than letters, digits, `_` and `-` is replaced by the collection's id in names
of files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict

from mcp_arangodb_async.errors import InputError

Json = dict[str, Any]
Kind = Literal["document", "edge"]

DUMP, ENCRYPTION, MANIFEST, PROGRESS = "dump.json", "ENCRYPTION", "manifest.json", "progress.json"
STRUCTURE, VIEW = ".structure.json", ".view.json"
# What distinguishes our half-written dumps from arangodump's, which have no manifest either.
WRITER = "mcp-arangodb-async"
FORMAT = 1
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,255}\Z")
_DATA = re.compile(
    r"(?P<stem>.+?)(?P<split>\.[0-9]+)?\.data\.(?P<kind>json|vpack)(?P<packed>\.gz)?\Z", re.DOTALL
)
# Of the properties of a collection, what a new one can be given.
CREATED_WITH = (
    "type", "waitForSync", "keyOptions", "schema", "computedValues", "cacheEnabled", "isSystem",
    "numberOfShards", "replicationFactor", "writeConcern", "shardKeys", "shardingStrategy",
    "distributeShardsLike",
)  # fmt: skip
_INDEX_FACTS = {
    "id", "selectivityEstimate", "figures", "isNewlyCreated", "trainingState", "error", "code", "objectId",
}  # fmt: skip
_VIEW_FACTS = {"id", "globallyUniqueId", "cid", "deleted", "isSystem", "planId", "error", "code"}


class StoredFile(BaseModel):
    """A file's length and checksum as the manifest has them."""

    model_config = ConfigDict(frozen=True)
    bytes: int
    sha256: str


class StoredCollection(BaseModel):
    """A collection in a dump. `limited` is true when it holds only the first documents."""

    model_config = ConfigDict(frozen=True)
    name: str
    type: Kind
    documents: int
    indexes: int = 0
    limited: bool = False
    structure: str
    data: str


class Manifest(BaseModel):
    """What belongs to a dump; it exists only when all of it was written."""

    model_config = ConfigDict(frozen=True)
    writer: str = WRITER
    format: int = FORMAT
    database: str
    created_at: str
    server_version: str | None = None
    consistent: bool
    collections: list[StoredCollection]
    graphs: list[str] = []
    views: list[str] = []
    analyzers: list[str] = []
    files: dict[str, StoredFile]


def stem_of(name: str, identifier: str) -> str:
    """How the files of a collection begin."""
    readable = name if _PLAIN.match(name) else identifier
    return f"{readable}_{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"


def view_file(name: str, identifier: str) -> str:
    """The file of a view's definition."""
    return f"{name if _PLAIN.match(name) else identifier}{VIEW}"


def data_file(stem: str, *, packed: bool) -> str:
    """The file of a collection's documents."""
    return f"{stem}.data.json{'.gz' if packed else ''}"


def data_stem(file: str) -> str | None:
    """The stem of a file of documents, also of a split one; None for others; InputError for VelocyPack."""
    found = _DATA.match(file)
    if found is None:
        return None
    if found["kind"] == "vpack":
        raise InputError(
            f"{file!r} holds VelocyPack, which is not read", hint="dump again without --dump-vpack true"
        )
    return found["stem"]


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest's file, with a checksum of itself."""
    body = manifest.model_dump()
    return orjson.dumps({**body, "checksum": _checksum(body)}, option=orjson.OPT_INDENT_2)


def decode_manifest(content: bytes) -> Manifest:
    """The manifest; InputError when it was changed by hand or by a fault."""
    try:
        body: Json = dict(orjson.loads(content))
        manifest = Manifest.model_validate(body)
    except (ValueError, TypeError):
        raise InputError(f"{MANIFEST} of the backup is damaged") from None
    if manifest.format > FORMAT:
        raise InputError(f"the backup has format {manifest.format}; this version reads up to {FORMAT}")
    if body.get("checksum") != _checksum(manifest.model_dump()):
        raise InputError(f"{MANIFEST} of the backup was changed after it was written")
    return manifest


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def structure_of(properties: Mapping[str, Any], indexes: list[Json]) -> Json:
    """The structure file's content, from what the server says of a collection."""
    left_out = {"error", "code", "status", "statusString", "objectId", "count"}
    parameters = {key: value for key, value in properties.items() if key not in left_out}
    described = [
        {**index, "id": str(index.get("id", "")).rpartition("/")[2]}
        for index in indexes
        if index["type"] not in {"primary", "edge"}
    ]
    for index in described:
        for fact in _INDEX_FACTS - {"id"}:
            index.pop(fact, None)
    identifier = str(properties.get("id", ""))
    return {
        "indexes": described,
        "parameters": {**parameters, "id": identifier, "cid": identifier, "deleted": False},
    }


def collection_body(name: str, parameters: Mapping[str, Any]) -> Json:
    """What creates a collection like the one described."""
    body: Json = {key: parameters[key] for key in CREATED_WITH if parameters.get(key) is not None}
    key_options = body.get("keyOptions")
    if isinstance(key_options, dict):
        body["keyOptions"] = {key: value for key, value in key_options.items() if key != "lastValue"}  # pyright: ignore[reportUnknownVariableType] - JSON of the dump
    return {**body, "name": name}


def index_body(index: Mapping[str, Any]) -> Json:
    """What creates an index like the one described."""
    return {key: value for key, value in index.items() if key not in _INDEX_FACTS and value is not None}


def view_body(view: Mapping[str, Any]) -> Json:
    """What creates a view like the one described."""
    return {key: value for key, value in view.items() if key not in _VIEW_FACTS}
