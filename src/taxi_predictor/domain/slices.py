"""The groups of trips that are scored on their own: a good mean may hide a bad airport."""

from collections.abc import Iterator, Mapping

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import ZoneTable, great_circle_km
from taxi_predictor.domain.strata import distance_class

__all__ = ["BOROUGH", "slice_order", "slices"]

BOROUGH = "pickup in "
"""Before the name of a borough: the slice of the trips that begin there."""
DISTANCE_NAMES = ("under 1 km", "1 to 3 km", "3 to 8 km", "8 km and more")
REGION_NAMES = (
    ("south-west", "south", "south-east"),
    ("west", "centre", "east"),
    ("north-west", "north", "north-east"),
)
ORDER = (
    *("under 1 km", "under 1.5 km", "1 to 3 km", "3 to 8 km", "8 km and more", "10 km and more"),
    *("night", "rush", "weekday", "weekend", "holiday", "airport"),
    BOROUGH,
    *(f"pickup {name}" for names in REGION_NAMES for name in names),
)


def slice_order(name: str) -> tuple[int, str]:
    """By this key slices are sorted before they are shown.

    Distances from short to long, part of the day, kind of day, airport, boroughs by name, regions.
    """
    known = BOROUGH if name.startswith(BOROUGH) else name
    return ORDER.index(known) if known in ORDER else len(ORDER), name


def slices(
    m: ColumnArithmetic, features: Mapping[str, Column], city: City, zones: ZoneTable | None
) -> Iterator[tuple[str, Column]]:
    """Yield each slice's name with 1 for its members and 0 for the others; a trip is in several.

    A trip is in the borough of its pickup where *zones* knows it, else in one of nine regions of the
    city's bounds.
    """

    def members(condition: Column) -> Column:
        return m.where(condition, 1.0, 0.0)

    distance_km, minute, weekday = features["distance_km"], features["minute_of_day"], features["weekday"]
    is_weekday, is_holiday = weekday < 5, features["is_holiday"] >= 0.5
    morning = m.both(minute >= 7 * 60, minute < 10 * 60)
    evening = m.both(minute >= 16 * 60, minute < 19 * 60)
    yield "under 1.5 km", members(distance_km < 1.5)
    yield "10 km and more", members(distance_km >= 10)
    yield "night", members(m.either(minute < 5 * 60, minute >= 23 * 60))
    yield "rush", members(m.both(is_weekday, m.either(morning, evening)))
    yield "weekday", members(m.both(is_weekday, features["is_holiday"] < 0.5))
    yield "weekend", members(weekday >= 5)
    yield "holiday", members(is_holiday)
    classes = distance_class(m, distance_km)
    for number, name in enumerate(DISTANCE_NAMES):
        yield name, members(m.both(classes >= number, classes <= number))
    yield from _airport(m, features, city)
    yield from _places(m, features, city, zones)


def _airport(m: ColumnArithmetic, features: Mapping[str, Column], city: City) -> Iterator[tuple[str, Column]]:
    airport = None
    for terminal in city.airports:
        for end in ("pickup", "dropoff"):
            lat_deg, lon_deg = features[f"{end}_lat_deg"], features[f"{end}_lon_deg"]
            here_lat, here_lon = 0 * lat_deg + terminal.point.lat_deg, 0 * lon_deg + terminal.point.lon_deg
            near = great_circle_km(m, here_lat, here_lon, lat_deg, lon_deg) <= terminal.radius_km
            airport = near if airport is None else m.either(airport, near)
    if airport is not None:
        yield "airport", m.where(airport, 1.0, 0.0)


def _places(
    m: ColumnArithmetic, features: Mapping[str, Column], city: City, zones: ZoneTable | None
) -> Iterator[tuple[str, Column]]:
    elsewhere = 0 * features["pickup_lat_deg"] + 1
    if zones:
        table = sorted(zones, key=lambda zone: zone.id)
        boroughs = sorted({zone.borough for zone in table})
        ids = [int(zone.id) for zone in table]
        # NaN, where no zone was given, fails every comparison.
        zone = m.where(features["pickup_zone"] >= ids[0], features["pickup_zone"], float(ids[0] - 1))
        place = m.interpolate(zone, ids, range(len(ids))) // 1
        found = m.take(ids, place)
        is_known = m.both(found >= zone, found <= zone)
        borough = m.take([boroughs.index(zone.borough) for zone in table], place)
        for number, name in enumerate(boroughs):
            inside = m.both(is_known, m.both(borough >= number, borough <= number))
            yield BOROUGH + name, m.where(inside, 1.0, 0.0)
        elsewhere = m.where(is_known, 0.0, 1.0)
    bounds = city.bounds
    height_deg, width_deg = bounds.north_deg - bounds.south_deg, bounds.east_deg - bounds.west_deg
    row = m.clip((features["pickup_lat_deg"] - bounds.south_deg) / height_deg * 3 // 1, 0.0, 2.0)
    column = m.clip((features["pickup_lon_deg"] - bounds.west_deg) / width_deg * 3 // 1, 0.0, 2.0)
    region = row * 3 + column
    for number, name in enumerate(name for names in REGION_NAMES for name in names):
        inside = m.both(region >= number, region <= number)
        yield f"pickup {name}", m.where(inside, 1.0, 0.0) * elsewhere
