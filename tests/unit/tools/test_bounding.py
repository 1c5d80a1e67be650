"""No document is longer than a call may answer with, and one that was cut says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.errors import LimitError
from mcp_arangodb_async.tools.bounding import bounded
from mcp_arangodb_async.tools.rows import encode


def test_a_document_that_fits_stays_as_it_is() -> None:
    document = {"found": True, "vertices": [1, 2]}
    assert bounded(document, 1000) == (document, encode(document))


def test_the_largest_member_is_cut_and_named() -> None:
    document: dict[str, Any] = {"found": True, "vertices": [{"n": n} for n in range(1000)], "edges": [1]}
    shown, encoded = bounded(document, 2000)
    assert shown["truncated"] is True
    assert shown["left_out"] == ["vertices"]
    assert shown["vertices"] == document["vertices"][: len(shown["vertices"])]
    assert len(shown["vertices"]) > 50
    assert shown["edges"] == [1]
    assert len(encoded) <= 2000
    assert document["vertices"][-1] == {"n": 999}


def test_objects_and_texts_are_cut_as_well() -> None:
    document = {"counts": {str(n): n for n in range(500)}, "text": "ä" * 5000}
    shown, _ = bounded(document, 2000)
    assert set(shown["left_out"]) == {"counts", "text"}


def test_what_cannot_be_cut_is_an_error() -> None:
    with pytest.raises(LimitError):
        bounded({f"n{n}": n for n in range(1000)}, 1000)


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=9), inner, max_size=9),
    max_leaves=60,
)


@given(st.dictionaries(st.sampled_from("abcdefgh"), values, max_size=8), st.integers(900, 3000))
def test_every_document_fits(document: dict[str, Any], maximum: int) -> None:
    shown, encoded = bounded(document, maximum)
    assert len(encoded) <= maximum
    assert encoded == encode(shown)
    assert ("left_out" in shown) == (len(encode(document)) > maximum)
