"""Trips as LightGBM wants them: rows of features, and what there is to learn, beside the memory."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import Floats, encode_batch, frame
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.recipe import growing
from taxi_predictor.adapters.lightgbm.row_file import RowFile, Rows
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.features import FEATURE_NAMES, SEASONAL_FEATURES
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.models import TrainingData

__all__ = ["TrainingRows", "Window", "advancing", "fingerprint", "grow", "grow_until_it_stops_helping"]

Labels = NDArray[np.float32]
"""LightGBM keeps no more of them."""
Advance = Callable[[float], None]

MIN_VALIDATION_TRIPS = 50
PATIENCE_ROUNDS = 40
FULL_SEASON = timedelta(days=365)
ZONE_FEATURES = ("pickup_zone", "dropoff_zone")
"""Left out: a trip must not take another time because its ends were named by zone, and nothing is lost."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of some trips that follow each other in time."""

    features: Rows
    log_s: Rows

    def __len__(self) -> int:
        return len(self.features)

    def labels(self) -> Labels:
        """ln(seconds) of each trip, of shape (trips,)."""
        labels = np.empty(len(self), dtype=np.float32)
        first = 0
        for block in self.log_s.blocks():
            labels[first : first + len(block)] = block[:, 0]
            first += len(block)
        return labels


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows in the order of *names*, trips in the order of time."""

    names: tuple[str, ...]
    features: RowFile
    log_s: RowFile
    validate_from: int
    """The first row of the validation window."""

    def __len__(self) -> int:
        return self.features.rows

    @classmethod
    @contextmanager
    def of(cls, data: TrainingData, advance: Advance, *, folder: Path | None) -> Iterator["TrainingRows"]:
        """Compute the features of *data* into files in *folder*; *advance* hears of each batch.

        Raises:
            NotEnoughTrips: a window holds too few trips to learn or calibrate from.
            StorageFull: there is no room for them.
        """
        names, fitted = _features(data), 0
        with RowFile.opened(len(names), 1, folder=folder) as (features, log_s):
            for batch in data.batches:
                encoded = encode_batch(batch.plans, data.city)
                features.append(np.column_stack([np.asarray(encoded[name]) for name in names]))
                trips = frame(batch.table)
                log_s.append(np.log(trips["duration_s"].to_numpy())[:, np.newaxis])
                early = trips.select(pl.col("pickup_at") < data.split.validate_from).to_series().to_numpy()
                here = int(early.sum())
                if here and (fitted + len(early) < features.rows or not early[:here].all()):
                    raise Invalid("trips to learn from have to come oldest first")
                fitted += here
                advance(1)
            unseen = features.rows - fitted
            if not features.rows:
                raise NotEnoughTrips("there is no trip to learn from")
            if unseen < MIN_VALIDATION_TRIPS or not fitted:
                raise NotEnoughTrips(
                    f"{unseen} of {features.rows} trips fall into the validation window,"
                    f" {MIN_VALIDATION_TRIPS} and some before it are needed"
                )
            yield cls(names, features, log_s, fitted)

    @property
    def fitted(self) -> Window:
        return self._window(0, self.validate_from)

    @property
    def unseen(self) -> Window:
        return self._window(self.validate_from, len(self))

    @property
    def all(self) -> Window:
        return self._window(0, len(self))

    def _window(self, first: int, last: int) -> Window:
        return Window(Rows(self.features, first, last), Rows(self.log_s, first, last))


def grow(
    recipe: Mapping[str, Any],
    features: Floats | Rows,
    target: Floats | Labels,
    *,
    names: Sequence[str],
    seed: int,
    rounds: int,
    advance: Advance,
) -> lightgbm.Booster:
    """A booster of *rounds* trees."""
    params = growing(recipe, len(target), seed)
    return lightgbm.train(
        params,
        _binned(lightgbm.Dataset(features, target, feature_name=list(names), params=params)),
        num_boost_round=rounds,
        callbacks=[advancing(advance)],
    )


def grow_until_it_stops_helping(
    recipe: Mapping[str, Any],
    rows: TrainingRows,
    *,
    seed: int,
    rounds: int,
    advance: Advance,
    is_over: Callable[[], bool] = lambda: False,
) -> lightgbm.Booster:
    """A booster on the fit window, of at most *rounds* trees, that stopped when the validation window
    gained nothing more.

    *is_over* may end it sooner.
    """
    params, fitted, unseen = growing(recipe, len(rows), seed), rows.fitted, rows.unseen
    data = lightgbm.Dataset(fitted.features, fitted.labels(), feature_name=list(rows.names), params=params)

    def stop(environment: Any) -> None:
        if is_over():
            raise lightgbm.callback.EarlyStopException(
                environment.iteration, environment.evaluation_result_list
            )

    return lightgbm.train(
        params,
        _binned(data),
        num_boost_round=rounds,
        valid_sets=[_binned(data.create_valid(unseen.features, unseen.labels(), params=params))],
        callbacks=[lightgbm.early_stopping(PATIENCE_ROUNDS, verbose=False), advancing(advance), stop],
    )


def _binned(data: lightgbm.Dataset) -> lightgbm.Dataset:
    """*data* as LightGBM keeps it, without the copy of the labels that its Python part keeps beside it."""
    data.construct()
    data.label = None
    return data


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
