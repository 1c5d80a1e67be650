"""Who gets in at which route: Host and Origin, tokens and scopes, asked of the whole HTTP application."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import TypeAdapter

from mcp_arangodb_async.config.model import (
    AuditSettings,
    DatabaseSettings,
    EmbeddedServer,
    HttpSettings,
    OAuthSettings,
    Settings,
    TokenHash,
)
from mcp_arangodb_async.errors import ConfigError
from mcp_arangodb_async.observability.audit_check import check
from mcp_arangodb_async.server.app import App, open_app
from mcp_arangodb_async.server.guard import Guard, rules_of
from mcp_arangodb_async.server.http import open_asgi
from mcp_arangodb_async.server.refusal import Message
from tests.unit.server.issuer import RESOURCE, Issuer, issuing

Header = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Place:
    """The HTTP application of some settings, asked without a socket."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self.app: App
        self.guard: Guard

    async def __aenter__(self) -> Self:
        self.app = await self._stack.enter_async_context(open_app(self._settings))
        self.guard, _ = await self._stack.enter_async_context(open_asgi(self.app))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Sequence[Header] = (("host", "localhost"),),
        body: bytes = b"",
        peer: str = "127.0.0.1",
    ) -> Answer:
        """One request."""
        sent: list[Message] = []
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                await asyncio.Event().wait()  # the client stays; whoever waits for it to leave is cancelled
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        async with asyncio.timeout(10):
            await self.guard(scope_of(path, method, headers, peer), receive, send)
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(
            status=sent[0]["status"], headers=found, body=b"".join(one.get("body", b"") for one in sent[1:])
        )

    async def listen(self, path: str, *, headers: Sequence[Header], until: str | None, seconds: float) -> str:
        """What a stream says until a text is in it, at most for so long."""
        said: list[str] = []
        enough = asyncio.Event()

        begun = False

        async def receive() -> Message:
            nonlocal begun
            if not begun:
                begun = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            said.append(message.get("body", b"").decode())
            if until is not None and until in "".join(said):
                enough.set()

        running = asyncio.create_task(self.guard(scope_of(path, "GET", headers), receive, send))
        try:
            async with asyncio.timeout(seconds):
                await enough.wait()
        except TimeoutError:
            enough.set()
        await asyncio.wait({running}, timeout=5)
        return "".join(said)

    async def call(
        self, tool: str, token: str | None = None, /, *, traceparent: str | None = None, **arguments: Any
    ) -> Answer:
        """A tools/call of 2026-07-28."""
        meta = {} if traceparent is None else {"traceparent": traceparent}
        return await self.request("tools/call", token, meta, name=tool, arguments=arguments)

    async def request(
        self, method: str, token: str | None = None, more: Mapping[str, str] | None = None, /, **params: Any
    ) -> Answer:
        """A request of 2026-07-28; `more` goes into its `_meta`."""
        meta: dict[str, Any] = {
            **(more or {}),
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        message: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": method,
            "params": {**params, "_meta": meta},
        }
        headers = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
            *(("mcp-name", params[name]) for name in ("name", "uri") if name in params),
            *([("authorization", f"Bearer {token}")] if token else []),
        ]
        return await self.ask("/mcp", method="POST", headers=headers, body=json.dumps(message).encode())


def scope_of(path: str, method: str, headers: Sequence[Header], peer: str = "127.0.0.1") -> dict[str, Any]:
    """The ASGI scope of a request."""
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": (peer, 1234),
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def result_of(answer: Answer) -> dict[str, Any]:
    """The JSON-RPC result of an answer, whichever form it was sent in."""
    text = answer.body.decode()
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        text = next(line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {"))
    document: dict[str, Any] = json.loads(text)
    return document["result"]


def settings(**sections: Any) -> Settings:
    database = DatabaseSettings(key="memory", server=EmbeddedServer(directory=None), access="admin")
    return Settings(databases={"memory": database}, **sections)


ROUTES = ("/mcp", "/mcp/db/memory", "/mcp/x/baseline", "/live", "/ready", "/health", "/metrics",
          "/.well-known/oauth-protected-resource", "/")  # fmt: skip
EVIL_HOSTS = (
    "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "localhost.", "localhost:8000.evil", "",
    "user@localhost", "127.0.0.1@evil.example", "[::1].evil.example", "[::ffff:127.0.0.1]", "0x7f.1",
    "2130706433", "127.1", "localhost:99999", "localhost/evil", "localhost evil", "[::1",
    "localhost,evil.example", "ⓛocalhost",
)  # fmt: skip
EVIL_ORIGINS = (
    "null", "https://evil.example", "http://localhost.evil.example", "http://127.0.0.1.nip.io:8000",
    "http://localhost@evil.example", "http://evil.example@localhost", "http://[::1].evil.example",
    "http://localhost.", "http://localhost:port", "file://localhost", "chrome-extension://localhost",
    "http://localhost/evil", "localhost", "//localhost", "", "http://", "http://[::1", "ws://localhost",
)  # fmt: skip
ANYWHERE = {
    "loopback": HttpSettings(),
    "an address, with tokens": HttpSettings(
        host="192.0.2.7", tokens=(TokenHash(principal="a", sha256="0" * 64),)
    ),
    "every address, anonymous": HttpSettings(host="0.0.0.0", allow_anonymous=True),
    "a name, anonymous": HttpSettings(host="192.0.2.7", allow_anonymous=True, allowed_hosts=("mcp.example",)),
}


@pytest.mark.parametrize("bound", ANYWHERE, ids=str)
def test_no_foreign_host_or_origin_gets_in_anywhere(bound: str) -> None:
    async def run() -> list[tuple[str, str, str, int]]:
        accepted: list[tuple[str, str, str, int]] = []
        cells = 0
        async with Place(settings(http=ANYWHERE[bound])) as place:
            good = {"loopback": "localhost", "every address, anonymous": "127.0.0.1:80"}.get(
                bound, "192.0.2.7"
            )
            cases = [
                *((host, None) for host in EVIL_HOSTS if not is_ours(bound, host)),
                *((good, origin) for origin in EVIL_ORIGINS),
                *itertools.product(EVIL_HOSTS[:2], EVIL_ORIGINS[:3]),
            ]
            for path, method, (host, origin) in itertools.product(ROUTES, ("GET", "POST"), cases):
                cells += 1
                headers = [("host", host.encode().decode("latin-1"))]
                if origin is not None:
                    headers.append(("origin", origin))
                answer = await place.ask(path, method=method, headers=headers)
                if answer.status not in {400, 403, 421}:
                    accepted.append((path, host, str(origin), answer.status))
            for path in ROUTES:
                for doubled in ("host", "origin", "authorization", "mcp-session-id", "mcp-protocol-version"):
                    cells += 1
                    twice = [("host", good), (doubled, "http://localhost"), (doubled, "http://localhost")]
                    answer = await place.ask(path, headers=twice)
                    if answer.status not in {400, 421}:
                        accepted.append((path, "doubled", doubled, answer.status))
        assert cells >= 200
        return accepted

    assert asyncio.run(run()) == []


def is_ours(bound: str, host: str) -> bool:
    """Any IP address is a name of a server on every address: nobody makes one stand for another."""
    return bound.startswith("every") and host == "[::ffff:127.0.0.1]"


def test_a_good_host_gets_an_answer_on_every_route() -> None:
    async def run() -> dict[str, int]:
        async with Place(settings()) as place:
            paths = ("/live", "/ready", "/health", "/metrics", "/")
            return {path: (await place.ask(path)).status for path in paths}

    assert asyncio.run(run()) == {"/live": 200, "/ready": 200, "/health": 200, "/metrics": 200, "/": 404}


def with_token(access: str = "admin") -> HttpSettings:
    hashed = hashlib.sha256(b"s3cret").hexdigest()
    token = TypeAdapter(TokenHash).validate_python({"principal": "alice", "sha256": hashed, "access": access})
    return HttpSettings(tokens=(token,))


def test_figures_need_a_token_or_this_machine() -> None:
    async def run() -> list[int]:
        host = ("host", "localhost")
        async with Place(settings(http=with_token())) as place:
            return [
                (await place.ask("/metrics")).status,
                (await place.ask("/metrics", peer="192.0.2.1")).status,
                (await place.ask("/metrics", headers=[host, ("x-forwarded-for", "192.0.2.1")])).status,
                (
                    await place.ask(
                        "/metrics", peer="192.0.2.1", headers=[host, ("authorization", "Bearer s3cret")]
                    )
                ).status,
            ]

    assert asyncio.run(run()) == [200, 401, 401, 200]


def test_figures_tell_of_calls_and_requests_with_bounded_labels() -> None:
    async def run() -> str:
        async with Place(settings()) as place:
            await place.call("arango_list_collections")
            await place.call("arango_query", query="RETURN nonsense")
            for number in range(30):
                await place.call(f"made_up_{number}")
                await place.ask(f"/made/up/{number}")
            return (await place.ask("/metrics")).body.decode()

    text = asyncio.run(run())
    assert 'mcp_tool_calls_total{outcome="ok",tool="arango_list_collections"} 1.0' in text
    assert 'mcp_tool_calls_total{outcome="not_found",tool="other"} 30.0' in text
    assert 'mcp_database_calls_total{database="memory",outcome="ok"} 1.0' in text
    assert 'mcp_http_requests_total{method="GET",route="other",status="404"} 30.0' in text
    assert 'mcp_tool_call_duration_seconds_count{tool="arango_query"} 1.0' in text
    assert 'mcp_backend_breaker_open{database="memory"} 0.0' in text
    assert "process_resident_memory_bytes" in text
    assert "made_up" not in text
    assert text.count("\n") < 2000


def test_figures_can_be_switched_off() -> None:
    async def run() -> int:
        async with Place(settings(http=HttpSettings(metrics=False))) as place:
            return (await place.ask("/metrics")).status

    assert asyncio.run(run()) == 404


@pytest.mark.parametrize("access", ["read", "write", "admin"])
def test_a_static_tokens_access_caps_what_its_holder_may_do(access: str) -> None:
    async def run() -> dict[str, str]:
        found: dict[str, str] = {}
        async with Place(settings(http=with_token(access))) as place:
            for tool, arguments in CALLS.items():
                answer = await place.call(tool, "s3cret", database="memory", **arguments)
                document = json.loads(result_of(answer)["content"][0]["text"])
                found[tool] = document.get("error", {}).get("code", "ok")
        return found

    found = asyncio.run(run())
    allowed = {"read": 1, "write": 2, "admin": 3}[access]
    for number, tool in enumerate(CALLS, start=1):
        assert (found[tool] in {"denied", "read_only"}) is (number > allowed), (tool, found[tool])


CALLS: dict[str, dict[str, Any]] = {
    "arango_query": {"query": "RETURN 1"},
    "arango_create_collection": {"name": "things"},
    "arango_drop_collection": {"collection": "things"},
}


def oauth(issuer: Issuer) -> Settings:
    return settings(
        oauth=OAuthSettings(issuer=issuer.url, resource=RESOURCE, jwks_url=f"{issuer.url}/keys", leeway=5.0)
    )


def test_whoever_has_no_token_is_told_where_to_get_one() -> None:
    async def run(issuer: Issuer) -> None:
        async with Place(oauth(issuer)) as place:
            nothing = await place.request("tools/list")
            assert nothing.status == 401
            challenge = nothing.headers["www-authenticate"]
            address = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
            assert f'resource_metadata="{address}"' in challenge
            assert 'scope="mcp:read"' in challenge
            assert "error=" not in challenge
            wrong = await place.request("tools/list", issuer.token(exp=1))
            assert wrong.status == 401
            assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
            assert "exp" not in wrong.json["error"]["message"]
            for path in ("/mcp", "", "/mcp/db/memory"):
                metadata = (await place.ask(f"/.well-known/oauth-protected-resource{path}")).json
                assert metadata["resource"] == RESOURCE
                assert metadata["authorization_servers"] == [issuer.url]
                assert metadata["scopes_supported"] == ["mcp:read", "mcp:write", "mcp:admin"]
                assert metadata["bearer_methods_supported"] == ["header"]
            assert (await place.ask("/.well-known/oauth-protected-resource/other")).status == 404

    with issuing() as issuer:
        asyncio.run(run(issuer))


def test_scopes_decide_per_tool_and_the_challenge_names_the_missing_one() -> None:
    async def run(issuer: Issuer) -> None:
        ranks = {None: 0, "mcp:read": 1, "mcp:write": 2, "mcp:admin": 3}
        needs = {None: 1, "read": 1, "write": 2, "admin": 3}
        names = {2: "mcp:write", 3: "mcp:admin"}
        async with Place(oauth(issuer)) as place:
            for scope, rank in ranks.items():
                token = issuer.token(scope=scope or "")
                allowed = denied = 0
                for tool in place.app.tools.values():
                    # Without arguments: whoever gets past the door is told of the missing ones.
                    answer = await place.call(tool.name, token, no_such_argument=1)
                    needed = needs[tool.effect.access]
                    if rank >= needed:
                        allowed += 1
                        assert answer.status == 200, tool.name
                        assert json.loads(result_of(answer)["content"][0]["text"])["error"]["code"] == (
                            "invalid_argument"
                        )
                    else:
                        denied += 1
                        assert answer.status == 403, tool.name
                        challenge = answer.headers["www-authenticate"]
                        assert 'error="insufficient_scope"' in challenge
                        assert f'scope="{names.get(needed, "mcp:read") if rank else "mcp:read"}"' in challenge
                assert allowed if rank else not allowed
                assert denied if rank < 3 else not denied

    with issuing() as issuer:
        asyncio.run(run(issuer))


def test_the_list_shows_what_the_token_allows() -> None:
    async def run(issuer: Issuer) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        async with Place(oauth(issuer)) as place:
            for scope in ("mcp:read", "mcp:write", "mcp:admin"):
                answer = await place.request("tools/list", issuer.token(scope=scope))
                result = result_of(answer)
                assert result["cacheScope"] == "private"
                found[scope] = {tool["name"] for tool in result["tools"]}
        return found

    with issuing() as issuer:
        found = asyncio.run(run(issuer))
    assert "arango_query" in found["mcp:read"]
    assert "arango_insert" not in found["mcp:read"]
    assert "arango_insert" in found["mcp:write"]
    assert found["mcp:read"] < found["mcp:write"] < found["mcp:admin"]


def test_a_statement_that_writes_is_refused_to_a_token_that_reads() -> None:
    async def run(issuer: Issuer) -> dict[str, Any]:
        async with Place(oauth(issuer)) as place:
            await place.call("arango_create_collection", issuer.token(scope="mcp:write"), name="things")
            answer = await place.call(
                "arango_query", issuer.token(), query="INSERT {} INTO things", database="memory"
            )
            return json.loads(result_of(answer)["content"][0]["text"])["error"]

    with issuing() as issuer:
        error = asyncio.run(run(issuer))
    assert error["code"] in {"denied", "read_only"}


def test_sessions_of_one_principal_are_not_another_ones() -> None:
    async def run(issuer: Issuer) -> None:
        async with Place(oauth(issuer)) as place:
            ada, eve = issuer.token(), issuer.token(sub="eve")
            other_client = issuer.token(client_id="other")
            answer = await place.call("arango_set_focused_database", ada, database="memory")
            handle = json.loads(result_of(answer)["content"][0]["text"])["session"]
            for token, known in (
                (ada, True),
                (issuer.token(jti="2"), True),
                (eve, False),
                (other_client, False),
            ):
                answer = await place.call("arango_get_focused_database", token, session=handle)
                document = json.loads(result_of(answer)["content"][0]["text"])
                assert ("error" not in document) is known

    with issuing() as issuer:
        asyncio.run(run(issuer))


def test_calls_and_refusals_are_written_down_without_what_they_held(tmp_path: Path) -> None:
    async def run(issuer: Issuer) -> None:
        audited = replace(oauth(issuer), audit=AuditSettings(directory=str(tmp_path / "log"), fsync="always"))
        async with Place(audited) as place:
            token = issuer.token(tenant_id="acme")
            await place.call("arango_query", token, query="FOR i IN 1..3 RETURN 'canary-argument'")
            await place.call("arango_query", token, query="INSERT {} INTO things", database="memory")
            await place.request("tools/list", "canary-token")
            await place.request("resources/read", token, uri="arangodb://memory/schema")
            text = (await place.ask("/metrics")).body.decode()
            assert 'mcp_tool_calls_total{outcome="ok",tool="resources/read"} 1.0' in text
            assert "mcp_audit_lost_total 0.0" in text

    with issuing() as issuer:
        asyncio.run(run(issuer))
    paths = list((tmp_path / "log").glob("*.jsonl"))
    text = paths[0].read_text(encoding="utf-8")
    assert not check(paths, None).problems
    assert "canary" not in text
    _, query, write, refused, read, _ = map(json.loads, text.splitlines())
    assert (read["kind"], read["who"], read["uri"]) == ("read", "ada", "arangodb://memory/schema")
    assert query["who"] == "ada"
    assert (query["tenant"], query["tool"], query["database"]) == ("acme", "arango_query", "memory")
    assert (query["rows"], query["decision"], query["outcome"]) == (3, "allowed", "ok")
    assert (query["issuer"], query["client"], query["transport"]) == (issuer.url, "editor", "http")
    assert write["decision"] == "denied"
    assert query["arguments"] != write["arguments"]
    assert (refused["kind"], refused["status"], refused["address"]) == ("http", 401, "127.0.0.1")


def test_a_log_that_fails_closed_has_a_call_before_it_runs(tmp_path: Path) -> None:
    async def run() -> None:
        audit = AuditSettings(directory=str(tmp_path / "log"), fail_closed=True)
        async with Place(settings(audit=audit)) as place:
            await place.call("arango_query", query="RETURN 1")

    asyncio.run(run())
    (path,) = (tmp_path / "log").glob("*.jsonl")
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [one.get("decision") for one in found] == [None, "started", "allowed", None]
    assert found[1]["arguments"] == found[2]["arguments"]


def test_keys_that_cannot_be_fetched_are_an_outage_not_a_refusal() -> None:
    async def run(issuer: Issuer) -> Answer:
        issuer.answers = False
        async with Place(oauth(issuer)) as place:
            return await place.request("tools/list", issuer.token())

    with issuing() as issuer:
        answer = asyncio.run(run(issuer))
    assert answer.status == 503
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    "options", [{"issuer": "https://a.example"}, {"resource": RESOURCE}, {"audience": ("x",)}], ids=str
)
def test_half_an_oauth_section_is_no_section(options: dict[str, Any]) -> None:
    async def run() -> None:
        async with Place(settings(oauth=OAuthSettings(**options))):
            pass

    with pytest.raises(ConfigError, match="is not"):
        asyncio.run(run())


def test_oauth_counts_as_authentication_of_an_open_address() -> None:
    open_to_all = HttpSettings(host="0.0.0.0")
    rules = rules_of(
        settings(http=open_to_all, oauth=OAuthSettings(issuer="https://a.example", resource=RESOURCE))
    )
    assert rules.hosts == {"*"}
