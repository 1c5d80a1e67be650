"""What a user may not read stays closed, whichever way is tried."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator
from typing import Any

import pytest

from mcp_arangodb_async.engine import Api, Engine, Request

ROOT, EVE = "root:top", "eve:pw"


class Caller:
    """Somebody who talks to a database `s`."""

    def __init__(self, api: Api, login: str) -> None:
        self._api = api
        self._headers = {"authorization": "Basic " + base64.b64encode(login.encode()).decode()}

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of one call."""
        path, _, query = path.partition("?")
        if not path.startswith("/_db/"):
            path = f"/_db/s{path}"
        data = b"" if body is None else json.dumps(body).encode()
        answer = self._api.handle(
            Request(method=method, path=path, query=query, headers=self._headers, body=data)
        )
        return answer.status, json.loads(answer.body) if answer.body else None


@pytest.fixture(scope="module")
def api() -> Generator[Api]:
    """`eve` administrates the database `s`, but has no right to `closed` and `closed_edges`."""
    with Engine.open(None, root_password="top") as engine, Api(engine) as made:
        root = Caller(made, ROOT)
        root(
            "POST",
            "/_db/_system/_api/database",
            {"name": "s", "users": [{"username": "eve", "passwd": "pw"}]},
        )
        for name in ("open", "closed"):
            root("POST", "/_api/collection", {"name": name})
            root("POST", f"/_api/document/{name}", {"_key": "x"})
        for name in ("edges", "closed_edges"):
            root("POST", "/_api/collection", {"name": name, "type": 3})
            root("POST", f"/_api/document/{name}", {"_from": "open/x", "_to": "closed/x"})
        definition = {"collection": "closed_edges", "from": ["open"], "to": ["closed"]}
        root("POST", "/_api/gharial", {"name": "g", "edgeDefinitions": [definition]})
        links = {"open": {"includeAllFields": True}, "closed": {"includeAllFields": True}}
        root("POST", "/_api/view", {"name": "everything", "type": "arangosearch", "links": links})
        for name in ("closed", "closed_edges"):
            root("PUT", f"/_db/_system/_api/user/eve/database/s/{name}", {"grant": "none"})
        yield made


@pytest.fixture
def eve(api: Api) -> Caller:
    return Caller(api, EVE)


@pytest.mark.parametrize(
    "query",
    [
        "FOR d IN closed RETURN d",
        "RETURN LENGTH(closed)",
        "RETURN (FOR x IN closed RETURN x)",
        "INSERT {} INTO closed",
        "FOR d IN open INSERT {} INTO closed",
        "FOR v IN 1..1 OUTBOUND 'open/x' GRAPH 'g' RETURN v",
        "WITH closed FOR v IN 1..1 OUTBOUND 'open/x' edges RETURN v",
    ],
)
def test_a_query_that_names_a_closed_collection_is_refused(eve: Caller, query: str) -> None:
    for path in ("/_api/cursor", "/_api/explain"):
        status, body = eve("POST", path, {"query": query})
        assert (status, body["errorNum"]) == (403, 11)


@pytest.mark.parametrize(
    "query",
    [
        "RETURN DOCUMENT('closed/x')",
        "RETURN DOCUMENT('closed', ['x'])",
        "RETURN DOCUMENT(CONCAT('clo', 'sed/x'))",
        "FOR d IN open RETURN DOCUMENT('closed/x')",
        "FOR v IN 1..1 OUTBOUND 'open/x' edges RETURN v",
        "FOR v IN OUTBOUND SHORTEST_PATH 'open/x' TO 'closed/x' edges RETURN v",
        "FOR p IN OUTBOUND K_PATHS 'open/x' TO 'closed/x' edges RETURN p",
        "RETURN COLLECTION_COUNT('closed')",
        "RETURN SCHEMA_GET('closed')",
        "FOR d IN everything SEARCH true RETURN d",
    ],
)
def test_a_query_that_reaches_a_closed_collection_as_it_runs_is_refused(eve: Caller, query: str) -> None:
    status, body = eve("POST", "/_api/cursor", {"query": query})
    assert (status, body["errorNum"]) == (403, 11)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/_api/document/closed/x", None),
        ("PUT", "/_api/document/closed?onlyget=true", ["x"]),
        ("POST", "/_api/document/closed", {}),
        ("DELETE", "/_api/document/closed/x", None),
        ("POST", "/_api/import?collection=closed&type=list", []),
        ("GET", "/_api/collection/closed/count", None),
        ("PUT", "/_api/collection/closed/truncate", None),
        ("DELETE", "/_api/collection/closed", None),
        ("GET", "/_api/index?collection=closed", None),
        ("POST", "/_api/index?collection=closed", {"type": "persistent", "fields": ["a"]}),
        ("GET", "/_api/edges/closed_edges?vertex=open/x", None),
        ("GET", "/_api/gharial/g/vertex/closed/x", None),
        ("POST", "/_api/gharial/g/edge/closed_edges", {"_from": "open/x", "_to": "closed/x"}),
        ("DELETE", "/_api/gharial/g/vertex/open/x", None),
        ("DELETE", "/_api/gharial/g?dropCollections=true", None),
        ("POST", "/_api/gharial", {"name": "h", "orphanCollections": ["closed"]}),
        ("POST", "/_api/view", {"name": "v", "type": "arangosearch", "links": {"closed": {}}}),
        ("POST", "/_api/transaction/begin", {"collections": {"read": ["closed"]}}),
        ("PUT", "/_api/simple/all", {"collection": "closed"}),
        ("PUT", "/_api/simple/any", {"collection": "closed"}),
        ("GET", "/_admin/log/level", None),
        ("GET", "/_admin/server/aql-queries", None),
        ("PUT", "/_admin/server/mode", {"mode": "readonly"}),
        ("GET", "/_api/user/root", None),
        ("POST", "/_api/token/root", {"name": "t", "valid_until": 4102444800}),
        ("PUT", "/_api/user/eve/database/s", {"grant": "rw"}),
    ],
)
def test_an_endpoint_does_not_open_what_is_closed(eve: Caller, method: str, path: str, body: Any) -> None:
    status, answer = eve(method, path, body)
    assert (status, answer["errorNum"]) == (403, 11)


def test_closed_collections_are_not_listed(eve: Caller) -> None:
    _, body = eve("GET", "/_api/collection?excludeSystem=true")
    assert [entry["name"] for entry in body["result"]] == ["edges", "open"]


def test_nobody_reads_the_users_not_even_root(api: Api) -> None:
    root = Caller(api, ROOT)
    calls: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/_db/_system/_api/document/_users/1", None),
        ("POST", "/_db/_system/_api/cursor", {"query": "FOR u IN _users RETURN u"}),
        ("POST", "/_db/_system/_api/cursor", {"query": "RETURN DOCUMENT('_users/1')"}),
        ("POST", "/_db/_system/_api/import?collection=_users&type=list", []),
    )
    for method, path, body in calls:
        status, answer = root(method, path, body)
        assert (status, answer["errorNum"]) == (403, 11)
