"""Parameters and bodies are read as ArangoDB reads them; what does not fit names itself."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.http.parameters import (
    Parameters,
    as_object,
    names_field,
    number_field,
    parse_json,
    read_body,
    text_field,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("1", True), ("YES", True), ("on", True), ("0", False), ("", False), ("maybe", False)],
)
def test_flags_follow_arangodbs_words(text: str, value: bool) -> None:
    assert Parameters(f"flag={text}").flag("flag") is value


def test_the_last_of_repeated_parameters_counts_and_values_are_decoded() -> None:
    given = Parameters("a=1&a=2&name=a%26b+c&&=x&empty")
    assert given.as_dict() == {"a": "2", "name": "a&b c", "empty": ""}
    assert given.flag("absent", True) is True
    assert given.maybe_flag("absent") is None


def test_a_number_that_is_none_names_its_parameter() -> None:
    with pytest.raises(ArangoError, match="'count' must be a whole number, not 'x'"):
        Parameters("count=x").integer("count", 1)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", b"{}"),
        ("identity", b"{}"),
        ("deflate", zlib.compress(b"{}")),
        ("gzip", gzip.compress(b"{}", mtime=0)),
    ],
)
def test_bodies_may_be_compressed(encoding: str, packed: bytes) -> None:
    assert read_body({"content-encoding": encoding}, packed) == b"{}"


@pytest.mark.parametrize(("encoding", "packed"), [("br", b"x"), ("gzip", b"not gzip"), ("deflate", b"x")])
def test_a_body_that_cannot_be_unpacked_is_a_bad_parameter(encoding: str, packed: bytes) -> None:
    with pytest.raises(ArangoError) as caught:
        read_body({"content-encoding": encoding}, packed)
    assert caught.value.num == 10


def test_malformed_json_is_error_600() -> None:
    assert parse_json(b"  \n") is None
    with pytest.raises(ArangoError) as caught:
        parse_json(b'{"a":')
    assert (caught.value.num, caught.value.status) == (600, 400)


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_only_an_object_is_an_object(value: Any) -> None:
    with pytest.raises(ArangoError):
        as_object(value)


def test_fields_of_the_wrong_kind_name_themselves() -> None:
    with pytest.raises(ArangoError, match="'name' must be a non-empty string"):
        text_field({"name": ""}, "name")
    with pytest.raises(ArangoError, match="'ttl' must be a number"):
        number_field({"ttl": True}, "ttl")
    with pytest.raises(ArangoError, match="'read' must be a string or a list"):
        names_field({"read": [1]}, "read")
    assert names_field({"read": "a"}, "read") == ["a"]
