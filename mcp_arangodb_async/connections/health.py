"""Is a database there, how fast does it answer, which version is it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from mcp_arangodb_async.config.model import EmbeddedServer
from mcp_arangodb_async.connections.limits import call_limits
from mcp_arangodb_async.errors import (
    AuthenticationError,
    DeadlineError,
    DeniedError,
    MaaError,
    NotFoundError,
    UnavailableError,
)

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Status = Literal["up", "down", "timeout", "unauthorized", "missing", "error"]
PROBE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a probe found.

    `down`: the server cannot be reached; `timeout`: it did not answer in time; `unauthorized`: it refused
    the login; `missing`: it has no such database; `error`: it answered with something else. `error` says
    it in words.
    """

    key: str
    status: Status
    address: str
    database: str
    engine: Literal["arangodb", "embedded"]
    version: str | None = None
    latency_ms: float | None = None
    error: str | None = None
    error_code: str | None = None

    @property
    def is_up(self) -> bool:
        """Can it be used?"""
        return self.status == "up"


async def probe(database: ArangoDatabase, *, deadline_seconds: float = PROBE_SECONDS) -> Health:
    """Ask the database for its version; never raises for what the server does or fails to do."""
    settings = database.settings
    engine = "embedded" if isinstance(settings.server, EmbeddedServer) else "arangodb"
    started = time.perf_counter()
    try:
        with call_limits(deadline_seconds=deadline_seconds):
            answer: object = await database.call("GET", "_api", "version")
    except MaaError as error:
        return Health(
            key=settings.key,
            status=status_of(error),
            address=settings.url,
            database=settings.database,
            engine=engine,
            error=error.message,
            error_code=error.code,
        )
    latency = (time.perf_counter() - started) * 1000
    version = cast("dict[str, object]", answer).get("version") if isinstance(answer, dict) else None
    return Health(
        key=settings.key,
        status="up" if isinstance(version, str) else "error",
        address=settings.url,
        database=settings.database,
        engine=engine,
        version=version if isinstance(version, str) else None,
        latency_ms=round(latency, 3),
        error=None
        if isinstance(version, str)
        else "the answer names no version: is this an ArangoDB server?",
    )


def status_of(error: MaaError) -> Status:
    """The status that an error means for a database."""
    match error:
        case AuthenticationError() | DeniedError():
            return "unauthorized"
        case NotFoundError():
            return "missing"
        case DeadlineError():
            return "timeout"
        case UnavailableError():
            return "down"
        case _:
            return "error"
