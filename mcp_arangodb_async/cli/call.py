"""`call`: one tool, run by a person with the configured databases, without a client."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

import orjson

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.options import add_config_file, add_env_file, add_options
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.config.model import CommandLineSettings, Settings
from mcp_arangodb_async.config.option import options_of
from mcp_arangodb_async.errors import InputError
from mcp_arangodb_async.server.app import open_app
from mcp_arangodb_async.server.passage import Incoming

DONE, FAILED = 0, 1


def _run(invocation: Invocation) -> int:
    settings = load(invocation)
    arguments = parsed(invocation.option("arguments") or "{}")
    answer = asyncio.run(called(settings, invocation, arguments))
    for block in answer["content"]:
        if invocation.out.as_json:
            invocation.out.json(orjson.loads(block["text"]))
        else:
            invocation.out.line(block["text"])
    return FAILED if answer.get("isError") else DONE


def parsed(text: str) -> dict[str, Any]:
    """The arguments of the tool; `-` reads them from standard input. Raises InputError."""
    try:
        given: Any = orjson.loads(sys.stdin.buffer.read() if text == "-" else text)
    except ValueError as error:
        raise InputError(f"the arguments are not JSON: {error}", field="arguments") from error
    if not isinstance(given, dict):
        raise InputError('the arguments are a JSON object, such as {"query": "RETURN 1"}', field="arguments")
    return given  # pyright: ignore[reportUnknownVariableType] - JSON


async def called(settings: Settings, invocation: Invocation, arguments: dict[str, Any]) -> dict[str, Any]:
    """The tool's answer, as a client would get it; a person is asked before anything is destroyed."""
    name: str = invocation.option("tool")
    async with open_app(settings) as app:
        tool = app.tools.get(name)
        if tool is not None and tool.effect.access == "admin" and not arguments.get("dry_run"):
            where = arguments.get("database") or "the default database"
            confirm(invocation, f"{tool.title} in {where}: {name} {orjson.dumps(arguments).decode()}?")
        return await app.dispatcher.answer(
            Incoming(name=name, arguments=arguments, transport="stdio", era="stateless", confirmed=True)
        )


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tool", metavar="TOOL", help="the tool's name, such as arango_query")
    parser.add_argument(
        "arguments", metavar="JSON", nargs="?", help="its arguments as a JSON object; - reads standard input"
    )
    add_config_file(parser)
    add_env_file(parser)
    add_options(parser, options_of(CommandLineSettings, "command_line."))
    json_argument(parser)


CALL = Command(
    description="Run one tool with the configured databases and print its answer, as a client would get it. "
    "Before something is destroyed you are asked.",
    examples=(
        ('call arango_query \'{"query": "RETURN 1"}\'', "on the database that calls use"),
        ('call arango_drop_collection \'{"collection": "old", "database": "shop"}\'', "asks first"),
    ),
    arguments=_arguments,
    run=_run,
)
