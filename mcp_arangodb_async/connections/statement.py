"""What a statement does, from its own text: the writes it contains and the functions it calls.

The embedded engine's parser reads it, whatever server the statement is meant for, and nothing is sent
anywhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from mcp_arangodb_async.connections.translate import server_error

WRITES = frozenset({"Insert", "Update", "Upsert", "Remove"})
# Functions that call another one whose name is a value.
INDIRECT = frozenset({"CALL", "APPLY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The facts of one statement.

    `writes` are its modifications in order, in AQL's words. `functions` are the built-in functions it calls,
    `user_functions` those that are registered on the server and may run any code: by name, or reached
    through CALL and APPLY with a name that is not written in the statement.
    """

    writes: tuple[str, ...]
    functions: frozenset[str]
    user_functions: frozenset[str]


def describe_statement(aql: str) -> Statement:
    """The facts of a statement; InputError with number, line and column if it is not AQL."""
    # Late: a server that is only asked for its tools needs no engine.
    from mcp_arangodb_async.engine import ArangoError, parse

    try:
        tree = parse(aql)
    except ArangoError as error:
        raise server_error(error.num, error.message, error.status) from error
    writes: list[str] = []
    functions: set[str] = set()
    for node in nodes(tree):
        kind = type(node).__name__
        if kind in WRITES:
            writes.append("REPLACE" if getattr(node, "replace", False) and kind == "Update" else kind.upper())
        elif kind == "FunctionCall":
            functions |= called(node)
    user = frozenset(name for name in functions if "::" in name)
    return Statement(writes=tuple(writes), functions=frozenset(functions) - user, user_functions=user)


def nodes(tree: object) -> Iterator[object]:
    """Every node of a tree, subqueries and options included, parents first."""
    waiting: list[object] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(reversed(node))  # pyright: ignore[reportUnknownArgumentType] - a tuple of nodes
        elif dataclasses.is_dataclass(node):
            yield node
            waiting.extend(getattr(node, field.name) for field in reversed(dataclasses.fields(node)))


def called(call: object) -> set[str]:
    """The names that one call may reach."""
    name: str = getattr(call, "name", "").upper()
    if name not in INDIRECT:
        return {name}
    arguments: tuple[object, ...] = getattr(call, "arguments", ())
    target = getattr(arguments[0], "value", None) if arguments else None
    if isinstance(target, str):
        return {name, target.upper()}
    return {name, f"{name}(...)::"}
