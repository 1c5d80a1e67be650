"""`env compare|schema`: what differs between environments: the rows of a table or query, and the schemas."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.compare import DIFFERENT
from mcp_arangodb_async.cli.data import Meter, positive
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.env import OUTCOME_EXITS, parameter, with_environments
from mcp_arangodb_async.cli.options import add_config_file, add_env_file
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.sql.router import Environments, status_of

if TYPE_CHECKING:
    from mcp_arangodb_async.sql.schema_report import Examined

CELLS = 60


def _run_compare(invocation: Invocation) -> int:
    # Here and not above: the parser of SQL takes a tenth of a second, which `env list` need not wait for.
    from mcp_arangodb_async.sql.row_compare import Comparison, Request, compare_rows
    from mcp_arangodb_async.sql.row_compare_plan import Choice
    from mcp_arangodb_async.sql.row_compare_report import differences_of, facts_of, total_of

    settings, option = load(invocation), invocation.option
    meter = Meter.of(invocation, unit="rows")

    async def work(environments: Environments) -> Comparison:
        return await compare_rows(
            environments,
            Request(
                names=chosen(environments, option("env"), option("baseline")),
                table=option("table"),
                text=option("sql"),
                texts=dict(text_for(word) for word in option("sql_for") or ()),
                parameters=dict(parameter(word) for word in option("param") or ()),
                choice=Choice(
                    key=columns(option("key")),
                    columns=columns(option("columns")),
                    ignore=columns(option("ignore")),
                ),
                tolerance=option("tolerance"),
                most=option("max_differences"),
                seconds=option("timeout"),
            ),
            progress=meter,
        )

    try:
        found = with_environments(settings, work)
    finally:
        meter.end()
    differences = differences_of(found, option("max_differences"))
    facts = facts_of(found)
    total = total_of(found)
    if invocation.out.as_json:
        told = {"total_differences": total, "omitted": total - len(differences), "differences": differences}
        invocation.out.json({**facts, **told})
    else:
        show_rows(invocation, facts, differences, total)
    failed = [OUTCOME_EXITS[one.status] for one in found.sides.values() if one.error is not None]
    return max(failed, default=0 if found.is_identical else DIFFERENT)


def chosen(environments: Environments, named: list[str] | None, baseline: str | None) -> tuple[str, ...]:
    """The environments that were named, or all; the baseline first."""
    names = dict.fromkeys(named or environments.names)
    return tuple(names) if baseline is None else tuple({baseline: None, **names})


def columns(text: str | None) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def text_for(word: str) -> tuple[str, str]:
    """A `NAME=SQL`."""
    name, found, text = word.partition("=")
    if not found or not name:
        raise InputError(f"--sql-for {word[:40]!r}: write NAME=SQL")
    return name, text


def show_rows(
    invocation: Invocation, facts: dict[str, Any], differences: list[dict[str, Any]], total: int
) -> None:
    """A table of the environments, one of the differences, and what else there is to say."""
    from mcp_arangodb_async.sql.row_compare_report import lines_of

    out = invocation.out
    heads = ("status", "rows", "same", "changed", "removed", "added")
    out.table(
        ["ENVIRONMENT", *(head.upper() for head in heads)],
        [[name, *(one.get(head) for head in heads)] for name, one in facts["environments"].items()],
    )
    if differences:
        lines = lines_of(differences)
        names = list(dict.fromkeys(name for line in lines for name in line))
        if all(line["column"] is None for line in lines):
            names.remove("column")
        out.line()
        out.table(
            [name.upper() if name in PLAIN else name for name in names],
            [[cell(line.get(name)) for name in names] for line in lines],
        )
    for one in facts["types"]:
        out.note(f"type of {one['column']}: {one['baseline']} -> {one['other']} in {one['environment']}")
    for name, one in facts["environments"].items():
        if one.get("only_here"):
            out.note(f"only in {name}: {', '.join(one['only_here'])}")
        if "error" in one:
            out.note(f"{name}: {one['error']['message']}")
    if facts["masked"]:
        out.note(f"masked, and not compared: {', '.join(facts['masked'])}")
    matched = f"by {', '.join(facts['key'])}" if facts["key"] else "as whole rows"
    more = f", {total - len(differences)} of them not shown" if total > len(differences) else ""
    said = "identical" if facts["identical"] else f"{total} difference{'' if total == 1 else 's'}{more}"
    out.note(f"{said}; compared {matched} in {facts['ms'] / 1000:.1f} s")


PLAIN = frozenset({"environment", "kind", "column", "before", "after"})


def cell(value: Any) -> str | int | float | bool | None:
    """A value as a cell: documents and rows as JSON, not too long."""
    if isinstance(value, str | int | float | bool | None):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False)
    return f"{text[:CELLS]}..." if isinstance(text, str) and len(text) > CELLS + 3 else text


def _run_schema(invocation: Invocation) -> int:
    # Here and not above, as above.
    from mcp_arangodb_async.sql.schema import SchemaFilter
    from mcp_arangodb_async.sql.schema_report import examine
    from mcp_arangodb_async.sql.snapshots import Snapshots

    settings, option = load(invocation), invocation.option
    wanted = SchemaFilter(
        schemas=(option("schema"),) if option("schema") else (), tables=tuple(option("table") or ())
    )

    async def work(environments: Environments) -> list[Examined]:
        return await examine(
            environments,
            chosen(environments, option("env"), option("baseline")),
            Snapshots(settings.schema_directory),
            wanted=wanted,
            since=option("since"),
            save=option("save"),
        )

    found = with_environments(settings, work)
    if invocation.out.as_json:
        invocation.out.json(schema_facts(found, since=option("since")))
    else:
        show_schemas(invocation, found)
    failed = [OUTCOME_EXITS[status_of(one.error)] for one in found if one.error is not None]
    return max(failed, default=DIFFERENT if any(one.differences for one in found) else 0)


def schema_facts(found: Sequence[Examined], *, since: str | None) -> dict[str, Any]:
    """What was found as a record."""
    from mcp_arangodb_async.sql.schema_compare import tally

    return {
        "baseline": f"stored: {since}" if since is not None else found[0].environment,
        "identical": not any(one.error or one.differences for one in found),
        "environments": {
            one.environment: {
                "status": "ok" if one.error is None else status_of(one.error),
                "engine": one.schema.engine if one.schema else None,
                "hash": one.hash or None,
                "tables": len(one.schema.tables) if one.schema else None,
                "differences": tally(one.differences) if one.differences is not None else None,
                "since": one.since.name if one.since else None,
                "saved": one.saved.name if one.saved else None,
                "error": one.error.message if one.error else None,
            }
            for one in found
        },
        "differences": [
            {"environment": one.environment, **asdict(difference)}
            for one in found
            for difference in one.differences or ()
        ],
    }


def show_schemas(invocation: Invocation, found: Sequence[Examined]) -> None:
    """A table of the differences, the statements that would end them if asked for, and each one's hash."""
    from mcp_arangodb_async.sql.schema_report import summary

    out = invocation.out
    rows = [
        (one.environment, difference.severity, summary(difference))
        for one in found
        for difference in one.differences or ()
    ]
    if rows:
        out.table(("ENVIRONMENT", "SEVERITY", "WHAT"), rows)
    if invocation.option("ddl"):
        for one in found:
            for difference in one.differences or ():
                if difference.ddl is not None:
                    out.line(f"-- {one.environment}: {summary(difference)}\n{difference.ddl};")
    for one in found:
        if one.error is not None:
            out.note(f"{one.environment}: {one.error.message}")
            continue
        said = "" if one.differences is None else f", {len(one.differences)} differences"
        stored = f", compared with {one.since.name}" if one.since else ""
        kept = f", stored as {one.saved.name}" if one.saved else ""
        out.note(f"{one.environment}: schema {one.hash}{said}{stored}{kept}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds


def _tolerance(text: str) -> float:
    try:
        tolerance = float(text)
    except ValueError:
        tolerance = -1.0
    if not 0 <= tolerance < 1e300:
        raise argparse.ArgumentTypeError("must be a number from 0")
    return tolerance


def _which_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--env", action="append", metavar="NAME", help="an environment; repeat it (default: all)"
    )
    parser.add_argument(
        "--baseline", metavar="NAME", help="what the others are compared with (default: the first)"
    )


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sql", nargs="?", metavar="SQL", help="a query whose rows are compared")
    parser.add_argument("--table", metavar="NAME", help="or a whole table, view or collection")
    _which_arguments(parser)
    parser.add_argument(
        "--sql-for", action="append", metavar="NAME=SQL", help="the query for one environment, such as AQL"
    )
    parser.add_argument(
        "--param", action="append", metavar="NAME=VALUE", help="the value of :NAME, as JSON or text"
    )
    parser.add_argument(
        "--key", metavar="COLUMNS", help="columns that tell rows apart (default: the table's key, if any)"
    )
    parser.add_argument("--columns", metavar="COLUMNS", help="compare only these, with commas between")
    parser.add_argument("--ignore", metavar="COLUMNS", help="do not compare these")
    parser.add_argument("--tolerance", type=_tolerance, metavar="NUMBER", help="by which numbers may differ")
    parser.add_argument(
        "--max-differences", type=positive, default=50, metavar="N",
        help="differences shown for each environment (default 50); all are counted",
    )  # fmt: skip
    parser.add_argument(
        "--timeout", type=_seconds, default=3600.0, metavar="SECONDS", help="for everything (default 3600)"
    )
    parser.add_argument("--no-progress", action="store_true", help="show no progress on standard error")
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def _schema_arguments(parser: argparse.ArgumentParser) -> None:
    _which_arguments(parser)
    parser.add_argument("--schema", metavar="NAME", help="only this schema; * allowed")
    parser.add_argument(
        "--table", action="append", metavar="NAME", help="only this table; * allowed; repeat it"
    )
    parser.add_argument(
        "--since", metavar="WHEN", help="compare each with what was stored: latest, a time, 3d, a name"
    )
    parser.add_argument("--save", action="store_true", help="store the schemas for a later --since")
    parser.add_argument("--ddl", action="store_true", help="print what would end the differences; not run")
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


COMPARE = Command(
    description="Compare the rows of a table or query between environments: added, removed and changed ones, "
    "also between engines. Every row is read once, in little memory. The exit code is 10 if they differ.",
    examples=(
        ("env compare --table orders --env staging --env prod", "by the table's key"),
        ('env compare "SELECT id, total FROM orders" --key id --ignore total', "a query's rows"),
    ),
    arguments=_compare_arguments,
    run=_run_compare,
)
SCHEMA = Command(
    description="Compare the schemas of environments: tables, columns, keys, indexes, views, routines; "
    "or each with what was stored of it. The exit code is 10 if they differ.",
    examples=(
        ("env schema --env staging --env prod --ddl", "with what would make prod like staging"),
        ("env schema --env prod --save", "store it"),
        ("env schema --env prod --since 3d", "what changed in three days"),
    ),
    arguments=_schema_arguments,
    run=_run_schema,
)
