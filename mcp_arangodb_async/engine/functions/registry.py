"""The record of one AQL function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcp_arangodb_async.engine.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as the planner sees it: name, argument count, and how to call it.

    `call` gets the evaluated arguments, preceded by the FunctionContext when `context` is true. The number of
    arguments is checked by the planner (error 1541), so `call` is only ever given an allowed number.
    A wrong argument type is no error: `call` warns and returns null.
    """

    name: str
    minimum: int
    maximum: int | None
    call: Callable[..., Value]
    context: bool = False
    deterministic: bool = True
    """Same arguments, same answer, whatever the database holds: may be folded into a constant."""
    cacheable: bool = True
    """A query with this function may be answered from the query results cache."""
    collections: frozenset[int] = frozenset()
    """Positions where a bare collection name means the collection: a CollectionReference is passed."""
