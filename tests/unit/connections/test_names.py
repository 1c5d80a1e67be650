"""Names: what ArangoDB allows passes, the rest is refused with a sentence that says what is possible."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_arangodb_async.connections import names
from mcp_arangodb_async.connections.endpoints import ADMINISTRATION, DATA
from mcp_arangodb_async.connections.guard import check_path, encode_path
from mcp_arangodb_async.errors import DeniedError, InputError

Validate = Callable[[str], object]

GOOD: tuple[tuple[Validate, str], ...] = (
    (names.validate_collection_name, "users"),
    (names.validate_collection_name, "_users"),
    (names.validate_collection_name, "abc? <> 123!"),
    (names.validate_collection_name, "犬"),
    (names.validate_collection_name, "a" * 256),
    (names.validate_database_name, "_system"),
    (names.validate_database_name, "my-app"),
    (names.validate_database_name, "München"),
    (names.validate_graph_name, "routes"),
    (names.validate_graph_name, "1:2"),
    (names.validate_document_key, "%2e%2e"),
    (names.validate_document_key, "..."),
    (names.validate_document_key, "a" * 254),
    (names.validate_document_id, "users/ada"),
    (names.validate_index_id, "users/123"),
    (names.validate_index_id, "by_age"),
    (names.validate_analyzer_name, "db::text_en"),
    (names.validate_user_name, "jan@example.com"),
)
BAD: tuple[tuple[Validate, str, str], ...] = (
    (names.validate_collection_name, "", "is empty"),
    (names.validate_collection_name, "..", "no slash"),
    (names.validate_collection_name, "a/b", "no slash"),
    (names.validate_collection_name, "1a", "does not start with"),
    (names.validate_collection_name, ".a", "does not start with"),
    (names.validate_collection_name, " a", "does not start with"),
    (names.validate_collection_name, "a ", "nor end with a space"),
    (names.validate_collection_name, "a\n", "control character"),
    (names.validate_collection_name, "a\u0308", "NFC"),
    (names.validate_collection_name, "a" * 257, "257 bytes, at most 256"),
    (names.validate_collection_name, "é" * 129, "258 bytes, at most 256"),
    (names.validate_collection_name, "\ud800", "Unicode"),
    (names.validate_database_name, "_other", "does not start with _"),
    (names.validate_database_name, "a:b", "none of / :"),
    (names.validate_database_name, "a" * 129, "at most 128"),
    (names.validate_graph_name, "a b", "is not a graph name; it is 1 to 254"),
    (names.validate_graph_name, "..", "other than . and .."),
    (names.validate_document_key, "a/b", "is not a document key"),
    (names.validate_document_key, "ä", "is not a document key"),
    (names.validate_document_key, "a" * 255, "1 to 254"),
    (names.validate_document_id, "ada", "it is collection/key"),
    (names.validate_document_id, "users/a/b", "is not a document key"),
    (names.validate_index_id, "a/b/c", "no slash"),
    (names.validate_analyzer_name, "a/b", "no slash"),
    (names.validate_user_name, "a\x00", "control character"),
)


@pytest.mark.parametrize(("validate", "name"), GOOD)
def test_a_good_name_passes(validate: Validate, name: str) -> None:
    validate(name)


@pytest.mark.parametrize(("validate", "name", "reason"), BAD)
def test_a_bad_name_is_refused_with_a_reason(validate: Validate, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason.replace(".", r"\.")) as caught:
        validate(name)
    assert caught.value.field is not None
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


@given(st.text(max_size=60))
def test_an_encoded_segment_decodes_to_the_name_and_holds_nothing_else(name: str) -> None:
    try:
        segment = names.encode_segment(name)
    except InputError:
        return
    assert unquote(segment, errors="strict") == name
    assert not set(segment) & set("/?#\\ :;@&=+")
    assert segment not in {"", ".", ".."}


@given(st.text(max_size=60))
def test_a_quoted_name_ends_where_it_should(name: str) -> None:
    try:
        quoted = names.quote_name(name)
    except InputError:
        return
    assert quoted[0] == quoted[-1] == "`"
    assert not set(quoted[1:-1]) & set("`´\\\n\r\x00")


def test_an_attribute_path_is_its_parts() -> None:
    assert names.validate_attribute_path("address.zip-code") == ("address", "zip-code")
    for bad in ("", "a..b", "a.`b`", "a.b\\", ".a"):
        with pytest.raises(InputError):
            names.validate_attribute_path(bad)


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        ("/_api/collection/users/count", "/_api/collection/users/count"),
        ("/_api/collection/a?b#c/count", "/_api/collection/a%3Fb%23c/count"),
        ("/_api/document/c/%2e%2e", "/_api/document/c/%252e%252e"),
        ("/_api/collection/ä", "/_api/collection/%C3%A4"),
    ],
)
def test_an_endpoint_of_the_driver_is_encoded_segment_by_segment(endpoint: str, path: str) -> None:
    assert encode_path(endpoint) == path


@pytest.mark.parametrize(
    "path",
    [
        "_api/version",
        "//_api/version",
        "/_db/db/_api//version",
        "/_db/db/_api/version/",
        "/_db/db/_api/version?x=1",
        "/_db/db/_api/version#x",
        "/_db/db/../_system/_api/version",
        "/_db/db/%2e%2e/_api/version",
        "/_db/db/_api/collection/%2E%2E",
        "/_db/db/_api/collection/a%2Fb",
        "/_db/db/_api/collection/a%00",
        "/_db/db/_api/collection/%",
        "/_db/db/_api/collection/%zz",
        "/_db/db/_api/collection/%c3",
        "/_db/db/_api/collection/ä",
        "/_db/db/_api/collection/a b",
        "/_db/db/_api/collection/a\\b",
        "/_db/db/_api/collection/a\r\nX: 1",
        "/_db/other/_api/version",
        "/_db/dbx/_api/version",
        "/_api/version",
        "/_db/db",
        "/_db/db/_admin/execute",
        f"/_db/db/_api/collection/{'a' * 5000}",
        "/_db/db/_api/collection/a\n",
        "/_db/db/_api/collection/%C3",
    ],
)
def test_the_guard_refuses_a_path_that_is_not_exactly_an_endpoint(path: str) -> None:
    for endpoints in (DATA, ADMINISTRATION):
        with pytest.raises(DeniedError) as caught:
            check_path(endpoints, "GET", path, database="db")
        assert caught.value.message.isprintable()


def test_the_guard_lets_an_endpoint_through() -> None:
    check_path(DATA, "GET", "/_db/db/_api/collection/%C3%A4/count", database="db")
    check_path(DATA, "GET", "/_db/d%20b/_api/version", database="d%20b")
    check_path(DATA, "POST", "/_open/auth", database=None)
    with pytest.raises(DeniedError):
        check_path(DATA, "GET", "/_api/version", database=None)
