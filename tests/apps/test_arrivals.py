"""How likely one is there in time, and when to leave at the latest to be."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.arrivals import LOOK_BACK, Arrivals, Bound
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY, plans

ARRIVE_BY = NOON + timedelta(hours=1, seconds=17)
PLAN = TripPlan(pickup=Place(Point(40.75, -73.98)), dropoff=Place(Point(40.77, -73.95)), pickup_at=NOON)
SECOND = timedelta(seconds=1)

# The predictor remembers nothing of the examples before.
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def arrivals(predictor: DurationPredictor) -> Arrivals:
    return Arrivals(predictor=predictor)


def arrives_in_time(
    predictor: DurationPredictor, plan: TripPlan, at: datetime, arrive_by: datetime, probability: float
) -> bool:
    leaving = TripPlan(pickup=plan.pickup, dropoff=plan.dropoff, pickup_at=at)
    [answer] = predictor.predict([leaving])
    return at + timedelta(seconds=answer.distribution.quantile_s(probability)) <= arrive_by


async def latest(arrivals: Arrivals, probability: float, plan: TripPlan = PLAN) -> datetime:
    answer = await arrivals.latest_departure(plan, arrive_by=ARRIVE_BY, probability=probability)
    assert answer is not None
    return answer.plan.pickup_at


async def test_all_that_is_looked_at_is_at_one_level(
    predictor: DurationPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another is loaded meanwhile: who answers, and by which level, is asked once."""
    asked: list[ServedModel] = []
    monkeypatch.setattr(predictor, "_current_level", asked.append)
    arrivals = Arrivals(predictor=predictor)
    await latest(arrivals, 0.9)
    assert len(asked) == 1
    standing = predictor.standing()
    arrivals.chance(PLAN, arrive_by=ARRIVE_BY, by=standing)
    await arrivals.latest_departure(PLAN, arrive_by=ARRIVE_BY, probability=0.9, by=standing)
    assert len(asked) == 2


# --- how likely ---


@few
@given(plan=plans(), minutes=st.lists(st.floats(-30, 600), min_size=2, max_size=10))
def test_an_arrival_that_is_asked_for_later_is_never_less_likely(
    arrivals: Arrivals, plan: TripPlan, minutes: list[float]
) -> None:
    asked = [plan.pickup_at + timedelta(minutes=some) for some in sorted(minutes)]
    asked = [at for at in asked if 2000 <= at.year < 2100]
    chances = [arrivals.chance(plan, arrive_by=at).probability for at in asked]
    assert chances == sorted(chances)
    assert all(0 <= chance < 1 for chance in chances)


def test_by_the_median_it_is_as_likely_as_not(arrivals: Arrivals, predictor: DurationPredictor) -> None:
    [prediction] = predictor.predict([PLAN])
    chance = arrivals.chance(PLAN, arrive_by=prediction.arrival_at)
    assert chance.probability == pytest.approx(0.5, abs=1e-3)
    assert chance.bound is Bound.EXACTLY
    assert chance.prediction.duration_s == prediction.duration_s


@pytest.mark.parametrize("late_s", [0, 1, 3600])
def test_nobody_arrives_before_leaving(arrivals: Arrivals, late_s: float) -> None:
    chance = arrivals.chance(PLAN, arrive_by=NOON - timedelta(seconds=late_s))
    assert (chance.probability, chance.bound) == (0, Bound.EXACTLY)


def test_beyond_what_is_known_the_probability_is_a_bound(arrivals: Arrivals) -> None:
    soon = arrivals.chance(PLAN, arrive_by=NOON + SECOND)
    late = arrivals.chance(PLAN, arrive_by=NOON + timedelta(days=1))
    known = soon.prediction.distribution.residuals.probabilities
    assert (soon.probability, soon.bound) == (known[0], Bound.AT_MOST)
    assert (late.probability, late.bound) == (known[-1], Bound.AT_LEAST)


# --- when to leave ---


@few
@given(plan=plans(), probability=st.floats(0.01, 0.99))
async def test_the_latest_departure_is_in_time_and_soon_after_it_is_not(
    predictor: DurationPredictor, arrivals: Arrivals, plan: TripPlan, probability: float
) -> None:
    answer = await arrivals.latest_departure(plan, arrive_by=ARRIVE_BY, probability=probability)
    if answer is None:  # the model is that unsure of a trip from corner to corner of the city
        assert not arrives_in_time(predictor, plan, ARRIVE_BY - LOOK_BACK, ARRIVE_BY, probability)
        return
    at = answer.plan.pickup_at
    assert at.microsecond == 0
    assert arrives_in_time(predictor, plan, at, ARRIVE_BY, probability)
    assert not arrives_in_time(predictor, plan, at + SECOND, ARRIVE_BY, probability)


async def test_who_wants_to_be_surer_leaves_earlier(arrivals: Arrivals) -> None:
    departures = [await latest(arrivals, probability) for probability in (0.2, 0.5, 0.8, 0.95)]
    assert departures == sorted(departures, reverse=True)
    assert len(set(departures)) == 4


async def test_the_chance_of_the_latest_departure_is_the_one_that_was_asked_for(arrivals: Arrivals) -> None:
    answer = await arrivals.latest_departure(PLAN, arrive_by=ARRIVE_BY, probability=0.9)
    assert answer is not None
    chance = arrivals.chance(answer.plan, arrive_by=ARRIVE_BY)
    assert chance.prediction.duration_s == answer.duration_s
    assert 0.9 <= chance.probability < 0.92


async def test_the_departure_of_the_plan_does_not_matter(arrivals: Arrivals) -> None:
    other = TripPlan(pickup=PLAN.pickup, dropoff=PLAN.dropoff, pickup_at=NOON - timedelta(days=3))
    assert await latest(arrivals, 0.9, other) == await latest(arrivals, 0.9)


@pytest.mark.parametrize("arrive_by", ["2024-03-10T03:10:00", "2024-11-03T02:10:00"])
async def test_in_the_nights_that_clocks_change_it_does_not_matter_how_the_instant_is_written(
    arrivals: Arrivals, arrive_by: str
) -> None:
    local = datetime.fromisoformat(arrive_by).replace(tzinfo=A_CITY.tz)
    first, second = [
        await arrivals.latest_departure(PLAN, arrive_by=at, probability=0.9)
        for at in (local, local.astimezone(UTC))
    ]
    assert first is not None
    assert second is not None
    assert first.plan.pickup_at == second.plan.pickup_at
    assert timedelta() < local - first.plan.pickup_at < timedelta(hours=1)


@pytest.mark.parametrize(
    "arrive_by", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]
)
async def test_an_absurd_instant_is_refused(arrivals: Arrivals, arrive_by: datetime) -> None:
    with pytest.raises(InvalidTrip, match="arrive_by"):
        await arrivals.latest_departure(PLAN, arrive_by=arrive_by, probability=0.9)
    with pytest.raises(InvalidTrip, match="arrive_by"):
        arrivals.chance(PLAN, arrive_by=arrive_by)


async def test_the_event_loop_is_free_meanwhile(arrivals: Arrivals) -> None:
    asking = asyncio.create_task(arrivals.latest_departure(PLAN, arrive_by=ARRIVE_BY, probability=0.9))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1
    assert asking.result() is not None
    assert turns > 20
