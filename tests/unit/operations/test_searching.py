"""Searches as statements: whatever is searched for, the statement is made of our own words alone."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.connections import run_query
from mcp_arangodb_async.connections.statement import describe_statement
from mcp_arangodb_async.errors import InputError, NotFoundError
from mcp_arangodb_async.operations.searching import Match, Place, Search, build, search_statement
from tests.unit.operations.databases import opened

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

MATCHES: tuple[Match, ...] = ("any", "all", "phrase", "prefix", "fuzzy")
VIEW = Place(
    loop="FOR d IN @@view",
    condition="SEARCH",
    bind_vars={"@view": "v"},
    fields={},
    names_analyzer=True,
    ranked=True,
)
INDEX = Place(
    loop="FOR d IN @@collection OPTIONS {indexHint: @index, forceIndexHint: true}",
    condition="FILTER",
    bind_vars={"@collection": "c", "index": "i"},
    fields={},
    names_analyzer=False,
    ranked=False,
)
# Names of bind parameters are numbered; everything else is ours, letter by letter.
OWN = re.compile(r"(?:@@?[a-z]+[0-9]*|[A-Za-z0-9_]+|[ (){}\[\],.:=])*")

names = st.text(min_size=1, max_size=12).filter(lambda text: "." not in text)
paths = st.lists(names, min_size=1, max_size=3).map(".".join)


@given(
    st.text(min_size=1, max_size=30),
    st.lists(st.tuples(paths, st.text(min_size=1, max_size=9)), min_size=1, max_size=4),
    st.lists(st.text(min_size=1, max_size=9), max_size=4),
    st.sampled_from(MATCHES),
    st.sampled_from([VIEW, INDEX]),
)
def test_nothing_of_a_callers_stands_in_the_statement(
    text: str, fields: list[tuple[str, str]], words: list[str], match: Match, place: Place
) -> None:
    cut = dict.fromkeys((analyzer for _, analyzer in fields), words)
    try:
        statement = build(place, fields, cut, Search(text=text, match=match))
    except InputError:
        return
    assert OWN.fullmatch(statement.text)
    assert describe_statement(statement.text).writes == ()


TITLES = ("The quick brown fox", "A brown dog, quick", "Foxglove and quicksand", "nothing")
INVERTED = {"type": "inverted", "name": "inv", "fields": [{"name": "title", "analyzer": "text_en"}]}
ALIAS = {"name": "alias", "type": "search-alias", "indexes": [{"collection": "books", "index": "inv"}]}
EVERYTHING = {
    "name": "all",
    "type": "arangosearch",
    "links": {"books": {"includeAllFields": True, "analyzers": ["text_en"]}},
}
PLACES: dict[str, Search] = {
    "alias": Search(text="", view="alias"),
    "index": Search(text="", collection="books"),
    "view": Search(text="", view="all", fields=["title"]),
}


@asynccontextmanager
async def library() -> AsyncGenerator[ArangoDatabase]:
    """Four books, searched in three ways."""
    async with opened("one") as (database,):
        await database.call("POST", "_api", "collection", body={"name": "books"})
        rows = [{"_key": str(n), "title": title, "extra": {"note": "fox"}} for n, title in enumerate(TITLES)]
        await database.call("POST", "_api", "document", "books", body=rows)
        await database.call("POST", "_api", "index", params={"collection": "books"}, body=INVERTED)
        await database.call("POST", "_api", "view", body=ALIAS)
        await database.call("POST", "_api", "view", body=EVERYTHING)
        yield database


async def found(database: ArangoDatabase, search: Search) -> str:
    """The keys of the hits, in their order."""
    statement = await search_statement(database, search)
    page = await run_query(database, statement.text, statement.bind_vars)
    return "".join(sorted(row["document"]["_key"] for row in page.rows))


@pytest.mark.anyio
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_each_way_to_match_finds_what_it_should(place: Search) -> None:
    async with library() as database:
        assert await found(database, replace(place, text="quick fox")) == "01"
        assert await found(database, replace(place, text="quick fox", match="all")) == "0"
        assert await found(database, replace(place, text="quick brown", match="phrase")) == "0"
        assert await found(database, replace(place, text="fox quick", match="prefix")) == "02"
        assert await found(database, replace(place, text="browm", match="fuzzy")) == "01"


@pytest.mark.anyio
async def test_what_cannot_be_searched_is_said() -> None:
    async with library() as database:
        assert await found(database, Search(text="fox", view="all", fields=["extra.note"])) == "0123"
        with pytest.raises(InputError, match="name those to search"):
            await search_statement(database, Search(text="fox", view="all"))
        with pytest.raises(InputError, match="not indexed"):
            await search_statement(database, Search(text="fox", view="alias", fields=["nope"]))
        with pytest.raises(NotFoundError, match="no inverted index"):
            await search_statement(database, Search(text="fox", collection="books", index="other"))
        for bad in (Search(text=" ", view="all"), Search(text="x"), Search(text="x" * 2000, view="all")):
            with pytest.raises(InputError):
                await search_statement(database, bad)
