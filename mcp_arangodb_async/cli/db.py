"""`db add|remove|update`: edit the configuration file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.db_environment import (
    add_environment_options,
    environment_values,
    means_environment,
    url_text,
)
from mcp_arangodb_async.cli.options import add_change, add_config_file, add_options, given, option_help
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.config import environment_files, files
from mcp_arangodb_async.config.load import IN_WORKING_DIRECTORY, ConfigFileLoader, read_content
from mcp_arangodb_async.config.model import DatabaseConfig
from mcp_arangodb_async.config.option import options_of
from mcp_arangodb_async.errors import ConfigError, InputError

# What `db add` of 0.5.4 did: it made a real database on a server.
_OLD_FLAGS = ("--with-user", "--permission", "--perm", "--arango-root-password-env", "--root-pw-env", "-R")


def _key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="the name by which callers choose this database")


def _file(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    add_change(parser)
    json_argument(parser)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    _key(parser)
    _options(parser)
    parser.add_argument("--default", action="store_true", help="make it the default as well")
    parser.add_argument(*_OLD_FLAGS, dest="old", metavar="...", help=argparse.SUPPRESS)
    _file(parser)


def _update_arguments(parser: argparse.ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("--key", "-k", dest="new_key", metavar="NEW", help="rename it; it keeps its position")
    _options(parser)
    parser.add_argument("--default", action="store_true", help="make it the default as well")
    _file(parser)


def _options(parser: argparse.ArgumentParser) -> None:
    """The options of a database, and those of an SQL environment."""
    url, *others = options_of(DatabaseConfig)
    parser.add_argument(
        *url.option.flags,
        dest="url",
        type=url_text(url),
        default=argparse.SUPPRESS,
        metavar="URL",
        help=option_help(url, variables=False),
    )
    add_options(parser, others, variables=False)
    add_environment_options(parser)


def _remove_arguments(parser: argparse.ArgumentParser) -> None:
    _key(parser)
    _file(parser)


def _run_add(invocation: Invocation) -> int:
    if invocation.option("old") is not None:
        raise InputError(
            "`db add` adds an entry to the configuration; it does not create a database on a server",
            hint="as `db config add` of 0.5.4 did",
        )
    key, default = invocation.option("key"), bool(invocation.option("default"))
    if means_environment(invocation.arguments):
        entry = _nested(environment_values(invocation.arguments))
        return _edit(
            invocation,
            lambda text: environment_files.add_environment(text, key, entry, default=default),
            key=key,
            done="ADD",
            section=environment_files.SECTION,
        )
    values = _values(invocation)
    if "url" not in values:
        raise InputError(
            "--url is missing: where is the server?", hint="for example --url http://localhost:8529"
        )
    return _edit(
        invocation,
        lambda text: files.add_database(text, key, _nested(values), default=default),
        key=key,
        done="ADD",
    )


def _run_remove(invocation: Invocation) -> int:
    key = invocation.option("key")
    if _is_environment(invocation, key):
        return _edit(
            invocation,
            lambda text: environment_files.remove_environment(text, key),
            key=key,
            done="REMOVE",
            section=environment_files.SECTION,
        )
    return _edit(invocation, lambda text: files.remove_database(text, key), key=key, done="REMOVE")


def _run_update(invocation: Invocation) -> int:
    key, new_key = invocation.option("key"), invocation.option("new_key")
    is_environment = _is_environment(invocation, key)
    values = environment_values(invocation.arguments) if is_environment else _values(invocation)
    if values.get("description") == "":  # as in 0.5.4: an empty description takes it out
        values["description"] = None
    default = bool(invocation.option("default"))
    if not values and not new_key and not default:
        raise InputError("nothing to change was given", hint="`maa db update --help` lists what can be")
    if is_environment:
        return _edit(
            invocation,
            lambda text: environment_files.update_environment(
                text, key, values, new_name=new_key, default=default
            ),
            key=new_key or key,
            done="UPDATE",
            section=environment_files.SECTION,
        )
    return _edit(
        invocation,
        lambda text: files.update_database(text, key, values, new_key=new_key, default=default),
        key=new_key or key,
        done="UPDATE",
    )


def _is_environment(invocation: Invocation, key: str) -> bool:
    """Whether the key names an SQL environment and no database."""
    loader = ConfigFileLoader(environ=invocation.environment, cwd=invocation.cwd)
    path = _target(loader, invocation.option("config_file"))
    if not path.is_file() or path.suffix.lower() == ".toml":
        return False
    text = read_content(path).decode("utf-8-sig", errors="replace")
    return key in environment_files.environments_in(text) and key not in files.keys_in(text)


def _values(invocation: Invocation) -> dict[str, Any]:
    values = given(invocation.arguments, options_of(DatabaseConfig))
    url = values.get("url")
    if url is not None:
        values["url"] = url[0] if len(url) == 1 else list(url)
    return values


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """`pool.max_connections` as an entry of `pool`."""
    nested: dict[str, Any] = {}
    for path, value in values.items():
        section, _, name = path.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return nested


def _edit(
    invocation: Invocation,
    change: Callable[[str], str],
    *,
    key: str,
    done: str,
    section: str = "databases",
) -> int:
    """Show the change, ask, make it; the question is asked without holding the file's lock."""
    loader = ConfigFileLoader(environ=invocation.environment, cwd=invocation.cwd)
    path = _target(loader, invocation.option("config_file"))
    touches = (section, key)
    planned = files.edit_file(loader, path, change, touches=touches, dry_run=True)
    if planned.after == planned.before:
        raise ConfigError(f"nothing to change: {key!r} is like that already")
    dry_run = bool(invocation.option("dry_run"))
    invocation.out.line(planned.diff)
    past = {"ADD": "ADDED", "REMOVE": "REMOVED", "UPDATE": "UPDATED"}[done]
    if not dry_run:
        confirm(invocation, f"Change {path} like this?")
        planned = files.edit_file(loader, path, change, touches=touches)
    noun = "database" if section == "databases" else "environment"
    invocation.out.line(f"[{past}{' - DRY-RUN' if dry_run else ''}] {noun} {key!r} in {path}")
    for problem in planned.problems:
        invocation.out.note(f"not valid elsewhere: {problem}")
    if invocation.out.as_json:
        invocation.out.json(
            {"action": past.lower(), "key": key, "file": str(path), "dry_run": dry_run, "diff": planned.diff}
        )
    return 0


def _target(loader: ConfigFileLoader, named: str | None) -> Path:
    """The file that is edited: the one that was named, new or not, the one in use, or the usual one."""
    candidates = loader.candidates(named)
    if len(candidates) == 1:
        return candidates[0]
    return loader.find() or loader.cwd / IN_WORKING_DIRECTORY


ADD = Command(
    description="Add a database, or an SQL environment, to the configuration file, which is created if there "
    "is none. The password "
    "stays in an environment variable; the file holds that variable's name. Comments, order and everything "
    "else in the file stay as they are.",
    examples=(
        ("db add production --url https://arango.example.com:8529 --database shop --password-env SHOP_PW",
         "a database on a server"),
        ("db add scratch --url embedded::memory: --default", "an engine in memory, used by default"),
        ("db add staging --kind postgresql --host db --user app --database shop --password-env SHOP_PW",
         "an SQL environment"),
        ("db add prod -u http://db:8529 -d shop -U root -P DB_PASSWORD --yes", "as in 0.5.4, asking nothing"),
    ),
    arguments=_add_arguments,
    run=_run_add,
)  # fmt: skip

REMOVE = Command(
    description="Take a database out of the configuration file. Nothing is deleted on its server. A "
    "default_database that names it goes with it.",
    examples=(
        ("db remove scratch", "shows the change and asks"),
        ("db remove scratch --dry-run", "shows the change only"),
    ),
    arguments=_remove_arguments,
    run=_run_remove,
)

UPDATE = Command(
    description="Change a configured database where it stands in the file. Options that are not given stay "
    "as they are.",
    examples=(
        ("db update production --timeout 60 --access read", "change two options"),
        ("db update production --key live", "rename it; a default_database follows"),
        ('db update production --description ""', "take the description out"),
    ),
    arguments=_update_arguments,
    run=_run_update,
)
