"""Rows are cut to the limits and written in five formats."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.errors import LimitError
from mcp_arangodb_async.tools.result import Limits
from mcp_arangodb_async.tools.rows import as_csv, as_yaml, cut, encode, markdown, table, written

ROWS = [{"name": "Ada", "age": 36}, {"name": "Bob | Co\nLtd", "tags": ["a", 1]}, 7]


def test_everything_that_fits_is_kept() -> None:
    fitting = cut(ROWS, Limits())
    assert fitting.taken == 3
    assert json.loads(fitting.encoded) == ROWS


def test_rows_beyond_the_number_are_left_for_later() -> None:
    fitting = cut(list(range(10)), Limits(rows=4))
    assert list(fitting.rows) == [0, 1, 2, 3]


@given(st.lists(st.text(max_size=40), min_size=1), st.integers(50, 400))
def test_no_answer_is_larger_than_the_limit(rows: list[str], maximum: int) -> None:
    limits = Limits(bytes=maximum)
    try:
        fitting = cut(rows, limits)
    except LimitError:
        assert len(encode(rows[:1])) > maximum
        return
    assert len(fitting.encoded) <= maximum
    more = rows[: fitting.taken + 1]
    assert fitting.taken == len(rows) or len(encode(more)) > maximum


def test_a_row_that_alone_is_too_large_is_an_error_with_its_size() -> None:
    with pytest.raises(LimitError, match="one row is 1002 bytes, more than the 100"):
        cut(["x" * 1000], Limits(bytes=100))


@pytest.mark.parametrize("value", [2**70, "\ud800", -(2**65)])
def test_what_the_fast_library_refuses_is_written_all_the_same(value: Any) -> None:
    assert json.loads(encode([value])) == [value]


def test_a_table_has_every_attribute_in_order_of_appearance() -> None:
    columns, lines = table(ROWS)
    assert columns == ["name", "age", "tags", "value"]
    assert lines[1] == ["Bob | Co\nLtd", None, ["a", 1], None]
    assert lines[2] == [None, None, None, 7]


def test_markdown_cells_cannot_break_the_table() -> None:
    text = markdown(ROWS)
    assert text.splitlines()[3] == '| Bob \\| Co<br>Ltd |  | ["a",1] |  |'
    assert markdown([]) == "(no rows)"


def test_csv_can_be_read_back() -> None:
    lines = list(csv.DictReader(io.StringIO(as_csv(ROWS))))
    assert lines[0] == {"name": "Ada", "age": "36", "tags": "", "value": ""}
    assert lines[1]["name"] == "Bob | Co\nLtd"
    assert json.loads(lines[1]["tags"]) == ["a", 1]
    assert as_csv([]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1, "b": {"c": [1, 2]}}, "a: 1\nb:\n  c:\n    - 1\n    - 2"),
        ([{"a": "yes", "b": "x y"}], '- a: "yes"\n  b: x y'),
        ([[1, [2]], []], "- - 1\n  - - 2\n- []"),
        ({"": None, "a: b": "1"}, '"": null\n"a: b": "1"'),
        ({"t": "a\nb", "u": "- x", "v": "é"}, 't: "a\\nb"\nu: "- x"\nv: "é"'),
    ],
)
def test_yaml_says_exactly_what_the_value_is(value: Any, text: str) -> None:
    assert "\n".join(as_yaml(value, 0)) == text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_yaml_can_be_read_back(value: Any) -> None:
    from ruamel.yaml import YAML

    text = "\n".join(as_yaml(value, 0)) + "\n"
    assert YAML(typ="safe", pure=True).load(text) == value  # pyright: ignore[reportUnknownMemberType] - untyped


def test_rows_are_written_in_each_text_format() -> None:
    assert written(ROWS[:1], "markdown").startswith("| name | age |")
    assert written(ROWS[:1], "csv") == "name,age\r\nAda,36\r\n"
    assert written(ROWS[:1], "yaml") == "- name: Ada\n  age: 36\n"
