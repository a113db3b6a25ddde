"""Training by the recipe that won on the open benchmarks.

The centre is fitted to ln(seconds) by absolute error, so that it is the median; its number of trees is
found on the validation window and then used, a tenth more, on both windows together.

The spread is a second, small booster: within it lie four of five absolute residuals, so that the usual
80 % interval is equally honest for short trips and for long ones. Residuals of trips that a model has learned
from are too small, so two helpers, each of which sees every other stretch of time, answer for the
stretches that they have not seen (cross-fitting; V. Chernozhukov et al., 2018). How residuals scatter
once divided by the spread is then counted on the validation window, which neither has seen.
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
from taxi_predictor.adapters.columns.timetable import Ask, Timetable
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, ENGINE, SPREAD_FILE, write_manifest
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.model import asking
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.features import FEATURE_NAMES, SEASONAL_FEATURES
from taxi_predictor.domain.level import Ended, calm_reference
from taxi_predictor.domain.model import Manifest, ModelArtifact
from taxi_predictor.domain.residuals import ended_trips
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.models import ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["LightgbmTrainer"]

Places = np.ndarray[Any, np.dtype[np.int64]]

MAX_ROUNDS = 500
REFIT_SHARE = 1.1
PATIENCE_ROUNDS = 40
SPREAD_ROUNDS = 300
FOLD_ROUNDS = 150
FOLD_TRIPS = 150_000
"""So many say all there is to learn of the spread."""
STRETCHES = 100
MIN_VALIDATION_TRIPS = 50
FULL_SEASON = timedelta(days=365)
DOUBTLESS_FEATURES = (*SEASONAL_FEATURES, "is_holiday", "days_to_holiday")
"""Left out of the spread: a year or two say how a season went, not how sure one can be of the next."""
ANY_SCATTER = ScaledResiduals((0.25, 0.5, 0.75), (-1.0, 0.0, 1.0))
"""In place of the one that is still to be counted."""
ZONE_FEATURES = ("pickup_zone", "dropoff_zone")
"""Left out: a trip must not take another time because its ends were named by zone, and nothing is lost."""

CENTRE_PARAMS: dict[str, Any] = {
    "objective": "l1",
    "metric": "l1",
    "learning_rate": 0.06,
    "num_leaves": 255,
    "min_data_in_leaf": 50,
    "path_smooth": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}
FOLD_PARAMS: dict[str, Any] = CENTRE_PARAMS | {"learning_rate": 0.1, "num_leaves": 127}
SPREAD_PARAMS: dict[str, Any] = {
    "objective": "quantile",
    "alpha": 0.8,
    "learning_rate": 0.05,
    "num_leaves": 31,
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
        with progress.step("learn the spread", total=float(2 * FOLD_ROUNDS + SPREAD_ROUNDS)) as step:
            spread = _fit_spread(rows[~is_validation], log_s[~is_validation], names, seeds, step.advance)

        with progress.step("calibrate", total=float(len(data.batches))) as step:
            scaled, ended = _residuals(data, names, asking(trial, spread), step.advance)

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
            # The centre is the median already: one month's residuals would only move it away from that.
            residuals=ScaledResiduals.of(scaled).centred(),
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
            level_reference=calm_reference(ended),
        )
        return ModelArtifact(folder, write_manifest(folder, manifest))


def _fit_spread(
    rows: Floats, log_s: Floats, names: Sequence[str], seeds: dict[str, Any], advance: Callable[[float], None]
) -> lightgbm.Booster:
    rng = np.random.default_rng(seeds["seed"])
    # Trips stand in the order of time: stretches alternate, so that both halves see every season.
    half = np.arange(len(log_s)) * STRETCHES // len(log_s) % 2
    asked, residuals = [], []
    for fold in (0, 1):
        learned, unseen = _sample(rng, half != fold), _sample(rng, half == fold)
        helper = lightgbm.train(
            FOLD_PARAMS | seeds,
            lightgbm.Dataset(rows[learned], log_s[learned], feature_name=list(names)),
            num_boost_round=FOLD_ROUNDS,
            callbacks=[_advancing(advance)],
        )
        asked.append(rows[unseen])
        residuals.append(np.abs(log_s[unseen] - np.asarray(helper.predict(rows[unseen]))))
    unseen_rows = np.vstack(asked)
    # A constant column is never split on.
    unseen_rows[:, [place for place, name in enumerate(names) if name in DOUBTLESS_FEATURES]] = 0.0
    return lightgbm.train(
        SPREAD_PARAMS | seeds,
        lightgbm.Dataset(unseen_rows, np.concatenate(residuals), feature_name=list(names)),
        num_boost_round=SPREAD_ROUNDS,
        callbacks=[_advancing(advance)],
    )


def _sample(rng: np.random.Generator, members: np.ndarray[Any, np.dtype[np.bool_]]) -> Places:
    """The places of *members*, in order, or of a fair sample where there are many."""
    places = np.flatnonzero(members)
    return (
        np.sort(rng.choice(places, FOLD_TRIPS // 2, replace=False))
        if len(places) > FOLD_TRIPS // 2
        else places
    )


def _residuals(
    data: TrainingData, names: Sequence[str], ask: Ask, advance: Callable[[float], None]
) -> tuple[list[float], list[Ended]]:
    """How validation trips scatter around what would be served: in spreads, and for the live level."""
    timetable = Timetable(data.city, names, ANY_SCATTER, ask)
    scaled: list[float] = []
    ended: list[Ended] = []
    for batch in data.batches:
        trips = frame(batch.table).filter(pl.col("pickup_at") >= data.split.validate_from)
        if len(trips):
            estimate = timetable.estimate_batch(TripBatch(trips).plans, None)
            spoken = ended_trips(TripBatch(trips), estimate)
            ended += spoken
            residuals = np.array([trip.log_residual for trip in spoken])
            scaled += (residuals / np.asarray(estimate.distribution.sigma)).tolist()
        advance(1)
    return scaled, ended


def _features(data: TrainingData) -> Sequence[str]:
    has_seasons = data.split.held_out_from - data.split.fit_from >= FULL_SEASON
    left_out = ZONE_FEATURES if has_seasons else (*ZONE_FEATURES, *SEASONAL_FEATURES)
    return [name for name in FEATURE_NAMES if name not in left_out]


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
