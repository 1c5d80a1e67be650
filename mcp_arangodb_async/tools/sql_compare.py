"""Tools that compare environments: their schemas."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict

from pydantic import Field

from mcp_arangodb_async.sql.router import status_of
from mcp_arangodb_async.tools.call import Call, described
from mcp_arangodb_async.tools.rows import cut
from mcp_arangodb_async.tools.spec import Args, Effect, Names, tool
from mcp_arangodb_async.tools.sql import environments_of

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.schema_compare import SchemaDifference
    from mcp_arangodb_async.sql.schema_report import Examined

Severity = Literal["breaking", "warning", "info"]
# What a caller who asks for one severity sees.
AT_LEAST: Mapping[Severity, frozenset[str]] = {
    "breaking": frozenset({"breaking"}),
    "warning": frozenset({"breaking", "warning"}),
    "info": frozenset({"breaking", "warning", "info"}),
}


class SchemaCompareArgs(Args):
    """Arguments of compare_schema."""

    environments: Names | None = Field(None, description="Default: all")
    baseline: str | None = Field(None, description="Default: the first")
    """The environment that the others are compared with; the first one without it."""
    database: str | None = Field(None, description="Schema; * allowed")
    """Only this schema; `*` stands for any characters."""
    table: Names | None = Field(None, description="Tables; * allowed")
    """Only these tables; `*` stands for any characters."""
    detail: Literal["concise", "detailed"] = Field("concise", description="detailed: values, DDL")
    """`detailed` tells both values of a difference, and DDL that would end it; nothing is run."""
    severity: Severity = Field("info", description="At least")
    """Only differences that are at least so grave for code that works on the baseline."""
    since: str | None = Field(None, description="Compare with stored: latest, time, 3d, name")
    """Compare each environment with its own stored schema: `latest`, a time, `3d` ago, or its name."""
    save: bool = Field(False, description="Store the schemas")
    """Store the schemas for a later `since`."""

    also: ClassVar = {"envs": "environments", "schema": "database", "tables": "table"}


class ComparedSchemas(TypedDict):
    """What differs from the baseline in every environment that answered, at most as much as fits."""

    environments: list[str]
    baseline: str
    identical: bool
    differences: list[dict[str, Any]]
    omitted: int
    schemas: dict[str, Any]


@tool(
    title="Compare schemas",
    category="sql_environments",
    effect=Effect.EXPORT,
    uses_session=False,
    limit_seconds=120.0,
)
async def compare_schema(call: Call, args: SchemaCompareArgs) -> ComparedSchemas:
    """What differs between environments' schemas, or since a stored state; engines may differ.

    Severity is for code that works on the baseline.
    """
    # Here and not above: listing tools needs no parser of SQL.
    from mcp_arangodb_async.sql.schema import SchemaFilter
    from mcp_arangodb_async.sql.schema_report import examine
    from mcp_arangodb_async.sql.snapshots import Snapshots

    environments = environments_of(call)
    names = list(dict.fromkeys(args.environments or environments.names))
    if args.baseline is not None:
        names = [args.baseline, *(name for name in names if name != args.baseline)]
    found = await examine(
        environments,
        names,
        Snapshots(call.around.schema_directory),
        wanted=SchemaFilter(
            schemas=(args.database,) if args.database else (), tables=tuple(args.table or ())
        ),
        since=args.since,
        save=args.save,
    )
    wanted = AT_LEAST[args.severity]
    differences = [
        shown(one.environment, difference, args.detail == "detailed")
        for one in found
        for difference in one.differences or ()
        if difference.severity in wanted
    ]
    fitting = cut(differences, call.limits)
    return ComparedSchemas(
        environments=names,
        baseline=f"stored: {args.since}" if args.since is not None else names[0],
        identical=not any(one.error or one.differences for one in found),
        differences=list(fitting.rows),
        omitted=len(differences) - fitting.taken,
        schemas={one.environment: facts_of(one) for one in found},
    )


def facts_of(one: "Examined") -> dict[str, Any]:
    """What is told about one environment's schema."""
    from mcp_arangodb_async.sql.schema_compare import tally

    if one.error is not None:
        told = {"code": one.error.code, "message": one.error.message, "hint": one.error.hint}
        return {"status": status_of(one.error), "error": described(told)}
    assert one.schema is not None, "without an error there is a schema"
    return {
        "status": "ok",
        **described(
            {
                "engine": one.schema.engine,
                "version": one.schema.version,
                "hash": one.hash,
                "tables": len(one.schema.tables),
                "views": len(one.schema.views),
                "routines": len(one.schema.routines),
                "differences": dict(tally(one.differences)) if one.differences is not None else None,
                "since": one.since.name if one.since is not None else None,
                "saved": one.saved.name if one.saved is not None else None,
                "notes": list(one.schema.notes) or None,
            }
        ),
    }


def shown(environment: str, one: "SchemaDifference", detailed: bool) -> dict[str, Any]:
    """A difference in few words, or with everything about it."""
    from mcp_arangodb_async.sql.schema_report import summary

    if not detailed:
        return {"environment": environment, "severity": one.severity, "what": summary(one)}
    facts = {
        "environment": environment,
        "severity": one.severity,
        "object": one.object,
        "name": one.name,
        "kind": one.kind,
        "field": one.field,
        "baseline": one.baseline,
        "other": one.other,
        "ddl": one.ddl,
    }
    return described(facts)
