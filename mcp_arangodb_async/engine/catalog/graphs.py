"""Named graphs: documents of `_graphs`, and the rules of `/_api/gharial` as functions.

Functions that write open their own transactions when given a catalogue; those given a `tx` run within it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .catalog import Catalog
from .options import DocumentChange, WriteOptions
from .records import EdgeDefinition, Graph
from .transaction import Transaction


def list_graphs(tx: Transaction) -> list[Graph]:
    """All graphs, by name."""
    raise NotImplementedError


def graph(tx: Transaction, name: str) -> Graph:
    """The graph with this name; 1924 when there is none."""
    raise NotImplementedError


def create_graph(
    catalog: Catalog,
    name: str,
    edge_definitions: Sequence[EdgeDefinition] = (),
    orphans: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Graph:
    """Create a graph and the collections it needs. 1925 duplicate, 1920-1932 definitions, 10 name."""
    raise NotImplementedError


def drop_graph(catalog: Catalog, name: str, *, drop_collections: bool = False) -> None:
    """Remove a graph; with `drop_collections` also those collections that no other graph uses."""
    raise NotImplementedError


def add_vertex_collection(catalog: Catalog, name: str, collection: str, *, create: bool = True) -> Graph:
    """Add an orphan collection. 1938 used already, 1203 unknown (when not `create`)."""
    raise NotImplementedError


def remove_vertex_collection(
    catalog: Catalog, name: str, collection: str, *, drop_collection: bool = False
) -> Graph:
    """Remove an orphan collection. 1928 not an orphan, 1944 used in an edge definition."""
    raise NotImplementedError


def add_edge_definition(catalog: Catalog, name: str, definition: EdgeDefinition) -> Graph:
    """Add an edge definition. 1920 used already, 1921 defined otherwise in another graph."""
    raise NotImplementedError


def replace_edge_definition(
    catalog: Catalog,
    name: str,
    collection: str,
    definition: EdgeDefinition,
    *,
    drop_collections: bool = False,
) -> Graph:
    """Change the definition of an edge collection, in every graph that uses it. 1930 unknown."""
    raise NotImplementedError


def remove_edge_definition(
    catalog: Catalog, name: str, collection: str, *, drop_collections: bool = False
) -> Graph:
    """Remove an edge definition; vertex collections it alone used become orphans. 1930 unknown."""
    raise NotImplementedError


def insert_edge(
    tx: Transaction,
    graph: Graph,
    collection: str,
    document: dict[str, Any],
    options: WriteOptions | None = None,
) -> DocumentChange:
    """Insert an edge through a graph: `_from` and `_to` must exist (1202) and fit the definition (1929 and
    others).
    """
    raise NotImplementedError


def update_edge(
    tx: Transaction,
    graph: Graph,
    collection: str,
    key: str,
    patch: dict[str, Any],
    options: WriteOptions | None = None,
) -> DocumentChange:
    """Update an edge through a graph, with the same checks."""
    raise NotImplementedError


def replace_edge(
    tx: Transaction,
    graph: Graph,
    collection: str,
    key: str,
    document: dict[str, Any],
    options: WriteOptions | None = None,
) -> DocumentChange:
    """Replace an edge through a graph, with the same checks."""
    raise NotImplementedError


def remove_vertex(
    tx: Transaction, graph: Graph, collection: str, key: str, options: WriteOptions | None = None
) -> DocumentChange:
    """Remove a vertex and, in every graph that holds its collection, the edges at it."""
    raise NotImplementedError


def describe_graph(graph: Graph) -> dict[str, Any]:
    """A graph as HTTP shows it."""
    raise NotImplementedError
