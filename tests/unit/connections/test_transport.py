"""Requests to a server elsewhere: deadlines, lost connections, answers nobody should trust."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mcp_arangodb_async.config.address import RemoteServer
from mcp_arangodb_async.config.model import DatabaseSettings, PoolSettings, TlsSettings
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager, call_limits
from mcp_arangodb_async.connections.database import ArangoDatabase
from mcp_arangodb_async.connections.tls import TlsContexts
from mcp_arangodb_async.errors import (
    AuthenticationError,
    BackendError,
    ConfigError,
    DeadlineError,
    LimitError,
    MaaError,
    UnavailableError,
)
from tests.unit.connections.recording_server import (
    Answer,
    Recorded,
    RecordingServer,
    eventually,
    recording_server,
    succeed,
)

SECRET = "s3cret-password"


@asynccontextmanager
async def database_on(
    recorder: RecordingServer, *, connect_timeout: float = 1.0, maximum_response: int = 10_000, **changes: Any
) -> AsyncGenerator[ArangoDatabase]:
    async with manager_on(
        recorder.settings(**changes), connect_timeout=connect_timeout, maximum_response=maximum_response
    ) as manager:
        yield await manager.get_database("main")


def manager_on(*settings: DatabaseSettings, **options: Any) -> MultiDatabaseConnectionManager:
    return MultiDatabaseConnectionManager({item.key: item for item in settings}, **options)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def black_hole() -> Generator[str]:
    """A port whose queue of waiting connections is full: the next one gets no answer at all."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting: list[socket.socket] = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            waiting.append(client)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for client in waiting:
                client.close()


def test_a_request_carries_the_login_and_asks_for_plain_json() -> None:
    async def run() -> Recorded:
        async with recording_server() as server, database_on(server) as database:
            await database.collection("users").insert({"_key": "ada"})
            return server.requests[0]

    request = asyncio.run(run())
    assert request.line == "POST /_db/db/_api/document/users HTTP/1.1"
    assert request.headers["authorization"].startswith("Basic ")
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.body == b'{"_key":"ada"}'


def test_databases_of_one_server_share_its_connections() -> None:
    async def run() -> tuple[int, int]:
        async with (
            recording_server() as server,
            manager_on(server.settings("a"), server.settings("b", database="other")) as manager,
        ):
            for key in ("a", "b", "a", "b"):
                await (await manager.get_database(key)).call("GET", "_api", "version")
            return server.connections, len(manager.statistics())

    assert asyncio.run(run()) == (1, 1)


def test_another_login_on_the_same_server_gets_its_own_client() -> None:
    async def run() -> int:
        async with (
            recording_server() as server,
            manager_on(server.settings("a"), server.settings("b", username="bob")) as manager,
        ):
            for key in ("a", "b"):
                await (await manager.get_database(key)).call("GET", "_api", "version")
            return len(manager.statistics())

    assert asyncio.run(run()) == 2


def test_a_server_that_is_not_running_is_named_without_credentials() -> None:
    port = closed_port()
    settings = RecordingServer(port).settings()

    async def run() -> MaaError:
        async with manager_on(settings) as manager:
            with pytest.raises(UnavailableError) as caught:
                await (await manager.get_database("main")).call("GET", "_api", "version")
            return caught.value

    error = asyncio.run(run())
    assert error.message == f"http://127.0.0.1:{port}: connection refused: is the server running there?"
    assert error.database == "main"
    assert SECRET not in repr(error)


def test_a_host_without_an_address_is_said_to_be_unknown() -> None:
    settings = RecordingServer(1).settings(server=RemoteServer(urls=("http://no-such-host.invalid:8529",)))

    async def run() -> str:
        async with manager_on(settings) as manager:
            with pytest.raises(UnavailableError) as caught:
                await (await manager.get_database("main")).call("GET", "_api", "version")
            return caught.value.message

    assert "no-such-host.invalid" in asyncio.run(run())


def test_a_server_that_swallows_connections_costs_its_caller_the_connect_deadline_and_nobody_else() -> None:
    async def run() -> tuple[float, float]:
        with black_hole() as url:
            async with recording_server() as server:
                down = server.settings("down", server=RemoteServer(urls=(url,)))
                async with manager_on(down, server.settings("up"), connect_timeout=0.4) as manager:
                    await manager.load()
                    slowest = 0.0
                    started = time.monotonic()
                    broken = asyncio.create_task(
                        (await manager.get_database("down")).call("GET", "_api", "version")
                    )
                    working = await manager.get_database("up")
                    while not broken.done():
                        before = time.monotonic()
                        await working.call("GET", "_api", "version")
                        slowest = max(slowest, time.monotonic() - before)
                    with pytest.raises(UnavailableError, match=r"no connection within 0\.4 s"):
                        await broken
                    return time.monotonic() - started, slowest

    took, slowest = asyncio.run(run())
    assert 0.3 < took < 1.5
    assert slowest < 0.3


def test_after_a_few_failures_callers_are_told_at_once_and_it_recovers_by_itself() -> None:
    port = closed_port()
    settings = RecordingServer(port).settings()

    async def run() -> tuple[str, float, bool]:
        async with manager_on(settings) as manager:
            database = await manager.get_database("main")
            for _ in range(3):
                with pytest.raises(UnavailableError, match="connection refused"):
                    await database.call("GET", "_api", "version")
            started = time.monotonic()
            with pytest.raises(UnavailableError, match="tried again in"):
                await database.call("GET", "_api", "version")
            told = time.monotonic() - started
            state = manager.statistics()[0].breaker
            async with recording_server(port):
                async with asyncio.timeout(5):
                    while True:
                        try:
                            await database.call("GET", "_api", "version")
                            break
                        except UnavailableError:
                            await asyncio.sleep(0.02)
            return state, told, manager.statistics()[0].breaker == "closed"

    state, told, recovered = asyncio.run(run())
    assert (state, recovered) == ("open", True)
    assert told < 0.05


def test_an_answer_that_does_not_come_ends_at_the_deadline() -> None:
    async def never(_request: Recorded) -> Answer:
        await asyncio.Event().wait()
        return Answer()

    async def run(limit: float | None) -> float:
        async with recording_server() as server, database_on(server, timeout=0.3) as database:
            server.behaviour = never
            started = time.monotonic()
            with (
                pytest.raises(DeadlineError, match="did not answer within"),
                call_limits(deadline_seconds=limit),
            ):
                await database.call("GET", "_api", "version")
            return time.monotonic() - started

    assert 0.25 < asyncio.run(run(None)) < 1.0
    assert 0.05 < asyncio.run(run(0.1)) < 0.28


def test_a_call_whose_time_is_over_sends_nothing() -> None:
    async def run() -> int:
        async with recording_server() as server, database_on(server) as database:
            with call_limits(deadline_seconds=0), pytest.raises(DeadlineError):
                await database.call("GET", "_api", "version")
            return server.connections

    assert asyncio.run(run()) == 0


def test_more_calls_than_connections_wait_their_turn() -> None:
    async def run() -> tuple[int, int]:
        async with (
            recording_server() as server,
            database_on(server, pool=PoolSettings(max_connections=3)) as database,
        ):
            at_once = most = 0

            async def slow(request: Recorded) -> Answer:
                nonlocal at_once, most
                at_once += 1
                most = max(most, at_once)
                await asyncio.sleep(0.005)
                at_once -= 1
                return await succeed(request)

            server.behaviour = slow
            await asyncio.gather(*(database.call("GET", "_api", "version") for _ in range(20)))
            return most, len(server.requests)

    assert asyncio.run(run()) == (3, 20)


def test_a_call_that_finds_no_free_connection_says_so() -> None:
    async def run() -> None:
        async with (
            recording_server() as server,
            database_on(server, timeout=0.3, pool=PoolSettings(max_connections=1)) as database,
        ):

            async def never(_request: Recorded) -> Answer:
                await asyncio.Event().wait()
                return Answer()

            server.behaviour = never
            first = asyncio.create_task(database.call("GET", "_api", "version"))
            await eventually(lambda: len(server.requests) == 1)
            with (
                call_limits(deadline_seconds=0.1),
                pytest.raises(DeadlineError, match="connections were busy"),
            ):
                await database.call("GET", "_api", "version")
            with pytest.raises(DeadlineError, match="did not answer"):
                await first

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "repeatable", "sent"),
    [
        ("GET", None, 2),
        ("GET", False, 1),
        ("POST", None, 1),
        ("POST", True, 2),
        ("PUT", None, 1),
        ("DELETE", None, 1),
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_only_a_read_is_repeated_when_the_connection_breaks(
    method: Any, repeatable: bool | None, sent: int, kept: bool
) -> None:
    """Also on a connection that was kept from an earlier request, which aiohttp would repeat by itself."""
    path = (
        ("_api", "collection", "c", "properties") if method in {"GET", "PUT"} else ("_api", "document", "c")
    )

    async def run() -> int:
        async with recording_server() as server, database_on(server) as database:
            if kept:
                await database.call("GET", "_api", "version")
                server.requests.clear()

            async def breaks(_request: Recorded) -> Answer:
                return Answer(status=0, closes=True)

            server.behaviour = breaks
            with (
                call_limits(repeatable=repeatable),
                pytest.raises(UnavailableError, match="connection broke") as caught,
            ):
                await database.call(method, *path)
            assert (caught.value.hint is None) == (sent == 2)
            return len(server.requests)

    assert asyncio.run(run()) == sent


def test_a_repeated_read_succeeds_when_only_the_connection_was_old() -> None:
    async def run() -> int:
        async with recording_server() as server, database_on(server) as database:
            calls = 0

            async def first_breaks(request: Recorded) -> Answer:
                nonlocal calls
                calls += 1
                return Answer(status=0, closes=True) if calls == 1 else await succeed(request)

            server.behaviour = first_breaks
            await database.call("GET", "_api", "version")
            return calls

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(status=307, headers={"location": "http://169.254.169.254/"}), BackendError, "redirect"),
        (Answer(body=b"<html>", headers={"content-type": "text/html"}), BackendError, "is this an ArangoDB"),
        (Answer(body=b"\x1f\x8b", headers={"content-encoding": "gzip"}), BackendError, "encoding"),
        (Answer(body=b"x" * 10_001), LimitError, "more than 10000 bytes"),
        (Answer(body=b"not json"), BackendError, "not JSON"),
        (Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n", closes=True), BackendError, "not HTTP"),
        (
            Answer(
                raw=b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
                b"4e20\r\n%b\r\n0\r\n\r\n" % (b"1" * 20_000)
            ),
            LimitError,
            "more than 10000 bytes",
        ),
        (
            Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}", closes=True),
            UnavailableError,
            "broke",
        ),
        (Answer(status=500, body=[1, 2]), BackendError, "500 without a message"),
        (Answer(status=503, body=b"", headers={"content-type": "text/plain"}), UnavailableError, "503"),
        (Answer(status=401, body={"error": True, "errorNum": 401}), AuthenticationError, "refused the login"),
        (
            Answer(status=500, body={"error": True, "errorNum": "x", "errorMessage": 7}),
            BackendError,
            "500 without a message",
        ),
    ],
)  # fmt: skip
def test_an_answer_nobody_should_trust_becomes_an_error(
    answer: Answer, kind: type[MaaError], words: str
) -> None:
    async def run() -> tuple[MaaError, int]:
        async with recording_server() as server, database_on(server) as database:

            async def answers(_request: Recorded) -> Answer:
                return answer

            server.behaviour = answers
            with pytest.raises(kind, match=words) as caught, call_limits(repeatable=False):
                await database.call("GET", "_api", "version")
            return caught.value, len(server.requests)

    error, sent = asyncio.run(run())
    assert error.database == "main"
    assert sent == 1
    assert SECRET not in repr(error)
    assert "169.254" not in error.message


def test_the_next_endpoint_of_a_cluster_is_tried_and_remembered() -> None:
    async def run() -> tuple[int, int]:
        async with recording_server() as server:
            urls = (f"http://127.0.0.1:{closed_port()}", server.url)
            async with database_on(server, server=RemoteServer(urls=urls)) as database:
                # A write as well: it was not sent to the first.
                await database.collection("c").insert({"a": 1})
                await database.collection("c").insert({"a": 2})
                return len(server.requests), server.connections

    assert asyncio.run(run()) == (2, 1)


def test_a_cancelled_call_gives_its_connection_up() -> None:
    async def run() -> None:
        async with (
            recording_server() as server,
            database_on(server, pool=PoolSettings(max_connections=1)) as database,
        ):

            async def never(_request: Recorded) -> Answer:
                await asyncio.Event().wait()
                return Answer()

            server.behaviour = never
            call = asyncio.create_task(database.call("GET", "_api", "version"))
            await eventually(lambda: len(server.requests) == 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            server.behaviour = succeed
            await database.call("GET", "_api", "version")
            assert database.client.statistics().in_flight == 0

    asyncio.run(run())


TLS = Path(__file__).parent / "tls"  # a certificate for 127.0.0.1 that nobody but these tests trusts


def server_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    return context


@pytest.mark.parametrize(
    ("tls", "trusted"),
    [
        (TlsSettings(), False),
        (TlsSettings(ca_file=str(TLS / "server.pem")), True),
        (TlsSettings(verify=False), True),
    ],
)
def test_a_certificate_is_trusted_only_as_configured(tls: TlsSettings, trusted: bool) -> None:
    async def run() -> str:
        async with recording_server(tls=server_certificate()) as server:
            urls = (server.url.replace("http:", "https:"),)
            async with database_on(server, server=RemoteServer(urls=urls), tls=tls) as database:
                try:
                    await database.call("GET", "_api", "version")
                except UnavailableError as error:
                    return error.message
                return ""

    message = asyncio.run(run())
    assert message.endswith("certificate is not trusted: self-signed certificate") is not trusted


def test_one_tls_context_serves_every_server_that_is_trusted_alike() -> None:
    async def run() -> tuple[bool, bool]:
        contexts = TlsContexts()
        one, other, third = await asyncio.gather(
            contexts.get(TlsSettings()), contexts.get(TlsSettings()), contexts.get(TlsSettings(verify=False))
        )
        return one is other, one is third

    assert asyncio.run(run()) == (True, False)


def test_a_file_of_authorities_that_is_not_there_is_the_operators_mistake() -> None:
    settings = RecordingServer(1).settings(
        server=RemoteServer(urls=("https://127.0.0.1:1",)), tls=TlsSettings(ca_file="/nowhere/ca.pem")
    )

    async def run() -> str:
        async with manager_on(settings) as manager:
            with pytest.raises(ConfigError) as caught:
                await (await manager.get_database("main")).call("GET", "_api", "version")
            return caught.value.message

    assert asyncio.run(run()) == "tls.ca_file '/nowhere/ca.pem' cannot be used: No such file or directory"
