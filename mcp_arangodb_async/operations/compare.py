"""What differs between two databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

from mcp_arangodb_async.errors import NotFoundError
from mcp_arangodb_async.operations import scan
from mcp_arangodb_async.operations.bulk import Progress
from mcp_arangodb_async.operations.collections import EDGE
from mcp_arangodb_async.operations.dump_format import CREATED_WITH, index_body, view_body

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
# Of each kind of difference so many are named; all are counted.
SHOWN, SHOWN_CONCISE = 100, 10
# What every server decides for itself.
_OWN = {"id", "name"}
KEYS = "FOR d IN @@collection RETURN {_key: d._key}"
ALIKE = "FOR d IN @@collection FILTER d._key IN @keys RETURN d"
THERE = "FOR d IN @@collection FILTER d._key IN @keys RETURN d._key"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """What is compared. `documents` compares them too, by key; `detailed` tells the values that differ."""

    collections: Sequence[str] | None = None
    counts: bool = True
    documents: bool = False
    detailed: bool = False


class Compared(TypedDict):
    """The differences from `source` to `target`: added there, removed there, or changed."""

    source: str
    target: str
    identical: bool
    differences: int
    collections: Json
    graphs: Json
    views: Json
    analyzers: Json
    documents: list[Json] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a database consists of, as far as it is compared."""

    collections: Mapping[str, Json]
    graphs: Mapping[str, Json]
    views: Mapping[str, Json]
    analyzers: Mapping[str, Json]


async def compare(
    source: ArangoDatabase, target: ArangoDatabase, options: CompareOptions, *, progress: Progress
) -> Compared:
    """Compare two databases; nothing is changed."""
    left = await outline(source, options)
    right = await outline(target, options)
    if options.collections is not None:
        lost = [name for name in options.collections if name not in {*left.collections, *right.collections}]
        if lost:
            raise NotFoundError(
                f"neither database has a collection {', '.join(lost[:10])}", field="collections"
            )
    shown = SHOWN if options.detailed else SHOWN_CONCISE

    def section(of: Callable[[Outline], Mapping[str, Json]]) -> Json:
        return differences(of(left), of(right), detailed=options.detailed, shown=shown)

    sections = {
        "collections": section(lambda one: one.collections),
        "graphs": section(lambda one: one.graphs),
        "views": section(lambda one: one.views),
        "analyzers": section(lambda one: one.analyzers),
    }
    documents: list[Json] | None = None
    if options.documents:
        documents = []
        both = [name for name in left.collections if name in right.collections]
        for number, name in enumerate(both):
            await progress(number, len(both), name)
            found = await compare_documents(source, target, name, shown=shown, detailed=options.detailed)
            if found["added"] or found["removed"] or found["changed"]:
                documents.append(found)
        await progress(len(both), len(both), None)
    total = sum(one["added_count"] + one["removed_count"] + one["changed_count"] for one in sections.values())
    total += sum(one["added"] + one["removed"] + one["changed"] for one in documents or ())
    return Compared(
        source=source.key,
        target=target.key,
        identical=total == 0,
        differences=total,
        collections=sections["collections"],
        graphs=sections["graphs"],
        views=sections["views"],
        analyzers=sections["analyzers"],
        documents=documents,
    )


async def outline(database: ArangoDatabase, options: CompareOptions) -> Outline:
    """The outline of a database; restricted to some collections, it leaves graphs and views out."""
    listed = await database.call("GET", "_api", "collection", params={"excludeSystem": True})
    names = sorted(row["name"] for row in listed["result"] if not row["name"].startswith("_"))
    if options.collections is not None:
        names = [name for name in names if name in options.collections]
    collections = {name: await _collection(database, name, counts=options.counts) for name in names}
    if options.collections is not None:
        return Outline(collections=collections, graphs={}, views={}, analyzers={})
    return Outline(
        collections=collections,
        graphs={str(one.get("name") or one["_key"]): _graph(one) for one in await scan.graphs(database)},
        views={one["name"]: _without(view_body(one), _OWN) for one in await scan.views(database)},
        analyzers={
            one["name"]: _without(one, {"name", "revision"}) for one in await scan.analyzers(database)
        },
    )


async def _collection(database: ArangoDatabase, name: str, *, counts: bool) -> Json:
    properties = await scan.properties(database, name)
    facts: Json = {key: properties[key] for key in CREATED_WITH if properties.get(key) is not None}
    facts["type"] = "edge" if properties["type"] == EDGE else "document"
    if "keyOptions" in facts:
        facts["keyOptions"] = _without(facts["keyOptions"], {"lastValue"})
    facts["indexes"] = {
        str(index.get("name") or index["id"]): _without(index_body(index), {"name"})
        for index in await scan.indexes(database, name)
        if index["type"] not in {"primary", "edge"}
    }
    if counts:
        facts["count"] = await scan.count(database, name)
    return facts


def _graph(graph: Mapping[str, Any]) -> Json:
    return {
        "edgeDefinitions": {
            one["collection"]: {"from": sorted(one["from"]), "to": sorted(one["to"])}
            for one in graph.get("edgeDefinitions", ())
        },
        "orphanCollections": sorted(graph.get("orphanCollections", ())),
    }


def _without(facts: Mapping[str, Any], names: set[str]) -> Json:
    return {key: value for key, value in facts.items() if key not in names}


def differences(left: Mapping[str, Json], right: Mapping[str, Json], *, detailed: bool, shown: int) -> Json:
    """What is added, removed and changed from left to right, by name (pure)."""
    added = sorted(set(right) - set(left))
    removed = sorted(set(left) - set(right))
    changed: list[Json] = []
    for name in sorted(set(left) & set(right)):
        paths = changed_paths(left[name], right[name])
        if paths:
            told = paths if detailed else [{"path": one["path"]} for one in paths]
            changed.append({"name": name, "changes": told[:shown], "change_count": len(paths)})
    return {
        "added": added[:shown],
        "removed": removed[:shown],
        "changed": changed[:shown],
        "added_count": len(added),
        "removed_count": len(removed),
        "changed_count": len(changed),
    }


def changed_paths(left: object, right: object, path: str = "") -> list[Json]:
    """The places where two JSON values differ, each with both values (pure).

    Objects are compared member by member, everything else as a whole. What is missing is null.
    """
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return [] if left == right else [{"path": path, "source": left, "target": right}]
    one, other = cast("Json", left), cast("Json", right)
    found: list[Json] = []
    for name in sorted({*one, *other}):
        inner = f"{path}.{name}" if path else name
        if (name in one) != (name in other):
            found.append({"path": inner, "source": one.get(name), "target": other.get(name)})
        elif one[name] != other[name]:
            found += changed_paths(one[name], other[name], inner)
    return found


async def compare_documents(
    source: ArangoDatabase, target: ArangoDatabase, collection: str, *, shown: int, detailed: bool
) -> Json:
    """Compare the documents of a collection by key: each page of one side is looked up on the other.

    Nothing is sorted, and memory holds a page of each side. `_rev` does not count: it differs when the same
    document is written twice.
    """
    found: Json = {"collection": collection, "compared": 0, "added": 0, "removed": 0, "changed": 0}
    keys: dict[str, list[Any]] = {"added": [], "removed": [], "changed": []}

    def note(kind: str, entry: Any) -> None:
        found[kind] += 1
        if len(keys[kind]) < shown:
            keys[kind].append(entry)

    async with aclosing(scan.documents(source, collection)) as pages:
        async for page in pages:
            others = {one["_key"]: one for one in await _by_keys(target, collection, page, ALIKE)}
            for document in page:
                found["compared"] += 1
                key = document["_key"]
                if key not in others:
                    note("removed", key)
                    continue
                paths = changed_paths(_own(document), _own(others[key]))
                if paths:
                    note("changed", {"_key": key, "changes": paths[:shown]} if detailed else key)
    async with aclosing(scan.pages(target, KEYS, {"@collection": collection}, batch_size=5000)) as pages:
        async for page in pages:
            there = set(await _by_keys(source, collection, page, THERE))
            for document in page:
                if document["_key"] not in there:
                    found["compared"] += 1
                    note("added", document["_key"])
    return found | {f"{kind}_keys": sorted(entries, key=str) for kind, entries in keys.items()}


async def _by_keys(database: ArangoDatabase, collection: str, page: Sequence[Json], aql: str) -> list[Any]:
    bind_vars = {"@collection": collection, "keys": [document["_key"] for document in page]}
    found: list[Any] = []
    async with aclosing(scan.pages(database, aql, bind_vars, batch_size=max(1, len(page)))) as pages:
        async for rows in pages:
            found += rows
    return found


def _own(document: Json) -> Json:
    return {key: value for key, value in document.items() if key not in {"_rev", "_id"}}
