"""Answering from trees."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.engine_model import EngineModel
from taxi_predictor.adapters.columns.speeds import SpeedModel
from taxi_predictor.adapters.columns.timetable import Ask, AskRow
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE, read_spare, read_verified
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.scorer import RowScorer
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.outbound.models import ModelLoader

__all__ = ["LightgbmLoader", "LightgbmModel", "asking", "asking_row"]

SMALLEST_SPREAD = 0.02
"""Of ln(seconds), about 2 %: no trip is more certain than that."""


class LightgbmModel(EngineModel):
    """One booster for the centre of ln(seconds), one for its spread."""

    def __init__(self, manifest: Manifest, centre: lightgbm.Booster, spread: lightgbm.Booster) -> None:
        super().__init__(manifest, asking(centre, spread), asking_row(centre, spread))
        self._centre = centre

    def _contributions(self, rows: Floats) -> Floats:
        """By TreeSHAP (S. M. Lundberg et al., "From local explanations to global understanding", 2020)."""
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
