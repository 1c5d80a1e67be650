"""Asking before something is changed."""

from __future__ import annotations

import sys

from mcp_arangodb_async.cli.command import Invocation
from mcp_arangodb_async.cli.options import given
from mcp_arangodb_async.config.load import load_command_line
from mcp_arangodb_async.config.model import CommandLineSettings
from mcp_arangodb_async.config.option import options_of
from mcp_arangodb_async.errors import CancelledCallError


def confirm(invocation: Invocation, question: str) -> None:
    """Ask, unless --yes or its variable answers; raises CancelledCallError for anything but yes.

    Without a terminal there may be nobody: an end of input raises EOFError.
    """
    flags = given(invocation.arguments, options_of(CommandLineSettings, "command_line."))
    if load_command_line(flags, invocation.environment).assume_yes:
        return
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    if answer.strip().lower() not in {"y", "yes"}:
        raise CancelledCallError("nothing was changed")
