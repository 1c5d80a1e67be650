"""The front door for people: find the command, parse, run, turn errors into exit codes."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
import textwrap
import traceback
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.output import Output
from mcp_arangodb_async.config.environment import read_environment
from mcp_arangodb_async.config.load import load_command_line
from mcp_arangodb_async.errors import (
    AuthenticationError,
    BackendError,
    CancelledCallError,
    ConfigError,
    ConflictError,
    DeadlineError,
    DeniedError,
    InputError,
    LimitError,
    LostSessionError,
    MaaError,
    NotFoundError,
    ReadOnlyError,
    SealError,
    UnavailableError,
    UnknownDatabaseError,
    UnreachableError,
    UnsupportedError,
    UpstreamError,
)
from mcp_arangodb_async.observability import configure_logging

PROGRAM = "maa"
OK, FAILED, USAGE, AUTHENTICATION, UNREACHABLE, REFUSED, DIFFERENT, CANCELLED = 0, 1, 2, 3, 4, 5, 10, 130

# What a script may rely on; the manual's table is made from these two.
EXIT_CODES: Mapping[int, str] = {
    OK: "done",
    FAILED: "it failed; standard error says why",
    USAGE: "the command line is wrong",
    AUTHENTICATION: "a database refused the credentials",
    UNREACHABLE: "a database cannot be reached or does not answer in time",
    REFUSED: "a policy or a right forbids it",
    DIFFERENT: "a comparison found differences",
    CANCELLED: "cancelled: the question was answered with no, or Ctrl-C",
}
EXIT_CODE_OF: Mapping[type[MaaError], int] = {
    MaaError: FAILED,
    ConfigError: FAILED,
    InputError: USAGE,
    UnknownDatabaseError: FAILED,
    NotFoundError: FAILED,
    ConflictError: FAILED,
    DeniedError: REFUSED,
    ReadOnlyError: REFUSED,
    SealError: REFUSED,
    LimitError: FAILED,
    UnsupportedError: FAILED,
    CancelledCallError: CANCELLED,
    BackendError: FAILED,
    AuthenticationError: AUTHENTICATION,
    UnavailableError: UNREACHABLE,
    DeadlineError: UNREACHABLE,
    UnreachableError: UNREACHABLE,
    LostSessionError: UNREACHABLE,
    UpstreamError: FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the table: where the command is written, and what it does in one line.

    The module is imported when the command is chosen, so that `server` starts without what others need.
    """

    module: str
    name: str
    summary: str


def _entry(where: str, summary: str) -> Entry:
    module, name = where.split(":")
    return Entry(module=module, name=name, summary=summary)


COMMANDS: Mapping[str, Entry] = {
    "server": _entry("serve:SERVER", "serve MCP clients over stdio or HTTP (the default)"),
    "db add": _entry("db:ADD", "add a database to the configuration"),
    "db remove": _entry("db:REMOVE", "take a database out of the configuration"),
    "db list": _entry("db_show:LIST", "list the configured databases"),
    "db update": _entry("db:UPDATE", "change or rename a configured database"),
    "db test": _entry("db_show:TEST", "connect to one database and say what it answers"),
    "db status": _entry("db_show:STATUS", "try every database, and explain which one calls use"),
    "db create": _entry("db_admin:CREATE", "create a database on a server"),
    "db drop": _entry("db_admin:DROP", "drop a database on a server, with its data"),
    "db databases": _entry("db_admin:DATABASES", "list the databases that exist on a server"),
    "env list": _entry("env:LIST", "list the SQL environments"),
    "env test": _entry("env:TEST", "connect to SQL environments step by step"),
    "env query": _entry("env:QUERY", "run a statement on one, several or all SQL environments"),
    "env compare": _entry("env_compare:COMPARE", "compare the rows of SQL environments"),
    "env schema": _entry(
        "env_compare:SCHEMA", "compare the schemas of SQL environments, or with earlier ones"
    ),
    "env watch": _entry("env_watch:WATCH", "look at SQL environments again and again"),
    "user add": _entry("user:ADD", "create a user on a server"),
    "user remove": _entry("user:REMOVE", "remove a user of a server"),
    "user list": _entry("user:LIST", "list the users of a server"),
    "user grant": _entry("user:GRANT", "say what a user may do in a database"),
    "user revoke": _entry("user:REVOKE", "take back what was granted to a user"),
    "user databases": _entry("user:DATABASES", "list the databases you may use"),
    "user password": _entry("user:PASSWORD", "change your own password"),
    "backup": _entry("backup:BACKUP", "write a database into a directory, as arangodump does"),
    "restore": _entry("backup:RESTORE", "put a backup back"),
    "import": _entry("transfer:IMPORT", "read documents from a JSON, CSV or TSV file, as arangoimport does"),
    "export": _entry("transfer:EXPORT", "write documents into files, as arangoexport does"),
    "call": _entry("call:CALL", "run one tool with the configured databases, as a client would"),
    "compare": _entry("compare:COMPARE", "show the differences between two databases"),
    "config show": _entry("config:SHOW", "print every option with its value and who set it"),
    "config validate": _entry("config:VALIDATE", "check a configuration file, listing every problem"),
    "config path": _entry("config:PATH", "print which configuration file is in use"),
    "config schema": _entry("config:SCHEMA", "print the file's JSON Schema, for editors"),
    "audit verify": _entry("audit:VERIFY", "check that an audit log is as it was written"),
    "audit show": _entry("audit:SHOW", "print records of an audit log"),
    "tenant add": _entry("tenant:ADD", "register a server of a tenant"),
    "tenant set": _entry("tenant:SET", "change a tenant's server, or switch its own servers on or off"),
    "tenant show": _entry("tenant:SHOW", "show a tenant's servers, without secrets"),
    "tenant list": _entry("tenant:LIST", "list all tenants"),
    "tenant remove": _entry("tenant:REMOVE", "remove a tenant's server, or erase the tenant"),
    "tenant rollback": _entry("tenant:ROLLBACK", "return to an earlier version of a tenant"),
    "tenant test": _entry("tenant:TEST", "try a tenant's servers step by step"),
    "tenant rotate-keys": _entry("tenant_store:ROTATE_KEYS", "replace a data key, or the master key"),
    "tenant export": _entry("tenant_store:EXPORT", "write a tenant as a document of ciphertext"),
    "tenant import": _entry("tenant_store:IMPORT", "store an exported tenant"),
    "tenant doctor": _entry("tenant_store:DOCTOR", "examine the store of tenants"),
    "tenant migrate": _entry("tenant_store:MIGRATE", "make, update or take back the tables of tenants"),
    "tenant key add": _entry("tenant_store:KEY_ADD", "make an API key of a tenant"),
    "tenant key list": _entry("tenant_store:KEY_LIST", "list the API keys of a tenant"),
    "tenant key revoke": _entry("tenant_store:KEY_REVOKE", "let an API key in no more"),
    "engine serve": _entry("engine:SERVE", "run the embedded engine as an ArangoDB server of its own"),
    "health": _entry("health:HEALTH", "say as JSON whether the database answers; for health checks"),
    "demo": _entry("demo:DEMO", "show the main job on real data, with nothing else installed"),
    "version": _entry("version:VERSION", "print versions"),
    "completion": _entry("completion:COMPLETION", "print a completion script for your shell"),
}
# Other spellings; those of 0.5.4 among them.
ALIASES: Mapping[str, str] = {
    "db rm": "db remove",
    "db ls": "db list",
    "env ls": "env list",
    "user rm": "user remove",
    "user ls": "user list",
    "tenant rm": "tenant remove",
    "tenant ls": "tenant list",
    "db config add": "db add",
    "db config remove": "db remove",
    "db config rm": "db remove",
    "db config list": "db list",
    "db config ls": "db list",
    "db config update": "db update",
    "db config test": "db test",
    "db config status": "db status",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    out = Output(as_json="--json" in words)
    try:
        code = _run(words, out)
        sys.stdout.flush()  # here, where a reader that has left is handled
        return code
    except MaaError as error:
        return _report(error, out)
    except KeyboardInterrupt:
        out.note("cancelled")
        return CANCELLED
    except EOFError:
        out.note(f"{PROGRAM}: there is nobody to answer the question; --yes answers it")
        return USAGE
    except BrokenPipeError:
        # The reader has left, such as `head`: what is still buffered would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        out.note(f"{PROGRAM}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return FAILED
    except Exception as error:  # noqa: BLE001 - a bug: said in one line, its traceback after it
        out.note(f"{PROGRAM}: internal error: {type(error).__name__}; please report what follows")
        out.note("".join(traceback.format_exception(error)[-20:]))
        return FAILED


def _run(words: list[str], out: Output) -> int:
    if words[:1] in (["-V"], ["--version"]):
        words = ["version", *words[1:]]
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help"}):
        words = ["server", *words]
    if words[0] in {"-h", "--help", "help"}:
        out.line(overview())
        return OK
    name, rest = find(words)
    if name is None:
        return _unknown(words, out)
    command = load(COMMANDS[name])
    arguments = vars(parser_of(name, command).parse_args(rest))
    cwd = Path.cwd()
    environ = read_environment(cwd)
    color = out.out.isatty() and not load_command_line({}, environ).no_color
    out = replace(out, as_json=bool(arguments.get("json")), color=color)
    with closing(configure_logging(level="WARNING", redactor=out.redactor)):
        return command.run(Invocation(arguments=arguments, environment=environ, cwd=cwd, out=out))


def find(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The command that the first words name, and the words after it; the longest name wins."""
    for length in (3, 2, 1):
        name = " ".join(words[:length])
        name = ALIASES.get(name, name)
        if len(words) >= length and name in COMMANDS:
            return name, list(words[length:])
    return None, list(words)


def load(entry: Entry) -> Command:
    """The command itself, its module imported now."""
    command = getattr(importlib.import_module(f"mcp_arangodb_async.cli.{entry.module}"), entry.name)
    assert isinstance(command, Command)
    return command


def parser_of(name: str, command: Command) -> argparse.ArgumentParser:
    """The parser of one command, with its help."""
    examples = "\n".join(f"  {PROGRAM} {line}\n      {what}" for line, what in command.examples)
    parser = _Parser(
        prog=f"{PROGRAM} {name}",
        description=textwrap.fill(command.description, 100),
        epilog=f"examples:\n{examples}" if examples else None,
        formatter_class=_HelpFormatter,
    )
    command.arguments(parser)
    return parser


def overview(group: str | None = None) -> str:
    """The list of commands, or of those in one group."""
    shown = {name: entry for name, entry in COMMANDS.items() if group is None or name.split()[0] == group}
    width = max(len(name) for name in shown)
    lines = [f"  {name.ljust(width)}  {entry.summary}" for name, entry in shown.items()]
    head = f"usage: {PROGRAM} {group or 'COMMAND'} ...\n\n"
    if group is None:
        head += "One MCP server for all the databases an agent works with.\n\n"
    tail = f"\n\n`{PROGRAM} COMMAND --help` describes one. Without a command it is `server`."
    return f"{head}commands:\n" + "\n".join(lines) + tail


def _unknown(words: Sequence[str], out: Output) -> int:
    """A group without its command, or a mistyped word."""
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    if words[0] in groups:
        rest = [word for word in words[1:] if word != "config"]
        if not rest or rest[0] in {"-h", "--help"}:
            (out.line if rest else out.note)(overview(words[0]))
            return OK if rest else USAGE
        given = f"{words[0]} {rest[0]}"
        possible = [name for name in (*COMMANDS, *ALIASES) if name.startswith(f"{words[0]} ")]
    else:
        given = words[0]
        possible = [*COMMANDS, *groups]
    near = difflib.get_close_matches(given, possible, n=1)
    hint = f"; did you mean `{PROGRAM} {near[0]}`?" if near else ""
    out.note(
        f"{PROGRAM}: unknown command {given!r}{hint}\n\n{overview(words[0] if words[0] in groups else None)}"
    )
    return USAGE


def _report(error: MaaError, out: Output) -> int:
    """The error in the words of its message; as JSON on standard output when that was asked for."""
    code = exit_code(error)
    if out.as_json:
        facts = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "database": error.database,
            "arango_error_num": error.arango_error_num,
            "did_you_mean": list(error.did_you_mean),
            "problems": list(error.problems) if isinstance(error, ConfigError) else [],
        }
        out.json({"error": {key: value for key, value in facts.items() if value not in (None, [])}})
        return code
    out.note(f"{PROGRAM}: {error.message}")
    if error.did_you_mean:
        out.note(f"did you mean: {', '.join(error.did_you_mean)}?")
    if error.hint:
        out.note(f"hint: {error.hint}")
    return code


def exit_code(error: MaaError) -> int:
    """The exit code of the closest class that the table names."""
    return next(EXIT_CODE_OF[kind] for kind in type(error).__mro__ if kind in EXIT_CODE_OF)


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Examples keep their lines; columns leave room for long flags."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=100)


class _Parser(argparse.ArgumentParser):
    """Says which flag was probably meant."""

    def error(self, message: str) -> NoReturn:
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            word = message.removeprefix(prefix).split()[0].split("=")[0]
            near = difflib.get_close_matches(word, list(self._option_string_actions), n=1)
            if near:
                message += f"; did you mean {near[0]}?"
        self.exit(USAGE, f"{self.prog}: {message}\nhint: `{self.prog} --help` describes it\n")
