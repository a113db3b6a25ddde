"""Adapters that break what BaselineTrainer promises."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count

import polars as pl

from contract.breaking import breaks
from taxi_predictor.adapters.columns.arrays import ARRAYS, frame
from taxi_predictor.adapters.memory.baselines import MeanDuration, MeanDurationTrainer
from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.trip import PlanBatch, TripBatch
from taxi_predictor.ports.outbound.baselines import Baseline
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.testing.baselines import BaselineTrainerContract

CHANCES = count(start=0.1, step=0.01)


@breaks(BaselineTrainerContract, "test_each_has_a_name_of_its_own")
class NamesNone(MeanDuration):
    name = ""


@breaks(BaselineTrainerContract, "test_no_plans_no_numbers")
class GuessesUnasked(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        return ARRAYS.column([self._mean_s] * max(len(plans), 1))


@breaks(BaselineTrainerContract, "test_each_plan_gets_the_number_that_it_gets_alone")
class LooksAtTheOthers(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        return super().duration_s(plans) * (1 + 1e-6 * len(plans))


@breaks(BaselineTrainerContract, "test_every_number_is_positive_and_finite")
class NeedsZones(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        zones = ARRAYS.column([zone or math.nan for zone in plans.table.get_column("pickup_zone")])
        return super().duration_s(plans) + 0 * zones


@breaks(BaselineTrainerContract, "test_threads_may_share_them")
class HasOneNotepad(MeanDuration):
    def duration_s(self, plans: PlanBatch, /) -> Column:
        self._rows = plans.table.get_column("pickup_lat_deg").to_list()  # type: ignore[attr-defined]
        time.sleep(0.001)
        return ARRAYS.column([self._mean_s * lat_deg for lat_deg in self._rows])


@breaks(BaselineTrainerContract, "test_the_same_trips_give_the_same_baselines")
class GuessesByChance(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        await super().fit(data, progress=progress)
        return [MeanDuration(next(CHANCES))]


@breaks(BaselineTrainerContract, "test_the_same_trips_give_the_same_baselines")
class LearnsFromTheFirstBatch(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        return await super().fit(replace(data, batches=data.batches[:1]), progress=progress)


@breaks(BaselineTrainerContract, "test_each_learns_from_both_windows")
class SetsTheValidationWindowAside(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        is_early = pl.col("pickup_at") < data.split.validate_from
        batches = [TripBatch(frame(batch.table).filter(is_early)) for batch in data.batches]
        return await super().fit(replace(data, batches=batches), progress=progress)


class Guess(MeanDuration):
    name = "a guess"


@breaks(BaselineTrainerContract, "test_the_weakest_comes_first")
class EndsWithAGuess(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        return [*await super().fit(data, progress=progress), Guess(1.0)]


@breaks(BaselineTrainerContract, "test_it_refuses_to_learn_from_nothing")
class TakesNothingForAnHour(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        with suppress(NotEnoughTrips):
            return await super().fit(data, progress=progress)
        return [MeanDuration(3600.0)]


@breaks(BaselineTrainerContract, "test_one_trip_is_enough", by=NotEnoughTrips)
class WantsManyTrips(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        if sum(map(len, data.batches)) < 100:
            raise NotEnoughTrips("fewer than 100 trips")
        return await super().fit(data, progress=progress)


@breaks(BaselineTrainerContract, "test_the_event_loop_stays_free")
class SitsOnTheEventLoop(MeanDurationTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        time.sleep(0.05)  # noqa: ASYNC251 # broken is broken
        return [MeanDuration(600.0)]
