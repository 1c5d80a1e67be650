"""Which regions of the sphere contain or meet one another, and which chains of edges cross.

A region is given by loops: a point is in it if it is in an odd number of them. Where two regions touch,
every vertex and edge belongs to exactly one side, as in the S2 library, which ArangoDB uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from mcp_arangodb_async.engine.functions.sphere import Loop, Point, crosses, dot, ordered_left

Edge: TypeAlias = tuple[Point, Point]
Check: TypeAlias = Callable[[], None]
_MARGIN: Final = 1e-12


class Border(NamedTuple):
    """A loop of a region; a hole's loop runs around the hole, against the region's boundary."""

    loop: Loop
    hole: bool


class _Box(NamedTuple):
    low: Point
    high: Point
    edge: Edge
    group: int


def _box(edge: Edge, group: int) -> _Box:
    """Return bounds of an edge: those of its ends, and room for the arc between them."""
    a, b = edge
    room = 1 - max(0.0, (1 + dot(a, b)) / 2) ** 0.5 + _MARGIN
    low = (min(a[0], b[0]) - room, min(a[1], b[1]) - room, min(a[2], b[2]) - room)
    high = (max(a[0], b[0]) + room, max(a[1], b[1]) + room, max(a[2], b[2]) + room)
    return _Box(low, high, edge, group)


def _crossing(boxes: list[_Box], check: Check, *, same_group: bool) -> bool:
    """Say whether two edges cross; of two groups unless the edges are one group."""
    if not boxes:
        return False
    spread = [max(box.low[axis] for box in boxes) - min(box.low[axis] for box in boxes) for axis in range(3)]
    first = max(range(3), key=spread.__getitem__)
    second, third = (first + 1) % 3, (first + 2) % 3
    boxes.sort(key=lambda box: box.low[first])
    active: list[_Box] = []
    for box in boxes:
        check()
        low, high = box.low, box.high
        active = [other for other in active if other.high[first] >= low[first]]
        for other in active:
            if (
                (same_group or other.group != box.group)
                and other.low[second] <= high[second]
                and other.high[second] >= low[second]
                and other.low[third] <= high[third]
                and other.high[third] >= low[third]
                and crosses(*box.edge, *other.edge)
            ):
                return True
        active.append(box)
    return False


def cross_each_other(left: Iterable[Edge], right: Iterable[Edge], check: Check) -> bool:
    """Say whether an edge of one chain crosses one of another."""
    boxes = [_box(edge, 0) for edge in left] + [_box(edge, 1) for edge in right]
    return _crossing(boxes, check, same_group=False)


def crosses_itself(edges: Iterable[Edge], check: Check) -> bool:
    """Say whether two of the edges cross."""
    return _crossing([_box(edge, 0) for edge in edges], check, same_group=True)


def _turns_inside(loop: Loop, place: int, following: Point, *, against: bool) -> bool:
    """Say whether an edge from a vertex of a loop leads into it.

    An edge of the loop itself does if the other region lies on the same side of it.
    """
    points = loop.points
    before, vertex, after = points[place - 1], points[place], points[(place + 1) % len(points)]
    if following in (before, after):
        return (following == before) == against
    return ordered_left(before, after, following, vertex)


def _compare_boundary(loop: Loop, other: Loop, check: Check, *, against: bool) -> int:
    """Return 1 if a loop contains another's boundary, -1 if it excludes it, 0 if the two cross."""
    if cross_each_other(loop.edges(), other.edges(), check):
        return 0
    places = {point: place for place, point in enumerate(loop.points)}
    sides = {
        _turns_inside(loop, places[vertex], following, against=against)
        for vertex, following in other.edges()
        if vertex in places
    }
    if not sides:
        return 1 if loop.contains(other.points[0]) else -1
    if len(sides) == 2:
        return 0
    return 1 if sides.pop() else -1


def _compare(region: Sequence[Border], border: Border, check: Check) -> int:
    """Return 1 if a region contains a boundary, -1 if it excludes it, 0 if it does neither."""
    result = -1
    for own in region:
        result *= -_compare_boundary(own.loop, border.loop, check, against=border.hole)
    return result


def _encloses(region: Sequence[Border], loop: Loop, *, against: bool) -> bool:
    """Say whether a region contains the boundary of a loop that does not cross its own."""
    inside = False
    for own in region:
        vertex, following = loop.points[:2]
        if vertex in own.loop.points:
            place = own.loop.points.index(vertex)
            inside ^= _turns_inside(own.loop, place, following, against=against)
        else:
            inside ^= own.loop.contains(vertex)
    return inside


def region_contains(outer: Sequence[Border], inner: Sequence[Border], check: Check) -> bool:
    """Say whether a region contains all of another."""
    if any(_compare(outer, border, check) <= 0 for border in inner):
        return False
    # The rest of the sphere must not have a part that the inner region surrounds or fills.
    return not any(
        _encloses(inner, border.loop, against=place == 0)
        for place, border in enumerate(outer)
        if place == 0 or border.hole
    )


def region_meets(left: Sequence[Border], right: Sequence[Border], check: Check) -> bool:
    """Say whether two regions have a point in common."""
    if any(_compare(left, border, check) >= 0 for border in right):
        return True
    return any(_encloses(right, border.loop, against=False) for border in left if not border.hole)
