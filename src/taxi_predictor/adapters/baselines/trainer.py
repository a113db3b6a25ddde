"""Training every baseline on the trips that a model is trained on."""

import asyncio
from collections.abc import Sequence

import numpy as np

from taxi_predictor.adapters.baselines.forest import SeedForest, plain_features
from taxi_predictor.adapters.baselines.keys import keys_of, zone_codes
from taxi_predictor.adapters.baselines.lookups import GlobalMedian, OdMedian, ShrunkLookup
from taxi_predictor.adapters.columns.arrays import thinned
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.baselines import Baseline, BaselineTrainer
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["Baselines"]


MAX_TRIPS = 2_000_000
"""Evenly spread over all where there are more: medians of fewer are known as well, and fit into memory."""


class Baselines(BaselineTrainer):
    """Global median, OD median, the seed's forest and the shrunk lookup."""

    def __init__(self, *, seed: int = 1) -> None:
        self._seed = seed

    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        return await asyncio.to_thread(self._fit, data, progress)

    def _fit(self, data: TrainingData, progress: Progress) -> Sequence[Baseline]:
        if not data.trips:
            raise NotEnoughTrips("there is no trip to learn from: ingest trips before the held-out window")
        # By id within an instant: how the trips were cut into batches must not matter.
        table = thinned(data.batches, -(-data.trips // MAX_TRIPS)).sort("pickup_at", "trip_id")
        plans, city = TripBatch(table).plans, data.city
        duration_s = table["duration_s"].to_numpy().astype(float)
        with progress.step("train the baselines", total=4.0) as step:
            median = GlobalMedian(duration_s)
            step.advance(1.0)
            zones = np.unique(np.concatenate(zone_codes(plans, city)))
            keys = keys_of(plans, city, zones)
            pairs = OdMedian(city, zones, keys, duration_s)
            step.advance(1.0)
            lookup = ShrunkLookup(city, zones, keys, duration_s)
            step.advance(1.0)
            forest = SeedForest(city, plain_features(plans, city), duration_s, seed=self._seed)
            step.advance(1.0)
        return median, pairs, forest, lookup
