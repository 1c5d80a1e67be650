"""`db list|test|status`: look at the configured databases, and try them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from typing import Any

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.options import add_config_file, add_env_file
from mcp_arangodb_async.config.environment import read_env_file
from mcp_arangodb_async.config.files import unknown_key
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Settings
from mcp_arangodb_async.config.secret import IN_FILE, IN_URL, Secret
from mcp_arangodb_async.connections.health import Health
from mcp_arangodb_async.connections.manager import MultiDatabaseConnectionManager
from mcp_arangodb_async.sessions import explain_resolution

# Status of a probe -> exit code; the worst of several counts.
PROBE_EXITS: Mapping[str, int] = {
    "up": 0,
    "missing": 1,
    "error": 1,
    "unauthorized": 3,
    "timeout": 4,
    "down": 4,
}
LEVELS: Mapping[str, str] = {
    "argument": "the call's database argument",
    "focus": "the session's focused database",
    "default_database": "default_database in the file",
    "environment": "MCP_DEFAULT_DATABASE",
    "first_configured": "the first configured",
    "built_in": "built in",
}


def load(invocation: Invocation) -> Settings:
    """The settings for these arguments; warnings go to standard error."""
    environ = invocation.environment
    if invocation.option("env_file"):
        environ = read_env_file(invocation.cwd / invocation.option("env_file"))
    settings = load_settings(
        environ=environ, cwd=invocation.cwd, config_file=invocation.option("config_file")
    )
    for reveal in settings.secrets:
        invocation.out.redactor.register(reveal)
    for warning in settings.warnings:
        invocation.out.note(f"warning: {warning}")
    return settings


def credentials(database: DatabaseSettings) -> str:
    """Where the password comes from, and whether it is there; never the password."""
    secret = database.token if database.auth == "token" else database.password
    return "none" if isinstance(database.server, EmbeddedServer) else secret_source(secret)


def secret_source(secret: Secret) -> str:
    """Where a secret comes from, and whether it is there; never the secret."""
    if secret.variable is None:
        return "none"
    if secret.variable in {IN_URL, IN_FILE}:
        return f"in {secret.variable}"
    return f"{secret.variable} ({'set' if secret.is_set else 'not set'})"


def record(database: DatabaseSettings, settings: Settings) -> dict[str, Any]:
    """A configured database as it may be shown."""
    return {
        "key": database.key,
        "url": database.url,
        "endpoints": list(database.server.urls),
        "database": database.database,
        "username": None if isinstance(database.server, EmbeddedServer) else database.username,
        "credentials": credentials(database),
        "access": database.access,
        "timeout": database.timeout,
        "is_default": database.key == settings.default_database,
        "description": database.description,
    }


def _run_list(invocation: Invocation) -> int:
    settings = load(invocation)
    records = [record(database, settings) for database in settings.databases.values()]
    if invocation.out.as_json:
        source = {"kind": settings.source.kind, "path": settings.source.path}
        invocation.out.json(
            {"source": source, "default_database": settings.default_database, "databases": records}
        )
        return 0
    if records:
        columns = {"key": "KEY", "url": "URL", "database": "DATABASE", "username": "USER"}
        columns |= {"credentials": "PASSWORD", "access": "ACCESS", "is_default": "DEFAULT"}
        if any(row["description"] for row in records):
            columns["description"] = "DESCRIPTION"
        invocation.out.records(columns, records)
    invocation.out.note(f"{len(records)} configured by {settings.source}")
    return 0


def _run_test(invocation: Invocation) -> int:
    settings = load(invocation)
    key = invocation.option("key")
    if key not in settings.databases:
        raise unknown_key(key, list(settings.databases))
    (health,) = probe(settings, [key])
    if invocation.out.as_json:
        invocation.out.json(facts(health))
    elif health.is_up:
        invocation.out.line(
            f"{key}: up, version {health.version}, {health.latency_ms:.0f} ms, "
            f"database {health.database} at {health.address}"
        )
    else:
        invocation.out.line(f"{key}: {health.status}: {health.error}")
        if health.status == "unauthorized":
            invocation.out.note(f"hint: the password comes from {credentials(settings.databases[key])}")
    return PROBE_EXITS[health.status]


def _run_status(invocation: Invocation) -> int:
    settings = load(invocation)
    healths = probe(settings, list(settings.databases))
    levels = explain_resolution(None, None, settings)
    if invocation.out.as_json:
        invocation.out.json(
            {
                "source": {"kind": settings.source.kind, "path": settings.source.path},
                "databases": [facts(health) for health in healths],
                "resolution": [
                    {"level": level.level, "source": level.source, "key": level.key, "status": level.status}
                    for level in levels
                ],
            }
        )
    else:
        columns = {"key": "KEY", "status": "STATUS", "version": "VERSION", "latency_ms": "MS"}
        columns |= {"address": "ADDRESS", "database": "DATABASE", "error": "ERROR"}
        if not any(health.error for health in healths):
            del columns["error"]
        if healths:
            invocation.out.records(columns, [facts(health) for health in healths])
        invocation.out.line()
        invocation.out.line("Which database a call uses, the first that names one:")
        rows = [(level.level, LEVELS[level.source], level.key, level.status) for level in levels]
        invocation.out.table(("LEVEL", "SAID BY", "KEY", "STATUS"), rows)
        invocation.out.note(f"configured by {settings.source}")
    return max((PROBE_EXITS[health.status] for health in healths), default=0)


def probe(settings: Settings, keys: list[str]) -> tuple[Health, ...]:
    """The health of these databases, asked at the same time."""

    async def ask() -> tuple[Health, ...]:
        deadline = settings.limits.connect_deadline
        async with MultiDatabaseConnectionManager(settings.databases, connect_timeout=deadline) as manager:
            return await manager.probe_all(keys)

    return asyncio.run(ask())


def facts(health: Health) -> dict[str, Any]:
    """A probe's result as a record."""
    found: dict[str, Any] = {
        "key": health.key,
        "status": health.status,
        "version": health.version,
        "latency_ms": None if health.latency_ms is None else round(health.latency_ms, 1),
        "engine": health.engine,
        "address": health.address,
        "database": health.database,
    }
    return found | ({"error": health.error, "code": health.error_code} if health.error else {})


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    json_argument(parser)


def _test_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="the configured database to try")
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


LIST = Command(
    description="List the configured databases in their order, without connecting. Passwords are never "
    "shown, only the variables they come from.",
    examples=(("db list", "a table"), ("db list --json", "for programs")),
    arguments=_list_arguments,
    run=_run_list,
)
TEST = Command(
    description="Connect to one configured database and print its version and how long it took. The exit "
    "code tells a refused login (3) from a server that is not there (4).",
    examples=(
        ("db test production", "is it there, and does the password fit"),
        ("db test production --env-file prod.env", "with the password from a file"),
    ),
    arguments=_test_arguments,
    run=_run_test,
)
STATUS = Command(
    description="Try every configured database at the same time, and explain which one a call uses that "
    "names none. The exit code is that of the worst: 4 if one cannot be reached, 3 if one refuses the login.",
    examples=(("db status", "a table and the six levels"), ("db status --json", "for monitoring")),
    arguments=_status_arguments,
    run=_run_status,
)
