"""What a function may ask of the query it runs in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from mcp_arangodb_async.engine.values import Value

SERVER_VERSIONS: Final = MappingProxyType({"3.12": "3.12.9", "4.0": "4.0.0"})
"""What a server that is imitated calls itself, by `FunctionContext.compat`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionReference:
    """A collection named as an argument, as in LENGTH(users); passed where `Function.collections` says so."""

    name: str


class FunctionContext(Protocol):
    """The running query, seen by a function: warnings, limits, the clock, and the database behind it.

    One context serves one query on one thread. Functions keep no reference to it.
    """

    @property
    def compat(self) -> str:
        """The version of ArangoDB that is imitated: "3.12" or "4.0"."""
        ...

    @property
    def database_name(self) -> str:
        """The name of the current database."""
        ...

    @property
    def user_name(self) -> str | None:
        """The name of the current user, None when the engine runs without authentication."""
        ...

    def warn(self, num: int, message: str | None = None) -> None:
        """Record a warning; raises it as an error if the query has `failOnWarning`."""
        ...

    def check(self) -> None:
        """Raise if the query was killed or is out of time; call it in loops over user data."""
        ...

    def remaining(self) -> float:
        """Return how many seconds the query may still run; infinity if it has no limit."""
        ...

    def charge(self, amount: int) -> None:
        """Account for `amount` bytes about to be allocated; raises 32 beyond the query's memory limit."""
        ...

    def now(self) -> float:
        """Return the current time in seconds since the epoch."""
        ...

    def random(self) -> float:
        """Return a random number in [0, 1)."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, ending early with an error when the query is killed or out of time."""
        ...

    def document(self, identifier: str) -> dict[str, Any] | None:
        """Return the document with that _id, None if there is none; an unknown collection raises 1203."""
        ...

    def collection_names(self) -> Sequence[tuple[str, str]]:
        """Return (id, name) of every collection the user may see."""
        ...

    def collection_count(self, name: str) -> int:
        """Return the number of documents; an unknown collection raises 1203."""
        ...

    def collection_documents(self, name: str) -> Sequence[dict[str, Any]]:
        """Return all documents of a collection; an unknown collection raises 1203."""
        ...

    def schema(self, collection: str) -> dict[str, Any] | None:
        """Return the schema definition of a collection or None; an unknown collection raises 1203."""
        ...

    def schema_violation(self, document: dict[str, Any], schema: dict[str, Any]) -> str | None:
        """Return how the document violates the schema definition, or None; a bad definition raises."""
        ...

    def tokens(self, text: str, analyzer: str) -> list[Any]:
        """Return the tokens an analyzer makes of a text; an unknown analyzer raises 10."""
        ...

    def index_details(self, collection: str, kind: str, paths: Sequence[str]) -> dict[str, Any] | None:
        """Return the fields and settings of an index of a kind over these attributes (none: any), or None."""
        ...

    def call(self, name: str, arguments: Sequence[Value]) -> Value:
        """Call another function by name, as CALL() and APPLY() do; raises 1540, 1541 or 1578."""
        ...
