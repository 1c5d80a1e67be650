"""The accounts of an engine: made, changed, checked, with their passwords and access tokens.

Passwords are stored as scrypt hashes (ArangoDB writes `sha256`; those are accepted when read).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from mcp_arangodb_async.engine.catalog.options import WriteOptions
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED,
    ERROR_BAD_PARAMETER,
    ERROR_FORBIDDEN,
    ERROR_USER_DUPLICATE,
    ERROR_USER_INVALID_NAME,
    ERROR_USER_NOT_FOUND,
    ArangoError,
)
from mcp_arangodb_async.engine.users.records import (
    ROOT,
    SYSTEM,
    USERS,
    AccessToken,
    Grants,
    Json,
    Level,
    User,
    from_document,
    to_document,
)

if TYPE_CHECKING:
    from mcp_arangodb_async.engine.catalog.catalog import Catalog

_METHODS = {"sha1", "sha224", "sha256", "sha384", "sha512", "md5"}  # what ArangoDB has ever written
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
_LONGEST_PASSWORD = 1024
_REMEMBERED = 256
_TOKENS_PER_USER = 100


class UserDocuments(Protocol):
    """Where the users' documents live; `version()` differs after anybody, in any process, wrote there."""

    def load(self) -> Iterable[Json]: ...
    def save(self, document: Json) -> None: ...
    def remove(self, key: str) -> None: ...
    def version(self) -> object: ...


class Users:
    """All accounts. Reads come from a copy that is renewed when the stored documents changed.

    Whether another process changed them is asked at most every `recheck` seconds.
    """

    def __init__(
        self, documents: UserDocuments, *, now: Callable[[], float] = time.time, recheck: float = 0.2
    ) -> None:
        self._documents = documents
        self._now = now
        self._recheck = recheck
        self._checked = 0.0
        self._lock = threading.RLock()
        self._version: object = None
        self._users: dict[str, User] = {}
        self._keys: dict[str, str] = {}
        self._secret = secrets.token_bytes(32)
        self._verified: dict[bytes, str] = {}

    # ---- reading

    def all(self) -> list[User]:
        with self._lock:
            self._refresh()
            return list(self._users.values())

    def find(self, name: str) -> User | None:
        with self._lock:
            self._refresh()
            return self._users.get(name)

    def get(self, name: str) -> User:
        user = self.find(name)
        if user is None:
            raise ArangoError(ERROR_USER_NOT_FOUND)
        return user

    def check_password(self, name: str, password: str) -> bool:
        """Does the password, or an access token in its place, belong to an active account of this name?"""
        user = self.find(name)
        if user is None or not user.active or len(password) > _LONGEST_PASSWORD:
            return False
        if self._token_matches(user, password):
            return True
        # scrypt is slow on purpose, and Basic authentication sends the password with every request. What was
        # verified is remembered by a keyed hash, over the stored hash too: a changed one is checked anew.
        memory = hmac.digest(self._secret, f"{name}\0{user.hash}\0{password}".encode(), "sha256")
        with self._lock:
            if memory in self._verified:
                return True
        if not hmac.compare_digest(_hash(user.method, user.salt, password), user.hash):
            return False
        with self._lock:
            if len(self._verified) >= _REMEMBERED:
                self._verified.pop(next(iter(self._verified)))
            self._verified[memory] = name
        return True

    def owner_of_token(self, token: str) -> str | None:
        """The active account an access token belongs to, for logins that give no user name."""
        for user in self.all():
            if user.active and self._token_matches(user, token):
                return user.name
        return None

    # ---- writing

    def create(self, name: str, password: str, *, active: bool = True, extra: Json | None = None) -> User:
        _check_name(name)
        with self._lock:
            self._version = None  # whether the name is free is asked of the documents, not of the copy
            if self.find(name) is not None:
                raise ArangoError(ERROR_USER_DUPLICATE)
            user = replace(_with_password(User(name=name), password), active=active, extra=extra or {})
            if name == ROOT:
                everything = Grants(level=Level.RW, collections={"*": Level.RW})
                user = replace(user, databases={SYSTEM: everything, "*": everything})
            try:
                return self._write(user)
            except ArangoError as error:
                if error.num == ERROR_ARANGO_UNIQUE_CONSTRAINT_VIOLATED:
                    raise ArangoError(ERROR_USER_DUPLICATE) from error
                raise

    def replace(self, name: str, password: str, *, active: bool = True, extra: Json | None = None) -> User:
        """A new account of the same name: its permissions and tokens are gone."""
        with self._lock:
            old = self.get(name)
            fresh = replace(_with_password(User(name=name), password), active=active, extra=extra or {})
            if name == ROOT:
                fresh = replace(fresh, databases=old.databases)
            return self._write(fresh)

    def update(
        self, name: str, *, password: str | None = None, active: bool | None = None, extra: Json | None = None
    ) -> User:
        """Change what is given; `extra` is merged into what is there."""
        with self._lock:
            user = self.get(name)
            if password is not None:
                user = _with_password(user, password)
            if active is not None:
                user = replace(user, active=active)
            if extra:
                user = replace(user, extra={**user.extra, **extra})
            return self._write(user)

    def remove(self, name: str) -> None:
        if name == ROOT:
            raise ArangoError(ERROR_FORBIDDEN, "the user 'root' cannot be removed")
        with self._lock:
            self.get(name)
            self._documents.remove(self._keys[name])
            self._version = None

    def grant_database(self, name: str, database: str, level: Level | None) -> None:
        """Set a database's level; `None` removes it with the levels of its collections."""
        with self._lock:
            user = self.get(name)
            if name == ROOT and database == SYSTEM and level is not Level.RW:
                raise ArangoError(ERROR_FORBIDDEN, "Cannot lower access level of 'root' to _system")
            databases = dict(user.databases)
            if level is None:
                databases.pop(database, None)
            else:
                databases[database] = replace(databases.get(database, Grants()), level=level)
            self._write(replace(user, databases=databases))

    def grant_collection(self, name: str, database: str, collection: str, level: Level | None) -> None:
        if collection.startswith("_"):
            raise ArangoError(ERROR_BAD_PARAMETER, "Cannot set rights for system collections")
        with self._lock:
            user = self.get(name)
            if name == ROOT and database == SYSTEM and collection == "*" and level is not Level.RW:
                raise ArangoError(
                    ERROR_FORBIDDEN, "Cannot lower access level of 'root' to a collection in _system"
                )
            databases = dict(user.databases)
            # A grant for a collection must not take away what the database wildcard gives.
            grants = databases.get(database) or Grants(level=user.configured_database("*") or Level.NONE)
            collections = dict(grants.collections)
            if level is None:
                collections.pop(collection, None)
            else:
                collections[collection] = level
            databases[database] = replace(grants, collections=collections)
            self._write(replace(user, databases=databases))

    def forget_database(self, database: str) -> None:
        """Remove every grant for a database that is gone, so that a later one of its name starts clean."""
        with self._lock:
            for user in self.all():
                if database in user.databases:
                    databases = {name: grants for name, grants in user.databases.items() if name != database}
                    self._write(replace(user, databases=databases))

    def configure(self, name: str, config: Json) -> None:
        """Store the settings that ArangoDB's web interface keeps for a user."""
        with self._lock:
            self._write(replace(self.get(name), config=config))

    # ---- access tokens

    def create_token(self, name: str, token_name: str, valid_until: int) -> tuple[AccessToken, str]:
        """A new token and its text, which is shown this once."""
        with self._lock:
            user = self.get(name)
            if any(token.name == token_name for token in user.tokens):
                raise ArangoError(ERROR_BAD_PARAMETER, f"an access token named '{token_name}' exists already")
            if len(user.tokens) >= _TOKENS_PER_USER:
                raise ArangoError(ERROR_BAD_PARAMETER, f"a user has at most {_TOKENS_PER_USER} access tokens")
            now = int(self._now())
            if valid_until <= now:
                raise ArangoError(ERROR_BAD_PARAMETER, "valid_until must be in the future")
            text = f"v1.{name.encode().hex()}.{secrets.token_hex(24)}"
            token = AccessToken(
                id=max((token.id for token in user.tokens), default=0) + 1,
                name=token_name,
                created_at=now,
                valid_until=valid_until,
                fingerprint=f"v1...{text[-6:]}",
                hash=hashlib.sha256(text.encode()).hexdigest(),
            )
            self._write(replace(user, tokens=(*user.tokens, token)))
            return token, text

    def remove_token(self, name: str, token_id: int) -> bool:
        with self._lock:
            user = self.get(name)
            left = tuple(token for token in user.tokens if token.id != token_id)
            if len(left) == len(user.tokens):
                return False
            self._write(replace(user, tokens=left))
            return True

    # ---- storage

    def _token_matches(self, user: User, text: str) -> bool:
        if not text.startswith("v1.") or not user.tokens:
            return False
        digest = hashlib.sha256(text.encode()).hexdigest()
        now = self._now()
        return any(hmac.compare_digest(token.hash, digest) and token.is_active(now) for token in user.tokens)

    def _refresh(self) -> None:
        moment = time.monotonic()
        if self._version is not None and moment - self._checked < self._recheck:
            return
        self._checked = moment
        version = self._documents.version()
        if version == self._version and version is not None:
            return
        self._users, self._keys = {}, {}
        for document in self._documents.load():
            user = from_document(document)
            if user is not None:
                self._users[user.name] = user
                self._keys[user.name] = document["_key"]
        self._version = version

    def _write(self, user: User) -> User:
        document = to_document(user)
        key = self._keys.get(user.name)
        if key is not None:
            document["_key"] = key
        self._documents.save(document)
        self._version = None
        return user


def _check_name(name: str) -> None:
    if not name or len(name) > 256 or name.startswith(":role:"):
        raise ArangoError(ERROR_USER_INVALID_NAME)


def _with_password(user: User, password: str) -> User:
    if len(password) > _LONGEST_PASSWORD:
        raise ArangoError(ERROR_BAD_PARAMETER, f"a password has at most {_LONGEST_PASSWORD} characters")
    salt = secrets.token_hex(16)
    # No password protects nothing: hashing it slowly would only slow down every new engine.
    method = "scrypt" if password else "sha256"
    return replace(user, method=method, salt=salt, hash=_hash(method, salt, password))


def _hash(method: str, salt: str, password: str) -> str:
    if method == "scrypt":
        return hashlib.scrypt(password.encode(), salt=salt.encode(), **_SCRYPT).hex()
    if method in _METHODS:
        return hashlib.new(method, (salt + password).encode()).hexdigest()
    return ""


class SystemUserDocuments:
    """The documents of `_system/_users`."""

    def __init__(self, system: Catalog) -> None:
        self._catalog = system

    def load(self) -> list[Json]:
        with self._catalog.begin() as tx:
            return list(tx.collection(USERS).scan(tx))

    def save(self, document: Json) -> None:
        with self._catalog.begin(write=True) as tx:
            tx.collection(USERS).insert(tx, document, WriteOptions(overwrite_mode="replace"))

    def remove(self, key: str) -> None:
        with self._catalog.begin(write=True) as tx:
            tx.collection(USERS).remove(tx, key)

    def version(self) -> object:
        with self._catalog.begin() as tx:
            return tx.collection(USERS).revision(tx)


def open_users(system: Catalog, *, root_password: str | None = None) -> Users:
    """The accounts of an engine; `root` is made when there are none.

    A given `root_password` is set in any case: who starts a server with a password can log in with it.
    """
    users = Users(SystemUserDocuments(system))
    if users.find(ROOT) is None:
        # As in ArangoDB: of two processes that make the same user at once, one is refused.
        system.create_index(USERS, {"type": "persistent", "fields": ["user"], "unique": True, "sparse": True})
        try:
            users.create(ROOT, root_password or "")
        except ArangoError as error:
            if error.num != ERROR_USER_DUPLICATE:  # another process that opens the directory was first
                raise
    if root_password is not None and not users.check_password(ROOT, root_password):
        users.update(ROOT, password=root_password)
    return users
