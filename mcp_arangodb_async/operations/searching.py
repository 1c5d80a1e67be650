"""Searches in views and inverted indexes as AQL: names quoted or bound, words bound, nothing spliced.

The text is cut into words by the analyzers of the searched fields, on the server; a statement is then built
of one condition for each word and field. An inverted index by itself answers without scores, as in ArangoDB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mcp_arangodb_async.connections import QueryOptions, closest, run_query
from mcp_arangodb_async.connections.names import (
    validate_analyzer_name,
    validate_collection_name,
)
from mcp_arangodb_async.errors import InputError, NotFoundError
from mcp_arangodb_async.operations import scan, views
from mcp_arangodb_async.operations.building import Builder, projection
from mcp_arangodb_async.operations.indexes import INDEX_NOT_FOUND
from mcp_arangodb_async.operations.traversal import Statement

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
Match = Literal["any", "all", "phrase", "prefix", "fuzzy"]
MAXIMUM_TEXT = 1000
MAXIMUM_FIELDS = 20
MAXIMUM_WORDS = 20
# How many letters may differ in a fuzzy match: none in words of up to so many letters, then one, then two.
EXACT_WORD, SHORT_WORD = 2, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for, and where: in a view, or in a collection's inverted index."""

    text: str
    view: str | None = None
    collection: str | None = None
    index: str | None = None
    fields: Sequence[str] = ()
    analyzer: str | None = None
    match: Match = "any"
    limit: int = 20
    return_fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What can be searched: fields with their analyzers, and how AQL reaches them.

    `names_analyzer` is true for views that need ANALYZER(); `open_to` are the analyzers of fields that are
    not listed, where all fields are indexed.
    """

    loop: str
    condition: Literal["SEARCH", "FILTER"]
    bind_vars: Mapping[str, Any]
    fields: Mapping[str, Sequence[str]]
    names_analyzer: bool
    ranked: bool
    open_to: Sequence[str] = ()


async def search_statement(database: ArangoDatabase, search: Search) -> Statement:
    """The statement of a search; InputError or NotFoundError for what cannot be searched."""
    if (search.view is None) == (search.collection is None):
        raise InputError("give view, or collection (with an inverted index), one of the two", field="view")
    if not search.text.strip() or len(search.text) > MAXIMUM_TEXT:
        raise InputError(f"text: should be 1 to {MAXIMUM_TEXT} characters of words", field="text")
    if search.analyzer is not None:
        validate_analyzer_name(search.analyzer)
    place = await (in_index(database, search) if search.view is None else in_view(database, search.view))
    chosen = chosen_fields(place, search)
    words: dict[str, list[str]] = {}
    if search.match != "phrase":
        for analyzer in {analyzer for _, analyzer in chosen}:
            words[analyzer] = await words_of(database, search.text, analyzer)
    return build(place, chosen, words, search)


async def in_view(database: ArangoDatabase, name: str) -> Place:
    """A view as a place to search."""
    properties = await views.get_view(database, name)
    fields: dict[str, Sequence[str]] = {}
    open_to: list[str] = []
    loop = "FOR d IN @@view"
    if properties["type"] == "search-alias":
        for one in properties.get("indexes", ()):
            for index in await scan.indexes(database, one["collection"]):
                if index.get("name") == one["index"]:
                    more, other = index_fields(index)
                    fields |= more
                    open_to += other
        return Place(
            loop=loop,
            condition="SEARCH",
            bind_vars={"@view": name},
            fields=fields,
            names_analyzer=False,
            ranked=True,
            open_to=open_to,
        )
    links: Mapping[str, Json] = properties.get("links") or {}
    for link in links.values():
        shown = views.link_of(link)
        for path, analyzers in shown["fields"].items():
            fields[path] = list(dict.fromkeys([*fields.get(path, ()), *analyzers]))
        open_to += shown.get("all_fields", ())
    return Place(
        loop=loop,
        condition="SEARCH",
        bind_vars={"@view": name},
        fields=fields,
        names_analyzer=True,
        ranked=True,
        open_to=list(dict.fromkeys(open_to)),
    )


def index_fields(index: Mapping[str, Any]) -> tuple[dict[str, Sequence[str]], list[str]]:
    """The fields of an inverted index with their analyzer, and the analyzer of all others if it has them."""
    default = index.get("analyzer") or "identity"
    found: dict[str, Sequence[str]] = {}
    for field in index.get("fields", ()):
        if isinstance(field, str):
            name, analyzer = field, default
        else:
            name, analyzer = field["name"], field.get("analyzer")
        found[name.replace("[*]", "")] = [analyzer or default]
    return found, [default] if index.get("includeAllFields") else []


async def in_index(database: ArangoDatabase, search: Search) -> Place:
    """An inverted index as a place to search; the only one of its collection if none is named."""
    assert search.collection is not None
    validate_collection_name(search.collection)
    inverted = {
        index["name"]: index
        for index in await scan.indexes(database, search.collection)
        if index["type"] == "inverted"
    }
    name = search.index
    if name is None and len(inverted) == 1:
        name = next(iter(inverted))
    if name is None and inverted:
        raise InputError(
            f"index: collection {search.collection!r} has several inverted indexes: {', '.join(inverted)}",
            field="index",
        )
    if name is None or name not in inverted:
        named = f"no inverted index {name[:256]!r}" if name else "no inverted index"
        raise NotFoundError(
            f"{named} on collection {search.collection!r}; there are: {', '.join(inverted) or 'none'}",
            field="index",
            database=database.key,
            arango_error_num=INDEX_NOT_FOUND,
            hint="arango_create_index with type inverted makes one",
            did_you_mean=closest(name or "", inverted),
        )
    fields, _ = index_fields(inverted[name])
    return Place(
        loop="FOR d IN @@collection OPTIONS {indexHint: @index, forceIndexHint: true}",
        condition="FILTER",
        bind_vars={"@collection": search.collection, "index": name},
        fields=fields,
        names_analyzer=False,
        ranked=False,
    )


def chosen_fields(place: Place, search: Search) -> list[tuple[str, str]]:
    """The fields to search, each with an analyzer it is indexed with; InputError for one that is not."""
    wanted = list(dict.fromkeys(search.fields)) or list(place.fields)
    if not wanted:
        raise InputError(
            "fields: all attributes are indexed here: name those to search" if place.open_to
            else "there is nothing indexed to search",
            field="fields",
        )  # fmt: skip
    if len(wanted) > MAXIMUM_FIELDS:
        raise InputError(
            f"fields: {len(wanted)} are more than the {MAXIMUM_FIELDS} one search takes; name some",
            field="fields",
        )
    chosen: list[tuple[str, str]] = []
    for path in wanted:
        analyzers = place.fields.get(path.replace("[*]", "")) or place.open_to
        if not analyzers:
            raise InputError(
                f"fields: {path[:100]!r} is not indexed; these are: {', '.join(list(place.fields)[:50])}",
                field="fields",
                did_you_mean=closest(path, place.fields),
            )
        if search.analyzer is None:
            # The one that cuts into words, where the whole value is indexed as well.
            analyzer = next((one for one in analyzers if one != "identity"), analyzers[0])
        elif search.analyzer in analyzers:
            analyzer = search.analyzer
        elif search.fields:
            raise InputError(
                f"analyzer: {path[:100]!r} is indexed with {', '.join(analyzers)}, not {search.analyzer!r}",
                field="analyzer",
                did_you_mean=analyzers,
            )
        else:
            continue
        chosen.append((path.replace("[*]", ""), analyzer))
    if not chosen:
        known = sorted({analyzer for analyzers in place.fields.values() for analyzer in analyzers})
        raise InputError(
            f"analyzer: no field is indexed with {search.analyzer!r}; there are: {', '.join(known)}",
            field="analyzer",
            did_you_mean=closest(search.analyzer or "", known),
        )
    return chosen


async def words_of(database: ArangoDatabase, text: str, analyzer: str) -> list[str]:
    """The words the analyzer makes of the text."""
    page = await run_query(
        database,
        "RETURN TOKENS(@text, @analyzer)",
        {"text": text, "analyzer": analyzer},
        options=QueryOptions(batch_size=1),
    )
    words = list(dict.fromkeys(word for word in page.rows[0] or () if isinstance(word, str)))
    if len(words) > MAXIMUM_WORDS:
        raise InputError(
            f"text: {len(words)} words are more than the {MAXIMUM_WORDS} one search takes", field="text"
        )
    return words


def build(
    place: Place, chosen: Sequence[tuple[str, str]], words: Mapping[str, Sequence[str]], search: Search
) -> Statement:
    """The statement (pure)."""
    builder = Builder()
    builder.bind_vars |= place.bind_vars
    conditions: list[str] = []
    if search.match == "phrase":
        conditions = [phrase(builder, place, search.text, path, analyzer) for path, analyzer in chosen]
    else:
        # Fields that make the same words of the text stand together: with `all`, each word may be anywhere.
        for some in dict.fromkeys(tuple(one) for one in words.values()):
            fields = [(path, analyzer) for path, analyzer in chosen if tuple(words[analyzer]) == some]
            tests = [
                any_of([wordly(builder, place, word, field, search.match) for field in fields])
                for word in some
            ]
            if tests:
                joint = " OR " if search.match in {"any", "fuzzy"} else " AND "
                conditions.append(f"({joint.join(tests)})")
    if not conditions:
        raise InputError(
            "text: nothing is left of it for the analyzers of the searched fields (stop words?)", field="text"
        )
    parts = [place.loop, f"{place.condition} {any_of(conditions)}"]
    shown = projection(builder, search.return_fields)
    if place.ranked:
        parts.append(f"LET score = BM25(d) SORT score DESC LIMIT {builder.value(search.limit)}")
        parts.append(f"RETURN {{score, document: {shown}}}")
    else:
        parts.append(f"LIMIT {builder.value(search.limit)} RETURN {{document: {shown}}}")
    return Statement(text=" ".join(parts), bind_vars=builder.bind_vars)


def any_of(tests: Sequence[str]) -> str:
    """The tests joined by OR, in parentheses where there are several."""
    return tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})"


def in_analyzer(builder: Builder, place: Place, test: str, analyzer: str) -> str:
    """The test with its analyzer, where the place has to be told."""
    return f"ANALYZER({test}, {builder.value(analyzer)})" if place.names_analyzer else test


def phrase(builder: Builder, place: Place, text: str, path: str, analyzer: str) -> str:
    """The test for the whole text as a phrase."""
    attribute = builder.attribute(path, field="fields")
    return in_analyzer(builder, place, f"PHRASE({attribute}, {builder.value(text)})", analyzer)


def wordly(builder: Builder, place: Place, word: str, field: tuple[str, str], match: Match) -> str:
    """The test for one word in one field with its analyzer."""
    path, analyzer = field
    attribute = builder.attribute(path, field="fields")
    value = builder.value(word)
    if match == "prefix":
        test = f"STARTS_WITH({attribute}, {value})"
    elif match == "fuzzy" and len(word) > EXACT_WORD:
        distance = builder.value(1 if len(word) <= SHORT_WORD else 2)
        test = f"LEVENSHTEIN_MATCH({attribute}, {value}, {distance})"
    else:
        test = f"{attribute} == {value}"
    return in_analyzer(builder, place, test, analyzer)
