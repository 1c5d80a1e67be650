"""Two servers behind one address share sessions in Redis: a client may reach either with each request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.session import ClientRequestContext, ElicitationFnT
from mcp.client.streamable_http import streamable_http_client

from mcp_arangodb_async.engine import running
from tests.interaction.conversation import MODES, TWO_DATABASES, Places, Talk, Way
from tests.redis_server import RedisServer, running_redis

pytestmark = [pytest.mark.anyio, pytest.mark.server]
HTTP = {era: Way(carrier="http", era=era) for era in ("handshake", "stateless")}
TOKENS = {"MCP_HTTP_TOKENS": "alice=alices-token-1234,bob=bobs-token-5678"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream"}


class Balancer(httpx2.AsyncBaseTransport):
    """Sends each request to the next of several ports, as a proxy in front of processes does."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self.next = 0
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.next += 1
        port = self.ports[self.next % len(self.ports)]
        request.url = request.url.copy_with(port=port)
        request.headers["host"] = f"127.0.0.1:{port}"
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@asynccontextmanager
async def two_servers(
    places: Places,
    redis: RedisServer,
    environ: dict[str, str] | None = None,
    databases: str = TWO_DATABASES,
) -> AsyncGenerator[list[int]]:
    text = f"{databases}\nsessions: {{redis: '{redis.url}'}}\n"
    settings = places.settings(text, environ or {})
    async with places.serving(settings) as one, places.serving(settings) as other:
        yield [one, other]


@asynccontextmanager
async def client_of(
    ports: list[int], way: Way, token: str | None = None, elicit: ElicitationFnT | None = None
) -> AsyncGenerator[Talk]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30, transport=Balancer(ports)) as http,
        Client(
            streamable_http_client("http://127.0.0.1:1/mcp", http_client=http),
            mode=MODES[way.era],
            elicitation_callback=elicit,
        ) as client,
    ):
        yield Talk(client)


@pytest.mark.parametrize("era", ["handshake", "stateless"])
async def test_focus_and_workflow_follow_a_client_from_process_to_process(
    places: Places, redis: RedisServer, era: str
) -> None:
    way = HTTP[era]
    async with (
        two_servers(places, redis) as ports,
        client_of(ports, way) as one,
        client_of(ports, way) as other,
    ):
        await one.call("set_focused_database", database="blue")
        await other.call("set_focused_database", database="red")
        for _ in range(6):
            assert (await one.call("get_focused_database"))["focused_database"] == "blue"
            assert (await other.call("get_focused_database"))["focused_database"] == "red"
        answer = await one.call("query", query="RETURN CURRENT_DATABASE()")
        assert (answer["rows"], answer["resolved_by"]) == (["blue_data"], "focus")


async def test_the_rest_of_a_result_is_kept_where_every_process_finds_it(
    places: Places, redis: RedisServer
) -> None:
    with running(authentication=False) as engine:
        databases = f"databases:\n  red: {{url: '{engine.url}'}}\n"
        async with (
            two_servers(places, redis, databases=databases) as ports,
            client_of(ports, HTTP["handshake"]) as client,
        ):
            page = await client.call("query", query="FOR i IN 1..10 RETURN i", max_rows=4)
            rows, answered = page["rows"], 1
            while page.get("next"):
                page = await client.call("query", next=page["next"], max_rows=4)
                rows, answered = rows + page["rows"], answered + 1
            assert (rows, answered) == (list(range(1, 11)), 3)


async def test_a_yes_to_one_process_is_good_at_the_next(places: Places, redis: RedisServer) -> None:
    async def agree(context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"confirm": True})

    with running(authentication=False) as engine:
        shop = f"  shop: {{url: '{engine.url}', access: admin}}\n"
        databases = f"server: {{confirm: always}}\ndatabases:\n{shop}"
        async with (
            two_servers(places, redis, databases=databases) as ports,
            client_of(ports, HTTP["stateless"], elicit=agree) as client,
        ):
            for name in ("a", "b", "c"):
                await client.call("create_collection", name=name)
                await client.call("drop_collection", collection=name)


async def test_a_session_is_its_principals_and_ends_with_delete(places: Places, redis: RedisServer) -> None:
    async with two_servers(places, redis, TOKENS) as ports, httpx2.AsyncClient(timeout=30) as http:
        alice = {**ACCEPT, "authorization": "Bearer alices-token-1234"}
        bob = {**ACCEPT, "authorization": "Bearer bobs-token-5678"}
        one, other = (f"http://127.0.0.1:{port}/mcp" for port in ports)
        opened = await http.post(one, json=INITIALIZE, headers=alice)
        session = {"mcp-session-id": opened.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        assert (await http.post(other, json=ping, headers=alice | session)).status_code == 200
        forged = {**session, "mcp-session-id": "A" * 24 + "." + "B" * 32}
        for headers in (bob | session, alice | forged):
            for url in (one, other):
                assert (await http.post(url, json=ping, headers=headers)).status_code == 404
                assert (await http.delete(url, headers=headers)).status_code == 404
        assert (await http.get(one, headers=alice | session)).status_code == 405
        assert (await http.delete(one, headers=alice | session)).status_code == 200
        for url in (one, other):
            assert (await http.post(url, json=ping, headers=alice | session)).status_code == 404


async def test_without_redis_calls_that_name_their_database_work_and_others_say_why_not(
    places: Places, redis: RedisServer
) -> None:
    async with two_servers(places, redis) as ports, client_of(ports, HTTP["handshake"]) as client:
        await client.call("set_focused_database", database="blue")
        redis.stop()
        answer = await client.call("query", query="RETURN 1", database="red")
        assert answer["rows"] == [1]
        assert (await client.call("list_available_databases"))["databases"]
        for name, arguments in (
            ("query", {"query": "RETURN 1"}),
            ("set_focused_database", {"database": "red"}),
            ("get_focused_database", {}),
        ):
            error = await client.fail(name, **arguments)
            assert error["code"] == "unavailable"
            assert "Redis" in error["message"]
        redis.start()
        async with asyncio.timeout(10):
            # The restarted Redis is empty: the session is gone, and the client is told to start anew.
            with pytest.raises(Exception, match=r"(?i)session"):
                await client.call("get_focused_database")
