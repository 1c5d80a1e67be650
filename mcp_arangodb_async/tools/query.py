"""The query tool: AQL with bind variables, limits, paging and formats."""

from typing import Any, ClassVar

from pydantic import Field

from mcp_arangodb_async.connections import QueryOptions, run_query
from mcp_arangodb_async.connections.statement import describe_statement
from mcp_arangodb_async.errors import InputError, MaaError
from mcp_arangodb_async.operations.reading import read_only_query
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.continuations import LIFETIME_SECONDS
from mcp_arangodb_async.tools.paging import call_limits_for, continued, first_page
from mcp_arangodb_async.tools.result import Format, Rows
from mcp_arangodb_async.tools.spec import LARGEST, DatabaseArgs, Effect, hidden, tool

FORMAT: Any = Field("json", description="Rows")
MAX_ROWS: Any = Field(None, ge=1, le=1_000_000, description="Most")
NEXT: Any = Field(None, description="Rest")


class QueryText(DatabaseArgs):
    """A query with its bind variables."""

    query: str = Field(description="AQL")
    """The statement; it is not run by `arango_explain_query`."""
    bind_vars: dict[str, Any] | None = Field(None, description="Values")
    """Values of `@name`, and names of collections for `@@name`. Never paste values into the query."""

    also: ClassVar = {"aql": "query", "bindVars": "bind_vars", "bindvars": "bind_vars"}

    @property
    def writes(self) -> bool:
        """Whether the query changes data; one that cannot be understood is taken to."""
        try:
            return bool(describe_statement(self.query).writes)
        except MaaError:
            return True


def writes(args: QueryText) -> bool:
    """Whether the call changes data."""
    return args.writes


class QueryArgs(QueryText):
    """Arguments of arango_query.

    Values are bound, never pasted in: `FILTER u.age > @age` with `{"age": 30}`. On a database with access
    `read` the statement is refused when its own text writes, and it runs in a transaction that the server
    lets write nothing. When the call is cancelled or its time is over, the query is killed on the server.
    """

    query: str = Field("", description="AQL")
    """The statement. One that writes needs a database with access `write`; on `read` it is refused."""
    max_rows: int | None = MAX_ROWS
    """So many rows at once, at most the server's own limit; the rest is behind `next`."""
    format: Format = FORMAT
    max_runtime: float | None = Field(None, gt=0, le=86_400, description="Seconds")
    """The server stops the query after so many seconds."""
    memory_limit: int | None = hidden(ge=0, le=LARGEST)
    """The server stops the query beyond so many bytes."""
    next: str | None = NEXT

    @property
    def writes(self) -> bool:
        """A continuation only reads on."""
        return self.next is None and super().writes

    also: ClassVar = {
        **QueryText.also,
        "maxRows": "max_rows",
        "limit": "max_rows",
        "maxRuntime": "max_runtime",
        "memoryLimit": "memory_limit",
    }


@tool(title="Run AQL", category="core_data", effect=Effect.STATEMENT, writes=writes)
async def arango_query(call: Call, args: QueryArgs) -> Rows:
    """Run AQL; bind values: u.age > @age."""
    limits = call_limits_for(call, args.max_rows)
    if args.next is not None:
        return await continued(call, args.next, limits=limits, format=args.format)
    if not args.query.strip():
        raise InputError("query: is required, or next to continue an answer", field="query")
    options = QueryOptions(
        batch_size=limits.rows,
        max_runtime=min(args.max_runtime or limits.seconds, limits.seconds),
        memory_limit=args.memory_limit,
        ttl=LIFETIME_SECONDS,
    )
    database = await call.database()
    if call.access == "read":
        page = await read_only_query(database, args.query, args.bind_vars, options=options)
    else:
        page = await run_query(database, args.query, args.bind_vars, options=options)
    return await first_page(call, page, limits=limits, format=args.format)
