"""Points, bounds, zones and the distance between two points."""

import math
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.errors import InvalidCity, InvalidTrip, UnknownZone
from taxi_predictor.domain.place import (
    EARTH_RADIUS_KM,
    Bounds,
    Place,
    Point,
    Zone,
    ZoneId,
    ZoneTable,
    great_circle_km,
    straight_km,
)
from taxi_predictor.ports.testing.strategies import A_CITY, points

NEWARK = Zone(id=ZoneId(1), name="Newark Airport", borough="EWR", centroid=Point(40.6918, -74.1740))
ON_EARTH = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
few = settings(max_examples=60, deadline=None)


def distance_km(a: Point, b: Point) -> float:
    return great_circle_km(SCALAR, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)


@pytest.mark.parametrize(
    ("lat_deg", "lon_deg"),
    [
        (90.1, 0.0),
        (-90.1, 0.0),
        (0.0, 180.1),
        (0.0, -180.1),
        (math.nan, 0.0),
        (0.0, math.nan),
        (math.inf, 0.0),
        (0.0, -math.inf),
    ],
)
def test_a_point_that_is_not_on_earth_is_refused(lat_deg: float, lon_deg: float) -> None:
    with pytest.raises(InvalidTrip, match="not a point on Earth"):
        Point(lat_deg, lon_deg)


@pytest.mark.parametrize(("lat_deg", "lon_deg"), [(90, 180), (-90, -180), (0, 0)])
def test_poles_and_the_antimeridian_are_on_earth(lat_deg: float, lon_deg: float) -> None:
    assert Point(lat_deg, lon_deg) == Point(lat_deg, lon_deg)


def test_a_point_cannot_be_moved() -> None:
    point = Point(40.7, -74.0)
    with pytest.raises(FrozenInstanceError):
        point.lat_deg = 0.0  # type: ignore[misc] # that is the point


@pytest.mark.parametrize(
    ("south_deg", "west_deg", "north_deg", "east_deg"),
    [
        (41.0, -74.0, 40.0, -73.0),
        (40.0, -73.0, 41.0, -74.0),
        (40.0, -74.0, 40.0, -73.0),
        (40.0, -74.0, 91.0, -73.0),
        (40.0, 170.0, 41.0, 180.5),
        (40.0, -180.5, 41.0, -170.0),
        (-90.5, -74.0, 41.0, -73.0),
        (40.0, -74.0, 90.5, -73.0),
        (40.0, -74.0, 41.0, -74.0),
        (math.nan, -74.0, 41.0, -73.0),
        (40.0, -74.0, 41.0, math.nan),
    ],
)
def test_bounds_that_enclose_nothing_are_refused(
    south_deg: float, west_deg: float, north_deg: float, east_deg: float
) -> None:
    with pytest.raises(InvalidCity, match="bounds must run"):
        Bounds(south_deg=south_deg, west_deg=west_deg, north_deg=north_deg, east_deg=east_deg)


@given(point=points())
@few
def test_points_of_a_city_are_within_its_bounds(point: Point) -> None:
    assert point in A_CITY.bounds


def test_bounds_hold_their_edges_and_nothing_beyond() -> None:
    bounds = A_CITY.bounds
    assert Point(bounds.south_deg, bounds.west_deg) in bounds
    assert Point(bounds.north_deg, bounds.east_deg) in bounds
    for beyond in (
        Point(math.nextafter(bounds.north_deg, 90), -74.0),
        Point(math.nextafter(bounds.south_deg, -90), -74.0),
        Point(40.7, math.nextafter(bounds.east_deg, 180)),
        Point(40.7, math.nextafter(bounds.west_deg, -180)),
    ):
        assert beyond not in bounds


def test_the_centre_lies_halfway() -> None:
    assert Bounds(south_deg=-10, west_deg=20, north_deg=30, east_deg=40).centre == Point(10, 30)


def test_a_zone_table_gives_a_zone_by_its_centroid() -> None:
    table = ZoneTable({NEWARK.id: NEWARK})
    assert table.place(NEWARK.id) == Place(NEWARK.centroid, NEWARK.id)
    assert list(table) == [NEWARK]
    assert len(table) == 1


def test_a_zone_that_is_not_in_the_table_is_unknown() -> None:
    with pytest.raises(UnknownZone, match="zone 264 is not among the 1 known zones"):
        ZoneTable({NEWARK.id: NEWARK}).place(ZoneId(264))
    assert len(ZoneTable()) == 0


def test_a_degree_along_a_meridian_is_a_360th_of_the_circumference() -> None:
    assert distance_km(Point(40, -74), Point(41, -74)) == pytest.approx(2 * math.pi * EARTH_RADIUS_KM / 360)


def test_antipodes_are_half_a_circumference_apart() -> None:
    assert distance_km(Point(0, 0), Point(0, 180)) == pytest.approx(math.pi * EARTH_RADIUS_KM)
    assert distance_km(Point(90, 0), Point(-90, 120)) == pytest.approx(math.pi * EARTH_RADIUS_KM)
    # Of these the haversine is rounded to a little more than 1.
    assert distance_km(Point(-12, -139.43), Point(12, 40.57)) == pytest.approx(math.pi * EARTH_RADIUS_KM)


def test_paris_is_about_344_km_from_london() -> None:
    assert distance_km(Point(51.5074, -0.1278), Point(48.8566, 2.3522)) == pytest.approx(343.6, abs=0.5)


@given(a=ON_EARTH, b=ON_EARTH, c=ON_EARTH)
@few
def test_the_distance_is_a_metric(a: Point, b: Point, c: Point) -> None:
    assert distance_km(a, a) == 0
    assert distance_km(a, b) == pytest.approx(distance_km(b, a), abs=1e-9)
    assert 0 <= distance_km(a, b) <= math.pi * EARTH_RADIUS_KM + 1e-9
    # Near antipodes the haversine formula is good to metres only.
    assert distance_km(a, c) <= distance_km(a, b) + distance_km(b, c) + 0.001


@given(ON_EARTH, ON_EARTH)
@few
def test_the_way_between_places_is_told_to_the_metre(a: Point, b: Point) -> None:
    assert straight_km(Place(a), Place(b)) == round(distance_km(a, b), 3)
    assert straight_km(Place(a), Place(a, ZoneId(1))) == 0
