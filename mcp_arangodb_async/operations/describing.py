"""What an agent has to know of a database before its first query: one bounded document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import orjson

from mcp_arangodb_async.connections import QueryOptions, closest, run_query
from mcp_arangodb_async.connections.names import validate_collection_name
from mcp_arangodb_async.errors import LimitError, NotFoundError
from mcp_arangodb_async.operations import collections, graphs, indexes, views
from mcp_arangodb_async.operations.attributes import Profile
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.together import for_each

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
MAXIMUM_SAMPLE = 1000
# Of so many collections everything is told, of the others name and type.
DETAILED = 50
LISTED = 1000
# Documents larger than this are not fetched: only the types of their attributes are.
LARGE_BYTES = 16 * 1024
LARGE_ATTRIBUTES = 200
# Up to this count half of the sample is taken from the end of the collection: a LIMIT with an offset reads
# what it passes over.
SKIPPED_AT_MOST = 100_000
SAMPLE = """
FOR d IN @@collection
  LIMIT @offset, @count
  RETURN LENGTH(JSON_STRINGIFY(d)) <= @large ? {document: d} : {
    types: ZIP(
      SLICE(ATTRIBUTES(d), 0, @attributes),
      (FOR name IN SLICE(ATTRIBUTES(d), 0, @attributes) RETURN TYPENAME(d[name]))
    )
  }
"""
UNTOLD_INDEXES = frozenset({"primary", "edge"})
INDEX_FACTS = ("type", "name", "fields", "unique", "sparse", "expireAfter", "storedValues")


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeOptions:
    """What to describe: these collections or all, from so many documents each, in so many bytes."""

    collections: Sequence[str] | None = None
    sample: int = 100
    bytes: int = 64 * 1024


class DatabaseDescribed(TypedDict):
    """The parts of a database; `left_out` says what was dropped to stay within the bytes allowed."""

    collections: list[Json]
    graphs: list[Json]
    views: list[Json]
    collection_count: int
    left_out: list[str] | None
    hint: str | None


async def describe(
    database: ArangoDatabase, options: DescribeOptions, *, progress: Progress
) -> DatabaseDescribed:
    """Collections with counts, indexes and sampled attributes; graphs; views."""
    listed = await collections.list_collections(database)
    names = {row["name"] for row in listed}
    chosen = listed
    if options.collections is not None:
        require_known(options.collections, names, database.key)
        wanted = set(options.collections)
        chosen = [row for row in listed if row["name"] in wanted]
    done = 0

    async def detail(row: Json) -> None:
        nonlocal done
        try:
            row |= await described(database, row["name"], names, options.sample)
        except NotFoundError:
            row["dropped"] = True  # by somebody else, since it was listed
        done += 1
        await progress(done, len(chosen[:DETAILED]), row["name"])

    await for_each(chosen[:DETAILED], detail)
    rows = [row for row in chosen[:LISTED] if "dropped" not in row]
    found = DatabaseDescribed(
        collections=rows,
        graphs=(await graphs.list_graphs(database))[:LISTED],
        views=(await views.list_views(database))[:LISTED],
        collection_count=len(listed),
        left_out=None,
        hint=None,
    )
    if len(chosen) > DETAILED:
        found["hint"] = f"only the first {DETAILED} collections are described; name others in `collections`"
    return fitted(found, options.bytes)


def require_known(wanted: Sequence[str], known: Collection[str], database: str) -> None:
    """NotFoundError, with the closest names, for a collection that there is not."""
    for name in wanted:
        validate_collection_name(name, field="collections")
        if name not in known:
            raise NotFoundError(
                f"no collection {name!r} in database {database!r}",
                field="collections",
                database=database,
                arango_error_num=1203,
                did_you_mean=closest(name, known),
            )


async def described(database: ArangoDatabase, name: str, names: Collection[str], sample: int) -> Json:
    """One collection's count, indexes, schema and attributes."""
    properties = await database.call("GET", "_api", "collection", name, "count")
    shown: Json = {"count": properties["count"]}
    own = await indexes.list_indexes(database, name)
    if any(index["type"] not in UNTOLD_INDEXES for index in own):
        shown["indexes"] = [brief(index) for index in own if index["type"] not in UNTOLD_INDEXES]
    if properties.get("schema"):
        shown["schema"] = properties["schema"]
    profile = await sampled(database, name, names, properties["count"], sample)
    if profile.documents:
        shown["sampled"] = profile.documents
        shown["attributes"] = profile.attributes()
        if profile.paths > len(shown["attributes"]):
            shown["more_attributes"] = profile.paths - len(shown["attributes"])
    return shown


def brief(index: Mapping[str, Any]) -> Json:
    """An index without what does not matter for writing a query."""
    return {name: index[name] for name in INDEX_FACTS if index.get(name)}


async def sampled(
    database: ArangoDatabase, name: str, names: Collection[str], count: int, sample: int
) -> Profile:
    """The attributes of the first documents, and of a small collection's last ones as well."""
    profile = Profile(names)
    slices = [(0, min(sample, count))]
    if sample < count <= SKIPPED_AT_MOST:
        slices = [(0, sample - sample // 2), (count - sample // 2, sample // 2)]
    for offset, size in slices:
        if size <= 0:
            continue
        bind_vars = {"@collection": name, "offset": offset, "count": size, "large": LARGE_BYTES}
        page = await run_query(
            database,
            SAMPLE,
            {**bind_vars, "attributes": LARGE_ATTRIBUTES},
            options=QueryOptions(batch_size=size),
        )
        for row in page.rows:
            if "document" in row:
                profile.add(row["document"])
            else:
                profile.add_types(row["types"])
    return profile


def fitted(found: DatabaseDescribed, maximum: int) -> DatabaseDescribed:
    """The description in at most so many bytes: details go first, and it says which (pure)."""
    left_out: list[str] = []
    for name, simpler in SIMPLER.items():
        if size(found) <= maximum:
            break
        found["collections"] = [simpler(row) for row in found["collections"]]
        left_out.append(name)
        found["left_out"] = left_out
        found["hint"] = "name some `collections` to see everything of them"
    for member in ("views", "graphs", "collections"):
        rows: list[Json] = found[member]
        while rows and size(found) > maximum:
            rows = rows[: len(rows) // 2]
            found[member] = rows
            if member not in left_out:
                left_out.append(member)
    if size(found) > maximum:
        raise LimitError(f"the description does not fit into {maximum} bytes", field="collections")
    return found


def size(found: Mapping[str, Any]) -> int:
    """The length of its JSON."""
    return len(orjson.dumps(found))


def without_examples(row: Json) -> Json:
    """A collection without examples of values."""
    attributes = {
        path: {name: value for name, value in one.items() if name != "examples"}
        for path, one in row.get("attributes", {}).items()
    }
    return {**row, "attributes": attributes} if attributes else row


def without_nested(row: Json) -> Json:
    """A collection with its documents' own attributes only."""
    attributes = {
        path: one for path, one in row.get("attributes", {}).items() if "." not in path and "[" not in path
    }
    return {**row, "attributes": attributes} if attributes else row


def without(member: str) -> Callable[[Json], Json]:
    """What leaves a member of a collection out."""

    def simpler(row: Json) -> Json:
        return {name: value for name, value in row.items() if name != member}

    return simpler


# What a description that is too long goes without, one after the other.
SIMPLER: Mapping[str, Callable[[Json], Json]] = {
    "examples": without_examples,
    "nested attributes": without_nested,
    "schema": without("schema"),
    "attributes": without("attributes"),
    "indexes": without("indexes"),
}
