"""`version`: what is installed."""

from __future__ import annotations

import platform
from importlib.metadata import version

from mcp_arangodb_async import __version__
from mcp_arangodb_async.cli.command import Command, Invocation, json_argument

DEPENDENCIES = ("mcp", "python-arango-async", "pydantic")


def _run(invocation: Invocation) -> int:
    versions = {"mcp-arangodb-async": __version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in DEPENDENCIES}
    if invocation.option("json"):
        invocation.out.json(versions)
    for name, number in versions.items():
        invocation.out.line(f"{'Python' if name == 'python' else name} {number}")
    return 0


VERSION = Command(
    description="Print the versions of the program, of Python and of what matters most below them.",
    examples=(("version", "one line each"), ("version --json", "the same for programs")),
    arguments=json_argument,
    run=_run,
)
