"""`compare`: the differences between two configured databases."""

from __future__ import annotations

import argparse
from typing import Any

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.data import Data, Meter
from mcp_arangodb_async.cli.options import add_config_file, add_env_file
from mcp_arangodb_async.operations.compare import Compared, CompareOptions, compare

DIFFERENT = 10
KINDS = ("collections", "graphs", "views", "analyzers")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a configured database")
    parser.add_argument("target", metavar="TARGET", help="another one: what it has in addition is `added`")
    parser.add_argument(
        "--collection", action="append", metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--counts", action=argparse.BooleanOptionalAction, default=True, help="compare counts (default yes)"
    )
    parser.add_argument("--documents", action="store_true", help="compare the documents too, by their keys")
    parser.add_argument("--detailed", action="store_true", help="show the values that differ")
    parser.add_argument("--no-progress", action="store_true", help="show no progress on standard error")
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def _run(invocation: Invocation) -> int:
    data, meter = Data.of(invocation), Meter.of(invocation)
    keys = data.check(invocation.option("source")), data.check(invocation.option("target"))
    options = CompareOptions(
        collections=invocation.option("collection"),
        counts=invocation.option("counts"),
        documents=invocation.option("documents"),
        detailed=invocation.option("detailed"),
    )
    try:
        result = data.run_both(*keys, lambda one, other: compare(one, other, options, progress=meter))
    finally:
        meter.end()
    if invocation.out.as_json:
        invocation.out.json(result)
    else:
        _show(invocation, result)
    return 0 if result["identical"] else DIFFERENT


def _show(invocation: Invocation, result: Compared) -> None:
    rows: list[tuple[str, str, str, str]] = []
    facts: dict[str, Any] = dict(result)
    for kind in KINDS:
        for word in ("added", "removed"):
            rows += [(word, kind, name, "") for name in facts[kind][word]]
        for one in facts[kind]["changed"]:
            rows += [("changed", kind, one["name"], _change(change)) for change in one["changes"]]
    for one in facts["documents"] or ():
        for word in ("added", "removed", "changed"):
            rows += [(word, "documents", one["collection"], f"{one[word]} documents")] if one[word] else []
    if rows:
        invocation.out.table(("CHANGE", "WHAT", "NAME", "WHERE"), rows)
    invocation.out.note("identical" if result["identical"] else f"{result['differences']} differences")


def _change(change: dict[str, Any]) -> str:
    if "source" not in change:
        return str(change["path"])
    return f"{change['path']}: {change['source']!r} -> {change['target']!r}"


COMPARE = Command(
    description="Compare two configured databases: collections with their properties, indexes and counts, "
    "graphs, views, analyzers, and with --documents every document. The exit code is 10 if they differ.",
    examples=(
        ("compare staging production", "what production has that staging has not, and the reverse"),
        ("compare staging production --collection users --documents --detailed", "document by document"),
    ),
    arguments=_arguments,
    run=_run,
)
