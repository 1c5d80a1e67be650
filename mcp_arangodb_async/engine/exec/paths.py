"""Path searches: SHORTEST_PATH, ALL_SHORTEST_PATHS, K_SHORTEST_PATHS and K_PATHS."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from mcp_arangodb_async.engine.catalog.collection import Collection
from mcp_arangodb_async.engine.plan.nodes import EdgeSource, PathKind, TraversalOptions
from mcp_arangodb_async.engine.values import Value

from .adjacency import Adjacency, vertex_id, weigher
from .context import QueryContext

Document = dict[str, Any]
#: Vertices, and the edges between them (one less).
Path = tuple[list[str], list[Document]]
NODE_BYTES = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSpecification:
    """A search between two vertices."""

    kind: PathKind | None
    sources: tuple[EdgeSource, ...]
    options: TraversalOptions
    minimum: int = 1
    maximum: int = 1


class _Ends:
    """The two ends of a search, and the graph seen from both."""

    def __init__(
        self,
        ctx: QueryContext,
        collections: Mapping[str, Collection],
        spec: PathSpecification,
        start: str,
        target: str,
    ) -> None:
        self.ctx = ctx
        self.spec = spec
        self.start = start
        self.target = target
        self.forward = Adjacency(ctx, spec.sources, collections, spec.options)
        self.backward = Adjacency(ctx, spec.sources, collections, spec.options, is_backward=True)
        self.weight = weigher(spec.options)


def _open(
    ctx: QueryContext,
    collections: Mapping[str, Collection],
    spec: PathSpecification,
    start: Value,
    target: Value,
) -> _Ends | None:
    """The ends of a search; None when one of them is no vertex."""
    ends = [vertex_id(ctx, value, "shortest path") for value in (start, target)]
    first, last = ends
    if first is None or last is None:
        return None
    if ctx.vertex(first) is None or ctx.vertex(last) is None:
        return None
    return _Ends(ctx, collections, spec, first, last)


def shortest_path(
    ctx: QueryContext,
    collections: Mapping[str, Collection],
    spec: PathSpecification,
    start: Value,
    target: Value,
) -> Iterator[tuple[Value, Value]]:
    """The vertices of a shortest path, each with the edge that leads to it."""
    ends = _open(ctx, collections, spec, start, target)
    path = None if ends is None else _shortest(ends)
    if ends is None or path is None:
        return
    vertices, edges = path
    for vertex, edge in zip(vertices, [None, *edges], strict=True):
        yield ends.forward.vertex(vertex), edge


def enumerate_paths(
    ctx: QueryContext,
    collections: Mapping[str, Collection],
    spec: PathSpecification,
    start: Value,
    target: Value,
) -> Iterator[Document]:
    """Whole paths as objects, one after the other."""
    ends = _open(ctx, collections, spec, start, target)
    if ends is None:
        return
    match spec.kind:
        case "ALL_SHORTEST_PATHS":
            found = _all_shortest(ends)
        case "K_PATHS":
            found = _all_between(ends)
        case _:
            for vertices, edges in _by_weight(ends):
                made = _object(ends, vertices, edges)
                total = sum(map(ends.weight, edges))
                yield {**made, "weight": int(total) if spec.options.weight_attribute is None else total}
            return
    for vertices, edges in found:
        yield _object(ends, vertices, edges)


def _object(ends: _Ends, vertices: list[str], edges: list[Document]) -> Document:
    return {"edges": edges, "vertices": [ends.forward.vertex(vertex) for vertex in vertices]}


def _shortest(ends: _Ends) -> Path | None:
    if ends.spec.options.weight_attribute is not None:
        found = _dijkstra(ends, ends.start, set(), set())
        return None if found is None else found[1]
    return _from_both_ends(ends)


def _from_both_ends(ends: _Ends) -> Path | None:
    """Breadth-first search from both ends at once, one layer of the smaller side at a time."""
    if ends.start == ends.target:
        return [ends.start], []
    parents: list[dict[str, tuple[str, Document] | None]] = [{ends.start: None}, {ends.target: None}]
    frontiers = [[ends.start], [ends.target]]
    views = [ends.forward, ends.backward]
    ends.ctx.watch(lambda: NODE_BYTES * (len(parents[0]) + len(parents[1])))
    try:
        while frontiers[0] and frontiers[1]:
            side = 0 if len(frontiers[0]) <= len(frontiers[1]) else 1
            mine, theirs = parents[side], parents[1 - side]
            following: list[str] = []
            for vertex in frontiers[side]:
                for edge, target in views[side].hops(vertex):
                    if target in mine:
                        continue
                    mine[target] = (vertex, edge)
                    if target in theirs:
                        return _joined(parents[0], parents[1], target)
                    following.append(target)
            frontiers[side] = following
    finally:
        ends.ctx.unwatch()
    return None


def _joined(
    before: dict[str, tuple[str, Document] | None], after: dict[str, tuple[str, Document] | None], middle: str
) -> Path:
    vertices, edges = [middle], list[Document]()
    hop = before[middle]
    while hop is not None:
        vertices.append(hop[0])
        edges.append(hop[1])
        hop = before[hop[0]]
    vertices.reverse()
    edges.reverse()
    hop = after[middle]
    while hop is not None:
        vertices.append(hop[0])
        edges.append(hop[1])
        hop = after[hop[0]]
    return vertices, edges


def _dijkstra(ends: _Ends, start: str, closed: set[str], banned: set[str]) -> tuple[float, Path] | None:
    """The lightest path from a vertex to the target that avoids closed vertices and banned edges."""
    order = count()
    heap: list[tuple[float, int, str]] = [(0.0, next(order), start)]
    best: dict[str, float] = {start: 0.0}
    parents: dict[str, tuple[str, Document] | None] = {start: None}
    done: set[str] = set()
    ends.ctx.watch(lambda: NODE_BYTES * len(best))
    try:
        while heap:
            distance, _, vertex = heapq.heappop(heap)
            if vertex == ends.target:
                return distance, _joined(parents, {vertex: None}, vertex)
            if vertex in done:
                continue
            done.add(vertex)
            for edge, target in ends.forward.hops(vertex):
                if target in done or target in closed or edge["_id"] in banned:
                    continue
                reach = distance + ends.weight(edge)
                if target not in best or reach < best[target]:
                    best[target] = reach
                    parents[target] = (vertex, edge)
                    heapq.heappush(heap, (reach, next(order), target))
    finally:
        ends.ctx.unwatch()
    return None


def _all_shortest(ends: _Ends) -> Iterator[Path]:
    """Every path with the least number of edges: layers from the start, then back from the target."""
    if ends.start == ends.target:
        yield [ends.start], []
        return
    depths = {ends.start: 0}
    parents: dict[str, list[tuple[str, Document]]] = {}
    frontier = [ends.start]
    while frontier and ends.target not in depths:
        following: list[str] = []
        for vertex in frontier:
            for edge, target in ends.forward.hops(vertex):
                depth = depths.setdefault(target, depths[vertex] + 1)
                if depth != depths[vertex] + 1:
                    continue
                if target not in parents:
                    parents[target] = []
                    following.append(target)
                parents[target].append((vertex, edge))
        frontier = following
    if ends.target not in parents:
        return
    vertices, edges = [ends.target], list[Document]()
    stack = [iter(parents[ends.target])]
    while stack:
        ends.ctx.tick(1)
        hop = next(stack[-1], None)
        if hop is None:
            stack.pop()
            if edges:
                edges.pop()
                vertices.pop()
        elif hop[0] == ends.start:
            yield [ends.start, *reversed(vertices)], [hop[1], *reversed(edges)]
        else:
            vertices.append(hop[0])
            edges.append(hop[1])
            stack.append(iter(parents[hop[0]]))


def _all_between(ends: _Ends) -> Iterator[Path]:
    """Every path without repeated vertices whose length is in the range, depth first."""
    spec = ends.spec
    if ends.start == ends.target:
        if spec.minimum == 0:
            yield [ends.start], []
        return
    vertices, edges = [ends.start], list[Document]()
    on_path = {ends.start}
    stack = [iter(ends.forward.hops(ends.start))] if spec.maximum > 0 else []
    while stack:
        hop = next(stack[-1], None)
        if hop is None:
            stack.pop()
            if edges:
                edges.pop()
                on_path.discard(vertices.pop())
            continue
        edge, target = hop
        if target in on_path:
            continue
        if target == ends.target:
            if len(stack) >= spec.minimum:
                yield [*vertices, target], [*edges, edge]
        elif len(stack) < spec.maximum:
            vertices.append(target)
            edges.append(edge)
            on_path.add(target)
            stack.append(iter(ends.forward.hops(target)))


def _by_weight(ends: _Ends) -> Iterator[Path]:
    """Paths without repeated vertices, the lightest first (Yen's algorithm)."""
    first = _dijkstra(ends, ends.start, set(), set())
    if first is None:
        return
    order = count()
    waiting: list[tuple[float, int, Path]] = [(first[0], next(order), first[1])]
    seen = {tuple(edge["_id"] for edge in first[1][1])}
    given: list[Path] = []
    while waiting:
        _, _, path = heapq.heappop(waiting)
        yield path
        given.append(path)
        vertices, edges = path
        ends.ctx.hold(NODE_BYTES * len(vertices))
        for place in range(len(edges)):
            root = edges[:place]
            ids = [edge["_id"] for edge in root]
            banned = {
                other[place]["_id"]
                for _, other in given
                if len(other) > place and [edge["_id"] for edge in other[:place]] == ids
            }
            spur = _dijkstra(ends, vertices[place], set(vertices[:place]), banned)
            if spur is None:
                continue
            found = (vertices[:place] + spur[1][0], root + spur[1][1])
            key = tuple(edge["_id"] for edge in found[1])
            if key not in seen:
                seen.add(key)
                total = sum(map(ends.weight, root)) + spur[0]
                heapq.heappush(waiting, (total, next(order), found))
