"""`/_api/gharial`: named graphs and what they are made of. Vertices and edges: `graph_documents`."""

from __future__ import annotations

from typing import Any, cast

from mcp_arangodb_async.engine.catalog import graphs
from mcp_arangodb_async.engine.catalog.records import EdgeDefinition, Graph
from mcp_arangodb_async.engine.errors import (
    ERROR_BAD_PARAMETER,
    ERROR_GRAPH_CREATE_MALFORMED_EDGE_DEFINITION,
    ERROR_GRAPH_INVALID_GRAPH,
    ArangoError,
)
from mcp_arangodb_async.engine.http.call import Call, merged
from mcp_arangodb_async.engine.http.messages import Response
from mcp_arangodb_async.engine.http.parameters import Json, as_object, names_field, text_field
from mcp_arangodb_async.engine.http.routing import Need, Route

_SHARD_OPTIONS = ("isSmart", "isDisjoint", "isSatellite", "options")


def _shown(call: Call, graph: Graph, *, created: bool = True) -> Response:
    """The graph, with its revision as an unquoted tag, as `/_api/gharial` sends it."""
    status = (201 if call.parameters.flag("waitForSync") else 202) if created else 200
    return merged({"graph": graphs.describe_graph(graph)}, status, {"etag": graph.rev})


def list_graphs(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        return merged({"graphs": [graphs.describe_graph(graph) for graph in graphs.list_graphs(tx)]})


def read_graph(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        return _shown(call, graphs.graph(tx, call.names["graph"]), created=False)


def definition_of(value: Any) -> EdgeDefinition:
    """An edge definition of a body: `collection`, `from`, `to`, each present."""
    if not isinstance(value, dict):
        raise ArangoError(ERROR_GRAPH_CREATE_MALFORMED_EDGE_DEFINITION)
    body = cast("Json", value)
    sources, targets = body.get("from"), body.get("to")
    if (
        not isinstance(body.get("collection"), str)
        or not isinstance(sources, list)
        or not isinstance(targets, list)
    ):
        raise ArangoError(ERROR_GRAPH_CREATE_MALFORMED_EDGE_DEFINITION)
    return EdgeDefinition(
        collection=text_field(body, "collection"),
        sources=tuple(names_field(body, "from")),
        targets=tuple(names_field(body, "to")),
    )


def create_graph(call: Call) -> Response:
    body = call.fields
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise ArangoError(ERROR_BAD_PARAMETER, "missing graph name", status=400)
    definitions: Any = body.get("edgeDefinitions") or []
    if not isinstance(definitions, list):
        raise ArangoError(ERROR_GRAPH_CREATE_MALFORMED_EDGE_DEFINITION)
    edges = [definition_of(entry) for entry in cast("list[Any]", definitions)]
    orphans = names_field(body, "orphanCollections")
    for definition in edges:
        _allow_definition(call, definition)
    for orphan in orphans:
        _allow_existing(call, orphan)
    graph = graphs.create_graph(
        call.catalog,
        name,
        edges,
        orphans,
        {option: body[option] for option in _SHARD_OPTIONS if option in body},
    )
    return _shown(call, graph)


def _allow_definition(call: Call, definition: EdgeDefinition) -> None:
    """A graph opens a way into its collections: who defines it must be allowed to read them."""
    for name in (definition.collection, *definition.sources, *definition.targets):
        _allow_existing(call, name)


def _allow_existing(call: Call, name: str) -> None:
    """Ask for the right to read a collection, if there is one of this name or number."""
    with call.catalog.begin() as tx:
        if call.knows(tx, name):
            call.readable(tx, name)


def drop_graph(call: Call) -> Response:
    name = call.names["graph"]
    drop = call.parameters.flag("dropCollections")
    if drop:
        with call.catalog.begin() as tx:
            graph = graphs.graph(tx, name)
        for collection in (*graph.edge_collections, *graph.vertex_collections):
            call.allow(collection, True)
    graphs.drop_graph(call.catalog, name, drop_collections=drop)
    return merged({"removed": True}, 202)


# ---- vertex collections


def list_vertex_collections(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        return merged({"collections": list(graphs.graph(tx, call.names["graph"]).vertex_collections)})


def add_vertex_collection(call: Call) -> Response:
    collection = text_field(call.fields, "collection")
    _allow_existing(call, collection)
    create = call.parameters.flag("createCollection", True)
    return _shown(
        call, graphs.add_vertex_collection(call.catalog, call.names["graph"], collection, create=create)
    )


def remove_vertex_collection(call: Call) -> Response:
    collection, drop = call.names["collection"], call.parameters.flag("dropCollection")
    if drop:
        call.allow(collection, True)
    graph = graphs.remove_vertex_collection(
        call.catalog, call.names["graph"], collection, drop_collection=drop
    )
    return _shown(call, graph)


# ---- edge definitions


def list_edge_collections(call: Call) -> Response:
    with call.transaction(write=False) as tx:
        return merged({"collections": sorted(graphs.graph(tx, call.names["graph"]).edge_collections)})


def add_edge_definition(call: Call) -> Response:
    definition = definition_of(call.body)
    _allow_definition(call, definition)
    return _shown(call, graphs.add_edge_definition(call.catalog, call.names["graph"], definition))


def replace_edge_definition(call: Call) -> Response:
    definition = definition_of(as_object(call.body))
    if definition.collection != call.names["collection"]:
        raise ArangoError(
            ERROR_GRAPH_INVALID_GRAPH,
            "the definition is of another edge collection than the path",
            status=400,
        )
    _allow_definition(call, definition)
    graph = graphs.replace_edge_definition(
        call.catalog,
        call.names["graph"],
        call.names["collection"],
        definition,
        drop_collections=call.parameters.flag("dropCollections"),
    )
    return _shown(call, graph)


def remove_edge_definition(call: Call) -> Response:
    collection, drop = call.names["collection"], call.parameters.flag("dropCollections")
    if drop:
        call.allow(collection, True)
    graph = graphs.remove_edge_definition(
        call.catalog, call.names["graph"], collection, drop_collections=drop
    )
    return _shown(call, graph)


_GRAPH = "/_api/gharial/{graph}"
ROUTES: tuple[Route, ...] = (
    Route("GET", "/_api/gharial", list_graphs),
    Route("POST", "/_api/gharial", create_graph, Need.WRITE),
    Route("GET", _GRAPH, read_graph),
    Route("DELETE", _GRAPH, drop_graph, Need.WRITE),
    Route("GET", f"{_GRAPH}/vertex", list_vertex_collections),
    Route("POST", f"{_GRAPH}/vertex", add_vertex_collection, Need.WRITE),
    Route("DELETE", f"{_GRAPH}/vertex/{{collection}}", remove_vertex_collection, Need.WRITE),
    Route("GET", f"{_GRAPH}/edge", list_edge_collections),
    Route("POST", f"{_GRAPH}/edge", add_edge_definition, Need.WRITE),
    Route("PUT", f"{_GRAPH}/edge/{{collection}}", replace_edge_definition, Need.WRITE),
    Route("DELETE", f"{_GRAPH}/edge/{{collection}}", remove_edge_definition, Need.WRITE),
)
