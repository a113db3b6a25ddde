"""Trips as LightGBM wants them: rows of features, and what there is to learn, beside the memory."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import encode_batch, frame
from taxi_predictor.adapters.lightgbm.row_file import RowFile, Rows
from taxi_predictor.adapters.lightgbm.shares import ALL_TRIPS, Share
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.features import FEATURE_NAMES, SEASONAL_FEATURES
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.engine import TrainingData

__all__ = ["Labels", "TrainingRows", "Window", "fingerprint"]

Labels = NDArray[np.float32]
"""LightGBM keeps no more of them."""
Advance = Callable[[float], None]

MIN_VALIDATION_TRIPS = 50
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

    def share(self, number: int, shares: int, *, seed: int) -> "Window":
        """As :meth:`Rows.share`, of both."""
        return Window(*(rows.share(number, shares, seed=seed) for rows in (self.features, self.log_s)))

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
    shares: int = 1
    """Of how many equal shares of the trips these rows are one."""

    def __len__(self) -> int:
        return self.features.rows

    @classmethod
    @contextmanager
    def of(
        cls, data: TrainingData, advance: Advance, *, folder: Path | None, share: Share = ALL_TRIPS
    ) -> Iterator["TrainingRows"]:
        """Compute the features of *data*, or of a *share* of it, into files in *folder*.

        *advance* hears of each batch.

        Raises:
            NotEnoughTrips: a window holds too few trips to learn or calibrate from.
            Unavailable: there is no place for them, as where there is no room (StorageFull).
        """
        names, counted = _features(data), _Windows()
        with RowFile.opened(len(names), 1, folder=folder) as (features, log_s):
            validate_from = 0
            for batch in data.batches:
                trips = frame(batch.table)
                first = counted.trips
                is_early = counted.add(trips["pickup_at"] < data.split.validate_from)
                is_ours = share.mask(first, counted.trips)
                validate_from += int((is_early & is_ours).sum())
                if not is_ours.all():
                    trips = trips.filter(is_ours)
                if len(trips):
                    encoded = encode_batch(TripBatch(trips).plans, data.city)
                    features.append(np.column_stack([np.asarray(encoded[name]) for name in names]))
                    log_s.append(np.log(trips["duration_s"].to_numpy())[:, np.newaxis])
                advance(1)
            counted.refuse_too_few()
            yield cls(names, features, log_s, validate_from, share.shares)

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


@dataclass(slots=True)
class _Windows:
    """How many trips came, and how many of them before the validation window."""

    trips: int = 0
    fitted: int = 0

    def add(self, is_early: pl.Series) -> NDArray[np.bool_]:
        """Count those trips, and say which are before it."""
        early: NDArray[np.bool_] = is_early.to_numpy()
        here = int(early.sum())
        if here and (self.fitted < self.trips or not early[:here].all()):
            raise Invalid("trips to learn from have to come oldest first")
        self.trips += len(early)
        self.fitted += here
        return early

    def refuse_too_few(self) -> None:
        if not self.trips:
            raise NotEnoughTrips("there is no trip to learn from")
        unseen = self.trips - self.fitted
        if unseen < MIN_VALIDATION_TRIPS or not self.fitted:
            raise NotEnoughTrips(
                f"{unseen} of {self.trips} trips fall into the validation window,"
                f" {MIN_VALIDATION_TRIPS} and some before it are needed"
            )


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
