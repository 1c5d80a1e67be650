"""Named graphs: documents of `_graphs`, and the rules of `/_api/gharial` as functions.

Functions of a `catalog` are transactions of their own; those of a `tx` run within it.
Rules: https://docs.arangodb.com/3.12/develop/http-api/graphs/named-graphs/.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mcp_arangodb_async.engine.errors import (
    ERROR_ARANGO_DOCUMENT_NOT_FOUND,
    ERROR_ARANGO_INVALID_EDGE_ATTRIBUTE,
    ERROR_GRAPH_COLLECTION_MULTI_USE,
    ERROR_GRAPH_COLLECTION_USE_IN_MULTI_GRAPHS,
    ERROR_GRAPH_COLLECTION_USED_IN_EDGE_DEF,
    ERROR_GRAPH_COLLECTION_USED_IN_ORPHANS,
    ERROR_GRAPH_CREATE_MALFORMED_EDGE_DEFINITION,
    ERROR_GRAPH_CREATE_MISSING_NAME,
    ERROR_GRAPH_DUPLICATE,
    ERROR_GRAPH_EDGE_COLLECTION_NOT_USED,
    ERROR_GRAPH_EDGE_DEFINITION_IS_DOCUMENT,
    ERROR_GRAPH_NOT_FOUND,
    ERROR_GRAPH_NOT_IN_ORPHAN_COLLECTION,
    ERROR_GRAPH_REFERENCED_VERTEX_COLLECTION_NOT_USED,
    ERROR_GRAPH_VERTEX_COL_DOES_NOT_EXIST,
    ERROR_GRAPH_WRONG_COLLECTION_TYPE_VERTEX,
    ERRORS,
    ArangoError,
)

from .catalog import Catalog
from .change import Change
from .graph_records import GRAPHS, decoded_graph, encoded_definition, encoded_graph, stored_graphs, uses
from .names import check_key
from .options import DocumentChange, WriteOptions
from .records import EdgeDefinition, Graph
from .transaction import Transaction

#: The attributes of an edge that name its vertices.
ENDS: Final = ("_from", "_to")
_SHARDING: Final[dict[str, Any]] = {
    "numberOfShards": 1,
    "replicationFactor": 1,
    "minReplicationFactor": 1,
    "writeConcern": 1,
}
_KINDS: Final[dict[str, Any]] = {"isSmart": False, "isSatellite": False, "isDisjoint": False}


def list_graphs(tx: Transaction) -> list[Graph]:
    """All graphs, by name."""
    return stored_graphs(tx)


def graph(tx: Transaction, name: str) -> Graph:
    """The graph with this name; 1924 when there is none."""
    document = tx.collection(GRAPHS).get(tx, name)
    if document is None:
        raise ArangoError(ERROR_GRAPH_NOT_FOUND, f"graph '{name}' not found")
    return decoded_graph(document)


def describe_graph(graph: Graph) -> dict[str, Any]:
    """A graph as HTTP shows it."""
    return {**encoded_graph(graph), "_rev": graph.rev, "_id": f"{GRAPHS}/{graph.name}", "name": graph.name}


# The definition of a graph


def create_graph(
    catalog: Catalog,
    name: str,
    edge_definitions: Sequence[EdgeDefinition] = (),
    orphans: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Graph:
    """Create a graph and the collections it needs.

    Raises 1922 (no name), 1221 (bad name), 1925 (exists), 1923 (empty definition), 1920 (an edge collection
    twice), 1921 (defined otherwise in another graph), 1944 (an edge collection of documents), 1208 (name of a
    collection).
    """
    if not name:
        raise ArangoError(ERROR_GRAPH_CREATE_MISSING_NAME)
    check_key(name)
    with catalog.change() as change:
        if change.tx.collection(GRAPHS).get(change.tx, name) is not None:
            raise ArangoError(ERROR_GRAPH_DUPLICATE)
        made = Graph(name=name, options=_options(options or {}, edge_definitions))
        for definition in edge_definitions:
            made = _with_definition(made, definition)
        vertices = made.vertex_collections
        made = replace(made, orphans=tuple(sorted({each for each in orphans if each not in vertices})))
        _check_others(change.tx, made, edge_definitions)
        _create_collections(change, made)
        return _save(change, made, is_new=True)


def drop_graph(catalog: Catalog, name: str, *, drop_collections: bool = False) -> None:
    """Remove a graph; with `drop_collections` also those collections that no other graph uses."""
    with catalog.change() as change:
        gone = graph(change.tx, name)
        change.tx.collection(GRAPHS).remove(change.tx, name)
        if drop_collections:
            _drop_unused(change, (*gone.edge_collections, *gone.vertex_collections))


def add_vertex_collection(catalog: Catalog, name: str, collection: str, *, create: bool = True) -> Graph:
    """Add an orphan collection.

    Raises 1938 (orphan already), 1929 (used in an edge definition), 1926 (unknown, when not `create`), 1927
    (an edge collection).
    """
    with catalog.change() as change:
        found = graph(change.tx, name)
        if collection in found.orphans:
            raise ArangoError(ERROR_GRAPH_COLLECTION_USED_IN_ORPHANS)
        if collection in found.vertex_collections:
            raise _about(collection, ERROR_GRAPH_COLLECTION_USED_IN_EDGE_DEF)
        existing = change.tx.catalog.by_name.get(collection)
        if existing is None and not create:
            raise _about(collection, ERROR_GRAPH_VERTEX_COL_DOES_NOT_EXIST)
        if existing is not None and existing.is_edge:
            raise ArangoError(ERROR_GRAPH_WRONG_COLLECTION_TYPE_VERTEX)
        found = replace(found, orphans=(*found.orphans, collection))
        _create_collections(change, found)
        return _save(change, found)


def remove_vertex_collection(
    catalog: Catalog, name: str, collection: str, *, drop_collection: bool = False
) -> Graph:
    """Remove an orphan collection. 1928 when it is none."""
    with catalog.change() as change:
        found = graph(change.tx, name)
        if collection not in found.orphans:
            raise ArangoError(ERROR_GRAPH_NOT_IN_ORPHAN_COLLECTION)
        orphans = tuple(each for each in found.orphans if each != collection)
        saved = _save(change, replace(found, orphans=orphans))
        if drop_collection:
            _drop_unused(change, (collection,))
        return saved


def add_edge_definition(catalog: Catalog, name: str, definition: EdgeDefinition) -> Graph:
    """Add an edge definition. 1920 used already, 1921 defined otherwise in another graph, 1923, 1944."""
    with catalog.change() as change:
        found = _with_definition(graph(change.tx, name), definition)
        _check_others(change.tx, found, (definition,))
        _create_collections(change, found)
        return _save(change, found)


def replace_edge_definition(
    catalog: Catalog,
    name: str,
    collection: str,
    definition: EdgeDefinition,
    *,
    drop_collections: bool = False,
) -> Graph:
    """Change the definition of an edge collection, in every graph that uses it. 1930 unknown, 1923, 1944.

    `drop_collections`: drop vertex collections that no graph uses any more instead of keeping them as
    orphans.
    """
    with catalog.change() as change:
        if collection not in graph(change.tx, name).edge_collections or definition.collection != collection:
            raise ArangoError(ERROR_GRAPH_EDGE_COLLECTION_NOT_USED)
        unused: set[str] = set()
        for found in stored_graphs(change.tx):
            if collection not in found.edge_collections:
                continue
            changed = _with_definition(_without_definition(found, collection), definition)
            if drop_collections:
                left = {each for each in changed.orphans if each not in found.orphans}
                unused |= left
                changed = replace(
                    changed, orphans=tuple(each for each in changed.orphans if each not in left)
                )
            _create_collections(change, changed)
            _save(change, changed)
        _drop_unused(change, sorted(unused))
        return graph(change.tx, name)


def remove_edge_definition(
    catalog: Catalog, name: str, collection: str, *, drop_collections: bool = False
) -> Graph:
    """Remove an edge definition; vertex collections it alone used become orphans. 1930 unknown."""
    with catalog.change() as change:
        found = graph(change.tx, name)
        if collection not in found.edge_collections:
            raise ArangoError(ERROR_GRAPH_EDGE_COLLECTION_NOT_USED)
        saved = _save(change, _without_definition(found, collection))
        if drop_collections:
            _drop_unused(change, (collection,))
        return saved


# Edges and vertices through a graph


def insert_edge(
    tx: Transaction,
    graph: Graph,
    collection: str,
    document: dict[str, Any],
    options: WriteOptions | None = None,
) -> DocumentChange:
    """Insert an edge through a graph: its vertices must exist.

    Raises 1930 (no edge collection of the graph), 1233 (bad `_from` or `_to`), 1947 (a vertex collection that
    is not of the graph), 1202 (a vertex that does not exist), and as `Collection.insert`.
    """
    if collection not in graph.edge_collections:
        raise ArangoError(ERROR_GRAPH_EDGE_COLLECTION_NOT_USED)
    _check_vertices(tx, graph, document)
    return tx.collection(collection).insert(tx, document, options)


def update_edge(
    tx: Transaction,
    graph: Graph,
    collection: str,
    key: str,
    patch: dict[str, Any],
    options: WriteOptions | None = None,
) -> DocumentChange:
    """Update an edge through a graph, checking `_from` and `_to` as far as the patch has them."""
    _check_vertices(tx, graph, patch, [side for side in ENDS if side in patch])
    return tx.collection(collection).update(tx, key, patch, options)


def replace_edge(
    tx: Transaction,
    graph: Graph,
    collection: str,
    key: str,
    document: dict[str, Any],
    options: WriteOptions | None = None,
) -> DocumentChange:
    """Replace an edge through a graph, with the same checks."""
    _check_vertices(tx, graph, document)
    return tx.collection(collection).replace(tx, key, document, options)


def remove_vertex(
    tx: Transaction, graph: Graph, collection: str, key: str, options: WriteOptions | None = None
) -> DocumentChange:
    """Remove a vertex (or an edge) and, in every graph that holds its collection, the edges at it."""
    change = tx.collection(collection).remove(tx, key, options)
    names = set(graph.edge_collections)
    for other in stored_graphs(tx):
        names |= {
            definition.collection
            for definition in other.edge_definitions
            if collection in (*definition.sources, *definition.targets)
        }
    for name in sorted(names):
        edges = tx.catalog.by_name.get(name)
        if edges is not None and edges.is_edge:
            for edge in edges.edges(tx, f"{collection}/{key}", "any"):
                edges.remove(tx, edge["_key"])
    return change


# What they are made of


def _options(given: Mapping[str, Any], definitions: Sequence[EdgeDefinition]) -> dict[str, Any]:
    """Cluster options as ArangoDB stores them; none for a plain graph."""
    if not given:
        return {}
    sharding: Mapping[str, Any] = given.get("options") or {}
    stored = {name: sharding.get(name, default) for name, default in _SHARDING.items()}
    stored |= {name: given.get(name, default) for name, default in _KINDS.items()}
    if "smartGraphAttribute" in sharding:
        stored["smartGraphAttribute"] = sharding["smartGraphAttribute"]
    if stored["isSmart"] and definitions:
        stored["initial"] = min(definitions[0].sources)
    return stored


def _with_definition(found: Graph, definition: EdgeDefinition) -> Graph:
    """The graph with one more definition; orphans it uses are orphans no more."""
    if definition.collection in found.edge_collections:
        raise _about(definition.collection, ERROR_GRAPH_COLLECTION_MULTI_USE)
    if not definition.sources or not definition.targets or not definition.collection:
        raise ArangoError(ERROR_GRAPH_CREATE_MALFORMED_EDGE_DEFINITION)
    used = {*definition.sources, *definition.targets}
    normal = EdgeDefinition(
        collection=definition.collection,
        sources=tuple(sorted(set(definition.sources))),
        targets=tuple(sorted(set(definition.targets))),
    )
    definitions = sorted((*found.edge_definitions, normal), key=lambda each: each.collection)
    return replace(
        found,
        edge_definitions=tuple(definitions),
        orphans=tuple(each for each in found.orphans if each not in used),
    )


def _without_definition(found: Graph, collection: str) -> Graph:
    """The graph without a definition; vertex collections that only it used become orphans."""
    kept = tuple(each for each in found.edge_definitions if each.collection != collection)
    smaller = replace(found, edge_definitions=kept)
    left = set(found.vertex_collections) - set(smaller.vertex_collections)
    return replace(smaller, orphans=tuple(sorted({*found.orphans, *left})))


def _check_others(tx: Transaction, found: Graph, definitions: Iterable[EdgeDefinition]) -> None:
    """One edge collection means the same in all graphs."""
    wanted = {each.collection: encoded_definition(each) for each in definitions}
    for other in stored_graphs(tx):
        if other.name == found.name:
            continue
        for definition in other.edge_definitions:
            if wanted.get(definition.collection, encoded_definition(definition)) != encoded_definition(
                definition
            ):
                raise _about(definition.collection, ERROR_GRAPH_COLLECTION_USE_IN_MULTI_GRAPHS)


def _create_collections(change: Change, found: Graph) -> None:
    for name in found.edge_collections:
        existing = change.tx.catalog.by_name.get(name)
        if existing is None:
            change.create_collection({"name": name, "type": 3})
        elif not existing.is_edge:
            raise ArangoError(
                ERROR_GRAPH_EDGE_DEFINITION_IS_DOCUMENT, f"Collection: '{name}' is not an EdgeCollection"
            )
    for name in found.vertex_collections:
        if name not in change.tx.catalog.by_name:
            change.create_collection({"name": name})


def _save(change: Change, found: Graph, *, is_new: bool = False) -> Graph:
    graphs = change.tx.collection(GRAPHS)
    if is_new:
        written = graphs.insert(change.tx, encoded_graph(found))
    else:
        written = graphs.replace(change.tx, found.name, encoded_graph(found))
    return decoded_graph(written.document)


def _drop_unused(change: Change, names: Iterable[str]) -> None:
    left = stored_graphs(change.tx)
    for name in names:
        if name in change.tx.catalog.by_name and not any(uses(other, name) for other in left):
            change.drop_collection(name, allow_system=False, from_graph=True)


def _check_vertices(
    tx: Transaction, graph: Graph, document: Mapping[str, Any], sides: Iterable[str] = ENDS
) -> None:
    ends: list[tuple[str, str]] = []
    for side in sides:
        handle = document.get(side)
        name, slash, key = handle.partition("/") if isinstance(handle, str) else ("", "", "")
        if not slash:
            raise ArangoError(ERROR_ARANGO_INVALID_EDGE_ATTRIBUTE)
        if name not in graph.vertex_collections:
            raise ArangoError(
                ERROR_GRAPH_REFERENCED_VERTEX_COLLECTION_NOT_USED,
                f"referenced {side} collection '{name}' is not part of the graph",
            )
        ends.append((name, key))
    for name, key in ends:
        vertices = tx.catalog.by_name.get(name)
        if vertices is None or vertices.get(tx, key) is None:
            raise ArangoError(ERROR_ARANGO_DOCUMENT_NOT_FOUND)


def _about(collection: str, num: int) -> ArangoError:
    return ArangoError(num, f"{collection} {ERRORS[num].message}")
