"""What the server says of itself (version, role, options, times), and what an administrator may change."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from typing import Any

from mcp_arangodb_async.engine.errors import (
    ERROR_BAD_PARAMETER,
    ERROR_FORBIDDEN,
    ERROR_NOT_IMPLEMENTED,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged, reply, result
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import as_object
from mcp_arangodb_async.engine.http.routing import ANY, Need, Route
from mcp_arangodb_async.engine.http.state import stamp

Json = dict[str, Any]

_LONGEST_ECHO = 64 * 1024
ENGINE_NAME = "mcp-arangodb-async embedded engine"


def _details(call: Call) -> Json:
    # The mode is one of ArangoDB's JavaScript, which 4.0 has no more.
    mode: Json = {"mode": "server"} if call.engine.compat == "3.12" else {}
    return {
        "engine": ENGINE_NAME,
        "embedded": "true",
        "server-version": call.engine.version,
        "compatibility": call.engine.compat,
        "architecture": "64bit" if sys.maxsize > 2**32 else "32bit",
        "platform": sys.platform,
        "python": platform.python_version(),
        "endianness": sys.byteorder,
        **mode,
        "role": "SINGLE",
        "host": "",
    }


def read_version(call: Call) -> Response:
    answer: Json = {"server": "arango", "license": "community", "version": call.engine.version}
    if call.parameters.flag("details"):
        answer["details"] = _details(call)
    return reply(200, answer)


def read_engine(call: Call) -> Response:
    """ArangoDB's only engine is `rocksdb`, and drivers look for that word; the rest is our own answer."""
    indexes = ["primary", "edge", "persistent", "ttl", "geo", "inverted", "mdi", "vector"]
    supports = {"indexes": [*indexes, "fulltext"] if call.engine.compat == "3.12" else indexes}
    return reply(200, {"name": "rocksdb", "supports": supports, "endianness": "big"})


def read_engine_stats(call: Call) -> Response:
    return reply(200, {"engine": ENGINE_NAME, "databases": len(call.engine.databases())})


def read_time(_: Call) -> Response:
    return merged({"time": time.time()})


def read_status(call: Call) -> Response:
    older: Json = {"mode": "server", "operationMode": "server", "foxxApi": False}
    writes: Json = {"writeOpsEnabled": not call.state.read_only}
    if call.engine.compat != "3.12":
        older, writes = {}, {}
    return reply(
        200,
        {
            "server": "arango",
            "license": "community",
            "version": call.engine.version,
            **older,
            "host": "",
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "serverInfo": {
                "progress": {"phase": "in wait", "feature": "", "recoveryTick": 0},
                "role": "SINGLE",
                **writes,
                "readOnly": call.state.read_only,
                "maintenance": False,
            },
        },
    )


def read_availability(call: Call) -> Response:
    return merged({"mode": "readonly" if call.state.read_only else "default"})


def read_role(_: Call) -> Response:
    return merged({"role": "SINGLE", "mode": "default"})


def read_id(_: Call) -> Response:
    """Only members of a cluster have an id."""
    raise ArangoError(ERROR_NOT_IMPLEMENTED, "the server id exists in a cluster only", status=500)


def read_mode(call: Call) -> Response:
    return merged({"mode": "readonly" if call.state.read_only else "default"})


def set_mode(call: Call) -> Response:
    mode = call.fields.get("mode")
    if mode not in {"default", "readonly"}:
        raise ArangoError(ERROR_BAD_PARAMETER, "mode must be 'default' or 'readonly'")
    call.state.read_only = mode == "readonly"
    return merged({"mode": mode})


def read_license(_: Call) -> Response:
    return reply(200, {"license": "none"})


def set_license(_: Call) -> Response:
    raise ArangoError(ERROR_NOT_IMPLEMENTED, "the embedded engine takes no license keys")


def read_support_info(call: Call) -> Response:
    return reply(
        200,
        {
            "deployment": {"type": "single", "servers": {}},
            "date": stamp(time.time()),
            "host": {
                "role": "SINGLE",
                "version": call.engine.version,
                "engineStats": {"engine": ENGINE_NAME},
                "os": platform.platform(),
                "cpuCores": os.cpu_count() or 1,
                "uptime": time.time() - call.state.started,
            },
        },
    )


def _options(call: Call) -> Json:
    return {
        "server.authentication": call.state.authentication,
        "server.storage-engine": "rocksdb",
        "database.default-language": "en_US",
        "compat": call.engine.compat,
        "query.tracking": call.state.tracking["enabled"],
        "query.slow-threshold": call.state.tracking["slowQueryThreshold"],
    }


def read_options(call: Call) -> Response:
    return reply(200, _options(call))


def describe_options(call: Call) -> Response:
    kinds = {bool: "boolean", str: "string", int: "int64", float: "double"}
    return reply(
        200,
        {
            name: {"section": name.partition(".")[0], "type": kinds[type(value)], "default": value}
            for name, value in _options(call).items()
        },
    )


def read_target_version(call: Call) -> Response:
    return merged({"version": call.engine.version})


def compact(call: Call) -> Response:
    """Compaction is the storage's own business and always done; asking for it needs the right to."""
    if not call.identity.is_superuser:
        raise ArangoError(ERROR_FORBIDDEN, "only superusers may do this")
    return result({})


def refuse_shutdown(_: Call) -> Response:
    raise ArangoError(ERROR_NOT_IMPLEMENTED, "an embedded engine is stopped by the program it runs in")


def read_shutdown(_: Call) -> Response:
    return reply(200, {"softShutdownOngoing": False})


def echo(call: Call) -> Response:
    """The request as the server saw it, without what proves who sent it."""
    secret = {"authorization", "cookie", "proxy-authorization"}
    body = call.raw_body[:_LONGEST_ECHO]
    return reply(
        200,
        {
            "authorized": True,
            "user": call.identity.user,
            "isAdminUser": call.is_admin,
            "database": call.location.database,
            "url": call.location.path,
            "prefix": "/",
            "suffix": [],
            "protocol": "http",
            "requestType": call.request.method,
            "parameters": call.parameters.as_dict(),
            "headers": {name: value for name, value in call.request.headers.items() if name not in secret},
            "requestBody": body.decode("utf-8", "replace"),
            "rawRequestBody": {"type": "Buffer", "data": list(body)},
        },
    )


def reload_routing(_: Call) -> Response:
    """There are no Foxx routes, so none can be stale."""
    return merged({})


def read_endpoints(call: Call) -> Response:
    return reply(200, [{"endpoint": call.state.endpoint}])


def read_tls(_: Call) -> Response:
    """The server itself speaks no TLS, so there is nothing to tell or reload."""
    return result({})


def read_jwt(call: Call) -> Response:
    return result({"active": {"sha256": call.state.authenticator.secret_digest()}, "passive": []})


def reload_jwt(_: Call) -> Response:
    raise ArangoError(ERROR_BAD_PARAMETER, "no keyfile: the secret was given at start and stays")


def refuse_encryption(_: Call) -> Response:
    raise ArangoError(ERROR_NOT_IMPLEMENTED, "the embedded engine does not encrypt its files")


def read_api_calls(call: Call) -> Response:
    with call.state.lock:
        recent = list(reversed(call.state.recent_calls))
    calls = [
        {
            "timeStamp": stamp(moment),
            "requestType": method,
            "path": location.path,
            "database": location.database,
        }
        for moment, method, location in recent
    ]
    return result({"calls": calls})


def read_query_history(call: Call) -> Response:
    with call.state.lock:
        history = list(reversed(call.state.query_history))
    return result({"queries": [entry.shown() for entry in history]})


def list_key_generators(_: Call) -> Response:
    return merged({"keyGenerators": ["padded", "uuid", "autoincrement", "traditional"]})


def wal_range(call: Call) -> Response:
    tick = call.engine.tick()
    return reply(200, {"tickMin": "0", "tickMax": tick, "time": stamp(time.time()), "server": _server(call)})


def wal_last_tick(call: Call) -> Response:
    return reply(200, {"tick": call.engine.tick(), "time": stamp(time.time()), "server": _server(call)})


def logger_state(call: Call) -> Response:
    tick = call.engine.tick()
    state = {
        "running": True,
        "lastLogTick": tick,
        "lastUncommittedLogTick": tick,
        "time": stamp(time.time()),
    }
    return reply(200, {"state": state, "server": _server(call), "clients": []})


def read_server_id(call: Call) -> Response:
    return reply(200, {"serverId": call.engine.server_id})


def _server(call: Call) -> Json:
    return {"version": call.engine.version, "serverId": call.engine.server_id, "engine": "rocksdb"}


def flush_wal(call: Call) -> Response:
    as_object(call.body if call.body is not None else {})
    return merged({})


ROUTES: tuple[Route, ...] = (
    Route(ANY, "/_api/version", read_version),
    Route(ANY, "/_admin/version", read_version),
    Route("GET", "/_api/engine", read_engine),
    Route("GET", "/_api/engine/stats", read_engine_stats),
    Route(ANY, "/_admin/time", read_time),
    Route("GET", "/_admin/status", read_status),
    Route("GET", "/_admin/server/availability", read_availability, Need.OPEN),
    Route("GET", "/_admin/server/role", read_role),
    Route("GET", "/_admin/server/id", read_id),
    Route("GET", "/_admin/server/mode", read_mode),
    Route("PUT", "/_admin/server/mode", set_mode, Need.ADMIN),
    Route("GET", "/_admin/server/tls", read_tls),
    Route("POST", "/_admin/server/tls", read_tls, Need.SUPERUSER),
    Route("GET", "/_admin/server/jwt", read_jwt, Need.SUPERUSER),
    Route("POST", "/_admin/server/jwt", reload_jwt, Need.SUPERUSER),
    Route("POST", "/_admin/server/encryption", refuse_encryption, Need.SUPERUSER),
    Route("GET", "/_admin/server/api-calls", read_api_calls, Need.ADMIN),
    Route("GET", "/_admin/server/aql-queries", read_query_history, Need.ADMIN),
    Route("GET", "/_admin/license", read_license),
    Route("PUT", "/_admin/license", set_license, Need.ADMIN),
    Route("GET", "/_admin/support-info", read_support_info, Need.ADMIN, system_only=True),
    Route("GET", "/_admin/options", read_options, Need.ADMIN, system_only=True),
    Route("GET", "/_admin/options-description", describe_options, Need.ADMIN, system_only=True),
    Route("GET", "/_admin/database/target-version", read_target_version),
    Route("PUT", "/_admin/compact", compact, Need.ADMIN),
    Route("DELETE", "/_admin/shutdown", refuse_shutdown, Need.ADMIN),
    Route("GET", "/_admin/shutdown", read_shutdown, Need.ADMIN),
    Route(ANY, "/_admin/echo", echo),
    Route("POST", "/_admin/routing/reload", reload_routing),
    Route("GET", "/_api/endpoint", read_endpoints, Need.READ, system_only=True),
    Route("GET", "/_api/key-generators", list_key_generators),
    Route("PUT", "/_admin/wal/flush", flush_wal, Need.ADMIN),
    Route("GET", "/_api/wal/range", wal_range, Need.ADMIN),
    Route("GET", "/_api/wal/lastTick", wal_last_tick, Need.ADMIN),
    Route("GET", "/_api/replication/logger-state", logger_state),
    Route("GET", "/_api/replication/server-id", read_server_id),
)
