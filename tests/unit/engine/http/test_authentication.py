"""Basic and bearer credentials become an identity, or nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable
from typing import Any

import pytest

from mcp_arangodb_async.engine.http.authentication import Authenticator
from mcp_arangodb_async.engine.users import Users


class Documents:
    """Documents in a list."""

    def __init__(self) -> None:
        self.stored: list[dict[str, Any]] = []

    def load(self) -> Iterable[dict[str, Any]]:
        return list(self.stored)

    def save(self, document: dict[str, Any]) -> None:
        self.stored.append({"_key": document["user"], **document})

    def remove(self, key: str) -> None:
        self.stored = [entry for entry in self.stored if entry["_key"] != key]

    def version(self) -> object:
        return len(self.stored)


@pytest.fixture
def users() -> Users:
    made = Users(Documents())
    made.create("root", "top")
    made.create("gone", "x", active=False)
    return made


@pytest.fixture
def authenticator(users: Users) -> Authenticator:
    return Authenticator(users, secret="a secret that is long enough for everyone")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_basic_credentials_of_a_user_are_that_user(authenticator: Authenticator) -> None:
    found = authenticator.identify(basic("root:top"))
    assert found is not None
    assert (found.user, found.is_superuser) == ("root", False)


@pytest.mark.parametrize(
    "header",
    [
        "", "Basic", "Basic !!!", "Basic cm9vdA==", basic("root:wrong"), basic("nobody:top"), basic("gone:x"),
        basic(":top"), "Bearer", "Bearer a.b.c", "Bearer a.b", "Digest x", "basic " + "A" * 100,
    ],
)  # fmt: skip
def test_anything_else_proves_nothing(authenticator: Authenticator, header: str) -> None:
    assert authenticator.identify(header) is None


def test_a_login_gives_a_token_for_the_same_user(authenticator: Authenticator) -> None:
    assert authenticator.login("root", "wrong") is None
    token = authenticator.login("root", "top")
    found = authenticator.identify(f"bearer {token}")
    assert found is not None
    assert (found.user, found.is_superuser) == ("root", False)


def test_an_access_token_alone_logs_in(authenticator: Authenticator, users: Users) -> None:
    _, text = users.create_token("root", "t", int(time.time()) + 60)
    found = authenticator.identify(basic(f":{text}"))
    assert found is not None
    assert found.user == "root"


def test_a_token_signed_with_the_secret_and_no_user_is_the_server(
    authenticator: Authenticator, users: Users
) -> None:
    found = authenticator.identify(f"Bearer {authenticator.superuser_token()}")
    assert found is not None
    assert found.is_superuser
    assert Authenticator(users).identify(f"Bearer {authenticator.superuser_token()}") is None


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_without_signature_or_with_another_algorithm_is_refused(authenticator: Authenticator) -> None:
    claims = _part({"iss": "arangodb", "server_id": "x"})
    assert authenticator.identify(f"Bearer {_part({'alg': 'none'})}.{claims}.") is None
    head, _, signature = authenticator.superuser_token().split(".")
    assert authenticator.identify(f"Bearer {head}.{claims}.{signature}") is None
    assert authenticator.identify(f"Bearer {_part({'alg': 'HS512'})}.{claims}.{signature}") is None


def test_the_token_of_a_removed_user_is_worth_nothing(authenticator: Authenticator, users: Users) -> None:
    users.create("ada", "x")
    token = authenticator.login("ada", "x")
    users.remove("ada")
    assert authenticator.identify(f"Bearer {token}") is None
