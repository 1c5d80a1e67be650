"""What can be read by URI: the configured databases, and what each of them is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

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
RESOURCES: tuple[Resource, ...] = (DATABASES,)
TEMPLATES: tuple[Resource, ...] = (SCHEMA, COLLECTION, GRAPH)


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


async def read(around: Surroundings, uri: str) -> str:
    """The JSON text of a resource, within the limits of any call; it changes nothing."""
    reading = reader(around, segments_of(uri), uri)
    seconds = around.limits.seconds
    try:
        async with asyncio.timeout(seconds):
            with call_limits(deadline_seconds=seconds, repeatable=True):
                document = await reading()
    except TimeoutError:
        raise DeadlineError(f"{uri[:128]} took longer than {seconds:g} seconds and was stopped") from None
    return fitted(document, around.limits.bytes)


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
