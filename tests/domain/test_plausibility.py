"""A finished trip is believed, or refused for the first reason that applies."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import Place, Point, straight_km
from taxi_predictor.domain.plausibility import EARLIEST, LATEST, ReadTrip, Rejection, doubts, first_doubt
from taxi_predictor.ports.testing.strategies import A_CITY

A_TRIP: ReadTrip[float] = ReadTrip(
    is_missing=False,
    is_malformed=False,
    is_nonexistent_time=False,
    is_wrong_month=False,
    is_outside_calendar=False,
    is_unknown_zone=False,
    pickup_lat_deg=40.70,
    pickup_lon_deg=-74.00,
    dropoff_lat_deg=40.75,
    dropoff_lon_deg=-73.95,
    duration_s=900.0,
)
FLAGS = {
    "is_malformed": Rejection.MALFORMED_FIELD,
    "is_missing": Rejection.MISSING_FIELD,
    "is_nonexistent_time": Rejection.NONEXISTENT_TIME,
    "is_wrong_month": Rejection.WRONG_MONTH,
    "is_outside_calendar": Rejection.OUTSIDE_CALENDAR,
    "is_unknown_zone": Rejection.UNKNOWN_ZONE,
}


def reason(trip: ReadTrip[float], city: City = A_CITY) -> Rejection | None:
    return next((why for why, holds in doubts(SCALAR, trip, city) if holds), None)


def test_an_ordinary_trip_is_believed() -> None:
    assert reason(A_TRIP) is None


def test_a_trip_to_where_it_began_is_believed() -> None:
    assert reason(replace(A_TRIP, dropoff_lat_deg=40.70, dropoff_lon_deg=-74.00)) is None


@pytest.mark.parametrize(
    ("duration_s", "why"),
    [
        (-1.0, Rejection.NOT_POSITIVE),
        (0.0, Rejection.NOT_POSITIVE),
        (0.001, Rejection.TOO_SHORT),
        (59.999, Rejection.TOO_SHORT),
        (10_800.0, None),
        (10_800.001, Rejection.TOO_LONG),
        (71_999.999, Rejection.TOO_LONG),
        (72_000.0, Rejection.METER_LEFT_ON),
        (86_399.0, Rejection.METER_LEFT_ON),
    ],
)
def test_a_duration_is_believed_up_to_and_including_its_bounds(
    duration_s: float, why: Rejection | None
) -> None:
    assert reason(replace(A_TRIP, duration_s=duration_s)) == why


def test_the_shortest_believable_trip_is_believed() -> None:
    assert reason(replace(A_TRIP, dropoff_lat_deg=40.701, dropoff_lon_deg=-74.00, duration_s=60.0)) is None


@pytest.mark.parametrize(
    ("field", "edge", "beyond"),
    [
        ("pickup_lat_deg", 40.45, 40.4499),
        ("pickup_lat_deg", 40.95, 40.9501),
        ("pickup_lon_deg", -74.30, -74.3001),
        ("pickup_lon_deg", -73.65, -73.6499),
        ("dropoff_lat_deg", 40.45, 40.4499),
        ("dropoff_lat_deg", 40.95, 40.9501),
        ("dropoff_lon_deg", -74.30, -74.3001),
        ("dropoff_lon_deg", -73.65, -73.6499),
    ],
)
def test_either_end_must_lie_in_the_city_whose_edge_belongs_to_it(
    field: str, edge: float, beyond: float
) -> None:
    slow = replace(A_TRIP, duration_s=10_000.0)
    assert reason(replace(slow, **{field: edge})) is None
    assert reason(replace(slow, **{field: beyond})) is Rejection.OUTSIDE_CITY


def test_no_car_drives_the_straight_line_faster_than_130_km_h() -> None:
    # A tenth of a degree of latitude is 11.12 km, which takes 308 s at 130 km/h.
    trip = replace(A_TRIP, dropoff_lat_deg=40.80, dropoff_lon_deg=-74.00)
    least_s = straight_km(Place(Point(40.70, -74.0)), Place(Point(40.80, -74.0))) / 130 * 3600
    assert least_s == pytest.approx(308, abs=0.1)
    assert reason(replace(trip, duration_s=least_s - 0.05)) is Rejection.IMPOSSIBLE_SPEED
    assert reason(replace(trip, duration_s=least_s + 0.05)) is None


@pytest.mark.parametrize("field", FLAGS)
def test_what_only_a_reader_can_tell_is_a_reason(field: str) -> None:
    broken = replace(A_TRIP, **{field: True})
    assert reason(broken) is FLAGS[field]
    unread = dict.fromkeys(("pickup_lat_deg", "dropoff_lon_deg", "duration_s"), math.nan)
    assert reason(replace(broken, **unread)) is FLAGS[field]


@given(raised=st.sets(st.sampled_from(list(FLAGS)), min_size=1))
@settings(max_examples=50, deadline=None)
def test_the_first_reason_counts(raised: set[str]) -> None:
    first = next(why for field, why in FLAGS.items() if field in raised)
    assert reason(replace(A_TRIP, duration_s=-1.0, **dict.fromkeys(raised, True))) is first


def test_what_the_store_alone_can_tell_is_not_among_the_doubts() -> None:
    asked = [why for why, _ in doubts(SCALAR, A_TRIP, A_CITY)]
    assert set(Rejection) - set(asked) == {Rejection.DUPLICATE}
    assert len(asked) == len(set(asked))


def test_a_city_has_bounds_of_its_own() -> None:
    strict = replace(A_CITY, plausibility=replace(A_CITY.plausibility, max_duration_s=800.0))
    assert reason(A_TRIP, strict) is Rejection.TOO_LONG


def test_reasons_are_written_in_lower_case_words() -> None:
    assert all(why.value == why.name.lower().replace("_", "-") for why in Rejection)


@pytest.mark.parametrize(
    ("pickup_at", "why"),
    [
        (None, None),
        (EARLIEST - timedelta(microseconds=1), Rejection.OUTSIDE_CALENDAR),
        (EARLIEST, None),
        (LATEST - timedelta(microseconds=1), None),
        (LATEST, Rejection.OUTSIDE_CALENDAR),
    ],
)
def test_the_calendar_holds_its_first_moment_and_not_its_last(
    pickup_at: datetime | None, why: Rejection | None
) -> None:
    assert first_doubt(ends=None, pickup_at=pickup_at, duration_s=600.0, city=A_CITY) is why
