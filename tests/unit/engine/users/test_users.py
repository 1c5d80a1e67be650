"""Users: permission resolution as the manual tells it, passwords, access tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.users import Grants, Level, User, Users, level_of

NONE, RO, RW = Level.NONE, Level.RO, Level.RW


class Documents:
    """Documents in a dictionary, with a version that grows."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.writes = 0

    def load(self) -> Iterable[dict[str, Any]]:
        return list(self.stored.values())

    def save(self, document: dict[str, Any]) -> None:
        self.writes += 1
        key = document.get("_key", str(self.writes))
        self.stored[key] = {**document, "_key": key}

    def remove(self, key: str) -> None:
        self.writes += 1
        del self.stored[key]

    def version(self) -> object:
        return self.writes


@pytest.fixture
def users() -> Users:
    made = Users(Documents(), now=lambda: 1000.0)
    made.create("root", "")
    return made


# The two worked examples of the manual, chapter "Managing Users".
FIRST = User(
    name="JohnSmith",
    databases={
        "_system": Grants(level=NONE),
        "*": Grants(level=RO, collections={"*": RW}),
        "shop1": Grants(level=RO, collections={"products": RO, "*": NONE}),
        "shop2": Grants(level=RO, collections={"reviews": NONE}),
    },
)
SECOND = User(
    name="JohnSmith",
    databases={
        "_system": Grants(level=RO),
        "*": Grants(level=NONE),
        "shop2": Grants(level=RW),
        "shop1": Grants(level=RO, collections={"customers": NONE, "*": NONE}),
    },
)


@pytest.mark.parametrize(
    ("user", "database", "collection", "level"),
    [
        (FIRST, "shop1", "products", RO),
        (FIRST, "shop2", "reviews", NONE),
        (FIRST, "_system", "anything", NONE),
        (SECOND, "shop1", "products", RO),
        (SECOND, "shop1", "customers", NONE),
        (SECOND, "shop2", "reviews", RW),
        (SECOND, "shop2", "_graphs", RW),
        (SECOND, "other", "_graphs", RO),
        (SECOND, "shop2", "_queues", RO),
        (SECOND, "_system", "_users", NONE),
    ],
)
def test_collection_levels_are_resolved_as_the_manual_says(
    user: User, database: str, collection: str, level: Level
) -> None:
    assert user.collection_level(database, collection) is level


@pytest.mark.parametrize(
    ("grants", "level"),
    [
        ({}, NONE),
        ({"*": RO}, RO),
        ({"*": RO, "_system": RW}, RW),
        ({"shop": NONE, "*": RW}, NONE),
        ({"shop": RW, "*": NONE}, RW),
    ],
)
def test_a_specific_database_grant_wins_over_the_higher_of_the_others(
    grants: dict[str, Level], level: Level
) -> None:
    user = User(name="u", databases={name: Grants(level=granted) for name, granted in grants.items()})
    assert user.database_level("shop") is level


def test_passwords_are_checked_stored_hashed_and_forgotten_when_changed(users: Users) -> None:
    user = users.create("ada", "secret")
    assert "secret" not in str(user)
    assert users.check_password("ada", "secret")
    assert users.check_password("ada", "secret")  # from memory this time
    assert not users.check_password("ada", "Secret")
    users.update("ada", password="other")
    assert not users.check_password("ada", "secret")
    assert users.check_password("ada", "other")
    users.update("ada", active=False)
    assert not users.check_password("ada", "other")


def test_a_user_dumped_from_arangodb_can_log_in() -> None:
    documents = Documents()
    documents.save(
        {
            "user": "old",
            "authData": {
                "active": True,
                "simple": {
                    # SHA-256 of salt and password, as ArangoDB stores it
                    "method": "sha256",
                    "salt": "abcdef01",
                    "hash": "1d3a0d23e2f7c6f5aa2a4ac5dc3ea7bd2a39a5d4bd4b4a9d8d29d0ce4ba7d9f1",
                },
            },
            "databases": {"shop": {"permissions": {"read": True, "write": False}}},
        }
    )
    import hashlib

    stored = next(iter(documents.stored.values()))
    stored["authData"]["simple"]["hash"] = hashlib.sha256(b"abcdef01pass").hexdigest()
    users = Users(documents)
    assert users.check_password("old", "pass")
    assert users.get("old").database_level("shop") is RO


def test_extra_data_is_merged_by_an_update_and_replaced_by_a_replacement(users: Users) -> None:
    users.create("ada", "x", extra={"a": 1})
    assert users.update("ada", extra={"b": 2}).extra == {"a": 1, "b": 2}
    assert users.replace("ada", "y", extra={"c": 3}).extra == {"c": 3}


@pytest.mark.parametrize(
    ("action", "number"), [("create", 1702), ("get", 1703), ("remove", 1703), ("name", 1700)]
)
def test_unknown_and_duplicate_users_have_arangodbs_numbers(users: Users, action: str, number: int) -> None:
    actions = {
        "create": lambda: users.create("root", ""),
        "get": lambda: users.get("nobody"),
        "remove": lambda: users.remove("nobody"),
        "name": lambda: users.create("", ""),
    }
    with pytest.raises(ArangoError) as caught:
        actions[action]()
    assert caught.value.num == number


def test_root_keeps_its_rights(users: Users) -> None:
    for change in (
        lambda: users.remove("root"),
        lambda: users.grant_database("root", "_system", RO),
        lambda: users.grant_collection("root", "_system", "*", None),
    ):
        with pytest.raises(ArangoError) as caught:
            change()
        assert caught.value.num == 11
    users.replace("root", "new")
    assert users.get("root").database_level("anything") is RW


def test_grants_can_be_set_and_taken_back(users: Users) -> None:
    users.create("ada", "")
    users.grant_database("ada", "shop", RO)
    users.grant_collection("ada", "shop", "orders", RW)
    assert users.get("ada").collection_level("shop", "orders") is RW
    assert users.get("ada").collection_level("shop", "other") is RO
    users.grant_collection("ada", "shop", "orders", None)
    assert users.get("ada").collection_level("shop", "orders") is RO
    users.forget_database("shop")
    assert users.get("ada").database_level("shop") is NONE
    with pytest.raises(ArangoError, match="system collections"):
        users.grant_collection("ada", "shop", "_graphs", RW)


def test_a_collection_grant_does_not_take_away_what_the_wildcard_gives(users: Users) -> None:
    users.create("ada", "")
    users.grant_database("ada", "*", RW)
    users.grant_collection("ada", "shop", "orders", RO)
    assert users.get("ada").database_level("shop") is RW


def test_access_tokens_stand_for_the_password_until_they_end(users: Users) -> None:
    users.create("ada", "x")
    token, text = users.create_token("ada", "job", 2000)
    assert text not in str(users.get("ada"))
    assert users.check_password("ada", text)
    assert users.owner_of_token(text) == "ada"
    assert not users.check_password("root", text)
    with pytest.raises(ArangoError, match="exists already"):
        users.create_token("ada", "job", 2000)
    with pytest.raises(ArangoError, match="in the future"):
        users.create_token("ada", "late", 999)
    assert not token.is_active(2000)
    assert users.remove_token("ada", token.id)
    assert not users.remove_token("ada", token.id)
    assert users.owner_of_token(text) is None


def test_changes_of_others_are_seen() -> None:
    documents = Documents()
    here, there = Users(documents, recheck=0), Users(documents, recheck=0)
    here.create("ada", "x")
    assert there.find("ada") is not None
    there.remove("ada")
    assert here.find("ada") is None


@pytest.mark.parametrize(("text", "level"), [("rw", RW), ("ro", RO), ("none", NONE), ("RW", RW)])
def test_levels_have_names(text: str, level: Level) -> None:
    assert level_of(text) is level
    with pytest.raises(ArangoError, match="rw, ro, none"):
        level_of("admin")
