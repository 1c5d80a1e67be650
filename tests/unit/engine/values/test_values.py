"""AQL's values: order, equality, casts, number format, JSON; tables from the manual and laws."""

from __future__ import annotations

import math
from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.values import (
    MAX_JSON_DEPTH,
    Value,
    bounded,
    compare,
    decode_json,
    depth_exceeds,
    encode_json,
    equal,
    finite,
    format_number,
    hash_key,
    sort_key,
    to_bool,
    to_integer,
    to_list,
    to_number,
    to_string,
    truthy,
    type_name,
    type_order,
)

NUMBERS = (
    st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3) | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=4) | st.sampled_from(["a", "A", "b", ""])
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "B", "b", "ab", "é"]), inner)
    ),
    max_leaves=8,
)

LESS: list[tuple[Any, Any]] = [
    (None, False), (None, 0), (None, ""), (None, []), (None, {}),
    (False, True), (True, 0), (True, ""), (True, []), (True, {}),
    (0, ""), (0, "0"), (0, []), (1e308, ""), ("", " "), ("", "0"), ("", []), ("abc", {}), ([], {}),
    ([], [0]), ([1], [2]), ([1, 2], [2]), ([99, 99], [100]), ([False], [True]), ([False, 1], [False, ""]),
    ({}, {"a": 1}), ({"a": 1}, {"a": 2}), ({"b": 1}, {"a": 0}), ({"a": {"c": True}}, {"a": {"c": 0}}),
    ({"a": {"c": True, "a": 0}}, {"a": {"c": False, "a": 1}}),
    ("A", "a"), ("a", "B"), ("Z", "zz"), ("a", "ä"), ("ä", "b"), (2**53, 2**53 + 1), (-1.5, -1),
]  # fmt: skip

SAME: list[tuple[Any, Any]] = [
    ({}, {"a": None}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (1, 1.0),
    (0, -0.0),
    ([], [None]),
    ([1, None], [1]),
    ({"a": [None]}, {"a": []}),
]


@pytest.mark.parametrize(("left", "right"), LESS, ids=repr)
def test_the_manual_s_order_of_types_and_values(left: Value, right: Value) -> None:
    assert compare(left, right) == -1
    assert compare(right, left) == 1
    assert sort_key(left) < sort_key(right)
    assert not equal(left, right)


@pytest.mark.parametrize(("left", "right"), SAME, ids=repr)
def test_absent_attributes_and_elements_count_as_null(left: Value, right: Value) -> None:
    assert compare(left, right) == compare(right, left) == 0
    assert sort_key(left) == sort_key(right)
    assert equal(left, right)


@given(VALUES, VALUES)
def test_sort_keys_order_as_compare_does(left: Value, right: Value) -> None:
    a, b = sort_key(left), sort_key(right)
    assert compare(left, right) == (a > b) - (a < b)
    assert compare(left, right) == -compare(right, left)


@given(st.lists(VALUES, max_size=6))
def test_comparison_is_a_total_order(values: list[Any]) -> None:
    ordered = sorted(values, key=cmp_to_key(compare))
    for place, low in enumerate(ordered):
        assert all(compare(low, high) <= 0 for high in ordered[place:])


@given(VALUES, VALUES)
def test_equality_agrees_with_comparison_and_with_hash_keys(left: Value, right: Value) -> None:
    assert equal(left, right) == (compare(left, right) == 0)
    if hash_key(left) == hash_key(right):
        assert equal(left, right)
        assert hash(hash_key(left)) == hash(hash_key(right))
    assert hash_key(left) == hash_key(left)


def test_groups_tell_apart_what_equality_does_not() -> None:
    assert hash_key(1) == hash_key(1.0)
    assert hash_key(True) != hash_key(1)
    assert hash_key([True]) != hash_key([1])
    assert hash_key({}) != hash_key({"a": None})
    assert hash_key({"a": 1, "b": 2}) == hash_key({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (False, False),
        (True, True),
        (0, False),
        (0.0, False),
        (0.1, True),
        ("", False),
        ("0", True),
        ("false", True),
        ([], True),
        ({}, True),
    ],
)
def test_truth(value: Value, expected: bool) -> None:
    assert truthy(value) is to_bool(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, 0),
        (True, 1),
        (False, 0),
        (3, 3),
        (-2.5, -2.5),
        ("foo", 0),
        ("", 0),
        ("  ", 0),
        ("1", 1),
        (" 12.5 \n", 12.5),
        ("1e3", 1000),
        ("-1.", -1),
        (".5", 0.5),
        ("+7", 7),
        ("0x1F", 31),
        ("1 a", 0),
        ("1,5", 0),
        ("1_000", 0),
        ("nan", 0),
        ("inf", 0),
        ("1e999", 0),
        ([], 0),
        ([7], 7),
        ([["8"]], 8),
        ([1, 2], 0),
        ({}, 0),
        ({"a": 1}, 0),
    ],
)
def test_casts_to_number(value: Value, expected: float) -> None:
    assert to_number(value) == expected
    assert type(to_number(value)) in (int, float)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (False, "false"),
        (True, "true"),
        (123, "123"),
        ("x", "x"),
        ([1, 2, [True, None]], "[1,2,[true,null]]"),
        ({"foo": "bar", "baz": None}, '{"foo":"bar","baz":null}'),
        ([1.0, 'é\n"'], '[1,"é\\n\\""]'),
        ([1e21], "[1e+21]"),
    ],
)
def test_casts_to_string(value: Value, expected: str) -> None:
    assert to_string(value) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"),
        (-5, "-5"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-1.5, "-1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (1.5e-10, "1.5e-10"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (123456789012345680000.0, "123456789012345680000"),
        (2**63 - 1, "9223372036854775807"),
    ],
)
def test_numbers_print_as_arangodb_prints_them(number: float, expected: str) -> None:
    assert format_number(number) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_reads_back(number: float) -> None:
    assert float(format_number(number)) == number
    assert to_number(format_number(number)) == number


def test_casts_to_arrays_integers_and_their_bounds() -> None:
    assert to_list(None) == []
    assert to_list({"a": 1, "b": [2]}) == [1, [2]]
    assert to_list("x") == ["x"]
    assert to_integer(-2.9) == -2
    assert to_integer(1e300) == 2**63 - 1
    assert to_integer("-7.5") == -7
    assert bounded(2**63) == float(2**63)
    assert finite(math.inf) is None
    assert type(finite(3.0)) is int
    values: list[Value] = [None, True, 1, 1.5, "", [], {}]
    assert " ".join(map(type_name, values)) == "null bool number number string array object"
    assert type_order(2) == type_order(0.5)


@given(VALUES)
def test_json_reads_back_as_an_equal_value(value: Value) -> None:
    assert hash_key(decode_json(encode_json(value))) == hash_key(value)


def test_json_has_no_trailing_zeros_and_no_invalid_numbers() -> None:
    assert encode_json({"a": [1.0, 2.5, math.nan, 10**30]}) == b'{"a":[1,2.5,null,1e30]}'.replace(
        b"1e30", b"1e+30"
    )
    assert encode_json("1.0]") == b'"1.0]"'


@pytest.mark.parametrize("text", [b"{", b"nul", b"[1,]", b'"\xff"', b"[" * 600 + b"]" * 600])
def test_bad_json_is_error_600(text: bytes) -> None:
    with pytest.raises(ArangoError) as raised:
        decode_json(text)
    assert raised.value.num == 600


def test_values_as_deep_as_may_come_in_go_out_and_deeper_ones_are_refused() -> None:
    text = b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH
    assert encode_json(decode_json(text)) == text
    deeper: Value = []
    for _ in range(1000):
        deeper = {"a": deeper}
    with pytest.raises(ArangoError) as raised:
        encode_json(deeper)
    assert raised.value.num == 32


def test_depth_counts_nested_arrays_and_objects() -> None:
    assert not depth_exceeds(1, 0)
    assert not depth_exceeds([{"a": 1}], 2)
    assert depth_exceeds([{"a": [1]}], 2)
