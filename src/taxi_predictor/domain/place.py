"""Where trips begin and end: points on Earth, city bounds, taxi zones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NewType, TypeVar

from taxi_predictor.domain.arithmetic import SCALAR, Arithmetic, Quantity
from taxi_predictor.domain.errors import InvalidCity, InvalidTrip, UnknownZone

__all__ = [
    "EARTH_RADIUS_KM",
    "Bounds",
    "Place",
    "Point",
    "Zone",
    "ZoneId",
    "ZoneTable",
    "great_circle_km",
    "straight_km",
]

EARTH_RADIUS_KM = 6371.0088  # mean radius of the IUGG's GRS 80 ellipsoid

ZoneId = NewType("ZoneId", int)
N = TypeVar("N", bound=Quantity)


@dataclass(frozen=True, slots=True)
class Point:
    """A WGS 84 position in decimal degrees."""

    lat_deg: float
    lon_deg: float

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        if not (-90 <= self.lat_deg <= 90 and -180 <= self.lon_deg <= 180):
            raise InvalidTrip(f"not a point on Earth: {self.lat_deg}, {self.lon_deg}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A box of latitudes and longitudes; it does not cross the antimeridian."""

    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float

    def __post_init__(self) -> None:
        if not (
            -90 <= self.south_deg < self.north_deg <= 90 and -180 <= self.west_deg < self.east_deg <= 180
        ):
            raise InvalidCity(f"bounds must run from south-west to north-east on Earth: {self}")

    def __contains__(self, point: Point) -> bool:
        return (
            self.south_deg <= point.lat_deg <= self.north_deg
            and self.west_deg <= point.lon_deg <= self.east_deg
        )

    @property
    def centre(self) -> Point:
        return Point((self.south_deg + self.north_deg) / 2, (self.west_deg + self.east_deg) / 2)


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a trip: a point, and the taxi zone it was given as, if any."""

    point: Point
    zone: ZoneId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A taxi zone; *outline* is a GeoJSON geometry (WGS 84) as text, where one is known."""

    id: ZoneId
    name: str
    borough: str
    centroid: Point
    outline: str | None = None


@dataclass(frozen=True, slots=True)
class ZoneTable:
    """The taxi zones of a city by id."""

    zones: Mapping[ZoneId, Zone] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.zones)

    def __iter__(self) -> Iterator[Zone]:
        return iter(self.zones.values())

    def place(self, zone: ZoneId) -> Place:
        """The centroid of *zone*.

        Raises:
            UnknownZone: no zone of the table has this id.
        """
        if zone not in self.zones:
            raise UnknownZone(f"zone {zone} is not among the {len(self.zones)} known zones")
        return Place(self.zones[zone].centroid, zone)


def great_circle_km(m: Arithmetic[N], from_lat_deg: N, from_lon_deg: N, to_lat_deg: N, to_lon_deg: N) -> N:
    """Distance on the sphere by the haversine formula (R. W. Sinnott, "Virtues of the Haversine", 1984)."""
    from_lat, to_lat = m.radians(from_lat_deg), m.radians(to_lat_deg)
    half_lat = m.sin((to_lat - from_lat) / 2)
    half_lon = m.sin(m.radians(to_lon_deg - from_lon_deg) / 2)
    haversine = half_lat * half_lat + m.cos(from_lat) * m.cos(to_lat) * half_lon * half_lon
    return 2 * EARTH_RADIUS_KM * m.asin(m.sqrt(m.clip(haversine, 0.0, 1.0)))


def straight_km(start: Place, end: Place) -> float:
    """The great circle from *start* to *end*, to the metre, as it is answered."""
    here, there = start.point, end.point
    return round(great_circle_km(SCALAR, here.lat_deg, here.lon_deg, there.lat_deg, there.lon_deg), 3)
