"""`audit verify|show`: is the audit log as it was written, and what stands in it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp_arangodb_async.cli.command import Command, Invocation, json_argument
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.options import add_config_file
from mcp_arangodb_async.errors import ConfigError, InputError
from mcp_arangodb_async.observability.audit import SUFFIX
from mcp_arangodb_async.observability.audit_check import check, lines
from mcp_arangodb_async.observability.audit_record import DamagedError, read_line

COLUMNS = {
    "time": "TIME",
    "who": "WHO",
    "kind": "KIND",
    "tool": "TOOL",
    "database": "DATABASE",
    "decision": "DECISION",
    "outcome": "OUTCOME",
    "rows": "ROWS",
    "ms": "MS",
}
# Filters that compare one member of a record with a word.
FILTERS = ("who", "tenant", "tool", "database", "decision", "outcome", "kind", "session", "request")
DEFAULT_RECORDS = 1000


def _place(invocation: Invocation) -> tuple[Sequence[Path], bytes | None]:
    """The files to read, and the key their records are sealed with."""
    named: Sequence[str] = invocation.option("files") or ()
    key_env = invocation.option("key_env")
    if named and key_env:
        key = invocation.environment.get(key_env, "").encode()
        if not key:
            raise ConfigError(f"the variable {key_env} is not set")
        return [invocation.cwd / name for name in named], key
    settings = load(invocation)
    key = settings.secret(key_env or settings.audit.key_env).reveal().encode() or None
    if key is None and (key_env or settings.audit.key_env):
        raise ConfigError(f"the variable {key_env or settings.audit.key_env} is not set")
    if named:
        return [invocation.cwd / name for name in named], key
    if settings.audit.directory is None:
        raise InputError("name the files, or configure audit.directory", field="FILE")
    directory = settings.working_directory / settings.audit.directory
    found = sorted(directory.glob(f"audit-*{SUFFIX}"))
    if not found:
        raise InputError(f"there is no audit log in {directory}", field="FILE")
    return found, key


def _run_verify(invocation: Invocation) -> int:
    paths, key = _place(invocation)
    report = check(paths, key, partial=invocation.option("partial"), tenant=invocation.option("tenant"))
    problems = [
        {"file": one.file, "line": one.line, "record": one.seq, "problem": one.what}
        for one in report.problems
    ]
    if invocation.out.as_json:
        invocation.out.json(
            {
                "intact": not problems,
                "files": len(paths),
                "chains": report.chains,
                "records": report.records,
                "sealed": key is not None,
                "problems": problems,
                "notes": report.notes,
            }
        )
    for note in report.notes:
        invocation.out.note(f"note: {note}")
    for problem in report.problems:
        invocation.out.styled(str(problem), "red")
    if problems:
        return 1
    sealed = "" if key else "; without the key, a chain that was written anew as a whole is not noticed"
    invocation.out.line(
        f"intact: {report.records} record{'' if report.records == 1 else 's'} in {report.chains} "
        f"chain{'' if report.chains == 1 else 's'}{sealed}"
    )
    return 0


def _run_show(invocation: Invocation) -> int:
    paths, _ = _place(invocation)
    wanted = {name: invocation.option(name) for name in FILTERS if invocation.option(name) is not None}
    since, until = invocation.option("since"), invocation.option("until")
    limit: int = invocation.option("limit")
    found: list[tuple[bytes, Mapping[str, Any]]] = []
    for line, facts in _records(paths):
        at = str(facts.get("time", ""))
        if (since and at < since) or (until and at >= until):
            continue
        if all(facts.get(name) == value for name, value in wanted.items()):
            found.append((line, facts))
            if len(found) >= limit:
                invocation.out.note(f"only the first {limit}; --limit shows more")
                break
    if invocation.option("raw"):
        sys.stdout.writelines(f"{line.decode('ascii', 'replace')}\n" for line, _ in found)
        return 0
    if invocation.out.as_json:
        invocation.out.json([facts for _, facts in found])
        return 0
    invocation.out.records(COLUMNS, [facts for _, facts in found])
    return 0


def _records(paths: Sequence[Path]) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """Every readable line with its facts; what is damaged is for `verify` to tell."""
    for path in paths:
        for _, line, _ in lines(path):
            try:
                yield line, read_line(line, None).facts
            except DamagedError:
                try:
                    facts: Any = json.loads(line)
                except ValueError:
                    continue
                if isinstance(facts, dict):
                    yield line, facts


def _file_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="files of the log (default: those in audit.directory)"
    )
    parser.add_argument(
        "--key-env", metavar="VARIABLE", help="NAME of the variable with the key (default: audit.key_env)"
    )
    add_config_file(parser)
    json_argument(parser)


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="NAME", help="check one tenant's records by their own links")
    parser.add_argument(
        "--partial", action="store_true", help="allow segments before and after the named ones to be missing"
    )
    _file_arguments(parser)


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    for name in FILTERS:
        parser.add_argument(f"--{name}", metavar=name.upper(), help=f"only records with this {name}")
    parser.add_argument("--since", metavar="TIME", help="from this time on, such as 2026-11-21T08:00")
    parser.add_argument("--until", metavar="TIME", help="before this time")
    parser.add_argument(
        "--limit",
        type=int,
        default=DEFAULT_RECORDS,
        metavar="N",
        help=f"records shown at most ({DEFAULT_RECORDS})",
    )
    parser.add_argument(
        "--raw", action="store_true", help="print the lines as they are, to be verified elsewhere"
    )
    _file_arguments(parser)


VERIFY = Command(
    description="Check that an audit log is as it was written, and name the first record that was changed, "
    "removed, inserted or moved. Exit code 1 if there is one.",
    examples=(
        ("audit verify", "every file in audit.directory"),
        ("audit verify audit-*.jsonl --key-env MCP_AUDIT_KEY", "these files, with the key of their seals"),
        ("audit verify --tenant acme acme.jsonl", "what was handed out of one tenant's records"),
    ),
    arguments=_verify_arguments,
    run=_run_verify,
)
SHOW = Command(
    description="Print records of an audit log: who called what, on which database, what was decided.",
    examples=(
        ("audit show --decision denied", "what was refused"),
        ("audit show --who ada --since 2026-11-21 --json", "for programs"),
        ("audit show --tenant acme --raw > acme.jsonl", "one tenant's records, to be handed out"),
    ),
    arguments=_show_arguments,
    run=_run_show,
)
