"""The fixtures for other people's tests, used as they use them: by a pytest run of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CONFTEST = 'pytest_plugins = ["mcp_arangodb_async.engine.testing.plugin"]'
TESTS = """
import pytest
from arango.client import ArangoClient
from arango.exceptions import DocumentInsertError, ServerConnectionError


@pytest.fixture
def db(arangodb_database):
    client = ArangoClient(hosts=arangodb_database.url)
    yield client.db(arangodb_database.database, arangodb_database.user, arangodb_database.password)
    client.close()


def test_one(db):
    db.create_collection("users")
    db.collection("users").insert({"_key": "ada"})
    with pytest.raises(DocumentInsertError):
        db.collection("users").insert({"_key": "ada"})


def test_two_starts_empty(db):
    assert not db.has_collection("users")


def test_a_password_is_asked_for(arangodb_server):
    client = ArangoClient(hosts=arangodb_server.url)
    with pytest.raises(ServerConnectionError):
        client.db("_system", "root", "wrong", verify=True)
    client.close()


def test_databases_are_dropped(arangodb_server):
    assert arangodb_server.engine.databases() == ["_system"]
    assert arangodb_server.engine.compat == "VERSION"
"""


@pytest.mark.parametrize("version", ["3.12", "4.0"])
def test_each_test_has_a_database_of_its_own(pytester: pytest.Pytester, version: str) -> None:
    own = (
        f"\nimport pytest\n@pytest.fixture(scope='session')\ndef arangodb_compat():\n    return '{version}'\n"
    )
    pytester.makeconftest(CONFTEST + (own if version != "3.12" else ""))
    pytester.makepyfile(TESTS.replace("VERSION", version))
    outcome = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", timeout=60)
    outcome.assert_outcomes(passed=4)
