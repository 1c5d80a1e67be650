"""Queries that can only read, behind two walls that do not know of each other.

1. The statement's own analysis refuses what writes, and what may run code that writes.
2. The query runs in a stream transaction that declares no collection for writing, so that the server refuses.

A test takes each wall away in turn and shows that the other one holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.connections import Page, QueryOptions, run_query
from mcp_arangodb_async.connections.statement import Statement, describe_statement
from mcp_arangodb_async.errors import MaaError, ReadOnlyError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

# ArangoDB's errors.dat: a collection that the transaction did not declare, or declared for reading only.
UNREGISTERED_COLLECTION = 1652
READ_ONLY = 1004


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """Which walls stand; both, but in the tests of each."""

    analysis: bool = True
    transaction: bool = True


async def read_only_query(
    database: ArangoDatabase,
    aql: str,
    bind_vars: dict[str, Any] | None,
    *,
    options: QueryOptions,
    walls: Walls = Walls(),
) -> Page:
    """Run a query that only reads; ReadOnlyError if it would write."""
    if walls.analysis:
        refuse_writes(describe_statement(aql), database=database.key)
    if not walls.transaction:
        return await run_query(database, aql, bind_vars, options=options)
    try:
        async with database.transaction(allow_implicit=True) as transaction:
            return await run_query(transaction, aql, bind_vars, options=options)
    except MaaError as error:
        if error.arango_error_num in {UNREGISTERED_COLLECTION, READ_ONLY}:
            raise read_only(database.key, "it writes") from error
        raise


def refuse_writes(statement: Statement, *, database: str) -> None:
    """Raise ReadOnlyError unless the statement can only read (pure)."""
    if statement.writes:
        raise read_only(database, f"it contains {', '.join(sorted(set(statement.writes)))}")
    if statement.user_functions:
        named = ", ".join(sorted(statement.user_functions))
        raise read_only(database, f"it calls {named}, which may run any code")


def read_only(database: str, why: str) -> ReadOnlyError:
    return ReadOnlyError(
        f"the query is refused: {why}, and database {database!r} may only be read",
        database=database,
        hint="use a query that only reads, or a database with access: write",
    )
