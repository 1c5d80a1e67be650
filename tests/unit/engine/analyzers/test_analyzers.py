"""Analyzers against the outputs that ArangoDB's manual prints for its examples."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.engine.analyzers import ANALYZERS, open_analyzer, open_built_in, tokens_of
from mcp_arangodb_async.engine.errors import ArangoError

NORM = {"locale": "en", "accent": False, "case": "lower"}
ADDRESS = "Test\twith An_EMAIL-address+123@example.org\n蝴蝶。\u2028бутерброд"

# (type, properties, input, tokens); the outputs are those printed in "Transforming data with Analyzers".
MANUAL: tuple[tuple[str, dict[str, Any], Any, Any], ...] = (
    (
        "text",
        {"locale": "en", "stopwords": ["a", "example"]},
        "UPPER & lower, a Stemming Example.",
        ["upper", "lower", "stem"],
    ),
    ("identity", {}, "UPPER lower dïäcríticš", ["UPPER lower dïäcríticš"]),
    ("delimiter", {"delimiter": ","}, 'foo,bar,baz,"bar,baz"', ["foo", "bar", "baz", "bar,baz"]),
    ("delimiter", {"delimiter": "-> "}, "some-> hand-picked-> words", ["some", "hand-picked", "words"]),
    (
        "multi_delimiter",
        {"delimiters": [",", ";", "||"]},
        "differently,delimited;words||one|token",
        ["differently", "delimited", "words", "one|token"],
    ),
    (
        "multi_delimiter",
        {"delimiters": [","]},
        'foo,bar,baz,"bar,baz"',
        ["foo", "bar", "baz", '"bar', 'baz"'],
    ),
    ("stem", {"locale": "en"}, "databases", ["databas"]),
    ("norm", {"locale": "en", "case": "upper"}, "UPPER lower dïäcríticš", ["UPPER LOWER DÏÄCRÍTICŠ"]),
    ("norm", {"locale": "en", "accent": False}, "UPPER lower dïäcríticš", ["UPPER lower diacritics"]),
    ("norm", NORM, "UPPER lower dïäcríticš", ["upper lower diacritics"]),
    (
        "ngram",
        {"min": 3, "max": 3, "preserveOriginal": False, "streamType": "utf8"},
        "foobar",
        ["foo", "oob", "oba", "bar"],
    ),
    (
        "ngram",
        {
            "min": 2,
            "max": 2,
            "preserveOriginal": True,
            "startMarker": "^",
            "endMarker": "$",
            "streamType": "utf8",
        },
        "foobar",
        ["^fo", "^foobar", "foobar$", "oo", "ob", "ba", "ar$"],
    ),
    (
        "ngram",
        {"min": 4, "max": 5, "preserveOriginal": True},
        "foobar",
        ["foob", "fooba", "foobar", "ooba", "oobar", "obar"],
    ),
    ("ngram", {"min": 4, "max": 5, "preserveOriginal": False}, "foo", []),
    (
        "text",
        {"locale": "en", "stopwords": []},
        "Crazy fast NoSQL-database!",
        ["crazi", "fast", "nosql", "databas"],
    ),
    (
        "text",
        {"locale": "en", "stemming": False, "stopwords": []},
        "Crazy fast NoSQL-database!",
        ["crazy", "fast", "nosql", "database"],
    ),
    (
        "text",
        {
            "edgeNgram": {"min": 3, "max": 8, "preserveOriginal": True},
            "locale": "en",
            "case": "lower",
            "accent": False,
            "stemming": False,
            "stopwords": ["the"],
        },
        "The quick brown fox jumps over the dogWithAVeryLongName",
        [
            "qui",
            "quic",
            "quick",
            "bro",
            "brow",
            "brown",
            "fox",
            "jum",
            "jump",
            "jumps",
            "ove",
            "over",
            "dog",
            "dogw",
            "dogwi",
            "dogwit",
            "dogwith",
            "dogwitha",
            "dogwithaverylongname",
        ],
    ),
    (
        "stopwords",
        {"stopwords": ["616e64", "746865"], "hex": True},
        ["the", "fox", "and", "the", "dog", "and", "a", "theater"],
        [[], ["fox"], [], [], ["dog"], [], ["a"], ["theater"]],
    ),
    (
        "pipeline",
        {
            "pipeline": [
                {"type": "norm", "properties": NORM},
                {"type": "stopwords", "properties": {"stopwords": ["and", "the"]}},
            ]
        },
        ["The", "fox", "AND", "the", "dog", "äñḏ", "a", "ţhéäter"],
        [[], ["fox"], [], [], ["dog"], [], ["a"], ["theater"]],
    ),
    (
        "pipeline",
        {
            "pipeline": [
                {"type": "delimiter", "properties": {"delimiter": ","}},
                {"type": "stem", "properties": {"locale": "en"}},
            ]
        },
        "delimited,stemmable,words",
        ["delimit", "stemmabl", "word"],
    ),
    (
        "segmentation",
        {"break": "alpha"},
        ADDRESS,
        ["test", "with", "an_email", "address", "123", "example.org", "蝴", "蝶", "бутерброд"],
    ),
    ("wildcard", {"ngramSize": 3}, "graph", ["\ufffdgr", "gra", "rap", "aph", "ph\ufffd", "h\ufffd"]),
    (
        "wildcard",
        {"ngramSize": 3, "analyzer": {"type": "norm", "properties": NORM}},
        "Foxx",
        ["\ufffdfo", "fox", "oxx", "xx\ufffd", "x\ufffd"],
    ),
)

BAD: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("delimiter", {}, "delimiter"),
    ("text", {"locale": 1}, "locale"),
    ("text", {"locale": "en", "case": "loud"}, "case"),
    ("ngram", {"min": 0, "max": 2, "preserveOriginal": True}, "min"),
    ("ngram", {"min": 1, "max": 2}, "preserveOriginal"),
    ("pipeline", {"pipeline": []}, "pipeline"),
    ("pipeline", {"pipeline": [{"type": "geojson", "properties": {}}]}, "geojson"),
    ("segmentation", {"break": "lines"}, "break"),
    ("multi_delimiter", {"delimiters": ["a", "ab"]}, "delimiters"),
    ("stopwords", {"stopwords": ["zz"], "hex": True}, "stopwords"),
    ("wildcard", {"ngramSize": 1}, "ngramSize"),
    ("nonesuch", {}, "nonesuch"),
)


@pytest.mark.parametrize(("kind", "properties", "value", "tokens"), MANUAL)
def test_an_example_of_the_manual_gives_the_tokens_printed_there(
    kind: str, properties: dict[str, Any], value: Any, tokens: Any
) -> None:
    assert tokens_of(open_analyzer(kind, properties), value) == tokens


@pytest.mark.parametrize(("kind", "properties", "named"), BAD)
def test_a_wrong_property_is_refused_by_name(kind: str, properties: dict[str, Any], named: str) -> None:
    with pytest.raises(ArangoError, match=named) as caught:
        open_analyzer(kind, properties)
    assert caught.value.num == 10


def test_the_built_in_english_analyzer_stems() -> None:
    tokenize = open_built_in("text_en")
    assert tokenize is not None
    assert tokens_of(tokenize, "Crazy fast NoSQL-database!") == ["crazi", "fast", "nosql", "databas"]
    assert open_built_in("text_xx") is None


def test_positions_count_words_not_ngrams() -> None:
    tokenize = open_analyzer("text", {"locale": "en", "edgeNgram": {"min": 1, "max": 2}, "stemming": False})
    assert [tuple(token) for token in tokenize("ab c")] == [("a", 0), ("ab", 0), ("c", 1)]


def test_an_aql_analyzer_runs_its_query_with_the_text() -> None:
    def run(query: str, parameter: str, /, *, memory_limit: int) -> list[Any]:
        assert (query, memory_limit) == ("RETURN @param", 1_048_576)
        return [parameter, None, 3]

    tokenize = open_analyzer("aql", {"queryString": "RETURN @param", "keepNull": False}, run=run)
    assert [tuple(token) for token in tokenize("x")] == [("x", 0), ("3", 2)]


@given(st.sampled_from(MANUAL), st.text(max_size=60))
def test_any_text_is_cut_into_strings_without_failing(
    example: tuple[str, dict[str, Any], Any, Any], text: str
) -> None:
    kind, properties, _, _ = example
    ascii_only = text.encode("ascii", "ignore").decode()
    tokens = open_analyzer(kind, properties)(ascii_only if kind == "ngram" else text)
    assert all(isinstance(token.term, str) and token.position >= 0 for token in tokens)


def test_every_type_has_an_example() -> None:
    assert set(ANALYZERS) - {"collation"} == {kind for kind, *_ in MANUAL}
