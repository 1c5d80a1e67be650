"""Named graphs as documents of `_graphs`."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from .records import EdgeDefinition, Graph
from .transaction import Transaction

GRAPHS: Final = "_graphs"


def stored_graphs(tx: Transaction) -> list[Graph]:
    """All graphs, by name."""
    return sorted(
        (decoded_graph(document) for document in tx.collection(GRAPHS).scan(tx)), key=lambda each: each.name
    )


def decoded_graph(document: dict[str, Any]) -> Graph:
    """The graph in a document."""
    return Graph(
        name=document["_key"],
        edge_definitions=tuple(
            EdgeDefinition(
                collection=each["collection"], sources=tuple(each["from"]), targets=tuple(each["to"])
            )
            for each in document.get("edgeDefinitions", ())
        ),
        orphans=tuple(document.get("orphanCollections", ())),
        rev=document["_rev"],
        options={
            name: value
            for name, value in document.items()
            if not name.startswith("_") and name not in {"edgeDefinitions", "orphanCollections", "name"}
        },
    )


def encoded_graph(graph: Graph) -> dict[str, Any]:
    """The document of a graph. Definitions, vertices and orphans are sorted, as ArangoDB sorts them."""
    definitions = sorted(graph.edge_definitions, key=lambda each: each.collection)
    return {
        "_key": graph.name,
        **graph.options,
        "edgeDefinitions": [encoded_definition(each) for each in definitions],
        "orphanCollections": sorted(set(graph.orphans)),
    }


def encoded_definition(definition: EdgeDefinition) -> dict[str, Any]:
    """An edge definition as HTTP shows it."""
    return {
        "collection": definition.collection,
        "from": sorted(set(definition.sources)),
        "to": sorted(set(definition.targets)),
    }


def renamed_in(graph: Graph, name: str, new_name: str) -> Graph:
    """The graph after a collection got another name."""

    def renamed(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(new_name if each == name else each for each in names)

    definitions = tuple(
        EdgeDefinition(
            collection=new_name if each.collection == name else each.collection,
            sources=renamed(each.sources),
            targets=renamed(each.targets),
        )
        for each in graph.edge_definitions
    )
    return replace(graph, edge_definitions=definitions, orphans=renamed(graph.orphans))


def uses(graph: Graph, collection: str) -> bool:
    """Whether a graph holds a collection, for vertices or edges."""
    return collection in graph.edge_collections or collection in graph.vertex_collections
