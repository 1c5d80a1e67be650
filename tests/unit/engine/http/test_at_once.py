"""Requests that take a moment are answered at once; all others are left for a thread, untouched."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from mcp_arangodb_async.engine import Api, Engine, Request, Response

POINT = "FOR d IN c FILTER d.n == @n RETURN d.n"


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.open(None) as engine:
        catalog = engine.database("_system").catalog
        catalog.create_collection({"name": "c"})
        catalog.create_index("c", {"type": "persistent", "fields": ["n"]})
        with catalog.begin(write=True) as tx:
            tx.collection("c").insert_many(tx, [{"_key": str(n), "n": n} for n in range(5000)])
        yield engine


@pytest.fixture
def api(engine: Engine) -> Iterator[Api]:
    with Api(engine, authentication=False) as api:
        yield api


def cursor(query: str, **more: Any) -> Request:
    headers = more.pop("headers", {})
    body = orjson.dumps({"query": query, **more})
    return Request(method="POST", path="/_api/cursor", headers=headers, body=body)


def rows(answer: Response | None) -> Any:
    return None if answer is None else orjson.loads(answer.body)["result"]


def test_a_query_seen_before_is_answered_at_once(api: Api) -> None:
    asked = cursor(POINT, bindVars={"n": 7})
    assert api.at_once(asked) is None
    assert rows(api.handle(asked)) == [7]
    assert rows(api.at_once(asked)) == [7]
    assert rows(api.at_once(cursor(POINT, bindVars={"n": 8}))) == [8]
    assert rows(api.at_once(cursor(f"/* 12 */{POINT}", bindVars={"n": 9}))) == [9]
    missing = api.at_once(cursor(POINT, bindVars={"n": 8, "more": 1}))
    assert missing is None


def test_a_document_is_read_at_once(api: Api) -> None:
    answer = api.at_once(Request(method="GET", path="/_api/document/c/12"))
    assert answer is not None
    assert orjson.loads(answer.body)["n"] == 12
    nothing = api.at_once(Request(method="GET", path="/_api/document/c/none"))
    assert nothing is not None
    assert nothing.status == 404


@pytest.mark.parametrize(
    "request_",
    [
        cursor("INSERT {x: 1} INTO c"),
        cursor("RETURN 1", options={"stream": True}),
        cursor("RETURN 1", headers={"x-arango-async": "store"}),
        cursor("RETURN 1", headers={"x-arango-trx-id": "7"}),
        cursor("RETURN @x", bindVars={"x": "x" * 20_000}),
        Request(method="POST", path="/_api/document/c", body=b"{}"),
        Request(method="GET", path="/_api/collection"),
        Request(method="GET", path="/_api/nothing/of/the/kind"),
    ],
    ids=["write", "stream", "job", "transaction", "large", "insert", "list", "unknown"],
)
def test_what_may_take_longer_is_not_begun(api: Api, engine: Engine, request_: Request) -> None:
    database = engine.database("_system")
    for _ in range(2):
        before = list(database.query("RETURN LENGTH(c)").rows)
        answer = api.at_once(request_)
        assert answer is None or answer.status == 404
        assert list(database.query("RETURN LENGTH(c)").rows) == before
        if not request_.headers:
            api.handle(request_)


@pytest.mark.parametrize(
    "query",
    [
        "RETURN SLEEP(0.05)",
        "FOR i IN 1..100000 FILTER i % 7 == 0 RETURN i",
        "RETURN LENGTH(FOR i IN 1..300000 RETURN i)",
        "FOR d IN c FOR e IN c FILTER d.n + e.n == -1 RETURN 1",
    ],
)
def test_a_query_that_takes_longer_is_given_up_and_soon_not_tried(api: Api, query: str) -> None:
    options = {"maxRuntime": 0.2}
    api.handle(cursor(query, options=options))
    spent: list[float] = []
    for _ in range(5):
        started = time.process_time()
        assert api.at_once(cursor(query, options=options)) is None
        spent.append(time.process_time() - started)
    assert min(spent) < 0.002
    assert max(spent) < 0.1
    assert orjson.loads(api.handle(Request(method="GET", path="/_api/query/current")).body) == []


def test_a_collection_that_is_not_in_memory_is_left_to_a_thread(engine: Engine, api: Api) -> None:
    asked = cursor("FOR d IN c FILTER d.n + 1 == 5000 RETURN d.n")
    api.handle(asked)
    engine.database("_system").catalog.begin().cache.drop(1)
    assert api.at_once(asked) is None


def test_a_request_that_was_given_up_counts_once(api: Api) -> None:
    asked = cursor(POINT, bindVars={"n": 7})
    for _ in range(2):
        assert api.at_once(asked) or api.handle(asked)
    calls = orjson.loads(api.handle(Request(method="GET", path="/_admin/server/api-calls")).body)["result"][
        "calls"
    ]
    assert [each["path"] for each in calls] == ["/_admin/server/api-calls", "/_api/cursor", "/_api/cursor"]


def test_with_passwords_nothing_is_answered_at_once(engine: Engine) -> None:
    with Api(engine, authentication=True) as api:
        assert api.at_once(Request(method="GET", path="/_api/document/c/12")) is None
