"""Vertices and edges through their graph: `/_api/gharial/{graph}/vertex|edge/{collection}[/{key}]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mcp_arangodb_async.engine.catalog import graphs
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.catalog.options import DocumentChange, WriteOptions
from mcp_arangodb_async.engine.catalog.records import Graph
from mcp_arangodb_async.engine.catalog.transaction import Transaction
from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_CONFLICT,
    ERROR_ARANGO_DOCUMENT_NOT_FOUND,
    ERROR_GRAPH_COLLECTION_NOT_PART_OF_THE_GRAPH,
    ERROR_GRAPH_EDGE_COLLECTION_NOT_USED,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, failure, merged
from mcp_arangodb_async.engine.http.documents import (
    body_document,
    identity_of,
    other_revision,
    synced,
    write_options,
)
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json
from mcp_arangodb_async.engine.http.routing import Route

Kind = Literal["vertex", "edge"]


def _graph(call: Call, tx: Transaction, kind: Kind) -> Graph:
    """The graph of the path, to which the path's collection has to belong."""
    graph = graphs.graph(tx, call.names["graph"])
    name = call.names["collection"]
    if kind == "edge" and name not in graph.edge_collections:
        raise ArangoError(ERROR_GRAPH_EDGE_COLLECTION_NOT_USED, status=404)
    if kind == "vertex" and name not in graph.vertex_collections:
        known = ", ".join(graph.vertex_collections)
        message = f"vertex collection '{name}' is not part of the graph; these are: {known}"
        raise ArangoError(ERROR_GRAPH_COLLECTION_NOT_PART_OF_THE_GRAPH, message, status=404)
    return graph


def _edge_collections_at(tx: Transaction, vertices: str) -> set[str]:
    """The edge collections that lose edges with a vertex of a collection, in all graphs."""
    return {
        edges
        for graph in graphs.list_graphs(tx)
        if vertices in graph.vertex_collections
        for edges in graph.edge_collections
    }


def _precondition(document: Json) -> Response:
    error = ArangoError(ERROR_ARANGO_CONFLICT, "conflict, _rev values do not match", status=412)
    return failure(error, identity_of(document), {"etag": document["_rev"]})


def _answer(
    call: Call, kind: Kind, collection: Collection, change: DocumentChange, *, created: bool
) -> Response:
    document = change.document
    shown: Json = identity_of(document)
    if change.old is not None and change.new is not None:
        shown["_oldRev"] = change.old["_rev"]
    answer: Json = {kind: shown}
    if call.parameters.flag("returnOld") and change.old is not None:
        answer["old"] = change.old
    if call.parameters.flag("returnNew") and change.new is not None:
        answer["new"] = change.new
    status = (201 if created else 200) if synced(call, collection) else 202
    return merged(answer, status, {"etag": document["_rev"]})


def _read(kind: Kind) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        with call.transaction(write=False) as tx:
            _graph(call, tx, kind)
            document = call.readable(tx, call.names["collection"]).get(tx, call.names["key"])
        if document is None:
            raise ArangoError(ERROR_ARANGO_DOCUMENT_NOT_FOUND)
        revision = document["_rev"]
        unwanted = call.header("if-none-match")
        if unwanted is not None and unwanted.strip('"') == revision:
            return Response(status=304, headers={"etag": revision})
        expected = call.header("if-match") or call.parameters.text("rev")
        if expected and expected.strip('"') != revision:
            return _precondition(document)
        return merged({kind: document}, 200, {"etag": revision})

    return answer


def _insert(kind: Kind) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        document = body_document(call.body)
        options = write_options(call, insert=True)
        with call.transaction(write=True) as tx:
            graph = _graph(call, tx, kind)
            collection = call.writable(tx, call.names["collection"])
            if kind == "edge":
                change = graphs.insert_edge(tx, graph, collection.name, document, options)
            else:
                change = collection.insert(tx, document, options)
        return _answer(call, kind, collection, change, created=True)

    return answer


def _options(call: Call) -> WriteOptions:
    """As for documents; a revision may also come as the parameter `rev`."""
    options = write_options(call)
    revision = call.parameters.text("rev")
    if revision and options.expected_rev is None:
        return WriteOptions(
            keep_null=options.keep_null,
            merge_objects=options.merge_objects,
            ignore_revs=options.ignore_revs,
            expected_rev=revision,
            wait_for_sync=options.wait_for_sync,
        )
    return options


def _change(kind: Kind, *, patch: bool) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        document = body_document(call.body)
        options = _options(call)
        key = call.names["key"]
        with call.transaction(write=True) as tx:
            graph = _graph(call, tx, kind)
            collection = call.writable(tx, call.names["collection"])
            stored = other_revision(tx, collection, key, options, document)
            if stored is not None:
                return _precondition(stored)
            if kind == "edge":
                write_edge = graphs.update_edge if patch else graphs.replace_edge
                change = write_edge(tx, graph, collection.name, key, document, options)
            else:
                write = collection.update if patch else collection.replace
                change = write(tx, key, document, options)
        return _answer(call, kind, collection, change, created=False)

    return answer


def _remove(kind: Kind) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        options = _options(call)
        key = call.names["key"]
        with call.transaction(write=True) as tx:
            graph = _graph(call, tx, kind)
            collection = call.writable(tx, call.names["collection"])
            stored = other_revision(tx, collection, key, options)
            if stored is not None:
                return _precondition(stored)
            for edges in _edge_collections_at(tx, collection.name):
                call.allow(edges, True)
            change = graphs.remove_vertex(tx, graph, collection.name, key, options)
        removed: Json = {"removed": True}
        if call.parameters.flag("returnOld"):
            removed["old"] = change.old
        return merged(removed, 200 if synced(call, collection) else 202)

    return answer


def _routes(kind: Kind) -> tuple[Route, ...]:
    collection = f"/_api/gharial/{{graph}}/{kind}/{{collection}}"
    document = f"{collection}/{{key}}"
    return (
        Route("POST", collection, _insert(kind)),
        Route("GET", document, _read(kind)),
        Route("PUT", document, _change(kind, patch=False)),
        Route("PATCH", document, _change(kind, patch=True)),
        Route("DELETE", document, _remove(kind)),
    )


ROUTES: tuple[Route, ...] = (*_routes("vertex"), *_routes("edge"))
