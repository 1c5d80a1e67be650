"""Points, edges and loops on the unit sphere.

Edges are great circles. A loop is a closed chain of edges whose interior lies to the left; it may be more
than half of the sphere. Which of two loops with a common edge contains a point on it follows the rules of the
S2 library, which ArangoDB uses: each point belongs to one of the faces that loops cut the sphere into.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, TypeAlias

Point: TypeAlias = tuple[float, float, float]

# S2's fixed point that is no vertex of anything; containment counts crossings from here.
ORIGIN: Final[Point] = (-0.0099994664350250197, 0.0025924542609324121, 0.99994664350250195)
_SAFE_DETERMINANT: Final = 3e-15
_SMALL_CAP: Final = 1e-9


def from_degrees(longitude: float, latitude: float) -> Point:
    """Return the point at a longitude and latitude."""
    phi, theta = math.radians(latitude), math.radians(longitude)
    return math.cos(theta) * math.cos(phi), math.sin(theta) * math.cos(phi), math.sin(phi)


def to_degrees(point: Point) -> tuple[float, float]:
    """Return longitude and latitude of a point."""
    x, y, z = point
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def dot(a: Point, b: Point) -> float:
    """Return the scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Point, b: Point) -> Point:
    """Return the vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def add(a: Point, b: Point) -> Point:
    """Return the sum of two vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def scale(a: Point, factor: float) -> Point:
    """Return a vector times a number."""
    return a[0] * factor, a[1] * factor, a[2] * factor


def length(a: Point) -> float:
    """Return the length of a vector."""
    return math.sqrt(dot(a, a))


def unit(a: Point) -> Point:
    """Return the vector of length 1 in the same direction; the zero vector stays."""
    size = length(a)
    return scale(a, 1 / size) if size else a


def angle(a: Point, b: Point) -> float:
    """Return the angle between two vectors, exact also for small and for nearly flat ones."""
    return math.atan2(length(cross(a, b)), dot(a, b))


def orientation(a: Point, b: Point, c: Point) -> int:
    """Return 1 if three points turn left, -1 if right, 0 only if two are the same.

    Three points on one great circle are told apart by an order of points, the same for all questions.
    """
    if len({a, b, c}) < 3:
        return 0
    determinant = dot(cross(a, b), c)
    if determinant > _SAFE_DETERMINANT:
        return 1
    if determinant < -_SAFE_DETERMINANT:
        return -1
    return _exact_orientation(a, b, c)


def _exact_orientation(a: Point, b: Point, c: Point) -> int:
    first, second, third = sorted((a, b, c))
    swaps = (a > b) + (a > c) + (b > c)
    x, y, z = (tuple(map(Fraction, point)) for point in (first, second, third))
    determinant = (
        (x[1] * y[2] - x[2] * y[1]) * z[0]
        + (x[2] * y[0] - x[0] * y[2]) * z[1]
        + (x[0] * y[1] - x[1] * y[0]) * z[2]
    )
    sign = 1 if determinant >= 0 else -1
    return -sign if swaps % 2 else sign


def ordered_left(a: Point, b: Point, c: Point, center: Point) -> bool:
    """Say whether, turning left around a center, one meets a, b and c in this order."""
    turns = (orientation(b, center, a) >= 0) + (orientation(c, center, b) >= 0)
    return turns + (orientation(a, center, c) > 0) >= 2


def _reference(point: Point) -> Point:
    """Return a direction from a point that depends on nothing but the point."""
    largest = max(range(3), key=lambda axis: abs(point[axis]))
    other = [0.012, 0.0053, 0.00457]
    other[(largest + 2) % 3] = 1.0
    return unit(cross(point, (other[0], other[1], other[2])))


def crosses(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Say whether the edges ab and cd cross in a point inside of both."""
    if a in (c, d) or b in (c, d):
        return False
    turn = -orientation(a, b, c)
    return (
        turn != 0
        and orientation(a, b, d) == turn
        and -orientation(c, d, b) == turn
        and orientation(c, d, a) == turn
    )


def _passes(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Say whether passing from a to b, which is a vertex of the edge cd, changes sides of that edge."""
    if a == b:
        return False
    if b == d:
        return ordered_left(_reference(b), c, a, b)
    return ordered_left(_reference(b), d, a, b)


class Loop:
    """A closed chain of points, the last one joined to the first; its interior is to the left."""

    __slots__ = ("_cap", "_origin_inside", "points")

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = tuple(points)
        self._origin_inside = False
        self._cap: tuple[Point, float] | None = None
        second = self.points[1]
        inside = ordered_left(_reference(second), self.points[0], self.points[2], second)
        self._origin_inside = inside != self.contains(second)
        self._cap = self._bounding_cap()

    def _bounding_cap(self) -> tuple[Point, float] | None:
        """Return center and cosine of the radius of a cap around a small loop, None for a large one."""
        center = unit(self.moment())
        least = min(dot(center, point) for point in self.points)
        # A cap smaller than a half sphere also has all edges between its points, and one side of the loop.
        if least < _SMALL_CAP or self.contains(scale(center, -1)):
            return None
        return center, least - _SMALL_CAP

    def edges(self) -> Sequence[tuple[Point, Point]]:
        """Return the edges in order."""
        return tuple(zip(self.points, (*self.points[1:], self.points[0]), strict=True))

    def contains(self, point: Point) -> bool:
        """Say whether a point is inside."""
        if self._cap is not None and dot(self._cap[0], point) < self._cap[1]:
            return False
        inside = self._origin_inside
        normal_x, normal_y, normal_z = cross(ORIGIN, point)
        start = self.points[-1]
        side = orientation(ORIGIN, point, start)
        for end in self.points:
            turn = normal_x * end[0] + normal_y * end[1] + normal_z * end[2]
            if turn > _SAFE_DETERMINANT:
                new_side = 1
            elif turn < -_SAFE_DETERMINANT:
                new_side = -1
            else:
                new_side = orientation(ORIGIN, point, end)
            if side != new_side:
                at_vertex = side == 0 or new_side == 0
                if (_passes if at_vertex else crosses)(ORIGIN, point, start, end):
                    inside = not inside
            start, side = end, new_side
        return inside

    def reversed(self) -> Loop:
        """Return the loop around the rest of the sphere."""
        return Loop(self.points[::-1])

    def area(self) -> float:
        """Return the area of the interior, between 0 and that of the whole sphere, 4 pi."""
        first, total = self.points[0], 0.0
        for a, b in zip(self.points[1:], self.points[2:], strict=False):
            total += _triangle(first, a, b)
        return total if total >= 0 else total + 4 * math.pi

    def moment(self) -> Point:
        """Return the integral of the position over the interior: its direction is the center of the area."""
        total: Point = (0.0, 0.0, 0.0)
        for a, b in self.edges():
            total = add(total, scale(unit(cross(a, b)), angle(a, b) / 2))
        return total


def _triangle(a: Point, b: Point, c: Point) -> float:
    """Return the area of a triangle, negative if it runs to the right."""
    along, across = add(b, scale(a, -1)), add(c, scale(a, -1))
    volume = dot(a, cross(along, across))
    return 2 * math.atan2(volume, 1 + dot(a, b) + dot(b, c) + dot(c, a))


def chain_moment(points: Sequence[Point]) -> Point:
    """Return the integral of the position along a chain of edges."""
    total: Point = (0.0, 0.0, 0.0)
    for a, b in pairwise(points):
        middle = add(a, b)
        total = add(total, scale(middle, math.tan(angle(a, b) / 2) if dot(a, b) > -1 else 0.0))
    return total
