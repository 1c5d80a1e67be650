"""SQL environments in `db add|update|remove`: which options mean what there, and how the file is edited."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from mcp_arangodb_async.cli.options import checked, option_help
from mcp_arangodb_async.config.environment_entry import EnvironmentConfig
from mcp_arangodb_async.config.model import DatabaseConfig
from mcp_arangodb_async.config.option import OptionField, options_of
from mcp_arangodb_async.config.sql_address import SCHEMES, parse_sql_url

PREFIX = "environment."
# Options of a database whose flags an environment has too: its name there.
SHARED: Mapping[str, str] = {
    "url": "url",
    "database": "database",
    "username": "user",
    "password_env": "password_env",
    "access": "access",
    "description": "description",
    "pool.max_connections": "pool.max_connections",
    "pool.idle_timeout": "pool.idle_timeout",
    "tls.ca_file": "tls.ca_file",
}


def add_environment_options(parser: argparse.ArgumentParser) -> None:
    """The options that only environments have, in a group of their own."""
    group = parser.add_argument_group(
        "SQL environments", "With --kind, or a URL of an SQL database, the entry is one of `environments:`."
    )
    for option in own_options():
        shared: dict[str, Any] = {
            "dest": PREFIX + option.path,
            "default": argparse.SUPPRESS,
            "help": option_help(option, variables=False),
        }
        if option.type is bool:
            group.add_argument(*option.option.flags, action=argparse.BooleanOptionalAction, **shared)
        else:
            words = choices_of(option)
            metavar = option.option.metavar or (f"{{{','.join(words)}}}" if words else None)
            # A path is written as it was typed: it is relative to the file.
            read = str if option.path == "path" else checked(option)
            group.add_argument(*option.option.flags, type=read, metavar=metavar, **shared)


def choices_of(option: OptionField) -> tuple[str, ...]:
    """The possible words of an option that may be left out."""
    inner = [hint for hint in get_args(option.type) if hint is not type(None)]
    words = get_args(inner[0]) if len(inner) == 1 else ()
    return option.choices or tuple(word for word in words if isinstance(word, str))


def own_options() -> Iterator[OptionField]:
    """The options of an environment whose flags no option of a database has."""
    taken = {flag for option in options_of(DatabaseConfig) for flag in option.option.flags}
    for option in options_of(EnvironmentConfig):
        if option.option.flags and not taken & set(option.option.flags):
            yield option


def url_text(option: OptionField) -> Any:
    """A reader of `--url` that takes addresses of both sections."""
    database = checked(option)

    def read(text: str) -> object:
        if text.partition("://")[0].partition("+")[0] not in SCHEMES:
            return database(text)
        try:
            parse_sql_url(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return read


def means_environment(arguments: Mapping[str, Any]) -> bool:
    """Whether the options describe an SQL environment."""
    url = arguments.get("url")
    return PREFIX + "kind" in arguments or isinstance(url, str)


def environment_values(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, by their paths in an entry of `environments:`."""
    found: dict[str, Any] = {}
    for theirs, ours in SHARED.items():
        if theirs in arguments:
            found[ours] = arguments[theirs]
    for option in own_options():
        if PREFIX + option.path in arguments:
            value = arguments[PREFIX + option.path]
            found[option.path] = list(value) if isinstance(value, tuple | list) else value  # pyright: ignore[reportUnknownArgumentType]
    return {
        option.path: found[option.path] for option in options_of(EnvironmentConfig) if option.path in found
    }
