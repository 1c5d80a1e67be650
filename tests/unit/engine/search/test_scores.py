"""Scores by their formulas."""

from __future__ import annotations

import math

import pytest

from .conftest import Searched

TEXTS = ("foo bar", "foo", "bar", "foo baz", "baz")


@pytest.fixture
def scored(searched: Searched) -> Searched:
    """The five documents of the manual's example for BOOST()."""
    searched.fill("c", [{"_key": str(number), "text": text} for number, text in enumerate(TEXTS)])
    searched.view("v", c={"analyzers": ["text_en"], "includeAllFields": True})
    return searched


def bm25(count: int, length: int, k: float = 1.2, b: float = 0.75) -> float:
    """BM25 of a term that occurs once, of five documents with 7 words."""
    rarity = math.log(1 + (5 - count + 0.5) / (count + 0.5))
    return rarity * (k + 1) / (1 + k * (1 - b + b * length / 1.4))


def test_bm25_is_okapi(scored: Searched) -> None:
    rows = scored.rows(
        'FOR d IN v SEARCH ANALYZER(BOOST(d.text == "foo", 2.5) OR d.text == "bar", "text_en") '
        "LET score = BM25(d) SORT score DESC RETURN [d.text, score]"
    )
    expected = {
        "foo bar": 2.5 * bm25(3, 2) + bm25(2, 2),
        "foo": 2.5 * bm25(3, 1),
        "foo baz": 2.5 * bm25(3, 2),
        "bar": bm25(2, 1),
    }
    assert [text for text, _ in rows] == list(expected)
    assert dict(rows) == pytest.approx(expected)
    assert dict(rows)["foo"] == pytest.approx(1.525835633277893)  # as the manual prints it
    assert dict(rows)["bar"] == pytest.approx(0.9913395643234253)


def test_bm25_takes_its_two_parameters(scored: Searched) -> None:
    query = 'FOR d IN v SEARCH ANALYZER(d.text == "foo", "text_en") SORT d._key RETURN BM25(d, 2.4, 1)'
    assert scored.rows(query) == pytest.approx([bm25(3, length, 2.4, 1) for length in (2, 1, 2)])


def test_tfidf_is_normalised_when_asked(scored: Searched) -> None:
    query = (
        'FOR d IN v SEARCH ANALYZER(d.text == "foo", "text_en") SORT d._key RETURN [TFIDF(d), TFIDF(d, true)]'
    )
    rarity = 1 + math.log(6 / 4)
    plain, normalised = zip(*scored.rows(query), strict=True)
    assert list(plain) == pytest.approx([rarity] * 3)
    assert list(normalised) == pytest.approx([rarity / math.sqrt(length) for length in (2, 1, 2)])


def test_what_filters_nothing_scores_nothing(scored: Searched) -> None:
    assert set(scored.rows("FOR d IN v RETURN BM25(d)")) == {0}
    assert set(scored.rows("FOR d IN v SEARCH true RETURN TFIDF(d)")) == {0}
    assert set(scored.rows("FOR d IN v SEARCH d.n == 1 OR d._key != 'x' RETURN BM25(d)")) == {0}


def test_an_analyzer_without_frequencies_scores_nothing(searched: Searched) -> None:
    searched.analyzer("bare", "identity")
    searched.fill("c", [{"text": "foo"}])
    searched.view("v", c={"analyzers": ["bare"], "includeAllFields": True})
    assert searched.rows("FOR d IN v SEARCH ANALYZER(d.text == 'foo', 'bare') RETURN BM25(d)") == [0]


def test_removed_documents_do_not_count(scored: Searched) -> None:
    query = 'FOR d IN v SEARCH ANALYZER(d.text == "foo", "text_en") SORT d._key RETURN BM25(d)'
    before = scored.rows(query)
    scored.write("c", [{"_key": "9", "text": "more foo words"}])
    assert len(scored.rows(query)) == 4
    scored.rows("REMOVE '9' IN c")
    assert scored.rows(query) == before


def test_scores_outlive_sorting_and_subqueries(scored: Searched) -> None:
    rows = scored.rows(
        'FOR d IN v SEARCH ANALYZER(d.text IN ["foo", "bar"], "text_en") SORT BM25(d) DESC, d._key LIMIT 2 '
        "LET again = FIRST(RETURN TFIDF(d)) RETURN [d._key, again > 0]"
    )
    assert rows == [["0", True], ["2", True]]


def test_scores_are_of_documents_of_views_only(scored: Searched) -> None:
    assert scored.number("FOR d IN c RETURN BM25(d)") == 9
    assert scored.number("FOR d IN c RETURN OFFSET_INFO(d, ['text'])") == 9
    assert scored.number("FOR d IN v RETURN BM25(d, 'k')") == 10
