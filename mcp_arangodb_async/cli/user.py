"""`user ...`: the users of a server and what they may do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_arangodb_async.cli.administration import (
    NEW_PASSWORD,
    USER_PASSWORD,
    Change,
    add_changing,
    add_password,
    add_permission,
    add_server,
    ask_server,
    login,
    make,
    new_password,
)
from mcp_arangodb_async.cli.command import Command, Invocation
from mcp_arangodb_async.cli.options import add_change
from mcp_arangodb_async.config.model import DatabaseSettings, EmbeddedServer
from mcp_arangodb_async.errors import ConflictError, DeniedError, MaaError
from mcp_arangodb_async.operations import users

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the user's name")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--inactive", action="store_true", help="make a user who cannot log in yet")
    parser.add_argument("--active", action="store_true", help="the default; accepted as in 0.5.4")
    add_password(parser, f"the variable with the user's password (default {USER_PASSWORD})")
    add_changing(parser)


def _remove_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    add_changing(parser)


def _revoke_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("database", metavar="DATABASE", help="the database's name on the server; * for all")
    add_changing(parser)


def _grant_arguments(parser: argparse.ArgumentParser) -> None:
    _revoke_arguments(parser)
    add_permission(parser)


def _own_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser, root=False)


def _password_arguments(parser: argparse.ArgumentParser) -> None:
    add_server(parser, root=False)
    parser.add_argument(
        "--arango-new-password-env", "--new-password-env", "--new-pw-env", "-N",
        dest="new_variable", metavar="VARIABLE", default=NEW_PASSWORD,
        help="the variable with the new password (default %(default)s)",
    )  # fmt: skip
    add_change(parser)


def _run_add(invocation: Invocation) -> int:
    name, active = invocation.option("name"), not invocation.option("inactive")
    server = login(invocation)

    async def plan(system: ArangoDatabase) -> Sequence[Change]:
        if await users.user_exists(system, name):
            raise ConflictError(f"there is a user {name!r} already")
        password = new_password(invocation, invocation.option("password_variable") or USER_PASSWORD)
        return [
            Change(
                word="ADD",
                text=f"user {name!r}{'' if active else ' (inactive)'} at {server.url}",
                apply=lambda handle: users.add_user(handle, name, password, active=active),
            )
        ]

    return make(invocation, server, plan, f"Create the user {name!r}?")


def _run_remove(invocation: Invocation) -> int:
    name = invocation.option("name")
    if name == users.ROOT:
        raise DeniedError(f"{users.ROOT} is not removed: nobody could administer the server")
    server = login(invocation)

    async def plan(system: ArangoDatabase) -> Sequence[Change]:
        await users.require_user(system, name)
        gone = [
            Change(word="REVOKE", text=f"{permission} in {database!r} from user {name!r}")
            for database, permission in (await users.databases_of(system, name)).items()
            if permission != "none"
        ]
        removal = Change(
            word="REMOVE",
            text=f"user {name!r} at {server.url}",
            apply=lambda handle: users.remove_user(handle, name),
        )
        return [removal, *gone]

    return make(invocation, server, plan, f"Remove the user {name!r}?")


def _run_grant(invocation: Invocation) -> int:
    name, database = invocation.option("name"), invocation.option("database")
    permission = invocation.option("permission")
    server = login(invocation)

    async def plan(system: ArangoDatabase) -> Sequence[Change]:
        await _require(system, name, database)
        return [
            Change(
                word="GRANT",
                text=f"{permission} in {database!r} to user {name!r}",
                apply=lambda handle: users.grant(handle, name, database, permission),
            )
        ]

    return make(invocation, server, plan, "Grant this?")


def _run_revoke(invocation: Invocation) -> int:
    name, database = invocation.option("name"), invocation.option("database")
    server = login(invocation)

    async def plan(system: ArangoDatabase) -> Sequence[Change]:
        await _require(system, name, database)
        return [
            Change(
                word="REVOKE",
                text=f"what was granted in {database!r} from user {name!r}",
                apply=lambda handle: users.revoke(handle, name, database),
            )
        ]

    return make(invocation, server, plan, "Revoke this?")


async def _require(system: ArangoDatabase, user: str, database: str) -> None:
    await users.require_user(system, user)
    if database != "*":
        await users.require_database(system, database)


def _run_list(invocation: Invocation) -> int:
    server = login(invocation)
    found = ask_server(server, users.list_users)
    if invocation.out.as_json:
        invocation.out.json({"url": server.url, "users": found})
    else:
        invocation.out.records({"user": "USER", "active": "ACTIVE"}, found)
    return 0


def _run_databases(invocation: Invocation) -> int:
    server = login(invocation, root=False)
    user = _own_name(server)
    found = ask_server(_reachable(server), lambda handle: users.databases_of(handle, user))
    if invocation.out.as_json:
        invocation.out.json({"url": server.url, "user": user, "databases": found})
    else:
        invocation.out.table(("DATABASE", "PERMISSION"), list(found.items()))
    return 0


def _run_password(invocation: Invocation) -> int:
    server = login(invocation, root=False)
    user = _own_name(server)
    password = new_password(invocation, invocation.option("new_variable"))

    async def plan(handle: ArangoDatabase) -> Sequence[Change]:
        await users.databases_of(
            handle, user
        )  # asked first, so that a refused login is told before the question
        return [
            Change(
                word="UPDATE",
                text=f"the password of user {user!r} at {server.url}",
                apply=lambda handle: users.change_password(handle, user, password),
            )
        ]

    return make(invocation, _reachable(server), plan, "Change the password?")


def _own_name(server: DatabaseSettings) -> str:
    if isinstance(server.server, EmbeddedServer):
        return users.ROOT
    return server.username


def _reachable(server: DatabaseSettings) -> DatabaseSettings:
    """The server through a database that the user may use: the configured one, or `_system`."""

    async def ask(handle: ArangoDatabase) -> bool:
        # A database that the user may not use, or that there is none of, says nothing about the login.
        try:
            await handle.call("GET", "_api", "database", "current")
        except MaaError as error:
            return error.code not in {"not_found", "denied"}
        return True

    return server if ask_server(server, ask) else replace(server, database=users.SYSTEM)


ADD = Command(
    description="Create a user on a server, who may use no database until `user grant`. The password comes "
    "from a variable.",
    examples=(("user add clerk --pw-env CLERK_PASSWORD", "shows it and asks"),),
    arguments=_add_arguments,
    run=_run_add,
)
REMOVE = Command(
    description="Remove a user of a server; root is refused.",
    examples=(("user remove clerk --dry-run", "shows what the user loses"),),
    arguments=_remove_arguments,
    run=_run_remove,
)
LIST = Command(
    description="List the users of a server.",
    examples=(("user list --url http://localhost:8529", "a table"), ("user list --json", "for programs")),
    arguments=add_server,
    run=_run_list,
)
GRANT = Command(
    description="Say what a user may do in a database of the server; * stands for all databases.",
    examples=(("user grant clerk shop --permission ro", "the clerk may read the shop"),),
    arguments=_grant_arguments,
    run=_run_grant,
)
REVOKE = Command(
    description="Take back what was granted to a user in a database; what is granted for * applies again.",
    examples=(("user revoke clerk shop", "shows it and asks"),),
    arguments=_revoke_arguments,
    run=_run_revoke,
)
DATABASES = Command(
    description="List the databases you may use on a server, logging in as yourself.",
    examples=(("user databases --username clerk --pw-env CLERK_PASSWORD", "what the clerk may do"),),
    arguments=_own_arguments,
    run=_run_databases,
)
PASSWORD = Command(
    description="Change your own password on a server, logging in as yourself.",
    examples=(
        (
            "user password --username clerk --pw-env CLERK_PASSWORD --new-pw-env NEW_PASSWORD",
            "both from variables",
        ),
    ),
    arguments=_password_arguments,
    run=_run_password,
)
