"""How unlike two trips are, and what the most similar ones took."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.comparables import Comparables, Likeness, box_around
from taxi_predictor.domain.place import Point, great_circle_km
from taxi_predictor.domain.trip import FinishedTrip, TripPlan
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.strategies import A_CITY, finished_trips

TZ = ZoneInfo(A_CITY.time_zone)
A_WEEK = timedelta(days=7)
SINCE, UNTIL = datetime(2022, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC)
PLAN = a_trip(1, at=datetime(2023, 1, 18, 12, tzinfo=TZ)).plan  # a Wednesday


def score(*, at: datetime = PLAN.pickup_at, plan: TripPlan = PLAN) -> float:
    return Likeness(plan, TZ).to(a_trip(1, at=at)).score


@given(finished_trips(since=SINCE, until=UNTIL))
def test_nothing_is_more_alike_than_the_trip_itself(trip: FinishedTrip) -> None:
    itself = Likeness(trip.plan, TZ).to(trip)
    assert itself.score == itself.pickup_km == itself.dropoff_km == 0
    assert Likeness(PLAN, TZ).to(trip).score >= 0


@given(finished_trips(since=SINCE, until=UNTIL), finished_trips(since=SINCE, until=UNTIL))
def test_two_trips_are_as_unlike_one_way_as_the_other(one: FinishedTrip, other: FinishedTrip) -> None:
    there, back = Likeness(one.plan, TZ).to(other), Likeness(other.plan, TZ).to(one)
    assert there.score == pytest.approx(back.score, abs=1e-9)


@pytest.mark.parametrize(
    ("earlier", "costs_km"),
    [
        (timedelta(hours=2), 2 * 0.25),
        (timedelta(minutes=30), 0.5 * 0.25),
        (timedelta(seconds=36), 0.01 * 0.25),
        (timedelta(days=1), 2.0),  # no more than that
        (A_WEEK, 0.0),
        (A_WEEK - timedelta(hours=3), 3 * 0.25),
        (timedelta(days=4), 2.0 + 1.0),  # a Saturday
    ],
)
def test_another_time_costs_what_is_written(earlier: timedelta, costs_km: float) -> None:
    of_age = earlier / timedelta(days=365.25) * 0.25
    assert score(at=PLAN.pickup_at - earlier) == pytest.approx(costs_km + of_age, abs=1e-9)


def test_another_place_costs_its_distance() -> None:
    plan = replace(PLAN, pickup=PLAN.dropoff, dropoff=PLAN.pickup)
    found = Likeness(plan, TZ).to(a_trip(1, at=plan.pickup_at))
    assert found.pickup_km == pytest.approx(found.dropoff_km)
    assert found.pickup_km > 3
    assert found.score == found.pickup_km + found.dropoff_km


def test_the_week_has_no_edge() -> None:
    monday = datetime(2023, 1, 16, 0, 30, tzinfo=TZ)
    sunday = monday - timedelta(hours=1)
    plan = replace(PLAN, pickup_at=monday)
    assert score(plan=plan, at=sunday) == pytest.approx(0.25 + 1.0, abs=0.001)  # and a weekend


def test_the_same_hour_is_that_of_the_wall_clock() -> None:
    summer = datetime(2023, 7, 19, 12, tzinfo=TZ)
    age = (summer - PLAN.pickup_at) / timedelta(days=365.25) * 0.25
    assert score(at=summer) == pytest.approx(age, abs=1e-9)


@given(st.floats(0.1, 5), st.sampled_from(["north", "south", "east", "west"]))
def test_a_box_reaches_as_far_as_it_says(reach_km: float, way: str) -> None:
    centre = A_CITY.bounds.centre
    box = box_around(centre, reach_km)
    edge = {
        "north": Point(box.north_deg, centre.lon_deg),
        "south": Point(box.south_deg, centre.lon_deg),
        "east": Point(centre.lat_deg, box.east_deg),
        "west": Point(centre.lat_deg, box.west_deg),
    }[way]
    away_km = great_circle_km(SCALAR, centre.lat_deg, centre.lon_deg, edge.lat_deg, edge.lon_deg)
    assert away_km == pytest.approx(reach_km, rel=1e-3)


def test_a_box_ends_at_the_edge_of_the_map() -> None:
    box = box_around(Point(89.999, 179.999), 4.0)
    assert (box.north_deg, box.east_deg) == (90.0, 180.0)
    box = box_around(Point(-89.999, -179.999), 4.0)
    assert (box.south_deg, box.west_deg) == (-90.0, -180.0)


@given(st.lists(st.floats(60, 9_000), min_size=1, max_size=30))
def test_the_spread_lies_among_the_durations(durations_s: list[float]) -> None:
    likeness = Likeness(PLAN, TZ)
    trips = tuple(likeness.to(a_trip(i, at=NOON, duration_s=s)) for i, s in enumerate(durations_s))
    spread_s = Comparables(trips=trips, considered=len(trips)).spread_s
    assert spread_s is not None
    low_s, median_s, high_s = spread_s
    assert min(durations_s) - 1e-6 <= low_s <= median_s + 1e-6 <= high_s + 2e-6 <= max(durations_s) + 3e-6
    assert median_s == pytest.approx(median(durations_s))


def test_of_no_trips_there_is_no_spread() -> None:
    assert Comparables(trips=(), considered=0).spread_s is None
