"""Training by the recipe that won on the open benchmarks.

The centre is fitted to ln(seconds) by Huber's loss, which beyond 13 % more or less is the absolute error,
so that it is nearly the median. Its number of trees is found on the validation window and then used, a
tenth more, on both windows together. How residuals scatter around it, in units of the spread, is counted
on the validation window before that.

Memory holds LightGBM's bins of all trips and what it computes for each; the trips and their features lie
in files, of which one block is read at a time.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from taxi_predictor import __version__
from taxi_predictor.adapters.columns.arrays import frame, one_of_every
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
from taxi_predictor.adapters.lightgbm.rows import TrainingRows, fingerprint
from taxi_predictor.adapters.lightgbm.spread import SPREAD_STEPS, grow_spread
from taxi_predictor.adapters.lightgbm.ways import Alone, Way
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.level import Ended, calm_reference
from taxi_predictor.domain.model import Manifest, ModelArtifact
from taxi_predictor.domain.residuals import ended_trips
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.engine import ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["LightgbmTrainer"]

CALIBRATION_TRIPS = 500_000
"""Of the validation window, evenly spread where it has more: quantiles are known to a thousandth then."""
SPEED_TRIPS = 500_000
"""This many, evenly spread over all, are enough for a few hundred medians."""

ANY_SCATTER = ScaledResiduals((0.25, 0.5, 0.75), (-1.0, 0.0, 1.0))
"""In place of the one that is still to be counted."""


Residuals = tuple[list[Unseen], list[float], list[Ended]]
"""Of validation trips: themselves, their scaled residuals, and what they say of the live level."""


class LightgbmTrainer(ModelTrainer):
    """Args:
    scratch: a folder for features, about 200 bytes for each trip, while it trains; None: where the system
        keeps what is temporary.
    max_rounds: trees that the centre may have, before the last tenth is added.
    way: how trees are grown; None: on this machine alone.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int = 1,
        scratch: Path | None = None,
        max_rounds: int = MAX_ROUNDS,
        way: Way | None = None,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._max_rounds = max_rounds
        self._way = way or Alone(seed=seed, scratch=scratch)

    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        with ExitStack() as stack:
            with progress.step("compute features", total=float(len(data.batches))) as step:
                computed = self._way.rows(data, step.advance)
                rows = await asyncio.to_thread(stack.enter_context, computed)
            return await self._learn(data, rows, folder, progress)

    async def _learn(
        self, data: TrainingData, rows: TrainingRows, folder: Path, progress: Progress
    ) -> ModelArtifact:
        recipe, seed, batches = centre_recipe(data.recipe), self._seed, float(len(data.batches))
        with progress.step("find the number of trees", total=float(self._max_rounds)) as step:
            trial = await self._way.trial(data, rows, recipe, self._max_rounds, step.advance)
        with progress.step("learn the spread", total=float(SPREAD_STEPS)) as step:
            spread = await asyncio.to_thread(grow_spread, rows, seed=seed, advance=step.advance)
        with progress.step("calibrate", total=batches) as step:
            every = -(-len(rows.unseen) * rows.shares // CALIBRATION_TRIPS)
            ask = asking(trial, spread)
            residuals = await asyncio.to_thread(_residuals, data, rows.names, ask, step.advance, every=every)
        rounds = max(round(trial.best_iteration * REFIT_SHARE), 1)
        with progress.step("train on everything", total=float(rounds)) as step:
            centre = await self._way.centre(data, rows, recipe, rounds, step.advance)
        with progress.step("write it down"):
            return await asyncio.to_thread(
                self._written, data, rows, folder, centre, spread, recipe, rounds, residuals
            )

    def _written(
        self,
        data: TrainingData,
        rows: TrainingRows,
        folder: Path,
        centre: lightgbm.Booster,
        spread: lightgbm.Booster,
        recipe: Mapping[str, Any],
        rounds: int,
        residuals: Residuals,
    ) -> ModelArtifact:
        unseen, scaled, ended = residuals
        centre.save_model(folder / CENTRE_FILE)
        spread.save_model(folder / SPREAD_FILE)
        profile = _speeds(rows)
        (folder / SPEEDS_FILE).write_bytes(profile.to_json())
        manifest = Manifest(
            engine=ENGINE,
            city=data.city,
            features=rows.names,
            # The centre is the median already: one month's residuals would only move it away from that.
            residuals=ScaledResiduals.of(scaled).centred(),
            split=data.split,
            trips=data.trips,
            sources=data.sources,
            fingerprint=fingerprint(data.batches),
            seed=self._seed,
            recipe=dict(recipe),
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
        manifest = replace(manifest, reference=reference_of(model, data, unseen))
        return ModelArtifact(folder, write_manifest(folder, manifest))


def _importance(booster: lightgbm.Booster) -> dict[str, float]:
    gains = np.asarray(booster.feature_importance("gain"), dtype=float)
    total = float(gains.sum()) or 1.0
    return {name: gain / total for name, gain in zip(booster.feature_name(), gains.tolist(), strict=True)}


def _speeds(rows: TrainingRows) -> SpeedProfile:
    chosen = np.arange(0, len(rows), -(-len(rows) // SPEED_TRIPS))
    features = rows.features.take(chosen)
    distance_km, minute_of_week = (
        features[:, rows.names.index(name)] for name in ("distance_km", "minute_of_week")
    )
    return SpeedProfile.learn(distance_km, minute_of_week, np.exp(rows.log_s.take(chosen)[:, 0]))


def _residuals(
    data: TrainingData, names: Sequence[str], ask: Ask, advance: Callable[[float], None], *, every: int
) -> Residuals:
    """How validation trips scatter around what would be served: in spreads, and for the live level.

    One of *every* so many is asked.
    """
    timetable = Timetable(data.city, names, ANY_SCATTER, ask)
    unseen: list[Unseen] = []
    scaled: list[float] = []
    ended: list[Ended] = []
    passed = 0
    for batch in data.batches:
        window = frame(batch.table).filter(pl.col("pickup_at") >= data.split.validate_from)
        trips = one_of_every(window, every, passed)
        passed += len(window)
        if len(trips):
            estimate = timetable.estimate_batch(TripBatch(trips).plans, None)
            spoken = ended_trips(TripBatch(trips), estimate)
            unseen.append((TripBatch(trips), estimate.distribution))
            ended += spoken
            residuals = np.array([trip.log_residual for trip in spoken])
            scaled += (residuals / np.asarray(estimate.distribution.sigma)).tolist()
        advance(1)
    return unseen, scaled, ended
