"""The record of one AQL function, and short ways to write it and to complain from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH, ERRORS
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


def plain(name: str, count: str, call: Callable[..., Value]) -> Function:
    """Describe a function of its arguments alone; `count` is as in "2", "1-3" or "1+"."""
    minimum, maximum = _bounds(count)
    return Function(name=name, minimum=minimum, maximum=maximum, call=call)


def asking(
    name: str,
    count: str,
    call: Callable[..., Value],
    *,
    deterministic: bool = True,
    cacheable: bool = True,
    collections: Iterable[int] = (),
) -> Function:
    """Describe a function that also gets the context: to warn, to be bounded, or to read the database."""
    minimum, maximum = _bounds(count)
    return Function(
        name=name,
        minimum=minimum,
        maximum=maximum,
        call=call,
        context=True,
        deterministic=deterministic,
        cacheable=cacheable,
        collections=frozenset(collections),
    )


def alias(name: str, function: Function) -> Function:
    """Describe the same function under another name."""
    return replace(function, name=name)


def _bounds(count: str) -> tuple[int, int | None]:
    if count.endswith("+"):
        return int(count[:-1]), None
    first, _, last = count.partition("-")
    return int(first), int(last or first)


def mismatch(ctx: FunctionContext, name: str) -> None:
    """Warn of a wrong argument type (1542); returns null, so that a function can return the call."""
    num = ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH
    ctx.warn(num, ERRORS[num].message % name)


def complain(ctx: FunctionContext, name: str, num: int, message: str | None = None) -> None:
    """Warn from within a function, in ArangoDB's words; returns null."""
    ctx.warn(num, f"in function '{name}()': {message or ERRORS[num].message}")
