"""`/_api/index`: the indexes of a collection."""

from __future__ import annotations

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_COLLECTION_PARAMETER_MISSING,
    ERROR_BAD_PARAMETER,
    ERROR_HTTP_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json
from mcp_arangodb_async.engine.http.routing import Need, Route

#: Types of indexes that ArangoDB 4.0 has no more.
_OLDER = ("hash", "skiplist", "fulltext")


def _collection_name(call: Call) -> str:
    name = call.parameters.text("collection")
    if not name:
        raise ArangoError(ERROR_ARANGO_COLLECTION_PARAMETER_MISSING)
    return name


def list_indexes(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        collection = call.readable(tx, _collection_name(call))
        found = [_shown(call, tx, collection, index.full_id) for index in collection.indexes]
    return merged({"indexes": found, "identifiers": {index["id"]: index for index in found}})


def _shown(call: Call, tx: Transaction, collection: Collection, handle: str) -> Json:
    return call.catalog.describe_index(tx, collection, collection.index(handle))


def create_index(call: Call) -> Response:
    with call.catalog.begin() as tx:
        name = call.writable(tx, _collection_name(call)).name
    kind = call.fields.get("type")
    if kind in _OLDER and call.engine.compat != "3.12":
        raise ArangoError(ERROR_BAD_PARAMETER, f"ArangoDB 4.0 has no indexes of type '{kind}'")
    index, is_new = call.catalog.create_index(name, call.fields)
    with call.catalog.begin() as tx:
        shown = _shown(call, tx, tx.collection(name), index.full_id)
    return merged({**shown, "isNewlyCreated": is_new}, 201 if is_new else 200)


def read_index(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        collection = call.readable(tx, call.names["collection"])
        return merged(_shown(call, tx, collection, call.names["index"]))


def drop_index(call: Call) -> Response:
    with call.catalog.begin() as tx:
        name = call.writable(tx, call.names["collection"]).name
    index = call.catalog.drop_index(name, call.names["index"])
    return merged({"id": index.full_id})


def refuse_handle(_: Call) -> Response:
    raise ArangoError(ERROR_HTTP_BAD_PARAMETER, "expecting /_api/index/<collection>/<index>")


ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/index", list_indexes),
    Route("POST", "/_api/index", create_index, Need.WRITE),
    Route("GET", "/_api/index/{collection}", refuse_handle),
    Route("GET", "/_api/index/{collection}/{index}", read_index),
    Route("DELETE", "/_api/index/{collection}", refuse_handle),
    Route("DELETE", "/_api/index/{collection}/{index}", drop_index, Need.WRITE),
)
