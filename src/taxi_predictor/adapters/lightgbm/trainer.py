"""Training by the recipe that won on the open benchmarks.

The centre is fitted to ln(seconds) by absolute error, so that it is the median; its number of trees is
found on the validation window and then used, a tenth more, on both windows together. How residuals
scatter around it, in units of the spread, is counted on the validation window before that.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from taxi_predictor import __version__
from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.columns.reference import Unseen, reference_of
from taxi_predictor.adapters.columns.speeds import SPEEDS_FILE, SpeedProfile
from taxi_predictor.adapters.columns.timetable import Ask, Timetable
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, ENGINE, SPREAD_FILE, write_manifest
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import asking, by_lightgbm
from taxi_predictor.adapters.lightgbm.model import LightgbmModel
from taxi_predictor.adapters.lightgbm.recipe import (
    MAX_ROUNDS,
    REFIT_SHARE,
    SPREAD_RECIPE,
    SPREAD_ROUNDS,
    centre_recipe,
)
from taxi_predictor.adapters.lightgbm.rows import TrainingRows, fingerprint, grow, grow_until_it_stops_helping
from taxi_predictor.adapters.lightgbm.spread import SPREAD_STEPS, grow_spread
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.level import Ended, calm_reference
from taxi_predictor.domain.model import Manifest, ModelArtifact
from taxi_predictor.domain.residuals import ended_trips
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.models import ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["LightgbmTrainer"]

ANY_SCATTER = ScaledResiduals((0.25, 0.5, 0.75), (-1.0, 0.0, 1.0))
"""In place of the one that is still to be counted."""


class LightgbmTrainer(ModelTrainer):
    def __init__(self, *, clock: Clock, seed: int = 1) -> None:
        self._clock = clock
        self._seed = seed

    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        return await asyncio.to_thread(self._fit, data, folder, progress)

    def _fit(self, data: TrainingData, folder: Path, progress: Progress) -> ModelArtifact:
        recipe, seed, batches = centre_recipe(data.recipe), self._seed, float(len(data.batches))
        with progress.step("compute features", total=batches) as step:
            rows = TrainingRows.of(data, step.advance)
        with progress.step("find the number of trees", total=float(MAX_ROUNDS)) as step:
            trial = grow_until_it_stops_helping(recipe, rows, seed=seed, advance=step.advance)
        with progress.step("learn the spread", total=float(SPREAD_STEPS)) as step:
            spread = grow_spread(rows, seed=seed, advance=step.advance)
        with progress.step("calibrate", total=batches) as step:
            unseen, scaled, ended = _residuals(data, rows.names, asking(trial, spread), step.advance)
        rounds = max(round(trial.best_iteration * REFIT_SHARE), 1)
        with progress.step("train on everything", total=float(rounds)) as step:
            centre = grow(
                recipe,
                rows.features,
                rows.log_s,
                names=rows.names,
                seed=seed,
                rounds=rounds,
                advance=step.advance,
            )
        centre.save_model(folder / CENTRE_FILE)
        spread.save_model(folder / SPREAD_FILE)
        distance_km, minute_of_week = map(rows.of_feature, ("distance_km", "minute_of_week"))
        profile = SpeedProfile.learn(distance_km, minute_of_week, np.exp(rows.log_s))
        (folder / SPEEDS_FILE).write_bytes(profile.to_json())
        manifest = Manifest(
            engine=ENGINE,
            city=data.city,
            features=rows.names,
            # The centre is the median already: one month's residuals would only move it away from that.
            residuals=ScaledResiduals.of(scaled).centred(),
            split=data.split,
            trips=len(rows),
            sources=data.sources,
            fingerprint=fingerprint(data.batches),
            seed=seed,
            recipe=recipe,
            params={
                **{f"centre.{name}": value for name, value in recipe.items()},
                "centre.rounds": rounds,
                **{f"spread.{name}": value for name, value in SPREAD_RECIPE.items()},
                "spread.rounds": SPREAD_ROUNDS,
                "lightgbm": lightgbm.__version__,
            },
            created_at=self._clock.now(),
            code_version=__version__,
            importance=_importance(centre),
            level_reference=calm_reference(ended),
        )
        model = LightgbmModel(manifest, centre, by_lightgbm(centre, spread))
        manifest = replace(manifest, reference=reference_of(model, data.batches, unseen, city=data.city))
        return ModelArtifact(folder, write_manifest(folder, manifest))


def _importance(booster: lightgbm.Booster) -> dict[str, float]:
    gains = np.asarray(booster.feature_importance("gain"), dtype=float)
    total = float(gains.sum()) or 1.0
    return {name: gain / total for name, gain in zip(booster.feature_name(), gains.tolist(), strict=True)}


def _residuals(
    data: TrainingData, names: Sequence[str], ask: Ask, advance: Callable[[float], None]
) -> tuple[list[Unseen], list[float], list[Ended]]:
    """How validation trips scatter around what would be served: in spreads, and for the live level."""
    timetable = Timetable(data.city, names, ANY_SCATTER, ask)
    unseen: list[Unseen] = []
    scaled: list[float] = []
    ended: list[Ended] = []
    for batch in data.batches:
        trips = frame(batch.table).filter(pl.col("pickup_at") >= data.split.validate_from)
        if len(trips):
            estimate = timetable.estimate_batch(TripBatch(trips).plans, None)
            spoken = ended_trips(TripBatch(trips), estimate)
            unseen.append((TripBatch(trips), estimate.distribution))
            ended += spoken
            residuals = np.array([trip.log_residual for trip in spoken])
            scaled += (residuals / np.asarray(estimate.distribution.sigma)).tolist()
        advance(1)
    return unseen, scaled, ended
