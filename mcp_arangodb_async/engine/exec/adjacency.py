"""The graph as operators see it: edges at a vertex with the vertices they lead to, and vertices by `_id`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.plan.nodes import EdgeSource, TraversalOptions
from mcp_arangodb_async.engine.values import Value

from .context import QueryContext

Document = dict[str, Any]
Hop = tuple[Document, str]
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
        self._vertices: dict[str, Document | None] = {}

    def hops(self, vertex: str) -> list[Hop]:
        """The edges at a vertex that may be followed, each with the vertex it leads to."""
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
        return found

    def vertex(self, identifier: str) -> Document | None:
        """The document of a vertex; null with warning 1202 when there is none."""
        if identifier in self._vertices:
            return self._vertices[identifier]
        document = self.ctx.vertex(identifier)
        if document is None:
            self.ctx.warn(errors.ERROR_ARANGO_DOCUMENT_NOT_FOUND, f"vertex '{identifier}' not found")
        self._vertices[identifier] = document
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
    attribute, default = options.weight_attribute, options.default_weight
    if attribute is None:
        return lambda _: 1.0

    def weight(edge: Document) -> float:
        value = edge.get(attribute)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return default
        if value < 0:
            raise ArangoError(
                errors.ERROR_GRAPH_NEGATIVE_EDGE_WEIGHT,
                f"edge '{edge['_id']}' has a negative weight in attribute '{attribute}'",
            )
        return value

    return weight
