"""What holds for every request: methods, preflights, errors, jobs, read-only mode."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Generator
from typing import Any

import pytest

from mcp_arangodb_async.engine import Api, Engine, Request, Response
from mcp_arangodb_async.engine.http.call import Cancellation
from mcp_arangodb_async.engine.http.routes import ROUTES
from mcp_arangodb_async.engine.http.routing import ANY


def odd_bodies() -> tuple[Any, ...]:
    """Bodies that no endpoint asks for."""
    return ([], {}, "text", 5, None, {"query": 5}, {"name": []}, {"collections": 1}, [[1]], b"\xff{")


@pytest.fixture
def api() -> Generator[Api]:
    with Engine.open(None) as engine, Api(engine, authentication=False) as made:
        yield made


def ask(api: Api, method: str, path: str, body: Any = None, **headers: str) -> Response:
    path, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return api.handle(
        Request(
            method=method,
            path=path,
            query=query,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=data,
        )
    )


def test_every_endpoint_answers_in_json_or_text_and_none_breaks(api: Api) -> None:
    """Whatever is in the table can be asked with nothing in hand: an error on purpose, never a bug."""
    for route in ROUTES:
        path = route.pattern.replace("...}", "}")
        for name in ("{", "}"):
            path = path.replace(name, "x" if name == "{" else "")
        answer = ask(api, "GET" if route.method == ANY else route.method, path)
        assert answer.status != 500 or json.loads(answer.body)["errorNum"] != 4, (route.method, path)
        assert answer.headers["server"] == "ArangoDB"
        for body in odd_bodies():
            answer = ask(api, "POST" if route.method == ANY else route.method, path, body)
            assert answer.status != 500 or json.loads(answer.body)["errorNum"] != 4, (
                route.method,
                path,
                body,
            )


def test_a_bug_is_reported_and_shown_without_details() -> None:
    seen = list[str]()
    with Engine.open(None) as engine, Api(engine, authentication=False, on_bug=seen.append) as api:
        # A request of the wrong kind is the nearest thing to a bug that can be made from outside.
        answer = api.handle(Request(method="POST", path="/_api/cursor", body=5))  # pyright: ignore[reportArgumentType]  # on purpose
    assert (answer.status, json.loads(answer.body)["errorNum"]) == (500, 4)
    assert b"Traceback" not in answer.body
    assert "Traceback" in seen[0]


def test_a_preflight_needs_no_authentication() -> None:
    with Engine.open(None) as engine, Api(engine) as api:
        answer = ask(api, "OPTIONS", "/_api/version", origin="http://a", access_control_request_headers="x-y")
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "http://a"
        assert answer.headers["access-control-allow-headers"] == "x-y"
        assert ask(api, "GET", "/_api/version").status == 401
        assert ask(api, "GET", "/_api/nothing").status == 401
        assert (
            "www-authenticate" not in ask(api, "GET", "/_api/version", x_omit_www_authenticate="any").headers
        )
        assert ask(api, "GET", "/_admin/server/availability").status == 200


def test_compressed_bodies_are_read(api: Api) -> None:
    body = gzip.compress(b'{"query": "RETURN 1"}')
    assert json.loads(ask(api, "POST", "/_api/cursor", body, content_encoding="gzip").body)["result"] == [1]


def test_a_read_only_server_reads_only(api: Api) -> None:
    ask(api, "POST", "/_api/collection", {"name": "c"})
    ask(api, "PUT", "/_admin/server/mode", {"mode": "readonly"})
    for method, path, body in (
        ("POST", "/_api/document/c", {}),
        ("POST", "/_api/collection", {"name": "d"}),
        ("POST", "/_api/cursor", {"query": "INSERT {} INTO c"}),
    ):
        answer = ask(api, method, path, body)
        assert (answer.status, json.loads(answer.body)["errorNum"]) == (403, 1004)
    assert ask(api, "POST", "/_api/cursor", {"query": "FOR d IN c RETURN d"}).status == 201
    ask(api, "PUT", "/_admin/server/mode", {"mode": "default"})
    assert ask(api, "POST", "/_api/document/c", {}).status == 202


def finished(api: Api, job: str) -> Response:
    """The answer of a job, waited for."""
    for _ in range(2000):
        answer = ask(api, "PUT", f"/_api/job/{job}")
        if answer.status != 204:
            return answer
        threading.Event().wait(0.005)
    raise AssertionError("the job did not end")


def test_a_job_gives_the_answer_the_request_would_have_given(api: Api) -> None:
    queued = ask(api, "POST", "/_api/cursor", {"query": "RETURN 1"}, x_arango_async="store")
    assert (queued.status, queued.body, queued.headers["content-type"]) == (
        202,
        b"",
        "text/plain; charset=utf-8",
    )
    job = queued.headers["x-arango-async-id"]
    answer = finished(api, job)
    assert (answer.status, answer.headers["x-arango-async-id"]) == (201, job)
    assert json.loads(answer.body)["result"] == [1]
    assert ask(api, "PUT", f"/_api/job/{job}").status == 404
    queued = ask(api, "POST", "/_api/cursor", {"query": "FOR"}, x_arango_async="store")
    assert finished(api, queued.headers["x-arango-async-id"]).status == 400


def test_a_cancelled_job_stops_its_query(api: Api) -> None:
    queued = ask(api, "POST", "/_api/cursor", {"query": "RETURN SLEEP(60)"}, x_arango_async="store")
    job = queued.headers["x-arango-async-id"]
    assert ask(api, "PUT", f"/_api/job/{job}/cancel").status == 200
    answer = finished(api, job)
    assert (answer.status, json.loads(answer.body)["errorNum"]) == (410, 1500)


def test_a_running_query_is_listed_and_can_be_killed(api: Api) -> None:
    answers = list[Response]()
    body = {"query": "FOR i IN 1..1000000000 FILTER i < 0 RETURN i"}
    thread = threading.Thread(target=lambda: answers.append(ask(api, "POST", "/_api/cursor", body)))
    thread.start()
    listed: list[dict[str, Any]] = []
    for _ in range(2000):
        listed = json.loads(ask(api, "GET", "/_api/query/current").body)
        if listed:
            break
        threading.Event().wait(0.005)
    assert listed[0]["query"] == body["query"]
    assert ask(api, "DELETE", f"/_api/query/{listed[0]['id']}").status == 200
    thread.join(10)
    assert json.loads(answers[0].body)["errorNum"] == 1500
    assert ask(api, "DELETE", "/_api/query/12345").status == 404


def test_a_caller_can_stop_what_it_asked_for(api: Api) -> None:
    cancellation = Cancellation()
    timer = threading.Timer(0.05, cancellation.cancel)
    timer.start()
    request = Request(method="POST", path="/_api/cursor", body=b'{"query": "RETURN SLEEP(60)"}')
    answer = api.handle(request, cancellation=cancellation)
    assert json.loads(answer.body)["errorNum"] == 1500


def test_the_results_cache_forgets_what_has_changed(api: Api) -> None:
    ask(api, "PUT", "/_api/query-cache/properties", {"mode": "on"})
    ask(api, "POST", "/_api/collection", {"name": "c"})
    query = {"query": "FOR d IN c RETURN d._key"}

    def asked() -> tuple[list[Any], bool]:
        body = json.loads(ask(api, "POST", "/_api/cursor", query).body)
        return body["result"], body["cached"]

    assert asked() == ([], False)
    assert asked() == ([], True)
    ask(api, "POST", "/_api/document/c", {"_key": "a"})
    assert asked() == (["a"], False)
    assert asked() == (["a"], True)
    assert json.loads(ask(api, "GET", "/_api/query-cache/entries").body)[0]["dataSources"] == ["c"]
    ask(api, "DELETE", "/_api/query-cache")
    assert asked() == (["a"], False)


@pytest.mark.parametrize("path", ["/_api/document/c", "/_api/import?collection=c&type=list"])
def test_a_document_nested_too_deeply_is_refused_and_the_others_are_not(api: Api, path: str) -> None:
    ask(api, "POST", "/_api/collection", {"name": "c"})
    deep: Any = 1
    for _ in range(260):
        deep = [deep]
    is_import = "import" in path
    answer = ask(api, "POST", path, [{"_key": "a", "x": deep}, {"_key": "b"}] if is_import else {"x": deep})
    assert answer.status == (201 if is_import else 400)
    if is_import:
        told = json.loads(answer.body)
        assert (told["created"], told["errors"]) == (1, 1)
        assert ask(api, "GET", "/_api/document/c/b").status == 200
