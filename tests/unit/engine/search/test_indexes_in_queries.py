"""Inverted, fulltext, geo and vector indexes in queries."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine.errors import ArangoError

from .conftest import Searched

ROWS = [
    {"_key": "1", "text": "banana orange pear", "vec": [1, 0], "at": [50.9, 6.9], "tags": ["x", "y"]},
    {"_key": "2", "text": "banana apple", "vec": [0, 1], "at": [50.8, 6.9]},
    {"_key": "3", "text": "applepie", "vec": [0.7, 0.7], "at": [48, 11], "o": {"p": "in"}},
    {"_key": "4", "text": ["x", "Banana"]},
]


@pytest.fixture
def fruit(searched: Searched) -> Searched:
    """Four documents with texts, vectors and places."""
    searched.fill("c", ROWS)
    return searched


def index(searched: Searched, kind: str, fields: list[Any], **more: Any) -> None:
    """Make an index over the documents."""
    searched.database.catalog.create_index("c", {"type": kind, "fields": fields, **more})


def alias(searched: Searched, **more: Any) -> None:
    """Make an inverted index, and a view of it."""
    index(searched, "inverted", more.pop("fields"), name="inv", **more)
    body = {"name": "v", "type": "search-alias", "indexes": [{"collection": "c", "index": "inv"}]}
    searched.database.catalog.create_view(body)


@pytest.mark.parametrize(
    ("definition", "condition", "keys"),
    [
        ({"fields": ["_key", {"name": "text", "analyzer": "text_en"}]}, "d.text == 'banana'", "12"),
        ({"fields": ["text"], "analyzer": "text_en", "searchField": True}, "d.text == 'banana'", "124"),
        ({"fields": ["text"]}, "d.text == 'applepie'", "3"),
        ({"fields": [{"name": "text", "analyzer": "text_en"}]}, "PHRASE(d.text, 'banana apples')", "2"),
        ({"fields": [{"name": "text", "analyzer": "text_en"}]}, "STARTS_WITH(d.text, 'appl')", "23"),
        ({"fields": ["tags[*]"]}, "d.tags == 'y'", "1"),
        ({"fields": ["tags"]}, "d.tags == 'y'", ""),
        ({"fields": ["o.p"]}, "d.o.p == 'in'", "3"),
        ({"fields": ["o.p"]}, "d.o.p == null", "124"),
        ({"fields": ["o.p"]}, "EXISTS(d.o.p)", "3"),
        ({"fields": [], "includeAllFields": True}, "d.o.p == 'in' OR d.tags == 'x'", "13"),
    ],
)
def test_a_search_alias_view_takes_what_its_indexes_take(
    fruit: Searched, definition: dict[str, Any], condition: str, keys: str
) -> None:
    alias(fruit, **definition)
    assert fruit.keys(condition) == list(keys)


def test_an_inverted_index_filters_when_it_is_hinted(fruit: Searched) -> None:
    index(fruit, "inverted", ["_key", {"name": "text", "analyzer": "text_en"}], name="inv")
    loop = "FOR d IN c OPTIONS {indexHint: 'inv', forceIndexHint: true}"
    assert fruit.rows(f"{loop} FILTER PHRASE(d.text, 'banana apple') RETURN d._key") == ["2"]
    assert fruit.rows(f"{loop} FILTER d.text == 'banana' FILTER d._key != '1' RETURN d._key") == ["2"]
    assert fruit.rows(f"{loop} FILTER d.text == 'banana' LET k = d._key FILTER k == '1' RETURN k") == ["1"]
    assert fruit.number(f"{loop} FILTER d.vec == 1 RETURN d") == 1577
    unforced = "FOR d IN c OPTIONS {indexHint: 'inv'} FILTER d.at == null RETURN d._key"
    assert fruit.rows(unforced) == ["4"]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("banana", "124"),
        ("banana,-apple", "14"),
        ("prefix:app", "23"),
        ("PREFIX:app,-banana", "3"),
        ("complete:apple,|orange", "12"),
        ("+banana,+orange", "1"),
        ("-banana", "124"),
        ("orange banana", "1"),
        ("x", ""),
    ],
)
def test_fulltext_finds_words_and_prefixes(fruit: Searched, query: str, keys: str) -> None:
    index(fruit, "fulltext", ["text"], minLength=3)
    found = fruit.rows("FOR d IN FULLTEXT(c, 'text', @query) RETURN d._key", query=query)
    assert found == list(keys)


def test_fulltext_needs_its_index_and_obeys_its_limit(fruit: Searched) -> None:
    assert fruit.number("RETURN FULLTEXT(c, 'text', 'banana')") == 1571
    index(fruit, "fulltext", ["text"], minLength=3)
    assert fruit.rows("RETURN LENGTH(FULLTEXT('c', 'text', 'banana', 2))") == [2]
    assert fruit.rows("RETURN LENGTH(FULLTEXT('c', 'text', 'banana', 0))") == [0]
    assert fruit.rows("RETURN LENGTH(FULLTEXT(@name, 'text', 'banana'))", name="c") == [3]


@pytest.mark.parametrize("query", ["", " ,", "+", "banana,|", "prefix:"])
def test_a_fulltext_query_without_a_word_is_refused(fruit: Searched, query: str) -> None:
    index(fruit, "fulltext", ["text"])
    assert fruit.number(f"RETURN FULLTEXT(c, 'text', '{query}')") == 10


def test_rights_are_asked_for_a_collection_given_by_name(fruit: Searched) -> None:
    index(fruit, "fulltext", ["text"])
    asked: set[str] = set()

    def access(name: str, _: bool) -> None:
        asked.add(name)

    fruit.database.query("RETURN FULLTEXT('c', 'text', 'banana')", {}, access=access)
    assert asked == {"c"}
    asked.clear()
    fruit.view("v", c={"includeAllFields": True})
    fruit.database.query("FOR d IN v RETURN d", {}, access=access)
    assert asked == {"c"}


def test_places_are_found_with_a_geo_index(fruit: Searched) -> None:
    assert fruit.number("RETURN NEAR(c, 50.9, 6.9)") == 1570
    index(fruit, "geo", ["at"])
    assert fruit.rows("RETURN NEAR(c, 50.9, 6.9, 2, 'far')[* RETURN [CURRENT._key, ROUND(CURRENT.far)]]") == [
        [["1", 0], ["2", 11119]]
    ]
    assert fruit.rows("RETURN WITHIN(c, 50.9, 6.9, 20000)[*]._key") == [["1", "2"]]
    assert fruit.rows("RETURN WITHIN_RECTANGLE(c, 47, 10, 49, 12)[*]._key") == [["3"]]


@pytest.mark.parametrize(
    ("function", "metric", "direction", "expected"),
    [
        ("APPROX_NEAR_COSINE", "cosine", "DESC", [["1", 0.9806], ["3", 0.8321], ["2", 0.1961]]),
        ("APPROX_NEAR_L2", "l2", "ASC", [["1", 0.2], ["3", 0.5831], ["2", 1.2806]]),
        ("APPROX_NEAR_INNER_PRODUCT", "innerProduct", "DESC", [["1", 1], ["3", 0.84], ["2", 0.2]]),
    ],
)
def test_vectors_are_compared_exactly(
    fruit: Searched, function: str, metric: str, direction: str, expected: list[Any]
) -> None:
    query = f"FOR d IN c LET s = {function}(d.vec, [1, 0.2]) SORT s {direction} LIMIT 9 RETURN [d._key, s]"
    assert fruit.number(query) == 1554
    index(fruit, "vector", ["vec"], params={"metric": metric, "dimension": 2, "nLists": 1})
    found = fruit.rows(query)
    assert [key for key, _ in found] == [key for key, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-4)
    direct = f"FOR d IN c SORT {function}(d.vec, [1, 0.2], {{nProbe: 3}}) {direction} LIMIT 1 RETURN d._key"
    assert fruit.rows(direct) == ["1"]


def test_similar_vectors_are_found_for_each_document(fruit: Searched) -> None:
    index(fruit, "vector", ["vec"], params={"metric": "cosine", "dimension": 2, "nLists": 1})
    near = "FOR b IN c LET s = APPROX_NEAR_COSINE(b.vec, a.vec) SORT s DESC LIMIT 2 RETURN b._key"
    assert fruit.rows(f"FOR a IN c LIMIT 2 RETURN ({near})") == [["1", "3"], ["2", "3"]]


def test_a_view_cannot_be_read_after_a_write(fruit: Searched) -> None:
    fruit.view("v", c={"includeAllFields": True})
    with pytest.raises(ArangoError) as caught:
        fruit.rows("INSERT {} INTO c FOR d IN v RETURN d")
    assert caught.value.num == 1579
