"""`/_api/transaction`: stream transactions."""

from __future__ import annotations

from typing import Any, cast

from mcp_arangodb_async.engine.catalog.streams import StreamOptions
from mcp_arangodb_async.engine.errors import ERROR_BAD_PARAMETER, ERROR_NOT_IMPLEMENTED, ArangoError
from mcp_arangodb_async.engine.http.call import Call, merged, result
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, flag_field, names_field, number_field
from mcp_arangodb_async.engine.http.routing import Route

_LOCK_TIMEOUT = 900.0
_LARGEST = 128 * 1024 * 1024


def begin(call: Call) -> Response:
    """Start one. The collections are named so that rights are checked; `allowImplicit` permits others."""
    body = call.fields
    collections: Any = body.get("collections")
    if not isinstance(collections, dict):
        raise ArangoError(ERROR_BAD_PARAMETER, "missing/invalid collections definition for transaction")
    names = cast("Json", collections)
    read, write, exclusive = (names_field(names, kind) for kind in ("read", "write", "exclusive"))
    with call.catalog.begin() as tx:
        for name in read:
            call.readable(tx, name)
        for name in (*write, *exclusive):
            call.writable(tx, name)
    lock_timeout = number_field(body, "lockTimeout")
    size = number_field(body, "maxTransactionSize")
    options = StreamOptions(
        wait_for_sync=flag_field(body, "waitForSync"),
        allow_implicit=flag_field(names, "allowImplicit", True),
        lock_timeout=_LOCK_TIMEOUT if not lock_timeout else min(float(lock_timeout), _LOCK_TIMEOUT),
        max_bytes=_LARGEST if not size else min(int(size), _LARGEST),
    )
    number = call.database.streams.begin(
        read=read, write=write, exclusive=exclusive, options=options, user=call.identity.user
    )
    return result({"id": number, "status": "running"}, 201)


def list_running(call: Call) -> Response:
    owner = None if call.identity.is_superuser else call.identity.user
    numbers = call.database.streams.running(user=owner)
    return merged({"transactions": [{"id": number, "state": "running"} for number in numbers]})


def read_status(call: Call) -> Response:
    number = call.names["transaction"]
    return result({"id": number, "status": call.database.streams.status(number, user=call.identity.user)})


def commit(call: Call) -> Response:
    number = call.names["transaction"]
    return result({"id": number, "status": call.database.streams.commit(number, user=call.identity.user)})


def abort(call: Call) -> Response:
    number = call.names["transaction"]
    return result({"id": number, "status": call.database.streams.abort(number, user=call.identity.user)})


def abort_all_writing(call: Call) -> Response:
    """`DELETE /_api/transaction/write` ends the caller's open transactions."""
    for number in call.database.streams.running(user=call.identity.user):
        call.database.streams.abort(number, user=call.identity.user)
    return result({})


def refuse_script(_: Call) -> Response:
    raise ArangoError(
        ERROR_NOT_IMPLEMENTED, "JavaScript transactions: the embedded engine runs no JavaScript"
    )


ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/transaction", list_running),
    Route("POST", "/_api/transaction", refuse_script),
    Route("POST", "/_api/transaction/begin", begin),
    Route("DELETE", "/_api/transaction/write", abort_all_writing),
    Route("GET", "/_api/transaction/{transaction}", read_status),
    Route("PUT", "/_api/transaction/{transaction}", commit),
    Route("DELETE", "/_api/transaction/{transaction}", abort),
)
