"""`config show|validate|path|schema`: what is configured, by whom, and is it right."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument, no_arguments
from mcp_arangodb_async.cli.db_show import credentials, load, secret_source
from mcp_arangodb_async.cli.options import add_config_file
from mcp_arangodb_async.config.environment_entry import ONLY_FOR, EnvironmentConfig, StatementKind
from mcp_arangodb_async.config.environments import EnvironmentSettings
from mcp_arangodb_async.config.load import ConfigFileLoader, dangling_default
from mcp_arangodb_async.config.model import SECTIONS, DatabaseSettings, Origin, Settings, TokenHash
from mcp_arangodb_async.config.option import options_of
from mcp_arangodb_async.config.schema import file_schema
from mcp_arangodb_async.errors import ConfigError

_DATABASE_OPTIONS = ("url", "database", "username", "auth", "timeout", "description", "access")


def options(settings: Settings) -> list[dict[str, Any]]:
    """Every option with its value and origin; secrets only by the name of their variable."""
    rows: list[dict[str, Any]] = []

    def add(path: str, value: Any) -> None:
        origin = settings.origins.get(path, Origin(kind="default"))
        rows.append({"option": path, "value": value, "origin": str(origin)})

    add("default_database", settings.default_database)
    if settings.env_default is not None:
        add("env_default", settings.env_default)
    for name, section in SECTIONS.items():
        for option in options_of(section, f"{name}."):
            value = getattr(getattr(settings, name), option.path.removeprefix(f"{name}."))
            add(option.path, _shown(value))
    for key, database in settings.databases.items():
        for path, value in _database_values(database):
            add(f"databases.{key}.{path}", value)
    if settings.environments:
        add("default_environment", settings.default_environment)
    for name, environment in settings.environments.items():
        for path, value in environment_values(environment):
            add(f"environments.{name}.{path}", value)
    return rows


def environment_values(environment: EnvironmentSettings) -> list[tuple[str, Any]]:
    """Every option of an environment that its kind has; the password only by its variable's name."""
    values: list[tuple[str, Any]] = []
    for option in options_of(EnvironmentConfig):
        name, _, inner = option.path.partition(".")
        if environment.kind not in ONLY_FOR.get(name, (environment.kind,)) or name == "url":
            continue
        if name == "password_env":
            values.append((name, secret_source(environment.password)))
        elif name == "policy" and inner in {"read", "dml", "ddl", "admin"}:
            values.append((option.path, environment.policy.rules.get(cast("StatementKind", inner))))
        else:
            value = getattr(environment, name)
            values.append((option.path, _shown(getattr(value, inner) if inner else value)))
    return values


def _database_values(database: DatabaseSettings) -> list[tuple[str, Any]]:
    values: list[tuple[str, Any]] = []
    for name in _DATABASE_OPTIONS:
        if name == "url":
            urls = database.server.urls
            values.append((name, urls[0] if len(urls) == 1 else list(urls)))
        else:
            values.append((name, getattr(database, name)))
    secret = "token_env" if database.auth == "token" else "password_env"
    values.append((secret, credentials(database)))
    values += [(f"pool.{name}", getattr(database.pool, name)) for name in ("max_connections", "idle_timeout")]
    values += [(f"tls.{name}", getattr(database.tls, name)) for name in ("verify", "ca_file")]
    return values


def _shown(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return [item.principal if isinstance(item, TokenHash) else item for item in items]
    return value


def _run_show(invocation: Invocation) -> int:
    settings = load(invocation)
    rows = options(settings)
    if invocation.out.as_json:
        invocation.out.json({"source": str(settings.source), "options": rows})
        return 0
    invocation.out.records({"option": "OPTION", "value": "VALUE", "origin": "ORIGIN"}, rows)
    invocation.out.note(f"databases configured by {settings.source}")
    return 0


def _run_validate(invocation: Invocation) -> int:
    loader = ConfigFileLoader(environ=invocation.environment, cwd=invocation.cwd)
    path = loader.find(invocation.option("file") or invocation.option("config_file"))
    if path is None:
        raise _no_file(loader)
    loaded = loader.load(path)
    config = loaded.config
    problem = dangling_default(config.default_database, list(config.databases))
    if problem:
        line = f"{path}:{loaded.tree.line(('default_database',))}: {problem}"
        raise ConfigError(f"1 problem in the configuration:\n{line}", problems=[line])
    keys, environments = list(config.databases), list(config.environments)
    if invocation.out.as_json:
        found: dict[str, Any] = {"valid": True, "file": str(path), "databases": keys}
        invocation.out.json(found | ({"environments": environments} if environments else {}))
    counted = [_counted("database", keys), *([_counted("environment", environments)] if environments else [])]
    invocation.out.line(f"{path}: valid, {'; '.join(counted)}")
    return 0


def _counted(word: str, names: list[str]) -> str:
    listed = f": {', '.join(names)}" if names else ""
    return f"{len(names)} {word}{'' if len(names) == 1 else 's'}{listed}"


def _run_path(invocation: Invocation) -> int:
    loader = ConfigFileLoader(environ=invocation.environment, cwd=invocation.cwd)
    path = loader.find(invocation.option("config_file"))
    if invocation.out.as_json:
        places = [str(place) for place in loader.candidates(invocation.option("config_file"))]
        invocation.out.json({"file": None if path is None else str(path), "looked_for": places})
        return 0 if path else 1
    if path is None:
        raise _no_file(loader)
    invocation.out.line(str(path))
    return 0


def _no_file(loader: ConfigFileLoader) -> ConfigError:
    places = " and ".join(str(path) for path in loader.candidates())
    return ConfigError(
        f"there is no configuration file; looked for {places}",
        hint="`maa db add KEY --url URL` creates one",
    )


def _run_schema(invocation: Invocation) -> int:
    invocation.out.json(file_schema())
    return 0


def _file_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    json_argument(parser)


def _validate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="the file to check (default: the one in use)")
    _file_arguments(parser)


SHOW = Command(
    description="Print every option with its value and who decided it: the default, a line of the file, a "
    "variable or a flag. Passwords are never shown.",
    examples=(("config show", "a table"), ("config show --json", "for programs")),
    arguments=_file_arguments,
    run=_run_show,
)
VALIDATE = Command(
    description="Check a configuration file and list every problem with its line and key. Exit code 1 if "
    "there is one.",
    examples=(("config validate", "the file in use"), ("config validate new.yaml", "another one")),
    arguments=_validate_arguments,
    run=_run_validate,
)
PATH = Command(
    description="Print the path of the configuration file in use; exit code 1 if there is none.",
    examples=(("config path", "one line"), ("config path --json", "with the places looked for")),
    arguments=_file_arguments,
    run=_run_path,
)
SCHEMA = Command(
    description="Print the JSON Schema of the configuration file, for editors that complete and check YAML.",
    examples=(("config schema > databases.schema.json", "for the YAML extension of your editor"),),
    arguments=no_arguments,
    run=_run_schema,
)
