"""Geo functions.

https://docs.arangodb.com/3.12/aql/functions/geo/
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from mcp_arangodb_async.engine.context import FunctionContext
from mcp_arangodb_async.engine.errors import (
    ERROR_BAD_PARAMETER,
    ERROR_QUERY_ARRAY_EXPECTED,
    ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH,
)
from mcp_arangodb_async.engine.functions import ellipsoid as wgs84
from mcp_arangodb_async.engine.functions import shapes
from mcp_arangodb_async.engine.functions.registry import Function, asking, complain, mismatch
from mcp_arangodb_async.engine.functions.shapes import EARTH_RADIUS, Shape, ShapeError
from mcp_arangodb_async.engine.functions.sphere import angle, from_degrees, to_degrees
from mcp_arangodb_async.engine.values import Value, decode_json, encode_json, finite, is_number, to_number

# Longer texts of polygons are read each time.
_KEPT_TEXT: Final = 64_000
_MISMATCH: Final = ERROR_QUERY_FUNCTION_ARGUMENT_TYPE_MISMATCH


def distance(
    ctx: FunctionContext, latitude1: Value, longitude1: Value, latitude2: Value, longitude2: Value
) -> Value:
    """DISTANCE(): in metres, by the haversine formula."""
    values = (latitude1, longitude1, latitude2, longitude2)
    if not all(map(is_number, values)):
        return mismatch(ctx, "DISTANCE")
    lat1, lon1, lat2, lon2 = (math.radians(to_number(value)) for value in values)
    a = math.sin((lat2 - lat1) / 2) ** 2
    a += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return finite(EARTH_RADIUS * 2 * math.atan2(math.sqrt(a), math.sqrt(max(0.0, 1 - a))))


@lru_cache(maxsize=64)
def _parsed(text: bytes) -> Shape:
    """Return the shape of a JSON text: most queries ask of one polygon again and again."""
    return shapes.parse_shape(decode_json(text), _no_check)


def _no_check() -> None:
    """Do nothing: a text that is kept is short."""


def _shape(ctx: FunctionContext, name: str, value: Value) -> Shape | None:
    ctx.check()
    try:
        if _is_region(value):
            text = encode_json(value)
            if len(text) <= _KEPT_TEXT:
                return _parsed(text)
        return shapes.parse_shape(value, ctx.check)
    except ShapeError as error:
        return complain(ctx, name, ERROR_BAD_PARAMETER, str(error))


def _is_region(value: Value) -> bool:
    return isinstance(value, dict) and str(value.get("type")).lower() in ("polygon", "multipolygon")


def _between(left: Shape, right: Shape, figure: Value) -> float:
    a, b = left.centroid(), right.centroid()
    if figure == "wgs84":
        return wgs84.inverse(to_degrees(a), to_degrees(b))[0]
    return angle(a, b) * EARTH_RADIUS


def geo_distance(ctx: FunctionContext, left: Value, right: Value, figure: Value = "sphere") -> Value:
    """GEO_DISTANCE(): in metres, between the centers of two shapes."""
    a = _shape(ctx, "GEO_DISTANCE", left)
    b = None if a is None else _shape(ctx, "GEO_DISTANCE", right)
    return None if a is None or b is None else finite(_between(a, b, figure))


def geo_in_range(
    ctx: FunctionContext,
    left: Value,
    right: Value,
    low: Value,
    high: Value,
    with_low: Value = True,
    with_high: Value = True,
    figure: Value = "sphere",
) -> Value:
    """GEO_IN_RANGE(): whether that distance lies between two bounds."""
    a = _shape(ctx, "GEO_IN_RANGE", left)
    b = None if a is None else _shape(ctx, "GEO_IN_RANGE", right)
    if a is None or b is None:
        return None
    checks = (
        (is_number(low), "3rd argument requires a number"),
        (is_number(high), "4th argument requires a number"),
        (isinstance(with_low, bool), "5th argument requires a bool"),
        (isinstance(with_high, bool), "6th argument requires a bool"),
    )
    for is_right, message in checks:
        if not is_right:
            return complain(ctx, "GEO_IN_RANGE", ERROR_BAD_PARAMETER, message)
    metres, least, most = _between(a, b, figure), to_number(low), to_number(high)
    above = metres >= least if with_low else metres > least
    return above and (metres <= most if with_high else metres < most)


def _relation(
    name: str, holds: Callable[[Shape, Shape, Callable[[], None]], bool], *, area: bool
) -> Callable[..., Value]:
    def call(ctx: FunctionContext, left: Value, right: Value) -> Value:
        if not isinstance(left, dict):
            return complain(ctx, name, _MISMATCH, "Expecting GeoJSON object")
        a = _shape(ctx, name, left)
        if a is None:
            return None
        if area and not a.polygons:
            message = "Only Polygon and MultiPolygon types are valid as first argument"
            return complain(ctx, name, _MISMATCH, message)
        if not isinstance(right, dict | list):
            message = "Second arg requires coordinate pair or GeoJSON"
            return complain(ctx, name, ERROR_BAD_PARAMETER, message)
        b = _shape(ctx, name, right)
        return None if b is None else holds(a, b, ctx.check)

    return call


def geo_equals(ctx: FunctionContext, left: Value, right: Value) -> Value:
    """GEO_EQUALS()."""
    if not isinstance(left, dict) or not isinstance(right, dict):
        return complain(ctx, "GEO_EQUALS", _MISMATCH, "Expecting GeoJSON object")
    a = _shape(ctx, "GEO_EQUALS", left)
    b = None if a is None else _shape(ctx, "GEO_EQUALS", right)
    return None if a is None or b is None else shapes.same(a, b)


def geo_area(ctx: FunctionContext, value: Value, figure: Value = "sphere") -> Value:
    """GEO_AREA(): in square metres; 0 for what is no polygon."""
    shape = _shape(ctx, "GEO_AREA", value)
    if shape is None:
        return None
    if figure != "wgs84":
        return finite(shape.area())
    total = 0.0
    for polygon in shape.polygons:
        outer, *holes = map(wgs84.ring_area, polygon.rings)
        whole = 4 * math.pi * wgs84.AUTHALIC_RADIUS**2
        total += outer - sum(min(hole, whole - hole) for hole in holes)
    return finite(total)


def is_in_polygon(ctx: FunctionContext, polygon: Value, where: Value, option: Value = False) -> Value:
    """IS_IN_POLYGON(): latitude first, unless the third argument says otherwise."""
    if not isinstance(polygon, list):
        return complain(ctx, "IS_IN_POLYGON", ERROR_QUERY_ARRAY_EXPECTED)
    longitude_first = option is True and isinstance(where, list)
    pair: Sequence[Value] = where[:2] if isinstance(where, list) else [where, option]
    if len(pair) < 2 or not all(map(is_number, pair)):
        return mismatch(ctx, "IS_IN_POLYGON")
    latitude, longitude = pair[::-1] if longitude_first else pair
    try:
        points = [_corner(corner, longitude_first=longitude_first) for corner in polygon]
        loop = shapes.make_loop([from_degrees(*point) for point in points], ctx.check)
    except ShapeError as error:
        return complain(ctx, "IS_IN_POLYGON", ERROR_BAD_PARAMETER, str(error))
    if loop.area() > 2 * math.pi:
        loop = loop.reversed()
    return loop.contains(from_degrees(to_number(longitude), to_number(latitude)))


def _corner(value: Value, *, longitude_first: bool) -> tuple[float, float]:
    pair: list[Any] = value[:2] if isinstance(value, list) else []
    if len(pair) < 2 or not all(map(is_number, pair)):
        raise ShapeError("a polygon is an array of coordinate pairs")
    first, second = map(float, pair)
    return (first, second) if longitude_first else (second, first)


def geo_point(ctx: FunctionContext, longitude: Value, latitude: Value, *elevation: Value) -> Value:
    """GEO_POINT()."""
    position = [longitude, latitude, *elevation]
    if not all(map(is_number, position)):
        return mismatch(ctx, "GEO_POINT")
    return {"type": "Point", "coordinates": position}


def _checked(name: str, kind: str, depth: int, least: int, lack: str) -> Callable[..., Value]:
    """Make a constructor of arrays of positions: `depth` levels of arrays around numbers."""

    def call(ctx: FunctionContext, values: Value) -> Value:
        if not isinstance(values, list):
            return complain(ctx, name, ERROR_QUERY_ARRAY_EXPECTED)
        if len(values) < least:
            return complain(ctx, name, _MISMATCH, lack)
        fault = _fault(values, depth)
        if fault:
            return complain(ctx, name, _MISMATCH, fault)
        return {"type": kind, "coordinates": values}

    return call


def _fault(values: Value, depth: int) -> str | None:
    """Say what is wrong with nested positions, None if they are right."""
    if depth == 0:
        return None if is_number(values) else "not a numeric value"
    if not isinstance(values, list):
        return "not an array containing positions"
    if depth == 2 and len(values) < 2:
        return "not an array containing linestrings"
    if depth == 1 and not 2 <= len(values) <= 3:
        return "a Position needs two or three numeric values"
    return next((fault for value in values if (fault := _fault(value, depth - 1))), None)


def _rings(value: Value) -> list[Any]:
    """Return the rings of a polygon that is given as rings or as one ring."""
    if not isinstance(value, list) or not value:
        raise ShapeError("Polygon needs to be an array of positions.")
    first: Value = value[0]
    rings: list[Any] = [value] if isinstance(first, list) and all(map(is_number, first)) else value
    fault = _fault(rings, 3)
    if fault:
        raise ShapeError(fault)
    if any(len(ring) < 3 for ring in rings):
        raise ShapeError("a Polygon needs at least three positions")
    return rings


def geo_polygon(ctx: FunctionContext, values: Value) -> Value:
    """GEO_POLYGON(): of one ring, or of an outer ring and holes."""
    if not isinstance(values, list):
        return complain(ctx, "GEO_POLYGON", ERROR_QUERY_ARRAY_EXPECTED)
    try:
        return {"type": "Polygon", "coordinates": _rings(values)}
    except ShapeError as error:
        return complain(ctx, "GEO_POLYGON", _MISMATCH, str(error))


def geo_multipolygon(ctx: FunctionContext, values: Value) -> Value:
    """GEO_MULTIPOLYGON(): of at least two polygons."""
    if not isinstance(values, list):
        return complain(ctx, "GEO_MULTIPOLYGON", ERROR_QUERY_ARRAY_EXPECTED)
    if len(values) < 2:
        message = "a MultiPolygon needs at least two Polygons inside."
        return complain(ctx, "GEO_MULTIPOLYGON", _MISMATCH, message)
    try:
        return {"type": "MultiPolygon", "coordinates": [_rings(value) for value in values]}
    except ShapeError as error:
        return complain(ctx, "GEO_MULTIPOLYGON", _MISMATCH, str(error))


_LINE: Final = _checked("GEO_LINESTRING", "LineString", 2, 2, "a LineString needs at least two positions")
_LINES: Final = _checked(
    "GEO_MULTILINESTRING",
    "MultiLineString",
    3,
    1,
    "a MultiLineString needs at least one array of linestrings",
)
_POINTS: Final = _checked("GEO_MULTIPOINT", "MultiPoint", 2, 2, "a MultiPoint needs at least two positions")

FUNCTIONS: Final[tuple[Function, ...]] = (
    asking("DISTANCE", "4", distance),
    asking("GEO_DISTANCE", "2-3", geo_distance),
    asking("GEO_IN_RANGE", "4-7", geo_in_range),
    asking("GEO_CONTAINS", "2", _relation("GEO_CONTAINS", shapes.contains, area=True)),
    asking("GEO_INTERSECTS", "2", _relation("GEO_INTERSECTS", shapes.intersects, area=False)),
    asking("GEO_EQUALS", "2", geo_equals),
    asking("GEO_AREA", "1-2", geo_area),
    asking("IS_IN_POLYGON", "2-3", is_in_polygon),
    asking("GEO_POINT", "2-3", geo_point),
    asking("GEO_MULTIPOINT", "1", _POINTS),
    asking("GEO_LINESTRING", "1", _LINE),
    asking("GEO_MULTILINESTRING", "1", _LINES),
    asking("GEO_POLYGON", "1", geo_polygon),
    asking("GEO_MULTIPOLYGON", "1", geo_multipolygon),
)
