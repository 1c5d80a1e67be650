"""What an endpoint's function receives: the request, decoded and allowed, and ways to answer it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mcp_arangodb_async.engine.catalog.catalog import Catalog
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.database import Database
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_READ_ONLY,
    ERROR_FORBIDDEN,
    ERROR_HTTP_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.authentication import Identity
from mcp_arangodb_async.engine.http.messages import JSON, PLAIN_ANSWER, Request, Response
from mcp_arangodb_async.engine.http.parameters import Json, Parameters, as_object, parse_json, read_body
from mcp_arangodb_async.engine.http.paths import Location, quote
from mcp_arangodb_async.engine.http.state import ServerState
from mcp_arangodb_async.engine.instance import Engine
from mcp_arangodb_async.engine.records import once
from mcp_arangodb_async.engine.users import SYSTEM, Level
from mcp_arangodb_async.engine.values import encode_json


class Cancellation:
    """Lets a job be stopped from another request: what runs long says here how it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self._cancelled = False

    def on_cancel(self, stop: Callable[[], None]) -> None:
        with self._lock:
            self._stops.append(stop)
            late = self._cancelled
        if late:
            stop()

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            stops = list(self._stops)
        for stop in stops:
            stop()


@dataclass(kw_only=True, eq=False)
class Call:
    """One request on its way to an answer.

    Who the caller is was settled before; whether a *collection* may be touched is asked here, by `readable`,
    `writable` and `allow`, because only the endpoint knows which one it is about.
    """

    state: ServerState
    request: Request
    location: Location
    names: Mapping[str, str]
    identity: Identity
    #: How it is stopped from elsewhere; None when nobody can.
    cancellation: Cancellation | None = None
    #: Whether what takes longer than a moment is to be given up with `TakesLongerError`.
    at_once: bool = False

    # ---- what was asked

    @once
    def parameters(self) -> Parameters:
        return Parameters(self.request.query)

    @once
    def raw_body(self) -> bytes:
        return read_body(self.request.headers, self.request.body)

    @once
    def body(self) -> Any:
        """The JSON value of the body; `None` when it is empty."""
        return parse_json(self.raw_body)

    @once
    def fields(self) -> Json:
        """The body, which has to be an object."""
        return as_object(self.body)

    def header(self, name: str) -> str | None:
        return self.request.headers.get(name)

    # ---- what it is about

    @property
    def engine(self) -> Engine:
        return self.state.engine

    @once
    def database(self) -> Database:
        return self.engine.database(self.location.database)

    @property
    def catalog(self) -> Catalog:
        return self.database.catalog

    @contextmanager
    def transaction(self, *, write: bool) -> Generator[Transaction]:
        """The stream transaction the request names, as one statement of it; else one of its own."""
        number = self.header("x-arango-trx-id")
        if number:
            with self.database.streams.use(number, user=self.identity.user) as tx:
                yield tx
        else:
            with self.catalog.begin(write=write) as tx:
                yield tx

    # ---- what is allowed

    def database_level(self, database: str | None = None) -> Level:
        if self.identity.is_superuser:
            return Level.RW
        user = self.engine.users.find(self.identity.user)
        return Level.NONE if user is None else user.database_level(database or self.location.database)

    @property
    def is_admin(self) -> bool:
        """May the caller administrate the server, which is: `_system`?"""
        return self.database_level(SYSTEM) is Level.RW

    def allow(self, collection: str, write: bool) -> None:
        """Raise 403 unless the caller may read (or write) a collection of the database."""
        if write and self.state.read_only:
            raise ArangoError(ERROR_ARANGO_READ_ONLY, status=403)
        if self.identity.is_superuser:
            return
        user = self.engine.users.find(self.identity.user)
        level = Level.NONE if user is None else user.collection_level(self.location.database, collection)
        if level < (Level.RW if write else Level.RO):
            kind = "write to" if write else "read"
            raise ArangoError(ERROR_FORBIDDEN, f"not allowed to {kind} collection '{collection}'")

    def allow_database_write(self) -> None:
        """Raise 403 unless the caller administrates the database."""
        if self.state.read_only:
            raise ArangoError(ERROR_ARANGO_READ_ONLY, status=403)
        if self.database_level() is not Level.RW:
            raise ArangoError(ERROR_FORBIDDEN, f"no write access to database '{self.location.database}'")

    def readable(self, tx: Transaction, name: str) -> Collection:
        """The collection, if the caller may read it; 1203 before 403, as ArangoDB answers."""
        collection = tx.collection(name)
        self.allow(collection.name, False)
        return collection

    def writable(self, tx: Transaction, name: str) -> Collection:
        collection = tx.collection(name)
        self.allow(collection.name, True)
        return collection

    @staticmethod
    def knows(tx: Transaction, name: str) -> bool:
        """Is there a collection of this name or number?"""
        return name in tx.catalog.by_name or (name.isdecimal() and int(name) in tx.catalog.by_id)

    # ---- how to answer

    def here(self, *segments: str) -> str:
        """A `location` below the database of the call."""
        return "/_db/" + "/".join(quote(part) for part in (self.location.database, *segments))


def reply(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Any JSON value as the body."""
    all_headers = {"content-type": JSON, **headers} if headers else PLAIN_ANSWER
    return Response(status=status, headers=all_headers, body=encode_json(value))


def merged(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An object with `error` and `code` beside its own attributes."""
    return reply(status, {**value, "error": False, "code": status}, headers)


def result(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value below `result`."""
    return reply(status, {"error": False, "code": status, "result": value}, headers)


def failure(
    error: ArangoError, extra: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as ArangoDB renders it."""
    body = {"error": True, "errorMessage": error.message, "code": error.status, "errorNum": error.num}
    return reply(error.status, {**body, **(extra or {})}, headers)


def require_number(text: str, what: str) -> int:
    """A path segment that has to be a number."""
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, f"{what} must be a number, not {text[:40]!r}")
    return int(text)
