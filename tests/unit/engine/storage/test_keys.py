"""Encoded keys sort exactly as the values compare."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_arangodb_async.engine.storage.keys import HIGHEST, encode_key, encode_value, successor
from mcp_arangodb_async.engine.values import compare

numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.integers(-5, 5),
    st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**53) - 1, 2**64 - 1]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 0.5, float(2**53), float(2**63), 1e308, 5e-324]),
)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.text("aAbBäÄßzZ0_-. \0\x01", max_size=5),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("abAé\0", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def order(left: bytes, right: bytes) -> int:
    return (left > right) - (left < right)


@settings(max_examples=800, deadline=None)
@given(values, values)
def test_bytes_sort_as_the_values_do(left: Any, right: Any) -> None:
    assert order(encode_value(left), encode_value(right)) == compare(left, right)


@settings(max_examples=300, deadline=None)
@given(st.tuples(values, values), st.tuples(values, values))
def test_keys_of_several_values_compare_one_value_after_the_other(left: Any, right: Any) -> None:
    expected = compare(left[0], right[0]) or compare(left[1], right[1])
    assert order(encode_key(left), encode_key(right)) == expected


@settings(max_examples=300, deadline=None)
@given(values, values)
def test_no_encoding_is_the_beginning_of_another(left: Any, right: Any) -> None:
    one, other = encode_value(left), encode_value(right)
    assert one == other or not other.startswith(one)


@settings(deadline=None)
@given(values)
def test_everything_is_below_the_highest_byte(value: Any) -> None:
    assert encode_value(value) < HIGHEST


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [(b"a", b"b"), (b"a\xff", b"b"), (b"a\x00", b"a\x01"), (b"\xff\xff", None), (b"", None)],
)
def test_the_successor_is_the_least_key_above_a_prefix(prefix: bytes, expected: bytes | None) -> None:
    assert successor(prefix) == expected
