"""`/_api/database`: which there are, make one with its users, drop one."""

from __future__ import annotations

from typing import Any, cast

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DATABASE_NAME_INVALID,
    ERROR_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, result
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, flag_field, text_field
from mcp_arangodb_async.engine.http.routing import Need, Route
from mcp_arangodb_async.engine.users import ROOT, SYSTEM, Level


def list_databases(call: Call) -> Response:
    return result(call.engine.databases())


def list_accessible(call: Call) -> Response:
    """The databases the caller may at least read."""
    return result([name for name in call.engine.databases() if call.database_level(name) >= Level.RO])


def read_current(call: Call) -> Response:
    record = call.engine.record(call.location.database)
    system = record.name == SYSTEM
    path = {"path": "none"} if call.engine.compat == "3.12" else {}
    return result({"name": record.name, "id": str(record.id), **path, "isSystem": system})


def create_database(call: Call) -> Response:
    body = call.fields
    name = text_field(body, "name", num=ERROR_ARANGO_DATABASE_NAME_INVALID)
    users = [_user_of(entry) for entry in _list(body.get("users"))]
    call.engine.create_database(name)
    for user, password, active, extra in users:
        if call.engine.users.find(user) is None:
            call.engine.users.create(user, password, active=active, extra=extra)
        _grant(call, user, name)
    if not users and call.identity.user not in {"", ROOT} and call.engine.users.find(call.identity.user):
        _grant(call, call.identity.user, name)
    return result(True, 201)


def _grant(call: Call, user: str, database: str) -> None:
    call.engine.users.grant_database(user, database, Level.RW)
    call.engine.users.grant_collection(user, database, "*", Level.RW)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ArangoError(ERROR_BAD_PARAMETER, "attribute 'users' must be a list of objects")
    return cast("list[Any]", value)


def _user_of(entry: Any) -> tuple[str, str, bool, Json]:
    if not isinstance(entry, dict):
        raise ArangoError(ERROR_BAD_PARAMETER, "attribute 'users' must be a list of objects")
    body = cast("Json", entry)
    name = text_field(body, "username" if "username" in body else "user")
    password = body.get("passwd", body.get("password"))
    extra = body.get("extra")
    return (
        name,
        password if isinstance(password, str) else "",
        flag_field(body, "active", True),
        cast("Json", extra) if isinstance(extra, dict) else {},
    )


def drop_database(call: Call) -> Response:
    name = call.names["database"]
    call.engine.drop_database(name)
    call.state.cursors.drop_database(name)
    call.state.cache.clear(name)
    call.engine.users.forget_database(name)
    return result(True)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/database", list_databases, Need.ADMIN, system_only=True),
    Route("GET", "/_api/database/user", list_accessible),
    Route("GET", "/_api/database/current", read_current),
    Route("POST", "/_api/database", create_database, Need.ADMIN, system_only=True),
    Route("DELETE", "/_api/database/{database}", drop_database, Need.ADMIN, system_only=True),
)
