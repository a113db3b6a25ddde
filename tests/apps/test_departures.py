"""The same trip through the day."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.errors import InvalidTrip, TooMuch
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.departures import DepartureBoard
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY, instants, plans

PLAN = TripPlan(pickup=Place(Point(40.75, -73.98)), dropoff=Place(Point(40.66, -73.80)), pickup_at=NOON)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)


@pytest.fixture
def board(predictor: DurationPredictor) -> DepartureBoard:
    return DepartureBoard(predictor=predictor, max_departures=3000)


# The predictor remembers nothing of the examples before.
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=plans(),
    first=instants(since=datetime(2010, 1, 1, tzinfo=UTC), until=datetime(2090, 1, 1, tzinfo=UTC)),
    minutes=st.integers(7, 60),
)
async def test_whoever_leaves_later_never_arrives_earlier(
    board: DepartureBoard, plan: TripPlan, first: datetime, minutes: int
) -> None:
    found = await board.between(plan, first, first + timedelta(hours=24), every=timedelta(minutes=minutes))
    arrivals = [answer.arrival_at.astimezone(UTC) for answer in found.answers]
    # A duration is rounded to the millisecond.
    assert all(a <= b + timedelta(milliseconds=1) for a, b in pairwise(arrivals))


async def test_each_is_the_answer_for_leaving_then(
    board: DepartureBoard, predictor: DurationPredictor
) -> None:
    found = await board.of_day(PLAN, date(2023, 1, 16), every=QUARTER)
    alone = [predictor.predict([answer.plan])[0] for answer in found.answers[::10]]
    assert [answer.duration_s for answer in found.answers[::10]] == [one.duration_s for one in alone]
    assert len({answer.duration_s for answer in found.answers}) > 10


async def test_the_fastest_is_the_shortest_and_of_several_the_first(board: DepartureBoard) -> None:
    found = await board.of_day(PLAN, date(2023, 1, 16), every=QUARTER)
    shortest_s = min(answer.duration_s for answer in found.answers)
    [first, *_] = [answer for answer in found.answers if answer.duration_s == shortest_s]
    assert found.fastest is first


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2024, 3, 10), 23), (date(2024, 3, 11), 24), (date(2024, 11, 3), 25)]
)
async def test_a_day_has_the_departures_of_all_its_hours(
    board: DepartureBoard, day: date, hours: int
) -> None:
    found = await board.of_day(PLAN, day, every=QUARTER)
    departures = [answer.plan.pickup_at for answer in found.answers]
    assert len(departures) == 4 * hours
    assert {at.date() for at in departures} == {day}
    assert all(at.tzinfo == A_CITY.tz for at in departures)
    assert {b.astimezone(UTC) - a.astimezone(UTC) for a, b in pairwise(departures)} == {QUARTER}
    shown = [at.strftime("%H:%M") for at in departures]
    assert (shown[0], shown[-1]) == ("00:00", "23:45")
    assert shown.count("02:30") == (0 if hours == 23 else 1)
    assert shown.count("01:30") == (2 if hours == 25 else 1)


async def test_both_ends_are_departures(board: DepartureBoard) -> None:
    found = await board.between(PLAN, NOON, NOON + HOUR, every=QUARTER)
    departures = [answer.plan.pickup_at for answer in found.answers]
    assert departures == [NOON + QUARTER * number for number in range(5)]
    [only] = (await board.between(PLAN, NOON, NOON, every=QUARTER)).answers
    assert only.plan.pickup_at == NOON


async def test_too_long_a_time_is_too_much_and_so_are_too_many_departures(
    predictor: DurationPredictor, board: DepartureBoard
) -> None:
    with pytest.raises(TooMuch, match="48 hours"):
        await board.between(PLAN, NOON, NOON + timedelta(hours=48, seconds=1), every=HOUR)
    few = DepartureBoard(predictor=predictor, max_departures=10)
    assert len((await few.between(PLAN, NOON, NOON + 9 * HOUR, every=HOUR)).answers) == 10
    with pytest.raises(TooMuch, match="at most 10"):
        await few.between(PLAN, NOON, NOON + 10 * HOUR, every=HOUR)


@pytest.mark.parametrize("year", [1, 1999, 2100, 9999])
async def test_an_absurd_time_is_refused(board: DepartureBoard, year: int) -> None:
    at = datetime(year, 12, 31, 23, tzinfo=UTC)
    with pytest.raises(InvalidTrip):
        await board.between(PLAN, at, at, every=HOUR)
    with pytest.raises(InvalidTrip):
        await board.of_day(PLAN, at.date(), every=HOUR)


async def test_a_time_that_ends_before_it_begins_is_refused(board: DepartureBoard) -> None:
    with pytest.raises(InvalidTrip, match="is before the first"):
        await board.between(PLAN, NOON, NOON - HOUR, every=HOUR)
