"""Values become JSON that loses nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.connections.sql.connection import Column
from mcp_arangodb_async.sql.values import document, shown, shown_lists, shown_rows, unique_names

CASES: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (2**53, 2**53),
    (2**53 + 1, "9007199254740993"),
    (-(2**63), "-9223372036854775808"),
    (0.1, 0.1),
    (float("nan"), "NaN"),
    (float("-inf"), "-Infinity"),
    (Decimal("1.10"), "1.10"),
    (Decimal("1E+3"), "1000"),
    (Decimal("NaN"), "NaN"),
    (b"\xff\x00", "/wA="),
    (date(2024, 2, 29), "2024-02-29"),
    (datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC), "2024-02-29T01:02:03.000004+00:00"),
    (time(1, 2, 3), "01:02:03"),
    (timedelta(days=1, seconds=7384, microseconds=500_000), "P1DT2H3M4.5S"),
    (timedelta(seconds=-1), "-PT0H0M1S"),
    ([1, [2**60], None], [1, [str(2**60)], None]),
    ({"a": Decimal("0.1")}, {"a": "0.1"}),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
]


@pytest.mark.parametrize(("value", "json_value"), CASES)
def test_a_value_is_shown_exactly(value: Any, json_value: Any) -> None:
    assert shown(value) == json_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 9007199254740993, "b": 0.1}', {"a": "9007199254740993", "b": 0.1}),
        ('{"a": 1e400, "b": 0.10000000000000000555}', {"a": "1e400", "b": "0.10000000000000000555"}),
        ("[1, null, true]", [1, None, True]),
        ("not json", "not json"),
    ],
)  # fmt: skip
def test_a_json_column_is_a_document_with_exact_numbers(text: str, value: Any) -> None:
    assert document(text) == value


@given(st.integers() | st.floats() | st.decimals() | st.binary() | st.text() | st.datetimes())
def test_whatever_is_shown_is_json_and_the_same_each_time(value: Any) -> None:
    one = shown(value)
    assert json.loads(json.dumps(one, allow_nan=False)) == one
    assert shown(value) == one


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10))
def test_no_digit_of_a_decimal_is_lost(value: Decimal) -> None:
    assert Decimal(shown(value)) == value


def test_columns_of_one_name_are_told_apart() -> None:
    columns = [Column(name=name, type="x") for name in ("id", "id", "id_2", "name", "id")]
    assert unique_names(columns) == ["id", "id_3", "id_2", "name", "id_4"]
    assert shown_rows(columns[:2], [(1, 2)]) == [{"id": 1, "id_2": 2}]
    assert shown_lists(columns[:2], [(1, 2)]) == [[1, 2]]
