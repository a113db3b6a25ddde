"""Answering from trees."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.speeds import SpeedModel
from taxi_predictor.adapters.columns.timetable import Ask, AskRow, Timetable
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE, read_spare, read_verified
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.scorer import RowScorer
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import BatchEstimate, DurationModel, Manifest
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.outbound.models import ModelLoader

__all__ = ["LightgbmLoader", "LightgbmModel", "asking", "asking_row"]

SMALLEST_SPREAD = 0.02
"""Of ln(seconds), about 2 %: no trip is more certain than that."""


class LightgbmModel(DurationModel):
    """One booster for the centre of ln(seconds), one for its spread."""

    def __init__(self, manifest: Manifest, centre: lightgbm.Booster, spread: lightgbm.Booster) -> None:
        self._manifest = manifest
        self._centre = centre
        self._timetable = Timetable(
            manifest.city,
            manifest.features,
            manifest.residuals,
            asking(centre, spread),
            asking_row(centre, spread),
        )

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return self._timetable.estimate(plans, level)

    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        return self._timetable.estimate_batch(plans, level)

    def explain(self, plan: TripPlan, /, *, level: LiveLevel | None = None) -> Explanation:
        """By TreeSHAP (S. M. Lundberg et al., "From local explanations to global understanding", 2020)."""
        return self._timetable.explain(plan, level, self._contributions)

    def _contributions(self, rows: Floats) -> Floats:
        return np.asarray(self._centre.predict(rows, pred_contrib=True, num_threads=1))


def asking(centre: lightgbm.Booster, spread: lightgbm.Booster) -> Ask:
    """The two boosters as one engine."""

    def ask(rows: Floats, threads: int) -> tuple[Floats, Floats]:
        mu = centre.predict(rows, num_threads=threads)
        sigma = spread.predict(rows, num_threads=threads)
        return np.asarray(mu), np.maximum(np.asarray(sigma), SMALLEST_SPREAD)

    return ask


def asking_row(centre: lightgbm.Booster, spread: lightgbm.Booster) -> AskRow:
    """The same two boosters, asked about one row."""
    score = RowScorer(centre, spread)

    def ask_row(row: Sequence[float]) -> tuple[float, float]:
        mu, sigma = score(row)
        return mu, max(sigma, SMALLEST_SPREAD)

    return ask_row


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

    def open_spare(self, folder: Path, /) -> SpeedModel:
        return SpeedModel(*read_spare(folder))
