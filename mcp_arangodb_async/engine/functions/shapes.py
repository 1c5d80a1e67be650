"""GeoJSON as shapes on the sphere: centers, areas, containment.

https://docs.arangodb.com/3.12/aql/functions/geo/#geojson-interpretation
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from mcp_arangodb_async.engine.functions.overlap import (
    Border,
    Check,
    cross_each_other,
    crosses_itself,
    region_contains,
    region_meets,
)
from mcp_arangodb_async.engine.functions.sphere import (
    Loop,
    Point,
    add,
    angle,
    chain_moment,
    cross,
    dot,
    from_degrees,
    unit,
)
from mcp_arangodb_async.engine.values import Value

EARTH_RADIUS: Final = 6_371_000.0
_TOUCHING: Final = 1e-15


class ShapeError(Exception):
    """The value is no shape; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygon:
    """An outer loop and the holes in it; a hole's loop runs around the hole."""

    outer: Loop
    holes: tuple[Loop, ...]
    rings: tuple[tuple[tuple[float, float], ...], ...]

    def contains(self, point: Point) -> bool:
        """Say whether a point is in the polygon and in none of its holes."""
        return self.outer.contains(point) and not any(hole.contains(point) for hole in self.holes)

    def loops(self) -> Iterator[Loop]:
        """Return the outer loop and the holes."""
        yield self.outer
        yield from self.holes


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a GeoJSON object describes: points, chains of edges, or polygons; only one kind is filled."""

    kind: str
    points: tuple[Point, ...] = ()
    lines: tuple[tuple[Point, ...], ...] = ()
    polygons: tuple[Polygon, ...] = ()

    def centroid(self) -> Point:
        """Return the center that distances are measured from."""
        total: Point = (0.0, 0.0, 0.0)
        for point in self.points:
            total = add(total, point)
        for line in self.lines:
            total = add(total, chain_moment(line))
        for polygon in self.polygons:
            total = add(total, polygon.outer.moment())
            for hole in polygon.holes:
                x, y, z = hole.moment()
                total = add(total, (-x, -y, -z))
        return unit(total)

    def area(self) -> float:
        """Return the area in square metres on a sphere of the Earth's mean radius."""
        total = 0.0
        for polygon in self.polygons:
            total += polygon.outer.area() - sum(hole.area() for hole in polygon.holes)
        return total * EARTH_RADIUS**2

    def has(self, point: Point) -> bool:
        """Say whether a point is in the shape, or is one of its points, or lies on its lines."""
        if any(polygon.contains(point) for polygon in self.polygons):
            return True
        return point in self.points or any(
            _on_edge(point, a, b) for line in self.lines for a, b in pairwise(line)
        )

    def borders(self) -> list[Border]:
        """Return the loops of all polygons."""
        return [
            Border(loop, hole=place > 0)
            for polygon in self.polygons
            for place, loop in enumerate(polygon.loops())
        ]

    def edges(self) -> Iterator[tuple[Point, Point]]:
        """Return the edges of all lines and loops."""
        for line in self.lines:
            yield from pairwise(line)
        for polygon in self.polygons:
            for loop in polygon.loops():
                yield from loop.edges()

    def vertices(self) -> Iterator[Point]:
        """Return the points of everything."""
        yield from self.points
        for line in self.lines:
            yield from line
        for polygon in self.polygons:
            for loop in polygon.loops():
                yield from loop.points


def _on_edge(point: Point, a: Point, b: Point) -> bool:
    if point in (a, b):
        return True
    normal = unit(cross(a, b))
    return (
        abs(dot(normal, point)) < _TOUCHING and angle(a, point) + angle(point, b) <= angle(a, b) + _TOUCHING
    )


def contains(outer: Shape, inner: Shape, check: Check) -> bool:
    """Say whether a polygon, or several, has every point of another shape."""
    if inner.polygons:
        return region_contains(outer.borders(), inner.borders(), check)
    if inner.points:
        return all(outer.has(point) for point in inner.points)
    border = set(outer.vertices())
    if any(point not in border and not outer.has(point) for point in inner.vertices()):
        return False
    outline = set(outer.edges())
    if cross_each_other(inner.edges(), outline, check):
        return False
    middles = (unit(add(a, b)) for a, b in inner.edges() if {(a, b), (b, a)}.isdisjoint(outline))
    return all(outer.has(middle) for middle in middles)


def intersects(left: Shape, right: Shape, check: Check) -> bool:
    """Say whether two shapes have a point in common."""
    if left.polygons and right.polygons:
        return region_meets(left.borders(), right.borders(), check)
    if any(right.has(point) for point in left.vertices()) or any(
        left.has(point) for point in right.vertices()
    ):
        return True
    return cross_each_other(left.edges(), right.edges(), check)


def same(left: Shape, right: Shape) -> bool:
    """Say whether two shapes are equal: rings may begin anywhere, polygons may come in any order."""
    if left.kind != right.kind:
        return False
    if left.polygons:
        return sorted(map(_outline, left.polygons)) == sorted(map(_outline, right.polygons))
    return left.points == right.points and left.lines == right.lines


def _outline(polygon: Polygon) -> list[tuple[Point, ...]]:
    outline: list[tuple[Point, ...]] = []
    for loop in polygon.loops():
        first = min(range(len(loop.points)), key=loop.points.__getitem__)
        outline.append(loop.points[first:] + loop.points[:first])
    return [outline[0], *sorted(outline[1:])]


def parse_shape(value: Value, check: Check) -> Shape:
    """Return the shape of a GeoJSON object or of [longitude, latitude]."""
    if isinstance(value, list):
        return Shape(kind="Point", points=(_point(value),))
    if not isinstance(value, dict):
        raise ShapeError("Requires coordinate pair or GeoJSON")
    coordinates: Value = value.get("coordinates")
    kind = value.get("type")
    if not isinstance(coordinates, list):
        raise ShapeError("Coordinates missing.")
    match str(kind).lower():
        case "point":
            return Shape(kind="Point", points=(_point(coordinates),))
        case "multipoint":
            return Shape(kind="MultiPoint", points=tuple(_positions(coordinates, 1)))
        case "linestring":
            return Shape(kind="LineString", lines=(_line(coordinates),))
        case "multilinestring":
            return Shape(kind="MultiLineString", lines=tuple(map(_line, _lists(coordinates, 1))))
        case "polygon":
            return Shape(kind="Polygon", polygons=(_polygon(coordinates, check),))
        case "multipolygon":
            polygons = tuple(_polygon(rings, check) for rings in _lists(coordinates, 1))
            return Shape(kind="MultiPolygon", polygons=polygons)
        case _:
            raise ShapeError(f"Invalid GeoJSON Geometry Object: unknown type '{kind}'.")


def _lists(values: Value, minimum: int) -> list[list[Any]]:
    if not isinstance(values, list) or len(values) < minimum:
        raise ShapeError("Invalid GeoJSON: too few coordinates.")
    lists: list[list[Any]] = []
    value: Value
    for value in values:
        if not isinstance(value, list):
            raise ShapeError("Invalid GeoJSON: coordinates are arrays.")
        lists.append(value)
    return lists


def _degrees(position: Sequence[Any]) -> tuple[float, float]:
    pair = [item for item in position[:2] if isinstance(item, int | float) and not isinstance(item, bool)]
    if len(pair) != 2 or not 2 <= len(position) <= 3:
        raise ShapeError("Bad coordinates: expected [longitude, latitude].")
    longitude, latitude = map(float, pair)
    if not -180 <= longitude <= 180 or not -90 <= latitude <= 90:
        raise ShapeError(f"Bad coordinates: [{longitude:g}, {latitude:g}] is not on Earth.")
    return longitude, latitude


def _point(position: Sequence[Any]) -> Point:
    return from_degrees(*_degrees(position))


def _positions(values: Value, minimum: int) -> list[Point]:
    return [_point(position) for position in _lists(values, minimum)]


def _line(values: Value) -> tuple[Point, ...]:
    points = _without_repeats(_positions(values, 2))
    if len(points) < 2:
        raise ShapeError("Invalid LineString: adjacent vertices must not be identical.")
    return tuple(points)


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    return [point for place, point in enumerate(points) if place == 0 or point != points[place - 1]]


def _polygon(values: Value, check: Check) -> Polygon:
    rings = [[_degrees(position) for position in _lists(ring, 4)] for ring in _lists(values, 1)]
    loops: list[Loop] = []
    for number, ring in enumerate(rings):
        if ring[0] != ring[-1]:
            raise ShapeError("Loop not closed: the first and last position of a ring must be the same.")
        loop = make_loop([from_degrees(*position) for position in ring[:-1]], check)
        # The outer ring is taken as it runs; a hole is the smaller side of its ring.
        loops.append(loop if number == 0 or loop.area() <= 2 * math.pi else loop.reversed())
    closed = tuple(tuple(ring[:-1]) for ring in rings)
    return Polygon(outer=loops[0], holes=tuple(loops[1:]), rings=closed)


def make_loop(points: Sequence[Point], check: Check) -> Loop:
    """Return the loop of some points; ShapeError if they are too few or the edges cross."""
    distinct = _without_repeats(points)
    if len(distinct) > 1 and distinct[0] == distinct[-1]:
        distinct.pop()
    if len(distinct) < 3 or len(set(distinct)) < len(distinct):
        raise ShapeError("Invalid loop in polygon: it needs three different positions and none twice.")
    loop = Loop(distinct)
    if crosses_itself(loop.edges(), check):
        raise ShapeError("Invalid loop in polygon: edges cross.")
    return loop
