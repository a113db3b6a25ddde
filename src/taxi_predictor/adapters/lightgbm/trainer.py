"""Training by the recipe that won on the open benchmarks.

The centre is fitted to ln(seconds) by absolute error, so that it is the median; its number of trees is
found on the validation window and then used, a tenth more, on both windows together. The spread is
a second, small booster on the absolute residuals of one half of the validation trips; the other
half says how residuals scatter once divided by it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from taxi_predictor import __version__
from taxi_predictor.adapters.columns.arrays import Floats, encode_batch, frame
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, ENGINE, SPREAD_FILE, write_manifest
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.model import SMALLEST_SPREAD
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.features import FEATURE_NAMES, SEASONAL_FEATURES
from taxi_predictor.domain.model import Manifest, ModelArtifact
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.models import ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["LightgbmTrainer"]

MAX_ROUNDS = 500
REFIT_SHARE = 1.1
PATIENCE_ROUNDS = 40
SPREAD_ROUNDS = 120
MIN_VALIDATION_TRIPS = 50
FULL_SEASON = timedelta(days=365)

CENTRE_PARAMS: dict[str, Any] = {
    "objective": "l1",
    "metric": "l1",
    "learning_rate": 0.07,
    "num_leaves": 127,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}
SPREAD_PARAMS: dict[str, Any] = {
    "objective": "l2",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}
COMMON_PARAMS: dict[str, Any] = {"verbosity": -1, "deterministic": True, "force_row_wise": True}


class LightgbmTrainer(ModelTrainer):
    def __init__(self, *, clock: Clock, seed: int = 1) -> None:
        self._clock = clock
        self._seed = seed

    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        return await asyncio.to_thread(self._fit, data, folder, progress)

    def _fit(self, data: TrainingData, folder: Path, progress: Progress) -> ModelArtifact:
        if not any(map(len, data.batches)):
            raise NotEnoughTrips("there is no trip to learn from")
        names = _features(data)
        with progress.step("compute features", total=float(len(data.batches))) as step:
            rows, log_s, is_validation = _matrix(data, names, step.advance)
        trips = len(log_s)
        if is_validation.sum() < MIN_VALIDATION_TRIPS or is_validation.all():
            raise NotEnoughTrips(
                f"{int(is_validation.sum())} of {trips} trips fall into the validation window,"
                f" {MIN_VALIDATION_TRIPS} and some before it are needed"
            )
        seeds = {"seed": self._seed, **COMMON_PARAMS}

        with progress.step("find the number of trees", total=float(MAX_ROUNDS)) as step:
            fitted = lightgbm.Dataset(rows[~is_validation], log_s[~is_validation], feature_name=list(names))
            trial = lightgbm.train(
                CENTRE_PARAMS | seeds,
                fitted,
                num_boost_round=MAX_ROUNDS,
                valid_sets=[fitted.create_valid(rows[is_validation], log_s[is_validation])],
                callbacks=[
                    lightgbm.early_stopping(PATIENCE_ROUNDS, verbose=False),
                    _advancing(step.advance),
                ],
            )
        unseen = rows[is_validation]
        residuals = log_s[is_validation] - np.asarray(trial.predict(unseen))
        # The halves interleave, so that both see the whole window.
        first, second = np.arange(len(residuals)) % 2 == 0, np.arange(len(residuals)) % 2 == 1

        with progress.step("learn the spread", total=float(SPREAD_ROUNDS)) as step:
            spread = lightgbm.train(
                SPREAD_PARAMS | seeds,
                lightgbm.Dataset(unseen[first], np.abs(residuals[first]), feature_name=list(names)),
                num_boost_round=SPREAD_ROUNDS,
                callbacks=[_advancing(step.advance)],
            )
        sigma = np.maximum(np.asarray(spread.predict(unseen[second])), SMALLEST_SPREAD)
        scaled = ScaledResiduals.of((residuals[second] / sigma).tolist())

        rounds = max(round(trial.best_iteration * REFIT_SHARE), 1)
        with progress.step("train on everything", total=float(rounds)) as step:
            centre = lightgbm.train(
                CENTRE_PARAMS | seeds,
                lightgbm.Dataset(rows, log_s, feature_name=list(names)),
                num_boost_round=rounds,
                callbacks=[_advancing(step.advance)],
            )
        centre.save_model(folder / CENTRE_FILE)
        spread.save_model(folder / SPREAD_FILE)
        manifest = Manifest(
            engine=ENGINE,
            city=data.city,
            features=tuple(names),
            residuals=scaled,
            split=data.split,
            trips=trips,
            sources=data.sources,
            fingerprint=_fingerprint(data.batches),
            seed=self._seed,
            params={
                **{f"centre.{name}": value for name, value in CENTRE_PARAMS.items()},
                "centre.rounds": rounds,
                **{f"spread.{name}": value for name, value in SPREAD_PARAMS.items()},
                "spread.rounds": SPREAD_ROUNDS,
                "lightgbm": lightgbm.__version__,
            },
            created_at=self._clock.now(),
            code_version=__version__,
        )
        return ModelArtifact(folder, write_manifest(folder, manifest))


def _features(data: TrainingData) -> Sequence[str]:
    if data.split.held_out_from - data.split.fit_from >= FULL_SEASON:
        return FEATURE_NAMES
    return [name for name in FEATURE_NAMES if name not in SEASONAL_FEATURES]


def _matrix(
    data: TrainingData, names: Sequence[str], advance: Callable[[float], None]
) -> tuple[Floats, Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Features of shape (trips, features), ln(seconds), and which trips are for validation."""
    blocks, durations_s, validation = [], [], []
    for batch in data.batches:
        features = encode_batch(batch.plans, data.city)
        blocks.append(np.column_stack([np.asarray(features[name]) for name in names]))
        trips = frame(batch.table)
        durations_s.append(trips["duration_s"].to_numpy())
        validation.append(
            trips.select(pl.col("pickup_at") >= data.split.validate_from).to_series().to_numpy()
        )
        advance(1)
    return np.vstack(blocks), np.log(np.concatenate(durations_s)), np.concatenate(validation)


def _fingerprint(batches: Sequence[TripBatch]) -> str:
    """A digest of the trips' ids that does not depend on their order: their number and two sums."""
    total, sums = 0, np.zeros(2, dtype=np.uint64)
    for batch in batches:
        digits = frame(batch.table)["trip_id"]
        total += len(digits)
        words = np.frombuffer(b"".join(digits.str.decode("hex").to_list()), dtype=np.uint64).reshape(-1, 2)
        sums += words.sum(axis=0, dtype=np.uint64)
    return hashlib.sha256(f"{total}:{sums[0]}:{sums[1]}".encode()).hexdigest()


def _advancing(advance: Callable[[float], None]) -> Callable[[Any], None]:
    def after_round(environment: object) -> None:
        advance(1)

    return after_round
