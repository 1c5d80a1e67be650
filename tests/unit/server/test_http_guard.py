"""The HTTP guard, asked directly: who may ask, from where, how much."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pytest

from mcp_arangodb_async.config.model import HttpSettings, Settings, TokenHash
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.server import guard as guards
from mcp_arangodb_async.server.authentication import Authenticator
from mcp_arangodb_async.server.endpoint import endpoint_of
from mcp_arangodb_async.server.guard import Guard, Rules, is_loopback, rules_of
from mcp_arangodb_async.server.refusal import Message, Receive, Scope, Send, respond
from mcp_arangodb_async.sessions import Principal

RULES = Rules(
    hosts=guards.LOOPBACK_NAMES,
    origins=frozenset({"https://app.example"}),
    toolsets=frozenset({"baseline", "full"}),
    max_body_bytes=100,
)
NOBODY_IS_ASKED = Settings(databases={})


class Inside:
    """What stands behind the guard: it answers with what it was given."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        if scope["method"] == "POST":
            body = (await receive())["body"]
        endpoint = endpoint_of(scope)
        document = {
            "database": endpoint.database,
            "toolset": endpoint.toolset,
            "principal": endpoint.principal and endpoint.principal.subject,
            "body": body.decode(),
        }
        await respond(send, 200, document)


async def elsewhere(_scope: Scope, _receive: Receive, send: Send) -> None:
    await respond(send, 200, {"other": True})


def note(_scope: Scope, _principal: Principal) -> None:
    """The SDK is not asked here."""


def ask(
    path: str,
    *,
    method: str = "GET",
    host: str = "localhost:8000",
    headers: Sequence[tuple[bytes, bytes]] = (),
    body: Sequence[bytes] = (b"",),
    rules: Rules = RULES,
    settings: Settings = NOBODY_IS_ASKED,
) -> tuple[int, dict[str, str], Any]:
    """One request to a guard; status, headers and the JSON of its answer."""
    sent: list[Message] = []
    parts = list(body)

    async def receive() -> Message:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        guard = Guard(
            rules,
            authenticator=Authenticator(settings),
            mcp=Inside(),
            other=elsewhere,
            accept=note,
            lifespan=elsewhere,
        )
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "headers": [(b"host", host.encode()), *headers],
        }
        await guard(scope, receive, send)

    asyncio.run(run())
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, json.loads(sent[1]["body"] or b"null")


@pytest.mark.parametrize(
    ("path", "database", "toolset"),
    [
        ("/mcp", None, None),
        ("/mcp/db/prod", "prod", None),
        ("/mcp/db/a%20b", "a b", None),
        ("/mcp/db/..%2fx", "../x", None),
        ("/mcp/x/baseline", None, "baseline"),
    ],
)
def test_a_path_decides_database_and_toolset(path: str, database: str | None, toolset: str | None) -> None:
    status, _, answer = ask(path)
    assert status == 200
    assert (answer["database"], answer["toolset"]) == (database, toolset)


@pytest.mark.parametrize("path", ["/", "/mcp/", "/mcp/db", "/mcp/db/", "/mcp/db/a/b", "/mcpx", "/mcp/y/z"])
def test_other_paths_are_not_mcp(path: str) -> None:
    assert ask(path)[2] == {"other": True}


def test_an_unknown_toolset_lists_the_possible_ones() -> None:
    status, _, answer = ask("/mcp/x/nope")
    assert status == 404
    assert answer["error"]["message"] == "no toolset 'nope'; possible: baseline, full"
    assert set(answer["error"]) == {"code", "message", "request_id"}


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8000", "", "127.0.0.1.nip.io"])
@pytest.mark.parametrize("path", ["/mcp", "/health", "/anything"])
def test_a_foreign_host_is_refused_on_every_route(host: str, path: str) -> None:
    assert ask(path, host=host)[0] == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8000", "LOCALHOST:1"])
def test_our_own_hosts_are_answered(host: str) -> None:
    assert ask("/mcp", host=host)[0] == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example", 200),
        ("http://localhost:6274", 200),
        ("https://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
    ],
)
def test_only_known_origins_may_call(origin: str, status: int) -> None:
    found, headers, _ = ask("/health", headers=[(b"origin", origin.encode())])
    assert found == status
    assert (headers.get("access-control-allow-origin") == origin) is (status == 200)


def test_a_preflight_is_answered() -> None:
    asked = [(b"origin", b"https://app.example"), (b"access-control-request-method", b"POST")]
    status, headers, _ = ask("/mcp", method="OPTIONS", headers=asked)
    assert status == 204
    assert "mcp-session-id" in headers["access-control-allow-headers"]


def with_tokens() -> Settings:
    hashed = hashlib.sha256(b"s3cret").hexdigest()
    return Settings(databases={}, http=HttpSettings(tokens=(TokenHash(principal="alice", sha256=hashed),)))


def test_a_known_token_names_its_principal() -> None:
    status, _, answer = ask("/mcp", headers=[(b"authorization", b"bearer s3cret")], settings=with_tokens())
    assert (status, answer["principal"]) == (200, "alice")


@pytest.mark.parametrize(
    "value", [b"", b"Bearer", b"Bearer wrong", b"Basic s3cret", b"Bearer \xff", b"s3cret"]
)
def test_without_a_known_token_nobody_gets_in(value: bytes) -> None:
    status, headers, answer = ask("/mcp", headers=[(b"authorization", value)], settings=with_tokens())
    assert status == 401
    assert headers["www-authenticate"].startswith("Bearer")
    assert answer["error"]["code"] == "denied"


def test_health_needs_no_token() -> None:
    assert ask("/health", settings=with_tokens())[0] == 200


def test_a_body_arrives_whole() -> None:
    assert ask("/mcp", method="POST", body=[b"ab", b"cd"])[2]["body"] == "abcd"


@pytest.mark.parametrize(
    ("headers", "body"),
    [([(b"content-length", b"101")], [b"x"]), ([], [b"x" * 60, b"x" * 60])],
)
def test_a_body_beyond_the_limit_is_refused(headers: list[tuple[bytes, bytes]], body: list[bytes]) -> None:
    status, _, answer = ask("/mcp", method="POST", headers=headers, body=body)
    assert status == 413
    assert answer["error"]["code"] == "limit_exceeded"


def test_large_headers_and_paths_are_refused() -> None:
    assert ask("/mcp", headers=[(b"x-a", b"y" * guards.MAXIMUM_HEADER_BYTES)])[0] == 431
    assert ask("/mcp/db/" + "x" * guards.MAXIMUM_PATH_BYTES)[0] == 414


def test_a_doubled_host_is_refused() -> None:
    assert ask("/mcp", headers=[(b"host", b"localhost")])[0] == 400


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True), ("0.0.0.0", False),
        ("192.168.0.1", False), ("::", False), ("example.com", False),
    ],
)  # fmt: skip
def test_loopback_addresses_are_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_an_open_address_needs_authentication(host: str) -> None:
    with pytest.raises(ConfigError, match="can be reached by others"):
        rules_of(Settings(databases={}, http=HttpSettings(host=host)))
    assert rules_of(Settings(databases={}, http=HttpSettings(host=host, allow_anonymous=True))).hosts
