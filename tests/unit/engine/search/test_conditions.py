"""What SEARCH conditions mean, by the manual's rules and examples."""

from __future__ import annotations

import pytest

from .conftest import Searched

DOCUMENTS = [
    {"_key": "a", "text": "The quick brown fox jumps over the lazy dog", "n": 1, "tags": ["x", "y"]},
    {"_key": "b", "text": "some brown fox", "n": 2.5, "tags": ["y"], "o": {"p": "in"}},
    {"_key": "c", "text": "snow fox", "n": 3, "flag": True, "nothing": None},
    {"_key": "d", "text": "lorem ipsum dolor sit amet", "n": "3", "flag": False},
    {"_key": "e", "text": ["lorem", "quick"], "list": [{"q": 1}, {"q": 5}]},
    {"_key": "f", "other": "zebra"},
]

OBJECT_TOKENS = (
    "PHRASE(d.text, {STARTS_WITH: ['qui']}, 0, {WILDCARD: ['b%o_n']}, 0, {LEVENSHTEIN_MATCH: ['foks', 2]}, 0,"
    " {TERMS: ['jump', 'run']}, 0, {IN_RANGE: ['over', 'through', true, false]}, 'text_en')"
)


@pytest.fixture
def texts(searched: Searched) -> Searched:
    """Six documents, every attribute by two analyzers."""
    searched.fill("c", DOCUMENTS)
    link = {"analyzers": ["identity", "text_en"], "includeAllFields": True, "storeValues": "id"}
    searched.view("v", c=link)
    return searched


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        ("d.n == 3", "c"),
        ("3 == d.n", "c"),
        ("d.n != 3", "abdef"),
        ("d.n > 1", "bc"),
        ("1 < d.n", "bc"),
        ("d.n >= 1 AND d.n < 3", "ab"),
        ("d.n IN [1, '3', true]", "ad"),
        ("d.n NOT IN [1, '3']", "bcef"),
        ("d.n IN 1..2", "a"),
        ("d.n IN 1..3", "abc"),
        ("d.n IN []", ""),
        ("'y' IN d.tags", "ab"),
        ("d.tags == 'y'", "ab"),
        ("d.list.q > 4", "e"),
        ("d.list[*].q == 1", "e"),
        ("d.o.p == 'in'", "b"),
        ("d['o']['p'] == 'in'", "b"),
        ("d.flag == true", "c"),
        ("d.flag <= true", "cd"),
        ("d.nothing == null", "c"),
        ("d.missing == null", ""),
        ("d.nothing > null", ""),
        ("NOT (d.n == 3 OR d.n == 1)", "bdef"),
        ("true", "abcdef"),
        ("1 == 2", ""),
        ("IN_RANGE(d.n, 1, 3, false, true)", "bc"),
        ("IN_RANGE(d.text, 's', 't', true, false)", "bc"),
        ("ANALYZER(IN_RANGE(d.text, 'a', 'c', true, false), 'text_en')", "abd"),
        ("MIN_MATCH(d.n == 1, d.tags == 'x', d.tags == 'y', 2)", "a"),
        ("MIN_MATCH(d.n == 1, d.tags == 'y', 1)", "ab"),
        ("STARTS_WITH(d.text, 'sno')", "c"),
        ("ANALYZER(STARTS_WITH(d.text, ['lo', 'ips', 'zz'], 2), 'text_en')", "d"),
        ("ANALYZER(STARTS_WITH(d.text, ['lo', 'sno']), 'text_en')", "cde"),
        ("LIKE(d.text, 's%fox')", "bc"),
        ("d.text LIKE '%ip_um%'", "d"),
        ("d.text NOT LIKE '%fox%'", "def"),
        ("ANALYZER(d.text LIKE 'br_wn', 'text_en')", "ab"),
        ("ANALYZER(LEVENSHTEIN_MATCH(d.text, 'quikc', 1), 'text_en')", "ae"),
        ("ANALYZER(LEVENSHTEIN_MATCH(d.text, 'quikc', 1, false), 'text_en')", ""),
        ("ANALYZER(LEVENSHTEIN_MATCH(d.text, 'quikc', 2, false), 'text_en')", "ae"),
        ("ANALYZER(LEVENSHTEIN_MATCH(d.text, 'kc', 1, true, 64, 'qui'), 'text_en')", "ae"),
        ("ANALYZER(LEVENSHTEIN_MATCH(d.text, 'kc', 1, false, 64, 'qui'), 'text_en')", ""),
        ("PHRASE(d.text, 'quick BROWN', 'text_en')", "a"),
        ("PHRASE(d.text, 'brown quick', 'text_en')", ""),
        ("PHRASE(d.text, 'quick', 1, 'foxes', 'text_en')", "a"),
        ("PHRASE(d.text, 'quick', 1, [], 1, 'jumps', 'text_en')", "a"),
        ("PHRASE(d.text, ['lorem', 1, 'dolor', 'sit'], 'text_en')", "d"),
        ("PHRASE(d.text, 'lorem quick', 'text_en')", "e"),
        ("PHRASE(d.text, 'snow fox')", "c"),
        (
            OBJECT_TOKENS,
            "a",
        ),
        ("PHRASE(d.text, [{TERM: 'brown'}, ['dogs', 'foxes']], 'text_en')", "ab"),
        ("ANALYZER(PHRASE(d.text, 'fox') OR PHRASE(d.text, 'snow fox', 'identity'), 'text_en')", "abc"),
        ("EXISTS(d.text)", "abcde"),
        ("EXISTS(d.o)", "b"),
        ("EXISTS(d.n, 'numeric')", "abc"),
        ("EXISTS(d.n, 'string')", "d"),
        ("EXISTS(d.flag, 'bool')", "cd"),
        ("EXISTS(d.nothing, 'null')", "c"),
        ("EXISTS(d.n, 'type')", "abc"),
        ("EXISTS(d.text, 'analyzer', 'text_en')", "abcde"),
        ("EXISTS(d.text, 'analyzer', 'text_de')", ""),
        ("ANALYZER(TOKENS('Quick brown', 'text_en') ALL == d.text, 'text_en')", "a"),
        ("ANALYZER(TOKENS('Quick brown', 'text_en') ANY IN d.text, 'text_en')", "abe"),
        ("ANALYZER(TOKENS('Quick brown', 'text_en') NONE IN d.text, 'text_en')", "cdf"),
        ("ANALYZER(TOKENS('Quick brown fox', 'text_en') AT LEAST (2) == d.text, 'text_en')", "ab"),
        ("[1, 2] ALL < d.n", "bc"),
        ("[] ALL == d.n", "abcdef"),
        ("d.text == 'The quick brown fox jumps over the lazy dog'", "a"),
        ("ANALYZER(d.text == 'Fox', 'text_en')", ""),
        ("LENGTH(d.tags) == 2", "a"),
        ("d.n + 1 == 4 AND d.flag", "c"),
        ("BOOST(d.n == 1, 3) OR d.n == 2.5", "ab"),
    ],
)
def test_a_condition_finds_what_the_manual_says(texts: Searched, condition: str, keys: str) -> None:
    assert texts.keys(condition) == sorted(keys)


@pytest.mark.parametrize(
    ("condition", "number"),
    [
        ("d.n == [1]", 10),
        ("d.n == {}", 10),
        ("d.n IN 'a'", 10),
        ("IN_RANGE(d.n, 1, 'a', true, true)", 10),
        ("LEVENSHTEIN_MATCH(d.text, 'a', 4)", 10),
        ("LEVENSHTEIN_MATCH(d.text, 'a', 5, false)", 10),
        ("ANALYZER(d.text == 'a', 'no_such')", 1202),
        ("EXISTS(d.text, 'colour')", 10),
        ("EXISTS('text')", 9),
        ("PHRASE(d.text, {NOISE: 'a'})", 10),
        ("PHRASE(d.text, true)", 10),
        ("MINHASH_MATCH(d.text, 'a', 0.5, 'identity')", 10),
        ("GEO_DISTANCE(d.text, [1, 2]) < 5", 10),
        ("true OPTIONS {waitForSync: 1}", 10),
        ("true OPTIONS {collections: 'c'}", 10),
    ],
)
def test_a_condition_that_cannot_be_is_refused(texts: Searched, condition: str, number: int) -> None:
    assert texts.number(f"FOR d IN v SEARCH {condition} RETURN d") == number


def test_a_value_may_come_from_an_outer_loop_or_a_parameter(texts: Searched) -> None:
    pairs = texts.rows("FOR i IN [1, 3, 9] FOR d IN v SEARCH d.n == i RETURN [i, d._key]")
    assert pairs == [[1, "a"], [3, "c"]]
    assert texts.keys("d.@name == @value", name="n", value=3) == ["c"]
    assert texts.keys("d.n IN @values", values=[1, 3]) == ["a", "c"]
    assert texts.rows("FOR i IN 1..2 RETURN (FOR d IN v SEARCH d.n >= i SORT d._key RETURN d._key)") == [
        ["a", "b", "c"],
        ["b", "c"],
    ]


def test_without_search_a_view_gives_all_documents(texts: Searched) -> None:
    assert texts.rows("FOR d IN v FILTER d.n == null SORT d._key RETURN d._key") == ["e", "f"]
    assert texts.rows("FOR d IN v COLLECT WITH COUNT INTO n RETURN n") == [6]


def test_options_restrict_a_search_to_collections(texts: Searched) -> None:
    texts.fill("other", [{"_key": "z", "n": 1}])
    texts.view("both", c={"includeAllFields": True}, other={"includeAllFields": True})
    assert texts.keys("d.n == 1", view="both") == ["a", "z"]
    assert texts.keys("d.n == 1 OPTIONS {collections: ['other'], parallelism: 2}", view="both") == ["z"]
    assert texts.keys("d.n == 1 OPTIONS {conditionOptimization: 'none'}", view="both") == ["a", "z"]


def test_search_needs_a_view(texts: Searched) -> None:
    assert texts.number("FOR d IN c SEARCH d.n == 1 RETURN d") == 1501
    assert texts.number("FOR d IN c FILTER PHRASE(d.text, 'a') RETURN d") == 9
    assert texts.number("FOR d IN nowhere SEARCH true RETURN d") == 1203
