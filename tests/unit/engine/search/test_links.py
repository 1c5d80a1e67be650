"""Which attributes a view sees."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Searched

DOCUMENT = {
    "_key": "a",
    "x": "in",
    "y": "out",
    "o": {"p": "in", "q": {"r": "in"}},
    "l": ["in", ["in"], {"m": "in"}],
}


@pytest.mark.parametrize(
    ("link", "condition", "is_found"),
    [
        ({"fields": {"x": {}}}, "d.x == 'in'", True),
        ({"fields": {"x": {}}}, "d.y == 'out'", False),
        ({"includeAllFields": True}, "d.o.q.r == 'in'", True),
        ({"includeAllFields": True}, "d._key == 'a'", True),
        ({"includeAllFields": True, "fields": {"o": {"includeAllFields": False}}}, "d.o.p == 'in'", False),
        ({"fields": {"o": {"fields": {"p": {}}}}}, "d.o.p == 'in'", True),
        ({"fields": {"o": {"fields": {"p": {}}}}}, "d.o.q.r == 'in'", False),
        ({"fields": {"o": {"includeAllFields": True}}}, "d.o.q.r == 'in'", True),
        ({"fields": {"x": {"analyzers": ["text_en"]}}}, "d.x == 'in'", False),
        ({"fields": {"x": {"analyzers": ["text_en"]}}}, "ANALYZER(d.x == 'in', 'text_en')", True),
        ({"analyzers": ["text_en"], "fields": {"x": {}}}, "ANALYZER(d.x == 'in', 'text_en')", True),
        ({"fields": {"l": {}}}, "d.l == 'in'", True),
        ({"fields": {"l": {"includeAllFields": True}}}, "d.l.m == 'in'", True),
        ({"fields": {"l": {"trackListPositions": True}}}, "d.l == 'in'", False),
        ({"fields": {"l": {"trackListPositions": True}}}, "d.l[0] == 'in'", True),
        ({"fields": {"l": {"trackListPositions": True}}}, "d.l[3] == 'in'", False),
        ({"fields": {"l": {}}}, "d.l[0] == 'in'", False),
        ({"fields": {"x": {}}}, "EXISTS(d.x)", False),
        ({"storeValues": "id", "fields": {"x": {}}}, "EXISTS(d.x)", True),
    ],
)
def test_a_link_decides_what_is_found(
    searched: Searched, link: dict[str, Any], condition: str, is_found: bool
) -> None:
    searched.fill("c", [DOCUMENT])
    searched.view("v", c=link)
    assert searched.keys(condition) == (["a"] if is_found else [])


def test_a_changed_link_counts_at_once(searched: Searched) -> None:
    searched.fill("c", [DOCUMENT])
    searched.view("v", c={"fields": {"x": {}}})
    assert searched.keys("d.y == 'out'") == []
    searched.database.catalog.change_view("v", {"links": {"c": {"fields": {"y": {}}}}}, partial=True)
    assert searched.keys("d.y == 'out'") == ["a"]
    assert searched.keys("d.x == 'in'") == []


NESTED = [
    {"_key": "a", "dims": [{"type": "height", "value": 35}, {"type": "width", "value": 60}]},
    {"_key": "b", "dims": [{"type": "height", "value": 47}, {"type": "width", "value": 72}]},
    {"_key": "c"},
]


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        ("d.dims[? FILTER CURRENT.type == 'height' AND CURRENT.value > 40]", "b"),
        ("d.dims[? 1..2 FILTER CURRENT.value > 40]", "ab"),
        ("d.dims[? 1 FILTER CURRENT.value > 40]", "a"),
        ("d.dims[? AT LEAST (2) FILTER CURRENT.value > 40]", "b"),
        ("d.dims[? NONE FILTER CURRENT.value > 65]", "ac"),
        ("d.dims[? ALL FILTER CURRENT.value > 40]", "b"),
        ("d._key == 'b' AND d.dims[? FILTER STARTS_WITH(CURRENT.type, 'wi')]", "b"),
    ],
)
def test_nested_searches_ask_of_one_element_at_a_time(searched: Searched, condition: str, keys: str) -> None:
    searched.fill("c", NESTED)
    fields: dict[str, Any] = {"_key": {}, "dims": {"nested": {"type": {}, "value": {}}}}
    searched.view("v", c={"fields": fields})
    assert searched.keys(condition) == list(keys)
    searched.rows("REMOVE 'a' IN c")
    assert searched.keys(condition) == [key for key in keys if key != "a"]
    searched.write("c", [NESTED[0]])
    assert searched.keys(condition) == list(keys)


def test_nested_searches_go_several_levels_deep(searched: Searched) -> None:
    parts = [
        {"part": "frame", "sizes": [{"type": "height", "value": 47}, {"type": "width", "value": 72}]},
        {"part": "canvas", "sizes": [{"type": "height", "value": 35}, {"type": "width", "value": 60}]},
    ]
    searched.fill("c", [{"_key": "a", "parts": parts}])
    sizes: dict[str, Any] = {"nested": {"type": {}, "value": {}}}
    searched.view("v", c={"fields": {"parts": {"nested": {"part": {}, "sizes": sizes}}}})
    inner = "CURRENT.sizes[? FILTER CURRENT.type == 'width' AND CURRENT.value >= 70]"
    deep = f"d.parts[? FILTER CURRENT.part == @part AND {inner}]"
    assert searched.keys(deep, part="frame") == ["a"]
    assert searched.keys(deep, part="canvas") == []
