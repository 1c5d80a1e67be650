"""Analyzers against the outputs that ArangoDB's manual prints for its examples."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.engine.analyzers import (
    ANALYZERS,
    Signature,
    open_analyzer,
    open_built_in,
    tokens_of,
)
from mcp_arangodb_async.engine.analyzers.signatures import city_hash
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
    assert [token[:2] for token in tokenize("ab c")] == [("a", 0), ("ab", 0), ("c", 1)]


PLACES: tuple[tuple[str, dict[str, Any], str, list[str]], ...] = (
    ("identity", {}, "Ab c", ["Ab c"]),
    ("delimiter", {"delimiter": ", "}, 'a, "b, c", d', ["a", '"b, c"', "d"]),
    ("multi_delimiter", {"delimiters": [",", ";;"]}, "aä,b;;c,", ["aä", "b", "c", ""]),
    ("text", {"locale": "en", "stopwords": ["the"]}, "The databases: stemmed!", ["databases", "stemmed"]),
    ("text", {"locale": "en", "edgeNgram": {"min": 2, "max": 3}}, "fox a", ["fo", "fox"]),
    ("segmentation", {"break": "alpha", "case": "upper"}, " é x-y", ["é", "x", "y"]),
    ("ngram", {"min": 2, "max": 2, "preserveOriginal": True}, "abc", ["ab", "abc", "bc"]),
    ("norm", NORM, "Ä b", ["Ä b"]),
    (
        "pipeline",
        {
            "pipeline": [
                {"type": "delimiter", "properties": {"delimiter": ","}},
                {"type": "norm", "properties": NORM},
                {"type": "delimiter", "properties": {"delimiter": " "}},
                {"type": "stem", "properties": {"locale": "en"}},
            ]
        },
        "Words fit,Well",
        ["Words", "fit", "Well"],
    ),
)


@pytest.mark.parametrize(("kind", "properties", "text", "places"), PLACES)
def test_a_token_knows_what_of_the_text_it_stands_for(
    kind: str, properties: dict[str, Any], text: str, places: list[str]
) -> None:
    found = [text[token.start : token.end] for token in open_analyzer(kind, properties)(text)]
    assert found == places


def test_cutting_a_long_text_looks_at_the_limits_and_ends_when_told() -> None:
    class EnoughError(Exception):
        pass

    looks = 0

    def check() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise EnoughError

    long = "wörd. " * 1_000_000
    given: dict[str, dict[str, Any]] = {
        "text": {"locale": "en"},
        "segmentation": {},
        "norm": NORM,
        "minhash": {"numHashes": 3, "analyzer": {"type": "segmentation", "properties": {}}},
    }
    for kind, properties in given.items():
        looks = 0
        tokenize = open_analyzer(kind, properties, check=check)
        with pytest.raises(EnoughError):
            tokens_of(tokenize, long, check)


def test_a_signature_is_the_one_arangodb_makes() -> None:
    # The words and terms of a test of ArangoDB's search library.
    properties = {"numHashes": 4, "analyzer": {"type": "delimiter", "properties": {"delimiter": " "}}}
    found = list(open_analyzer("minhash", properties)("quick brown fox jumps over the lazy dog"))
    assert [token.term for token in found] == ["aq+fPy7QMmE", "zN55OxHobU0", "fE1vyfdbgBg", "g44ma/eW5Rc"]
    assert {(token.position, token.start, token.end) for token in found} == {(0, 0, 39)}


CITY_HASHES = {
    0: 0x9AE16A3B2F90404F, 1: 0x47A24C13B17E583E, 3: 0x40B4412E33EEFD64, 7: 0xEF296BC3F2781108,
    8: 0xAF3C2FEAECFB8228, 15: 0x319E0DF4926DB491, 16: 0x8935C33C50C919D8, 17: 0xEB5E445E8ED8468F,
    32: 0x37679234EE53FB79, 33: 0xAD3AAC7DAC51DF9C, 64: 0xD99E34A3D23FC336, 65: 0x7F00CDC1C897B2D8,
    128: 0xC1F7EBAE58CB45, 129: 0xBDBB737A717A62C4, 300: 0x39B8A2CF01FA1C5E,
}  # fmt: skip


@pytest.mark.parametrize(("size", "expected"), CITY_HASHES.items())
def test_city_hash_is_the_published_function(size: int, expected: int) -> None:
    assert city_hash(bytes((place * 7 + size) & 255 for place in range(size))) == expected


@given(st.lists(st.integers(0, 2**64 - 1)), st.integers(1, 40))
def test_a_signature_holds_the_smallest_hashes(hashes: list[int], size: int) -> None:
    signature = Signature(size)
    for each in hashes:
        signature.add(each)
    kept = [int.from_bytes(b64decode(term + "="), "little") for term in signature.terms()]
    assert sorted(kept) == sorted(set(hashes))[:size]


def test_an_aql_analyzer_runs_its_query_with_the_text() -> None:
    def run(query: str, parameter: str, /, *, memory_limit: int) -> list[Any]:
        assert (query, memory_limit) == ("RETURN @param", 1_048_576)
        return [parameter, None, 3]

    tokenize = open_analyzer("aql", {"queryString": "RETURN @param", "keepNull": False}, run=run)
    assert [token[:2] for token in tokenize("x")] == [("x", 0), ("3", 2)]


@given(st.sampled_from(MANUAL), st.text(max_size=60))
def test_any_text_is_cut_into_strings_without_failing(
    example: tuple[str, dict[str, Any], Any, Any], text: str
) -> None:
    kind, properties, _, _ = example
    ascii_only = text.encode("ascii", "ignore").decode()
    tokens = open_analyzer(kind, properties)(ascii_only if kind == "ngram" else text)
    for token in tokens:
        assert isinstance(token.term, str)
        assert token.position >= 0
        assert 0 <= token.start <= token.end <= len(text)


def test_every_type_has_an_example() -> None:
    assert set(ANALYZERS) - {"collation", "minhash"} == {kind for kind, *_ in MANUAL}
