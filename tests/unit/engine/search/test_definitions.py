"""Analyzers, links and inverted indexes as they are defined: completed, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_arangodb_async.engine import ArangoError, Engine

from .conftest import Searched

# (type, properties given, properties that a server answers with), by the manual's examples and defaults.
COMPLETED: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("identity", {"other": 1}, {}),
    ("delimiter", {"delimiter": ","}, {"delimiter": ","}),
    (
        "text",
        {"locale": "en", "stopwords": []},
        {"locale": "en", "case": "lower", "stopwords": [], "accent": False, "stemming": True},
    ),
    (
        "ngram",
        {"min": 3, "max": 3, "preserveOriginal": False},
        {
            "min": 3,
            "max": 3,
            "preserveOriginal": False,
            "streamType": "binary",
            "startMarker": "",
            "endMarker": "",
        },
    ),
    ("norm", {"locale": "de"}, {"locale": "de", "case": "none", "accent": True}),
    ("segmentation", {}, {"break": "alpha", "case": "lower"}),
    (
        "aql",
        {"queryString": "RETURN SOUNDEX(@param)"},
        {
            "queryString": "RETURN SOUNDEX(@param)",
            "collapsePositions": False,
            "keepNull": True,
            "batchSize": 10,
            "memoryLimit": 1048576,
            "returnType": "string",
        },
    ),
    (
        "pipeline",
        {"pipeline": [{"type": "segmentation"}, {"type": "stem", "properties": {"locale": "en"}}]},
        {
            "pipeline": [
                {"type": "segmentation", "properties": {"break": "alpha", "case": "lower"}},
                {"type": "stem", "properties": {"locale": "en"}},
            ]
        },
    ),
    (
        "geojson",
        {"options": {"maxCells": 5}},
        {"type": "shape", "options": {"maxCells": 5, "minLevel": 4, "maxLevel": 23}, "legacy": False},
    ),
    (
        "geopoint",
        {},
        {"latitude": [], "longitude": [], "options": {"maxCells": 20, "minLevel": 4, "maxLevel": 23}},
    ),
    ("minhash", {"numHashes": 2}, {"numHashes": 2}),
)


@pytest.mark.parametrize(("kind", "given", "completed"), COMPLETED, ids=[kind for kind, *_ in COMPLETED])
def test_an_analyzer_has_all_its_properties(
    searched: Searched, kind: str, given: dict[str, Any], completed: dict[str, Any]
) -> None:
    searched.analyzer("own", kind, **given)
    found = searched.database.catalog.analyzer("own").properties
    assert found == completed
    assert list(found) == list(completed)


@pytest.mark.parametrize(
    ("kind", "properties", "features", "num"),
    [
        ("text", {}, [], 10),
        ("ngram", {"min": 3, "max": 3}, [], 10),
        ("geojson", {"type": "circle"}, [], 10),
        ("geojson", {"options": {"minLevel": 9, "maxLevel": 3}}, [], 10),
        ("geopoint", {"latitude": ["a"]}, [], 10),
        ("geo_s2", {"format": "text"}, [], 10),
        ("pipeline", {"pipeline": [{"type": "aql", "properties": {"queryString": "RETURN 1"}}]}, [], 10),
        ("pipeline", {"pipeline": [{"type": "geojson"}]}, [], 10),
        ("minhash", {}, [], 10),
        ("identity", {}, ["position"], 10),
        ("identity", {}, ["frequency", "offset"], 10),
        ("identity", {}, ["colour"], 10),
        ("classification", {"model_location": "x"}, [], 9),
        ("aql", {"queryString": "RETURN"}, [], 10),
        ("aql", {"queryString": "FOR d IN c RETURN d"}, [], 10),
        ("aql", {"queryString": "RETURN @other"}, [], 10),
        ("aql", {"queryString": "RETURN NOSUCH(@param)"}, [], 10),
    ],
)
def test_an_analyzer_that_cannot_be_is_refused(
    searched: Searched, kind: str, properties: dict[str, Any], features: list[str], num: int
) -> None:
    searched.fill("c", [])
    body = {"name": "own", "type": kind, "properties": properties, "features": features}
    with pytest.raises(ArangoError) as error:
        searched.database.create_analyzer(body)
    assert error.value.num == num
    with pytest.raises(ArangoError):
        searched.database.catalog.analyzer("own")


LINKS: tuple[dict[str, Any], ...] = (
    {"analyzers": ["nosuch"]},
    {"analyzers": "identity"},
    {"analyzers": [1]},
    {"fields": {"a": {"analyzers": ["identity", "nosuch"]}}},
    {"fields": {"a": {"fields": {"b": {"analyzers": ["nosuch"]}}}}},
    {"fields": {"a": {"nested": {"b": {"analyzers": ["nosuch"]}}}}},
    {"fields": {"a": 1}},
    {"includeAllFields": 1},
)


@pytest.mark.parametrize("link", LINKS)
def test_a_link_with_what_is_not_there_is_refused(searched: Searched, link: dict[str, Any]) -> None:
    searched.fill("c", [])
    catalog = searched.database.catalog
    for change in (
        lambda: catalog.create_view({"name": "w", "type": "arangosearch", "links": {"c": link}}),
        lambda: catalog.change_view("v", {"links": {"c": link}}, partial=True),
    ):
        if "v" not in catalog.state().views:
            searched.view("v")
        with pytest.raises(ArangoError) as error:
            change()
        assert error.value.num == 10


@pytest.mark.parametrize(
    "definition",
    [
        {"fields": ["a"], "analyzer": "nosuch"},
        {"fields": [{"name": "a", "analyzer": "nosuch"}]},
        {"fields": [{"name": "a", "nested": [{"name": "b", "analyzer": "nosuch"}]}]},
        {"fields": ["a"], "commitIntervalMsec": "soon"},
        {"fields": ["a"], "consolidationPolicy": {"type": "none"}},
    ],
)
def test_an_inverted_index_with_what_is_not_there_is_refused(
    searched: Searched, definition: dict[str, Any]
) -> None:
    searched.fill("c", [])
    with pytest.raises(ArangoError) as error:
        searched.database.catalog.create_index("c", {"type": "inverted", **definition})
    assert error.value.num == 10


def test_an_inverted_index_is_completed_as_the_manual_prints_it(searched: Searched) -> None:
    searched.fill("products", [])
    fields = ["a", {"name": "b", "analyzer": "text_en"}]
    index, _ = searched.database.catalog.create_index("products", {"type": "inverted", "fields": fields})
    assert index.details == {
        "analyzer": "identity",
        "cleanupIntervalStep": 2,
        "commitIntervalMsec": 1000,
        "consolidationIntervalMsec": 5000,
        "consolidationPolicy": {
            "type": "tier",
            "segmentsBytesMax": 8589934592,
            "maxSkewThreshold": 0.4,
            "minDeletionRatio": 0.5,
        },
        "features": ["frequency", "norm"],
        "fields": [
            {"name": "a"},
            {"name": "b", "analyzer": "text_en", "features": ["frequency", "position", "norm"]},
        ],
        "includeAllFields": False,
        "optimizeTopK": [],
        "primarySort": {"fields": [], "compression": "lz4"},
        "searchField": False,
        "storedValues": [],
        "trackListPositions": False,
        "version": 1,
        "writebufferActive": 0,
        "writebufferIdle": 64,
        "writebufferSizeMax": 33554432,
    }


def test_analyzers_of_the_system_database_are_known_in_others() -> None:
    with Engine.open(None) as engine:
        system = engine.database("_system")
        system.create_analyzer({"name": "csv", "type": "delimiter", "properties": {"delimiter": ","}})
        engine.create_database("other")
        other = engine.database("other")
        other.create_analyzer({"name": "csv", "type": "delimiter", "properties": {"delimiter": ";"}})
        for name, tokens in (("csv", ["a,b", "c"]), ("_system::csv", ["a", "b;c"]), ("::csv", ["a", "b;c"])):
            assert list(other.query("RETURN TOKENS('a,b;c', @name)", {"name": name}).rows) == [tokens]
        other.catalog.create_collection({"name": "c"})
        with other.catalog.begin(write=True) as tx:
            tx.collection("c").insert(tx, {"_key": "k", "text": "a,b;c"})
        link = {"fields": {"text": {"analyzers": ["_system::csv", "csv"]}}}
        other.catalog.create_view({"name": "v", "type": "arangosearch", "links": {"c": link}})
        query = "FOR d IN v SEARCH ANALYZER(d.text == @term, @name) RETURN d._key"
        for name, term in (("_system::csv", "b;c"), ("other::csv", "a,b")):
            assert list(other.query(query, {"term": term, "name": name}).rows) == ["k"]
        with pytest.raises(ArangoError) as error:
            other.catalog.drop_analyzer("_system::csv")
        assert error.value.num == 11
        with pytest.raises(ArangoError):
            system.query("RETURN TOKENS('a', 'other::csv')")
