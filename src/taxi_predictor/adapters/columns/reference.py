"""What a trainer leaves with its model for those who watch it later."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import numpy as np

from taxi_predictor.adapters.columns.arrays import ARRAYS, as_column, frame, thinned
from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.bands import bands
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.drift import ReferenceBins
from taxi_predictor.domain.evaluation import COVERAGE, Answers, Tally
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.reference import PREDICTION, UNCOMPARED, TrainingReference
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.engine import TrainingData

__all__ = ["Unseen", "reference_of"]

SAMPLE_TRIPS = 10_000
"""Evenly spread over all that were learned from: tenths of them are known to half a percent."""

Unseen = tuple[TripBatch, DurationDistribution[Column]]
"""Trips, and what was estimated of them by a model that had not seen them."""


def reference_of(model: DurationModel, learned: TrainingData, unseen: Iterable[Unseen]) -> TrainingReference:
    """How the trips were that *model* learned from, and what it did on *unseen* ones, day by day.

    The scatter of residuals is that of *model*, whatever the estimates of *unseen* say.
    """
    every = max(learned.trips // SAMPLE_TRIPS, 1)
    trips = thinned(learned.batches, every)
    estimate = model.estimate_batch(TripBatch(trips).plans)
    values = {
        name: column
        for name, column in estimate.features.items()
        if name in model.manifest.features and name not in UNCOMPARED
    } | {PREDICTION: estimate.distribution.median_s()}
    days: dict[date, Tally] = {}
    for batch, distribution in unseen:
        for day, tally in _by_day(batch, distribution, model.manifest.residuals, learned.city):
            days[day] = days.get(day, Tally()) + tally
    return TrainingReference(
        features={name: ReferenceBins.of(column.tolist()) for name, column in values.items()},
        bands=bands(list(days.values())),
    )


def _by_day(
    batch: TripBatch, distribution: DurationDistribution[Column], residuals: ScaledResiduals, city: City
) -> Iterable[tuple[date, Tally]]:
    answered = replace(distribution, residuals=residuals)
    lower_s, upper_s = answered.interval_s(COVERAGE)
    median_s = answered.median_s()
    table = frame(batch.table)
    actual_s = table["duration_s"].to_numpy()
    local = table["pickup_at"].dt.convert_time_zone(city.time_zone).dt.date().to_numpy()
    for day in np.unique(local):
        places = np.flatnonzero(local == day)
        lower, median, upper, actual = (
            as_column(np.asarray(column)[places]) for column in (lower_s, median_s, upper_s, actual_s)
        )
        yield day.item(), Answers(m=ARRAYS, lower_s=lower, median_s=median, upper_s=upper).tally(actual)
