"""`health`: one JSON document and an exit code, for health checks of containers."""

from __future__ import annotations

import argparse
from typing import Any

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.db_show import PROBE_EXITS, load, probe
from mcp_arangodb_async.cli.options import add_config_file, add_env_file
from mcp_arangodb_async.sessions import resolve_database


def _run(invocation: Invocation) -> int:
    settings = load(invocation)
    key = resolve_database(invocation.option("database"), None, settings).key
    (health,) = probe(settings, [key])
    document: dict[str, Any] = {
        "ok": health.is_up,
        "status": "healthy" if health.is_up else "unhealthy",
        "key": key,
        "url": health.address,
        "database": health.database,
        "username": settings.databases[key].username,
    }
    if health.is_up:
        document |= {"info": {"version": health.version}, "latency_ms": health.latency_ms}
    else:
        document |= {"error": health.error, "code": health.error_code or health.status}
    invocation.out.json(document)
    return PROBE_EXITS[health.status]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database", "-d", metavar="KEY", help="the configured database (default: the one calls use)"
    )
    add_config_file(parser)
    add_env_file(parser)
    parser.add_argument("--json", action="store_true", help="accepted: the answer is always JSON")


HEALTH = Command(
    description="Ask the database that calls use by default whether it answers, and print one JSON document "
    "on standard output whatever the answer. It takes at most the connect deadline.",
    examples=(
        ("health", "exit code 0, 3 for a refused login, 4 for a server that is not there"),
        ("health --database staging", "another one"),
    ),
    arguments=_arguments,
    run=_run,
)
