"""Places of matches in texts, and similar signatures, by the manual's examples and rules."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Searched

# "Search highlighting with ArangoSearch" in ArangoDB's manual.
FOOD = [
    {
        "_key": "avocado",
        "en": "The avocado is a medium-sized, evergreen tree, native to the Americas.",
    },
    {
        "_key": "carrot",
        "en": "The carrot is a root vegetable, typically orange in color, "
        "native to Europe and Southwestern Asia.",
    },
    {
        "_key": "chili",
        "en": "Chili peppers are varieties of the berry-fruit of plants from the genus Capsicum, "
        "cultivated for their pungency.",
    },
    {"_key": "tomato", "en": "The tomato is the edible berry of the tomato plant."},
    {"_key": "list", "en": ["ein Döner", {"sub": "a döner, döner"}], "other": "döner"},
]
FEATURES = ("frequency", "norm", "position", "offset")


@pytest.fixture
def food(searched: Searched) -> Searched:
    """Texts with an analyzer that keeps offsets, and one that does not."""
    searched.fill("food", FOOD)
    searched.analyzer("words", "text", FEATURES, locale="en", stopwords=[])
    searched.analyzer("grams", "ngram", FEATURES, min=3, max=3, preserveOriginal=False, streamType="utf8")
    searched.view("v", food={"includeAllFields": True, "analyzers": ["words", "grams", "text_en"]})
    searched.view(
        "tracked", food={"includeAllFields": True, "analyzers": ["words"], "trackListPositions": True}
    )
    return searched


def found(searched: Searched, condition: str, wanted: Any = "en", view: str = "v") -> dict[str, Any]:
    """The offsets of each document."""
    query = f"FOR d IN {view} SEARCH {condition} RETURN [d._key, OFFSET_INFO(d, @wanted)]"
    return dict(searched.rows(query, wanted=wanted))


def test_the_manuals_example_gives_what_is_printed_there(food: Searched) -> None:
    condition = (
        "ANALYZER(TOKENS('avocado tomato', 'words') ANY == d.en OR "
        "PHRASE(d.en, 'cultivated', 2, 'pungency') OR STARTS_WITH(d.en, 'cap'), 'words')"
    )
    assert {key: info[0]["offsets"] for key, info in found(food, condition).items()} == {
        "avocado": [[4, 7]],
        "chili": [[82, 29], [72, 8]],
        "tomato": [[4, 6], [38, 6]],
    }


@pytest.mark.parametrize(
    ("condition", "offsets"),
    [
        ("d.en == 'tomato'", [[4, 6], [38, 6]]),
        ("d.en IN ['berri', 'tomato']", [[25, 5], [4, 6], [38, 6]]),
        ("d.en == 'tomato' AND PHRASE(d.en, 'edible berry')", [[4, 6], [38, 6], [18, 12]]),
        ("d.en == 'tomato' AND NOT (d.en == 'carrot')", [[4, 6], [38, 6]]),
        ("(d.en == 'berri' AND d.en == 'carrot') OR d.en == 'plant'", [[45, 5]]),
        ("PHRASE(d.en, 'the tomato')", [[0, 10], [34, 10]]),
        ("PHRASE(d.en, {STARTS_WITH: ['edi']}, 0, {TERMS: ['berri', 'fruit']})", [[18, 12]]),
        ("BOOST(LEVENSHTEIN_MATCH(d.en, 'tomato', 1), 2)", [[4, 6], [38, 6]]),
        ("d.en == 'tomato' OR BOOST(d.n == 1, 2) OR true", [[4, 6], [38, 6]]),
        ("ANALYZER(NGRAM_MATCH(d.en, 'edible ber', 1), 'grams')", [[18, 10]]),
        ("ANALYZER(d.en == 'tomato', 'text_en')", []),  # that analyzer keeps no offsets
        ("d._key == 'tomato'", []),
    ],
)
def test_each_part_of_a_condition_names_its_places(
    food: Searched, condition: str, offsets: list[list[int]]
) -> None:
    info = found(food, f"ANALYZER({condition}, 'words') AND ANALYZER(d._key == 'tomato', 'words')")
    assert info["tomato"] == [{"name": ["en"], "offsets": offsets}]


def test_offsets_count_bytes_and_a_path_may_lead_into_arrays(food: Searched) -> None:
    paths = ["en[0]", "en[1].sub", "en[7]", "other", "missing"]
    for view in ("v", "tracked"):
        place = "d.en[0]" if view == "tracked" else "d.en"
        condition = f"ANALYZER({place} == 'doner' OR d.en.sub == 'doner' OR d.other == 'doner', 'words')"
        info = {tuple(each["name"]): each["offsets"] for each in found(food, condition, paths, view)["list"]}
        assert info[("en", 0)] == [[4, 6]]
        assert info[("en", 1, "sub")] == ([[2, 6], [10, 6]] if view == "v" else [])
        assert info[("en", 7)] == info[("missing",)] == []
        assert info[("other",)] == [[0, 6]]


@pytest.mark.parametrize(
    ("options", "offsets"),
    [
        ({}, [[4, 6], [38, 6], [0, 10], [34, 10]]),
        ({"maxOffsets": 3}, [[4, 6], [38, 6], [0, 10]]),
        ({"limits": {"term": 1, "phrase": 1}}, [[4, 6], [0, 10]]),
        ({"limits": {"phrase": 0}}, [[4, 6], [38, 6]]),
        ({"maxOffsets": 0}, []),
    ],
)
def test_limits_say_how_many_places_are_wanted(
    food: Searched, options: dict[str, Any], offsets: list[list[int]]
) -> None:
    rule = {"name": "en", "options": options}
    condition = "ANALYZER(d.en == 'tomato' AND PHRASE(d.en, 'the tomato'), 'words')"
    assert found(food, condition, [rule])["tomato"] == [{"name": ["en"], "offsets": offsets}]


@pytest.mark.parametrize(
    "wanted", [7, [""], ["a..b"], [{"name": 1}], [{"name": "en", "options": 3}], ["a[x]"]]
)
def test_what_is_no_path_is_null_with_a_warning(food: Searched, wanted: Any) -> None:
    result = food.database.query("FOR d IN v LIMIT 1 RETURN OFFSET_INFO(d, @wanted)", {"wanted": wanted})
    assert list(result.rows) == [None]
    assert [num for num, _ in result.ctx.warnings] == [1542]


def test_signatures_approximate_how_much_texts_share(searched: Searched) -> None:
    inner = {"type": "segmentation", "properties": {"break": "alpha", "case": "lower"}}
    searched.analyzer("hashes", "minhash", analyzer=inner, numHashes=5)
    searched.analyzer("words", "segmentation", **{"break": "alpha", "case": "lower"})
    texts = (
        "The quick brown fox jumps over the lazy dog.",
        "The fox jumps over the crazy dog.",
        "something else",
    )
    searched.fill("c", [{"_key": key, "text": text} for key, text in zip("abc", texts, strict=True)])
    searched.view("v", c={"fields": {"text": {"analyzers": ["hashes"]}}})
    # The numbers the manual prints for these two texts and this analyzer.
    query = "RETURN JACCARD(TOKENS(@a, @analyzer), TOKENS(@b, @analyzer))"
    binds = {"a": texts[0], "b": texts[1]}
    assert searched.rows(query, **binds, analyzer="hashes") == [0.42857142857142855]
    assert searched.rows(query, **binds, analyzer="words") == [0.5555555555555556]
    for share, keys in ((0.42, ["a", "b"]), (0.43, ["a"]), (1, ["a"])):
        condition = f"MINHASH_MATCH(d.text, {texts[0]!r}, {share}, 'hashes')"
        assert searched.keys(condition) == keys
        assert searched.keys(f"ANALYZER(MINHASH_MATCH(d.text, {texts[0]!r}, {share}), 'hashes')") == keys
    assert searched.number("FOR d IN v SEARCH MINHASH_MATCH(d.text, 'a', 2, 'hashes') RETURN d") == 10
    assert searched.number("FOR d IN v SEARCH MINHASH_MATCH(d.text, 'a', 0.5, 'words') RETURN d") == 10
