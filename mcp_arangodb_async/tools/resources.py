"""What can be read by URI: the configured databases, what each of them is made of, and exported rows."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

from mcp_arangodb_async.connections import call_limits
from mcp_arangodb_async.errors import DeadlineError, InputError, LimitError, NotFoundError
from mcp_arangodb_async.operations import collections, graphs, outline
from mcp_arangodb_async.tools.call import Surroundings, described
from mcp_arangodb_async.tools.rows import encode

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

SCHEME = "arangodb://"
MAXIMUM_URI = 2048
MIME_TYPE = "application/json"
MAXIMUM_COMPLETIONS = 100
# What a document that is too long goes without, one after the other, before it is refused.
EXPENDABLE = ("attributes", "schema", "indexes", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One thing to read, or with `{variables}` in its URI a family of them."""

    name: str
    title: str
    uri: str
    description: str
    mime_type: str | None = MIME_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was read; bytes that are no text come as base64 in `blob`. `about` says which part it is."""

    mime_type: str
    text: str | None = None
    blob: str | None = None
    about: Mapping[str, Any] | None = None


DATABASES = Resource(
    name="databases",
    title="Databases",
    uri=f"{SCHEME}databases",
    description="The configured databases: key, what it is about, what may be done to it",
)
SCHEMA = Resource(
    name="schema",
    title="Schema of a database",
    uri=f"{SCHEME}{{database}}/schema",
    description="Collections with counts, indexes and sampled attributes; graphs; views",
)
COLLECTION = Resource(
    name="collection",
    title="Collection",
    uri=f"{SCHEME}{{database}}/collections/{{name}}",
    description="Type, count, indexes, schema and sampled attributes of one collection",
)
GRAPH = Resource(
    name="graph",
    title="Graph",
    uri=f"{SCHEME}{{database}}/graphs/{{name}}",
    description="Edge definitions and vertex collections of one named graph",
)
EXPORT_SCHEME = "export://"
EXPORT = Resource(
    name="export",
    title="Exported rows",
    uri=f"{EXPORT_SCHEME}{{name}}{{?offset}}",
    description="A file that a streaming tool wrote, piece by piece; _meta.next leads to the following one",
    mime_type=None,
)
RESOURCES: tuple[Resource, ...] = (DATABASES,)
TEMPLATES: tuple[Resource, ...] = (SCHEMA, COLLECTION, GRAPH)


def templates(around: Surroundings) -> tuple[Resource, ...]:
    """The families of resources that there are; exports only where environments are configured."""
    return TEMPLATES if around.environments is None else (*TEMPLATES, EXPORT)


def export_uri(name: str, offset: int = 0) -> str:
    """The URI of an exported file, from an offset on."""
    return f"{EXPORT_SCHEME}{name}" + (f"?offset={offset}" if offset else "")


def uri_of(template: Resource, **values: str) -> str:
    """The URI with its variables filled in, percent-encoded."""
    return template.uri.format(**{name: quote(value, safe="") for name, value in values.items()})


def segments_of(uri: str) -> list[str]:
    """The decoded parts of a URI; NotFoundError for one that is none of ours."""
    if len(uri) > MAXIMUM_URI:
        raise InputError(f"the URI is longer than {MAXIMUM_URI} characters", field="uri")
    if not uri.startswith(SCHEME):
        raise no_resource(uri)
    try:
        return [unquote(part, errors="strict") for part in uri.removeprefix(SCHEME).split("/")]
    except UnicodeDecodeError:
        raise InputError("the URI's percent-encoding is not UTF-8", field="uri") from None


def no_resource(uri: str) -> NotFoundError:
    known = ", ".join(resource.uri for resource in (*RESOURCES, *TEMPLATES))
    return NotFoundError(f"no resource {uri[:128]!r}; there are: {known}", field="uri")


async def read(around: Surroundings, uri: str, owner: str) -> Content:
    """A resource, within the limits of any call; it changes nothing. Exports are read by their owner only."""
    if uri.startswith(EXPORT_SCHEME):
        return await read_export(around, uri, owner)
    reading = reader(around, segments_of(uri), uri)
    seconds = around.limits.seconds
    try:
        async with asyncio.timeout(seconds):
            with call_limits(deadline_seconds=seconds, repeatable=True):
                document = await reading()
    except TimeoutError:
        raise DeadlineError(f"{uri[:128]} took longer than {seconds:g} seconds and was stopped") from None
    return Content(mime_type=MIME_TYPE, text=fitted(document, around.limits.bytes))


async def read_export(around: Surroundings, uri: str, owner: str) -> Content:
    """A piece of an exported file, as large as a call may answer; text ends with a line where it can."""
    # Here and not above: only who configured environments pays for them.
    from mcp_arangodb_async.sql.export import no_export
    from mcp_arangodb_async.sql.export_formats import MIME_TYPES

    exports = around.environments.exports if around.environments is not None else None
    if exports is None:
        raise no_resource(uri)
    if len(uri) > MAXIMUM_URI:
        raise no_export()
    name, _, query = uri.removeprefix(EXPORT_SCHEME).partition("?")
    is_text = not name.endswith(".parquet")
    limit = around.limits.bytes
    # Base64 makes four bytes of three.
    piece = await exports.read(
        name, owner, offset=offset_of(query), length=limit if is_text else limit // 4 * 3
    )
    about: dict[str, Any] = {"offset": piece.offset, "bytes": len(piece.content), "size": piece.size}
    if piece.end < piece.size:
        about["next"] = export_uri(name, piece.end)
    kind = MIME_TYPES[piece.format]
    if is_text:
        return Content(mime_type=kind, text=piece.content.decode("utf-8", "replace"), about=about)
    return Content(mime_type=kind, blob=base64.b64encode(piece.content).decode(), about=about)


def offset_of(query: str) -> int:
    """The offset in a URI's query; InputError for anything else there."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    offset = given.pop("offset", "0")
    if given or not offset.isascii() or not offset.isdigit() or len(offset) > 18:
        raise InputError("the URI of an export takes ?offset=<bytes> and nothing else", field="uri")
    return int(offset)


def reader(around: Surroundings, segments: list[str], uri: str) -> Callable[[], Awaitable[dict[str, Any]]]:
    """What reads the resource with these parts; UnknownDatabaseError where the key is not configured."""

    async def database(key: str) -> ArangoDatabase:
        return await around.manager.get_database(key)

    async def databases() -> dict[str, Any]:
        return configured_databases(around)

    async def schema() -> dict[str, Any]:
        return await outline.outline_database(await database(segments[0]))

    async def collection() -> dict[str, Any]:
        shown = await outline.outline_collection(await database(segments[0]), segments[2])
        return {"database": segments[0], **shown}

    async def graph() -> dict[str, Any]:
        return {
            "database": segments[0],
            **await outline.outline_graph(await database(segments[0]), segments[2]),
        }

    match segments:
        case ["databases"]:
            return databases
        case [key, "schema"]:
            chosen = schema
        case [key, "collections", _]:
            chosen = collection
        case [key, "graphs", _]:
            chosen = graph
        case _:
            raise no_resource(uri)
    around.check_key(key)
    return chosen


def configured_databases(around: Surroundings) -> dict[str, Any]:
    """Every configured database as clients may know it, with the URI of its schema."""
    configuration = around.configuration
    return {
        "databases": [
            described(
                {
                    "key": one.key,
                    "database": one.database,
                    "description": one.description,
                    "access": "read" if configuration.read_only else one.access,
                    "schema": uri_of(SCHEMA, database=one.key),
                }
            )
            for one in configuration.databases.values()
        ],
        "default_database": configuration.default_database,
    }


def fitted(document: Mapping[str, Any], maximum: int) -> str:
    """The document's JSON in at most so many bytes: details are left out first, and it says so."""
    encoded = encode(document)
    shown: dict[str, Any] = dict(document)
    for name in EXPENDABLE:
        if len(encoded) <= maximum:
            break
        left = {member: value for member, value in shown.items() if member != name}
        if isinstance(left.get("collections"), list):
            left["collections"] = [
                {member: value for member, value in row.items() if member != name}
                for row in left["collections"]
            ]
        shown = {**left, "left_out": [*shown.get("left_out", ()), name]}
        encoded = encode(shown)
    if len(encoded) > maximum:
        raise LimitError(
            f"the resource is {len(encoded)} bytes, more than the {maximum} that may be returned",
            hint="read single collections and graphs instead, or use arango_list_collections",
        )
    return encoded.decode()


async def known_names(around: Surroundings, kind: str, key: str | None) -> Iterable[str]:
    """The names of a kind (database, collection, graph) that exist; none of a kind that has no names."""
    if kind == "database":
        return around.configuration.databases
    if kind not in {"collection", "graph"}:
        return ()
    if key is None:
        key = next((level.key for level in around.explain(None, None) if level.status == "decides"), None)
    if key is None or key not in around.configuration.databases:
        return ()
    with call_limits(deadline_seconds=around.limits.seconds, repeatable=True):
        database = await around.manager.get_database(key)
        if kind == "collection":
            return await collections.names(database)
        return [graph["name"] for graph in await graphs.list_graphs(database)]


def matching(names: Iterable[str], typed: str) -> list[str]:
    """The names that begin with what was typed, then those that hold it, in any case of letters."""
    wanted = typed.casefold()
    first: list[str] = []
    second: list[str] = []
    for name in names:
        folded = name.casefold()
        if folded.startswith(wanted):
            first.append(name)
        elif wanted in folded:
            second.append(name)
    return first + second
