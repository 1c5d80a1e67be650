"""join_environments: results of several environments joined in this process."""

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.sql.answer import QueryLimits
from mcp_arangodb_async.sql.values import shown_rows
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.result import Rows
from mcp_arangodb_async.tools.rows import cut
from mcp_arangodb_async.tools.spec import Args, Effect, tool
from mcp_arangodb_async.tools.sql import environments_of

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
MOST_INPUTS = 16


class Input(BaseModel):
    """A result that takes part."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: str
    sql: str
    parameters: dict[str, Any] | None = None


class JoinArgs(Args):
    """Arguments of join_environments.

    Every input is read to its end, at the same time; the statement sees them as tables and nothing else: no
    file, no extension, no network. Dates and times without a zone are dates and times there, decimals keep
    their digits; times with a zone and JSON are text.
    """

    inputs: dict[str, Input] = Field(description="Table name: {environment, sql, parameters?}")
    """The tables by name, each `{environment, sql, parameters}`: a statement that reads, AQL for ArangoDB."""
    sql: str = Field(description="DuckDB SELECT over these tables")
    """One SELECT of DuckDB's dialect over the tables."""
    max_rows: int = Field(1000, ge=1, le=100_000, description="At most")
    """So many rows of the answer at most; never more than the server's own limit."""
    input_rows: int = Field(100_000, ge=1, le=1_000_000, description="Per input; more is an error")
    """Rows of one input at most; a larger one is an error, because a join of a part would be wrong."""
    timeout: float = Field(60.0, gt=0, le=3600, description="Seconds")
    """Seconds for everything together."""

    also: ClassVar = {"query": "sql", "tables": "inputs", "maxRows": "max_rows"}


@tool(
    title="Join SQL environments",
    category="sql_environments",
    effect=Effect.READ,
    uses_session=False,
    limit_seconds=3600.0,
)
async def join_environments(call: Call, args: JoinArgs) -> Rows:
    """Join results of environments, of any kinds: inputs name them, sql joins them (DuckDB)."""
    # Here and not above: listing tools needs no engine for joins.
    from mcp_arangodb_async.sql.join import JoinInput, join

    check_names(args.inputs)
    limits = QueryLimits(
        rows=min(args.max_rows, call.limits.rows), bytes=call.limits.bytes, seconds=args.timeout
    )
    joined = await join(
        environments_of(call),
        {
            name: JoinInput(environment=one.environment, text=one.sql, parameters=one.parameters)
            for name, one in args.inputs.items()
        },
        args.sql,
        limits=limits,
        input_rows=args.input_rows,
    )
    rows = shown_rows(joined.columns, joined.rows)
    fitting = cut(rows, call.limits)
    return Rows(
        rows=fitting.rows,
        encoded=fitting.encoded,
        truncated=joined.truncated or fitting.taken < len(rows),
        facts={
            "types": {column.name: column.type for column in joined.columns},
            "inputs": {
                name: {"environment": args.inputs[name].environment, "rows": count}
                for name, count in joined.inputs.items()
            },
            "ms": joined.ms,
        },
    )


def check_names(inputs: dict[str, Input]) -> None:
    """InputError unless the inputs can be tables beside each other."""
    if not 1 <= len(inputs) <= MOST_INPUTS:
        raise InputError(f"inputs: 1 to {MOST_INPUTS} are possible, {len(inputs)} were given", field="inputs")
    for name in inputs:
        if not NAME.match(name):
            raise InputError(
                f"inputs: {name[:64]!r} cannot be a table's name: a letter or _, then letters, digits and _",
                field="inputs",
            )
    if len({name.casefold() for name in inputs}) < len(inputs):
        raise InputError("inputs: two names differ by upper and lower case alone", field="inputs")
