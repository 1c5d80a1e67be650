"""What an embedded engine does not do: each family of endpoints says so, with ArangoDB's error numbers."""

from __future__ import annotations

from collections.abc import Callable

from mcp_arangodb_async.engine.errors import (
    ERROR_CLUSTER_ONLY_ON_COORDINATOR,
    ERROR_NOT_IMPLEMENTED,
    ERROR_TASK_NOT_FOUND,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, reply
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.routing import ANY, Need, Route


def _refusing(what: str, *, num: int = ERROR_NOT_IMPLEMENTED) -> Callable[[Call], Response]:
    def answer(_: Call) -> Response:
        raise ArangoError(num, f"{what}: not available in the embedded engine", status=501)

    return answer


def list_tasks(_: Call) -> Response:
    """No task can be made, so there is none."""
    return reply(200, [])


def unknown_task(_: Call) -> Response:
    raise ArangoError(ERROR_TASK_NOT_FOUND)


_FAMILIES = (
    ("/_api/foxx", "Foxx services", ERROR_NOT_IMPLEMENTED),
    ("/_api/replication", "replication", ERROR_NOT_IMPLEMENTED),
    ("/_api/cluster", "cluster functions", ERROR_CLUSTER_ONLY_ON_COORDINATOR),
    ("/_admin/cluster", "cluster functions", ERROR_CLUSTER_ONLY_ON_COORDINATOR),
    ("/_admin/backup", "hot backups", ERROR_NOT_IMPLEMENTED),
    ("/_api/control_pregel", "Pregel", ERROR_NOT_IMPLEMENTED),
    ("/_api/traversal", "the traversal API (use AQL)", ERROR_NOT_IMPLEMENTED),
    ("/_api/batch", "batch requests", ERROR_NOT_IMPLEMENTED),
    ("/_api/dump", "parallel dumps", ERROR_NOT_IMPLEMENTED),
    ("/_api/wal", "the write-ahead log", ERROR_NOT_IMPLEMENTED),
    ("/_admin/wal/properties", "settings of the write-ahead log", ERROR_NOT_IMPLEMENTED),
    ("/_admin/wal/transactions", "transactions in the write-ahead log", ERROR_NOT_IMPLEMENTED),
    ("/_admin/execute", "running JavaScript", ERROR_NOT_IMPLEMENTED),
    ("/_admin/test", "running JavaScript tests", ERROR_NOT_IMPLEMENTED),
    ("/_admin/aardvark", "the web interface", ERROR_NOT_IMPLEMENTED),
)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/tasks", list_tasks),
    Route("GET", "/_api/tasks/{task}", unknown_task),
    Route("DELETE", "/_api/tasks/{task}", unknown_task),
    Route("POST", "/_api/tasks", _refusing("tasks"), Need.WRITE),
    Route("POST", "/_api/tasks/{task}", _refusing("tasks"), Need.WRITE),
    Route("PUT", "/_api/tasks/{task}", _refusing("tasks"), Need.WRITE),
    *(
        route
        for prefix, what, num in _FAMILIES
        for route in (
            Route(ANY, prefix, _refusing(what, num=num)),
            Route(ANY, f"{prefix}/{{rest...}}", _refusing(what, num=num)),
        )
    ),
)
