"""The tool that compares rows of environments."""

import asyncio
from typing import Any, ClassVar, Literal, TypedDict

from pydantic import Field

from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.continuations import Continuation
from mcp_arangodb_async.tools.rows import cut, written
from mcp_arangodb_async.tools.spec import Args, Effect, Names, hidden, tool
from mcp_arangodb_async.tools.sql import environments_of, let_go

# What a continuation of differences is called among those of answers.
DIFFERENCES = "differences:"
SECONDS = 900.0


class DataCompareArgs(Args):
    """Arguments of compare_data."""

    environments: Names | None = Field(None, description="Default: all")
    baseline: str | None = Field(None, description="Default: the first")
    """The environment that the others are compared with; the first one without it."""
    table: str | None = Field(None, description="Table, view or collection")
    """The whole table, view or ArangoDB collection, with its schema where that is not the default one."""
    sql: str | None = Field(None, description="Or one query; AQL for ArangoDB")
    """One statement that reads, instead of a table."""
    sql_by_env: dict[str, str] | None = Field(None, description="Its text where it differs")
    """Other texts for some environments: another dialect, or AQL."""
    parameters: dict[str, Any] | None = Field(None, description="Values of :name")
    """The values of `:name` in the statement, `@name` in AQL."""
    key: Names | None = Field(None, description="Columns. Default: the table's key, else whole rows")
    """The columns that tell rows apart. Without any, whole rows are compared: none is changed."""
    columns: Names | None = Field(None, description="Only these")
    """Compare only these columns, and the key."""
    ignore: Names | None = Field(None, description="Not these")
    """Columns that are not compared."""
    tolerance: float | None = Field(None, ge=0, description="By which numbers may differ")
    """The largest difference of two numbers that counts as none; it needs a key."""
    max_differences: int = Field(20, ge=1, le=10_000, description="Listed per environment")
    """How many differences of each environment are listed; all are counted."""
    format: Literal["json", "markdown", "csv"] = Field("json", description="Of differences")
    """`markdown` and `csv` write the differences as one `text`."""
    next: str | None = Field(None, description="More differences")
    """The `next` of an answer whose differences did not all fit."""
    timeout: float | None = hidden(gt=0, le=SECONDS)
    """Seconds for everything."""

    also: ClassVar = {"envs": "environments", "query": "sql", "params": "parameters", "keys": "key"}


class ComparedRows(TypedDict):
    """How the rows of each environment differ from the baseline's: exact counts, and some of the rows."""

    baseline: str | None
    identical: bool | None
    groups: list[list[str]] | None
    key: list[str] | None
    columns: dict[str, str] | None
    types: list[dict[str, str]] | None
    masked: list[str] | None
    environments: dict[str, Any] | None
    differences: list[dict[str, Any]]
    text: str | None
    total_differences: int | None
    omitted: int
    next: str | None
    ms: float | None


@tool(
    title="Compare rows",
    category="sql_environments",
    effect=Effect.READ,
    uses_session=False,
    limit_seconds=SECONDS,
)
async def compare_data(call: Call, args: DataCompareArgs) -> ComparedRows:
    """Which rows of a table or query differ between environments: added, removed, changed cells.

    Any size, also between engines (1.50 = 1.5, TRUE = 1); counts are exact.
    """
    # Here and not above: listing tools needs no parser of SQL.
    from mcp_arangodb_async.sql import row_compare, row_compare_plan, row_compare_report

    if args.next is not None:
        return await continued(call, args.next, args.format)
    environments = environments_of(call)
    names = list(dict.fromkeys(args.environments or environments.names))
    if args.baseline is not None:
        names = [args.baseline, *(name for name in names if name != args.baseline)]
    found = await row_compare.compare_rows(
        environments,
        row_compare.Request(
            names=tuple(names),
            table=args.table,
            text=args.sql,
            texts=args.sql_by_env or {},
            parameters=args.parameters or {},
            choice=row_compare_plan.Choice(
                key=tuple(args.key or ()), columns=tuple(args.columns or ()), ignore=tuple(args.ignore or ())
            ),
            tolerance=args.tolerance,
            most=args.max_differences,
            seconds=args.timeout or SECONDS,
        ),
        progress=call.progress,
    )
    # Thousands of differences take a while to write down.
    listed = await asyncio.to_thread(row_compare_report.differences_of, found, args.max_differences)
    total = row_compare_report.total_of(found)
    facts = row_compare_report.facts_of(found)
    page, text, handle = await paged(call, listed, args.format)
    return ComparedRows(
        **facts,
        differences=page,
        text=text,
        total_differences=total,
        omitted=total - len(listed),
        next=handle,
    )


async def paged(
    call: Call, listed: list[dict[str, Any]], format: Literal["json", "markdown", "csv"]
) -> tuple[list[dict[str, Any]], str | None, str | None]:
    """The differences that fit: as records, or as one text; and a handle for the others."""
    from mcp_arangodb_async.sql.row_compare_report import lines_of

    fitting = cut(listed, call.limits)
    page, rest = list(fitting.rows), listed[fitting.taken :]
    handle = None
    if rest:
        size = len(fitting.encoded) * len(rest) // max(fitting.taken, 1)
        handle, dropped = await call.around.continuations.keep(
            Continuation(owner=call.owner, database=DIFFERENCES, rows=rest, size=size, cursor=None)
        )
        for gone in dropped:
            await let_go(call, gone)
    if format == "json":
        return page, None, handle
    return [], written(lines_of(page), format), handle


async def continued(call: Call, handle: str, format: Literal["json", "markdown", "csv"]) -> ComparedRows:
    """More differences of an earlier comparison."""
    rest = await call.around.continuations.take(handle, call.owner)
    if rest.database != DIFFERENCES:
        await call.around.continuations.put_back(handle, rest)
        raise InputError("next: belongs to an answer of another tool; continue it there", field="next")
    page, text, following = await paged(call, list(rest.rows), format)
    return ComparedRows(
        baseline=None,
        identical=None,
        groups=None,
        key=None,
        columns=None,
        types=None,
        masked=None,
        environments=None,
        differences=page,
        text=text,
        total_differences=None,
        omitted=0,
        next=following,
        ms=None,
    )
