"""Tools around queries: explain, profile, build."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mcp_arangodb_async.connections import QueryOptions, close_cursor, explain_query, run_query
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.operations import building, plans
from mcp_arangodb_async.operations.reading import read_only_query
from mcp_arangodb_async.tools.call import Call
from mcp_arangodb_async.tools.continuations import LIFETIME_SECONDS
from mcp_arangodb_async.tools.paging import (
    call_limits_for,
    continued,
    described_warning,
    first_page,
    told_stats,
)
from mcp_arangodb_async.tools.query import QueryText, writes
from mcp_arangodb_async.tools.result import Format, Rows
from mcp_arangodb_async.tools.spec import LARGEST, DatabaseArgs, Effect, Names, hidden, tool

MOST_PLANS = 10


class ExplainArgs(QueryText):
    """Arguments of arango_explain_query.

    Each plan is told by its nodes, one line each, with the indexes they use, the optimizer's rules, and
    estimated rows and cost. Nothing is run.
    """

    suggest_indexes: bool = hidden(default=True)
    """Also say which indexes would replace full scans."""
    max_plans: int = hidden(1, ge=1, le=MOST_PLANS)
    """Show so many of the plans the optimizer considered."""

    also: ClassVar = {**QueryText.also, "suggestIndexes": "suggest_indexes", "maxPlans": "max_plans"}


class Explained(TypedDict):
    """How a query would run."""

    plans: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    stats: dict[str, Any]
    index_suggestions: list[dict[str, Any]] | None


@tool(title="Explain", category="schema_query", effect=Effect.READ)
async def arango_explain_query(call: Call, args: ExplainArgs) -> Explained:
    """Show a plan, advise indexes."""
    answer = await explain_query(
        await call.database(),
        args.query,
        args.bind_vars,
        all_plans=args.max_plans > 1,
        max_plans=args.max_plans,
    )
    found: Sequence[dict[str, Any]] = answer["plans"] if args.max_plans > 1 else [answer["plan"]]
    suggested = plans.suggestions(found[0]) if args.suggest_indexes else None
    return Explained(
        plans=[plans.told(plan) for plan in found[: args.max_plans]],
        warnings=[described_warning(warning) for warning in answer.get("warnings", ())],
        stats=answer.get("stats", {}),
        index_suggestions=suggested,
    )


class ProfileArgs(QueryText):
    """Arguments of arango_query_profile.

    The statement really runs, so one that writes does write; its rows are not returned. Each node tells its
    calls, rows and milliseconds.
    """

    max_plans: int | None = hidden()
    """Without effect: a query runs by one plan."""


class Profiled(TypedDict):
    """How a query ran: what each part cost. Its rows are not returned."""

    plans: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    stats: dict[str, Any]
    profile: dict[str, Any]
    row_count: int
    more_rows: bool | None


@tool(title="Profile", category="schema_query", effect=Effect.STATEMENT, writes=writes)
async def arango_query_profile(call: Call, args: ProfileArgs) -> Profiled:
    """Run AQL, show step costs."""
    database = await call.database()
    options = QueryOptions(batch_size=call.limits.rows, profile=2, max_runtime=call.limits.seconds)
    run = read_only_query if call.access == "read" else run_query
    page = await run(database, args.query, args.bind_vars, options=options)
    if page.cursor_id is not None:
        await close_cursor(database, page.cursor_id)
    nodes: Sequence[dict[str, Any]] = page.stats.get("nodes", ())
    measured = {node["id"]: node for node in nodes}
    plan = dict(page.plan or {})
    plan["nodes"] = [{**node, **measured.get(node.get("id"), {})} for node in plan.get("nodes", ())]
    return Profiled(
        plans=[plans.told(plan)] if page.plan else [],
        warnings=[described_warning(warning) for warning in page.warnings],
        stats=told_stats(page.stats),
        profile={name: round(1000 * seconds, 3) for name, seconds in (page.profile or {}).items()},
        row_count=len(page.rows),
        more_rows=page.cursor_id is not None or None,
    )


FILTERS = "{field, op, value}, {any: [...]}"


class Condition(BaseModel):
    """One comparison."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    field: str
    op: building.Operator
    value: Any

    def record(self) -> building.Condition:
        """The comparison for the operations."""
        return building.Condition(field=self.field, op=self.op, value=self.value)


class Filter(BaseModel):
    """A comparison, or in `any` several of which one must hold.

    One model for both, so that a mistake is told of the member it is in and not of every shape it could be.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    field: str | None = None
    op: building.Operator | None = None
    value: Any = None
    any: list[Condition] | None = Field(None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        given = {name for name in ("field", "op") if getattr(self, name) is not None}
        if "value" in self.model_fields_set:
            given.add("value")
        if self.any is not None and given:
            raise ValueError("has any and a comparison; give one of them")
        missing = [name for name in ("field", "op", "value") if name not in given]
        if self.any is None and missing:
            raise ValueError(
                f"has no {' and no '.join(missing)}; it is {{field, op, value}} or {{any: [...]}}"
            )
        return self

    def group(self) -> list[building.Condition]:
        """The comparisons of which one must hold."""
        if self.any is not None:
            return [one.record() for one in self.any]
        assert self.field is not None
        assert self.op is not None
        return [building.Condition(field=self.field, op=self.op, value=self.value)]


class SortKey(BaseModel):
    """One sort criterion."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    field: str
    direction: building.SortDirection = "ASC"


class BuilderArgs(DatabaseArgs):
    """Arguments of arango_query_builder.

    For simple questions without writing AQL. The answer also has the statement and its bind variables, to
    go on from. Names that are none are refused, never dropped.
    """

    collection: str | None = Field(None, description="Name")
    filters: list[Filter] = Field([], max_length=100, description=FILTERS)
    """Conditions that must all hold: `{field, op, value}`, or `{any: [...]}` of which one must. `field` is a
    dotted path; `op` is `==`, `!=`, `<`, `<=`, `>`, `>=`, `IN`, `NOT IN`, `LIKE` or `NOT LIKE` (`%` and
    `_` as in SQL, case ignored)."""
    sort: list[SortKey] = Field([], max_length=20, description="{field, direction}")
    """`{field, direction}`; `direction` is `ASC` or `DESC`."""
    limit: int | None = Field(None, ge=1, le=LARGEST, description="Rows")
    """So many rows."""
    offset: int = Field(0, ge=0, le=LARGEST, description="Skip")
    """Pass so many rows over."""
    return_fields: Names = Field([], max_length=200, description="Paths")
    """Only these attribute paths of each document."""
    count: bool = Field(False, description="Only")
    """Only count what fits."""
    format: Format = hidden("json")
    next: str | None = hidden()

    also: ClassVar = {"returnFields": "return_fields", "fields": "return_fields"}


@tool(title="Builder", category="schema_query", effect=Effect.READ)
async def arango_query_builder(call: Call, args: BuilderArgs) -> Rows:
    """Query by conditions."""
    limits = call_limits_for(call, None)
    if args.next is not None:
        return await continued(call, args.next, limits=limits, format=args.format)
    if args.collection is None:
        raise InputError("collection: is required", field="collection")
    statement = building.build(
        building.Built(
            collection=args.collection,
            groups=[one.group() for one in args.filters],
            sort=[(key.field, key.direction) for key in args.sort],
            limit=args.limit,
            offset=args.offset,
            return_fields=args.return_fields,
            count=args.count,
        )
    )
    options = QueryOptions(batch_size=limits.rows, max_runtime=limits.seconds, ttl=LIFETIME_SECONDS)
    page = await run_query(await call.database(), statement.text, statement.bind_vars, options=options)
    facts = {"query": statement.text, "bind_vars": statement.bind_vars}
    return await first_page(call, page, limits=limits, format=args.format, facts=facts)
