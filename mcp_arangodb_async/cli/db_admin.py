"""`db create|drop|databases`: the real databases of a server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mcp_arangodb_async.cli.administration import (
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
from mcp_arangodb_async.errors import ConflictError, DeniedError
from mcp_arangodb_async.operations import users

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the database's name on the server")


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument(
        "--with-user", metavar="USER", help="let this user in; made if there is none of the name"
    )
    add_permission(parser)
    add_password(parser, f"the variable with a new user's password (default {USER_PASSWORD})")
    add_changing(parser)


def _drop_arguments(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    add_changing(parser)


def _run_create(invocation: Invocation) -> int:
    name, user = invocation.option("name"), invocation.option("with_user")
    server = login(invocation)

    async def plan(system: ArangoDatabase) -> Sequence[Change]:
        if name in await users.list_databases(system):
            raise ConflictError(f"there is a database {name!r} already")
        changes = [
            Change(
                word="ADD",
                text=f"database {name!r} at {server.url}",
                apply=lambda handle: users.create_database(handle, name),
                undo=lambda handle: users.drop_database(handle, name),
            )
        ]
        if user is None:
            return changes
        if await users.user_exists(system, user):
            changes.append(Change(word="EXISTS", text=f"user {user!r}"))
        else:
            password = new_password(invocation, invocation.option("password_variable") or USER_PASSWORD)
            changes.append(
                Change(
                    word="ADD",
                    text=f"user {user!r}",
                    apply=lambda handle: users.add_user(handle, user, password),
                    undo=lambda handle: users.remove_user(handle, user),
                )
            )
        permission = invocation.option("permission")
        changes.append(
            Change(
                word="GRANT",
                text=f"{permission} in {name!r} to user {user!r}",
                apply=lambda handle: users.grant(handle, user, name, permission),
            )
        )
        return changes

    return make(invocation, server, plan, f"Create the database {name!r}?")


def _run_drop(invocation: Invocation) -> int:
    name = invocation.option("name")
    if name == users.SYSTEM:
        raise DeniedError(f"{users.SYSTEM} is the server's own database; it is not dropped")
    server = login(invocation)

    async def plan(system: ArangoDatabase) -> Sequence[Change]:
        await users.require_database(system, name)
        changes = [
            Change(
                word="REMOVE",
                text=f"database {name!r} at {server.url} with everything in it",
                apply=partial(users.drop_database, name=name),
            )
        ]
        for user, permission in (await users.users_of(system, name)).items():
            changes.append(Change(word="REVOKE", text=f"{permission} in {name!r} from user {user!r}"))
        return changes

    return make(invocation, server, plan, f"Drop the database {name!r} and all its data?")


def _run_databases(invocation: Invocation) -> int:
    server = login(invocation)
    names = ask_server(server, users.list_databases)
    if invocation.out.as_json:
        invocation.out.json({"url": server.url, "databases": names})
    for name in names:
        invocation.out.line(name)
    return 0


CREATE = Command(
    description="Create a database on a server, and let a user in who is made if need be. When a step fails, "
    "the steps before it are undone. `db add` is what adds it to the configuration.",
    examples=(
        ("db create shop --url http://localhost:8529", "as root, with the password in ARANGO_ROOT_PASSWORD"),
        ("db create shop --with-user clerk --perm ro --pw-env CLERK_PASSWORD", "and a user who may read it"),
        ("db create shop --key production --dry-run", "on a configured database's server; shows it only"),
    ),
    arguments=_create_arguments,
    run=_run_create,
)
DROP = Command(
    description="Drop a database on a server with everything in it, showing who loses access. The server's "
    "own database, _system, is refused. `db remove` is what takes an entry out of the configuration.",
    examples=(("db drop shop --dry-run", "shows what would go"), ("db drop shop --yes", "asks nothing")),
    arguments=_drop_arguments,
    run=_run_drop,
)
DATABASES = Command(
    description="List the databases that exist on a server. `db list` lists those that are configured.",
    examples=(
        ("db databases --url http://localhost:8529", "one a line"),
        ("db databases --json", "for programs"),
    ),
    arguments=add_server,
    run=_run_databases,
)
