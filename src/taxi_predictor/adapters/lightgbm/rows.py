"""Trips as LightGBM wants them: a matrix of features, and what there is to learn."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from taxi_predictor.adapters.columns.arrays import Floats, encode_batch, frame
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.recipe import COMMON_PARAMS, MAX_ROUNDS
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.features import FEATURE_NAMES, SEASONAL_FEATURES
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.models import TrainingData

__all__ = ["Flags", "TrainingRows", "advancing", "fingerprint", "grow", "grow_until_it_stops_helping"]

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Advance = Callable[[float], None]

MIN_VALIDATION_TRIPS = 50
PATIENCE_ROUNDS = 40
FULL_SEASON = timedelta(days=365)
ZONE_FEATURES = ("pickup_zone", "dropoff_zone")
"""Left out: a trip must not take another time because its ends were named by zone, and nothing is lost."""


@dataclass(frozen=True, slots=True)
class TrainingRows:
    names: tuple[str, ...]
    features: Floats
    """Of shape (trips, features), in the order of *names*; trips in the order of time."""
    log_s: Floats
    """ln(seconds) of each trip."""
    is_validation: Flags

    def __len__(self) -> int:
        return len(self.log_s)

    @classmethod
    def of(cls, data: TrainingData, advance: Advance) -> "TrainingRows":
        """Compute the features of *data*; *advance* hears of each batch.

        Raises:
            NotEnoughTrips: a window holds too few trips to learn or calibrate from.
        """
        if not any(map(len, data.batches)):
            raise NotEnoughTrips("there is no trip to learn from")
        names = _features(data)
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
        is_validation = np.concatenate(validation)
        if is_validation.sum() < MIN_VALIDATION_TRIPS or is_validation.all():
            raise NotEnoughTrips(
                f"{int(is_validation.sum())} of {len(is_validation)} trips fall into the validation window,"
                f" {MIN_VALIDATION_TRIPS} and some before it are needed"
            )
        return cls(names, np.vstack(blocks), np.log(np.concatenate(durations_s)), is_validation)

    def of_feature(self, name: str) -> Floats:
        return self.features[:, self.names.index(name)]

    @property
    def fitted(self) -> tuple[Floats, Floats]:
        return self.features[~self.is_validation], self.log_s[~self.is_validation]

    @property
    def unseen(self) -> tuple[Floats, Floats]:
        return self.features[self.is_validation], self.log_s[self.is_validation]


def grow(
    recipe: Mapping[str, Any],
    features: Floats,
    target: Floats,
    *,
    names: Sequence[str],
    seed: int,
    rounds: int,
    advance: Advance,
) -> lightgbm.Booster:
    """A booster of *rounds* trees."""
    return lightgbm.train(
        {**COMMON_PARAMS, **recipe, "seed": seed},
        lightgbm.Dataset(features, target, feature_name=list(names)),
        num_boost_round=rounds,
        callbacks=[advancing(advance)],
    )


def grow_until_it_stops_helping(
    recipe: Mapping[str, Any],
    rows: TrainingRows,
    *,
    seed: int,
    advance: Advance,
    is_over: Callable[[], bool] = lambda: False,
) -> lightgbm.Booster:
    """A booster on the fit window that stopped when the validation window gained nothing more.

    *is_over* may end it sooner.
    """
    fitted = lightgbm.Dataset(*rows.fitted, feature_name=list(rows.names))

    def stop(environment: Any) -> None:
        if is_over():
            raise lightgbm.callback.EarlyStopException(
                environment.iteration, environment.evaluation_result_list
            )

    return lightgbm.train(
        {**COMMON_PARAMS, **recipe, "seed": seed},
        fitted,
        num_boost_round=MAX_ROUNDS,
        valid_sets=[fitted.create_valid(*rows.unseen)],
        callbacks=[lightgbm.early_stopping(PATIENCE_ROUNDS, verbose=False), advancing(advance), stop],
    )


def advancing(advance: Advance) -> Callable[[Any], None]:
    def after_round(environment: object) -> None:
        advance(1)

    return after_round


def fingerprint(batches: Sequence[TripBatch]) -> str:
    """A digest of the trips' ids that does not depend on their order: their number and two sums."""
    total, sums = 0, np.zeros(2, dtype=np.uint64)
    for batch in batches:
        digits = frame(batch.table)["trip_id"]
        total += len(digits)
        words = np.frombuffer(b"".join(digits.str.decode("hex").to_list()), dtype=np.uint64).reshape(-1, 2)
        sums += words.sum(axis=0, dtype=np.uint64)
    return hashlib.sha256(f"{total}:{sums[0]}:{sums[1]}".encode()).hexdigest()


def _features(data: TrainingData) -> tuple[str, ...]:
    has_seasons = data.split.held_out_from - data.split.fit_from >= FULL_SEASON
    left_out = ZONE_FEATURES if has_seasons else (*ZONE_FEATURES, *SEASONAL_FEATURES)
    return tuple(name for name in FEATURE_NAMES if name not in left_out)
