"""Adapters that break what RecipeTuner promises."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import numpy as np
import polars as pl

from contract.breaking import breaks
from taxi_predictor.adapters.columns.arrays import ARRAYS, encode_batch, frame
from taxi_predictor.adapters.memory.constant_speed import log_duration
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.tuning import RecipeTuner, Trial
from taxi_predictor.ports.testing.recipe_tuner import RecipeTunerContract


class SteadySpeeds(RecipeTuner):
    """A sound one: recipes are speeds, and each is measured by what it misses the validation window by."""

    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        deadline, number = time.monotonic() + budget_s, len(tried)
        while not number or time.monotonic() < deadline:
            recipe = {"speed_km_h": 12.0 + number}
            with progress.step(f"try {recipe}", total=1.0):
                loss = await asyncio.to_thread(self.loss, data, recipe["speed_km_h"])
            yield Trial(recipe=recipe, loss=loss)
            number += 1

    def loss(self, data: TrainingData, speed_km_h: float) -> float:
        trips = pl.concat([frame(batch.table) for batch in data.batches]).sort("trip_id")
        is_fit = pl.col("pickup_at") < data.split.validate_from
        unseen = TripBatch(trips.filter(~is_fit))
        if not len(unseen) or not len(trips.filter(is_fit)):
            raise NotEnoughTrips("a window is empty")
        distance_km = encode_batch(unseen.plans, data.city)["distance_km"]
        said = np.asarray(log_duration(ARRAYS, distance_km, speed_km_h))
        return float(np.abs(said - np.log(frame(unseen.table)["duration_s"].to_numpy())).mean())


@breaks(RecipeTunerContract, "test_one_recipe_is_measured_however_short_the_time", by=ValueError)
class LooksAtTheClockFirst(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        if budget_s:
            async for trial in super().trials(data, tried, budget_s=budget_s, progress=progress):
                yield trial


@breaks(RecipeTunerContract, "test_when_the_time_is_over_nothing_more_is_tried")
class TriesOneMore(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        async for trial in super().trials(data, tried, budget_s=budget_s + 1, progress=progress):
            yield trial
            if not budget_s:
                return


@breaks(RecipeTunerContract, "test_a_search_goes_on_where_it_ended")
class BeginsTheSearchAnew(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        async for trial in super().trials(data, (), budget_s=budget_s, progress=progress):
            yield trial


@breaks(RecipeTunerContract, "test_a_window_without_trips_is_refused")
class LooksAtOneWindow(SteadySpeeds):
    def loss(self, data: TrainingData, speed_km_h: float) -> float:
        with suppress(NotEnoughTrips):
            return super().loss(data, speed_km_h)
        return 1.0


@breaks(RecipeTunerContract, "test_the_event_loop_stays_free")
class TriesOnTheEventLoop(SteadySpeeds):
    async def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        for number in range(len(tried), 99):
            speed_km_h = 12.0 + number
            yield Trial(recipe={"speed_km_h": speed_km_h}, loss=self.loss(data, speed_km_h))
