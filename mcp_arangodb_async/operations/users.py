"""Databases and users of a server. Only the command line does this; `system` is a handle of `_system`.

Its connections must be opened with `administration=True`: the endpoints are not reachable otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mcp_arangodb_async.connections.names import validate_database_name, validate_user_name
from mcp_arangodb_async.errors import ConflictError, DeniedError, MaaError, NotFoundError

if TYPE_CHECKING:
    from mcp_arangodb_async.connections.database import ArangoDatabase

Json = dict[str, Any]
Permission = Literal["rw", "ro", "none"]
PERMISSIONS: tuple[Permission, ...] = ("rw", "ro", "none")
SYSTEM, ROOT = "_system", "root"
DUPLICATE_NAME, DUPLICATE_USER, USER_NOT_FOUND, DATABASE_NOT_FOUND = 1207, 1702, 1703, 1228


async def list_databases(system: ArangoDatabase) -> list[str]:
    """The names of all databases of the server."""
    answer = await system.call("GET", "_api", "database")
    return sorted(answer["result"])


async def create_database(system: ArangoDatabase, name: str) -> None:
    """Create a database; ConflictError if there is one of that name."""
    validate_database_name(name, field="name")
    try:
        await system.call("POST", "_api", "database", body={"name": name})
    except MaaError as error:
        if error.arango_error_num != DUPLICATE_NAME:
            raise
        raise ConflictError(
            f"there is a database {name!r} already", arango_error_num=DUPLICATE_NAME
        ) from error


async def drop_database(system: ArangoDatabase, name: str) -> None:
    """Drop a database with everything in it; the server's own one is refused."""
    validate_database_name(name, field="name")
    if name == SYSTEM:
        raise DeniedError(f"{SYSTEM} is the server's own database; it is not dropped")
    await system.call("DELETE", "_api", "database", name)


async def require_database(system: ArangoDatabase, name: str) -> None:
    """NotFoundError, naming those there are, unless the server has this database."""
    validate_database_name(name, field="name")
    known = await list_databases(system)
    if name not in known:
        raise NotFoundError(
            f"the server has no database {name!r}; it has: {', '.join(known[:20])}",
            field="name",
            arango_error_num=DATABASE_NOT_FOUND,
        )


async def list_users(system: ArangoDatabase) -> list[Json]:
    """`{user, active}` of every user, by name."""
    answer = await system.call("GET", "_api", "user")
    users: list[Json] = [{"user": one["user"], "active": one["active"]} for one in answer["result"]]
    return sorted(users, key=lambda one: one["user"])


async def user_exists(system: ArangoDatabase, name: str) -> bool:
    """Whether the server has this user."""
    try:
        await system.call("GET", "_api", "user", validate_user_name(name))
    except NotFoundError:
        return False
    return True


async def require_user(system: ArangoDatabase, name: str) -> None:
    """NotFoundError, naming those there are, unless the server has this user."""
    if not await user_exists(system, name):
        known = ", ".join(one["user"] for one in (await list_users(system))[:20])
        raise NotFoundError(
            f"the server has no user {name!r}; it has: {known}", field="user", arango_error_num=USER_NOT_FOUND
        )


async def add_user(system: ArangoDatabase, name: str, password: str, *, active: bool = True) -> None:
    """Create a user, who may use no database yet; ConflictError if there is one."""
    body = {"user": validate_user_name(name), "passwd": password, "active": active}
    try:
        await system.call("POST", "_api", "user", body=body)
    except MaaError as error:
        if error.arango_error_num != DUPLICATE_USER:
            raise
        raise ConflictError(f"there is a user {name!r} already", arango_error_num=DUPLICATE_USER) from error


async def remove_user(system: ArangoDatabase, name: str) -> None:
    """Remove a user; root is refused."""
    if name == ROOT:
        raise DeniedError(f"{ROOT} is not removed: nobody could administer the server")
    await system.call("DELETE", "_api", "user", validate_user_name(name))


async def grant(system: ArangoDatabase, user: str, database: str, permission: Permission) -> None:
    """Set what a user may do in a database; `*` stands for all that nothing else is said of."""
    await system.call("PUT", *_grant_path(user, database), body={"grant": permission})


async def revoke(system: ArangoDatabase, user: str, database: str) -> None:
    """Take back what was granted; what is granted for `*` applies again."""
    await system.call("DELETE", *_grant_path(user, database))


def _grant_path(user: str, database: str) -> tuple[str, ...]:
    name = database if database == "*" else validate_database_name(database)
    return ("_api", "user", validate_user_name(user), "database", name)


async def databases_of(handle: ArangoDatabase, user: str) -> dict[str, Permission]:
    """What a user may do, by database; users may ask this about themselves."""
    answer = await handle.call("GET", "_api", "user", validate_user_name(user), "database")
    return dict(sorted(answer["result"].items()))


async def users_of(system: ArangoDatabase, database: str) -> dict[str, Permission]:
    """The users who may read or write a database, with what they may do."""
    found: dict[str, Permission] = {}
    for one in await list_users(system):
        permission = (await databases_of(system, one["user"])).get(database, "none")
        if permission in {"rw", "ro"}:
            found[one["user"]] = permission
    return found


async def change_password(handle: ArangoDatabase, user: str, password: str) -> None:
    """Set a user's password; users may do this for themselves."""
    await handle.call("PATCH", "_api", "user", validate_user_name(user), body={"passwd": password})
