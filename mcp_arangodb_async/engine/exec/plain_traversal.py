"""Depth-first traversal that checks nothing on its way but unique edges: the common case, at little cost.

Rows of the last level are made a vertex at a time, in one list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .adjacency import Adjacency, Hop

if TYPE_CHECKING:
    from .traversal import TraversalSpecification

Document = dict[str, Any]


class PlainTraversal:
    """One run of such a traversal."""

    def __init__(self, adjacency: Adjacency, spec: TraversalSpecification) -> None:
        self.adjacency = adjacency
        self.spec = spec
        self.reads_vertex = spec.needs_vertex
        self.is_single = len(spec.wanted) == 1
        self.end = adjacency.end
        self.unique = spec.options.unique_edges == "path"

    def rows(self, start: str) -> Iterator[Any]:
        """The wanted parts of each row."""
        spec = self.spec
        if not spec.minimum:
            yield self._row(None, start)
        if not spec.maximum:
            return
        if spec.maximum == 1:
            yield from self._last_level(start, [], [])
            return
        edges: list[str] = []
        vertices = [start]
        stack = [iter(self._hops(start, 1))]
        while stack:
            depth = len(stack)
            for edge, target in stack[-1]:
                if self.unique and edges and edge["_id"] in edges:
                    continue
                if depth >= spec.minimum:
                    yield self._row(edge, target)
                edges.append(edge["_id"])
                vertices.append(target)
                if depth + 1 < spec.maximum:
                    stack.append(iter(self._hops(target, depth + 1)))
                    break
                yield from self._last_level(target, edges, vertices[:-1])
                edges.pop()
                vertices.pop()
            else:
                stack.pop()
                if edges:
                    edges.pop()
                    vertices.pop()

    def _hops(self, vertex: str, depth: int) -> list[Hop]:
        hops = self.adjacency.hops(vertex)
        if self.reads_vertex and depth >= self.spec.minimum:
            self.adjacency.load(target for _, target in hops)
        return hops

    def _row(self, edge: Document | None, vertex: str) -> Any:
        if not self.reads_vertex:
            return edge
        document = self.adjacency.vertex(vertex)
        return document if self.is_single else (document, edge)

    def _last_level(self, vertex: str, edges: list[str], before: list[str]) -> Iterable[Any]:
        """The rows of all edges at a vertex; `edges` and `before` are the path to it."""
        end = self.end
        if end is None:
            hops = self._hops(vertex, self.spec.maximum)
            if self.unique and edges:
                hops = [hop for hop in hops if hop[0]["_id"] not in edges]
            return [self._row(edge, target) for edge, target in hops]
        found: Sequence[Document] = self.adjacency.edges(vertex)
        # An edge of the path starts here only if the path has been here before.
        if self.unique and edges and vertex in before:
            found = [edge for edge in found if edge["_id"] not in edges]
        if not self.reads_vertex:
            return found
        targets = [edge[end] for edge in found]
        self.adjacency.load(targets)
        documents = map(self.adjacency.vertices.__getitem__, targets)
        return list(documents) if self.is_single else list(zip(documents, found, strict=True))
