"""A model that knows one average speed: the simplest that is all a model has to be."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import polars as pl

from taxi_predictor import __version__
from taxi_predictor.adapters.columns.arrays import ARRAYS, Floats, as_column, encode_batch
from taxi_predictor.adapters.columns.engine_model import EngineModel
from taxi_predictor.adapters.columns.reference import reference_of
from taxi_predictor.adapters.columns.trips import TRIP_TYPES, trips_of
from taxi_predictor.domain.arithmetic import Arithmetic, Quantity
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.errors import BrokenModel, NotEnoughTrips
from taxi_predictor.domain.level import calm_reference
from taxi_predictor.domain.model import MANIFEST_FILE, SERVED_FORMATS, Manifest, ModelArtifact
from taxi_predictor.domain.residuals import ended_trips
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["ConstantSpeedLoader", "ConstantSpeedModel", "ConstantSpeedTrainer", "log_duration"]

N = TypeVar("N", bound=Quantity)

ENGINE = "constant-speed"
MIN_WINDOW_TRIPS = 20  # what ScaledResiduals asks for
MIN_DURATION_S = 60.0
"""No trip is estimated at less, not even one that ends where it begins."""
MAX_DURATION_S = 86_400.0
MIN_SIGMA = 1e-3


def log_duration(m: Arithmetic[N], distance_km: N, speed_km_h: float) -> N:
    """ln(seconds) at a constant speed."""
    return m.log(m.clip(distance_km * (3600 / speed_km_h), MIN_DURATION_S, MAX_DURATION_S))


class ConstantSpeedModel(EngineModel):
    def __init__(self, manifest: Manifest) -> None:
        self._speed_km_h = float(manifest.params["speed_km_h"])
        self._sigma = float(manifest.params["sigma"])
        super().__init__(manifest, self._ask)

    def _ask(self, rows: Floats, threads: int) -> tuple[Floats, Floats]:
        mu = np.asarray(log_duration(ARRAYS, as_column(rows[:, 0]), self._speed_km_h))
        return mu, np.full(len(mu), self._sigma)

    def _contributions(self, rows: Floats) -> Floats:
        """The usual trip is as long as the city's shortest; distance does the rest."""
        mu, _ = self._ask(rows, 1)
        usual = np.full(len(mu), np.log(MIN_DURATION_S))
        return np.column_stack([mu - usual, usual])


class ConstantSpeedTrainer(ModelTrainer):
    """Learns the average speed and the scatter around it; the validation window calibrates."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        with progress.step("train", total=1) as step:
            manifest = await asyncio.to_thread(_learn, data, self._clock.now())
            await asyncio.to_thread(
                (folder / MANIFEST_FILE).write_bytes, msgspec.json.format(msgspec.json.encode(manifest))
            )
            step.advance(1)
        return ModelArtifact(folder, manifest)


def _learn(data: TrainingData, now: datetime) -> Manifest:
    split = data.split
    trips = pl.concat([pl.DataFrame(schema=TRIP_TYPES), *(trips_of(batch.table) for batch in data.batches)])
    # The order of trips must not matter, not even to the last digit of a sum.
    trips = trips.filter(pl.col("pickup_at") < split.held_out_from).sort("trip_id")
    is_fit = pl.col("pickup_at") < split.validate_from
    fit, validation = trips.filter(is_fit), trips.filter(~is_fit)
    for window, rows in (("fit", fit), ("validation", validation)):
        if len(rows) < MIN_WINDOW_TRIPS:
            raise NotEnoughTrips(
                f"the {window} window needs at least {MIN_WINDOW_TRIPS} trips, got {len(rows):,}"
            )
    distance_km = encode_batch(TripBatch(fit).plans, data.city)["distance_km"]
    distance_sum_km = ARRAYS.total(distance_km)
    if not distance_sum_km:
        raise NotEnoughTrips("every trip of the fit window ends where it begins: that shows no speed")
    mean_km_h = distance_sum_km / float(fit["duration_s"].sum()) * 3600

    def log_residuals(rows: pl.DataFrame, speed_km_h: float) -> list[float]:
        distance_km = encode_batch(TripBatch(rows).plans, data.city)["distance_km"]
        actual = ARRAYS.log(as_column(rows["duration_s"].to_numpy()))
        return (actual - log_duration(ARRAYS, distance_km, speed_km_h)).tolist()

    # The centre is a median: half of the trips are slower than that.
    speed_km_h = mean_km_h / float(np.exp(np.median(log_residuals(fit, mean_km_h))))
    sigma = max(float(np.std(log_residuals(fit, speed_km_h))), MIN_SIGMA)
    manifest = Manifest(
        engine=ENGINE,
        city=data.city,
        features=("distance_km",),
        residuals=_scaled([residual / sigma for residual in log_residuals(validation, speed_km_h)]),
        split=split,
        trips=len(trips),
        sources=data.sources,
        fingerprint=hashlib.sha256(trips.select("trip_id", "duration_s").write_csv().encode()).hexdigest(),
        seed=0,
        params={"speed_km_h": speed_km_h, "sigma": sigma},
        created_at=now,
        code_version=__version__,
    )
    model = ConstantSpeedModel(manifest)
    unseen = TripBatch(validation.select(TRIP_COLUMNS))
    estimate = model.estimate_batch(unseen.plans)
    learned = TripBatch(trips.select(TRIP_COLUMNS))
    return replace(
        manifest,
        level_reference=calm_reference(ended_trips(unseen, estimate)),
        reference=reference_of(
            model, replace(data, batches=[learned], trips=len(learned)), [(unseen, estimate.distribution)]
        ),
    )


def _scaled(residuals: Sequence[float]) -> ScaledResiduals:
    low, middle, high = np.quantile(residuals, (0.1, 0.5, 0.9)).tolist()
    if high - low < MIN_SIGMA:
        # Nearly all trips at one and the same speed: a distribution still needs two ends.
        return ScaledResiduals((0.01, 0.99), (middle - 1, middle + 1))
    return ScaledResiduals.of(residuals)


class ConstantSpeedLoader(ModelLoader):
    def open(self, folder: Path, /) -> ConstantSpeedModel:
        return self._open(folder, are_files_looked_at=True)

    def open_spare(self, folder: Path, /) -> ConstantSpeedModel:
        return self._open(folder, are_files_looked_at=False)

    def _open(self, folder: Path, *, are_files_looked_at: bool) -> ConstantSpeedModel:
        try:
            manifest = msgspec.json.decode((folder / MANIFEST_FILE).read_bytes(), type=Manifest)
            for name, sha256 in manifest.files.items() if are_files_looked_at else ():
                if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
                    raise BrokenModel(f"{name} is not the file that the model's manifest names")
            if manifest.format not in SERVED_FORMATS or manifest.engine != ENGINE:
                raise BrokenModel(
                    f"a model of {manifest.engine!r}, format {manifest.format}, cannot be served here"
                )
            return ConstantSpeedModel(manifest)
        except (OSError, msgspec.DecodeError, KeyError, ValueError) as error:
            raise BrokenModel(f"the model in {folder.name} cannot be read: {error}") from error
