"""Traversals: depth first, breadth first, or by weight.

A path ends where it is as long as it may be, where PRUNE says so, or where uniqueness forbids every
further hop.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.plan.nodes import EdgeSource, TraversalOptions
from mcp_arangodb_async.engine.values import Value

from .adjacency import Adjacency, vertex_id, weigher
from .context import QueryContext
from .plain_traversal import PlainTraversal

Document = dict[str, Any]
Row = tuple[Any, ...]
Prune = Callable[[Value, Value, Value], bool]
#: A condition on one place of the path: the edge or vertex there, or every one.
Check = tuple[bool, int | None, Callable[[Value], Any]]
STEP_BYTES = 200
VERTEX, EDGE, PATH, PRUNED = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraversalSpecification:
    """A traversal: where to go, how far, and which parts of a row are wanted.

    The parts are vertex, edge, path and whether PRUNE was true, by number; the vertex when nothing is wanted.
    """

    sources: tuple[EdgeSource, ...]
    minimum: int
    maximum: int
    options: TraversalOptions
    wanted: tuple[int, ...]
    prune_reads_path: bool

    @property
    def needs_vertex(self) -> bool:
        """Whether rows hold the vertex."""
        return VERTEX in self.wanted

    @property
    def needs_path(self) -> bool:
        """Whether rows hold the path."""
        return PATH in self.wanted


def _wanted(row: Row, places: tuple[int, ...]) -> Any:
    return row[places[0]] if len(places) == 1 else tuple([row[place] for place in places])


def is_plain(spec: TraversalSpecification, prune: Prune | None, checks: tuple[Check, ...]) -> bool:
    """Whether a depth-first traversal checks nothing on its way but unique edges."""
    return prune is None and not checks and spec.options.unique_vertices == "none" and not spec.needs_path


@dataclass(slots=True, eq=False)
class Step:
    """One vertex of a path, with the edge that leads there and the step before."""

    vertex: str
    edge: Document | None
    previous: Step | None
    depth: int
    weight: float = 0.0


def traverse(
    ctx: QueryContext,
    collections: Mapping[str, Collection],
    spec: TraversalSpecification,
    start: Value,
    prune: Prune | None,
    checks: tuple[Check, ...],
) -> Iterator[Any]:
    """The wanted parts of each row: one bare, several as a tuple."""
    first = vertex_id(ctx, start, "traversal")
    if first is None:
        return iter(())
    adjacency = Adjacency(ctx, spec.sources, collections, spec.options)
    search = _Search(ctx, adjacency, spec, prune, checks)
    match spec.options.order:
        case "dfs" if is_plain(spec, prune, checks):
            return PlainTraversal(adjacency, spec).rows(first)
        case "dfs":
            rows = search.depth_first(first)
        case "bfs":
            rows = search.breadth_first(first)
        case "weighted":
            rows = search.by_weight(first)
    return (_wanted(row, spec.wanted) for row in rows)


class _Search:
    """One run of a traversal."""

    def __init__(
        self,
        ctx: QueryContext,
        adjacency: Adjacency,
        spec: TraversalSpecification,
        prune: Prune | None,
        checks: tuple[Check, ...],
    ) -> None:
        self.ctx = ctx
        self.adjacency = adjacency
        self.spec = spec
        self.prune = prune
        self.checks = checks
        self.vertices = spec.options.unique_vertices
        self.unique_edges = spec.options.unique_edges == "path"
        self.weight = weigher(spec.options)

    def depth_first(self, start: str) -> Iterator[tuple[Any, ...]]:
        """One path after the other, each extended as far as it goes."""
        spec, hops = self.spec, self.adjacency.hops
        step = Step(start, None, None, 0)
        if self.checks and not self._passes(step):
            return
        row, is_pruned = self._visit(step)
        if row is not None:
            yield row
        if is_pruned or not spec.maximum:
            return
        on_path = {start} if self.vertices == "path" else None
        used: set[str] | None = set() if self.unique_edges else None
        stack = [iter(hops(start))]
        while stack:
            for edge, target in stack[-1]:
                if used is not None and edge["_id"] in used:
                    continue
                if on_path is not None and target in on_path:
                    continue
                following = Step(target, edge, step, len(stack))
                if self.checks and not self._passes(following):
                    continue
                row, is_pruned = self._visit(following)
                if row is not None:
                    yield row
                if is_pruned or following.depth >= spec.maximum:
                    continue
                step = following
                if used is not None:
                    used.add(edge["_id"])
                if on_path is not None:
                    on_path.add(target)
                stack.append(iter(hops(target)))
                break
            else:
                stack.pop()
                if step.previous is not None and step.edge is not None:
                    if used is not None:
                        used.discard(step.edge["_id"])
                    if on_path is not None:
                        on_path.discard(step.vertex)
                    step = step.previous

    def breadth_first(self, start: str) -> Iterator[tuple[Any, ...]]:
        """All paths of one length before longer ones."""
        first = Step(start, None, None, 0)
        if self.checks and not self._passes(first):
            return
        queue = deque([first])
        visited = {start}
        is_global = self.vertices == "global"
        self.ctx.watch(lambda: STEP_BYTES * (len(queue) + len(visited)))
        try:
            while queue:
                step = queue.popleft()
                row, is_pruned = self._visit(step)
                if row is not None:
                    yield row
                if is_pruned or step.depth >= self.spec.maximum:
                    continue
                for edge, target in self.adjacency.hops(step.vertex):
                    if is_global and target in visited:
                        continue
                    following = Step(target, edge, step, step.depth + 1)
                    if self._repeats(following) or (self.checks and not self._passes(following)):
                        continue
                    if is_global:
                        visited.add(target)
                    queue.append(following)
        finally:
            self.ctx.unwatch()

    def by_weight(self, start: str) -> Iterator[tuple[Any, ...]]:
        """Paths with the least sum of weights first."""
        order = count()
        first = Step(start, None, None, 0)
        if self.checks and not self._passes(first):
            return
        heap: list[tuple[float, int, Step]] = [(0.0, next(order), first)]
        visited: set[str] = set()
        is_global = self.vertices == "global"
        self.ctx.watch(lambda: STEP_BYTES * (len(heap) + len(visited)))
        try:
            while heap:
                _, _, step = heapq.heappop(heap)
                if is_global:
                    if step.vertex in visited:
                        continue
                    visited.add(step.vertex)
                row, is_pruned = self._visit(step)
                if row is not None:
                    yield row
                if is_pruned or step.depth >= self.spec.maximum:
                    continue
                for edge, target in self.adjacency.hops(step.vertex):
                    weight = step.weight + self.weight(edge)
                    following = Step(target, edge, step, step.depth + 1, weight)
                    if self._repeats(following) or (self.checks and not self._passes(following)):
                        continue
                    heapq.heappush(heap, (weight, next(order), following))
        finally:
            self.ctx.unwatch()

    def _repeats(self, step: Step) -> bool:
        """Whether the path to a step uses an edge or a vertex twice where it must not."""
        by_vertex = self.vertices == "path"
        if not (by_vertex or self.unique_edges):
            return False
        assert step.edge is not None
        edge = step.edge["_id"]
        before = step.previous
        while before is not None:
            if by_vertex and before.vertex == step.vertex:
                return True
            if self.unique_edges and before.edge is not None and before.edge["_id"] == edge:
                return True
            before = before.previous
        return False

    def _passes(self, step: Step) -> bool:
        """Whether the conditions on this place of the path hold."""
        for is_edge, depth, holds in self.checks:
            if is_edge:
                if step.edge is None or (depth is not None and depth != step.depth - 1):
                    continue
                if not holds(step.edge):
                    return False
            elif (depth is None or depth == step.depth) and not holds(self.adjacency.vertex(step.vertex)):
                return False
        return True

    def _visit(self, step: Step) -> tuple[tuple[Any, ...] | None, bool]:
        """The row of a step (None above the minimum depth), and whether the path ends here."""
        spec = self.spec
        is_wanted = step.depth >= spec.minimum
        if self.prune is None:
            if not is_wanted:
                return None, False
            vertex = self.adjacency.vertex(step.vertex) if spec.needs_vertex else None
            path = self._path(step) if spec.needs_path else None
            return (vertex, step.edge, path, None), False
        vertex = self.adjacency.vertex(step.vertex)
        path = self._path(step) if spec.prune_reads_path or spec.needs_path else None
        is_pruned = self.prune(vertex, step.edge, path)
        return ((vertex, step.edge, path, is_pruned) if is_wanted else None), is_pruned

    def _path(self, step: Step) -> Document:
        steps = [step]
        while steps[-1].previous is not None:
            steps.append(steps[-1].previous)
        steps.reverse()
        is_weighted = self.spec.options.order == "weighted"
        return {
            "edges": [each.edge for each in steps[1:]],
            "vertices": [self.adjacency.vertex(each.vertex) for each in steps],
            "weights": [each.weight if is_weighted else each.depth for each in steps],
        }
