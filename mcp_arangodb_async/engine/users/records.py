"""A user's account as a record, what it may do, and its form as a document of `_system/_users`.

The documents have the shape ArangoDB gives them, so a dump of either can be read by the other. Permissions
follow the manual's chapter "Managing Users", section "Permission Resolution".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, Final, cast

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ArangoError

Json = dict[str, Any]

SYSTEM: Final = "_system"
ROOT: Final = "root"
USERS: Final = "_users"


class Level(IntEnum):
    """An access level; higher allows more."""

    NONE = 0
    RO = 1
    RW = 2

    @property
    def text(self) -> str:
        return self.name.lower()


def level_of(text: object) -> Level:
    """`rw`, `ro` or `none` as a level."""
    if isinstance(text, str) and text.upper() in Level.__members__:
        return Level[text.upper()]
    raise ArangoError(ERROR_BAD_PARAMETER, f"grant must be one of rw, ro, none; not {text!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What a user may do in one database; `*` among the collections stands for all others."""

    level: Level | None = None
    collections: Mapping[str, Level] = field(default_factory=dict[str, Level])


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A named password with an end; only the hash of its text is kept."""

    id: int
    name: str
    created_at: int
    valid_until: int
    fingerprint: str
    hash: str

    def is_active(self, now: float) -> bool:
        return now < self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account, as it is stored."""

    name: str
    active: bool = True
    extra: Json = field(default_factory=dict[str, Any])
    method: str = "scrypt"
    salt: str = ""
    hash: str = ""
    databases: Mapping[str, Grants] = field(default_factory=dict[str, Grants])
    tokens: tuple[AccessToken, ...] = ()
    config: Json = field(default_factory=dict[str, Any])

    def database_level(self, database: str) -> Level:
        """A grant for this very database, else the higher of the wildcard's and `_system`'s."""
        own = self._granted(database)
        if own is not None:
            return own
        return max(self._granted("*") or Level.NONE, self._granted(SYSTEM) or Level.NONE)

    def collection_level(self, database: str, collection: str) -> Level:
        """A grant for this very collection, else the highest of what stands for it.

        System collections follow their database.
        """
        if database == SYSTEM and collection == USERS:
            return Level.NONE
        around = self.database_level(database)
        if around is Level.NONE:
            return Level.NONE
        if collection.startswith("_"):
            return {"_queues": Level.RO, "_frontend": Level.RW}.get(collection, around)
        own = self.databases[database].collections if database in self.databases else Grants().collections
        if collection in own:
            return own[collection]
        return max(
            own.get("*", Level.NONE),
            self._granted("*") or Level.NONE,
            around,
            self._granted(SYSTEM) or Level.NONE,
        )

    def configured_collection(self, database: str, collection: str) -> Level | None:
        grants = self.databases.get(database)
        return grants.collections.get(collection) if grants else None

    def configured_database(self, database: str) -> Level | None:
        return self._granted(database)

    def _granted(self, database: str) -> Level | None:
        grants = self.databases.get(database)
        return grants.level if grants else None

    def public(self) -> Json:
        """What the API shows of a user."""
        return {"user": self.name, "active": self.active, "extra": self.extra}


def to_document(user: User) -> Json:
    return {
        "user": user.name,
        "source": "LOCAL",
        "authData": {
            "active": user.active,
            "simple": {"hash": user.hash, "salt": user.salt, "method": user.method},
        },
        "databases": {
            name: {
                "permissions": _permissions(grants.level or Level.NONE),
                "collections": {
                    collection: {"permissions": _permissions(level)}
                    for collection, level in grants.collections.items()
                },
            }
            for name, grants in user.databases.items()
        },
        "userData": user.extra,
        "configData": user.config,
        "accessTokens": [
            {
                "id": token.id,
                "name": token.name,
                "createdAt": token.created_at,
                "validUntil": token.valid_until,
                "fingerprint": token.fingerprint,
                "hash": token.hash,
            }
            for token in user.tokens
        ],
    }


def _permissions(level: Level) -> Json:
    return {"read": level >= Level.RO, "write": level >= Level.RW}


def _level_in(value: object) -> Level:
    permissions = _object(value).get("permissions")
    flags = _object(permissions)
    return Level.RW if flags.get("write") is True else Level.RO if flags.get("read") is True else Level.NONE


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def from_document(document: Json) -> User | None:
    """The account in a stored document; `None` for one that is no account."""
    name = document.get("user")
    auth = _object(document.get("authData"))
    simple = _object(auth.get("simple"))
    if not isinstance(name, str) or not simple:
        return None
    tokens = cast("list[Json]", document.get("accessTokens") or [])
    databases = {
        database: Grants(
            level=_level_in(entry),
            collections={
                collection: _level_in(levels)
                for collection, levels in _object(_object(entry).get("collections")).items()
            },
        )
        for database, entry in _object(document.get("databases")).items()
    }
    if name == ROOT:
        databases[SYSTEM] = replace(databases.get(SYSTEM, Grants()), level=Level.RW)
    return User(
        name=name,
        active=auth.get("active") is not False,
        extra=_object(document.get("userData")),
        method=str(simple.get("method")),
        salt=str(simple.get("salt")),
        hash=str(simple.get("hash")),
        databases=databases,
        tokens=tuple(
            AccessToken(
                id=token["id"],
                name=token["name"],
                created_at=token["createdAt"],
                valid_until=token["validUntil"],
                fingerprint=token["fingerprint"],
                hash=token["hash"],
            )
            for token in tokens
        ),
        config=_object(document.get("configData")),
    )
