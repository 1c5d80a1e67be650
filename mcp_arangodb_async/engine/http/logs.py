"""Log levels and entries, metrics and statistics."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ERROR_HTTP_BAD_PARAMETER, ArangoError
from mcp_arangodb_async.engine.http.administration import ENGINE_NAME
from mcp_arangodb_async.engine.http.call import Call, merged, reply
from mcp_arangodb_async.engine.http.messages import TEXT, Response
from mcp_arangodb_async.engine.http.parameters import as_object
from mcp_arangodb_async.engine.http.routing import Need, Route
from mcp_arangodb_async.engine.http.state import LOG_LEVELS, default_log_levels

Json = dict[str, Any]


def _check_level(call: Call) -> None:
    """`level` wins over `upto`; both are names of levels or their numbers."""
    name = "level" if call.parameters.text("level") else "upto"
    level = call.parameters.text(name).upper()
    if level and level not in LOG_LEVELS and level not in map(str, range(len(LOG_LEVELS))):
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, f"unknown '{name}' log level: {level!r}")


def read_entries(call: Call) -> Response:
    """The engine writes no log of its own, so there are no entries."""
    _check_level(call)
    return reply(200, {"total": 0, "messages": []})


def read_log(call: Call) -> Response:
    """The form with a list for each attribute of the entries."""
    _check_level(call)
    return reply(200, {"totalAmount": 0, "lid": [], "topic": [], "level": [], "timestamp": [], "text": []})


def clear_entries(_: Call) -> Response:
    return merged({})


def _shown_levels(call: Call) -> Response:
    """The levels; with `withAppenders` as those of all outputs, of which the engine has none of its own."""
    levels = dict(call.state.log_levels)
    if call.parameters.flag("withAppenders"):
        return reply(200, {"global": levels, "appenders": {}})
    return reply(200, levels)


def read_levels(call: Call) -> Response:
    with call.state.lock:
        return _shown_levels(call)


def set_levels(call: Call) -> Response:
    body = call.body
    if call.parameters.flag("withAppenders"):
        body = as_object(as_object(body).get("global", {}))
    with call.state.lock:
        levels = dict(call.state.log_levels)
        for topic, value in ({"all": body} if isinstance(body, str) else as_object(body)).items():
            level = value.upper() if isinstance(value, str) else ""
            if level not in LOG_LEVELS:
                raise ArangoError(
                    ERROR_BAD_PARAMETER, f"a log level is one of {', '.join(LOG_LEVELS)}; not {value!r}"
                )
            if topic == "all":
                levels = dict.fromkeys(levels, level)
            elif topic in levels:
                levels[topic] = level
        call.state.log_levels = levels
        return _shown_levels(call)


def reset_levels(call: Call) -> Response:
    with call.state.lock:
        call.state.log_levels = default_log_levels()
        return _shown_levels(call)


def read_structured(call: Call) -> Response:
    """Those that are on, as the server answers."""
    return reply(200, {name: True for name, is_on in call.state.log_structured.items() if is_on})


def set_structured(call: Call) -> Response:
    with call.state.lock:
        for name, value in call.fields.items():
            if name in call.state.log_structured and isinstance(value, bool):
                call.state.log_structured[name] = value
        return read_structured(call)


def _memory() -> int:
    """The most memory the process has used, in bytes; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def read_metrics(call: Call) -> Response:
    """Counters in Prometheus' text format, under ArangoDB's names where the meaning is the same."""
    with call.state.lock:
        requests = dict(call.state.requests)
    times = os.times()
    gauges = {
        "arangodb_server_statistics_server_uptime_total": ("counter", time.time() - call.state.started),
        "arangodb_process_statistics_resident_set_size": ("gauge", _memory()),
        "arangodb_process_statistics_user_time": ("gauge", times.user),
        "arangodb_process_statistics_system_time": ("gauge", times.system),
        "arangodb_http_request_statistics_total_requests_total": ("counter", sum(requests.values())),
        "arangodb_aql_cursors_active": ("gauge", len(call.state.cursors)),
        "arangodb_server_statistics_cpu_cores": ("gauge", os.cpu_count() or 1),
    }
    lines = list[str]()
    for name, (kind, value) in gauges.items():
        lines += [f"# TYPE {name} {kind}", f'{name}{{role="SINGLE"}} {value}']
    for method, count in sorted(requests.items()):
        name = f"arangodb_http_request_statistics_http_{method.lower()}_requests_total"
        lines += [f"# TYPE {name} counter", f'{name}{{role="SINGLE"}} {count}']
    return Response(status=200, headers={"content-type": TEXT}, body=("\n".join(lines) + "\n").encode())


def read_statistics(call: Call) -> Response:
    with call.state.lock:
        requests = dict(call.state.requests)
    times = os.times()
    uptime = time.time() - call.state.started
    return merged(
        {
            "enabled": True,
            "time": time.time(),
            "system": {"userTime": times.user, "systemTime": times.system, "residentSize": _memory()},
            "http": {
                "requestsTotal": sum(requests.values()),
                **{f"requests{method.title()}": count for method, count in requests.items()},
            },
            "server": {"uptime": uptime, "engine": ENGINE_NAME},
        }
    )


def describe_statistics(_: Call) -> Response:
    groups = [
        {"group": "system", "name": "Process Statistics", "description": "Time and memory of the process"},
        {"group": "http", "name": "HTTP Request Statistics", "description": "Numbers of HTTP requests"},
        {"group": "server", "name": "Server Statistics", "description": "Statistics about the server"},
    ]
    figures = [
        {
            "group": "system",
            "identifier": "userTime",
            "name": "User Time",
            "type": "current",
            "units": "seconds",
        },
        {
            "group": "http",
            "identifier": "requestsTotal",
            "name": "Total requests",
            "type": "accumulated",
            "units": "number",
        },
        {
            "group": "server",
            "identifier": "uptime",
            "name": "Server Uptime",
            "type": "current",
            "units": "seconds",
        },
    ]
    return merged({"groups": groups, "figures": figures})


ROUTES: tuple[Route, ...] = (
    Route("GET", "/_admin/log", read_log, Need.ADMIN),
    Route("DELETE", "/_admin/log", clear_entries, Need.ADMIN),
    Route("GET", "/_admin/log/entries", read_entries, Need.ADMIN),
    Route("DELETE", "/_admin/log/entries", clear_entries, Need.ADMIN),
    Route("GET", "/_admin/log/level", read_levels, Need.ADMIN),
    Route("PUT", "/_admin/log/level", set_levels, Need.ADMIN),
    Route("DELETE", "/_admin/log/level", reset_levels, Need.ADMIN),
    Route("GET", "/_admin/log/structured", read_structured, Need.ADMIN),
    Route("PUT", "/_admin/log/structured", set_structured, Need.ADMIN),
    Route("GET", "/_admin/metrics", read_metrics),
    Route("GET", "/_admin/metrics/v2", read_metrics),
    Route("GET", "/_admin/statistics", read_statistics),
    Route("GET", "/_admin/statistics-description", describe_statistics),
)
