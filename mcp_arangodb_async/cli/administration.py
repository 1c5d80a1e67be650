"""What the commands for databases and users of a server share: which server, which login, what changes."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from mcp_arangodb_async.cli.command import Invocation, json_argument
from mcp_arangodb_async.cli.db_show import load
from mcp_arangodb_async.cli.options import add_change, add_config_file, add_env_file
from mcp_arangodb_async.cli.question import confirm
from mcp_arangodb_async.config.address import parse_server
from mcp_arangodb_async.config.environment import UserDirectories, read_env_file
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer, Secret
from mcp_arangodb_async.connections import MultiDatabaseConnectionManager
from mcp_arangodb_async.errors import AuthenticationError, DeniedError, InputError
from mcp_arangodb_async.operations.users import PERMISSIONS, ROOT, SYSTEM
from mcp_arangodb_async.sessions import resolve_database

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

T = TypeVar("T")
ROOT_PASSWORD, USER_PASSWORD, NEW_PASSWORD = "ARANGO_ROOT_PASSWORD", "ARANGO_PASSWORD", "ARANGO_NEW_PASSWORD"
PAST = {"ADD": "ADDED", "REMOVE": "REMOVED", "GRANT": "GRANTED", "REVOKE": "REVOKED", "UPDATE": "UPDATED"}
_CALLED = "server"
_UNAUTHORIZED = "not authorized"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of what a command will do, and how to do it; EXISTS is a line without one."""

    word: str
    text: str
    apply: Callable[[ArangoDatabase], Awaitable[None]] | None = None
    undo: Callable[[ArangoDatabase], Awaitable[None]] | None = None


def add_server(parser: argparse.ArgumentParser, *, root: bool = True) -> None:
    """Which server, and how to log in there."""
    parser.add_argument(
        "--url", "-u", metavar="URL", help="the server (default: that of the configured database)"
    )
    parser.add_argument(
        "--key",
        "-k",
        metavar="KEY",
        help="the configured database whose server it is (default: the one calls use)",
    )
    if root:
        parser.add_argument(
            "--arango-root-password-env", "--root-pw-env", "-R", dest="root_variable", metavar="VARIABLE",
            help=f"log in as root with the password in this variable (default {ROOT_PASSWORD} if it is set, "
            "else the configured login)",
        )  # fmt: skip
    else:
        parser.add_argument(
            "--username", "-U", metavar="NAME", help="log in as this user (default: the configured)"
        )
        add_password(parser, "the variable with your password (default: the configured one)")
    add_config_file(parser)
    add_env_file(parser)
    json_argument(parser)


def add_password(parser: argparse.ArgumentParser, text: str) -> None:
    """The variable with a user's password, in every spelling of 0.5.4."""
    parser.add_argument(
        "--arango-password-env", "--password-env", "--pw-env", "-P",
        dest="password_variable", metavar="VARIABLE", help=text,
    )  # fmt: skip


def add_permission(parser: argparse.ArgumentParser) -> None:
    """`--permission`, in every spelling of 0.5.4."""
    parser.add_argument(
        "--permission", "--perm", "-p", choices=PERMISSIONS, default="rw",
        help="read and write, read only, or nothing (default %(default)s)",
    )  # fmt: skip


def add_changing(parser: argparse.ArgumentParser) -> None:
    """The server's arguments for a command that changes something as root."""
    add_server(parser)
    add_change(parser)


def variables(invocation: Invocation) -> Any:
    """The variables of the process, with those of `--env-file` on top."""
    if invocation.option("env_file"):
        return read_env_file(invocation.cwd / invocation.option("env_file"))
    return invocation.environment


def new_password(invocation: Invocation, variable: str) -> str:
    """The password to set; InputError when its variable is not set, for an empty one is hardly meant."""
    password = variables(invocation).get(variable)
    if not password:
        raise InputError(
            f"the variable {variable} is not set: it holds the new password",
            hint="--pw-env names another one",
        )
    return password


def login(invocation: Invocation, *, root: bool = True) -> DatabaseSettings:
    """The server's own database, with the login that the arguments ask for."""
    environ = variables(invocation)
    settings = load(invocation)
    if invocation.option("url"):
        try:
            server = parse_server(
                (invocation.option("url"),), embedded_directory=UserDirectories.of_platform().engine
            )
        except ValueError as error:
            raise InputError(f"--url {error}") from None
        base = DatabaseSettings(key=_CALLED, server=server)
        if not root:
            base = replace(base, password=Secret((USER_PASSWORD,), environ))
    else:
        base = settings.databases[resolve_database(invocation.option("key"), None, settings).key]
    if root:
        named = invocation.option("root_variable")
        if named and not environ.get(named):
            raise InputError(f"the variable {named} is not set: it holds root's password")
        if named or environ.get(ROOT_PASSWORD) or invocation.option("url"):
            secret = Secret((named or ROOT_PASSWORD,), environ)
            base = replace(base, username=ROOT, password=secret, auth="basic")
        return replace(base, key=_CALLED, database=SYSTEM)
    if invocation.option("username"):
        base = replace(base, username=invocation.option("username"), auth="basic")
    if invocation.option("password_variable"):
        secret = Secret((invocation.option("password_variable"),), environ)
        base = replace(base, password=secret, auth="basic")
    return replace(base, key=_CALLED)


def ask_server(server: DatabaseSettings, work: Callable[[ArangoDatabase], Awaitable[T]]) -> T:
    """Do this with a handle of the server; the connections are closed afterwards."""

    async def run() -> T:
        async with MultiDatabaseConnectionManager({_CALLED: server}, administration=True) as manager:
            try:
                return await work(await manager.get_database(_CALLED))
            except DeniedError as error:
                # ArangoDB answers 401 for a wrong password and 403 for a missing right, with the same number.
                if not error.message.startswith(_UNAUTHORIZED):
                    raise
                raise AuthenticationError(
                    f"{server.url} refused the login of user {server.username!r}, or it may not use "
                    f"database {server.database!r}",
                    hint=f"the password comes from the variable {server.password.variable}",
                ) from error

    return asyncio.run(run())


def make(
    invocation: Invocation,
    server: DatabaseSettings,
    plan: Callable[[ArangoDatabase], Awaitable[Sequence[Change]]],
    question: str,
) -> int:
    """Show the changes, ask, make them; when one fails, those before it are undone."""
    out = invocation.out
    if isinstance(server.server, EmbeddedServer) and server.server.directory is None:
        out.note("note: this engine is in memory and ends with this command")
    changes = ask_server(server, plan)
    for change in changes:
        out.line(f"[{change.word}] {change.text}")
    dry_run = bool(invocation.option("dry_run"))
    if not dry_run and any(change.apply for change in changes):
        confirm(invocation, question)
        ask_server(server, lambda handle: _apply(handle, changes))
    for change in changes:
        if change.word in PAST:
            out.line(f"[{PAST[change.word]}{' - DRY-RUN' if dry_run else ''}] {change.text}")
    if out.as_json:
        done = [{"action": PAST.get(one.word, one.word).lower(), "what": one.text} for one in changes]
        out.json({"changes": done, "dry_run": dry_run})
    return 0


async def _apply(handle: ArangoDatabase, changes: Sequence[Change]) -> None:
    made: list[Change] = []
    try:
        for change in changes:
            if change.apply is not None:
                await change.apply(handle)
                made.append(change)
    except BaseException:
        for change in reversed(made):
            if change.undo is not None:
                await change.undo(handle)
        raise
