"""`env watch`: how SQL environments fare, looked at again and again until ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.data import positive
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.env import with_environments
from mcp_arangodb_async.cli.options import add_config_file, add_env_file
from mcp_arangodb_async.errors import MaaError
from mcp_arangodb_async.sql.environment import Environment
from mcp_arangodb_async.sql.router import Environments

UNREACHABLE = 4
# A trial that takes so long has failed, whatever the interval.
MOST_SECONDS = 5.0
SLOW_SECONDS = 1.0
# Takes a terminal to its upper left corner and clears what is below.
HOME = "\x1b[H\x1b[J"


def _run_watch(invocation: Invocation) -> int:
    settings, option = load(invocation), invocation.option
    interval: float = option("interval")
    count: int | None = option("count")

    async def work(environments: Environments) -> int:
        chosen = [environments.get(name) for name in option("names") or environments.names]
        await asyncio.gather(*(one.start() for one in chosen))
        for number in itertools.count(1):
            started = time.monotonic()
            await asyncio.gather(*(look(one, min(MOST_SECONDS, interval + 1)) for one in chosen))
            show(invocation, [facts_of(one) for one in chosen])
            if number == count:
                break
            await asyncio.sleep(max(0.0, started + interval - time.monotonic()))
        return 0 if all(one.vitals.is_well for one in chosen) else UNREACHABLE

    return with_environments(settings, work)


async def look(environment: Environment, seconds: float) -> None:
    """Ask one environment for a sign of life."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(seconds):
            taken = await environment.sign_of_life(seconds)
    except TimeoutError:
        environment.vitals.tried(seconds, slow=SLOW_SECONDS, error=MaaError(f"no answer in {seconds:g} s"))
    except MaaError as error:
        environment.vitals.tried(time.perf_counter() - started, slow=SLOW_SECONDS, error=error)
    else:
        if taken is not None:
            environment.vitals.tried(taken, slow=SLOW_SECONDS)
            environment.vitals.latencies.current.add(taken)


def facts_of(environment: Environment) -> dict[str, Any]:
    """What the last looks at an environment found."""
    vitals, pool = environment.vitals, environment.pool
    recent = vitals.latencies.recent()
    counters = pool.counters() if pool is not None else None
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "name": environment.name,
        "kind": environment.settings.kind,
        "state": vitals.state,
        "ms": vitals.trial.ms if vitals.trial is not None else None,
        "p50_ms": in_milliseconds(recent.percentile(0.5)),
        "p99_ms": in_milliseconds(recent.percentile(0.99)),
        "trials": vitals.trials,
        "connections": counters.idle + counters.in_use if counters is not None else None,
        "error": vitals.trial.error if vitals.trial is not None else None,
    }


def in_milliseconds(seconds: float | None) -> float | None:
    """The same in milliseconds."""
    return None if seconds is None else round(seconds * 1000, 2)


def show(invocation: Invocation, rows: Sequence[dict[str, Any]]) -> None:
    """A line of JSON for each environment, or one table in the place of the last."""
    out = invocation.out
    if out.as_json:
        out.out.writelines(
            f"{out.redactor.told(json.dumps(row, ensure_ascii=False, default=str))}\n" for row in rows
        )
    else:
        if out.out.isatty():
            out.out.write(HOME)
        columns = {"name": "NAME", "kind": "KIND", "state": "STATE", "ms": "MS", "p50_ms": "P50"}
        columns |= {"p99_ms": "P99", "trials": "TRIALS", "connections": "CONNECTIONS"}
        if any(row["error"] for row in rows):
            columns["error"] = "ERROR"
        out.records(columns, rows)
    out.flush()


def _watch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="environments to watch (default: all)")
    parser.add_argument(
        "--interval", type=_interval, default=2.0, metavar="SECONDS", help="between two looks (default 2)"
    )
    parser.add_argument("--count", type=positive, metavar="N", help="end after so many looks")
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.05 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be a number of seconds from 0.05 to 3600")
    return seconds


WATCH = Command(
    description="Ask environments for a sign of life again and again, over connections that stay open, until "
    "ctrl-C or --count. With --json a line for each environment and look. The exit code is 4 if one does not "
    "answer at the end.",
    examples=(
        ("env watch", "a table that is drawn again every two seconds"),
        ("env watch prod --interval 0.5 --count 20 --json", "twenty lines, for programs"),
    ),
    arguments=_watch_arguments,
    run=_run_watch,
)
