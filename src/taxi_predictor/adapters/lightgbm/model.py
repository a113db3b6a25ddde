"""Answering from trees."""

from hashlib import sha256
from pathlib import Path

import numpy as np

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.engine_model import EngineModel
from taxi_predictor.adapters.columns.speeds import SpeedModel
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE, read_spare, read_verified
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import Evaluator, evaluator_of
from taxi_predictor.adapters.lightgbm.forest import Forest
from taxi_predictor.adapters.lightgbm.forest_file import kept_forest
from taxi_predictor.domain.errors import BrokenModel
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.outbound.models import ModelLoader

__all__ = ["LightgbmLoader", "LightgbmModel"]


class LightgbmModel(EngineModel):
    """One booster for the centre of ln(seconds), one for its spread, both asked by an *evaluator*."""

    def __init__(self, manifest: Manifest, centre: lightgbm.Booster, evaluator: Evaluator) -> None:
        super().__init__(manifest, evaluator.ask, evaluator.ask_few)
        self._centre = centre
        self.evaluator = evaluator.name

    def _contributions(self, rows: Floats) -> Floats:
        """By TreeSHAP (S. M. Lundberg et al., "From local explanations to global understanding", 2020)."""
        return np.asarray(self._centre.predict(rows, pred_contrib=True, num_threads=1))


class LightgbmLoader(ModelLoader):
    """Opens artifacts of ours.

    Args:
        tables: a folder for what is made of a model once, and shared by all processes that open it; None:
            each makes its own.
    """

    def __init__(self, tables: Path | None = None) -> None:
        self._tables = tables

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
        return LightgbmModel(
            manifest, centre, evaluator_of(centre, spread, lambda: self._forest(folder, manifest))
        )

    def _forest(self, folder: Path, manifest: Manifest) -> Forest:
        def make() -> Forest:
            return Forest.of(*((folder / name).read_text() for name in (CENTRE_FILE, SPREAD_FILE)))

        if self._tables is None:
            return make()
        digests = f"{manifest.files[CENTRE_FILE]} {manifest.files[SPREAD_FILE]}"
        return kept_forest(self._tables, sha256(digests.encode()).hexdigest(), make)

    def open_spare(self, folder: Path, /) -> SpeedModel:
        return SpeedModel(*read_spare(folder))
