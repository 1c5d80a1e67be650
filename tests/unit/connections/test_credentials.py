"""Logins: renewed before they end, once for everybody, and never a reason to repeat a write."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from mcp_arangodb_async.config.secret import Secret
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.connections.credentials import LoginCredentials, PasswordCredentials, TokenCredentials
from mcp_arangodb_async.errors import AuthenticationError, UnavailableError
from tests.unit.connections.recording_server import Answer, Recorded, recording_server


def web_token(number: int, life: int = 100) -> str:
    claims = json.dumps({"iat": 1_000_000, "exp": 1_000_000 + life, "n": number}).encode()
    return f"head.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"


class Server:
    """Logins as a server would answer them, with a clock of its own."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, str]] = []
        self.now = 0.0
        self.fails: Exception | None = None
        self.credentials = LoginCredentials("root", Secret.held("pw"), self.login, clock=lambda: self.now)

    async def login(self, username: str, password: str) -> str:
        self.logins.append((username, password))
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return web_token(len(self.logins))


def test_a_thousand_waiting_calls_cause_one_login() -> None:
    async def run() -> tuple[int, int]:
        server = Server()
        headers = await asyncio.gather(*(server.credentials.header() for _ in range(1000)))
        return len(server.logins), len(set(headers))

    assert asyncio.run(run()) == (1, 1)


def test_a_token_is_renewed_before_it_ends() -> None:
    async def run() -> list[int]:
        server = Server()
        counts: list[int] = []
        for now in (0.0, 79.0, 80.0, 81.0, 161.0):
            server.now = now
            await server.credentials.header()
            counts.append(len(server.logins))
        return counts

    assert asyncio.run(run()) == [1, 1, 2, 2, 3]


def test_a_refused_token_is_renewed_once_however_many_saw_it_refused() -> None:
    async def run() -> tuple[int, bool]:
        server = Server()
        old = await server.credentials.header()
        renewed = await asyncio.gather(*(server.credentials.renew(old) for _ in range(20)))
        await server.credentials.renew(old)
        return len(server.logins), all(renewed)

    assert asyncio.run(run()) == (2, True)


def test_a_failed_login_fails_all_who_waited_and_is_tried_again_later() -> None:
    async def run() -> tuple[int, int]:
        server = Server()
        server.fails = AuthenticationError("refused")
        results = await asyncio.gather(
            *(server.credentials.header() for _ in range(9)), return_exceptions=True
        )
        assert all(isinstance(result, AuthenticationError) for result in results)
        assert len({id(result) for result in results}) == 9, "each caller has its own"
        failed = len(server.logins)
        server.fails = None
        await server.credentials.header()
        return failed, len(server.logins)

    assert asyncio.run(run()) == (1, 2)


@pytest.mark.parametrize("token", ["", "a.b", "a.!!.c", "x.eyJhIjoxfQ.y", web_token(1, life=-5)])
def test_a_token_that_does_not_say_how_long_it_lives_is_used(token: str) -> None:
    async def login(_username: str, _password: str) -> str:
        return token

    async def run() -> str | None:
        return await LoginCredentials("root", Secret.none(), login).header()

    assert asyncio.run(run()) == f"bearer {token}"


def test_a_password_or_token_that_changed_in_its_variable_counts_at_once() -> None:
    environ = {"PW": "old", "TOKEN": "old"}

    async def run() -> list[Any]:
        password = PasswordCredentials("root", Secret(("PW",), environ))
        token = TokenCredentials(Secret(("TOKEN",), environ))
        before = [await password.header(), await token.header()]
        unchanged = [await password.renew(before[0]), await token.renew(before[1])]
        environ.update(PW="new", TOKEN="new")
        return [*before, *unchanged, await password.renew(before[0]), await token.header()]

    old = base64.b64encode(b"root:old").decode()
    assert asyncio.run(run()) == [f"Basic {old}", "bearer old", False, False, True, "bearer new"]


def test_the_login_goes_to_the_server_and_its_token_into_every_request() -> None:
    async def answers(request: Recorded) -> Answer:
        if request.path == "/_open/auth":
            assert json.loads(request.body) == {"username": "root", "password": "s3cret-password"}
            return Answer(body={"jwt": web_token(1)})
        return Answer(body={"version": "3.12.4"})

    async def run() -> list[tuple[str, str | None]]:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings(auth="jwt")}) as manager,
        ):
            server.behaviour = answers
            database = await manager.get_database("main")
            await asyncio.gather(*(database.call("GET", "_api", "version") for _ in range(5)))
            return [(request.path, request.headers.get("authorization")) for request in server.requests]

    requests = asyncio.run(run())
    assert requests[0] == ("/_open/auth", None)
    assert requests[1:] == [("/_db/db/_api/version", f"bearer {web_token(1)}")] * 5


@pytest.mark.parametrize(("method", "sent"), [("GET", 2), ("POST", 1)])
def test_after_a_401_there_is_one_other_login_and_no_write_is_sent_twice(method: Any, sent: int) -> None:
    logins = 0

    async def answers(request: Recorded) -> Answer:
        nonlocal logins
        if request.path == "/_open/auth":
            logins += 1
            return Answer(body={"jwt": web_token(logins)})
        return Answer(status=401, body={"error": True, "errorNum": 401, "errorMessage": "expired"})

    async def run() -> tuple[int, int]:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings(auth="jwt")}) as manager,
        ):
            server.behaviour = answers
            with pytest.raises(AuthenticationError):
                await (await manager.get_database("main")).call(method, "_api", "collection")
            return logins, sum(request.path != "/_open/auth" for request in server.requests)

    assert asyncio.run(run()) == (2, sent)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(status=401, body={"error": True, "errorNum": 401}), AuthenticationError),
        (Answer(status=200, body={}), Exception),
        (Answer(status=0, closes=True), UnavailableError),
    ],
)
def test_a_refused_login_is_an_error_without_the_password(answer: Answer, kind: type[Exception]) -> None:
    async def answers(_request: Recorded) -> Answer:
        return answer

    async def run() -> str:
        async with (
            recording_server() as server,
            MultiDatabaseConnectionManager({"main": server.settings(auth="jwt")}) as manager,
        ):
            server.behaviour = answers
            with pytest.raises(kind) as caught:
                await (await manager.get_database("main")).call("GET", "_api", "version")
            return repr(caught.value)

    assert "s3cret-password" not in asyncio.run(run())
