"""`server`: what an MCP client starts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.long_lived import collect_rarely
from mcp_arangodb_async.cli.options import add_config_file, add_options, given
from mcp_arangodb_async.config.load import load_settings
from mcp_arangodb_async.config.model import SECTIONS, Settings
from mcp_arangodb_async.config.option import OptionField, options_of


def server_options() -> Iterator[OptionField]:
    """Every option that the command line of the server can set."""
    for name, record in SECTIONS.items():
        yield from options_of(record, f"{name}.")


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_config_file(parser)
    add_options(parser, server_options())
    parser.add_argument(
        "--stateless", action="store_true", help="accepted from 0.5.4: every request is stateless"
    )


def _run(invocation: Invocation) -> int:
    def load() -> Settings:
        return load_settings(
            given(invocation.arguments, server_options()),
            environ=invocation.environment,
            cwd=invocation.cwd,
            config_file=invocation.option("config_file"),
        )

    collect_rarely()
    settings = load()
    # Here and not above: help and mistakes in flags answer without loading the SDK.
    from mcp_arangodb_async.server.app import serve

    return serve(settings, load)


SERVER = Command(
    description="Serve MCP clients. Over stdio, which is what desktop clients and editors start, until the "
    "client leaves; over HTTP until a signal.",
    examples=(
        ("server", "stdio, with the configured databases or the embedded engine"),
        ("server --transport http --port 8000", "http://127.0.0.1:8000/mcp"),
        ("server --config-file prod.yaml --read-only", "only read, whatever the file allows"),
        ("server --toolset baseline", "list a small set of tools, for small models"),
    ),
    arguments=_arguments,
    run=_run,
)
