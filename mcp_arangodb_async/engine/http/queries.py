"""`/_api/query`, `/_api/explain` and the caches: parse, explain, list and stop queries."""

from __future__ import annotations

from typing import Any

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_USE_SYSTEM_DATABASE,
    ERROR_BAD_PARAMETER,
    ERROR_FORBIDDEN,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged, reply
from mcp_arangodb_async.engine.http.cursors import bind_vars, options_of, query_text
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.routing import Need, Route
from mcp_arangodb_async.engine.users import SYSTEM


def parse_query(call: Call) -> Response:
    return merged({"parsed": True, **call.database.parse(query_text(call.body))})


def explain(call: Call) -> Response:
    text = query_text(call.body)
    body = call.fields
    return merged(call.database.explain(text, bind_vars(body), options_of(body), access=call.allow))


def list_rules(call: Call) -> Response:
    return reply(200, call.database.rules())


# ---- running and slow queries


def _all_databases(call: Call) -> bool:
    """Was `all` asked for, and may it be: in `_system`, by an administrator?"""
    if not call.parameters.flag("all"):
        return False
    if call.location.database != SYSTEM:
        raise ArangoError(ERROR_ARANGO_USE_SYSTEM_DATABASE)
    if not call.is_admin:
        raise ArangoError(ERROR_FORBIDDEN, "only administrators may see the queries of all databases")
    return True


def list_current(call: Call) -> Response:
    names = call.engine.databases() if _all_databases(call) else [call.location.database]
    found = list[Any]()
    for name in names:
        found += call.engine.database(name).current_queries()
    return reply(200, found)


def list_slow(call: Call) -> Response:
    everywhere = _all_databases(call)
    with call.state.lock:
        return reply(
            200,
            [
                entry.shown()
                for entry in call.state.slow_queries
                if everywhere or entry.database == call.location.database
            ],
        )


def clear_slow(call: Call) -> Response:
    everywhere = _all_databases(call)
    with call.state.lock:
        kept = [
            entry
            for entry in call.state.slow_queries
            if not everywhere and entry.database != call.location.database
        ]
        call.state.slow_queries.clear()
        call.state.slow_queries.extend(kept)
    return merged({})


def kill_query(call: Call) -> Response:
    number = call.names["query"]
    if _all_databases(call):
        for name in call.engine.databases():
            database = call.engine.database(name)
            if any(entry["id"] == number for entry in database.current_queries()):
                database.kill(number)
                return merged({})
    call.database.kill(number)
    return merged({})


def read_properties(call: Call) -> Response:
    with call.state.lock:
        return merged(call.state.tracking)


_PROPERTY_KINDS: dict[str, type | tuple[type, ...]] = {
    "enabled": bool,
    "trackSlowQueries": bool,
    "trackBindVars": bool,
    "maxSlowQueries": int,
    "slowQueryThreshold": (int, float),
    "slowStreamingQueryThreshold": (int, float),
    "maxQueryStringLength": int,
}


def set_properties(call: Call) -> Response:
    changes = {name: value for name, value in call.fields.items() if name in _PROPERTY_KINDS}
    for name, value in changes.items():
        kind = _PROPERTY_KINDS[name]
        if not isinstance(value, kind) or (kind is not bool and (isinstance(value, bool) or value < 0)):
            raise ArangoError(ERROR_BAD_PARAMETER, f"attribute '{name}' has a wrong value: {value!r}")
    with call.state.lock:
        call.state.tracking.update(changes)
        return merged(call.state.tracking)


# ---- caches


def list_cache(call: Call) -> Response:
    return reply(200, call.state.cache.entries(call.location.database))


def clear_cache(call: Call) -> Response:
    call.state.cache.clear(call.location.database)
    return merged({})


def read_cache_properties(call: Call) -> Response:
    return reply(200, call.state.cache.properties())


def set_cache_properties(call: Call) -> Response:
    return reply(200, call.state.cache.configure(call.fields))


def list_plans(call: Call) -> Response:
    return reply(200, call.database.cached_plans())


def clear_plans(call: Call) -> Response:
    call.database.clear_plans()
    return merged({})


ROUTES: tuple[Route, ...] = (
    Route("POST", "/_api/query", parse_query),
    Route("POST", "/_api/explain", explain),
    Route("GET", "/_api/query/rules", list_rules),
    Route("GET", "/_api/query/current", list_current),
    Route("GET", "/_api/query/slow", list_slow),
    Route("DELETE", "/_api/query/slow", clear_slow),
    Route("GET", "/_api/query/properties", read_properties),
    Route("PUT", "/_api/query/properties", set_properties, Need.WRITE),
    Route("DELETE", "/_api/query/{query}", kill_query),
    Route("GET", "/_api/query-cache/entries", list_cache),
    Route("DELETE", "/_api/query-cache", clear_cache),
    Route("GET", "/_api/query-cache/properties", read_cache_properties),
    Route("PUT", "/_api/query-cache/properties", set_cache_properties, Need.WRITE),
    Route("GET", "/_api/query-plan-cache", list_plans),
    Route("DELETE", "/_api/query-plan-cache", clear_plans),
)
