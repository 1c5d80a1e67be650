"""Files of documents are read as arangoimport reads them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations.importing import ImportOptions, converted, read_file


def documents(text: str, **options: Any) -> list[object]:
    return [value for _, value in read_file(BytesIO(text.encode()), ImportOptions(**options))]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("null", None), ("true", True), ("12", 12), ("-1.5e2", -150.0), ("007", "007"), ("1.", "1."),
        ("", ""),
        ("+1", "+1"), ("99999999999999999999", "99999999999999999999"),
        ("1e999", "1e999"), ("True", "True"),
    ],
)  # fmt: skip
def test_a_cell_is_what_it_looks_like(cell: str, value: object) -> None:
    assert converted(cell) == value
    assert type(converted(cell)) is type(value)


def test_csv_has_quotes_lines_in_cells_and_missing_cells() -> None:
    text = '\ufeffa,b\r\n"x ""y""\nz",\r\n1,"2"\r\nshort\r\n'
    assert documents(text, type="csv") == [
        {"a": 'x "y"\nz'}, {"a": 1, "b": 2}, "has 1 values, and there are 2 columns",
    ]  # fmt: skip
    assert documents('a\tb\n1\t"2\n', type="tsv", convert=False) == [{"a": "1", "b": '"2'}]
    assert documents(
        "# note\na;b\n1;2\n", type="csv", separator=";", skip_lines=1, remove=frozenset("a")
    ) == [{"b": 2}]
    with pytest.raises(InputError, match="is not CSV"):
        documents('a\n"open', type="csv")


def test_json_is_an_array_or_one_value_after_the_other() -> None:
    assert documents('[{"a": 1},\n {"b": [2]} ]', type="json") == [{"a": 1}, {"b": [2]}]
    assert documents('{"a": 1}\n{"a": 2}', type="json") == [{"a": 1}, {"a": 2}]
    assert documents("[]", type="json") == []
    assert documents("[3]", type="json") == ["is not a JSON object"]
    for damaged in ('[{"a": 1}', '[{"a": 1', "nonsense"):
        with pytest.raises(InputError):
            documents(damaged, type="json")


def test_text_in_another_encoding_is_refused() -> None:
    with pytest.raises(InputError, match="UTF-8"):
        list(read_file(BytesIO("ä".encode("latin-1")), ImportOptions(type="jsonl")))
