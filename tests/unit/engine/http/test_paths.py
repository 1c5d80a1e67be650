"""A path is decoded once, and no name leaves its segment."""

from __future__ import annotations

import pytest

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.http.paths import locate, quote


@pytest.mark.parametrize(
    ("path", "database", "segments"),
    [
        ("/_api/version", "_system", ("_api", "version")),
        ("/_db/shop/_api/document/a/b", "shop", ("_api", "document", "a", "b")),
        ("/_db/shop/_api/user/x/database/", "shop", ("_api", "user", "x", "database")),
        ("/_arango/v1/_db/shop/_api/version", "shop", ("_api", "version")),
        ("/_db/shop/_arango/v1/_api/version", "shop", ("_api", "version")),
        ("/_db/%C3%BC%2Fber/_api/version", "ü/ber", ("_api", "version")),
        ("/", "_system", ()),
        # Whatever is encoded in a name stays one segment of it, and is not decoded a second time.
        ("/_api/document/c/a%2Fb%3Fq%23f", "_system", ("_api", "document", "c", "a/b?q#f")),
        ("/_api/document/c/%252e%252e%252f", "_system", ("_api", "document", "c", "%2e%2e%2f")),
        ("/_api/document/c/..%2f..%2fadmin", "_system", ("_api", "document", "c", "../../admin")),
    ],
)
def test_a_path_is_cut_first_and_decoded_once(path: str, database: str, segments: tuple[str, ...]) -> None:
    location = locate(path)
    assert (location.database, location.segments) == (database, segments)


@pytest.mark.parametrize(
    "path",
    [
        "/_api//document",
        "/_db//_api/version",
        "/_api/document/../version",
        "/_api/document/./version",
        "/_api/document/%2e%2e/version",
        "/_api/document/%2E/version",
        "/_api/document/c/a%00b",
        "/_api/document/c/%ff",
        "no-slash",
        "/" + "a" * 20_000,
    ],
)
def test_paths_that_could_mean_something_else_are_refused(path: str) -> None:
    with pytest.raises(ArangoError) as caught:
        locate(path)
    assert caught.value.status == 400


@pytest.mark.parametrize("name", ["a/b", "ü", "a b", "50%", "?x=1", "#f", "a:b@c"])
def test_a_quoted_name_comes_back_as_one_segment(name: str) -> None:
    assert locate(f"/_api/document/c/{quote(name)}").segments[-1] == name
