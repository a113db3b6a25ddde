"""The simplest thing to beat: one number for all trips."""

import asyncio
from collections.abc import Sequence

import numpy as np
import polars as pl

from taxi_predictor.adapters.columns.arrays import as_column, frame
from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["MeanDuration", "MeanDurationTrainer"]


class MeanDuration(Baseline):
    name = "mean duration"

    def __init__(self, mean_s: float) -> None:
        self._mean_s = mean_s

    def duration_s(self, plans: PlanBatch, /) -> Column:
        return as_column(np.full(len(plans), self._mean_s))


class MeanDurationTrainer(BaselineTrainer):
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        return [MeanDuration(await asyncio.to_thread(_mean_s, data))]


def _mean_s(data: TrainingData) -> float:
    durations_s = [frame(batch.table)["duration_s"].cast(pl.Float64) for batch in data.batches if len(batch)]
    if not durations_s:
        raise NotEnoughTrips("there is no trip to learn from: ingest trips before the held-out window")
    # Sorted: how the trips were cut into batches must not matter.
    return float(pl.concat(durations_s).sort().to_numpy().mean())
