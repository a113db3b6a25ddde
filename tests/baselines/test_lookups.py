"""The lookups on trips made by hand: who answers for whom, and how much a few trips are believed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from polars_tables import Polars
from taxi_predictor.adapters.baselines.keys import zone_codes
from taxi_predictor.adapters.baselines.lookups import shrunken_means
from taxi_predictor.adapters.baselines.trainer import Baselines
from taxi_predictor.domain.features import KM_PER_DEG
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.trip import FinishedTrip, TripId, TripPlan
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.training import Unwatched, training_data

HERE, THERE = Point(40.75, -73.98), Point(40.77, -73.95)
MONDAY_MORNING = datetime(2023, 1, 16, 15, tzinfo=UTC)  # 10:00 in the city
MONDAY_AFTERNOON = MONDAY_MORNING + timedelta(hours=4)
SATURDAY_MORNING = MONDAY_MORNING + timedelta(days=5)
NORTH_UP = replace(A_CITY, street_angle_deg=0.0)


def a_plan(pickup: int, dropoff: int, at: datetime) -> TripPlan:
    return TripPlan(pickup=Place(HERE, ZoneId(pickup)), dropoff=Place(THERE, ZoneId(dropoff)), pickup_at=at)


def trips(plan: TripPlan, *durations_s: float) -> list[FinishedTrip]:
    ends = plan.pickup.zone, plan.dropoff.zone
    return [
        FinishedTrip(
            trip_id=TripId(f"{plan.pickup_at:%d%H} {ends} {number}"), plan=plan, duration_s=duration_s
        )
        for number, duration_s in enumerate(durations_s)
    ]


async def answers(name: str, learned: Sequence[FinishedTrip], *asked: TripPlan) -> list[float]:
    baselines = await Baselines().fit(training_data(Polars(), learned), progress=Unwatched())
    [baseline] = [baseline for baseline in baselines if baseline.name == name]
    return baseline.duration_s(Polars().plan_batch(asked)).tolist()


LEARNED = [
    *trips(a_plan(1, 2, MONDAY_MORNING), 100, 200, 300, 400, 900),
    *trips(a_plan(1, 2, MONDAY_AFTERNOON), 2100, 2200, 2300, 2400),
    *trips(a_plan(1, 3, MONDAY_MORNING), 700, 700, 700, 700),
    *trips(a_plan(7, 8, MONDAY_MORNING), 5000, 5000, 5000, 5000, 5000, 5000),
]


@pytest.mark.parametrize(
    ("asked", "median_s"),
    [
        pytest.param(a_plan(1, 2, MONDAY_MORNING), 300, id="five of the pair at that time"),
        pytest.param(a_plan(1, 2, MONDAY_MORNING + timedelta(minutes=119)), 300, id="the same 3 hours"),
        pytest.param(a_plan(1, 2, MONDAY_AFTERNOON), 900, id="four at that time, so all of the pair"),
        pytest.param(a_plan(1, 2, SATURDAY_MORNING), 900, id="none on a weekend, so all of the pair"),
        pytest.param(a_plan(1, 3, MONDAY_MORNING), 700, id="four of the pair, so all from there then"),
        pytest.param(a_plan(1, 9, MONDAY_MORNING), 700, id="a drop-off never seen, so all from there then"),
        pytest.param(a_plan(1, 9, MONDAY_AFTERNOON), 2100, id="four from there then, so all trips"),
        pytest.param(a_plan(9, 2, MONDAY_MORNING), 2100, id="a pickup never seen, so all trips"),
    ],
)
async def test_the_most_alike_trips_answer_where_there_are_five(asked: TripPlan, median_s: float) -> None:
    assert await answers("OD median", LEARNED, asked) == [median_s]


async def test_a_weekend_ends_at_the_midnight_of_the_city() -> None:
    """Monday 03:00 in UTC is still Sunday night in the city, a night like that of Saturday."""
    sunday_night = datetime(2023, 1, 16, 3, tzinfo=UTC)
    learned = [
        *trips(a_plan(1, 2, sunday_night), *[500] * 5),
        *trips(a_plan(1, 2, sunday_night + timedelta(days=1)), *[800] * 9),
    ]
    saturday_night = a_plan(1, 2, sunday_night - timedelta(days=1))
    assert await answers("OD median", learned, saturday_night) == [500]


def test_an_effect_is_a_clipped_mean_and_believed_by_n_of_n_plus_k() -> None:
    residuals = np.array([0.5] * 10 + [-3.0] * 2 + [0.25, 0.75] * 15)
    group = np.array([0] * 10 + [1] * 2 + [2] * 30)
    effects = shrunken_means(residuals, group, k=30.0)
    assert effects == pytest.approx([0.5 * 10 / 40, -1.0 * 2 / 32, 0.5 * 30 / 60])


async def test_the_more_trips_of_a_pair_the_more_they_count() -> None:
    """One slow trip moves the answer for its pair a little, three hundred nearly to their duration."""
    answered = []
    for slow in (1, 10, 300):
        learned = [
            *trips(a_plan(1, 2, MONDAY_MORNING), *[600] * 400),
            *trips(a_plan(1, 3, MONDAY_MORNING), *[1200] * slow),
        ]
        answered += await answers("shrunk lookup", learned, a_plan(1, 3, MONDAY_MORNING))
    assert 600 < answered[0] < 780 < answered[1] < 1140 < answered[2] < 1210


async def test_a_time_and_zones_never_seen_leave_the_curve_over_the_distance() -> None:
    """Its ends stay level: nothing is known beyond them."""
    learned = [
        trip
        for number in range(200)
        for trip in trips(
            replace(a_plan(1, 2, MONDAY_MORNING), dropoff=Place(north_km(1 + number / 20))), 300 + 10 * number
        )
    ]
    near, middle, far = (
        replace(
            a_plan(8, 9, SATURDAY_MORNING),
            pickup=Place(HERE, ZoneId(8)),
            dropoff=Place(north_km(km), ZoneId(9)),
        )
        for km in (0.1, 6.0, 40.0)
    )
    shortest_s, middle_s, longest_s = await answers("shrunk lookup", learned, near, middle, far)
    assert 290 < shortest_s < 350
    assert middle_s == pytest.approx(1300, rel=0.05)
    assert 2200 < longest_s < 2300


def north_km(km: float, *, of: Point = HERE) -> Point:
    return Point(of.lat_deg + km / KM_PER_DEG, of.lon_deg)


def codes(*ends: Place) -> list[int]:
    """Of *ends* as pickups; a place has the same code as a drop-off."""
    asked = [TripPlan(pickup=end, dropoff=end, pickup_at=MONDAY_MORNING) for end in ends]
    pickup, dropoff = zone_codes(Polars().plan_batch(asked), NORTH_UP)
    assert pickup.tolist() == dropoff.tolist()
    return pickup.tolist()


def test_a_place_without_a_zone_is_in_a_cell_of_two_kilometres() -> None:
    """Counted from the city's centre."""
    centre = Point(NORTH_UP.bounds.centre.lat_deg, NORTH_UP.bounds.centre.lon_deg + 0.001)
    south, first, last, beyond = codes(*(Place(north_km(km, of=centre)) for km in (-0.1, 0.1, 1.9, 2.1)))
    assert first == last
    assert len({south, first, beyond}) == 3


def test_a_cell_is_never_taken_for_a_zone() -> None:
    zoned, bare = codes(Place(HERE, ZoneId(74)), Place(HERE))
    assert zoned == 74
    assert bare < 0
