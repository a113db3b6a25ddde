"""What nobody can say anything about is refused, and the part at fault is named."""

from datetime import timedelta

import pytest

from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.plausibility import EARLIEST, LATEST
from taxi_predictor.domain.trip import MOST_PASSENGERS, TripPlan
from taxi_predictor.ports.inbound.answers.departures import DepartureBoard
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.testing.samples import NOON

HERE, AT_SEA = Place(Point(40.75, -73.98)), Place(Point(40.0, -73.0))
A_MOMENT = timedelta(microseconds=1)


def refusal(predictor: DurationPredictor, plan: TripPlan) -> InvalidTrip:
    with pytest.raises(InvalidTrip) as caught:
        predictor.predict([plan])
    return caught.value


def test_an_end_outside_the_city_is_named(predictor: DurationPredictor) -> None:
    assert refusal(predictor, TripPlan(pickup=AT_SEA, dropoff=HERE, pickup_at=NOON)).part == "pickup"
    assert refusal(predictor, TripPlan(pickup=HERE, dropoff=AT_SEA, pickup_at=NOON)).part == "dropoff"


def test_a_departure_beyond_the_calendar_is_refused_with_what_holds(predictor: DurationPredictor) -> None:
    for at in (EARLIEST - A_MOMENT, LATEST):
        error = refusal(predictor, TripPlan(pickup=HERE, dropoff=HERE, pickup_at=at))
        assert error.part == "pickup_at"
        assert "between the years 2000 and 2099 by UTC" in str(error)


def test_more_passengers_than_ride_in_a_taxi_are_refused_whichever_face_asks(
    predictor: DurationPredictor,
) -> None:
    most = TripPlan(pickup=HERE, dropoff=HERE, pickup_at=NOON, passenger_count=MOST_PASSENGERS)
    assert predictor.predict([most])
    # Such a trip may have been taken, by what a meter says: it can be, but it is not asked for.
    crowd = TripPlan(pickup=HERE, dropoff=HERE, pickup_at=NOON, passenger_count=MOST_PASSENGERS + 1)
    error = refusal(predictor, crowd)
    assert (str(error), error.part) == ("passenger_count 10 is not from 0 to 9", "passenger_count")


async def test_the_end_of_a_board_that_is_before_its_beginning_is_named(predictor: DurationPredictor) -> None:
    board = DepartureBoard(predictor=predictor, max_departures=10)
    plan = TripPlan(pickup=HERE, dropoff=HERE, pickup_at=NOON)
    with pytest.raises(InvalidTrip) as caught:
        await board.between(plan, NOON, NOON - A_MOMENT, every=timedelta(minutes=5))
    assert caught.value.part == "to"
    with pytest.raises(InvalidTrip) as caught:
        await board.between(plan, NOON, LATEST, every=timedelta(minutes=5))
    assert caught.value.part == "to"
