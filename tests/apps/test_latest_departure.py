"""When to leave at the latest, so as to be there in time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.models import ConstantSpeedLoader, ConstantSpeedTrainer, MemoryModelShelf
from taxi_predictor.adapters.memory.places import MemoryZoneStore
from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.predicting import DurationPredictor
from taxi_predictor.ports.testing.samples import NOON, SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import TableMaker
from taxi_predictor.ports.testing.training import fit

ARRIVE_BY = NOON + timedelta(hours=1, seconds=17)
PLAN = TripPlan(pickup=Place(Point(40.75, -73.98)), dropoff=Place(Point(40.77, -73.95)), pickup_at=NOON)


class Columns(TableMaker):
    table = staticmethod(table)


@pytest.fixture
async def predictor() -> DurationPredictor:
    clock = MemoryClock(SPLIT.until)
    shelf = MemoryModelShelf(ConstantSpeedLoader())
    with TemporaryDirectory() as folder:
        trainer = ConstantSpeedTrainer(clock=clock)
        shelf.place(ModelVersion(1), await fit(Columns(), trainer, a_history(), Path(folder)))
    return DurationPredictor(
        shelf=shelf, zones=MemoryZoneStore(), clock=clock, city=A_CITY, columns=FramePlanColumns()
    )


def arrives_in_time(predictor: DurationPredictor, at: datetime, probability: float) -> bool:
    plan = TripPlan(pickup=PLAN.pickup, dropoff=PLAN.dropoff, pickup_at=at)
    [answer] = predictor.predict([plan])
    return at + timedelta(seconds=answer.distribution.quantile_s(probability)) <= ARRIVE_BY


async def latest(predictor: DurationPredictor, probability: float, plan: TripPlan = PLAN) -> datetime:
    answer = await predictor.latest_departure(plan, arrive_by=ARRIVE_BY, probability=probability)
    assert answer is not None
    return answer.plan.pickup_at


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.95])
async def test_that_second_is_in_time_and_the_next_is_not(
    predictor: DurationPredictor, probability: float
) -> None:
    at = await latest(predictor, probability)
    assert at.microsecond == 0
    assert arrives_in_time(predictor, at, probability)
    assert not arrives_in_time(predictor, at + timedelta(seconds=1), probability)


async def test_who_wants_to_be_surer_leaves_earlier(predictor: DurationPredictor) -> None:
    departures = [await latest(predictor, probability) for probability in (0.2, 0.5, 0.8, 0.95)]
    assert departures == sorted(departures, reverse=True)
    assert len(set(departures)) == 4


async def test_the_answer_is_that_for_leaving_then(predictor: DurationPredictor) -> None:
    answer = await predictor.latest_departure(PLAN, arrive_by=ARRIVE_BY, probability=0.9)
    assert answer is not None
    [same] = predictor.predict([answer.plan])
    assert answer.duration_s == same.duration_s


async def test_the_departure_of_the_plan_does_not_matter(predictor: DurationPredictor) -> None:
    other = TripPlan(pickup=PLAN.pickup, dropoff=PLAN.dropoff, pickup_at=NOON - timedelta(days=3))
    assert await latest(predictor, 0.9, other) == await latest(predictor, 0.9)


@pytest.mark.parametrize("arrive_by", ["2024-03-10T03:10:00", "2024-11-03T02:10:00"])
async def test_in_the_nights_that_clocks_change_it_does_not_matter_how_the_instant_is_written(
    predictor: DurationPredictor, arrive_by: str
) -> None:
    local = datetime.fromisoformat(arrive_by).replace(tzinfo=A_CITY.tz)
    first, second = [
        await predictor.latest_departure(PLAN, arrive_by=at, probability=0.9)
        for at in (local, local.astimezone(UTC))
    ]
    assert first is not None
    assert second is not None
    assert first.plan.pickup_at == second.plan.pickup_at
    assert timedelta() < local - first.plan.pickup_at < timedelta(hours=1)


@pytest.mark.parametrize("arrive_by", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
async def test_an_absurd_instant_is_refused(predictor: DurationPredictor, arrive_by: datetime) -> None:
    with pytest.raises(InvalidTrip):
        await predictor.latest_departure(PLAN, arrive_by=arrive_by, probability=0.9)
