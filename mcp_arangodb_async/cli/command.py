"""What a command is, and what it receives when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_arangodb_async.cli.output import Output


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One run of a command: the parsed arguments, where it runs, and where it prints."""

    arguments: Mapping[str, Any]
    environment: Mapping[str, str]
    cwd: Path
    out: Output

    def option(self, name: str, default: Any = None) -> Any:
        """An argument, or the default if it was not given."""
        return self.arguments.get(name, default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command's text, arguments and function; the function returns the exit code.

    `examples` are pairs of a command line without the program's name, and what it does.
    """

    description: str
    examples: tuple[tuple[str, str], ...]
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Invocation], int]


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """For commands that take none."""


def json_argument(parser: argparse.ArgumentParser) -> None:
    """`--json`, for every command that prints data."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")
