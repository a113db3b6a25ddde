"""Many trips at once: the same numbers as one by one, no trip computed twice, and the event loop free."""

import asyncio
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polars_tables import Polars
from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.plans import FramePlanColumns, FramePlanGrid
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import (
    ConstantSpeedLoader,
    ConstantSpeedModel,
    ConstantSpeedTrainer,
)
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.errors import InvalidTrip, NoChampion, TooMuch
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import BatchEstimate, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.matrices import DurationMatrices, DurationMatrix
from taxi_predictor.ports.inbound.answers.predicting import COLUMNS_FROM_PLANS, SLICE_TRIPS, DurationPredictor
from taxi_predictor.ports.outbound.plans import PlanColumns
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.level import levels
from taxi_predictor.ports.testing.samples import NOON, SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY, instants, places, plans
from taxi_predictor.ports.testing.training import fit

A_MILLISECOND = 0.001 + 1e-9
HERE, THERE = Place(Point(40.75, -73.98)), Place(Point(40.64, -73.79))
IN_THE_SEA = Place(Point(40.0, -73.0))


class CountingModel(ConstantSpeedModel):
    """Remembers how many trips it was asked about at a time."""

    asked: list[int]

    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        self.asked.append(len(plans))
        return super().estimate_batch(plans, level=level)


class CountingLoader(ConstantSpeedLoader):
    def __init__(self) -> None:
        self.asked: list[int] = []

    def open(self, folder: Path, /) -> ConstantSpeedModel:
        model = CountingModel(super().open(folder).manifest)
        model.asked = self.asked
        return model


class SlowModel(ConstantSpeedModel):
    """Holds its thread as long as trees would."""

    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        time.sleep(0.3)
        return super().estimate_batch(plans, level=level)


class SlowLoader(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> ConstantSpeedModel:
        return SlowModel(super().open(folder).manifest)


@pytest.fixture(scope="module")
def artifact() -> Iterator[ModelArtifact]:
    with TemporaryDirectory() as folder:
        trainer = ConstantSpeedTrainer(clock=MemoryClock(SPLIT.until))
        yield asyncio.run(fit(Polars(), trainer, a_history(), Path(folder)))


def predicting(
    shelf: ModelShelf, *, level: LiveLevel | None = None, columns: PlanColumns | None = None
) -> DurationPredictor:
    return DurationPredictor(
        ladder=Ladder(shelf=shelf, fallback=fallback_model(A_CITY), lowest=AnswerSource.CHAMPION),
        zones=MemoryZoneStore(),
        clock=MemoryClock(SPLIT.until),
        city=A_CITY,
        columns=columns or FramePlanColumns(),
        telemetry=RecordingTelemetry(),
        load_telemetry=RecordingTelemetry(),
        current_level=lambda _: level,
    )


def served(artifact: ModelArtifact, loader: ConstantSpeedLoader | None = None) -> MemoryModelShelf:
    shelf = MemoryModelShelf(loader or ConstantSpeedLoader())
    shelf.place(ModelVersion(1), artifact)
    return shelf


def matrices(predictor: DurationPredictor, *, max_cells: int = 1_000_000) -> DurationMatrices:
    return DurationMatrices(
        predictor=predictor, columns=FramePlanColumns(), max_cells=max_cells, telemetry=RecordingTelemetry()
    )


def scattered(number: int, *, south_deg: float = 40.5) -> list[Place]:
    return [Place(Point(south_deg + place * 0.4 / number, -74.0)) for place in range(number)]


@given(some=st.lists(plans(), min_size=1, max_size=6), level=levels())
@settings(max_examples=40, deadline=None)
async def test_many_are_predicted_as_each_by_itself(
    artifact: ModelArtifact, some: list[TripPlan], level: LiveLevel | None
) -> None:
    predictor = predicting(served(artifact), level=level)
    # So many that they are answered in columns.
    many = [some[number % len(some)] for number in range(COLUMNS_FROM_PLANS + len(some))]
    for one, other in zip(await predictor.predict_many(many), predictor.predict(many), strict=True):
        assert one.plan == other.plan
        assert one.duration_s == pytest.approx(other.duration_s, abs=A_MILLISECOND)
        assert one.interval_s(0.8) == pytest.approx(other.interval_s(0.8), abs=A_MILLISECOND)
        assert (one.served, one.level) == (other.served, other.level)


@pytest.mark.parametrize("number", [0, 1, COLUMNS_FROM_PLANS - 1, COLUMNS_FROM_PLANS, SLICE_TRIPS + 1])
async def test_there_is_a_prediction_for_each_however_many(artifact: ModelArtifact, number: int) -> None:
    asked = [
        TripPlan(pickup=HERE, dropoff=THERE, pickup_at=NOON + timedelta(seconds=at)) for at in range(number)
    ]
    predictions = await predicting(served(artifact)).predict_many(asked)
    assert [prediction.plan for prediction in predictions] == asked


@pytest.mark.parametrize("number", [1, COLUMNS_FROM_PLANS])
async def test_one_impossible_trip_refuses_all(artifact: ModelArtifact, number: int) -> None:
    possible = TripPlan(pickup=HERE, dropoff=THERE, pickup_at=NOON)
    asked = [*[possible] * number, replace(possible, dropoff=IN_THE_SEA)]
    with pytest.raises(InvalidTrip, match=r"dropoff 40.0, -73.0 is outside"):
        await predicting(served(artifact)).predict_many(asked)


@given(
    origins=st.lists(places(), min_size=1, max_size=3),
    destinations=st.lists(places(), min_size=1, max_size=3),
    at=st.lists(instants(), min_size=1, max_size=2),
    level=levels(),
)
@settings(max_examples=40, deadline=None)
async def test_a_cell_is_what_is_predicted_for_its_trip(
    artifact: ModelArtifact,
    origins: list[Place],
    destinations: list[Place],
    at: list[datetime],
    level: LiveLevel | None,
) -> None:
    predictor = predicting(served(artifact), level=level)
    matrix = await matrices(predictor).between(origins, destinations, at)
    expected = predictor.predict(
        [
            TripPlan(pickup=start, dropoff=end, pickup_at=when)
            for when in at
            for start in origins
            for end in destinations
        ]
    )
    assert matrix.durations_s.tolist() == pytest.approx([p.duration_s for p in expected], abs=A_MILLISECOND)
    once = expected[: len(origins) * len(destinations)]
    assert matrix.distances_km.tolist() == pytest.approx([p.distance_km for p in once], abs=0.001 + 1e-9)
    assert matrix.served.version == ModelVersion(1)


class JumpyModel(ConstantSpeedModel):
    """Says at each hour something else, up to eight times as long: nothing that trees could not say."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(replace(manifest, features=("distance_km", "minute_of_day", "day_of_year")))

    def _ask(self, rows: Floats, threads: int) -> tuple[Floats, Floats]:
        mu, sigma = super()._ask(rows, threads)
        return mu + np.sin(rows[:, 1] * 7.3 + rows[:, 2] * 3.1) * np.log(8) / 2, sigma


class JumpyLoader(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> ConstantSpeedModel:
        return JumpyModel(super().open(folder).manifest)


@given(
    ends=st.lists(places(), min_size=1, max_size=3),
    begin=instants(until=datetime(2099, 12, 28, tzinfo=UTC)),
    minutes=st.lists(st.integers(0, 600), min_size=2, max_size=8),
    level=levels(),
)
@settings(max_examples=40, deadline=None)
async def test_whoever_leaves_in_a_later_bucket_never_arrives_earlier(
    artifact: ModelArtifact, ends: list[Place], begin: datetime, minutes: list[int], level: LiveLevel | None
) -> None:
    departures = [begin + timedelta(minutes=after) for after in sorted(minutes)]
    asking = matrices(predicting(served(artifact, JumpyLoader()), level=level))
    found = await asking.between(ends, ends, departures)
    leaves_s = np.array([(at - begin).total_seconds() for at in departures])
    buckets_s = np.asarray(found.durations_s).reshape(len(departures), -1)
    # A duration is rounded to the millisecond.
    assert (np.diff(leaves_s[:, None] + buckets_s, axis=0) >= -A_MILLISECOND).all()


@given(
    ends=st.lists(places(), min_size=1, max_size=3),
    begin=instants(until=datetime(2099, 12, 28, tzinfo=UTC)),
    after_s=st.lists(st.floats(0, 6 * 3600), min_size=1, max_size=5),
    level=levels(),
)
@settings(max_examples=40, deadline=None)
async def test_a_line_between_buckets_on_full_hours_is_what_is_predicted(
    artifact: ModelArtifact, ends: list[Place], begin: datetime, after_s: list[float], level: LiveLevel | None
) -> None:
    """So FIFO holds between buckets too, and a solver that knows time needs no more than one an hour."""
    first = begin.replace(minute=0, second=0, microsecond=0)
    departures = [first + timedelta(hours=number) for number in range(8)]
    predictor = predicting(served(artifact, JumpyLoader()), level=level)
    found = await matrices(predictor).between(ends, ends, departures)
    cells_s = np.asarray(found.durations_s).reshape(len(departures), len(ends), len(ends))
    knots_s = np.arange(len(departures)) * 3600.0
    for seconds in after_s:
        at = begin + timedelta(seconds=seconds)
        for start, pickup in enumerate(ends):
            for end, dropoff in enumerate(ends):
                [alone] = predictor.predict([TripPlan(pickup=pickup, dropoff=dropoff, pickup_at=at)])
                between_s = np.interp((at - first).total_seconds(), knots_s, cells_s[:, start, end])
                assert between_s == pytest.approx(alone.duration_s, abs=A_MILLISECOND)


async def test_a_bucket_among_many_is_what_it_is_alone_to_the_last_digit(
    predictor: DurationPredictor,
) -> None:
    """By real trees, and over the slices that the model works on."""
    departures = [NOON + timedelta(minutes=20 * number) for number in range(12)]
    origins, destinations = scattered(30), scattered(25, south_deg=40.52)
    asking = matrices(predictor)
    together = np.asarray((await asking.between(origins, destinations, departures)).durations_s)
    assert together.size > SLICE_TRIPS
    for at, bucket in zip(departures, together.reshape(len(departures), -1), strict=True):
        alone = await asking.between(origins, destinations, [at])
        assert bucket.tolist() == alone.durations_s.tolist()


async def test_equal_pairs_are_computed_once(artifact: ModelArtifact) -> None:
    loader = CountingLoader()
    predictor = predicting(served(artifact, loader))
    origins, destinations = [HERE, THERE, HERE, HERE], [THERE, THERE, HERE]
    matrix = await matrices(predictor).between(origins, destinations, [NOON, NOON + timedelta(1), NOON])
    assert loader.asked == [2 * 2 * 2]
    assert len(matrix.durations_s) == 4 * 3 * 3


async def test_what_is_outside_the_city_is_not_a_number_and_not_computed(artifact: ModelArtifact) -> None:
    loader = CountingLoader()
    matrix = await matrices(predicting(served(artifact, loader))).between(
        [HERE, IN_THE_SEA], [IN_THE_SEA, THERE], [NOON]
    )
    assert loader.asked == [1]
    for column in (matrix.durations_s, matrix.distances_km):
        assert [math.isnan(cell) for cell in column.tolist()] == [True, False, True, True]


async def test_a_matrix_may_be_outside_as_a_whole_or_empty(artifact: ModelArtifact) -> None:
    loader = CountingLoader()
    asking = matrices(predicting(served(artifact, loader)))
    outside = await asking.between([IN_THE_SEA], [IN_THE_SEA, HERE], [NOON])
    assert [math.isnan(cell) for cell in outside.durations_s.tolist()] == [True, True]
    empty = await asking.between([], [HERE], [NOON])
    assert (empty.durations_s.tolist(), empty.distances_km.tolist()) == ([], [])
    assert loader.asked == []


async def test_more_cells_than_allowed_are_refused_before_anything_is_done(artifact: ModelArtifact) -> None:
    loader = CountingLoader()
    asking = matrices(predicting(served(artifact, loader)), max_cells=12)
    assert len((await asking.between([HERE] * 2, [THERE] * 3, [NOON] * 2)).durations_s) == 12
    done = list(loader.asked)
    with pytest.raises(TooMuch, match=r"2 x 3 places at 3 departures are 18 cells; at most 12"):
        await asking.between([HERE] * 2, [THERE] * 3, [NOON] * 3)
    assert loader.asked == done


async def test_a_departure_beyond_the_calendar_is_refused(artifact: ModelArtifact) -> None:
    with pytest.raises(InvalidTrip, match="2000 and 2099"):
        await matrices(predicting(served(artifact))).between([HERE], [THERE], [NOON, NOON.replace(year=1999)])


async def test_without_a_champion_there_is_no_matrix() -> None:
    with pytest.raises(NoChampion):
        await matrices(predicting(MemoryModelShelf(ConstantSpeedLoader()))).between([HERE], [THERE], [NOON])


async def test_the_model_works_on_one_slice_at_a_time_whoever_asks(artifact: ModelArtifact) -> None:
    loader = CountingLoader()
    asking = matrices(predicting(served(artifact, loader)))
    origins, destinations = scattered(150), scattered(150, south_deg=40.52)
    large, small = await asyncio.gather(asking.between(origins, destinations, [NOON]), _a_small_one(asking))
    assert len(large.durations_s) == 150 * 150
    assert len(small.durations_s) == 4
    assert max(loader.asked) <= SLICE_TRIPS
    # The small one did not wait until the large one was done.
    assert loader.asked.index(4) < len(loader.asked) - 1


async def test_of_several_large_ones_the_first_is_done_first(artifact: ModelArtifact) -> None:
    """Of those that shared the model, each would take as long as all of them together."""
    loader = CountingLoader()
    asking = matrices(predicting(served(artifact, loader)))
    done: list[int] = []

    async def ask(number: int) -> None:
        await asking.between(scattered(100 + number), scattered(100, south_deg=40.52), [NOON])
        done.append(number)

    await asyncio.gather(*map(ask, range(3)))
    sizes = [(100 + number) * 100 for number in done]
    assert loader.asked == [size for all_of in sizes for size in (SLICE_TRIPS, all_of - SLICE_TRIPS)]


async def test_the_event_loop_is_never_held_for_long(artifact: ModelArtifact) -> None:
    """Neither to lay out a large matrix nor to fill it."""
    threads: set[int] = set()

    class Watched(FramePlanColumns):
        def grid(self, *args: Any) -> FramePlanGrid:
            threads.add(threading.get_ident())
            return super().grid(*args)

    watched = DurationMatrices(
        predictor=predicting(served(artifact), columns=Watched()),
        columns=Watched(),
        telemetry=RecordingTelemetry(),
        max_cells=1_000,
    )
    await watched.between(scattered(3), scattered(3), [NOON, NOON + timedelta(hours=1)])
    assert threads
    assert threading.get_ident() not in threads


async def _a_small_one(asking: DurationMatrices) -> DurationMatrix:
    await asyncio.sleep(0)
    return await asking.between(scattered(2), scattered(2), [NOON])


async def test_the_event_loop_goes_on_while_the_model_works(artifact: ModelArtifact) -> None:
    asking = matrices(predicting(served(artifact, SlowLoader())))
    working = asyncio.create_task(asking.between(scattered(10), scattered(10), [NOON]))
    turns = 0
    while not working.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 10
