"""`env list|test|query`: the SQL environments, whether they answer, and one statement on several of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.db_show import PROBE_EXITS, load, secret_source
from mcp_arangodb_async.cli.options import add_config_file, add_env_file
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.config.model import Settings
from mcp_arangodb_async.connections.manager import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import ConfigError, DeniedError, InputError
from mcp_arangodb_async.sql.answer import QueryLimits
from mcp_arangodb_async.sql.probe import Probe, probe
from mcp_arangodb_async.sql.router import Environments, Outcome
from mcp_arangodb_async.sql.values import shown_lists, shown_rows, unique_names

T = TypeVar("T")
# Status of a statement in an environment -> exit code; the worst of several counts.
OUTCOME_EXITS: Mapping[str, int] = {
    "ok": 0,
    "error": 1,
    "unknown": 1,
    "timeout": 4,
    "skipped": 4,
    "refused": 5,
}
MOST_BYTES = 64 * 1024 * 1024


def with_environments(settings: Settings, work: Callable[[Environments], Awaitable[T]]) -> T:
    """Do it with the configured environments open."""
    if not settings.environments:
        raise ConfigError(
            "no environment is configured",
            hint="`maa db add NAME --kind sqlite --path FILE` adds one",
        )

    # What goes wrong is said by the command; the log of a server is not wanted beside it.
    logging.getLogger("mcp_arangodb_async").addHandler(logging.NullHandler())

    async def run() -> T:
        deadline = settings.limits.connect_deadline
        async with MultiDatabaseConnectionManager(settings.databases, connect_timeout=deadline) as manager:
            environments = Environments(
                settings.environments,
                default=settings.default_environment,
                manager=manager,
                read_only=settings.server.read_only,
            )
            try:
                return await work(environments)
            finally:
                await environments.close()

    return asyncio.run(run())


def _run_list(invocation: Invocation) -> int:
    settings = load(invocation)
    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "address": one.address,
            "user": one.user or None,
            "password": secret_source(one.password) if one.user else "none",
            "access": one.access,
            "template": one.template,
            "is_default": one.name == settings.default_environment,
            "enabled": one.enabled,
            "labels": list(one.labels),
            "description": one.description,
        }
        for one in settings.environments.values()
    ]
    if invocation.out.as_json:
        invocation.out.json({"default_environment": settings.default_environment, "environments": rows})
        return 0
    columns = {"name": "NAME", "kind": "KIND", "address": "ADDRESS", "user": "USER", "password": "PASSWORD"}
    columns |= {"access": "ACCESS", "is_default": "DEFAULT", "enabled": "ENABLED"}
    columns |= {name: name.upper() for name in ("labels", "description") if any(row[name] for row in rows)}
    if rows:
        invocation.out.records(columns, rows)
    invocation.out.note(f"{len(rows)} configured by {settings.file or settings.source}")
    return 0


def _run_test(invocation: Invocation) -> int:
    settings = load(invocation)
    named: list[str] = invocation.option("names") or []

    async def work(environments: Environments) -> list[Probe]:
        chosen = [environments.get(name) for name in named or environments.names]
        return list(await asyncio.gather(*(probe(one) for one in chosen)))

    found = with_environments(settings, work)
    if invocation.out.as_json:
        invocation.out.json({"environments": [probe_facts(one) for one in found]})
    else:
        rows = [
            {
                "name": one.environment,
                "status": one.status,
                "version": f"{one.engine} {one.version}" if one.version else None,
                "ms": one.ms,
                "encrypted": one.encrypted,
                "steps": " ".join(f"{part.name}:{part.ms:g}{'' if part.ok else '!'}" for part in one.parts),
                "error": one.error.message if one.error is not None else None,
            }
            for one in found
        ]
        columns = {"name": "NAME", "status": "STATUS", "version": "VERSION", "ms": "MS", "encrypted": "TLS"}
        columns["steps"] = "STEPS (MS)"
        if any(row["error"] for row in rows):
            columns["error"] = "ERROR"
        invocation.out.records(columns, rows)
    return max((PROBE_EXITS[one.status] for one in found), default=0)


def probe_facts(found: Probe) -> dict[str, Any]:
    """A probe as a record."""
    return {
        "name": found.environment,
        "status": found.status,
        "ms": found.ms,
        "engine": found.engine,
        "version": found.version,
        "encrypted": found.encrypted,
        "parts": [asdict(part) for part in found.parts],
        "error": found.error.message if found.error is not None else None,
    }


def _run_query(invocation: Invocation) -> int:
    settings = load(invocation)
    text = invocation.option("sql")
    if text == "-":
        text = sys.stdin.read()
    values = dict(parameter(word) for word in invocation.option("param") or ())
    limits = QueryLimits(
        rows=invocation.option("max_rows"), bytes=MOST_BYTES, seconds=invocation.option("timeout")
    )

    async def work(environments: Environments) -> dict[str, Outcome]:
        names: Sequence[str] = invocation.option("env") or ()
        if invocation.option("all"):
            names = environments.names
        elif not names:
            names = [environments.resolve(None)[0]]
        return await run_confirmed(invocation, environments, names, text, values, limits)

    outcomes = with_environments(settings, work)
    if len(outcomes) == 1:
        (outcome,) = outcomes.values()
        if outcome.error is not None:
            raise outcome.error
    if invocation.out.as_json:
        invocation.out.json({"results": {name: outcome_facts(one) for name, one in outcomes.items()}})
    else:
        show(invocation, outcomes)
    return max(OUTCOME_EXITS[one.status] for one in outcomes.values())


async def run_confirmed(
    invocation: Invocation,
    environments: Environments,
    names: Sequence[str],
    text: str,
    values: Mapping[str, Any],
    limits: QueryLimits,
) -> dict[str, Outcome]:
    """Run it; where a policy asks for confirmation, ask the person, and run it there again."""
    outcomes = await environments.run_many(names, text, values, limits=limits)
    asking = [
        name
        for name, one in outcomes.items()
        if isinstance(one.error, DeniedError) and one.error.hint is not None and "confirm:" in one.error.hint
    ]
    if asking:
        await asyncio.to_thread(confirm, invocation, f"Run it on {', '.join(asking)}?")
    for name in asking:
        word = environments.get(name).confirmation(text, values)
        outcomes[name] = await environments.outcome(name, text, values, limits=limits, confirm=word)
    return outcomes


def parameter(word: str) -> tuple[str, Any]:
    """A `name=value`; the value is JSON, or text where it is none."""
    name, found, value = word.partition("=")
    if not found or not name:
        raise InputError(f"--param {word!r}: write name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """What one environment answered, as a record."""
    answer, error = outcome.answer, outcome.error
    facts: dict[str, Any] = {"status": outcome.status, "ms": outcome.ms}
    if answer is not None:
        facts |= {
            "engine": answer.engine,
            "version": answer.version,
            "access": answer.access,
            "types": dict(
                zip(unique_names(answer.columns), (one.type for one in answer.columns), strict=True)
            ),
            "rows": shown_rows(answer.columns, answer.rows),
            "truncated": answer.truncated,
            "affected_rows": answer.affected,
        }
    if error is not None:
        facts["error"] = {"code": error.code, "message": error.message}
    return facts


def show(invocation: Invocation, outcomes: Mapping[str, Outcome]) -> None:
    """One table for each environment, and what is to be said about it on standard error."""
    out = invocation.out
    for name, outcome in outcomes.items():
        answer = outcome.answer
        if len(outcomes) > 1:
            out.styled(f"{name}: {outcome.status}", "bold")
        if answer is None:
            error = outcome.error
            out.note(f"{error.message if error is not None else outcome.status}")
            continue
        if answer.columns:
            cells = [
                [
                    cell if isinstance(cell, str | int | float | bool | None) else json.dumps(cell)
                    for cell in row
                ]
                for row in shown_lists(answer.columns, answer.rows)
            ]
            out.table([column.name for column in answer.columns], cells)
        count, what = (len(answer.rows), "") if answer.affected is None else (answer.affected, " changed")
        counted = f"{count} row{'' if count == 1 else 's'}{what}"
        more = ", and there are more" if answer.truncated else ""
        out.note(f"{name}: {counted}{more}; {answer.engine} {answer.version}, {answer.ms:.0f} ms")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    json_argument(parser)


def _test_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="environments to try (default: all)")
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def _query_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sql", metavar="SQL", help="one statement, or - to read it from standard input")
    parser.add_argument("--env", action="append", metavar="NAME", help="run it there; may be repeated")
    parser.add_argument("--all", action="store_true", help="run it on every environment")
    parser.add_argument(
        "--param", action="append", metavar="NAME=VALUE", help="the value of :NAME, as JSON or text"
    )
    parser.add_argument(
        "--max-rows", type=_count, default=1000, metavar="N", help="rows at most (default 1000)"
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="SECONDS", help="per environment (default 30)"
    )
    parser.add_argument(
        "--yes", "-y", dest="command_line.assume_yes", action="store_true", default=argparse.SUPPRESS,
        help="confirm what a policy asks to be confirmed",
    )  # fmt: skip
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("must be a number from 1 to 1000000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds


LIST = Command(
    description="List the SQL environments in their order, without connecting. Passwords are never shown.",
    examples=(("env list", "a table"), ("env list --json", "for programs")),
    arguments=_list_arguments,
    run=_run_list,
)
TEST = Command(
    description="Connect to environments at the same time, step by step: resolve the name, connect, log in, "
    "query. The exit code is that of the worst: 4 if one cannot be reached, 3 if one refuses the login.",
    examples=(("env test", "all of them"), ("env test staging prod --json", "two, for programs")),
    arguments=_test_arguments,
    run=_run_test,
)
QUERY = Command(
    description="Run one statement on one environment, several or all, each under its own policy. Values are "
    "bound: write :name in the statement and --param name=value. Exit code 5 if one refuses it.",
    examples=(
        ('env query "SELECT count(*) AS n FROM users" --all', "what each environment answers"),
        ('env query "SELECT * FROM users WHERE id = :id" --env staging --param id=7', "one, with a value"),
    ),
    arguments=_query_arguments,
    run=_run_query,
)
