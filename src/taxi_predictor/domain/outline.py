"""Areas on a map: polygons as GeoJSON has them (RFC 7946).

A position is (longitude, latitude) in degrees, WGS 84. A ring is closed, its last position is its
first. A polygon is its exterior ring, counter-clockwise, and then its holes, clockwise.
"""

import json
from functools import lru_cache
from itertools import pairwise
from math import radians, sin

from taxi_predictor.domain.place import EARTH_RADIUS_KM, Bounds

__all__ = ["Polygon", "Ring", "area_km2", "polygons_of", "rectangle"]

Ring = tuple[tuple[float, float], ...]
Polygon = tuple[Ring, ...]

DECIMALS = 6
"""Of a degree: 0.1 m."""


@lru_cache(maxsize=2048)
def polygons_of(outline: str) -> tuple[Polygon, ...]:
    """The polygons of a zone's outline, a GeoJSON Polygon or MultiPolygon, wound as they should be."""
    geometry = json.loads(outline)
    found = geometry["coordinates"]
    polygons = found if geometry["type"] == "MultiPolygon" else [found]
    return tuple(
        tuple(_wound(ring, is_exterior=number == 0) for number, ring in enumerate(polygon))
        for polygon in polygons
    )


def rectangle(bounds: Bounds) -> Polygon:
    west, south, east, north = (
        round(deg, DECIMALS) for deg in (bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg)
    )
    return (((west, south), (east, south), (east, north), (west, north), (west, south)),)


def area_km2(polygon: Polygon) -> float:
    """The area on the sphere, holes left out.

    Exact along meridians and parallels; elsewhere an edge is a line of the map, as RFC 7946 has it.
    """
    return sum(map(_signed_km2, polygon))


def _wound(ring: list[list[float]], *, is_exterior: bool) -> Ring:
    positions = tuple((position[0], position[1]) for position in ring)
    return positions if (_signed_km2(positions) > 0) == is_exterior else positions[::-1]


def _signed_km2(ring: Ring) -> float:
    """Positive where *ring* is counter-clockwise; bands of latitude have the area of a cylinder's."""
    turned = sum(
        radians(from_lon - to_lon) * (sin(radians(from_lat)) + sin(radians(to_lat))) / 2
        for (from_lon, from_lat), (to_lon, to_lat) in pairwise(ring)
    )
    return turned * EARTH_RADIUS_KM**2
