"""What cannot be asked is refused, and the part that cannot be is named."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.plausibility import EARLIEST, LATEST
from taxi_predictor.domain.possibility import refuse_absurd, refuse_impossible, refuse_outside
from taxi_predictor.domain.trip import MOST_PASSENGERS, TripPlan
from taxi_predictor.ports.testing.samples import a_trip
from taxi_predictor.ports.testing.strategies import A_CITY

PLAN = a_trip(1).plan
ELSEWHERE = Place(Point(48.85, 2.35))
A_MOMENT = timedelta(microseconds=1)


def refusal(plan: TripPlan) -> tuple[str, str | None]:
    with pytest.raises(InvalidTrip) as refused:
        refuse_impossible(plan, A_CITY)
    return str(refused.value), refused.value.part


def test_a_trip_of_the_city_and_the_calendar_can_be_asked_about() -> None:
    for passengers in (None, 0, 1, MOST_PASSENGERS):
        refuse_impossible(replace(PLAN, passenger_count=passengers), A_CITY)


def test_the_part_that_cannot_be_asked_about_is_named() -> None:
    outside = f"48.85, 2.35 is outside the bounds of {A_CITY.name}"
    assert refusal(replace(PLAN, pickup=ELSEWHERE)) == (f"pickup {outside}", "pickup")
    assert refusal(replace(PLAN, dropoff=ELSEWHERE)) == (f"dropoff {outside}", "dropoff")
    calendar = "is not between the years 2000 and 2099 by UTC"
    late = (f"pickup_at 2100-01-01T00:00:00+00:00 {calendar}", "pickup_at")
    assert refusal(replace(PLAN, pickup_at=LATEST)) == late
    crowd = ("passenger_count 10 is not from 0 to 9", "passenger_count")
    assert refusal(replace(PLAN, passenger_count=MOST_PASSENGERS + 1)) == crowd


def test_a_question_may_call_its_parts_otherwise() -> None:
    with pytest.raises(InvalidTrip, match=r"^origins 48.85") as refused:
        refuse_outside(ELSEWHERE, A_CITY, "origins")
    assert refused.value.part == "origins"
    with pytest.raises(InvalidTrip, match=r"^arrive_by 1999") as refused:
        refuse_absurd(EARLIEST - A_MOMENT, "arrive_by")
    assert refused.value.part == "arrive_by"


def test_the_calendar_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    refuse_absurd(EARLIEST)
    refuse_absurd(LATEST - A_MOMENT)
    for beyond in (EARLIEST - A_MOMENT, LATEST):
        with pytest.raises(InvalidTrip):
            refuse_absurd(beyond)


def test_an_offset_may_lead_over_either_end_of_the_calendar() -> None:
    east, west = timezone(timedelta(hours=5)), timezone(timedelta(hours=-5))
    refuse_absurd(datetime(2000, 1, 1, 5, tzinfo=east))
    refuse_absurd(datetime(1999, 12, 31, 19, tzinfo=west))
    refuse_absurd(datetime(2099, 12, 31, 18, 59, tzinfo=west))
    for beyond in (datetime(2000, 1, 1, 4, 59, tzinfo=east), datetime(2099, 12, 31, 19, tzinfo=west)):
        with pytest.raises(InvalidTrip):
            refuse_absurd(beyond)
