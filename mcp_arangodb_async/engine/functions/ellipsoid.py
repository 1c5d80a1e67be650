"""Distances and areas on the ellipsoid of WGS 84.

Distances by Vincenty's inverse formula (Survey Review XXIII, 1975), areas by cutting geodesic edges into
short pieces and adding the areas between these and the equator on the sphere of equal area.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from mcp_arangodb_async.engine.errors import ERROR_NOT_IMPLEMENTED, ArangoError

SEMI_MAJOR: Final = 6_378_137.0
FLATTENING: Final = 1 / 298.257223563
SEMI_MINOR: Final = SEMI_MAJOR * (1 - FLATTENING)
_ECCENTRICITY_2: Final = FLATTENING * (2 - FLATTENING)
_SECOND_ECCENTRICITY_2: Final = (SEMI_MAJOR**2 - SEMI_MINOR**2) / SEMI_MINOR**2
_PIECE: Final = 20_000.0
"""Metres of an edge's piece; what a great circle differs from a geodesic over this length does not matter."""
_MOST_PIECES: Final = 1_000

Degrees = tuple[float, float]


def _series(cosine_2: float) -> tuple[float, float]:
    u2 = cosine_2 * _SECOND_ECCENTRICITY_2
    a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    return a, b


def _correction(b: float, middle: float, sine: float, cosine: float) -> float:
    cubic = cosine * (2 * middle**2 - 1)
    quartic = b / 6 * middle * (4 * sine**2 - 3) * (4 * middle**2 - 3)
    return b * sine * (middle + b / 4 * (cubic - quartic))


def inverse(start: Degrees, end: Degrees) -> tuple[float, float]:
    """Return the length in metres and the first azimuth of the geodesic between two (longitude, latitude)."""
    if start == end:
        return 0.0, 0.0
    difference = math.radians(end[0] - start[0])
    difference = math.remainder(difference, 2 * math.pi)
    reduced = [math.atan((1 - FLATTENING) * math.tan(math.radians(point[1]))) for point in (start, end)]
    s1, c1, s2, c2 = math.sin(reduced[0]), math.cos(reduced[0]), math.sin(reduced[1]), math.cos(reduced[1])
    lam = difference
    for _ in range(200):
        sl, cl = math.sin(lam), math.cos(lam)
        sine = math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl)
        if sine == 0:
            return 0.0, 0.0
        cosine = s1 * s2 + c1 * c2 * cl
        arc = math.atan2(sine, cosine)
        sin_alpha = c1 * c2 * sl / sine
        cos_alpha_2 = 1 - sin_alpha**2
        middle = cosine - 2 * s1 * s2 / cos_alpha_2 if cos_alpha_2 > 1e-15 else 0.0
        c = FLATTENING / 16 * cos_alpha_2 * (4 + FLATTENING * (4 - 3 * cos_alpha_2))
        inner = middle + c * cosine * (2 * middle**2 - 1)
        before, lam = lam, difference + (1 - c) * FLATTENING * sin_alpha * (arc + c * sine * inner)
        if abs(lam - before) < 1e-12:
            a, b = _series(cos_alpha_2)
            azimuth = math.atan2(c2 * math.sin(lam), c1 * s2 - s1 * c2 * math.cos(lam))
            return SEMI_MINOR * a * (arc - _correction(b, middle, sine, cosine)), azimuth
    raise ArangoError(
        ERROR_NOT_IMPLEMENTED, "distances on the ellipsoid between nearly opposite points are not supported"
    )


def direct(start: Degrees, azimuth: float, distance: float) -> Degrees:
    """Return where a geodesic leads that begins at a point in a direction."""
    reduced = math.atan((1 - FLATTENING) * math.tan(math.radians(start[1])))
    su, cu = math.sin(reduced), math.cos(reduced)
    first = math.atan2(math.tan(reduced), math.cos(azimuth))
    sin_alpha = cu * math.sin(azimuth)
    cos_alpha_2 = 1 - sin_alpha**2
    a, b = _series(cos_alpha_2)
    arc = whole = distance / (SEMI_MINOR * a)
    middle = math.cos(2 * first + arc)
    for _ in range(100):
        middle = math.cos(2 * first + arc)
        before, arc = arc, whole + _correction(b, middle, math.sin(arc), math.cos(arc))
        if abs(arc - before) < 1e-13:
            break
    sine, cosine = math.sin(arc), math.cos(arc)
    north = su * cosine + cu * sine * math.cos(azimuth)
    across = su * sine - cu * cosine * math.cos(azimuth)
    latitude = math.atan2(north, (1 - FLATTENING) * math.hypot(sin_alpha, across))
    lam = math.atan2(sine * math.sin(azimuth), cu * cosine - su * sine * math.cos(azimuth))
    c = FLATTENING / 16 * cos_alpha_2 * (4 + FLATTENING * (4 - 3 * cos_alpha_2))
    inner = middle + c * cosine * (2 * middle**2 - 1)
    longitude = lam - (1 - c) * FLATTENING * sin_alpha * (arc + c * sine * inner)
    return start[0] + math.degrees(longitude), math.degrees(latitude)


def _q(sine: float) -> float:
    e = math.sqrt(_ECCENTRICITY_2)
    return (1 - _ECCENTRICITY_2) * (sine / (1 - _ECCENTRICITY_2 * sine**2) + math.atanh(e * sine) / e)


_POLE_Q: Final = _q(1.0)
AUTHALIC_RADIUS: Final = SEMI_MAJOR * math.sqrt(_POLE_Q / 2)
"""The radius of the sphere with the ellipsoid's area."""


def _authalic(latitude: float) -> float:
    return math.asin(max(-1.0, min(1.0, _q(math.sin(math.radians(latitude))) / _POLE_Q)))


def ring_area(points: Sequence[Degrees]) -> float:
    """Return the area in square metres to the left of a closed ring of geodesic edges."""
    total = turned = 0.0
    for start, end in zip(points, (*points[1:], points[0]), strict=True):
        distance, azimuth = inverse(start, end)
        pieces = min(_MOST_PIECES, max(1, math.ceil(distance / _PIECE)))
        place = start
        for piece in range(1, pieces + 1):
            following = end if piece == pieces else direct(start, azimuth, distance * piece / pieces)
            step = math.remainder(math.radians(following[0] - place[0]), 2 * math.pi)
            low, high = math.tan(_authalic(place[1]) / 2), math.tan(_authalic(following[1]) / 2)
            total -= 2 * math.atan2(math.tan(step / 2) * (low + high), 1 + low * high)
            turned += step
            place = following
    sphere = 4 * math.pi
    if (
        abs(turned) > math.pi
    ):  # the ring runs around a pole: the area between it and the equator is not the inside
        total += 2 * math.pi
    return total % sphere * AUTHALIC_RADIUS**2
