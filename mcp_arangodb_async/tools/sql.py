"""Tools that run SQL on the configured environments: one, several or all of them.

They are listed only where environments are configured; `sql_tools.py` makes the list, with the configured
names as the possible values of `environment`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypedDict

from pydantic import Field

from mcp_arangodb_async.errors import InputError, NotFoundError
from mcp_arangodb_async.sql.answer import Answer, QueryLimits
from mcp_arangodb_async.sql.router import Environments, Outcome, error_facts
from mcp_arangodb_async.sql.streaming import answer_types, end, recalled
from mcp_arangodb_async.sql.values import shown_rows
from mcp_arangodb_async.tools.call import Call, described
from mcp_arangodb_async.tools.continuations import Continuation
from mcp_arangodb_async.tools.paging import call_limits_for, give_up
from mcp_arangodb_async.tools.result import Format, Limits, Rows
from mcp_arangodb_async.tools.rows import cut
from mcp_arangodb_async.tools.spec import Args, Effect, Names, hidden, tool

# What a continuation of an environment's answer is called among those of databases.
PREFIX = "environment:"
# And that of streams, whose environments stand in their positions.
STREAMS = "environments"
READING = (
    "select",
    "with",
    "show",
    "explain",
    "describe",
    "desc",
    "values",
    "table",
    "pragma",
    "for",
    "return",
)


def environments_of(call: Call) -> Environments:
    """The environments; the tools are there only where some are configured."""
    assert call.around.environments is not None, "no environments are configured"
    return call.around.environments


def chosen(call: Call, argument: str | None) -> tuple[str, str]:
    """The environment of the call and what decided it."""
    return environments_of(call).resolve(argument, call.environment_focus)


class EnvironmentArgs(Args):
    """Arguments of a tool that works on one environment."""

    environment: str | None = Field(None, description="Default: focus, else the configured default")

    also: ClassVar = {"env": "environment"}


class StatementArgs(Args):
    """A statement with its values."""

    sql: str = Field("", description="One statement; AQL for ArangoDB")
    parameters: dict[str, Any] | None = Field(None, description="Values of :name (AQL @name)")
    max_rows: int | None = Field(None, ge=1, le=1_000_000, description="At most")
    timeout: float | None = Field(None, gt=0, le=86_400, description="Seconds")
    format: Format = Field("json", description="Of rows")
    next: str | None = Field(None, description="Continue")
    confirm: str | None = Field(None, description="Word from a refusal that asks for it")
    stream_results: bool | None = hidden()

    also: ClassVar = {"query": "sql", "params": "parameters", "maxRows": "max_rows"}


class StatementEnvArgs(StatementArgs):
    """The same on an environment that is named."""

    environment: str | None = Field(None, description="Default: focus, else the configured default")

    also: ClassVar = {**StatementArgs.also, "env": "environment"}


def writes(args: StatementArgs) -> bool:
    """Whether the call may change data in a place that only a session would name."""
    if args.next is not None or getattr(args, "environment", None) is not None:
        return False
    return not args.sql.lstrip("( \t\r\n").lower().startswith(READING)


@tool(title="Run SQL", category="sql_environments", effect=Effect.STATEMENT, uses_session=True, writes=writes)
async def execute_query(call: Call, args: StatementArgs) -> Rows:
    """Run one SQL statement on the focused or default environment; bind values: WHERE id = :id."""
    return await executed(call, args, None)


@tool(
    title="Run SQL in an environment",
    category="sql_environments",
    effect=Effect.STATEMENT,
    uses_session=True,
    writes=writes,
)
async def execute_query_env(call: Call, args: StatementEnvArgs) -> Rows:
    """Run one SQL statement on an environment."""
    return await executed(call, args, args.environment)


async def executed(call: Call, args: StatementArgs, environment: str | None) -> Rows:
    """The answer of one environment, or more of an earlier one."""
    limits = call_limits_for(call, args.max_rows)
    if args.next is not None:
        return await continued(call, args.next, limits, args.format)
    if not args.sql.strip():
        raise InputError("sql: is required, or next to continue an answer", field="sql")
    name, source = chosen(call, environment)
    answer = (
        await environments_of(call)
        .get(name)
        .query(
            args.sql,
            args.parameters,
            limits=query_limits(limits, args.timeout),
            confirm=args.confirm,
            hold=True,
            granted=call.granted,
        )
    )
    return await paged(call, answer, shown_rows(answer.columns, answer.rows), limits, args.format, source)


def query_limits(limits: Limits, seconds: float | None) -> QueryLimits:
    """The call's limits as an environment takes them."""
    return QueryLimits(
        rows=limits.rows, bytes=limits.bytes, seconds=min(seconds or limits.seconds, limits.seconds)
    )


def facts_of(answer: Answer) -> dict[str, Any]:
    """What every answer says about itself."""
    return described(
        {
            "environment": answer.environment,
            "engine": answer.engine,
            "version": answer.version,
            "access": answer.access,
            "types": answer_types(answer.columns) or None,
            "affected_rows": answer.affected,
            "ms": answer.ms,
        }
    )


async def paged(
    call: Call, answer: Answer, rows: list[Any], limits: Limits, format: Format, source: str
) -> Rows:
    """The rows that fit, with a handle for the others: fetched already, or still on the server."""
    fitting = cut(rows, limits)
    rest = rows[fitting.taken :]
    handle = None
    if rest or answer.rest is not None:
        size = len(fitting.encoded) * len(rest) // max(fitting.taken, 1)
        handle, dropped = await call.around.continuations.keep(
            Continuation(
                owner=call.owner,
                database=PREFIX + answer.environment,
                rows=rest,
                size=size,
                cursor=answer.rest,
            )
        )
        for gone in dropped:
            await let_go(call, gone)
    return Rows(
        rows=fitting.rows,
        encoded=fitting.encoded,
        format=format,
        truncated=handle is not None or answer.truncated,
        next=handle,
        facts={**facts_of(answer), "resolved_by": source},
    )


async def continued(call: Call, handle: str, limits: Limits, format: Format) -> Rows:
    """More of an earlier answer."""
    rest = await call.around.continuations.take(handle, call.owner)
    if not rest.database.startswith(PREFIX):
        await call.around.continuations.put_back(handle, rest)
        raise InputError("next: belongs to the answer of another tool; continue it there", field="next")
    name = rest.database.removeprefix(PREFIX)
    environment = environments_of(call).get(name)
    waiting = list(rest.rows)
    if rest.cursor is None:
        answer = Answer(
            environment=name,
            engine=environment.settings.kind,
            version="",
            access=environment.settings.access,
            columns=(),
            rows=[],
            truncated=False,
            affected=None,
            ms=0.0,
        )
        return await paged(call, answer, waiting, limits, format, "next")
    wanted = QueryLimits(rows=max(1, limits.rows - len(waiting)), bytes=limits.bytes, seconds=limits.seconds)
    try:
        answer = await environment.more(rest.cursor, limits=wanted)
    except NotFoundError as error:
        raise NotFoundError(
            "the server no longer has the rest of this result",
            field="next",
            database=name,
            hint="run the statement again; a rest waits a minute at most, less where connections are wanted",
        ) from error
    return await paged(
        call, answer, [*waiting, *shown_rows(answer.columns, answer.rows)], limits, format, "next"
    )


async def let_go(call: Call, gone: Continuation) -> None:
    """Give up a rest that had to make room for another one."""
    if gone.database == STREAMS:
        for position in recalled(gone.rows):
            end(environments_of(call), position)
    elif not gone.database.startswith(PREFIX):
        await give_up(call, gone)
    elif gone.cursor is not None and gone.database.removeprefix(PREFIX) in environments_of(call).names:
        environments_of(call).get(gone.database.removeprefix(PREFIX)).forget(gone.cursor)


class ManyArgs(Args):
    """Arguments of execute_query_multi_env."""

    sql: str = Field(description="One statement")
    environments: Names | None = Field(None, description="Default: all")
    parameters: dict[str, Any] | None = Field(None, description="Values of :name")
    max_rows: int = Field(100, ge=1, le=10_000, description="Per environment")
    timeout: float = Field(30.0, gt=0, le=3600, description="Seconds, per environment")
    confirm: str | None = Field(None, description="Word from a refusal that asks for it")

    also: ClassVar = {"query": "sql", "params": "parameters", "envs": "environments"}


class ManyAnswers(TypedDict):
    """What each environment made of the statement, all in the same shape; `groups` gave the same rows."""

    results: dict[str, Any]
    groups: list[list[str]]
    summary: dict[str, Any]


@tool(
    title="Run SQL in several environments",
    category="sql_environments",
    effect=Effect.STATEMENT,
    uses_session=False,
)
async def execute_query_multi_env(call: Call, args: ManyArgs) -> ManyAnswers:
    """Run one statement on several environments at once; a failing one costs the others nothing.

    groups: whose rows are equal.
    """
    # Here and not above: listing tools needs no parser of SQL.
    from mcp_arangodb_async.sql.row_compare_answers import equal_answers

    environments = environments_of(call)
    names = list(dict.fromkeys(args.environments or environments.names))
    limits = Limits(
        rows=min(args.max_rows, call.limits.rows),
        bytes=max(4096, call.limits.bytes // max(1, len(names))),
        seconds=call.limits.seconds,
    )
    outcomes = await environments.run_many(
        names,
        args.sql,
        args.parameters,
        limits=query_limits(limits, args.timeout),
        confirm=args.confirm,
        granted=call.granted,
    )
    return ManyAnswers(
        results={name: outcome_facts(name, outcome, limits) for name, outcome in outcomes.items()},
        groups=equal_answers(
            {
                name: one.answer
                for name, one in outcomes.items()
                if one.answer is not None and one.answer.columns
            }
        ),
        summary=summary_of(outcomes),
    )


def outcome_facts(name: str, outcome: Outcome, limits: Limits) -> dict[str, Any]:
    """One environment's part of a fan-out."""
    facts: dict[str, Any] = {"status": outcome.status, "environment": name, "ms": outcome.ms}
    answer, error = outcome.answer, outcome.error
    if answer is not None:
        fitting = cut(shown_rows(answer.columns, answer.rows), limits)
        facts |= {
            **facts_of(answer),
            "ms": outcome.ms,
            "rows": list(fitting.rows),
            "row_count": len(fitting.rows),
            "truncated": answer.truncated or fitting.taken < len(answer.rows),
        }
    elif error is not None:
        facts["error"] = error_facts(error)
    return facts


def summary_of(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """How many environments answered, and how the others ended."""
    counts: dict[str, int] = {}
    for outcome in outcomes.values():
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    return {
        "total_environments": len(outcomes),
        "ok": counts.pop("ok", 0),
        **dict(sorted(counts.items())),
        "slowest_ms": max((outcome.ms for outcome in outcomes.values()), default=0.0),
    }


class ExplainArgs(EnvironmentArgs):
    """Arguments of explain_query_env.

    `cost` in the answer is what the environment's `policy.max_cost` caps; SQLite states none.
    """

    sql: str = Field(description="One statement; it is not run")
    """The statement to plan."""
    parameters: dict[str, Any] | None = Field(None, description="Values of :name")

    also: ClassVar = {**EnvironmentArgs.also, "query": "sql", "params": "parameters"}


@tool(title="Explain SQL", category="sql_environments", effect=Effect.READ, uses_session=True)
async def explain_query_env(call: Call, args: ExplainArgs) -> Rows:
    """The plan of a statement in an environment, without running it."""
    name, source = chosen(call, args.environment)
    environment = environments_of(call).get(name)
    dialect = environment.dialect
    answer = await environment.query(
        dialect.explain(args.sql),
        args.parameters,
        limits=query_limits(call.limits, None),
        granted=call.granted,
    )
    plan = await paged(call, answer, shown_rows(answer.columns, answer.rows), call.limits, "json", source)
    cost = dialect.plan_cost(answer.rows)
    return plan if cost is None else replace(plan, facts={**plan.facts, "cost": cost})
