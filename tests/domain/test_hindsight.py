"""What is believed of a trip that was predicted, when somebody says how it went."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import ImplausibleOutcome
from taxi_predictor.domain.hindsight import CLOCKS_DIFFER_BY, FARTHEST_FROM_PLANNED, refuse_implausible
from taxi_predictor.domain.place import Point
from taxi_predictor.domain.plausibility import Rejection, first_doubt
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.testing.records import an_outcome
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.strategies import A_CITY, plans

PLAN = a_trip(1).plan
A_MOMENT = timedelta(seconds=1)
DAYS_LATER = NOON + timedelta(days=30)


def is_believed(
    plan: TripPlan | None = PLAN,
    *,
    duration_s: float = 700.0,
    pickup_at: datetime | None = None,
    reported_at: datetime = DAYS_LATER,
) -> bool:
    outcome = an_outcome(1, duration_s=duration_s, pickup_at=pickup_at, reported_at=reported_at)
    try:
        refuse_implausible(outcome, plan, A_CITY)
    except ImplausibleOutcome:
        return False
    return True


def at_fault(plan: TripPlan | None = PLAN, **changes: Any) -> str | None:
    """The part of an outcome that is not believed."""
    outcome = an_outcome(1, **({"duration_s": 700.0, "reported_at": DAYS_LATER} | changes))
    with pytest.raises(ImplausibleOutcome) as refusal:
        refuse_implausible(outcome, plan, A_CITY)
    return refusal.value.part


def test_an_ordinary_outcome_is_believed_weeks_later_too() -> None:
    assert is_believed()
    assert is_believed(reported_at=NOON + timedelta(minutes=15))


@pytest.mark.parametrize("duration_s", [1.0, 59.9, 3 * 3600.1, 80_000.0])
@pytest.mark.parametrize("plan", [PLAN, None])
def test_no_trip_is_that_short_or_long_wherever_it_went(plan: TripPlan | None, duration_s: float) -> None:
    assert not is_believed(plan, duration_s=duration_s)


def test_how_fast_it_was_is_judged_where_it_is_known_how_far() -> None:
    far = replace(PLAN, dropoff=replace(PLAN.dropoff, point=Point(40.55, -74.0)))
    assert is_believed(far, duration_s=900.0)
    assert not is_believed(far, duration_s=90.0)
    assert is_believed(None, duration_s=90.0)


def test_a_trip_started_within_a_day_of_its_plan() -> None:
    for edge in (NOON - FARTHEST_FROM_PLANNED, NOON + FARTHEST_FROM_PLANNED):
        assert is_believed(pickup_at=edge)
    assert not is_believed(pickup_at=NOON - FARTHEST_FROM_PLANNED - A_MOMENT)
    assert not is_believed(pickup_at=NOON + FARTHEST_FROM_PLANNED + A_MOMENT)
    assert is_believed(None, pickup_at=NOON - timedelta(days=3))


def test_a_trip_has_ended_but_for_what_clocks_differ_by() -> None:
    started_at = DAYS_LATER - timedelta(seconds=700) + CLOCKS_DIFFER_BY
    assert is_believed(None, pickup_at=started_at)
    assert not is_believed(None, pickup_at=started_at + A_MOMENT)


def test_a_trip_that_was_to_start_later_may_have_started_early_but_not_a_day_early() -> None:
    started_by = NOON - timedelta(seconds=700)
    planned = replace(PLAN, pickup_at=started_by + FARTHEST_FROM_PLANNED)
    assert is_believed(planned, reported_at=NOON)
    too_far = replace(PLAN, pickup_at=started_by + FARTHEST_FROM_PLANNED + A_MOMENT)
    assert not is_believed(too_far, reported_at=NOON)


def test_no_trip_left_before_the_calendar_begins() -> None:
    assert not is_believed(None, pickup_at=NOON.replace(year=1999))


def test_the_part_that_is_not_believed_is_named() -> None:
    assert at_fault(duration_s=5.0) == "duration_s"
    assert at_fault(pickup_at=NOON + timedelta(days=4)) == "pickup_at"
    assert at_fault(pickup_at=DAYS_LATER) == "pickup_at"
    assert at_fault(None, pickup_at=NOON.replace(year=1999)) == "pickup_at"
    assert at_fault(None, pickup_at=NOON.replace(year=9999)) == "pickup_at"
    assert at_fault(duration_s=5.0, pickup_at=NOON) == "duration_s"
    # Nobody said when it started: it is the duration by which it started too early.
    assert at_fault(replace(PLAN, pickup_at=NOON + timedelta(days=2)), reported_at=NOON) == "duration_s"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"duration_s": 5.0}, "5 s are not believable for this trip: too-short"),
        (
            {"pickup_at": NOON.replace(year=1999)},
            "pickup_at 1999-01-15T17:00:00+00:00 is not between the years",
        ),
        ({"pickup_at": DAYS_LATER}, "the trip has not ended: it started less than its duration ago"),
        (
            {"pickup_at": NOON + timedelta(days=4)},
            "the trip was to start at 2023-01-15T17:00:00+00:00, more than 24 hours from when it did",
        ),
    ],
    ids=["duration", "calendar", "still under way", "far from its plan"],
)
def test_a_refusal_says_why_a_trip_is_not_believed(changes: dict[str, Any], text: str) -> None:
    outcome = an_outcome(1, **({"duration_s": 700.0, "reported_at": DAYS_LATER} | changes))
    with pytest.raises(ImplausibleOutcome, match=f"^{re.escape(text)}"):
        refuse_implausible(outcome, PLAN, A_CITY)


@given(plan=plans(), duration_s=st.floats(0.1, 100_000))
def test_what_is_doubted_without_the_places_is_doubted_with_them(plan: TripPlan, duration_s: float) -> None:
    ends = plan.pickup.point, plan.dropoff.point

    def doubt(ends: tuple[Point, Point] | None) -> Rejection | None:
        return first_doubt(ends=ends, pickup_at=plan.pickup_at, duration_s=duration_s, city=A_CITY)

    vague, exact = doubt(None), doubt(ends)
    assert vague not in (Rejection.OUTSIDE_CITY, Rejection.IMPOSSIBLE_SPEED)
    assert (exact is not None) or (vague is None)
    assert exact in (vague, Rejection.OUTSIDE_CITY, Rejection.IMPOSSIBLE_SPEED)
