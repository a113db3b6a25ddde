"""Answering from trees: one small matrix for plans, columns for batches."""

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np

from taxi_predictor.adapters.columns.arrays import ARRAYS, Floats, as_column, encode_batch
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE, read_verified
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.features import FEATURE_NAMES, FeatureEncoder, plan_values
from taxi_predictor.domain.model import BatchEstimate, DurationModel, Manifest
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.outbound.models import ModelLoader

__all__ = ["SMALLEST_SPREAD", "LightgbmLoader", "LightgbmModel"]

SMALLEST_SPREAD = 0.02
"""Of ln(seconds), about 2 %: no trip is more certain than that."""


class LightgbmModel(DurationModel):
    """One booster for the centre of ln(seconds), one for its spread."""

    def __init__(self, manifest: Manifest, centre: lightgbm.Booster, spread: lightgbm.Booster) -> None:
        self._manifest = manifest
        self._centre = centre
        self._spread = spread
        self._encoder = FeatureEncoder(manifest.city, SCALAR)
        self._chosen = itemgetter(*(FEATURE_NAMES.index(name) for name in manifest.features))

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def estimate(self, plans: Sequence[TripPlan], /) -> Sequence[DurationDistribution[float]]:
        if not plans:
            return []
        city = self._manifest.city
        rows = np.array([self._chosen(self._encoder.encode(plan_values(plan, city))) for plan in plans])
        # Waiting OpenMP threads cost a single row more than they help.
        mu, sigma = self._predict(rows, threads=1)
        return [
            DurationDistribution(SCALAR, centre, spread, self._manifest.residuals)
            for centre, spread in zip(mu.tolist(), sigma.tolist(), strict=True)
        ]

    def estimate_batch(self, plans: PlanBatch, /) -> BatchEstimate:
        features = encode_batch(plans, self._manifest.city)
        rows = np.column_stack([np.asarray(features[name]) for name in self._manifest.features])
        mu, sigma = self._predict(rows, threads=0)
        return BatchEstimate(
            m=ARRAYS,
            distribution=DurationDistribution(
                ARRAYS, as_column(mu), as_column(sigma), self._manifest.residuals
            ),
            features=features,
        )

    def _predict(self, rows: Floats, *, threads: int) -> tuple[Floats, Floats]:
        mu = self._centre.predict(rows, num_threads=threads)
        sigma = self._spread.predict(rows, num_threads=threads)
        return np.asarray(mu), np.maximum(np.asarray(sigma), SMALLEST_SPREAD)


class LightgbmLoader(ModelLoader):
    def open(self, folder: Path, /) -> LightgbmModel:
        manifest = read_verified(folder)
        try:
            centre = lightgbm.Booster(model_file=folder / CENTRE_FILE)
            spread = lightgbm.Booster(model_file=folder / SPREAD_FILE)
        except (lightgbm.basic.LightGBMError, OSError) as error:
            raise BrokenModel(f"LightGBM cannot read the model in {folder}: {error}") from error
        unknown = set(manifest.features) - set(FEATURE_NAMES)
        if unknown or centre.num_feature() != len(manifest.features):
            raise BrokenModel(f"the model in {folder} wants other features than this code makes: {unknown}")
        return LightgbmModel(manifest, centre, spread)
