"""When to leave at the latest, so as to be there in time."""

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.models import ConstantSpeedLoader, ConstantSpeedTrainer, MemoryModelShelf
from taxi_predictor.adapters.memory.places import MemoryZoneStore
from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
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
        shelf=shelf,
        zones=MemoryZoneStore(),
        clock=clock,
        city=A_CITY,
        columns=FramePlanColumns(),
        telemetry=RecordingTelemetry(),
    )


def arrives_in_time(predictor: DurationPredictor, at: datetime, probability: float) -> bool:
    plan = TripPlan(pickup=PLAN.pickup, dropoff=PLAN.dropoff, pickup_at=at)
    [answer] = predictor.predict([plan])
    return at + timedelta(seconds=answer.distribution.quantile_s(probability)) <= ARRIVE_BY


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.95])
async def test_that_second_is_in_time_and_a_few_later_are_not(
    predictor: DurationPredictor, probability: float
) -> None:
    at = predictor.latest_departure(PLAN, arrive_by=ARRIVE_BY, probability=probability)
    assert at is not None
    assert arrives_in_time(predictor, at, probability)
    assert not arrives_in_time(predictor, at + timedelta(seconds=3), probability)


async def test_who_wants_to_be_surer_leaves_earlier(predictor: DurationPredictor) -> None:
    departures = [
        predictor.latest_departure(PLAN, arrive_by=ARRIVE_BY, probability=p) for p in (0.2, 0.5, 0.8, 0.95)
    ]
    assert None not in departures
    assert departures == sorted(departures, reverse=True)  # type: ignore[type-var] # none is None
    assert len(set(departures)) == 4


async def test_the_departure_of_the_plan_does_not_matter(predictor: DurationPredictor) -> None:
    other = TripPlan(pickup=PLAN.pickup, dropoff=PLAN.dropoff, pickup_at=NOON - timedelta(days=3))
    first, second = (
        predictor.latest_departure(plan, arrive_by=ARRIVE_BY, probability=0.9) for plan in (PLAN, other)
    )
    assert first == second
