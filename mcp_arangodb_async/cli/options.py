"""Options of `config` become arguments of commands, so that each is described once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mcp_arangodb_async.config.check import problems_of
from mcp_arangodb_async.config.model import CommandLineSettings
from mcp_arangodb_async.config.option import OptionField, options_of

FILE_FLAGS = ("--config-file", "--config-path", "--cfgf", "--cfgp", "-C")
ENV_FILE_FLAGS = ("--env-file", "--environment-file", "--envf", "-E")


def add_options(
    parser: argparse.ArgumentParser, options: Iterable[OptionField], *, variables: bool = True
) -> None:
    """An argument for each option that has flags; what is not given is not in the result.

    `variables` names them in the help texts: not where a command writes a file that has no use for them.
    """
    for option in options:
        if not option.option.flags:
            continue
        shared: dict[str, Any] = {
            "dest": option.path,
            "default": argparse.SUPPRESS,
            "help": option_help(option, variables=variables),
        }
        if option.type is bool:
            parser.add_argument(*option.option.flags, action=argparse.BooleanOptionalAction, **shared)
        else:
            metavar = option.option.metavar or (f"{{{','.join(option.choices)}}}" if option.choices else None)
            parser.add_argument(*option.option.flags, type=checked(option), metavar=metavar, **shared)


def option_help(option: OptionField, *, variables: bool = True) -> str:
    """The help text with default and variable, safe for argparse's formatting."""
    facts: list[str] = []
    if option.default not in (None, (), False):
        facts.append(f"default {'yes' if option.default is True else option.default}")
    if variables and option.option.variables:
        facts.append(f"variable {option.option.variables[0]}")
    text = option.option.help + (f" ({'; '.join(facts)})" if facts else "")
    return text.replace("%", "%%")


def checked(option: OptionField) -> Callable[[str], object]:
    """A function for argparse that reads a flag's text, and says what is possible when it is wrong."""

    def read(text: str) -> object:
        value = option.option.parse(text) if option.option.parse else text
        try:
            return TypeAdapter[Any](option.annotation).validate_python(value)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(problems_of(error)[0][1]) from None

    return read


def add_config_file(parser: argparse.ArgumentParser) -> None:
    """`--config-file` in every spelling it ever had."""
    parser.add_argument(
        *FILE_FLAGS,
        dest="config_file",
        metavar="FILE",
        help="configuration file (default: $ARANGO_DATABASES_CONFIG_FILE, config/databases.yaml, "
        "then databases.yaml in the user's configuration directory)",
    )


def add_env_file(parser: argparse.ArgumentParser) -> None:
    """`--env-file` in every spelling it ever had."""
    parser.add_argument(
        *ENV_FILE_FLAGS, dest="env_file", metavar="FILE", help="take variables from this file first"
    )


def add_change(parser: argparse.ArgumentParser) -> None:
    """What every command that changes something has: show it only, and do not ask."""
    parser.add_argument("--dry-run", action="store_true", help="show the change and make none")
    for option in options_of(CommandLineSettings, "command_line."):
        if option.option.flags:
            parser.add_argument(
                *option.option.flags,
                dest=option.path,
                action="store_true",
                default=argparse.SUPPRESS,
                help=option_help(option),
            )


def given(arguments: Mapping[str, Any], options: Iterable[OptionField]) -> dict[str, Any]:
    """The options that stood on the command line, by their paths."""
    return {option.path: arguments[option.path] for option in options if option.path in arguments}
