"""Cities refuse what no city can be."""

import math
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from taxi_predictor.domain.city import Airport, City, PlausibilityBounds
from taxi_predictor.domain.errors import InvalidCity
from taxi_predictor.domain.place import Point
from taxi_predictor.ports.testing.strategies import A_CITY, cities, time_zones

few = settings(max_examples=60, deadline=None)


@given(city=cities())
@few
def test_a_city_is_a_value(city: City) -> None:
    assert replace(city) == city
    assert hash(replace(city)) == hash(city)
    assert all(airport.point in city.bounds for airport in city.airports)


@given(time_zone=time_zones())
@few
def test_a_city_may_have_any_time_zone(time_zone: str) -> None:
    assert replace(A_CITY, time_zone=time_zone).tz == ZoneInfo(time_zone)


@pytest.mark.parametrize(
    "time_zone",
    ["", "Atlantis/Capital", "America", "america/nowhere", "../etc/passwd", "/etc/passwd", "a\0b"],
)
def test_a_city_without_a_clock_is_refused(time_zone: str) -> None:
    with pytest.raises(InvalidCity, match="no such time zone"):
        replace(A_CITY, time_zone=time_zone)


def test_a_city_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidCity, match="needs a name"):
        replace(A_CITY, name="")


@pytest.mark.parametrize("speed_km_h", [0.0, -20.0, math.nan, math.inf])
def test_a_city_where_nothing_moves_is_refused(speed_km_h: float) -> None:
    with pytest.raises(InvalidCity, match="fallback_speed_km_h"):
        replace(A_CITY, fallback_speed_km_h=speed_km_h)


@pytest.mark.parametrize("angle_deg", [math.nan, math.inf, -math.inf])
def test_streets_that_run_nowhere_are_refused(angle_deg: float) -> None:
    with pytest.raises(InvalidCity, match="street_angle_deg"):
        replace(A_CITY, street_angle_deg=angle_deg)


@pytest.mark.parametrize("radius_km", [-1.0, 0.0, math.nan, math.inf])
def test_an_airport_without_a_size_is_refused(radius_km: float) -> None:
    with pytest.raises(InvalidCity, match="radius_km"):
        Airport(name="JFK", point=Point(40.65, -73.79), radius_km=radius_km)


def test_the_believable_bounds_are_those_of_the_benchmarks() -> None:
    bounds = A_CITY.plausibility
    assert (bounds.min_duration_s, bounds.max_duration_s) == (60, 10_800)
    assert bounds.max_speed_km_h == 130


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_duration_s": 0.0},
        {"min_duration_s": -1.0},
        {"min_duration_s": 10_800.0},
        {"min_duration_s": math.nan},
        {"max_duration_s": math.nan},
        {"meter_left_on_s": 3600.0},
        {"max_speed_km_h": 0.0},
        {"max_speed_km_h": math.nan},
    ],
)
def test_believable_bounds_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidCity):
        PlausibilityBounds(**wrong)


def test_what_is_small_is_still_something() -> None:
    small = PlausibilityBounds(min_duration_s=0.5, max_speed_km_h=0.5)
    assert (small.min_duration_s, small.max_speed_km_h) == (0.5, 0.5)
    assert Airport(name="a", point=Point(0, 0), radius_km=0.5).radius_km == 0.5
    assert replace(A_CITY, fallback_speed_km_h=0.5).fallback_speed_km_h == 0.5


def test_the_longest_trip_may_be_as_long_as_a_meter_left_on() -> None:
    assert PlausibilityBounds(max_duration_s=72_000.0).meter_left_on_s == 72_000.0
