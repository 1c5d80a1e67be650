"""Values of different engines that mean the same are the same cells; others are not."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.sql.dialects.dialect import DialectName
from mcp_arangodb_async.sql.row_compare_values import (
    anything,
    decoded,
    encoded,
    kind_of,
    near,
    number,
    reader,
    reading_of,
    told,
)
from mcp_arangodb_async.sql.schema_types import column_type

# Two columns as their engines name them, a value of each, and whether they are the same.
Side = tuple[DialectName, str, Any]
PG: DialectName = "postgresql"
MARIA: DialectName = "mariadb"
LITE: DialectName = "sqlite"
PAIRS: list[tuple[Side, Side, bool]] = [
    ((PG, "numeric", Decimal("1.50")), (MARIA, "decimal(4,1)", Decimal("1.5")), True),
    ((PG, "numeric", Decimal("1.50")), (MARIA, "decimal(4,1)", Decimal("1.51")), False),
    ((PG, "numeric", Decimal("7.00")), (MARIA, "int", 7), True),
    ((PG, "numeric", Decimal("1E+2")), (LITE, "real", 100.0), True),
    ((PG, "numeric", Decimal("0.1")), (MARIA, "double", 0.1), True),
    ((PG, "numeric", Decimal("0.1000000000000000055")), (MARIA, "double", 0.1), False),
    ((PG, "numeric", Decimal("NaN")), (PG, "float8", float("nan")), True),
    ((PG, "float8", float("inf")), (PG, "float8", float("-inf")), False),
    ((PG, "float8", -0.0), (MARIA, "double", 0.0), True),
    ((MARIA, "bigint unsigned", 2**64 - 1), (PG, "numeric", Decimal(2**64 - 1)), True),
    ((MARIA, "bigint", 2**53 + 1), (MARIA, "double", float(2**53)), False),
    ((MARIA, "decimal(38,0)", Decimal(10) ** 30), (LITE, "real", 1e30), True),
    ((PG, "boolean", True), (MARIA, "tinyint(1)", 1), True),
    ((PG, "boolean", True), (MARIA, "tinyint", 2), False),
    ((PG, "boolean", False), (LITE, "boolean", 0), True),
    ((PG, "bit(4)", "0101"), (MARIA, "bit(4)", b"\x05"), True),
    ((PG, "integer", 5), (LITE, "text", "5"), True),
    ((PG, "integer", 7), (LITE, "text", "007"), False),
    ((PG, "text", "a "), (MARIA, "varchar(9)", "a"), False),
    ((PG, "char(4)", "a   "), (MARIA, "char(4)", "a"), True),
    ((PG, "char(4)", "a   "), (MARIA, "varchar(4)", "a "), True),
    ((PG, "text", "A"), (MARIA, "text", "a"), False),
    ((PG, "text", ""), (MARIA, "text", None), False),
    (
        (PG, "timestamp with time zone", "2024-02-29 12:00:00+00"),
        (MARIA, "datetime(3)", "2024-02-29 12:00:00.000"),
        True,
    ),
    (
        (PG, "timestamptz", "2024-02-29 17:30:00.5+05:30"),
        (MARIA, "datetime(3)", "2024-02-29 12:00:00.500"),
        True,
    ),
    ((PG, "timestamptz", "1880-01-01 00:19:32+00:19:32"), (LITE, "text", "1880-01-01T00:00"), True),
    ((PG, "timestamp", "infinity"), (MARIA, "datetime", "0000-00-00 00:00:00"), False),
    ((PG, "timestamptz", "2024-02-29 12:00:00+00"), (LITE, "text", "2024-02-29T12:00:00Z"), True),
    ((PG, "date", "2024-02-29"), (MARIA, "datetime", "2024-02-29 00:00:00"), True),
    ((PG, "date", "2024-02-29"), (MARIA, "datetime", "2024-02-29 00:00:01"), False),
    ((PG, "date", "2024-02-29"), (LITE, "text", "2024-02-29T00:00:00Z"), True),
    ((PG, "time", "12:00:00"), (MARIA, "time(6)", "12:00:00.000000"), True),
    ((PG, "jsonb", '{"b": [1, 2.50], "a": null}'), (MARIA, "longtext", '{"a":null,"b":[1.0,2.5]}'), True),
    ((PG, "jsonb", '{"a": 1}'), (MARIA, "longtext", '{"a": "1"}'), False),
    ((PG, "jsonb", "12345678901234567890123"), (MARIA, "json", "12345678901234567890123"), True),
    ((PG, "jsonb", "12345678901234567890123"), (MARIA, "json", "12345678901234567890124"), False),
    ((PG, "json", "1e999999999"), (MARIA, "json", "10e999999998"), True),
    ((PG, "jsonb", "null"), (MARIA, "longtext", None), False),
    ((PG, "integer[]", [1, None]), (MARIA, "longtext", "[1, null]"), True),
    (
        (PG, "uuid", "123e4567-e89b-12d3-a456-426614174000"),
        (MARIA, "binary(16)", bytes.fromhex("123e4567e89b12d3a456426614174000")),
        True,
    ),
    (
        (PG, "uuid", "123e4567-e89b-12d3-a456-426614174000"),
        (MARIA, "char(36)", "123E4567-E89B-12D3-A456-426614174000"),
        True,
    ),
    ((PG, "bytea", b"ab"), (MARIA, "blob", b"ab"), True),
    ((LITE, "blob", b"ab"), (LITE, "blob", "ab"), False),
    ((LITE, "", 1), (LITE, "", "1"), False),
    ((LITE, "", 1), (LITE, "", 1.0), True),
]  # fmt: skip


def cells(one: Side, other: Side) -> tuple[bytes, bytes]:
    """Both values as they are compared."""
    columns = [column_type(native, engine) for engine, native, _ in (one, other)]
    reading = reading_of([kind_of(column) for column in columns])
    found: list[bytes] = []
    for (engine, _, value), column in zip((one, other), columns, strict=True):
        reads = reader(reading, column, engine)
        found.append(encoded([value if reads is None else reads(value)]))
    return found[0], found[1]


@pytest.mark.parametrize(("one", "other", "same"), PAIRS)
def test_values_of_two_engines_compare_as_the_table_says(one: Side, other: Side, same: bool) -> None:
    left, right = cells(one, other)
    assert (left == right) is same, (left, right)
    left, right = cells(other, one)
    assert (left == right) is same


NUMBERS = (
    st.integers() | st.floats(allow_nan=False) | st.decimals(allow_nan=False, allow_infinity=False, places=6)
)


@given(one=NUMBERS, other=NUMBERS)
def test_numbers_are_the_same_cell_exactly_if_they_are_the_same_number(one: Any, other: Any) -> None:
    # A float stands for the shortest decimal that is it, as people read it.
    exact = [Decimal(repr(value)) if isinstance(value, float) else Decimal(value) for value in (one, other)]
    assert (encoded(number(one)) == encoded(number(other))) is (exact[0] == exact[1])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(value=VALUES)
def test_every_value_is_a_cell_that_bytes_keep_and_json_can_show(value: Any) -> None:
    cell = anything(value)
    assert encoded(decoded(encoded(cell))) == encoded(cell)
    json.dumps(told(cell), allow_nan=False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.05, True),
        (1, 1.2, False),
        (["n", "1e-900"], 0, False),
        (1, "1", False),
        (None, 0, False),
        (True, 1, False),
        (["n", "100000000000000000000.04"], 100000000000000000000, True),
    ],
)
def test_a_tolerance_is_for_numbers(one: Any, other: Any, same: bool) -> None:
    assert near(one, other, Fraction("0.1")) is same
