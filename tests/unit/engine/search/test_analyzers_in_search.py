"""Searches by analyzers of the database: the manual's examples with what a server answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from .conftest import Searched

POINT = {"type": "Point", "coordinates": [6.937, 50.932]}
PLACES = [[6.937, 50.932], [6.956, 50.941], [6.962, 50.932]]


Position: TypeAlias = list[float]


def geojson(at: Position) -> dict[str, Any]:
    """A position as GeoJSON."""
    return {"type": "Point", "coordinates": at}


def latitude_first(at: Position) -> list[float]:
    """A position the other way round."""
    return [at[1], at[0]]


def named(at: Position) -> dict[str, float]:
    """A position by attributes."""
    return {"lat": at[1], "lng": at[0]}


@pytest.mark.parametrize(
    ("kind", "properties", "shape"),
    [
        ("geojson", {}, geojson),
        ("geo_s2", {"format": "latLngInt"}, geojson),
        ("geopoint", {}, latitude_first),
        ("geopoint", {"latitude": ["lat"], "longitude": ["lng"]}, named),
    ],
)
def test_geo_analyzers_find_by_distance(
    searched: Searched, kind: str, properties: dict[str, Any], shape: Callable[[Position], Any]
) -> None:
    searched.analyzer("geo", kind, **properties)
    searched.fill("c", [{"_key": str(number), "at": shape(at)} for number, at in enumerate(PLACES)])
    searched.write("c", [{"at": "no shape"}, {"at": None}, {}])
    searched.view("v", c={"fields": {"at": {"analyzers": ["geo"]}}})
    point = "GEO_POINT(6.93, 50.94)"
    assert searched.keys(f"ANALYZER(GEO_DISTANCE(d.at, {point}) < 2000, 'geo')") == ["0", "1"]
    assert searched.keys(f"ANALYZER(2000 > GEO_DISTANCE({point}, d.at), 'geo')") == ["0", "1"]
    assert searched.keys(f"ANALYZER(GEO_IN_RANGE(d.at, {point}, 1500, 2000), 'geo')") == ["1"]


def test_geo_analyzers_find_by_area(searched: Searched) -> None:
    searched.analyzer("geo", "geojson")
    area = {"type": "Polygon", "coordinates": [[[6, 50], [6.94, 50], [6.94, 51], [6, 51], [6, 50]]]}
    searched.fill(
        "c", [{"_key": "in", "at": POINT}, {"_key": "out", "at": [8, 50.5]}, {"_key": "area", "at": area}]
    )
    searched.view("v", c={"fields": {"at": {"analyzers": ["geo"]}}})
    assert searched.keys("ANALYZER(GEO_CONTAINS(@area, d.at), 'geo')", area=area) == ["area", "in"]
    assert searched.keys("ANALYZER(GEO_CONTAINS(d.at, @point), 'geo')", point=POINT) == ["area"]
    assert searched.keys("ANALYZER(GEO_INTERSECTS(d.at, @area), 'geo')", area=area) == ["area", "in"]


def test_an_analyzer_may_run_a_query(searched: Searched) -> None:
    query = "FILTER LOWER(LEFT(@param, 2)) != 'ir' RETURN @param"
    searched.analyzer("filter", "aql", queryString=query)
    searched.fill("c", [{"_key": "a", "value": "regular"}, {"_key": "b", "value": "irregular"}])
    searched.view("v", c={"fields": {"value": {"analyzers": ["filter"]}}})
    assert searched.keys("ANALYZER(d.value IN ['regular', 'irregular'], 'filter')") == ["a"]
    assert searched.rows("RETURN TOKENS('regular', 'filter')") == [["regular"]]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("PHRASE(d.text, {TERM: 'B'}, 1, {TERM: 'D'}, 'uncollapsed')", 1),
        ("PHRASE(d.text, {TERM: 'B'}, -1, {TERM: 'D'}, 'uncollapsed')", 1),
        ("PHRASE(d.text, {TERM: 'B'}, 1, {TERM: 'D'}, 'collapsed')", 0),
        ("PHRASE(d.text, {TERM: 'B'}, -1, {TERM: 'D'}, 'collapsed')", 1),
    ],
)
def test_positions_may_be_collapsed(searched: Searched, condition: str, count: int) -> None:
    query = "FOR d IN SPLIT(@param, '-') RETURN d"
    for name, collapses in (("collapsed", True), ("uncollapsed", False)):
        features = ["frequency", "position"]
        searched.analyzer(name, "aql", features, collapsePositions=collapses, queryString=query)
    searched.fill("c", [{"text": "A-B-C-D"}])
    searched.view("v", c={"analyzers": ["collapsed", "uncollapsed"], "includeAllFields": True})
    assert len(searched.keys(condition)) == count


@pytest.mark.parametrize(
    ("condition", "is_found"),
    [
        ("NGRAM_MATCH(d.text, 'quick fox', 'bigram')", True),
        ("NGRAM_MATCH(d.text, 'quick blue fox', 0.4, 'bigram')", True),
        ("NGRAM_MATCH(d.text, 'quick blue fox', 0.9, 'bigram')", False),
        ("ANALYZER(NGRAM_MATCH(d.text, 'quick red', 1.0), 'bigram')", True),
        ("NGRAM_MATCH('quick fox', 'quick blue fox', 0.9, 'bigram')", False),
        ("NGRAM_MATCH(d.text, 'quick fox', 'bare')", False),
    ],
)
def test_n_grams_match_by_their_share(searched: Searched, condition: str, is_found: bool) -> None:
    grams: dict[str, Any] = {"min": 2, "max": 2, "preserveOriginal": False, "streamType": "utf8"}
    searched.analyzer("bigram", "ngram", ["frequency", "norm", "position"], **grams)
    searched.analyzer("bare", "ngram", **grams)
    searched.fill("c", [{"_key": "a", "text": "quick red fox"}])
    searched.view("v", c={"analyzers": ["bigram", "bare"], "includeAllFields": True})
    assert searched.keys(condition) == (["a"] if is_found else [])


def test_a_wildcard_analyzer_answers_like(searched: Searched) -> None:
    searched.analyzer("wild", "wildcard", ngramSize=3)
    searched.fill("c", [{"_key": "a", "text": "some brown fox"}, {"_key": "b", "text": "fox"}])
    searched.view("v", c={"fields": {"text": {"analyzers": ["wild"]}}})
    assert searched.keys("ANALYZER(d.text LIKE '%br_wn%', 'wild')") == ["a"]


def test_without_positions_no_phrase_is_found(searched: Searched) -> None:
    searched.analyzer("plain", "text", ["frequency"], locale="en", stopwords=[])
    searched.fill("c", [{"_key": "a", "text": "brown fox"}])
    searched.view("v", c={"analyzers": ["plain"], "includeAllFields": True})
    assert searched.keys("PHRASE(d.text, 'brown fox', 'plain')") == []
    assert searched.keys("PHRASE(d.text, 'fox', 'plain')") == ["a"]


def test_collation_compares_by_language(searched: Searched) -> None:
    searched.analyzer("collation_en", "collation", locale="en")
    searched.fill("c", [{"_key": str(place), "text": text} for place, text in enumerate("aåbz")])
    searched.view("v", c={"analyzers": ["collation_en"], "includeAllFields": True})
    condition = "ANALYZER(d.text < TOKENS('c', 'collation_en')[0], 'collation_en')"
    assert searched.keys(condition) == ["0", "1", "2"]
