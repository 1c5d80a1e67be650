"""The graph as operators see it: edges at a vertex with the vertices they lead to, and vertices by `_id`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.plan.nodes import EdgeSource, TraversalOptions
from mcp_arangodb_async.engine.values import Value

from .context import QueryContext

Document = dict[str, Any]
Hop = tuple[Document, str]
#: Vertices whose edges one operation keeps at hand.
KEPT_VERTICES = 10_000
ENDS = {"outbound": "_to", "inbound": "_from"}
OPPOSITE = {"outbound": "inbound", "inbound": "outbound", "any": "any"}


class Adjacency:
    """Edges and vertices of one graph operation, with the collections it is restricted to."""

    def __init__(
        self,
        ctx: QueryContext,
        sources: Iterable[EdgeSource],
        collections: Mapping[str, Collection],
        options: TraversalOptions,
        *,
        is_backward: bool = False,
    ) -> None:
        self.ctx = ctx
        wanted = options.edge_collections
        self._sources = [
            (collections[each.collection], _direction(each, is_backward=is_backward))
            for each in sources
            if not wanted or each.collection in wanted
        ]
        self._only = frozenset(options.vertex_collections)
        self._hops: dict[str, list[Hop]] = {}
        #: Vertices seen so far.
        self.vertices: dict[str, Document | None] = {}

    def hops(self, vertex: str) -> list[Hop]:
        """The edges at a vertex that may be followed, each with the vertex it leads to."""
        known = self._hops.get(vertex)
        if known is not None:
            self.ctx.tick(1 + len(known))
            return known
        found: list[Hop] = []
        ctx = self.ctx
        for collection, direction in self._sources:
            edges = collection.edges(ctx.tx, vertex, direction)
            if direction == "outbound":
                found += [(edge, edge["_to"]) for edge in edges]
            elif direction == "inbound":
                found += [(edge, edge["_from"]) for edge in edges]
            else:
                found += [(edge, edge["_to"] if edge["_from"] == vertex else edge["_from"]) for edge in edges]
        ctx.stats.scanned_index += len(found)
        ctx.tick(1 + len(found))
        if self._only:
            found = [hop for hop in found if hop[1].partition("/")[0] in self._only]
        if len(self._hops) < KEPT_VERTICES:
            self._hops[vertex] = found
        return found

    @property
    def end(self) -> str | None:
        """The attribute that says where every edge leads; None when it depends on the edge."""
        ends = {ENDS.get(direction) for _, direction in self._sources}
        return None if self._only or len(ends) != 1 else ends.pop()

    def edges(self, vertex: str) -> Sequence[Document]:
        """The edges at a vertex that may be followed; `end` says where they lead, if one attribute does."""
        ctx = self.ctx
        if len(self._sources) == 1:
            collection, direction = self._sources[0]
            found = collection.edges(ctx.tx, vertex, direction)
        else:
            found = [
                edge
                for collection, direction in self._sources
                for edge in collection.edges(ctx.tx, vertex, direction)
            ]
        ctx.stats.scanned_index += len(found)
        ctx.tick(1 + len(found))
        return found

    def load(self, targets: Iterable[str]) -> None:
        """Read many vertices at once into `vertices`; warn about those that do not exist."""
        missing = set(targets).difference(self.vertices)
        if not missing:
            return
        by_collection: dict[str, list[str]] = {}
        for identifier in missing:
            name, _, key = identifier.partition("/")
            by_collection.setdefault(name, []).append(key)
        tx = self.ctx.tx
        for name, keys in by_collection.items():
            if name not in tx.catalog.by_name:
                continue
            for key, document in zip(keys, self.ctx.readable(name).get_many(tx, keys), strict=True):
                if document is not None:
                    self.vertices[f"{name}/{key}"] = document
        for identifier in missing.difference(self.vertices):
            self.vertex(identifier)

    def vertex(self, identifier: str) -> Document | None:
        """The document of a vertex; null with warning 1202 when there is none."""
        if identifier in self.vertices:
            return self.vertices[identifier]
        document = self.ctx.vertex(identifier)
        if document is None:
            self.ctx.warn(errors.ERROR_ARANGO_DOCUMENT_NOT_FOUND, f"vertex '{identifier}' not found")
        self.vertices[identifier] = document
        return document


def _direction(source: EdgeSource, *, is_backward: bool) -> str:
    direction = source.direction.lower()
    return OPPOSITE[direction] if is_backward else direction


def vertex_id(ctx: QueryContext, value: Value, what: str) -> str | None:
    """The `_id` that a start value names; None, with a warning, for other values."""
    if isinstance(value, dict):
        value = value.get("_id")
    if isinstance(value, str) and "/" in value.strip("/"):
        return value
    ctx.warn(
        errors.ERROR_BAD_PARAMETER,
        f"invalid input for {what}: only _id strings and objects with _id are possible",
    )
    return None


def weigher(options: TraversalOptions) -> Callable[[Document], float]:
    """The weight of an edge: its attribute, or the default; 1948 when it is negative."""
    path, default = options.weight_attribute, options.default_weight
    if path is None:
        constant = default if options.order == "weighted" else 1.0
        return lambda _: constant
    first, *others = path

    def weight(edge: Document) -> float:
        value = edge.get(first)
        for name in others:
            value = cast("Document", value).get(name) if isinstance(value, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return default
        if value < 0:
            raise ArangoError(
                errors.ERROR_GRAPH_NEGATIVE_EDGE_WEIGHT,
                f"edge '{edge['_id']}' has a negative weight in attribute '{'.'.join(path)}'",
            )
        return value

    return weight
