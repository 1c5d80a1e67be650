"""`/_open/auth`, `/_api/user` and `/_api/token`: logging in, accounts, what they may do, access tokens."""

from __future__ import annotations

import time
from typing import Any, cast

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DATABASE_NOT_FOUND,
    ERROR_BAD_PARAMETER,
    ERROR_FORBIDDEN,
    ERROR_HTTP_CONFLICT,
    ERROR_HTTP_NOT_FOUND,
    ERROR_HTTP_UNAUTHORIZED,
    ERROR_USER_NOT_FOUND,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged, reply, require_number, result
from mcp_arangodb_async.engine.http.messages import JSON, Response
from mcp_arangodb_async.engine.http.parameters import Json, text_field
from mcp_arangodb_async.engine.http.routing import Need, Route
from mcp_arangodb_async.engine.users import AccessToken, Level, User, level_of


def _must_be_admin(call: Call) -> None:
    if not call.is_admin:
        raise ArangoError(ERROR_FORBIDDEN)


def _must_be_oneself_or_admin(call: Call, name: str) -> None:
    if call.identity.user != name:
        _must_be_admin(call)


def log_in(call: Call) -> Response:
    """A session token for a name and a password, or for an access token in the password's place."""
    body = call.fields
    user, password = body.get("username", ""), body.get("password")
    if not isinstance(user, str) or not isinstance(password, str):
        raise ArangoError(ERROR_BAD_PARAMETER, "expecting the attributes 'username' and 'password'")
    token = call.state.authenticator.login(user, password)
    if token is None:
        raise ArangoError(ERROR_HTTP_UNAUTHORIZED, "Wrong credentials")
    return reply(200, {"jwt": token})


# ---- accounts


def list_users(call: Call) -> Response:
    _must_be_admin(call)
    return result([user.public() for user in call.engine.users.all()])


def read_user(call: Call) -> Response:
    _must_be_oneself_or_admin(call, call.names["user"])
    return merged(call.engine.users.get(call.names["user"]).public())


def _account(body: Json) -> tuple[str, bool, Json]:
    password = body.get("passwd", body.get("password"))
    extra = body.get("extra")
    return (
        password if isinstance(password, str) else "",
        body.get("active") is not False,
        cast("Json", extra) if isinstance(extra, dict) else {},
    )


def create_user(call: Call) -> Response:
    _must_be_admin(call)
    name = call.fields.get("user")
    password, active, extra = _account(call.fields)
    user = call.engine.users.create(
        name if isinstance(name, str) else "", password, active=active, extra=extra
    )
    return merged(user.public(), 201)


def check_user(call: Call) -> Response:
    """Is this the user's password?"""
    password = call.fields.get("passwd")
    if not call.engine.users.check_password(
        call.names["user"], password if isinstance(password, str) else ""
    ):
        raise ArangoError(ERROR_USER_NOT_FOUND)
    return result(True)


def replace_user(call: Call) -> Response:
    _must_be_oneself_or_admin(call, call.names["user"])
    password, active, extra = _account(call.fields)
    return merged(
        call.engine.users.replace(call.names["user"], password, active=active, extra=extra).public()
    )


def update_user(call: Call) -> Response:
    _must_be_oneself_or_admin(call, call.names["user"])
    body = call.fields
    password, active, extra = _account(body)
    has_password = "passwd" in body or "password" in body
    user = call.engine.users.update(
        call.names["user"],
        password=password if has_password else None,
        active=active if isinstance(body.get("active"), bool) else None,
        extra=extra,
    )
    return merged(user.public())


def remove_user(call: Call) -> Response:
    _must_be_admin(call)
    call.engine.users.remove(call.names["user"])
    return merged({}, 202)


# ---- what they may do


def list_permissions(call: Call) -> Response:
    """The databases a user may use; with `full`, every database and collection with what is configured."""
    _must_be_oneself_or_admin(call, call.names["user"])
    user = call.engine.users.get(call.names["user"])
    databases = call.engine.databases()
    if not call.parameters.flag("full"):
        levels = {name: user.database_level(name) for name in databases}
        return result({name: level.text for name, level in levels.items() if level >= Level.RO})
    shown: Json = {}
    for name in databases:
        collections = {
            collection: _configured(user.configured_collection(name, collection))
            for collection in _names(call, name)
        }
        shown[name] = {"permission": _configured(user.configured_database(name)), "collections": collections}
    shown["*"] = {"permission": user.database_level("*").text}
    return result(shown)


def _names(call: Call, database: str) -> list[str]:
    with call.engine.database(database).catalog.begin() as tx:
        return [*(collection.name for collection in tx.collections()), "*"]


def _configured(level: Level | None) -> str:
    return "undefined" if level is None else level.text


def _known(call: Call) -> User:
    _must_be_oneself_or_admin(call, call.names["user"])
    return call.engine.users.get(call.names["user"])


def read_database_permission(call: Call) -> Response:
    user, database = _known(call), call.names["database"]
    if call.parameters.flag("configured"):
        return result(_configured(user.configured_database(database)))
    return result(user.database_level(database).text)


def read_collection_permission(call: Call) -> Response:
    user, database, collection = _known(call), call.names["database"], call.names["collection"]
    if call.parameters.flag("configured"):
        return result(_configured(user.configured_collection(database, collection)))
    return result(user.collection_level(database, collection).text)


def _check_target(call: Call) -> None:
    """Grants name a database and a collection that exist, or `*`."""
    database, collection = call.names["database"], call.names.get("collection", "*")
    if database == "*":
        return
    if not call.engine.has_database(database):
        raise ArangoError(ERROR_ARANGO_DATABASE_NOT_FOUND)
    if collection != "*":
        with call.engine.database(database).catalog.begin() as tx:
            tx.collection(collection)


def grant_database(call: Call) -> Response:
    _must_be_admin(call)
    level = level_of(text_field(call.fields, "grant"))
    call.engine.users.grant_database(call.names["user"], call.names["database"], level)
    return merged({call.names["database"]: level.text})


def grant_collection(call: Call) -> Response:
    _must_be_admin(call)
    _check_target(call)
    level = level_of(text_field(call.fields, "grant"))
    database, collection = call.names["database"], call.names["collection"]
    call.engine.users.grant_collection(call.names["user"], database, collection, level)
    return merged({f"{database}/{collection}": level.text})


def revoke_database(call: Call) -> Response:
    _must_be_admin(call)
    call.engine.users.grant_database(call.names["user"], call.names["database"], None)
    return merged({}, 202)


def revoke_collection(call: Call) -> Response:
    _must_be_admin(call)
    _check_target(call)
    call.engine.users.grant_collection(
        call.names["user"], call.names["database"], call.names["collection"], None
    )
    return merged({}, 202)


# ---- settings of the web interface


def read_config(call: Call) -> Response:
    config = _known(call).config
    key = call.names.get("key")
    return result(config.get(key) if key is not None else config)


def write_config(call: Call) -> Response:
    config = dict(_known(call).config)
    body: Any = call.body
    if isinstance(body, dict) and "value" in body:
        config[call.names["key"]] = cast("Json", body)["value"]
    else:
        config.pop(call.names["key"], None)
    call.engine.users.configure(call.names["user"], config)
    return Response(status=200, headers={"content-type": JSON})


def remove_config(call: Call) -> Response:
    config = dict(_known(call).config)
    key = call.names.get("key")
    call.engine.users.configure(
        call.names["user"],
        {} if key is None else {name: value for name, value in config.items() if name != key},
    )
    return merged({}, 202)


# ---- access tokens


def _token(token: AccessToken) -> Json:
    return {
        "id": token.id,
        "name": token.name,
        "valid_until": token.valid_until,
        "created_at": token.created_at,
        "fingerprint": token.fingerprint,
        "active": token.is_active(time.time()),
    }


def create_token(call: Call) -> Response:
    user = _known(call)
    name = text_field(call.fields, "name")
    until = call.fields.get("valid_until")
    if not isinstance(until, int | float) or isinstance(until, bool):
        raise ArangoError(
            ERROR_BAD_PARAMETER, "attribute 'valid_until' must be a number of seconds since 1970"
        )
    if any(token.name == name for token in user.tokens):
        raise ArangoError(ERROR_HTTP_CONFLICT, f"an access token named '{name}' exists already")
    token, text = call.engine.users.create_token(user.name, name, int(until))
    return reply(200, {**_token(token), "token": text})


def list_tokens(call: Call) -> Response:
    return reply(200, {"tokens": [_token(token) for token in _known(call).tokens]})


def remove_token(call: Call) -> Response:
    user = _known(call)
    if not call.engine.users.remove_token(user.name, require_number(call.names["token"], "token id")):
        raise ArangoError(ERROR_HTTP_NOT_FOUND, f"the user has no access token {call.names['token']}")
    return reply(200, {})


_USER = "/_api/user/{user}"
ROUTES: tuple[Route, ...] = (
    Route("POST", "/_open/auth", log_in, Need.OPEN),
    Route("GET", "/_api/user", list_users),
    Route("POST", "/_api/user", create_user),
    Route("GET", _USER, read_user),
    Route("POST", _USER, check_user),
    Route("PUT", _USER, replace_user),
    Route("PATCH", _USER, update_user),
    Route("DELETE", _USER, remove_user),
    Route("GET", f"{_USER}/database", list_permissions),
    Route("GET", f"{_USER}/database/{{database}}", read_database_permission),
    Route("PUT", f"{_USER}/database/{{database}}", grant_database),
    Route("DELETE", f"{_USER}/database/{{database}}", revoke_database),
    Route("GET", f"{_USER}/database/{{database}}/{{collection}}", read_collection_permission),
    Route("PUT", f"{_USER}/database/{{database}}/{{collection}}", grant_collection),
    Route("DELETE", f"{_USER}/database/{{database}}/{{collection}}", revoke_collection),
    Route("GET", f"{_USER}/config", read_config),
    Route("DELETE", f"{_USER}/config", remove_config),
    Route("GET", f"{_USER}/config/{{key}}", read_config),
    Route("PUT", f"{_USER}/config/{{key}}", write_config),
    Route("DELETE", f"{_USER}/config/{{key}}", remove_config),
    Route("POST", "/_api/token/{user}", create_token),
    Route("GET", "/_api/token/{user}", list_tokens),
    Route("DELETE", "/_api/token/{user}/{token}", remove_token),
)
