"""`/_api/edges`: the edges of a vertex."""

from __future__ import annotations

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_COLLECTION_TYPE_INVALID,
    ERROR_BAD_PARAMETER,
    ERROR_HTTP_BAD_PARAMETER,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.routing import Route

_DIRECTIONS = {
    "": "any",
    "any": "any",
    "in": "inbound",
    "inbound": "inbound",
    "out": "outbound",
    "outbound": "outbound",
}
_NOTHING_DONE = {
    "writesExecuted": 0,
    "writesIgnored": 0,
    "documentLookups": 0,
    "seeks": 0,
    "scannedFull": 0,
    "scannedIndex": 0,
    "cursorsCreated": 0,
    "cursorsRearmed": 0,
    "cacheHits": 0,
    "cacheMisses": 0,
    "filtered": 0,
    "httpRequests": 0,
    "executionTime": 0,
    "peakMemoryUsage": 0,
    "intermediateCommits": 0,
}


def read_edges(call: Call) -> Response:
    vertex = call.parameters.text("vertex")
    if not vertex or vertex.count("/") != 1:
        raise ArangoError(ERROR_HTTP_BAD_PARAMETER, "illegal document handle in parameter 'vertex'")
    direction = _DIRECTIONS.get(call.parameters.text("direction").lower())
    if direction is None:
        raise ArangoError(ERROR_BAD_PARAMETER, "direction must be one of any, in, out", status=400)
    with call.transaction(write=False) as tx:
        collection = call.readable(tx, call.names["collection"])
        if not collection.is_edge:
            raise ArangoError(ERROR_ARANGO_COLLECTION_TYPE_INVALID)
        found = list(collection.edges(tx, vertex, direction))
    return merged({"edges": found, "stats": {**_NOTHING_DONE, "scannedIndex": len(found)}})


ROUTES: tuple[Route, ...] = (Route("GET", "/_api/edges/{collection}", read_edges),)
