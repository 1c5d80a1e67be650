"""The nodes of an execution plan, with ArangoDB's names, in the order in which rows pass them.

A node reads and sets variables; expressions are in `CalculationNode`s (and conditions), as in ArangoDB.
Nodes compare by identity: a rule that changes a node makes another.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal, TypeAlias

from mcp_arangodb_async.engine.catalog.index import Index
from mcp_arangodb_async.engine.catalog.options import WriteOptions
from mcp_arangodb_async.engine.expressions.facts import Facts, facts_of
from mcp_arangodb_async.engine.expressions.tree import Expression, Variable
from mcp_arangodb_async.engine.records import record

Direction: TypeAlias = Literal["OUTBOUND", "INBOUND", "ANY"]
Uniqueness: TypeAlias = Literal["none", "path", "global"]
CollectMethod: TypeAlias = Literal["hash", "sorted", "count", "distinct"]
PathKind: TypeAlias = Literal["ALL_SHORTEST_PATHS", "K_SHORTEST_PATHS", "K_PATHS"]


@record(eq=False, kw_only=True)
class SingletonNode:
    """One row without variables: where every plan starts."""


@record(kw_only=True)
class ScanHint:
    """What OPTIONS of a FOR over a collection say about indexes."""

    indexes: tuple[str, ...] = ()
    is_forced: bool = False
    disable_index: bool = False


@record(eq=False, kw_only=True)
class EnumerateCollectionNode:
    """All documents of a collection, in random order where the query asks for it."""

    collection: str
    variable: Variable
    hint: ScanHint = ScanHint()
    is_random: bool = False


@record(eq=False, kw_only=True)
class IndexLookup:
    """One way into an index: equal values for its first fields, then a range over the next.

    With `values`, the first field has one of them. Expressions do not read the node's own variable.
    `attribute` says which one is looked up where an index has two to choose from: `_key` or `_id`,
    `_from` or `_to`.
    """

    index: Index
    attribute: str = ""
    equal: tuple[Expression, ...] = ()
    lower: Expression | None = None
    lower_inclusive: bool = True
    upper: Expression | None = None
    upper_inclusive: bool = True
    values: Expression | None = None


@record(eq=False, kw_only=True)
class IndexNode:
    """Documents found through indexes; of several lookups each document comes once.

    `condition` is what the lookups stand for, for explain.
    """

    collection: str
    variable: Variable
    lookups: tuple[IndexLookup, ...]
    condition: Expression | None
    is_descending: bool = False
    is_sorted: bool = False
    is_count: bool = False


@record(eq=False, kw_only=True)
class EnumerateViewNode:
    """Documents of a view that fulfil the SEARCH condition.

    With `index` it is the inverted index of a collection that is searched, and `view` names both. `match`
    is what scoring functions get in the place of the document; `collections` are those of the view, and
    `restriction` those of them that OPTIONS leave, None for all.
    """

    view: str
    variable: Variable
    match: Variable
    collections: tuple[str, ...]
    condition: Expression | None
    restriction: frozenset[str] | None = None
    index: str | None = None


@record(eq=False, kw_only=True)
class EnumerateListNode:
    """The elements of an array."""

    source: Variable
    variable: Variable


@record(eq=False, kw_only=True)
class CalculationNode:
    """An expression's value as a variable."""

    variable: Variable
    expression: Expression
    facts: Facts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look at the expression once for all rules."""
        object.__setattr__(self, "facts", facts_of(self.expression))


@record(eq=False, kw_only=True)
class SubqueryNode:
    """The rows of a subquery as an array; `is_lookup` marks the search of an UPSERT: it sees its writes."""

    variable: Variable
    plan: Plan
    is_lookup: bool = False


@record(eq=False, kw_only=True)
class FilterNode:
    """Rows for which the variable is true."""

    condition: Variable


@record(eq=False, kw_only=True)
class SortElement:
    """One criterion of a sort."""

    variable: Variable
    is_ascending: bool = True


@record(eq=False, kw_only=True)
class SortNode:
    """Rows in order; with `limit` only so many of the first are kept."""

    elements: tuple[SortElement, ...]
    limit: int | None = None


@record(eq=False, kw_only=True)
class LimitNode:
    """Rows from `offset` on, at most `count` (None: all); `full_count` counts what would have come."""

    offset: int
    count: int | None
    full_count: bool = False


@record(eq=False, kw_only=True)
class Group:
    """A grouping key of COLLECT: the value of `source` as `variable`."""

    variable: Variable
    source: Variable


@record(eq=False, kw_only=True)
class Aggregate:
    """An aggregate of COLLECT or WINDOW; no source for COUNT() of rows."""

    variable: Variable
    function: str
    source: Variable | None = None


@record(eq=False, kw_only=True)
class CollectNode:
    """Rows in groups; `into` gets of each row `projection` or an object of the `keep` variables."""

    groups: tuple[Group, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    into: Variable | None = None
    projection: Variable | None = None
    keep: tuple[Variable, ...] = ()
    method: CollectMethod = "hash"
    fixed_method: bool = False


@record(eq=False, kw_only=True)
class WindowNode:
    """Aggregates over the neighbours of each row: by number of rows, or by distance in `range_variable`.

    None as a bound is unbounded; a duration (`P1D`) stays text.
    """

    aggregates: tuple[Aggregate, ...]
    preceding: int | float | str | None
    following: int | float | str | None
    range_variable: Variable | None = None


@record(eq=False, kw_only=True)
class EdgeSource:
    """An edge collection of a graph, and the direction in which its edges are followed."""

    collection: str
    direction: Direction


@record(eq=False, kw_only=True)
class GraphAccess:
    """Where a graph operation finds edges and vertices; `vertices` are those a named graph knows."""

    name: str | None
    edges: tuple[EdgeSource, ...]
    vertices: tuple[str, ...] = ()


@record(kw_only=True)
class TraversalOptions:
    """OPTIONS of a traversal or path search; empty collections mean no restriction.

    `weight_attribute` is the way to the attribute: one name in ArangoDB 3.12, several from 4.0 on.
    """

    order: Literal["dfs", "bfs", "weighted"] = "dfs"
    unique_vertices: Uniqueness = "none"
    unique_edges: Literal["none", "path"] = "path"
    edge_collections: tuple[str, ...] = ()
    vertex_collections: tuple[str, ...] = ()
    weight_attribute: tuple[str, ...] | None = None
    default_weight: float = 1.0


@record(eq=False, kw_only=True)
class Prune:
    """A PRUNE condition over the traversal's own variables, which it reads under these names."""

    condition: Expression
    vertex: Variable
    edge: Variable
    path: Variable
    variable: Variable | None = None


@record(eq=False, kw_only=True)
class PathFilter:
    """A condition that every path through `depth` must fulfil: checked on the way, it cuts the search short.

    It reads one edge (`p.edges[depth]`) or vertex (`p.vertices[depth]`) as `variable`; no depth means all.
    """

    condition: Expression
    variable: Variable
    is_edge: bool
    depth: int | None


@record(eq=False, kw_only=True)
class TraversalNode:
    """Paths from a start vertex; sets those of vertex, edge and path that the query reads."""

    start: Variable
    graph: GraphAccess
    direction: Direction
    minimum: int
    maximum: int
    vertex: Variable | None
    edge: Variable | None = None
    path: Variable | None = None
    prune: Prune | None = None
    options: TraversalOptions = TraversalOptions()
    filters: tuple[PathFilter, ...] = ()


@record(eq=False, kw_only=True)
class ShortestPathNode:
    """The vertices (and edges) of one shortest path, in order."""

    start: Variable
    target: Variable
    graph: GraphAccess
    direction: Direction
    vertex: Variable | None
    edge: Variable | None = None
    options: TraversalOptions = TraversalOptions()


@record(eq=False, kw_only=True)
class EnumeratePathsNode:
    """Whole paths between two vertices, each as an object."""

    kind: PathKind
    start: Variable
    target: Variable
    graph: GraphAccess
    direction: Direction
    path: Variable | None
    minimum: int = 1
    maximum: int = 1
    options: TraversalOptions = TraversalOptions()


@record(kw_only=True)
class ModificationOptions:
    """OPTIONS of a data-modification operation."""

    write: WriteOptions = field(default_factory=WriteOptions)
    ignore_errors: bool = False
    exclusive: bool = False
    read_own_writes: bool = True
    hint: ScanHint = ScanHint()


@record(eq=False, kw_only=True)
class InsertNode:
    """Insert documents."""

    collection: str
    document: Variable
    options: ModificationOptions
    old: Variable | None = None
    new: Variable | None = None


@record(eq=False, kw_only=True)
class UpdateNode:
    """Update documents; without `key` the document holds it."""

    collection: str
    key: Variable | None
    document: Variable
    options: ModificationOptions
    old: Variable | None = None
    new: Variable | None = None


@record(eq=False, kw_only=True)
class ReplaceNode:
    """Replace documents; without `key` the document holds it."""

    collection: str
    key: Variable | None
    document: Variable
    options: ModificationOptions
    old: Variable | None = None
    new: Variable | None = None


@record(eq=False, kw_only=True)
class RemoveNode:
    """Remove documents by key or document."""

    collection: str
    key: Variable
    options: ModificationOptions
    old: Variable | None = None


@record(eq=False, kw_only=True)
class UpsertNode:
    """Update `found`, or insert when it is null."""

    collection: str
    found: Variable
    insert: Variable
    update: Variable
    is_replace: bool
    options: ModificationOptions
    old: Variable | None = None
    new: Variable | None = None


@record(eq=False, kw_only=True)
class ReturnNode:
    """Hands rows to the caller."""

    source: Variable


@record(eq=False, kw_only=True)
class NoResultsNode:
    """Lets no row pass."""


GraphNode: TypeAlias = TraversalNode | ShortestPathNode | EnumeratePathsNode
ModificationNode: TypeAlias = InsertNode | UpdateNode | ReplaceNode | RemoveNode | UpsertNode
ScanNode: TypeAlias = EnumerateCollectionNode | IndexNode | EnumerateViewNode
Node: TypeAlias = (
    SingletonNode
    | ScanNode
    | EnumerateListNode
    | CalculationNode
    | SubqueryNode
    | FilterNode
    | SortNode
    | LimitNode
    | CollectNode
    | WindowNode
    | GraphNode
    | ModificationNode
    | ReturnNode
    | NoResultsNode
)


@record(eq=False, kw_only=True)
class Plan:
    """The nodes of a query or subquery, in the order in which rows pass them; the first is a Singleton.

    `kinds` are those of its own nodes. `is_flat` says that there is no subquery in it, as a node or in an
    expression.
    """

    nodes: tuple[Node, ...]
    kinds: frozenset[type] = field(init=False, repr=False)
    is_flat: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look at the nodes once for all rules."""
        kinds = frozenset(map(type, self.nodes))
        is_flat = SubqueryNode not in kinds and not any(
            isinstance(node, CalculationNode) and node.facts.subqueries for node in self.nodes
        )
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "is_flat", is_flat)
