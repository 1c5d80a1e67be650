"""The shell around the API: bodies in pieces, limits, and what an answer looks like on the wire."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Generator
from typing import Any

import pytest

from mcp_arangodb_async.engine import Api, Engine, running
from mcp_arangodb_async.engine.http.asgi import Application


@pytest.fixture(scope="module")
def api() -> Generator[Api]:
    with Engine.open(None) as engine, Api(engine, authentication=False) as made:
        yield made


def ask(
    application: Application, method: str, path: str, *pieces: bytes, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request whose body comes in pieces."""
    path, _, query = path.partition("?")
    waiting = list(pieces) or [b""]
    sent = list[Any]()

    async def receive() -> dict[str, Any]:
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(application(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[1]["body"]


def test_a_body_may_come_in_pieces(api: Api) -> None:
    application = Application(api)
    text = json.dumps({"query": "RETURN 'ü'"}, ensure_ascii=False).encode()
    status, headers, body = ask(application, "POST", "/_api/cursor", text[:13], text[13:], b"")
    assert (status, json.loads(body)["result"]) == (201, ["ü"])
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["content-length"] == str(len(body))
    assert headers["server"] == "ArangoDB"
    application.close()


@pytest.mark.parametrize("announced", [{"content_length": "1000"}, {}])
def test_a_body_beyond_the_limit_is_refused_and_the_connection_closed(
    api: Api, announced: dict[str, str]
) -> None:
    application = Application(api, largest_body=100)
    status, headers, body = ask(application, "POST", "/_api/cursor", b"x" * 60, b"x" * 60, **announced)
    assert (status, headers["connection"], json.loads(body)["errorNum"]) == (413, "close", 10)
    application.close()


def test_answers_without_a_body_announce_none(api: Api) -> None:
    application = Application(api)
    ask(application, "POST", "/_api/collection", b'{"name": "c"}')
    _, headers, _ = ask(application, "POST", "/_api/document/c", b'{"_key": "k"}')
    etag = headers["etag"]
    status, headers, body = ask(application, "GET", "/_api/document/c/k", if_none_match=etag)
    assert (status, "content-length" in headers, body) == (304, False, b"")
    status, headers, body = ask(application, "HEAD", "/_api/document/c/k")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0
    application.close()


def test_only_http_is_spoken(api: Api) -> None:
    application = Application(api)

    async def nothing(*_: Any) -> Any:
        """Neither send nor receive."""

    with pytest.raises(RuntimeError, match="websocket"):
        asyncio.run(application({"type": "websocket"}, nothing, nothing))
    application.close()


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /_api/version HTTP/1.1", 200),
        ("GET /_api/document/c/..%2f..%2fversion HTTP/1.1", 404),
        ("GET /_api/document/c/%2e%2e HTTP/1.1", 400),
        ("GET /_api/document/c/a%3Fb%23c HTTP/1.1", 404),
        ("GET /_db/%2e%2e/_api/version HTTP/1.1", 400),
        ("GET /_api/version?details=%ff HTTP/1.1", 200),
    ],
)
def test_names_on_the_wire_stay_in_their_segment(line: str, status: int) -> None:
    with (
        running() as server,
        socket.create_connection((server.host, server.port), timeout=10) as connection,
    ):
        connection.sendall(
            b"POST /_api/collection HTTP/1.1\r\nhost: x\r\ncontent-length: 13\r\n\r\n" + b'{"name": "c"}'
        )
        connection.recv(65536)
        connection.sendall(f"{line}\r\nhost: x\r\n\r\n".encode())
        answer = connection.recv(65536).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
